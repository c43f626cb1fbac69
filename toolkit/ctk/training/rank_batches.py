"""Batches dealt to the ranks of a torchrun: the batches of one process, each rank with its share of the rows."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Sampler

from ctk.training.batches import Batches


class RankBatch(NamedTuple):
    """One rank's rows of a batch, (B,) int64.

    share  what a mean over these rows is multiplied with, so that the mean over ranks is that over the batch's rows
    ranks  how many there are
    """

    rows: Tensor
    share: float
    ranks: int


class RankBatches(Sampler[RankBatch]):
    """The share of rank ``rank`` of ``ranks`` in each of some batches; every rank makes all of them, from one seed.

    Rows are cut into equal parts, groups go whole to the rank with the fewest rows, the largest first. A rank for
    which nothing is left has one row of the batch with a share of 0, for a network to compute something with.
    """

    def __init__(self, batches: Batches, rank: int, ranks: int) -> None:
        self.batches = batches
        self.rank = rank
        self.ranks = ranks

    def set_epoch(self, epoch: int) -> None:
        """Begin a part of an epoch, as the batches do."""
        self.batches.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[RankBatch]:
        for units in self.batches.units():
            parts = self._deal([self.batches.rows_of(unit) for unit in units.tolist()]) if self.batches.grouped else (
                torch.tensor_split(units, self.ranks)
            )  # fmt: skip
            own, total = parts[self.rank], sum(len(part) for part in parts)
            if len(own):
                yield RankBatch(own, self.ranks * len(own) / total, self.ranks)
            else:
                yield RankBatch(torch.cat(list(parts))[:1], 0.0, self.ranks)

    def _deal(self, groups: list[Tensor]) -> list[Tensor]:
        """Longest first to whoever has the least (Graham 1969): at most a third more than the best deal."""
        hands: list[list[Tensor]] = [[] for _ in range(self.ranks)]
        held = [(0, rank) for rank in range(self.ranks)]
        for group in sorted(groups, key=len, reverse=True):
            rows, rank = heapq.heappop(held)
            hands[rank].append(group)
            heapq.heappush(held, (rows + len(group), rank))
        return [torch.cat(hand) if hand else groups[0][:0] for hand in hands]
