"""Samples as torch sees them: indexed by whole batches of rows."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from ctk.contract import Batch
from ctk.samples import Array, MappedRows, Samples
from ctk.training.rank_batches import RankBatch
from ctk.training.sequences import MASK, Sequences

PREDICT_ROWS, PREDICT_NUMBERS = 4096, 2**23
"""Rows predicted at a time at most, and numbers in their features."""
TEXT_WIDTH = 128
"""Characters of a text that a network is given, whatever the samples' own width: an exported graph has one width."""
DRY_ROWS, DRY_PREDICT_ROWS = 16, 128
"""Rows of a batch in a dry run, and rows predicted at a time: it is to show on any machine what is wrong."""


class FeaturesDataset(Dataset[dict[str, Tensor]]):
    """Some features of samples, indexed by whole batches of row numbers or by slices.

    Memory-mapped arrays stay on disk, and a slice of one is a view; floating numbers come as float32, as networks have
    theirs, those of other widths a batch at a time, and text as ``text_codes`` gives it. Of ``sequences`` a batch holds
    whole ones, and a slice counts their rows in their order; what is returned has their mask (S, L) bool beside the
    rows (B, ...).
    """

    def __init__(self, samples: Samples, names: Sequence[str], sequences: Sequences | None = None) -> None:
        self.values: dict[str, Tensor] = {}
        self.mapped_rows: dict[str, Tensor] = {}
        self.texts: set[str] = set()
        for name in names:
            if name != MASK:
                values = samples.features[name]
                if values.dtype.kind == "U":
                    self.texts.add(name)
                if isinstance(values, MappedRows):
                    values, self.mapped_rows[name] = values.mapped, _tensor(values.rows)
                self.values[name] = _tensor(values)
        self.sequences = sequences

    def __getitem__(self, given: Tensor | slice) -> dict[str, Tensor]:
        rows = self.rows(given)
        found = {name: take_rows(values, self._stored(name, rows)) for name, values in self.values.items()}
        found |= {name: _of_width(found[name]) for name in self.texts}
        if self.sequences is not None:
            found[MASK] = self.sequences.mask(rows if isinstance(rows, slice) else rows.numpy())
        return found

    def _stored(self, name: str, rows: Tensor | slice) -> Tensor | slice:
        """Turn rows of the samples into those of the array that holds a feature, which may have more."""
        return take_rows(self.mapped_rows[name], rows) if name in self.mapped_rows else rows

    def rows(self, given: Tensor | slice) -> Tensor | slice:
        """Turn a slice of the sequences' rows into rows of the samples, as a slice where they lie so."""
        if self.sequences is None or not isinstance(given, slice):
            return given
        rows = self.sequences.rows[given]
        one_after_another = len(rows) > 0 and (np.diff(rows) == 1).all()
        return slice(int(rows[0]), int(rows[-1]) + 1) if one_after_another else torch.from_numpy(rows)


class SamplesDataset(Dataset[Batch]):
    """Features and targets of samples, indexed by whole batches of row numbers.

    Floating numbers come as float32, text as ``text_codes`` gives it.
    """

    def __init__(self, samples: Samples, names: Sequence[str], sequences: Sequences | None = None) -> None:
        assert samples.target is not None
        self.features = FeaturesDataset(samples, names, sequences)
        self.target = text_codes(samples.target) if samples.predicts_text else _tensor(samples.target)
        self.gallery = None if samples.gallery is None else _tensor(samples.gallery.vectors)

    def __getitem__(self, given: Tensor | slice | RankBatch) -> Batch:
        wanted, share, ranks = given if isinstance(given, RankBatch) else (given, 1.0, 1)
        rows = self.features.rows(wanted)
        target, ids = take_rows(self.target, rows), None
        if self.gallery is not None:
            target, ids = take_rows(self.gallery, target), target
        return Batch(self.features[rows], target, ids, share=share, ranks=ranks)


class SequentialSlices(Sampler[slice]):
    """Slices that cover every row once, in order, some thousands at a time.

    Each of several ranks has its part, ``own`` rows, in as many slices as the others. One for which no row is left has
    a row of another all the same, after its own, for a network to compute something with. Sequences are not cut; a
    slice may then be longer by one of them.
    """

    def __init__(
        self,
        rows: int,
        rank: int = 0,
        ranks: int = 1,
        at_once: int = PREDICT_ROWS,
        sequences: Sequences | None = None,
    ) -> None:
        self.rows = rows
        self.ranks = ranks
        self.sequences = sequences
        first, last = self._whole(rows * rank // ranks), self._whole(rows * (rank + 1) // ranks)
        self.own = last - first
        slices = math.ceil(math.ceil(rows / ranks) / at_once)
        ends = [self._whole(first + self.own * number // slices) for number in range(slices + 1)] if self.own else []
        own = [slice(start, end) for start, end in pairwise(ends) if start < end]
        any_row = slice(0, 1 if sequences is None else self._whole(1))
        self.slices = own + [any_row] * (slices - len(own))

    def __len__(self) -> int:
        return len(self.slices)

    def __iter__(self) -> Iterator[slice]:
        return iter(self.slices)

    def _whole(self, end: int) -> int:
        """Move an end among the rows on to the end of a sequence."""
        if self.sequences is None or end == 0:
            return end
        return int(self.sequences.ends[np.searchsorted(self.sequences.ends, end)])


def rows_at_once(samples: Samples, names: Sequence[str]) -> int:
    """Tell how many rows are predicted at a time: fewer where they are pictures, of which networks make much more."""
    numbers = sum(int(np.prod(samples.features[name].shape[1:])) for name in names if name in samples.features)
    return max(1, min(PREDICT_ROWS, PREDICT_NUMBERS // max(1, numbers)))


def take_rows(values: Tensor, rows: Tensor | slice) -> Tensor:
    """Take rows (B, ...), floating numbers as float32.

    A slice of float32 is a view; others are copied row by row, some times faster than by indexing.
    """
    taken = values[rows] if isinstance(rows, slice) else values.index_select(0, rows)
    return taken.float() if taken.is_floating_point() else taken


def text_codes(values: Array) -> Tensor:
    """Turn text (N, ...) into the code points of its first characters, (N, ..., TEXT_WIDTH) int32, zeros after it."""
    return _of_width(_tensor(values))


def texts_of(codes: Array) -> Array:
    """Turn code points (N, W) int32, zeros after a text's end, into text (N,) str."""
    whole = np.ascontiguousarray(codes, np.int32)
    ended = np.where(np.logical_and.accumulate(whole != 0, axis=1), whole, 0)
    padded = ended if ended.shape[1] else np.zeros((len(ended), 1), np.int32)
    return np.ascontiguousarray(padded).view(f"U{padded.shape[1]}").reshape(len(padded))


def _of_width(codes: Tensor) -> Tensor:
    return torch.nn.functional.pad(codes, (0, TEXT_WIDTH - codes.shape[-1]))


def _tensor(values: Array) -> Tensor:
    if values.dtype.kind == "U":
        whole = np.ascontiguousarray(values)
        values = whole.view(np.int32).reshape(*whole.shape, whole.itemsize // 4)  # numpy has text as UTF-32
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.asarray(values))
