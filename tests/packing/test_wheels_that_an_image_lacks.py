"""Which wheels an image lacks, where each comes from, and what is said of one that does not run there."""

import json
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import distribution

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from ctk.errors import CtkError, DamagedError, UsageError
from ctk.packing.repacked_wheels import repack_wheel
from ctk.packing.requirement_walk import lacking_wheels
from ctk.packing.target_image import TargetImage
from ctk.packing.wheel_file import WheelFile
from ctk.packing.wheel_sources import WheelSources

PLATFORM = "manylinux_2_35_x86_64"


def image(python="3.12", **has):
    return TargetImage(python, PLATFORM, {name: Version(version) for name, version in has.items()})


@pytest.fixture
def wheel(tmp_path):
    """``wheel("a", "1.0", requires=("b>=2",))`` writes a wheel into ``tmp_path / "wheels"`` and reads it."""
    (tmp_path / "wheels").mkdir()

    def make(name, version, requires=(), tag="py3-none-any", python=""):
        path = tmp_path / "wheels" / f"{name}-{version}-{tag}.whl"
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {each}" for each in requires] + ([f"Requires-Python: {python}"] if python else [])
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{name}-{version}.dist-info/METADATA", "\n".join(lines) + "\n")
        return WheelFile.read(path)

    return make


def lacking(roots, known, image):
    """What the walk finds, of wheels by name, as name-version."""
    found = lacking_wheels(map(Requirement, roots), image, lambda wanted: known[wanted.name])
    return sorted(f"{name}-{each.version}" for name, each in found.items())


def test_what_the_image_has_and_what_other_systems_need_is_left_out(wheel):
    known = {
        "a": wheel("a", "1.0", ["b>=2", "c>=1", 'd; sys_platform == "win32"', 'e; python_version < "3.12"', "f[fast]"]),
        "b": wheel("b", "2.5", ["g"]),
        "f": wheel("f", "1.0", ['h; extra == "fast"', 'i; extra == "slow"']),
        "h": wheel("h", "1.0"),
    }
    assert lacking(["a==1.0"], known, image(b="1.9", c="1.0", g="3.0")) == ["a-1.0", "b-2.5", "f-1.0", "h-1.0"]


def test_requirements_that_contradict_each_other_are_told(wheel):
    known = {"a": wheel("a", "1.0", ["b", "c"]), "b": wheel("b", "1.0"), "c": wheel("c", "1.0", ["b>=2"])}
    with pytest.raises(CtkError, match=r"c 1.0 requires b>=2, and 1.0 is packed"):
        lacking(["a"], known, image())


def test_of_given_wheels_one_that_runs_in_the_image_is_taken(wheel, tmp_path):
    for tag in ("cp311-cp311-manylinux2014_x86_64", "cp312-cp312-manylinux_2_36_x86_64", "cp312-cp312-linux_x86_64"):
        wheel("a", "1.0", tag=tag)
    (tmp_path / "out").mkdir()
    sources = WheelSources(image(), tmp_path / "wheels", tmp_path / "out", lambda line: None)
    assert not [each for each in sources.given if sources._runs(each)]
    good = wheel("a", "1.0", tag="cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64").path.name
    wheel("a", "1.1", python=">=3.13")
    sources = WheelSources(image(), tmp_path / "wheels", tmp_path / "out", lambda line: None)
    assert sources.find(Requirement("a>=1")).path == tmp_path / "out" / good


def test_a_wheel_that_is_none_is_named(tmp_path):
    (tmp_path / "a-1.0-py3-none-any.whl").write_bytes(b"half")
    with pytest.raises(DamagedError, match=r"a-1\.0-py3-none-any\.whl: is no wheel"):
        WheelFile.read(tmp_path / "a-1.0-py3-none-any.whl")


@pytest.mark.parametrize("line", ["torch", "torch @ file:///x.whl", "torch==", "to rch==1", "torch==abc"])
def test_a_row_of_the_constraints_that_is_no_version_is_named(tmp_path, line):
    path = tmp_path / "image.txt"
    path.write_text(f"# the image\n-e .\nNumPy==2.0.1 ; python_version > '3'\n{line}\n")
    with pytest.raises(UsageError, match=r"image\.txt, row 4: '.*' is no name==version"):
        TargetImage.described("3.12", PLATFORM, path)
    path.write_text("Typing_Extensions==4.1\ntorch==2.11.0+cu128\n")
    found = TargetImage.described("3.12", PLATFORM, path)
    assert found.satisfies("typing-extensions", Requirement("x>=4").specifier)
    assert found.satisfies("torch", Requirement("x>=2.11").specifier)


@pytest.mark.parametrize("name", ["rich", "PyYAML"])
def test_what_is_installed_becomes_a_wheel_that_installs_the_same_files(tmp_path, name):
    path = repack_wheel(distribution(name), tmp_path)
    again = tmp_path / "again"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-compile", "--target", again]
    done = subprocess.run([*pip, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "replaced" not in done.stderr
    top = distribution(name).read_text("top_level.txt") or name
    for file in distribution(name).files:
        if file.parts[0] in (name, top.split()[-1]) and file.suffix != ".pyc":
            assert (again / file).read_bytes() == file.locate().read_bytes()
    assert WheelFile.read(path).version == Version(distribution(name).version)


def test_what_was_changed_since_it_was_installed_is_not_packed_again(tmp_path, monkeypatch):
    here = distribution("pluggy")
    site = tmp_path / "site"
    for file in here.files:
        if ".." not in file.parts and file.suffix != ".pyc":
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.locate(), site / file)
    monkeypatch.syspath_prepend(site)
    (tmp_path / "out").mkdir()
    assert repack_wheel(distribution("pluggy"), tmp_path / "out") is not None
    (site / "pluggy/__init__.py").write_text("# mine\n")
    assert repack_wheel(distribution("pluggy"), tmp_path / "out") is None


@pytest.mark.slow
def test_a_project_is_built_as_it_is_and_nothing_is_written_there(tmp_path, monkeypatch):
    project = tmp_path / "project"
    (project / "mine/runs").mkdir(parents=True)
    (project / "build/lib/mine").mkdir(parents=True)
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools>=77"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "mine"\nversion = "1.0"\n[tool.setuptools]\npackages = ["mine", "mine.runs"]\n'
    )
    for path in ("mine/__init__.py", "mine/runs/__init__.py", "build/lib/mine/old.py"):
        (project / path).write_text("")
    site = tmp_path / "site"
    facts = site / "mine-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (facts / "direct_url.json").write_text(json.dumps({"url": project.as_uri(), "dir_info": {"editable": True}}))
    monkeypatch.syspath_prepend(site)
    before = sorted(project.rglob("*"))
    (tmp_path / "out").mkdir()
    found = WheelSources(image(), None, tmp_path / "out", lambda line: None).find(Requirement("mine==1.0"))
    names = {name for name in zipfile.ZipFile(found.path).namelist() if name.endswith(".py")}
    assert names == {"mine/__init__.py", "mine/runs/__init__.py"}
    assert sorted(project.rglob("*")) == before
