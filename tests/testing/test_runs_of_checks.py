"""What check_plugin finds by running things: one fault each, in a loss, a model, a metric, a competition."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ctk.testing.checks import CHECKS
from ctk.testing.conformance import examine
from ctk.testing.findings import Report

RUNS = {name: CHECKS[name] for name in ("run", "submission", "truth")}

MODEL = """
import pickle
import random
from pathlib import Path

import numpy as np

from ctk.contract import Model, NoTraining
from ctk.errors import CtkError


class Mean(Model):
    '''The target's mean for every row.'''

    def fit(self, train, valid, context):
        self.mean = train.target_values().mean(0)
        self.width = len(self.mean)

    def predict(self, samples):
        return np.tile(self.mean, (len(samples), 1)).astype(np.float32)

    def save(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / 'mean.npy', self.mean)

    def load(self, folder, samples, device='auto'):
        self.mean = np.load(folder / 'mean.npy')
"""


@pytest.fixture
def checked(tmp_plugin) -> Callable[..., Report]:
    """The report on a plugin that registers one thing, ``thing:X``."""

    def run(kind: str, source: str, **how: object) -> Report:
        hook = f"@hookimpl\ndef ctk_register_{kind}(register):\n    register('x', 'thing:X', 'a thing')\n"
        (tmp_plugin("wrong", f"from ctk import hookimpl\n{hook}") / "thing.py").write_text(source)
        return examine("wrong", None, {}, RUNS)

    return run


def subclass(*lines: str) -> str:
    """The model above, with something else in it."""
    return MODEL + "\nclass X(Mean):\n" + "\n".join(f"    {line}" for line in lines) + "\n"


def only(report: Report) -> str:
    """The one problem there is."""
    (problem,) = report.problems
    return str(problem)


def test_a_model_that_keeps_the_contract_passes(checked):
    report = checked("models", subclass("pass"))
    assert not report.problems, str(report)
    assert "model 'x' in toy-regression" in report.checked["run"]


def test_another_result_with_the_same_seed_is_found(checked):
    told = only(
        checked(
            "models", subclass("def fit(self, *a):", "    super().fit(*a); self.mean = self.mean + random.random()")
        )
    )
    assert "the same seed twice gives different predictions (x/seed-1" in told
    assert "the context's seed" in told


def test_a_model_that_forgets_when_it_is_saved_is_found(checked):
    told = only(checked("models", subclass("def load(self, folder, samples, device='auto'): self.mean = np.zeros(2)")))
    assert "saved and loaded, members give different predictions" in told


def test_a_pickle_in_the_runs_folder_is_found(checked):
    told = only(
        checked(
            "models",
            subclass(
                "def save(self, folder):",
                "    super().save(folder); (folder / 'model.bin').write_bytes(pickle.dumps({'a': 1}))",
            ),
        )
    )
    assert "checkpoints/model.bin, which is a pickle" in told


def test_an_array_of_objects_is_found(checked):
    told = only(
        checked(
            "models",
            subclass(
                "def save(self, folder):",
                "    super().save(folder); np.save(folder / 'o.npy', np.array([{}]), allow_pickle=True)",
            ),
        )
    )
    assert "o.npy, which holds objects" in told


def test_a_file_beside_the_user_is_found(checked):
    told = only(
        checked("models", subclass("def fit(self, *a):", "    super().fit(*a); Path('notes.txt').write_text('hello')"))
    )
    assert "writes " in told
    assert "work/notes.txt" in told


def test_a_config_that_cannot_go_to_a_worker_is_found(checked):
    source = subclass("schema = (lambda: type('Inner', (NoTraining,), {'__module__': 'nowhere'}))()")
    assert "cannot go to a worker process" in only(checked("models", source))


def test_a_model_that_fails_says_where(checked):
    told = only(checked("models", subclass("def fit(self, *a): 1 / 0")))
    assert "the model 'x' does not run" in told
    assert "division by zero" in told
    assert "competition=NAME" in told


TRANSFORM = """
import numpy as np
import torch
from ctk.contract import Transform

