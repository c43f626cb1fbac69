"""The table of members, baselines, blend and test, with all their numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctk.report.numbers import column, duration, number
from ctk.report.who import by_rank, deciding, slots, split_key

if TYPE_CHECKING:
    from ctk.contract import Results


@dataclass(frozen=True)
class MemberRow:
    """A row of the members table. ``share`` is the deciding metric as a part of the largest, for its bar; or None.

    ``on_test`` is the deciding metric on the test, ``raw`` those of what nothing has mended; empty where not known.
    """

    kind: str
    name: str
    seed: str
    first: bool
    slot: int
    cells: tuple[str, ...]
    share: float | None
    on_test: str
    raw: tuple[str, ...]
    seconds: str
    weight: str


@dataclass(frozen=True)
class Table:
    """The members table: names of the numbers, and the rows with blend and test last."""

    columns: list[str]
    raw: list[str]
    rows: list[MemberRow]


def members_table(results: Results) -> Table:
    """Members by their best seed, then baselines, then the blend and the test."""
    names = _columns(results)
    ranked = by_rank(results, baselines=False)
    order = {name: at for at, name in enumerate(dict.fromkeys(split_key(key)[0] for key in ranked))}
    keys = sorted(ranked, key=lambda key: order[split_key(key)[0]]) + by_rank(results, baselines=True)
    scores = [results.scores.get(key, {}) for key in [*keys, "blend"]]
    scores += [each.scores for each in results.blends.values()]
    if results.truth_scores:
        scores.append(results.truth_scores)
    cells = list(zip(*(_scores(results, name, scores) for name in names), strict=True))
    shares = _shares([deciding(results, key) for key in [*keys, "blend"]])
    on_test = column([results.on_test(key) for key in [*keys, "blend"]]) if results.truth_scores else [""] * len(shares)
    raw = {
        name: column([scores.get(key) for key in [*keys, "blend"]]) for name, scores in results.raw_columns().items()
    }
    raw_cells = [tuple(cells[at] for cells in raw.values()) for at in range(len(shares))]
    colours = slots(results)
    rows: list[MemberRow] = []
    for key, values, share, of_test, of_raw in zip(keys, cells, shares, on_test, raw_cells, strict=False):
        name, seed = split_key(key)
        weight = results.blend.weights.get(key)
        rows.append(
            MemberRow(
                kind="baseline" if key in results.baselines else "member",
                name=name,
                seed=seed,
                first=not rows or rows[-1].name != name,
                slot=colours[name],
                cells=values,
                share=share,
                on_test=of_test,
                raw=of_raw,
                seconds=duration(results.seconds.get(key, math.nan)),
                weight="" if weight is None else number(weight) if weight else "0",
            )
        )
    total = duration(sum(results.seconds.values())) if results.seconds else ""
    rows.append(
        MemberRow("blend", "blend", "", True, 0, cells[len(keys)], shares[-1], on_test[-1], raw_cells[-1], total, "")
    )
    below = [f"blend {name}" for name in results.blends] + (["blend on the test"] if results.truth_scores else [])
    for name, values in zip(below, cells[len(keys) + 1 :], strict=True):
        rows.append(MemberRow("test", name, "", True, 0, values, None, "", ("",) * len(raw), "", ""))
    return Table(names, list(raw), rows)


def _scores(results: Results, name: str, rows: Sequence[Mapping[str, float]]) -> list[str]:
    """Cells of a column of scores. What is not a number has no place but in the deciding column, where it is told."""
    values = [row.get(name) for row in rows]
    if name != results.metric.name:
        values = [None if value is None or math.isnan(value) else value for value in values]
    return column(values)


def _columns(results: Results) -> list[str]:
    """Names of the numbers that anyone has, the deciding one first."""
    rows = (*results.scores.values(), results.truth_scores)
    every = [name for row in rows for name, value in row.items() if not math.isnan(value)]
    return list(dict.fromkeys([results.metric.name, *every]))


def _shares(values: list[float]) -> list[float | None]:
    finite = [value for value in values if math.isfinite(value)]
    if not finite or min(finite) < 0 or max(finite) == 0:
        return [None] * len(values)
    return [value / max(finite) if math.isfinite(value) else None for value in values]
