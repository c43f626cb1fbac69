"""What is built installs and runs without this checkout."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMES = {"ctk", "ctk_aml_retrieval", "ctk_open_clip"}
OLDEST = "torch==2.11.0"
"""The oldest torch that pyproject.toml allows."""

pytestmark = pytest.mark.slow


def sh(*command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=1800, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The core's wheel as pip builds it: in an environment of its own, with a torch of its own to compile against."""
    folder = tmp_path_factory.mktemp("wheels")
    # One architecture is enough to see whether the CUDA library loads.
    environment = {**os.environ, "PIP_CONSTRAINT": str(ROOT / "constraints.txt"), "TORCH_CUDA_ARCH_LIST": "9.0"}
    sh(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT, env=environment)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def oldest(tmp_path_factory):
    """A new virtual environment with the oldest torch allowed; returns its Python."""
    folder = tmp_path_factory.mktemp("oldest")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    sh(python, "-m", "pip", "install", "-q", OLDEST, "numpy", "packaging", "pluggy")
    return python


@pytest.fixture(scope="module")
def unpacked(built, tmp_path_factory):
    """A folder with the toolkit's wheel in it, to put on PYTHONPATH."""
    folder = tmp_path_factory.mktemp("unpacked")
    zipfile.ZipFile(built).extractall(folder)
    return folder


def test_each_wheel_has_one_import_name_and_its_data(wheels):
    paths = sorted(wheels.glob("*.whl"))
    found = set()
    for wheel in paths:
        names = zipfile.ZipFile(wheel).namelist()
        tops = {name.split("/")[0] for name in names if ".dist-info" not in name.split("/")[0]}
        assert len(tops) == 1, tops
        found |= tops
        assert f"{tops.pop()}/py.typed" in names
        assert any("licenses/" in name for name in names), names
    assert found == NAMES
    inside = "\n".join(name for wheel in paths for name in zipfile.ZipFile(wheel).namelist())
    for path in (
        "ctk/report/page.html.j2",
        "presets/quick.yaml",
        "default_data/pictures.zip",
        "default_data/NOTICE.md",
    ):
        assert path in inside


def test_the_wheels_beside_the_toolkits_are_for_every_machine(wheels):
    names = [wheel.name for wheel in wheels.glob("ctk_*.whl")]
    assert len(names) == len(NAMES) - 1
    assert all(name.endswith("-py3-none-any.whl") for name in names)


@pytest.mark.release
def test_the_toolkits_wheel_holds_compiled_libraries_and_their_record_but_no_sources(built):
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert f"-{tag}-{tag}-linux_" in built.name
    with zipfile.ZipFile(built) as archive:
        names = archive.namelist()
        record = json.loads(archive.read("ctk/ops/_build.json"))
    assert {"cpu", "engine"} <= set(record["built"])
    assert "ctk/ops/_cpu.so" in names
    assert any(name.startswith("ctk/blend/_engine") for name in names)
    assert not any(
        name.startswith(("csrc/", "build/")) or name.endswith((".cpp", ".cu", ".h", ".inl")) for name in names
    )


@pytest.mark.release
def test_one_wheel_gives_the_same_results_in_the_oldest_torch_and_in_this_one(unpacked, oldest):
    told = [
        json.loads(sh(python, "-c", PROBE, cwd=unpacked, env={**os.environ, "PYTHONPATH": str(unpacked)}))
        for python in (oldest, sys.executable)
    ]
    assert told[0]["torch"].startswith(OLDEST.partition("==")[2])
    assert told[0]["torch"] != told[1]["torch"]
    for each in told:
        assert Path(each["file"]).is_relative_to(unpacked)
        assert each["cpu"] is None
        assert each["cuda"] is None or "cuda" in each["skipped"], each["cuda"]
    assert told[0]["ranks"] == told[1]["ranks"]
    assert told[0]["rows"] == told[1]["rows"]
    assert told[0]["loss"] == pytest.approx(told[1]["loss"], rel=1e-6)
    assert told[0]["gradient"] == pytest.approx(told[1]["gradient"], rel=1e-6)
    assert told[0]["weights"] == pytest.approx(told[1]["weights"], rel=1e-9)


PROBE = """
import json
import numpy as np
import torch
import ctk.blend._engine
from ctk import blend, ops
from ctk.ops import native

# numpy's numbers: torch's own need not be the same from version to version.
rng = np.random.default_rng(0)
query, key = (torch.from_numpy(rng.standard_normal((64, 40)).astype(np.float32)) for _ in range(2))
query.requires_grad_()
loss = ops.info_nce(query, key, 10.0)
loss.backward()
ranks = ops.target_ranks(query.detach(), key, torch.arange(64))
y = rng.standard_normal(500)
members = np.stack([y + rng.standard_normal(500) for _ in range(4)])
print(json.dumps({
    "torch": torch.__version__,
    "file": native.__file__,
    "cpu": native.problem("cpu"),
    "cuda": native.problem("cuda"),
    "skipped": native.build_record()["skipped"],
    "loss": loss.item(),
    "gradient": query.grad.norm().item(),
    "ranks": ranks.tolist(),
    "rows": ops.topk(query.detach(), key, 3)[1].tolist(),
    "weights": blend.hill_climb(members, y, "rmse").weights.tolist(),
}))
"""
"""Each op once, with the kernels of the wheel."""


def test_the_entry_points_are_found_without_torch(clean, lent, tmp_path):
    light = {**os.environ, "PYTHONPATH": str(lent / "light")}
    listed = json.loads(sh(clean / "ctk", "list", "--json", cwd=tmp_path, env=light))
    assert [row["id"] for row in listed] == ["aml-retrieval"]
    rows = json.loads(sh(clean / "ctk", "plugins", "--all", "--json", cwd=tmp_path, env=light))
    assert {row["name"]: row["problem"] for row in rows} == {"ctk": None, "aml-retrieval": None, "open-clip": None}


def test_a_dry_run_goes_through_from_the_wheels(clean, lent, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(lent / "libraries"), "CTK_CACHE": str(tmp_path / "cache")}
    where = "import ctk, ctk_aml_retrieval as a; print(ctk.__file__, a.__file__)"
    found = sh(clean / "python", "-c", where, cwd=tmp_path, env=environment)
    assert found.count(str(clean.parent)) == 2
    told = sh(clean / "ctk", "run", "aml-retrieval", "--dry-run", cwd=tmp_path, env=environment)
    assert "500 rows, valid" in told
    assert list(tmp_path.glob("runs/aml-retrieval/*/report.html"))
