"""The spaces that aml-retrieval brings: the reference solution's has its 1,728 points, and each corner is a config."""

import itertools
import math

import pytest

from ctk.api import competition_of, configured
from ctk_search import configs, points
from ctk_search import space as spaces


@pytest.fixture
def aml(ctk_home):
    return competition_of("aml-retrieval")


def test_the_reference_solutions_space_has_1728_points(aml):
    found = spaces.find("reference", aml)
    assert math.prod(len(points.values_of(each)) for each in found.distributions.values()) == 1728
    assert found.preset == "baseline"


def test_every_corner_of_the_reference_space_is_a_config(aml):
    found = spaces.find("reference", aml)
    values = map(points.values_of, found.distributions.values())
    corners = list(itertools.product(*({each[0], each[-1]} for each in values)))
    assert len(corners) == 2**7  # similarity has one choice
    for corner in corners:
        values = dict(zip(found.distributions, corner, strict=True))
        config, _ = configured("aml-retrieval", preset=found.preset, overrides=found.overrides(values))
        member = next(each for each in config.members if each.name == "residual-mlp")
        training = member.training
        assert (config.seeds, config.split.seed, training.epochs) == ((42,), 42, 50)
        assert list(values.values()) == [
            training.optimizer.lr,
            training.batch.size,
            member.model.options["hidden"],
            *(training.loss.options[name] for name in ("regression", "weight", "warmup", "temperature", "similarity")),
        ]


@pytest.mark.parametrize("name", ["reference", "quick"])
def test_each_value_of_each_space_is_taken(aml, name):
    found = spaces.find(name, aml)
    first = configs.check(found, "aml-retrieval", {"preset": found.preset})
    assert [member.name for member in configs.fitted(first).members] == ["residual-mlp"], "no baseline is fitted"
