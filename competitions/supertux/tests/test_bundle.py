"""The bundle: its own code gives what was fitted, and what a grader would refuse of one is told."""

from __future__ import annotations

import importlib
import json
import pickle
import shutil
import stat
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from competitions.supertux.tests.bundle_fixtures import (
    CAPTIONS,
    clip_network,
    draw,
    member,
    samples,
    vlm_network,
    write_base,
)
from safetensors.torch import load_file, save_file
from torchvision import transforms

from ctk.errors import SubmissionError, UsageError
from ctk.training import text_codes, texts_of
from ctk_supertux.bundle import check, layout, unpacking, writing
from ctk_supertux.bundle.writing import write


@pytest.fixture(scope="module")
def base(once) -> Path:
    """A folder of a base model; nobody writes to it."""
    return once("bundle-base", write_base)


@pytest.fixture(scope="module")
def whole(once, base) -> Path:
    """A folder with submission.zip of both parts; nobody writes to it."""

    def make(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(writing, "fitted_members", lambda run: [member(clip_network(base), "towers/seed-1")])
            answers = member(vlm_network(base, max_new_tokens=6), max_new_tokens=6)
            assert write(folder / "submission.zip", "vlm", [answers], {"clip": "a run"}) == []

    return once("whole-bundle", make)


@pytest.fixture
def unpacked(whole, tmp_path) -> Path:
    """A copy of the bundle as a folder, for one test to damage."""
    with zipfile.ZipFile(whole / "submission.zip") as archive:
        archive.extractall(tmp_path)
    return tmp_path / "homework"


@pytest.fixture
def homework(unpacked, monkeypatch):
    """The bundle's own code, imported."""
    monkeypatch.syspath_prepend(str(unpacked.parent))
    yield importlib.import_module("homework")
    for name in [each for each in sys.modules if each.partition(".")[0] == "homework"]:
        del sys.modules[name]


PICKLE = pickle.dumps(Path("x"))


def pack(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for each in sorted(folder.rglob("*")):
            archive.write(each, each.relative_to(folder.parent))
    return path


def test_its_code_answers_and_chooses_as_what_was_fitted(homework, base):
    given = samples()
    pictures = torch.from_numpy(given.features["image"])
    fitted = vlm_network(base, max_new_tokens=6)
    expected = texts_of(fitted(pictures, text_codes(given.features["question"]))).tolist()
    asked = [str(each) for each in given.features["question"]]
    vlm = homework.load_vlm()
    assert vlm.answer([draw(number) for number in range(len(asked))], asked) == expected
    assert vlm.generate(draw(1), asked[1]) == expected[1]
    assert len(set(expected)) > 1

    clip = homework.load_clip().model
    look = [transforms.Resize(192), transforms.CenterCrop(192), transforms.ToTensor(), transforms.Normalize(0.5, 0.5)]
    pixels = torch.stack([transforms.Compose(look)(draw(number)) for number in range(len(asked))])
    processor = homework.clip.processor
    tokens = processor(
        text=[each + processor.tokenizer.eos_token for each in CAPTIONS], padding=True, return_tensors="pt"
    )
    with torch.no_grad():
        scores = clip_network(base)(pictures, text_codes(given.features["candidates"]))
        seen, known, _ = clip(pixels.bfloat16(), tokens["input_ids"], tokens["attention_mask"])
        exact, _, scale = clip(pixels, tokens["input_ids"], tokens["attention_mask"])
    # The fitted network resizes whole numbers by torch, the grader by Pillow: they differ by a shade of 256.
    np.testing.assert_allclose(torch.softmax(scale * exact @ known.T, -1), scores, atol=0.02)
    assert (seen @ known.T).argmax(-1).tolist() == scores.argmax(-1).tolist()


def test_it_holds_what_the_courses_loader_looks_for_and_one_base(whole, base):
    with zipfile.ZipFile(whole / "submission.zip") as archive:
        names = archive.namelist()
        config = json.loads(archive.read("homework/vlm_model/adapter_config.json"))
    assert {name.partition("/")[0] for name in names} == {"homework"}
    for part, more in (("vlm_model", []), ("clip_model", ["additional_weights.pt"])):
        inside = {name.rpartition("/")[2] for name in names if f"/{part}/" in name}
        assert inside == {"adapter_config.json", "adapter_model.safetensors", *more}
    assert sum(name.endswith("/model.safetensors") for name in names) == 1
    assert config["base_model_name_or_path"] == "base"  # no path of this machine
    facts = check(whole / "submission.zip")
    assert "homework/vlm_model: adapters of rank 8 in 14 layers of base" in facts


def test_equal_members_make_equal_bundles(tmp_path, base):
    network = member(vlm_network(base))
    for name in ("a.zip", "b.zip"):
        said = write(tmp_path / name, "vlm", [network], {})
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert said == ["clip_model: no run was named by -o submission.clip=RUN; its case has no points"]
    assert any("clip_model: is not there" in each for each in check(tmp_path / "a.zip"))


def test_the_heaviest_of_several_goes_in_and_what_is_no_adapter_stays_out(tmp_path, base):
    members = [member(clip_network(base, look="whole"), "a/seed-1", 0.7, look="whole"), member(None, "b/seed-1", 0.3)]
    said = write(tmp_path / "s.zip", "clip", members, {})
    assert "clip_model: a/seed-1 of fold 0 alone, of 2 that were blended: a bundle holds one" in said
    assert any("was trained on whole pictures" in each for each in said)
    said = write(tmp_path / "t.zip", "vlm", [member(vlm_network(base, lora=None))], {})
    assert any("was left out, and its case has no points: This model was trained without adapters" in e for e in said)
    said = write(tmp_path / "u.zip", "vlm", members[1:], {})
    assert any("It is no adapter of a vision-language model" in each for each in said)
    assert sum("is not there" in each for each in check(tmp_path / "u.zip")) == 2


def test_parts_of_different_bases_are_no_bundle(tmp_path, base, monkeypatch):
    write_base(tmp_path / "other", wider=2)
    monkeypatch.setattr(writing, "fitted_members", lambda run: [member(clip_network(tmp_path / "other"))])
    with pytest.raises(UsageError, match=r"(?s)A bundle holds one base, and these are vlm_model of .*Train both parts"):
        write(tmp_path / "s.zip", "vlm", [member(vlm_network(base))], {"clip": "a run"})
    assert not (tmp_path / "s.zip").exists()


def link(archive: zipfile.ZipFile) -> None:
    entry = zipfile.ZipInfo("homework/data")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(entry, "/etc")


ENTRIES = {
    r"homework/\.\./\.\./x\.py: leads out of its folder": lambda archive: archive.writestr("homework/../../x.py", ""),
    r"/x\.py: leads out of its folder": lambda archive: archive.writestr("/x.py", ""),
    r"homework\\x\.py: leads out of its folder": lambda archive: archive.writestr("homework\\x.py", ""),
    r"homework/data: is a link": link,
    r"has __MACOSX, homework at its top": lambda archive: archive.writestr("__MACOSX/x", ""),
    r"has README at its top": lambda archive: archive.writestr("README", ""),
}


@pytest.mark.parametrize("said", ENTRIES)
def test_a_zip_that_should_not_be_unpacked_is_not(whole, tmp_path, said):
    shutil.copyfile(whole / "submission.zip", tmp_path / "s.zip")
    with zipfile.ZipFile(tmp_path / "s.zip", "a") as archive:
        ENTRIES[said](archive)
    with pytest.raises(SubmissionError, match=said):
        check(tmp_path / "s.zip")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["s.zip"]


def test_what_is_too_large_is_told_before_it_is_unpacked(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "s.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("homework/zeros.bin", bytes(3_000_000))
    monkeypatch.setattr(unpacking, "UNPACKED", 2_000_000)
    with pytest.raises(SubmissionError, match=r"homework/zeros\.bin: has 3 MB unpacked.*; 2 are taken"):
        check(tmp_path / "s.zip")
    monkeypatch.setattr(unpacking, "LIMIT", 1_000)
    with pytest.raises(SubmissionError, match=r"s\.zip: has 0\.0 MB, and a bundle may have 0"):
        check(tmp_path / "s.zip")
    assert (layout.LIMIT, layout.WARNED) == (50_000_000, 40_000_000)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            lambda f: (f / "clip_model/additional_weights.pt").unlink(),
            r"additional_weights\.pt: is missing; without it",
        ),
        (lambda f: (f / "vlm_model/adapter_config.json").unlink(), r"vlm_model/adapter_config\.json: is missing"),
        (lambda f: (f / "vlm_model/adapter_config.json").write_text("{"), r"adapter_config\.json: is no JSON"),
        (lambda f: (f / "vlm_model/adapter_config.json").write_text("{}"), "is of None, and an adapter of type LORA"),
        (lambda f: (f / "clip_model/adapter_model.safetensors").write_bytes(b"x"), r"safetensors: cannot be read"),
        (lambda f: shutil.rmtree(f / "base"), r"is of another base model.*layers of 32 numbers, and HuggingFaceTB"),
        (lambda f: (f / "__init__.py").write_text("load_vlm = 1"), r"__init__\.py: has no load_clip, which the grader"),
        (lambda f: (f / "data.py").unlink(), r"data\.py: is missing"),
        (lambda f: (f / "clip.py").write_text("def"), r"clip\.py: is no Python"),
        (
            lambda f: (f / "clip_model/additional_weights.pt").write_bytes(pickle.dumps(Path("x"))),
            "other pickles are not",
        ),
        (lambda f: torch.save({"x": torch.ones(1)}, f / "clip_model/additional_weights.pt"), "has no projection among"),
    ],
)
def test_what_a_grader_would_refuse_is_told_with_its_file(unpacked, damage, said):
    damage(unpacked)
    with pytest.raises(SubmissionError, match=said):
        check(unpacked)
    with pytest.raises(SubmissionError, match=said):
        check(pack(unpacked, unpacked.parent / "s.zip"))


