"""What served the ops, and how it was built, is on record and on show."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from ctk.bench import speed
from ctk.cli.doctor import doctor
from ctk.ops import native
from ctk.plugins import plugins
from ctk.testing.distributions import find_anew
from ctk.workflow.environment import describe_environment


@pytest.fixture(autouse=True)
def without_plugins(monkeypatch):
    """`ctk doctor` imports every plugin, each with a torch of its own."""
    monkeypatch.setenv("CTK_PLUGINS", "")
    find_anew()
    yield
    find_anew()


def test_the_environment_says_which_path_each_op_takes_and_how_it_was_built():
    facts = describe_environment(plugins())
    assert set(facts["ops"]) == {"cpu", "cuda", "blend"}
    assert facts["build"] == native.build_record()
    assert json.loads(json.dumps(facts)) == facts


def test_a_plain_path_gives_its_reason():
    code = (
        "from ctk.bench.speed import speed; from ctk.workflow.environment import op_paths; "
        "print(*op_paths().values(), speed(), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "CTK_NATIVE": "0"}
    )
    plain = ("plain torch", "plain torch", "plain numpy")
    assert done.stdout.splitlines() == [*(f"{path}: CTK_NATIVE=0 is set" for path in plain), "{}"]


def test_a_library_that_does_not_load_is_told_and_to_be_mended(monkeypatch, tmp_path):
    (tmp_path / "_cpu.so").write_text("no library")
    monkeypatch.setattr(native, "FOLDER", tmp_path)
    why = native._load("cpu")
    assert why.startswith("_cpu.so does not load: ")
    monkeypatch.setitem(native._PROBLEMS, "cpu", why)
    monkeypatch.setattr(speed, "SECONDS", 1e-9)
    said = CliRunner().invoke(doctor)
    assert said.exit_code == 1
    assert "✗ ops cpu: plain torch: _cpu.so does not load" in said.stdout


def test_without_a_record_doctor_says_how_to_build(monkeypatch, tmp_path):
    monkeypatch.setattr(native, "RECORD", tmp_path / "none.json")
    monkeypatch.setattr(speed, "SECONDS", 1e-9)
    assert "built        never; `pip install --editable .`" in CliRunner().invoke(doctor).stdout


def test_doctor_times_each_compiled_op_beside_its_reference(monkeypatch):
    monkeypatch.setattr(speed, "SECONDS", 0.01)
    facts = json.loads(CliRunner().invoke(doctor, ["--json"]).stdout)
    expected = {
        *(("info_nce", "target_ranks", "topk") if native.problem("cpu") is None else ()),
        *(("hill_climb",) if facts["ops"]["blend"] == "compiled" else ()),
    }
    assert expected <= set(facts["speed"])
    for each in facts["speed"].values():
        assert each["ratio"] == pytest.approx(each["plain_ms"] / each["compiled_ms"])


def test_an_op_that_fails_is_told_and_the_others_are_timed(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no such instruction")

    monkeypatch.setattr(speed, "SECONDS", 1e-9)
    monkeypatch.setattr("ctk.blend.hill_climb", broken)
    monkeypatch.setattr("ctk.blend.engine.native", object())
    said = CliRunner().invoke(doctor)
    assert said.exit_code == 1
    assert "✗ hill_climb: RuntimeError: no such instruction" in said.stdout


def test_the_reference_serves_while_the_kernels_are_switched_off():
    import torch

    from ctk import ops

    seen = []
    x = torch.randn(4, 3)
    with native.switched_off():
        seen.append((native.problem("cpu"), float(ops.info_nce(x, x, 1.0))))
    seen.append((native.problem("cpu"), float(ops.info_nce(x, x, 1.0))))
    assert seen[0][0] == "switched off"
    assert seen[1][0] != "switched off"
    assert seen[0][1] == pytest.approx(seen[1][1], rel=1e-5)
