"""A curriculum: early epochs are of the easiest samples, by the seed and the epoch alone, and the last is of all."""

from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ctk.config.training_keys import Curriculum, Training
from ctk.contract import FitContext, Metric
from ctk.errors import UsageError
from ctk.plugins import Component, Plugin, Plugins
from ctk.samples import Gallery, Samples, Targets
from ctk.training.batches import Batches
from ctk.training.curriculum import LinearPacing, hardness_of
from ctk.training.network import as_model
from ctk.training.rank_batches import RankBatches

SEEN = []
"""Rows that the network below was called with while it trained, by batch."""


class Net(nn.Module):
    features = ("number",)

    def __init__(self):
        super().__init__()
        self.layer = nn.Sequential(nn.Linear(1, 4), nn.Dropout(0.3), nn.Linear(4, 2))

    @classmethod
    def for_samples(cls, samples):
        return cls()

    def forward(self, number):
        if self.training:
            SEEN.append(number.flatten().tolist())
        return self.layer(number)


class Lanes(Net):
    features = ("number", "mask")

    def forward(self, number, mask):
        return super().forward(number)


METRIC = Metric("mae", "min", lambda prediction, samples: float(np.abs(prediction - samples.target).mean()))


@pytest.fixture(autouse=True)
def registry():
    SEEN.clear()
    loss = Component("losses", "smooth-l1", "ctk.components.smooth_l1:SmoothL1", "", "tests", "tests")
    known = Plugins([Plugin("tests", "tests", "1", "tests", offers=[loss], loaded=True)])
    with patch("ctk.plugins.guard.guards.plugins", lambda: known), patch("ctk.training.network.plugins", lambda: known):
        yield


