"""Columns of a wide target that share the weights of a blend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ctk import blend as blending
from ctk.contract import Blend
from ctk.samples import Array, Targets


@dataclass(frozen=True)
class ColumnGroups:
    """Groups of columns that a climb finds weights for, each by itself.

    names            (G,)
    group_of_column  (T,) int64
    trace_names          (G,) what the trace calls each; one row of it may stand for many columns
    """

    names: list[str]
    group_of_column: Array
    trace_names: list[str]

    @classmethod
    def of(cls, targets: Targets, by: Literal["group", "column"]) -> ColumnGroups:
        """Take the targets' own groups in order of their first column, or every column for itself."""
        if by == "column":
            return cls(targets.names.tolist(), np.arange(len(targets)), targets.groups.tolist())
        names = list(targets.by_group())
        return cls(names, np.array([names.index(group) for group in targets.groups.tolist()]), names)

    def blend(
        self, keys: list[str], climb: blending.Blend, normalise: bool, decided: Array | None, score: str
    ) -> Blend:
        """The blend of a climb with weights (G, M). Groups that have no decided column (T,) get the others' mean."""
        counts = np.bincount(self.group_of_column, decided, len(self.names))
        weights = np.where(counts[:, None] > 0, climb.weights, counts @ climb.weights / counts.sum())
        return Blend(
            weights=dict(zip(keys, weights[self.group_of_column].mean(axis=0).tolist(), strict=True)),
            normalise=normalise,
            trace=self._trace_rows(keys, climb, counts, score),
            column_groups=self.names,
            group_of_column=self.group_of_column.tolist(),
            by_group={key: column.tolist() for key, column in zip(keys, weights.T, strict=True)},
        )

    def _trace_rows(self, keys: list[str], climb: blending.Blend, counts: Array, score: str) -> list[dict[str, Any]]:
        """A row for each name in the trace: the best member alone, the steps taken, and where they led."""
        by_group: dict[int, list[blending.Step]] = {}
        for step in climb.trace:
            by_group.setdefault(step.cell[1], []).append(step)
        found: dict[str, list[tuple[float, float, float, int, str]]] = {}
        for group in np.flatnonzero(counts).tolist():
            steps = by_group[group]
            # Several bags are several climbs, one after another; each begins with all of one member.
            starts = [place for place, step in enumerate(steps) if step.share == 1]
            ends = [steps[place - 1].score for place in [*starts[1:], len(steps)]]
            first = steps[starts[0]]
            row = (counts[group], first.score, float(np.mean(ends)), len(steps), keys[first.member])
            found.setdefault(self.trace_names[group], []).append(row)
        told = []
        for name, rows in found.items():
            columns, alone, reached, taken, firsts = zip(*rows, strict=True)
            share = np.array(columns) / sum(columns)
            told.append(
                {
                    "group": name,
                    "columns": int(sum(columns)),
                    "best alone": max(set(firsts), key=firsts.count),
                    f"its {score}": float(share @ alone),
                    "steps": sum(taken),
                    score: float(share @ reached),
                }
            )
        return told
