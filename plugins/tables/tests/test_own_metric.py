"""A function of a file is a metric, or a sentence says what is wrong with it."""

import pickle

import numpy as np
import pytest

from ctk.errors import UsageError
from ctk.samples import Samples
from ctk_tables.metrics import find, own_metric

GOOD = """
from dataclasses import dataclass

@dataclass
class Settings:
    power: int = 3

def cubed(target, prediction):
    return (abs(target - prediction) ** Settings().power).mean()

cubed.maximize = False
"""


def samples(columns=1):
    target = np.arange(6, dtype=np.float32).reshape(-1, columns)
    return Samples(ids=np.arange(len(target)), features={}, target=target)


def write(folder, text):
    path = folder / "mine.py"
    path.write_text(text)
    return path


@pytest.mark.parametrize("columns", [1, 2])
def test_a_function_of_a_file_is_a_metric(tmp_path, columns):
    metric = find(f"{write(tmp_path, GOOD)}:cubed")
    assert (metric.name, metric.direction) == ("mine.py:cubed", "min")
    given = samples(columns)
    assert metric.score(given.target + 2, given) == 8
    assert pickle.loads(pickle.dumps(metric)).score(given.target + 2, given) == 8


def test_the_direction_can_be_given(tmp_path):
    path = write(tmp_path, "def share(target, prediction): return (target == prediction).mean()")
    assert own_metric(path, "share", maximize=True).direction == "max"
    with pytest.raises(
        UsageError, match=r"nothing says whether more of share is better[^\n]*\n.*share.maximize = True"
    ):
        own_metric(path, "share")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def scor(target, prediction): return 1", "has no function 'score'.\nDid you mean 'scor'"),
        ("def score(target, prediction) return 1", "mine.py, line 1: cannot be imported: SyntaxError"),
        ("import nothing_of_that_name", "cannot be imported: ModuleNotFoundError"),
        ("def score(target): return 1", r"score\(target\) cannot be called with a target and a prediction"),
        ("score = 3", "has no function 'score'"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path, text, told):
    with pytest.raises(UsageError, match=told):
        own_metric(write(tmp_path, text), "score", maximize=True)


def test_no_file_is_told(tmp_path):
    with pytest.raises(UsageError, match="there is no such file"):
        find(f"{tmp_path / 'other.py'}:score")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("1 / 0", "score failed: ZeroDivisionError"),
        ("None", "returned a NoneType, and one number is needed"),
        ("target", "returned a ndarray, and one number is needed"),
        ("float('inf')", "returned inf"),
    ],
)
def test_what_it_returns_is_looked_at(tmp_path, body, told):
    metric = own_metric(write(tmp_path, f"def score(target, prediction): return {body}"), "score", maximize=True)
    with pytest.raises(UsageError, match=told):
        metric.score(samples().target, samples())