class X(Transform):
    '''Adds noise.'''

    def apply(self, features, target, units):
        return {name: values + NOISE for name, values in features.items()}, target
"""


def test_a_transform_that_keeps_the_contract_passes(checked):
    report = checked("transforms", TRANSFORM.replace("NOISE", "torch.rand(len(units), 1)[units]"))
    assert not report.problems, str(report)
    assert report.checked["run"] == ["transform 'x' in toy-regression"]


def test_a_transform_that_draws_from_elsewhere_is_found(checked):
    told = only(checked("transforms", TRANSFORM.replace("NOISE", "np.random.default_rng().normal()")))
    assert "the same seed twice gives different predictions" in told


def test_a_transform_that_widens_the_rows_is_found(checked):
    told = only(checked("transforms", TRANSFORM.replace("NOISE", "torch.zeros(2, 1, 1)")))
    assert "shapes and dtypes stay" in told


VIEW = """
import numpy as np
from ctk.contract import View

class X(View):
    '''The same rows, changed.'''

    def count(self):
        return 1

    def look(self, features, number):
        return {name: CHANGED for name, values in features.items()}
"""


@pytest.mark.parametrize("changed", ["values + 1", "values[:, :, :, :3]"], ids=["of numbers", "of pictures"])
def test_a_view_that_keeps_the_contract_passes(checked, changed):
    report = checked("views", VIEW.replace("CHANGED", changed))
    assert not report.problems, str(report)
    assert report.checked["run"] == ["view 'x' in toy-regression"]


def test_a_view_that_draws_is_found(checked):
    told = only(checked("views", VIEW.replace("CHANGED", "values + float(np.random.default_rng().normal())")))
    assert "the same seed twice gives different predictions" in told


def test_a_network_of_sequences_is_tried_on_some(checked):
    source = """
import torch
from torch import nn

class X(nn.Module):
    '''Says what comes before.'''
    features = ('x', 'mask')

    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(4, width)

    @classmethod
    def for_samples(cls, samples):
        return cls(samples.target_width)

    def forward(self, x, mask):
        return self.linear(x.cumsum(1))
"""
    report = checked("models", source)
    assert not report.problems, str(report)


def test_a_metric_of_the_wrong_direction_is_found(checked):
    told = only(
        checked(
            "metrics",
            "from ctk.contract import Metric\nX = Metric('x', 'max', lambda p, s: float(((p - s.target) ** 2).mean()))",
        )
    )
    assert "its direction is 'max'" in told


def test_a_metric_that_changes_predictions_is_found(checked):
    told = only(
        checked(
            "metrics",
            "from ctk.contract import Metric\ndef score(p, s):\n    p *= 0\n    return 0.0\n"
            "X = Metric('x', 'max', score)\n",
        )
    )
    assert "changes the predictions" in told


def test_data_that_nobody_has_is_asked_for(checked):
    told = only(
        checked(
            "data", "from ctk.testing.toy.toy_samples import ToyReader\nclass X(ToyReader):\n    'Another layout.'\n"
        )
    )
    assert "there is no data in its layout" in told
    assert '"x": ["data_dir=/absolute/folder"]' in told


COMPETITION = """
import numpy as np
from ctk.contract.competition import Submission
from ctk.testing.toy.toy_competition import ToyRegression


class X(ToyRegression):
    id = 'x'

    def presets(self):
        return {'toy': {'split': {'by': 'block', 'folds': 4}, 'members': [{'model': 'ridge'}]}}

    def default_data(self, progress=None):
        from ctk.files import cache_folder, write_text

        folder = cache_folder() / 'mine'
        write_text(folder / 'flavour.txt', 'toy-regression')
        return folder
