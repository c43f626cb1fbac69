"""Samples as torch sees them: only what a network reads, and never copied whole."""

import numpy as np
import pytest
import torch

from ctk.samples import Samples
from ctk.training.datasets import (
    PREDICT_ROWS,
    TEXT_WIDTH,
    FeaturesDataset,
    SamplesDataset,
    SequentialSlices,
    text_codes,
)


def make_samples(folder, rows=50, dtype=np.float32):
    random = np.random.default_rng(0)
    features = {"x": random.normal(size=(rows, 3)), "other": random.normal(size=(rows, 2))}
    features = {name: values.astype(dtype) for name, values in features.items()} | {"word": np.arange(rows)}
    Samples(np.arange(rows), features, random.normal(size=(rows, 4)).astype(dtype)).save(folder)
    return Samples.open(folder)


def test_a_batch_has_the_features_that_are_named_alone(tmp_path):
    samples = make_samples(tmp_path)
    rows = torch.tensor([4, 0, 7])
    batch = SamplesDataset(samples, ["x"])[rows]
    assert list(batch.features) == ["x"]
    assert np.array_equal(batch.features["x"], samples.features["x"][rows.numpy()])
    assert np.array_equal(batch.target, samples.target[rows.numpy()])


def test_arrays_on_disk_stay_there(tmp_path):
    samples = make_samples(tmp_path)
    part = samples.take(np.arange(10, 40))
    rows = SamplesDataset(part, ["x"])
    assert np.shares_memory(rows.features.values["x"].numpy(), samples.features["x"])
    assert np.shares_memory(rows.target.numpy(), samples.target)
    assert np.shares_memory(FeaturesDataset(part, ["x"])[slice(3, 9)]["x"].numpy(), samples.features["x"])


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
def test_floating_numbers_of_any_width_come_as_float32_and_whole_ones_as_they_are(tmp_path, dtype):
    rows = SamplesDataset(make_samples(tmp_path, dtype=dtype), ["x", "word"])
    batch = rows[torch.tensor([4, 0, 7])]
    assert (batch.features["x"].dtype, batch.target.dtype) == (torch.float32, torch.float32)
    assert batch.features["word"].dtype == torch.int64
    assert rows.features.values["x"].numpy().dtype == dtype  # what is on disk stays as it is, and there


def test_in_order_every_row_comes_once():
    rows = 2 * PREDICT_ROWS + 5
    slices = list(SequentialSlices(rows))
    assert len(slices) == len(SequentialSlices(rows)) == 3
    assert [row for of in slices for row in range(of.start, of.stop)] == list(range(rows))


def test_text_comes_as_code_points_of_one_width_whatever_the_samples_own(tmp_path):
    words = np.array(["Äpfel", "", "x" * (TEXT_WIDTH + 9), "Heu"])
    Samples(np.arange(4), {"word": words}).save(tmp_path)
    dataset = FeaturesDataset(Samples.open(tmp_path), ["word"])
    for rows in (slice(0, 4), torch.tensor([3, 1])):
        found = dataset[rows]["word"]
        assert found.dtype == torch.int32
        said = ["".join(map(chr, each)).rstrip("\0") for each in found.tolist()]
        assert said == [word[:TEXT_WIDTH] for word in words[rows if isinstance(rows, slice) else rows.numpy()]]
    assert torch.equal(dataset[slice(0, 4)]["word"], text_codes(words))
    for empty in ([""] * 2, []):
        assert text_codes(np.array(empty, dtype=str)).shape == (len(empty), TEXT_WIDTH)
