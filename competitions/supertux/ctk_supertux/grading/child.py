"""Runs a stranger's bundle, in a process of its own: ``python child.py FOLDER RESULTS PARAMETERS CASE...``.

FOLDER holds ``homework`` and ``data``; RESULTS is an open file descriptor, to which lines of JSON are written:
``{"case", "state": "begun"}``, then ``{"case", "state": "ended", "accuracy", "parameters"}`` or ``{"case", "state":
"failed", "fault"}``; ``{"state": "imported"}`` before them. Imports nothing of the toolkit: a grader has none of it.
"""

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

FOLDER, RESULTS, PARAMETERS, CASES = Path(sys.argv[1]).resolve(), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
HUB_PROCESSOR = "HuggingFaceTB/SmolVLM-256M-Instruct"
LOADERS = {"vlm": "load_vlm", "clip": "load_clip"}
ASKED = 128
"""Questions that the grader asks at most."""

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {
    *("os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink"),
    *("os.truncate", "os.utime", "os.setxattr", "os.removexattr"),
}
"""Audit events whose arguments are paths, or numbers, of what is changed."""
STARTS = (
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "subprocess.Popen",
    "pty.spawn",
)
NETWORK = ("socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")


def tell(**event: object) -> None:
    """Write a line to who started this process."""
    os.write(RESULTS, json.dumps(event).encode() + b"\n")


def may_write(path: object) -> bool:
    """Whether a path lies in this process's folder, or is a device; a descriptor was opened before."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        return True
    real = Path(os.path.realpath(os.fsdecode(path)))
    return real.is_relative_to(FOLDER) or real.is_relative_to("/dev") or real.is_relative_to("/proc/self")


def watch(event: str, given: tuple[Any, ...]) -> None:
    """Refuse what a bundle may not do. Raises PermissionError in the code that tries it."""
    if event == "open":
        path, _, flags = given
        if isinstance(flags, int) and flags & WRITES and not may_write(path):
            raise PermissionError(f"may not write {os.fsdecode(path)}, which is outside of its folder")
    elif event in CHANGES:
        for path in given:
            if not may_write(path):
                raise PermissionError(f"may not change {os.fsdecode(path)}, which is outside of its folder")
    elif event.startswith(STARTS):
        raise PermissionError("may not start another process")
    elif event in NETWORK:
        raise PermissionError("may not reach the network")


def run_vlm(homework: Any) -> tuple[float, int]:
    """Answer the graded questions; the bundle's own benchmark counts, as in the course."""
    dataset = homework.data.VQADataset("valid_grader")
    vlm = homework.load_vlm()
    vlm.model.eval()
    parameters = check_size(vlm.model)
    return homework.data.benchmark(vlm, dataset, ASKED).accuracy, parameters


def run_clip(homework: Any) -> tuple[float, int]:
    """Choose among the graded captions by the highest product of vectors."""
    dataset = homework.data.MultiChoiceQADataset("valid_grader")
    clip = homework.load_clip()
    clip.model.eval()
    parameters = check_size(clip.model)
    import torch
    from PIL import Image
    from torchvision import transforms

    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    clip = clip.model.to(device)
    half = [0.5, 0.5, 0.5]
    look = [transforms.Resize(192), transforms.CenterCrop(192), transforms.ToTensor(), transforms.Normalize(half, half)]
    prepare, processor = transforms.Compose(look), find_processor(homework)
    right = 0
    for row in dataset:
        with Image.open(row["image_path"]) as picture:
            pixels = prepare(picture.convert("RGB")).unsqueeze(0).to(device).bfloat16()
        ended = [caption + processor.tokenizer.eos_token for caption in row["candidates"]]
        tokens = processor(text=ended, return_tensors="pt", padding=True, truncation=True)
        seen, known, _ = clip(pixels, tokens["input_ids"].long().to(device), tokens["attention_mask"].to(device))
        right += int((seen @ known.T).argmax(dim=-1).item() == row["correct_index"])
    return right / len(dataset), parameters


def find_processor(homework: Any) -> Any:
    """Return the processor of the bundle's own base, where it has one, else the course's."""
    from transformers import AutoProcessor

    return getattr(homework.clip, "processor", None) or AutoProcessor.from_pretrained(HUB_PROCESSOR)  # type: ignore[no-untyped-call]


def check_size(network: Any) -> int:
    """Count a network's parameters. Raises ValueError for too many."""
    count = int(sum(each.numel() for each in network.parameters()))
    if count > PARAMETERS:
        raise ValueError(f"has {count:,} parameters, and at most {PARAMETERS:,} are allowed")
    return count


def describe(error: BaseException) -> str:
    """Tell in one line what went wrong, and where in the bundle."""
    if isinstance(error, SystemExit):
        return f"called sys.exit({error.code!r})"
    said = " ".join(str(error).split())[:400]
    trace, place = error.__traceback__, ""
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if file.is_relative_to(FOLDER):
            place = f" ({file.relative_to(FOLDER)}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return f"{type(error).__name__}: {said}{place}" if said else f"{type(error).__name__}{place}"


def main() -> None:
    """Import the bundle, then run each case; whatever is raised is a fault of the case."""
    sys.path.insert(0, str(FOLDER))
    sys.addaudithook(watch)
    try:
        homework = importlib.import_module("homework")
        importlib.import_module("homework.data")
    except BaseException as error:
        for case in CASES:
            tell(case=case, state="failed", fault=f"cannot be imported: {describe(error)}")
        return
    if "torch" in sys.modules:  # what the grader itself needs is not counted as a case's time
        importlib.import_module("torchvision.transforms")
    tell(state="imported")
    for case in CASES:
        tell(case=case, state="begun")
        try:
            accuracy, parameters = (run_vlm if case == "vlm" else run_clip)(homework)
            tell(case=case, state="ended", accuracy=float(accuracy), parameters=parameters)
        except BaseException as error:
            tell(case=case, state="failed", fault=describe(error))


if __name__ == "__main__":
    main()