def test_an_adapter_of_a_wider_base_is_told(unpacked):
    path = unpacked / "clip_model" / "adapter_model.safetensors"
    save_file({name: torch.cat([each, each], -1).contiguous() for name, each in load_file(path).items()}, path)
    with pytest.raises(SubmissionError, match=r"another base model: in its vision tower are layers of 64 numbers"):
        check(unpacked)


def test_a_folder_is_taken_as_the_courses_script_packs_it(unpacked):
    (unpacked / "vlm_model" / "checkpoint-50").mkdir()
    (unpacked / "vlm_model" / "checkpoint-50" / "x.py").write_text("def")
    (unpacked / "notes.ipynb").write_text("")
    assert check(unpacked) == check(unpacked.parent)
    with pytest.raises(SubmissionError, match=r"holds no homework/__init__\.py"):
        check(unpacked / "vlm_model")
    with pytest.raises(SubmissionError, match="there is no such file"):
        check(unpacked / "nowhere.zip")
    path = pack(unpacked, unpacked.parent / "s.zip")
    with pytest.raises(SubmissionError, match=r"checkpoint-50/x\.py: is no Python"):
        check(path)
    (unpacked / "vlm_model" / "checkpoint-50" / "x.py").unlink()
    assert any("is a trainer's, and no grader needs it" in each for each in check(pack(unpacked, path)))
