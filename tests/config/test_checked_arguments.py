"""Arguments of the Python API are taken as they are meant, or answered with a sentence that names one."""

from pathlib import Path

import numpy as np
import pytest

import ctk
from ctk import api
from ctk.errors import UsageError

NAME = "aml-retrieval"


@pytest.mark.parametrize("seeds", [1, [1], (1,), np.array([1]), range(1, 2), {1}, np.int64(1), iter([1])])
def test_one_seed_and_whatever_holds_seeds_are_seeds(seeds):
    config, assigned = api.configured(NAME, seeds=seeds)
    assert config.seeds == (1,)
    assert assigned == ["seeds=[1]"]


def test_one_override_is_an_override():
    assert api.configured(NAME, overrides="seeds=[7]")[0].seeds == (7,)
    with pytest.raises(UsageError, match="-o seeds: an override is key=value"):
        ctk.cross_validate(NAME, overrides="seeds")


def test_a_path_may_be_text_and_text_is_no_list_of_letters(tmp_path):
    with pytest.raises(UsageError, match=r"There is no file and no run 'nowhere.csv'"):
        ctk.blend_runs("nowhere.csv", root=str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"seeds": 1.5}, r"Argument seeds=1.5 is wrong: input should be a valid integer"),
        ({"seeds": ["a"]}, r"Argument seeds=\['a'\] is wrong: input should be a valid integer"),
        ({"overrides": [1]}, r"Argument overrides=\[1\] is wrong: input should be a valid string"),
        ({"data": 5}, r"Argument data=5 is wrong: input is not a valid path"),
        ({"preset": 5}, r"Argument preset=5 is wrong: input should be a valid string"),
        ({"config": 5}, r"Argument config=5 is wrong"),
        ({"checkpoints": 5}, r"Argument checkpoints=5 is wrong"),
        ({"root": 5}, r"Argument root=5 is wrong: input is not a valid path"),
        ({"name": 5}, r"Argument name=5 is wrong: input should be a valid string"),
        ({"dry_run": "x"}, r"Argument dry_run='x' is wrong: input should be a valid boolean"),
        ({"observer": print}, r"Argument observer=<built-in function print> is wrong: input should be an instance of"),
        ({"data_dir": 5}, r"There is no argument 'data_dir'.\nDid you mean 'data'\?"),
        ({"config": {"seeds": "x" * 200}, "name": list("y" * 200)}, r"Argument name=.{80} \.\.\. is wrong"),
    ],
)
def test_an_argument_of_another_type_is_named_before_anything_is_made(arguments, problem, tmp_path):
    with pytest.raises(UsageError, match=problem):
        ctk.run(NAME, **{"root": tmp_path / "runs", **arguments})
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: ctk.run(5), "Argument competition=5 is wrong"),
        (lambda: ctk.run(), "run: missing a required argument: 'competition'"),
        (lambda: ctk.cross_validate(NAME, folds="many"), "Argument folds='many' is wrong"),
        (lambda: ctk.ablate(NAME, ["x=1"]), "Argument variants="),
        (lambda: ctk.resume(5), "Argument name=5 is wrong"),
        (lambda: ctk.validate(NAME, 5), "Argument file=5 is wrong"),
        (lambda: ctk.score(NAME, Path("x"), None), "Argument truth=None is wrong"),
        (lambda: ctk.filter_data(NAME, [5], "out"), "Argument filters="),
        (lambda: ctk.blend_runs([5]), "Argument sources="),
    ],
)
def test_every_function_says_so(call, problem):
    with pytest.raises(UsageError, match=problem):
        call()


def test_annotations_and_documentation_are_still_those_of_the_function():
    assert ctk.run.__doc__.startswith("Train, blend, submit, report")
    assert ctk.run.__name__ == "run"