"""


def test_a_competition_that_keeps_the_contract_passes(checked):
    report = checked("competitions", COMPETITION)
    assert not report.problems, str(report)
    assert "x: .csv with an id twice" in report.checked["submission"]
    assert "x: score of the truth" in report.checked["truth"]


def test_a_damaged_submission_that_is_accepted_is_found(checked):
    lax = """
    def read_submission(self, path, test, width=None):
        rows = dict(line.split(',', 1) for line in path.read_text().splitlines()[1:])
        values = [[float(each) for each in rows.get(str(id), '0,0').split(',')] for id in test.ids.tolist()]
        return Submission(test.ids, np.array(values))
"""
    told = [str(problem) for problem in checked("competitions", COMPETITION + lax).problems]
    assert "submission: x: a .csv with a row dropped is accepted" in told[0]
    assert any("a .csv with NaN is accepted" in each for each in told)
    assert any("a .csv with no file ends in FileNotFoundError" in each for each in told)


def test_a_submission_that_is_read_back_as_something_else_is_found(checked):
    rounded = """
    def write_submission(self, path, test, prediction):
        super().write_submission(path, test, np.round(prediction, 2))
"""
    told = "\n".join(map(str, checked("competitions", COMPETITION + rounded).problems))
    assert "not what was predicted" in told or "off" in told


def test_a_competition_that_scores_the_truth_worse_is_found(checked):
    upside_down = """
    def evaluate(self, prediction, samples):
        return {'toy-mse': -super().evaluate(prediction, samples)['toy-mse']}
"""
    told = only(checked("competitions", COMPETITION + upside_down))
    assert "the truth itself scores toy-mse" in told


def test_mending_twice_is_found(checked):
    twice = """
    def postprocess(self, prediction, samples, fitted):
        return prediction * 0.5
"""
    told = "\n".join(map(str, checked("competitions", COMPETITION + twice).problems))
    assert "postprocess changes what it has mended already" in told


def test_the_process_is_left_as_it_was(checked, monkeypatch):
    monkeypatch.setenv("CTK_DISABLE_PLUGINS", "somebody")
    before = dict(os.environ), Path.cwd()
    checked("metrics", "from ctk.contract import Metric\nX = Metric('x', 'max', lambda p, s: 0.0)")
    assert (dict(os.environ), Path.cwd()) == before


EXTRACTOR = """
import numpy as np

from ctk.contract import Extractor


class X(Extractor):
    learns = LEARNS
    rows = ROWS
    def fit(self, train): self.mean = train.features['x'].mean()
    def extract(self, samples, progress):
        x = samples.features['x']
        return {'': COLUMN}
    def save(self, folder): np.save(folder / 'mean.npy', self.mean)
    def load(self, folder): self.mean = LOADED
"""


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({}, ""),
        ({"LEARNS": "True"}, ""),
        ({"COLUMN": "np.random.default_rng().random(len(x))"}, "made once more, makes other columns of the same"),
        ({"LEARNS": "True", "LOADED": "0.0"}, "saved and loaded, makes other columns of the same samples"),
        ({"ROWS": "50", "COLUMN": "x.sum(1) - x.mean()"}, "makes other columns of a row in other blocks"),
        ({"COLUMN": "x.sort(axis=0) or x.sum(1)"}, "'x' does not run"),  # what is mapped from disk is read-only
    ],
)
def test_an_extractor_makes_the_same_of_the_same(checked, what, told):
    usual = {"LEARNS": "False", "ROWS": "None", "COLUMN": "x.sum(1)", "LOADED": "np.load(folder / 'mean.npy')"}
    if what.get("LEARNS"):
        usual["COLUMN"] = "x.sum(1) - self.mean"
    source = EXTRACTOR
    for word, text in {**usual, **what}.items():
        source = source.replace(word, text)
    report = checked("extractors", source)
    assert (told in only(report)) if told else not report.problems, str(report)
