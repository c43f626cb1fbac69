"""Folds keep groups whole and cover everything once."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ctk.contract import Split
from ctk.errors import UsageError
from ctk.samples import Samples
from ctk.workflow.split import draw_folds


def samples(groups):
    return Samples(np.arange(len(groups)), {}, groups={"scene": np.asarray(groups)})


@settings(deadline=None)
@given(
    groups=st.lists(st.integers(0, 30), min_size=2, max_size=80),
    count=st.integers(2, 6),
    seed=st.integers(0, 3),
)
def test_no_group_is_on_both_sides_and_every_row_is_validated_once(groups, count, seed):
    if len(set(groups)) < count:
        return
    made = draw_folds(samples(groups), Split(by="scene", folds=count, use=count, seed=seed))
    groups = np.asarray(groups)
    for fold in made:
        assert not set(groups[fold.train]) & set(groups[fold.valid])
        assert len(fold.train) + len(fold.valid) == len(groups)
    assert sorted(np.concatenate([fold.valid for fold in made])) == list(range(len(groups)))


def test_a_tenth_is_the_last_tenth_of_the_seeded_permutation():
    # The AML reference solution: torch.randperm over images, the last 10% validate.
    made = draw_folds(samples(np.arange(250)), Split(by="scene", folds=10, seed=43))
    order = torch.randperm(250, generator=torch.Generator().manual_seed(43))
    assert len(made) == 1
    assert sorted(made[0].valid) == sorted(order[225:].tolist())


def test_more_folds_than_groups_is_an_error():
    with pytest.raises(UsageError, match="5 folds of 2 groups") as caught:
        draw_folds(samples([0, 1, 1]), Split(by="scene", folds=5))
    assert "ctk cv: --folds 2" in caught.value.help  # there -o split.folds alone would leave split.use too large


def test_an_unknown_group_is_an_error_that_names_the_known():
    with pytest.raises(UsageError) as caught:
        draw_folds(samples([0, 1, 1]), Split(by="picture", folds=2))
    assert "scene" in caught.value.help


def test_predefined_folds_are_the_data_s_own_and_minus_one_is_always_trained_on():
    own = samples([-1, 0, -1, 1, 0])
    first, second = draw_folds(own, Split(predefined="scene", use=2))
    assert (first.train.tolist(), first.valid.tolist()) == ([0, 2, 3], [1, 4])
    assert (second.train.tolist(), second.valid.tolist()) == ([0, 1, 2, 4], [3])


@pytest.mark.parametrize(("numbers", "said"), [([-1, -1], "none to validate on"), ([0, 0], "none to train on")])
def test_a_predefined_fold_without_rows_is_refused(numbers, said):
    with pytest.raises(UsageError, match=said):
        draw_folds(samples(numbers), Split(predefined="scene"))


def test_data_without_training_samples_is_an_error_that_says_so():
    with pytest.raises(UsageError, match="no training samples") as caught:
        draw_folds(samples([]), Split(predefined="scene", use=1))
    assert "--stage predict" in caught.value.help
