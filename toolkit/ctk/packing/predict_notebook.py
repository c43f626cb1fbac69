"""The notebook of a packed folder: it installs the wheels offline and predicts whatever test is mounted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ctk.files import write_text

INTRODUCTION = """\
# Predict {title} with a packed run

Add two inputs to this notebook: the data of the competition, and the dataset that was made of the packed folder. It
needs no internet. Elsewhere set `CTK_PACKED` to the packed folder and `CTK_DATA` to the folder of the data.
"""
FIND = """\
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PACKED_AS, SLUG = "{id}", "{slug}"


def packed_in(folder):
    try:
        return json.loads((folder / "manifest.json").read_text())["packed_as"] == PACKED_AS
    except (OSError, ValueError, LookupError, TypeError):
        return False


def find(variable, usual, fits, what):
    folders = [Path(os.environ[variable])] if variable in os.environ else usual
    found = next((folder for folder in folders if fits(folder)), None)
    if found is None:
        raise SystemExit(f"{{what}} is not among the notebook's inputs: add it, or set {{variable}} to its folder.")
    return found.resolve()


mounted = Path("/kaggle/input")
manifests = [path for depth in range(1, 5) for path in mounted.glob("*/" * depth + "manifest.json")]
PACKED = find("CTK_PACKED", [Path(), *(path.parent for path in manifests)], packed_in, "The packed folder")
DATA = find("CTK_DATA", [mounted / SLUG, mounted / "competitions" / SLUG], Path.is_dir, "The competition's data")
PACKED, DATA
"""
INSTALL = """\
manifest = json.loads((PACKED / "manifest.json").read_text())
for name, facts in manifest["files"].items():
    path = PACKED / name
    if not path.is_file() or path.stat().st_size != facts["bytes"]:
        raise SystemExit(f"{path} is missing or cut short: upload the packed folder anew.")
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    if digest.hexdigest() != facts["sha256"]:
        raise SystemExit(f"{path} is not what was packed: upload the packed folder anew.")

python = "{}.{}".format(*sys.version_info)
bound = [wheel["file"] for wheel in manifest["wheels"] if not wheel["pure"]]
if bound and python != manifest["python"]:
    raise SystemExit(
        f"The wheels are for Python {manifest['python']} and this is {python}, in which {bound[0]} does not run: "
        f"pack the run again with --python {python}."
    )

if manifest["wheels"]:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--root-user-action=ignore", "--no-index", "--find-links", str(PACKED / "wheels")]
    wanted = [f"{wheel['name']}=={wheel['version']}" for wheel in manifest["wheels"]]
    done = subprocess.run([*pip, *wanted], capture_output=True, text=True)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [done.stderr]
        raise SystemExit(
            f"The packed wheels cannot be installed in this Python {python} ({said[-1]}): "
            "pack the run again with a list of what this image has, --constraints."
        )
"""
PREDICT = """\
place = Path(tempfile.mkdtemp())
environment = {**os.environ, "CTK_RUNS": str(place / "runs"), "CTK_CACHE": str(place / "cache"), "HF_HUB_OFFLINE": "1"}
for variable, name in (("CTK_PLUGINS_DIR", "ctk_plugins"), ("HF_HUB_CACHE", "hub"), ("TORCH_HOME", "torch")):
    if (PACKED / name).is_dir():
        environment[variable] = str(PACKED / name)
command = [sys.executable, "-m", "ctk", "run", manifest["competition"], "--stage", "predict", "--data", str(DATA)]
command += ["--checkpoints", str(PACKED / "run"), "--name", "packed"]
for key, inside in manifest["paths"].items():
    command += ["-o", f"{key}={PACKED / inside}"]
with subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
    for line in running.stdout:
        print(line, end="")
if running.returncode:
    raise SystemExit("ctk could not predict; what it says is above.")
(made,) = (place / "runs").glob(f"*/*/{manifest['submission']}")
shutil.copyfile(made, manifest["submission"])
shutil.rmtree(place)
"""


def write_notebook(path: Path, title: str, slug: str, id: str) -> None:
    """Write the notebook of a packed folder (nbformat 4.5).

    title, slug  of the competition, the latter as the platform calls it
    id           what the folder's manifest says that it is packed as
    """
    texts = [INTRODUCTION.format(title=title), FIND.format(id=id, slug=slug), INSTALL, PREDICT]
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code" if number else "markdown",
            "id": f"cell-{number}",
            "metadata": {},
            "source": text.rstrip("\n").splitlines(keepends=True),
            **({"execution_count": None, "outputs": []} if number else {}),
        }
        for number, text in enumerate(texts)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    facts = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {"cells": cells, "metadata": facts, "nbformat": 4, "nbformat_minor": 5}
    write_text(path, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
