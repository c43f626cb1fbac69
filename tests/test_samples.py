"""Samples: rows that are taken of features that are mapped into memory are read when somebody looks."""

import pickle

import numpy as np
import pytest
import torch

from ctk import samples as module
from ctk.errors import DamagedError
from ctk.plugins.guard.sample_checks import check_samples
from ctk.samples import MappedRows, Samples
from ctk.training.datasets import FeaturesDataset

ROWS = np.array([7, 2, 2, 40, 11])


@pytest.fixture
def stored(tmp_path, monkeypatch) -> Samples:
    """Samples on disk, of whose features the pictures count as large."""
    monkeypatch.setattr(module, "LARGE", 1000)
    random = np.random.default_rng(0)
    features = {"pictures": random.integers(0, 256, (50, 4, 6, 3), np.uint8), "speed": random.random(50, np.float32)}
    Samples(np.arange(50), features).save(tmp_path)
    return Samples.open(tmp_path)


@pytest.fixture
def some(stored):
    """Scattered pictures that were not read, and the same ones in memory."""
    values = stored.take(np.tile(ROWS, 9)).features["pictures"]
    assert isinstance(values, MappedRows)
    return values, np.array(stored.features["pictures"])[np.tile(ROWS, 9)]


def test_scattered_rows_of_large_mapped_features_alone_stay_on_disk(stored):
    taken = stored.take(np.tile(ROWS, 9)).features
    assert isinstance(taken["speed"], np.ndarray)
    assert isinstance(stored.take(ROWS).features["pictures"], np.ndarray)
    assert isinstance(stored.take(np.arange(45)).features["pictures"], np.memmap)
    in_memory = Samples(stored.ids, {"pictures": np.array(stored.features["pictures"])})
    assert isinstance(in_memory.take(np.tile(ROWS, 9)).features["pictures"], np.ndarray)


@pytest.mark.parametrize(
    "at",
    [
        3, -1, slice(2, 9), slice(None, None, -3), np.array([4, 1, 1]), np.arange(45) % 3 == 0, [0, 2], ...,
        (3, -1), (slice(2, 9), 1), (slice(None), slice(1, 3), 0), (np.array([1, 2]), np.array([0, 3])),
        (..., 0), (slice(None), None), (np.array([4, 1]), slice(None), 2), None,
    ],
)  # fmt: skip
def test_they_are_indexed_like_an_array(some, at):
    rows, array = some
    assert np.array_equal(rows[at], array[at])


def test_they_are_used_like_an_array(some):
    rows, array = some
    assert (rows.shape, rows.dtype, rows.ndim, len(rows)) == (array.shape, array.dtype, array.ndim, len(array))
    for use in (
        np.asarray, np.mean, lambda x: x.astype(np.float32), lambda x: x.reshape(len(x), -1), lambda x: x / 2, lambda x:
        2 + x, lambda x: x > 99, lambda x: np.concatenate([x, x]), lambda x: np.stack(list(x)), lambda x: x.mean(0),
        lambda x: np.asarray(x, np.float64), lambda x: np.sqrt(x), lambda x: pickle.loads(pickle.dumps(x)), lambda x:
        torch.from_numpy(np.asarray(x)),
    ):  # fmt: skip
        assert np.array_equal(use(rows), use(array))


def test_rows_of_rows_are_those_of_the_array(stored, some):
    taken = stored.take(np.tile(ROWS, 9))
    for of in (np.arange(3, 30), np.array([4, 1, 33]), np.arange(45) % 2 == 0):
        assert np.array_equal(taken.take(of).features["pictures"], some[1][of])
    assert isinstance(taken.take(np.arange(3, 30)).features["pictures"], MappedRows)


def test_a_network_is_given_a_batch_of_them_and_no_more_is_read(stored, some, monkeypatch):
    taken = stored.take(np.tile(ROWS, 9))
    monkeypatch.setattr(MappedRows, "__array__", None)
    dataset = FeaturesDataset(taken, ["pictures", "speed"])
    for rows in (slice(3, 9), torch.tensor([4, 0, 44])):
        batch = dataset[rows]
        of = rows if isinstance(rows, slice) else rows.numpy()
        assert np.array_equal(batch["pictures"].numpy(), some[1][of])
        assert np.array_equal(batch["speed"].numpy(), taken.features["speed"][of])


def test_a_picture_of_many_rows_is_saved_once(tmp_path):
    pictures = np.random.default_rng(1).integers(0, 256, (5, 4, 6, 3), np.uint8)
    rows = np.array([4, 1, 1, 4, 4, 2])
    samples = Samples(np.arange(6), {"image": MappedRows(pictures, rows), "x": np.arange(6.0)})
    samples.save(tmp_path)
    assert len(np.load(tmp_path / "features" / "image.npy")) == 3
    found = Samples.open(tmp_path)
    assert (np.asarray(found.features["image"]) == pictures[rows]).all()
    assert (found.take(np.array([5, 0])).features["image"] == pictures[[2, 4]]).all()
    check_samples(found, "train", target=False)

    Samples(np.arange(6), {"image": pictures[rows]}).save(tmp_path)  # what was written before counts no more
    assert (Samples.open(tmp_path).features["image"] == pictures[rows]).all()
    Samples(np.arange(2), {"image": MappedRows(pictures, np.array([3, 0]))}).save(tmp_path)
    assert (Samples.open(tmp_path).features["image"] == pictures[[3, 0]]).all()
    Samples(np.arange(0), {"image": MappedRows(pictures, np.arange(0))}).save(tmp_path)
    assert Samples.open(tmp_path).features["image"].shape == (0, 4, 6, 3)


def test_rows_that_are_not_there_are_refused(tmp_path):
    Samples(np.arange(3), {"image": MappedRows(np.zeros((2, 3)), np.array([0, 1, 1]))}).save(tmp_path)
    np.save(tmp_path / "features" / "image.rows.npy", np.array([0, 1, 2]))
    with pytest.raises(DamagedError, match=r"image.rows.npy: names rows that the array beside it has not"):
        Samples.open(tmp_path)
