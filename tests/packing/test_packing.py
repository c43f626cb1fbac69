"""A packed run predicts what it predicts at home: without a network, in an environment that has only libraries."""

import json
import os
import shutil
import subprocess
import venv
import zipfile
from importlib import metadata

import pandas as pd
import pytest

from ctk import api
from ctk.errors import CtkError, UsageError

pytestmark = pytest.mark.slow

EXECUTE = """
import json, sys
names = {"__name__": "__main__"}
for cell in json.load(open(sys.argv[1]))["cells"]:
    if cell["cell_type"] == "code":
        exec("".join(cell["source"]), names)
"""


@pytest.fixture
def clean(place, lent):
    """The Python of an environment with this one's libraries and pip, but nothing of ours."""
    folder = place / "clean"
    if not folder.exists():
        venv.create(folder, symlinks=True)
        (site,) = folder.glob("lib/python*/site-packages")
        (site / "lent.pth").write_text(f"{lent / 'libraries'}\n{lent / 'tools'}\n")
    return folder / "bin" / "python"


@pytest.fixture
def offline():
    """What goes before a command so that it has no network; skips where the system lets nobody take it away."""
    command = ["unshare", "--user", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("no namespace without a network can be made here")
    return command


def execute(python, packed, data, work, before=()):
    """Execute the notebook's cells in their order, in a new folder of work."""
    work.mkdir()
    ours = ("PYTHONPATH", "CTK_CACHE", "CTK_RUNS", "CTK_PLUGINS_DIR", "HF_HUB_CACHE")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {"CTK_PACKED": str(packed), "CTK_DATA": str(data)}
    command = [*before, python, "-c", EXECUTE, packed / "predict.ipynb"]
    return subprocess.run([str(each) for each in command], cwd=work, env=environment, capture_output=True, text=True)


def test_the_notebook_predicts_another_test_offline_as_home_does(
    packed, place, clean, offline, finished, serial, write_tables, tmp_path
):
    data = write_tables(tmp_path / "mounted", seed=2, train=False)
    done = execute(clean, packed, data, tmp_path / "work", offline)
    assert done.returncode == 0, done.stdout + done.stderr
    scale = tmp_path / "scale.txt"
    scale.write_text("2")
    how = {"overrides": [*serial, f"features.scaled.file={scale}"], "root": tmp_path / "home"}
    home = api.run("strip", data=data, checkpoints=finished, **how)
    predicted = pd.read_csv(tmp_path / "work" / "submission.csv")
    pd.testing.assert_frame_equal(predicted, pd.read_csv(home.submission), rtol=1e-6)
    assert predicted["id"].tolist() == list(range(2000, 2020))
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["submission.csv"]


def test_the_notebook_is_one_and_says_in_a_sentence_what_it_cannot_work_with(packed, clean, tmp_path):
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.read(packed / "predict.ipynb", 4))
    done = execute(clean, packed, tmp_path / "nowhere", tmp_path / "first")
    assert done.stderr == (
        "The competition's data is not among the notebook's inputs: add it, or set CTK_DATA to its folder.\n"
    )
    copy = shutil.copytree(packed, tmp_path / "cut short")
    (weights,) = copy.glob("run/members/strip-network/seed-1/fold-0/checkpoints/weights.pt")
    weights.write_bytes(b"half")
    done = execute(clean, copy, tmp_path, tmp_path / "second")
    assert done.stderr == f"{weights} is missing or cut short: upload the packed folder anew.\n"


def test_what_only_fits_need_is_left_at_home(packed, finished):
    names = {path.relative_to(packed / "run").as_posix() for path in (packed / "run").rglob("*") if path.is_file()}
    part = "members/strip-network/seed-2/fold-1"
    assert {f"{part}/fitted.json", f"{part}/checkpoints/weights.pt", "blend.json", "config.yaml"} <= names
    assert (finished / part / "checkpoints/stage-1").is_dir()
    assert not [name for name in names if any(word in name for word in ("stage-1", "oof", "test/", "begin.txt", "log"))]
    manifest = json.loads((packed / "manifest.json").read_text())
    assert manifest["paths"] == {"features.scaled.file": "run/paths/features.scaled.file/scale.txt"}
    assert [wheel["name"] for wheel in manifest["wheels"]] == ["competition-toolkit"]
    assert {path.name for path in packed.iterdir() if path.is_dir()} == {"ctk_plugins", "hub", "run", "wheels"}
    assert [path for path in packed.rglob("*") if path.is_symlink()] == []
    assert [path.name for path in (packed / "hub").rglob("*") if path.is_file()] == ["weights.txt"]


