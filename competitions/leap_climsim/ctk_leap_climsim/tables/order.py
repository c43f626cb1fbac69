"""Bringing the rows of a table into the order of the ids that must be there."""

from __future__ import annotations

import numpy as np

from ctk.errors import CtkError
from ctk.samples import Array
from ctk_leap_climsim.tables.table import ID, SHOWN, Block, Table


class Order:
    """Where the rows of a table belong, and which ids are wrong.

    ids  (N,) int64, unique: what must be there, in the order wanted
    """

    def __init__(self, table: Table, ids: Array) -> None:
        self.table, self.ids = table, np.asarray(ids)
        self._sorting = np.argsort(self.ids, kind="stable")
        self._sorted = self.ids[self._sorting]
        self._row_of = np.full(len(self.ids), -1, np.int64)
        self._strange: list[str] = []
        self._twice: list[str] = []
        self._strangers = self._repeats = 0

    def places(self, block: Block) -> tuple[Array, Array]:
        """Which rows of a block are wanted (k,), and where they belong among the ids (k,); the others are noted."""
        near = np.searchsorted(self._sorted, block.ids).clip(max=max(0, len(self.ids) - 1))
        known = self._sorted[near] == block.ids if len(self.ids) else np.zeros(len(block.ids), bool)
        self._note_strangers(block, np.flatnonzero(~known))
        taken, places = np.flatnonzero(known), self._sorting[near[known]] if len(self.ids) else near[:0]
        first = np.zeros(len(taken), bool)
        first[np.unique(places, return_index=True)[1]] = True
        fresh = first & (self._row_of[places] < 0)
        self._row_of[places[fresh]] = block.rows[taken[fresh]]
        self._note_repeats(block, taken[~fresh], places[~fresh])
        return taken[fresh], places[fresh]

    def check(self) -> None:
        """After the last block: raise the table's error, naming the first ids and rows that are wrong."""
        problems = []
        if self._strangers:
            problems.append(f"ids that do not belong there ({self._strangers:,}): {self._shown(self._strange)}")
        if self._repeats:
            problems.append(f"ids that are there already ({self._repeats:,}): {self._shown(self._twice)}")
        missing = np.flatnonzero(self._row_of < 0)
        if len(missing):
            names = [f"{self.table.prefix}{id}" for id in self.ids[missing[: SHOWN + 1]].tolist()]
            problems.append(f"missing ids ({len(missing):,}): {self._shown(names)}")
        if problems:
            raise self.error(f"{self.table.path}, column {ID}: {'; '.join(problems)}.")

    def error(self, problem: str) -> CtkError:
        """The table's error, with the help that fits every wrong id."""
        return self.table.error(problem, f"There is one row for each of {len(self.ids):,} ids, in any order.")

    def _note_strangers(self, block: Block, at: Array) -> None:
        self._strangers += len(at)
        for number in at[: SHOWN + 1 - len(self._strange)].tolist():
            self._strange.append(
                f"{self.table.prefix}{block.ids[number]} in {self.table.where(int(block.rows[number]))}"
            )

    def _note_repeats(self, block: Block, at: Array, places: Array) -> None:
        self._repeats += len(at)
        for number, place in zip(at.tolist(), places.tolist(), strict=True):
            if len(self._twice) > SHOWN:
                return
            here, there = self.table.where(int(block.rows[number])), self.table.where(int(self._row_of[place]))
            self._twice.append(f"{self.table.prefix}{block.ids[number]} in {here} (first in {there})")

    def _shown(self, names: list[str]) -> str:
        return ", ".join(names[:SHOWN]) + (" ..." if len(names) > SHOWN else "")
