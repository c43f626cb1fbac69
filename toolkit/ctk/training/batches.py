"""Batches by seed and epoch alone, so that a resumed fit sees the same ones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Sampler

from ctk.samples import Array
from ctk.training.curriculum import LinearPacing


class Batches(Sampler[Tensor]):
    """Batches of row numbers, (B,) int64. With ``groups`` every row of a group is in the same batch, by ``order``.

    Grouped batches hold ``size // round(mean rows a group)`` groups, so their size varies; the last, smaller batch is
    kept. (The rule of the AML competition's reference solution; see its plugin's README.)

    With ``within``, (rows,) int64, all rows of a batch have the same number there: those of a number are cut as evenly
    as can be into batches of ``size`` rows at most, and the batches of all numbers are mixed.

    With a ``pacing``, an epoch has as many batches as ever, of passes one after another over the easiest units alone.

    With ``parts``, iterating goes over one part of an epoch after the other, all with as many batches; ``parts`` is
    then how many there are in fact, at most one a batch.
    """

    def __init__(
        self,
        rows: int,
        size: int,
        seed: int,
        groups: Array | None = None,
        parts: int = 1,
        order: Array | None = None,
        pacing: LinearPacing | None = None,
        within: Array | None = None,
    ) -> None:
        assert within is None or (groups is None and pacing is None)
        self.seed = seed
        self.part = 0
        if groups is None:
            self._members: list[Tensor] | None = None
            self._units, self._step = rows, size
            numbers = None
        else:
            _, numbers, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
            by_group = np.split(np.lexsort((numbers,) if order is None else (order, numbers)), np.cumsum(counts)[:-1])
            self._members = [torch.from_numpy(members) for members in by_group]
            self._units = len(counts)
            self._step = max(1, size // max(1, round(float(counts.mean()))))
        self.parts = min(parts, -(-self._units // self._step))
        self._within: Tensor | None = None
        if within is not None:
            _, number, counts = np.unique(np.asarray(within), return_inverse=True, return_counts=True)
            self._within = torch.from_numpy(number)
            self._batches = int((-(-counts // size)).sum())
            self.parts = min(parts, self._batches)
            while self._of_parts > rows:  # a batch has a row at least
                self.parts -= 1
        self._pacing = pacing
        self._easiest = None if pacing is None else pacing.order(seed, numbers)

    def set_epoch(self, epoch: int) -> None:
        """Begin what Lightning takes for an epoch, here a part of one."""
        self.part = epoch

    @property
    def _of_parts(self) -> int:
        """Count the batches of an epoch, each ``within`` a number, that all parts have as many of."""
        return -(-self._batches // self.parts) * self.parts

    def __len__(self) -> int:
        if self._within is not None:
            return self._of_parts // self.parts
        return -(-(self._units // self.parts) // self._step)

    @property
    def grouped(self) -> bool:
        """Whether units are groups, and not rows."""
        return self._members is not None

    def rows_of(self, group: int) -> Tensor:
        """Return the rows of a group."""
        assert self._members is not None
        return self._members[group]

    def __iter__(self) -> Iterator[Tensor]:
        for units in self.units():
            yield torch.cat([self.rows_of(unit) for unit in units.tolist()]) if self.grouped else units

    def units(self) -> Iterator[Tensor]:
        """Yield what each batch is made of: numbers of rows, or of groups."""
        epoch, part = divmod(self.part, self.parts)
        generator = torch.Generator().manual_seed(self.seed + epoch)
        if self._pacing is not None and (count := self._pacing.count(self._units, epoch)) < self._units:
            yield from islice(self._passes(max(count, self._step), generator), part * len(self), (part + 1) * len(self))
            return
        order = torch.randperm(self._units, generator=generator)
        if self._within is not None:
            yield from self._batches_within(order, generator)[part * len(self) : (part + 1) * len(self)]
            return
        mine = torch.tensor_split(order, self.parts)[part]
        batches = torch.split(mine, self._step)
        if len(batches) > len(self):  # this part is a row longer than another, and that row would be a batch
            batches = torch.tensor_split(mine, len(self))
        yield from batches

    def _batches_within(self, order: Tensor, generator: torch.Generator) -> list[Tensor]:
        """Cut rows in a random order into an epoch's batches, each of one number, in a random order."""
        assert self._within is not None
        number = self._within[order]
        by_number = torch.split(order[number.argsort(stable=True)], number.bincount().tolist())
        batches = [batch for rows in by_number for batch in torch.tensor_split(rows, -(-len(rows) // self._step))]
        while len(batches) < self._of_parts:  # as many in each part: the largest are cut in two
            largest = max(range(len(batches)), key=lambda at: len(batches[at]))
            batches[largest : largest + 1] = torch.tensor_split(batches[largest], 2)
        return [batches[at] for at in torch.randperm(len(batches), generator=generator).tolist()]

    def _passes(self, count: int, generator: torch.Generator) -> Iterator[Tensor]:
        """Yield batches of the easiest units without end; none has a unit twice."""
        assert self._easiest is not None
        pool = self._easiest[:count]
        while True:
            yield from torch.split(pool[torch.randperm(len(pool), generator=generator)], self._step)
