"""The members' scores of every query and gallery entry, a tile at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ctk.blend.positives import Positives

ROWS, COLUMNS = 256, 4096
"""Queries and gallery entries of a tile, where memory allows: larger ones make the products no faster."""


@dataclass(frozen=True)
class TilePlan:
    """Tiles of rows x columns; the first ``kept`` of them stay in memory from round to round."""

    rows: int
    columns: int
    kept: int

    @classmethod
    def of(cls, members: int, queries: int, gallery: int, per_row: int, per_line: int, limit: int) -> TilePlan:
        """The largest tiles up to ROWS x COLUMNS within ``limit`` bytes, and as many kept ones as still fit.

        per_row   bytes that each query of a tile needs besides its scores
        per_line  bytes that each query and each gallery entry of a tile needs for its embedding
        Raises ValueError for a limit that not even a tile of one score fits in.
        """

        def working(rows: int, columns: int) -> int:
            # A blend of the members is made besides, on a GPU for a whole tile at once.
            return tile(rows, columns) + 4 * rows * columns + rows * per_row + (rows + columns) * per_line

        def tile(rows: int, columns: int) -> int:
            return 4 * members * rows * columns

        rows, columns = min(queries, ROWS), min(gallery, COLUMNS)
        while working(rows, columns) > limit:
            if rows == columns == 1:
                raise ValueError(f"memory_limit is {limit} bytes; this blend needs {working(1, 1)} or more")
            # Rows first: a product of few queries and many entries is quicker than one of many and few.
            if rows == 1 or (rows <= ROWS // 16 and columns > max(1, COLUMNS // 16)):
                columns = (columns + 1) // 2
            else:
                rows = (rows + 1) // 2
        kept = (limit - working(rows, columns)) // tile(rows, columns)
        return cls(rows, columns, kept)


class ScoreTiles:
    """Scores queries[m] @ galleries[m].T in float32 of M members, made again on every visit unless they were kept.

    queries    M tensors (Q, D_m); galleries M tensors (G, D_m)
    positives  their scores are handed out apart, and are NaN in the tiles
    """

    def __init__(
        self, queries: Sequence[Tensor], galleries: Sequence[Tensor], positives: Positives, plan: TilePlan
    ) -> None:
        self._queries, self._galleries, self._positives, self._plan = queries, galleries, positives, plan
        self.device = queries[0].device
        self._gallery = len(galleries[0])
        self._kept: dict[tuple[int, int], Tensor] = {}
        self._targets: dict[int, Tensor] = {}
        self._working: tuple[tuple[int, int], Tensor] | None = None

    def __iter__(self) -> Iterator[tuple[slice, Tensor, Iterator[Tensor]]]:
        """For each part of the queries: which, the scores of their positives (M, n, P), and their tiles (M, n, g)."""
        queries = len(self._queries[0])
        for start in range(0, queries, self._plan.rows):
            rows = slice(start, min(start + self._plan.rows, queries))
            positives = self._positives.rows(rows)
            if start not in self._targets:
                self._targets[start] = self._scores_of(rows, positives)
            yield rows, self._targets[start], self._tiles(rows, positives)

    def _tiles(self, rows: slice, positives: Tensor) -> Iterator[Tensor]:
        for column in range(0, self._gallery, self._plan.columns):
            scores = self._scores(rows, column)
            query, place = self._inside(positives, column, scores).nonzero(as_tuple=True)
            scores[:, query, positives[query, place] - column] = torch.nan
            yield scores

    def _scores_of(self, rows: slice, positives: Tensor) -> Tensor:
        """Read from the very tiles that they are compared with, as another product may round in another way."""
        members = len(self._queries)
        targets = positives.new_empty((members, *positives.shape), dtype=torch.float32)
        for column in range(0, self._gallery, self._plan.columns):
            scores = self._scores(rows, column)
            inside = self._inside(positives, column, scores)
            found = scores.gather(2, (positives - column).where(inside, 0).expand(members, -1, -1))
            targets = found.where(inside, targets)
        return targets

    @staticmethod
    def _inside(positives: Tensor, column: int, scores: Tensor) -> Tensor:
        return (positives >= column) & (positives < column + scores.shape[2])

    def _scores(self, rows: slice, column: int) -> Tensor:
        key = (rows.start, column)
        if key in self._kept:
            return self._kept[key]
        if self._working is not None and self._working[0] == key:
            return self._working[1]
        size = (len(self._queries), rows.stop - rows.start, min(self._plan.columns, self._gallery - column))
        if len(self._kept) < self._plan.kept:
            scores = self._kept[key] = self._queries[0].new_empty(size, dtype=torch.float32)
        else:
            scores = self._room(size)
            self._working = (key, scores)
        for query, gallery, to in zip(self._queries, self._galleries, scores, strict=True):
            torch.mm(query[rows].float(), gallery[column : column + size[2]].float().T, out=to)
        return scores

    def _room(self, size: tuple[int, int, int]) -> Tensor:
        """A part of the one tile that is worked on, which is as large as any."""
        if self._working is None:
            largest = (size[0], min(self._plan.rows, len(self._queries[0])), min(self._plan.columns, self._gallery))
            self._whole = self._queries[0].new_empty(largest, dtype=torch.float32).flatten()
        return self._whole[: size[0] * size[1] * size[2]].view(size)