def test_members_without_a_weight_are_left_at_home(
    packed, place, finished, image, python, serial, write_tables, tmp_path
):
    run = shutil.copytree(finished, tmp_path / "run")
    blend = json.loads((run / "blend.json").read_text())
    blend["weights"] = {**dict.fromkeys(blend["weights"], 0.0), "strip-network/seed-2": 1.0}
    (run / "blend.json").write_text(json.dumps(blend))
    (place / "scale.txt").write_text("2")
    made = api.pack(str(run), tmp_path / "packed", image, python=python, wheels=packed / "wheels").folder
    assert [path.parent.name for path in (made / "run/members").glob("*/seed-2")] == ["strip-network"]
    assert len(list((made / "run/members").glob("*/*"))) == 1
    data, scale = write_tables(tmp_path / "data", 3, train=False), place / "scale.txt"
    how = {"data": data, "root": tmp_path / "runs", "overrides": [*serial, f"features.scaled.file={scale}"]}
    here = api.run("strip", checkpoints=run, **how)
    there = api.run("strip", checkpoints=made / "run", **how)
    assert there.submission.read_text() == here.submission.read_text()


def test_a_blend_of_runs_is_packed_with_its_runs(packed, image, python, serial, write_tables, tmp_path):
    how = {"data": write_tables(tmp_path / "data", 1), "root": tmp_path / "runs"}
    runs = [
        api.run("strip", overrides=[*serial, f"members=[{{model: {{name: ridge, alpha: {alpha}}}}}]"], **how).folder
        for alpha in (1, 1000)
    ]
    blend = api.blend_runs(list(map(str, runs)), blender="mean", root=tmp_path / "runs").folder
    made = api.pack(str(blend), tmp_path / "packed", image, python=python, wheels=packed / "wheels").folder
    assert str(tmp_path) not in (made / "run/config.yaml").read_text()
    other = {"data": write_tables(tmp_path / "other", 3, train=False), "overrides": serial, "root": tmp_path / "home"}
    here = api.predict_with_blend("strip", blend, **other).submission.read_text()
    for run in runs:
        shutil.rmtree(run)
    assert api.predict_with_blend("strip", made / "run", **other).submission.read_text() == here


def test_a_folder_over_the_limit_is_refused_with_its_largest_files_and_nothing_is_left(finished, image, tmp_path):
    with pytest.raises(CtkError, match=r"over the limit of 1\.0 KB; the largest files are members/.* \(.* KB\)"):
        api.pack(str(finished), tmp_path / "out" / "packed", image, limit="1 KB")
    assert not (tmp_path / "out").exists()


def test_a_missing_wheel_is_named_with_who_needs_it_and_nothing_is_left(packed, finished, image, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    less = tmp_path / "less.txt"
    less.write_text("".join(line for line in image.open() if not line.startswith("pydantic")))
    (tmp_path / "out").mkdir()
    words = (
        r"pydantic [\d.]+ requires pydantic-core==[\d.]+\. There is no wheel of pydantic-core==[\d.]+ for Python 3\.13"
    )
    with pytest.raises(CtkError, match=words):
        api.pack(str(finished), tmp_path / "out" / "packed", less, python="3.13", wheels=packed / "wheels")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_run_that_is_there_a_folder_that_is_full_and_odd_options_are_usage_errors(finished, image, tmp_path):
    for out, more, words in (
        (tmp_path, {}, "is there already"),
        (tmp_path / "new", {"limit": "much"}, "--limit much: is no size"),
        (tmp_path / "new", {"python": "2.7"}, "--python 2.7: is no version of Python 3"),
        (tmp_path / "new", {"platform": "win32"}, "--platform win32: is no platform of Linux wheels"),
        (tmp_path / "new", {"wheels": tmp_path / "none"}, "there is no such folder"),
    ):
        with pytest.raises(UsageError, match=words):
            api.pack(str(finished), out, image, **more)


def test_wheels_for_another_python_are_told_by_the_notebook(packed, finished, image, clean, place, tmp_path, python):
    other = "3.12" if python != "3.12" else "3.13"
    tag = f"cp{other.replace('.', '')}"
    wheels = shutil.copytree(packed / "wheels", tmp_path / "wheels")
    version = metadata.version("PyYAML")
    with zipfile.ZipFile(wheels / f"pyyaml-{version}-{tag}-{tag}-manylinux2014_x86_64.whl", "w") as archive:
        archive.writestr(f"pyyaml-{version}.dist-info/METADATA", f"Name: PyYAML\nVersion: {version}\n")
    less = tmp_path / "less.txt"
    less.write_text("".join(line for line in image.open() if not line.lower().startswith("pyyaml==")))
    (place / "scale.txt").write_text("2")
    made = api.pack(str(finished), tmp_path / "packed", less, python=other, wheels=wheels).folder
    done = execute(clean, made, tmp_path, tmp_path / "work")
    assert done.stderr == (
        f"The wheels are for Python {other} and this is {python}, in which wheels/pyyaml-{version}-{tag}-{tag}-"
        f"manylinux2014_x86_64.whl does not run: pack the run again with --python {python}.\n"
    )