def make_samples(rows=40):
    """Rows whose number says how hard they are; the target's second column says the opposite."""
    number = np.random.default_rng(0).permutation(rows).astype(np.float32)
    features = {"number": number[:, None], "text": np.array(["a"] * rows), "wide": np.zeros((rows, 3), np.float32)}
    target = np.stack([number, -3 * number], axis=1)
    groups = {"size": number.astype(np.int64) // 4, "scene": np.arange(rows) // 4}
    return Samples(
        np.arange(rows), features, target, groups, targets=Targets(np.array(["up", "down"]), np.array(["a"] * 2))
    )


def fit(folder, network=Net, progress=lambda *told: None, **training):
    model, samples = as_model(network)(), make_samples()
    keys = {"loss": "smooth-l1", "epochs": 5, "batch": {"size": 5}, "checkpoint_every": 2}
    model.training = Training(**keys | training)
    model.fit(samples, samples, FitContext(folder, 5, METRIC, "cpu", progress=progress))
    return model.predict(samples)


def hardest_by_epoch(epochs=5):
    """The largest number that was seen in each epoch."""
    batches = len(SEEN) // epochs
    return [max(max(batch) for batch in SEEN[at : at + batches]) for at in range(0, len(SEEN), batches)]


def test_epochs_go_from_the_easiest_to_all_and_have_as_many_steps_as_ever(tmp_path):
    fit(tmp_path, curriculum={"by": "number", "start": 0.25, "until": 0.6})
    assert len(SEEN) == 5 * 8
    assert hardest_by_epoch() == [9, 19, 29, 39, 39]
    assert sorted(SEEN[0] + SEEN[1]) == list(range(10))  # each of the easy ones once, then all of them again
    assert sorted(number for batch in SEEN[-8:] for number in batch) == list(range(40))


@pytest.mark.parametrize(
    ("curriculum", "first"),
    [
        ({"by": "target", "column": "up"}, range(10)),
        ({"by": "target", "column": "down"}, range(30, 40)),
        ({"by": "target"}, range(30, 40)),  # the mean of both falls
        ({"by": "target", "easiest": "high"}, range(10)),
        ({"by": "size"}, range(10)),
        ({"by": "number", "easiest": "high"}, range(30, 40)),
    ],
)
def test_what_is_easy_is_chosen(tmp_path, curriculum, first):
    seen = {}
    for seed in (1, 2):
        pacing = LinearPacing.of(make_samples(), Curriculum(**curriculum), 5)
        rows = torch.cat(list(Batches(40, 5, seed, pacing=pacing))).unique().numpy()
        seen[seed] = set(make_samples().features["number"][rows, 0])
    if curriculum["by"] != "size":
        assert seen[1] == set(first)
    assert {number // 4 for number in seen[1]} == {number // 4 for number in first}
    assert (seen[1] != seen[2]) == (curriculum["by"] == "size")  # of equally hard ones the seed decides


def test_a_killed_fit_goes_on_to_the_same_predictions(tmp_path):
    class Killed(Exception):
        pass

    def kill(done, total, scores):
        if done == 3:
            raise Killed

    keys = {"curriculum": {"by": "target"}, "snapshots": 2}
    whole = fit(tmp_path / "whole", **keys)
    with pytest.raises(Killed):
        fit(tmp_path / "parts", progress=kill, **keys)
    np.testing.assert_array_equal(fit(tmp_path / "parts", **keys), whole)
    assert not np.array_equal(fit(tmp_path / "plain", snapshots=2), whole)


def test_a_stage_may_have_one_of_its_own_and_another_none(tmp_path):
    fit(tmp_path, epochs=2, curriculum={"by": "number"}, stages=({}, {"curriculum": None}))
    assert hardest_by_epoch(4) == [9, 39, 39, 39]


def test_groups_stay_whole_and_go_by_the_mean_of_their_rows(tmp_path):
    samples = make_samples()
    by_scene = samples.features["number"][:, 0].reshape(10, 4).mean(1)
    fit(tmp_path, Lanes, curriculum={"by": "number"}, batch={"size": 8, "by": "scene", "as": "sequences"})
    rows = {number for batch in SEEN[:5] for number in batch if number}
    easiest = np.argsort(by_scene)[:3]
    assert rows == {*samples.features["number"][:, 0].reshape(10, 4)[easiest].flatten()} - {0}


units = st.lists(st.integers(0, 8), min_size=1, max_size=60).map(np.array)


@given(groups=units, size=st.integers(1, 30), parts=st.integers(1, 3), epoch=st.integers(0, 4), by=st.booleans())
def test_no_batch_has_a_row_twice_and_ranks_have_the_batches_of_one_process(groups, size, parts, epoch, by):
    pacing = LinearPacing(np.where(groups == 3, np.nan, np.arange(len(groups))), 0.3, 3)
    given = (len(groups), size, 7, groups if by else None, parts, None)
    batches, plain = Batches(*given, pacing), Batches(*given)
    for part in range(batches.parts):
        for each in (batches, plain):
            each.set_epoch(epoch * batches.parts + part)
        found = [batch.tolist() for batch in batches]
        assert len(found) == len(batches) == len(plain)
        assert all(len(batch) == len(set(batch)) > 0 for batch in found)
        if epoch >= 3:
            assert found == [batch.tolist() for batch in plain]
        dealt = [list(RankBatches(batches, rank, 2)) for rank in range(2)]
        for whole, shares in zip(found, zip(*dealt, strict=True), strict=True):
            assert sorted(whole) == sorted(row for share in shares if share.share for row in share.rows.tolist())


def test_rows_of_unknown_hardness_come_last_and_a_group_goes_by_those_that_are_known():
    pacing = LinearPacing(np.array([5.0, np.nan, 1.0, 3.0, np.nan, np.nan]), 0.5, 2)
    assert pacing.order(0)[:3].tolist() == [2, 3, 0]
    assert pacing.order(0, np.array([0, 0, 1, 1, 2, 2])).tolist() == [1, 0, 2]


def test_the_last_epoch_is_of_all_samples_however_few_there_are():
    for epochs in (1, 2, 3):
        pacing = LinearPacing.of(make_samples(), Curriculum(by="target", until=1), epochs)
        assert pacing.count(40, epochs - 1) == 40
        assert pacing.count(40, 0) == (40 if epochs == 1 else 10)


@pytest.mark.parametrize(
    ("curriculum", "told"),
    [
        ({"by": "numbre"}, r"no group and no feature 'numbre'\.\nDid you mean 'number'"),
        ({"by": "text"}, r"the feature 'text' is <U1 of shape \(40,\)\.\nOne number a sample"),
        ({"by": "wide"}, r"the feature 'wide' is float32 of shape \(40, 3\)"),
        ({"by": "target", "column": "upp"}, r"no column 'upp'\.\nDid you mean 'up'"),
    ],
)
def test_what_says_nothing_of_hardness_is_refused_before_the_fit(tmp_path, curriculum, told):
    with pytest.raises(UsageError, match=told):
        fit(tmp_path, curriculum=curriculum)
    assert not SEEN


def test_targets_that_are_no_numbers_are_refused():
    gallery = Gallery(np.eye(3, dtype=np.float32), np.array(["a", "b", "c"]))
    samples = Samples(np.arange(3), {}, np.arange(3), gallery=gallery)
    with pytest.raises(UsageError, match="targets are no numbers"):
        hardness_of(samples, Curriculum(by="target"))
