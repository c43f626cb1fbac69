"""Sequences: whole groups in order, padded and masked; what comes back is a row a sample, whatever it came with."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ctk.config.training_keys import BatchSize, Training
from ctk.contract import FitContext, Metric
from ctk.errors import CtkError, UsageError
from ctk.plugins.guard import ContractViolation
from ctk.samples import Samples
from ctk.training.batches import Batches
from ctk.training.datasets import FeaturesDataset, SamplesDataset, SequentialSlices
from ctk.training.network import as_model
from ctk.training.rank_batches import RankBatches
from ctk.training.sequences import Sequences, pad, places

SCENES = BatchSize(size=16, by="scene", **{"as": "sequences"})
groups = st.lists(st.integers(0, 8), min_size=1, max_size=60).map(np.array)


class SoFar(nn.Module):
    """Says of each row the sum of what came before it in its sequence, itself included, times a learned number."""

    features = ("x", "mask")
    seen: ClassVar = []

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.zeros(2))
        self.norm = nn.BatchNorm1d(2)

    @classmethod
    def for_samples(cls, samples):
        return cls()

    def forward(self, x, mask):
        self.seen.append((x.detach().clone(), mask))
        made = torch.empty_like(x)
        made[mask] = self.norm(x[mask])  # as anything that looks at all rows of a batch
        return x.cumsum(1) * self.factor + 0 * made


class Wrong(SoFar):
    def forward(self, x, mask):
        return super().forward(x, mask)[mask]


def make_samples(rows=60, shuffled=True):
    random = np.random.default_rng(1)
    scene = np.sort(random.integers(0, rows // 3, rows))
    time = np.arange(rows) * 10
    x = random.integers(-3, 4, (rows, 2)).astype(np.float32)
    target = np.stack([x[(scene == scene[row]) & (time <= time[row])].sum(0) for row in range(rows)])
    samples = Samples(np.arange(rows), {"x": x}, target, {"scene": scene, "time": time})
    return samples.take(random.permutation(rows)) if shuffled else samples


def mae(prediction, samples):
    return float(np.abs(prediction - samples.target).mean())


def make_model(kind=SoFar, **training):
    model = as_model(kind)()
    batch = {"size": 12, "by": "scene", "as": "sequences"}
    keys = {"loss": "smooth-l1", "epochs": 25, "batch": batch, "optimizer": {"lr": 0.05}}
    model.training = Training(**keys | training)
    return model


def fit(folder, model=None, **more):
    model = model or make_model(**more)
    samples = make_samples()
    scene = samples.groups["scene"]
    model.fit(
        samples.take(scene < 14), samples.take(scene >= 14), FitContext(folder, 5, Metric("mae", "min", mae), "cpu")
    )
    return model


@given(groups=groups, order=st.lists(st.integers(0, 9), min_size=60, max_size=60))
def test_sequences_are_the_groups_rows_in_order(groups, order):
    order = np.array(order[: len(groups)])
    sequences = Sequences.of(Samples(np.arange(len(groups)), {}, None, {"scene": groups, "time": order}), SCENES)
    parts = np.split(sequences.rows, sequences.ends[:-1])
    expected = [
        sorted(np.flatnonzero(groups == group).tolist(), key=lambda row: (order[row], row))
        for group in np.unique(groups)
    ]
    assert [part.tolist() for part in parts] == expected
    mask = sequences.mask(sequences.rows)
    assert mask.sum(1).tolist() == [len(part) for part in parts]


@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=9), width=st.sampled_from([(), (2,), (2, 3)]))
def test_padding_is_zero_and_every_row_is_found_again(lengths, width):
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    rows = torch.arange(1, 1 + sum(lengths) * int(np.prod(width))).view(-1, *width).to(torch.uint8)
    padded = pad(rows, mask)
    assert torch.equal(padded[mask], rows)
    assert not padded[~mask].any()
    assert torch.equal(padded.flatten(0, 1)[places(mask, len(rows))], rows)


@settings(max_examples=30)
@given(groups=groups, size=st.integers(1, 40), ranks=st.integers(1, 4))
def test_batches_and_ranks_hold_whole_sequences_in_order(groups, size, ranks):
    time = -np.arange(len(groups))
    samples = Samples(np.arange(len(groups)), {"x": time}, np.zeros((len(groups), 1)), {"scene": groups, "time": time})
    sequences = Sequences.of(samples, SCENES)
    dataset = SamplesDataset(samples, ["x", "mask"], sequences)
    whole = {tuple(part) for part in np.split(sequences.rows, sequences.ends[:-1])}
    for rank in range(ranks):
        for batch in RankBatches(Batches(len(groups), size, 3, groups, 1, time), rank, ranks):
            made = dataset[batch]
            rows = torch.split(batch.rows, made.features["mask"].sum(1).tolist())
            assert not batch.share or {tuple(each.tolist()) for each in rows} <= whole


@given(groups=groups, ranks=st.integers(1, 5), at_once=st.integers(1, 20))
def test_validated_sequences_are_cut_nowhere_and_each_row_comes_once(groups, ranks, at_once):
    samples = Samples(np.arange(len(groups)), {"x": groups}, None, {"scene": groups})
    sequences = Sequences.of(samples, SCENES)
    parts = [SequentialSlices(len(groups), rank, ranks, at_once, sequences) for rank in range(ranks)]
    assert len({len(part) for part in parts}) == 1
    seen = []
    for part in parts:
        own = [row for each in part for row in range(each.start, each.stop)]
        assert all({each.start, each.stop} <= {0, *sequences.ends.tolist()} for each in part)
        assert all(each.start < each.stop for each in part)
        seen += own[: part.own]
    assert seen == list(range(len(groups)))
    dataset = FeaturesDataset(samples, ["x", "mask"], sequences)
    for each in parts[0]:
        np.testing.assert_array_equal(dataset[each]["x"], groups[sequences.rows[each]])


def test_a_network_of_sequences_learns_and_predicts_a_row_a_sample_in_the_samples_order(tmp_path):
    model = fit(tmp_path)
    samples = make_samples()
    predicted = model.predict(samples)
    np.testing.assert_allclose(predicted, samples.target, atol=0.2)
    assert model.curve[-1]["mae"] < 0.2  # validated rows come in the samples' order too
    back = np.random.default_rng(3).permutation(len(samples))
    np.testing.assert_allclose(model.predict(samples.take(back)), predicted[back], atol=1e-6)


def test_a_scene_is_predicted_alike_whatever_it_comes_with(tmp_path):
    model, samples = fit(tmp_path, epochs=2), make_samples()
    whole = model.predict(samples)
    for scene in np.unique(samples.groups["scene"]):
        rows = np.flatnonzero(samples.groups["scene"] == scene)
        np.testing.assert_allclose(model.predict(samples.take(rows)), whole[rows], atol=1e-6)
    model.at_once = 5
    np.testing.assert_allclose(model.predict(samples), whole, atol=1e-6)


def test_a_loss_of_validated_sequences_is_that_of_their_rows(tmp_path):
    model = fit(tmp_path, epochs=2, valid_loss=True)
    valid = make_samples()
    valid = valid.take(valid.groups["scene"] >= 14)
    apart = np.abs(model.predict(valid) - valid.target)
    best = min(point["valid_loss"] for point in model.curve)
    assert best == pytest.approx(np.where(apart < 1, apart**2 / 2, apart - 0.5).mean(), rel=1e-5)


def test_what_was_saved_predicts_sequences(tmp_path):
    model = fit(tmp_path, epochs=2)
    model.save(tmp_path)
    loaded = make_model()
    loaded.load(tmp_path, make_samples(), "cpu")
    np.testing.assert_array_equal(loaded.predict(make_samples()), model.predict(make_samples()))


def test_the_memory_of_a_fit_on_sequences_is_told(tmp_path):
    assert make_model().memory(make_samples(), "cpu") > 0


@pytest.mark.parametrize(
    ("batch", "told"),
    [
        ({"size": 12}, "the network SoFar reads sequences, and batches are of single rows"),
        ({"size": 12, "by": "scene"}, "the network SoFar reads sequences, and batches are of single rows"),
        ({"size": 12, "by": "scen", "as": "sequences"}, "The samples have no group 'scen'.\nDid you mean 'scene'"),
        (
            {"size": 12, "by": "scene", "as": "sequences", "order": "tine"},
            "The samples have no group 'tine'.\nDid you mean 'time'",
        ),
    ],
)
def test_what_sequences_lack_is_said_before_anything_is_trained(tmp_path, batch, told):
    with pytest.raises(CtkError, match=told):
        fit(tmp_path, batch=batch)
    assert not SoFar.seen or not (tmp_path / "stage-1").exists()


def test_a_network_of_rows_is_given_no_sequences(tmp_path):
    class Rows(SoFar):
        features = ("x",)

    with pytest.raises(UsageError, match=r"'batch\.as' is sequences, and the network Rows reads single rows"):
        fit(tmp_path, make_model(Rows))


def test_a_network_that_returns_flat_rows_is_told_what_is_needed(tmp_path):
    with pytest.raises(ContractViolation, match=r"made of sequences a tensor of shape \(\d+, 2\), and \(\d, \d, D\)"):
        fit(tmp_path, make_model(Wrong))


@pytest.mark.parametrize(
    ("batch", "told"),
    [({"as": "sequences"}, "sequences are of a group"), ({"by": "scene", "order": "time"}, "order is for as: seq")],
)
def test_keys_that_contradict_each_other_are_refused(batch, told):
    with pytest.raises(ValueError, match=told):
        BatchSize(**batch)
