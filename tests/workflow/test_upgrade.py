"""A run that a newer version goes on with: options that came since do not undo what was fitted."""

import importlib
import sys

import pytest

from ctk import api
from ctk.contract import Execution, Split
from ctk.errors import CtkError
from ctk.runs import all_runs
from ctk.series.trials import Trial, run_trials
from ctk.testing.distributions import find_anew, lay

PLUGIN = """
import numpy as np
from pathlib import Path
from ctk import hookimpl
from ctk.contract import Filter, Model
from ctk.testing.toy.toy_samples import ToyReader
DIARY = Path({diary!r})
def did(what):
    with DIARY.open("a") as file:
        file.write(what)
class Own(Model):
    curve = []
    def __init__(self, *, depth: int = 1{later}): pass
    def fit(self, train, valid, context):
        if {broken} and context.seed == 2:
            raise ValueError("not yet")
        did(f"fit {{context.seed}}. ")
        self.width = train.target_width
    def predict(self, samples): return np.zeros((len(samples), self.width), np.float32)
    def save(self, folder): Path(folder).mkdir(parents=True, exist_ok=True)
    def load(self, folder, samples, device="auto"): self.width = samples.target_width
class Every(Filter):
    def __init__(self, *, depth: int = 1{later}): pass
    def score(self, samples, context):
        did("filter. ")
        return np.arange(len(samples))
    def keep(self, scores): return scores >= 0
class Columns(ToyReader):
    def __init__(self, *, features: list[str] | None = None{later}): super().__init__(features=features)
    def read(self, *given):
        did("read. ")
        return super().read(*given)
@hookimpl
def ctk_register_data(register): register("columns", Columns)
@hookimpl
def ctk_register_models(register): register("own", Own)
@hookimpl
def ctk_register_filters(register): register("every", Every)
"""


@pytest.fixture
def diary(tmp_path):
    """Where the plugin writes down what it did."""
    return tmp_path / "diary"


@pytest.fixture
def version(ctk_home, tmp_plugin, tmp_path, diary):
    """Returns how to install a version of the plugin, after the first in the place of the last."""

    def version(broken, later=""):
        source = PLUGIN.format(diary=str(diary), broken=broken, later=later)
        path = tmp_path / "installed" / "own_module.py"
        if not path.exists():
            lay(tmp_plugin("own", source), "ctk-toy", "ctk.testing.toy")
        path.write_text(source)
        sys.modules.pop("own_module", None)
        importlib.invalidate_caches()
        find_anew()

    return version


SERIAL = Execution(name="serial", workers=1, threads=1)
HOW = {
    "config": {"members": [{"model": "own"}], "filters": ["every"], "executor": {"name": "serial"}, "trackers": []},
    "seeds": [1, 2],
}


def test_what_was_fitted_before_an_option_came_is_not_fitted_again(ctk_home, version, diary):
    version(broken=True)
    with pytest.raises(CtkError, match="not yet"):
        api.run("toy-regression", **HOW)
    version(broken=False, later=", width: int = 2")
    run = next(all_runs(ctk_home.runs))
    assert "width" not in (run.folder / "config.yaml").read_text()
    api.resume(str(run.folder))
    assert diary.read_text() == "filter. fit 1. fit 2. "


def test_so_it_is_with_the_keys_of_the_toolkit(ctk_home, version, diary, monkeypatch):
    version(broken=True)
    with pytest.raises(CtkError, match="not yet"):
        api.run("toy-regression", **HOW)
    run = next(all_runs(ctk_home.runs))
    version(broken=False)
    own = Split.model_dump
    monkeypatch.setattr(Split, "model_dump", lambda self, **how: own(self, **how) | {"later": None})
    api.resume(str(run.folder))
    assert diary.read_text() == "filter. fit 1. fit 2. "


def test_so_it_is_with_an_option_of_the_data_reader(ctk_home, version, diary):
    how = {**HOW, "config": HOW["config"] | {"data": "columns"}}
    version(broken=True)
    with pytest.raises(CtkError, match="not yet"):
        api.run("toy-regression", **how)
    version(broken=False, later=", width: int = 2")
    run = next(all_runs(ctk_home.runs))
    assert "width" not in run.config()["data"]
    api.resume(str(run.folder))
    assert diary.read_text() == "read. filter. fit 1. read. fit 2. "  # other code reads anew


def test_so_it_is_with_a_trial_whose_data_was_prepared_for_all(ctk_home, version, diary, tmp_path):
    def made():
        config, _ = api.configured("toy-regression", **{**HOW, "config": HOW["config"] | {"data": "columns"}})
        ((_, outcome),) = run_trials([Trial(tmp_path / "a", config)], SERIAL, tmp_path)
        return outcome

    version(broken=True)
    assert "not yet" in made().problem
    version(broken=False, later=", width: int = 2")
    assert made().state == "finished"
    assert diary.read_text() == "read. filter. fit 1. read. fit 2. "  # other code reads anew
