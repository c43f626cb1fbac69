"""What a plugin author starts from: the three ways to name a plugin, the report, the toy, the fixtures."""

import importlib
import json
import subprocess
import sys

import numpy as np
import pytest

from ctk.errors import UsageError
from ctk.testing import Problem, Report, check_plugin
from ctk.testing.toy import FLAVOURS

LOSS = """
from ctk import hookimpl


@hookimpl
def ctk_register_losses(register):
    register("halves", "{module}:Halves", "half the squared error")


def __getattr__(name):
    from torch import nn

    class Halves(nn.Module):
        def __init__(self, *, share: float = 0.5):
            super().__init__()
            self.share = share

        def forward(self, prediction, batch):
            return self.share * (prediction - batch.target).square().mean()

    if name == "Halves":
        return Halves
    raise AttributeError(name)
"""
TRIED = "loss 'halves' in toy-regression"


def test_a_plugin_is_named_by_its_entry_point(tmp_plugin):
    tmp_plugin("halves", LOSS.format(module="halves_module"))
    assert TRIED in check_plugin("halves").checked["run"]


def test_a_plugin_is_a_module_that_need_not_be_installed(tmp_path, monkeypatch):
    (tmp_path / "halves_alone.py").write_text(LOSS.format(module="halves_alone"))
    monkeypatch.syspath_prepend(str(tmp_path))
    report = check_plugin(importlib.import_module("halves_alone"))
    assert report.plugin == "halves_alone"
    assert TRIED in report.checked["run"]


def test_a_plugin_is_a_file(tmp_path, monkeypatch):
    (tmp_path / "halves_file.py").write_text(LOSS.format(module="ctk_plugins.halves_file"))
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "halves_file.py", "halves_file.py"):
        assert TRIED in check_plugin(path).checked["run"]


def test_all_that_is_wrong_is_told_at_once(tmp_plugin):
    tmp_plugin("wrong", "import pandas\nfrom ctk import hookimpl\n@hookimpl\ndef ctk_register_lossess(register): ...")
    with pytest.raises(AssertionError) as caught:
        check_plugin("wrong")
    told = str(caught.value)
    assert told.startswith(
        "Plugin 'wrong' has 2 problems.\n  hooks: there is no hook 'ctk_register_lossess'\n    Did you"
    )
    assert "imports: loading it imports pandas" in told


def test_a_plugin_that_does_not_load_says_why(tmp_plugin):
    tmp_plugin("broken", "import sys; sys.exit(3)")
    with pytest.raises(AssertionError, match=r"importing broken_module fails: it called sys.exit\(3\)"):
        check_plugin("broken")


def test_a_plugin_that_is_not_there_is_answered_with_the_nearest():
    with pytest.raises(UsageError) as caught:
        check_plugin("ckt")
    assert caught.value.help == "Did you mean 'ctk'?"


def test_a_report_reads_well():
    report = Report("mine", {"run": ["a", "b"], "presets": []})
    assert str(report) == "Plugin 'mine' keeps the contract: run (2)."
    report.problems.append(Problem("run", "it fails", "Mend it."))
    assert str(report) == "Plugin 'mine' has one problem.\n  run: it fails\n    Mend it."


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_toy_samples_are_the_same_each_time(toy_samples, flavour):
    train, test = toy_samples(flavour)
    again, _ = toy_samples(flavour)
    np.testing.assert_array_equal(train.target_values(), again.target_values())
    assert (len(train), len(test)) == (96, 24)
    assert set(np.unique(train.ids)).isdisjoint(test.ids)


def test_the_toy_competition_is_seen_by_no_user(ctk):
    answer = ctk("list", "--json")
    assert answer.returncode == 0, answer.stderr
    assert not any(each["id"].startswith("toy") for each in json.loads(answer.stdout))


def test_a_home_is_empty_and_left_behind(ctk_home, ctk):
    from pathlib import Path

    assert Path.cwd() == ctk_home.work
    assert not list(ctk_home.work.iterdir())
    assert "No run" in ctk("runs").stdout or not ctk_home.runs.exists()


def test_a_made_up_plugin_is_found_by_the_command_line(tmp_plugin, ctk):
    tmp_plugin("halves", LOSS.format(module="halves_module"), version="3.1")
    rows = {row["name"]: row for row in json.loads(ctk("plugins", "--json").stdout)}
    assert rows["halves"]["version"] == "3.1"


def test_the_pytest_plugin_imports_nothing_else():
    code = (
        "import sys, pytest, pluggy; before = set(sys.modules); import ctk.testing.pytest_plugin; "
        "new = {name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names); "
        "print(sorted(new))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "['ctk']"


def test_pytest_goes_on_where_the_toolkits_libraries_are_missing(tmp_path):
    """As in an environment whose torch or numpy is broken: other people's tests must not notice."""
    for name in ("torch", "numpy", "pydantic", "click", "pandas", "lightning"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('missing')")
    (tmp_path / "test_one.py").write_text("def test_one(): ...")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "ctk.testing.pytest_plugin", "test_one.py"]
    environment = {"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    answer = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
