"""The outcome of an ablation, and the tables it is written to."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctk.contract import Metric
from ctk.files import finite, write_json, write_text
from ctk.notebook import Tabular
from ctk.series.ablation import BASE
from ctk.series.ablation.differences import ALONE, LOST, Difference, compare, each_level

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, repr=False)
class Ablation(Tabular):
    """An ablation that was run: every run's score, and each variant's difference to the base.

    metric     the deciding one; the scores are the blend's, on what is validated
    overrides  by variant, what it changes
    scores     by variant, the base first: by seed, where the run finished with a number
    problems   by variant and seed, why there is none
    """

    folder: Path
    title: str
    metric: Metric
    seeds: tuple[int, ...]
    overrides: Mapping[str, Sequence[str]]
    scores: Mapping[str, Mapping[int, float]]
    problems: Mapping[str, Mapping[int, str]]

    def heading(self) -> str:
        """Say which ablation it is, and what its base reaches."""
        base = _mean(list(self.scores[BASE].values()))
        return f"{self.title} · {self.folder.name} · {self.metric.name} of the base {base:.4f}"

    def table(self) -> DataFrame:
        """Make a table of a row a variant, the best first: difference to the base, its spread, and the verdict."""
        import pandas as pd

        rows = {name: [_mean(row.scores), row.mean, row.std, row.verdict] for name, row in self.rows().items()}
        return pd.DataFrame.from_dict(rows, orient="index", columns=[self.metric.name, "difference", "std", "verdict"])

    def rows(self) -> dict[str, Difference]:
        """Compare each variant, the best first, those that cannot be compared last."""
        found = {
            name: compare(self.scores[BASE], scores, self.metric.sign, self.comparisons)
            for name, scores in self.scores.items()
            if name != BASE
        }
        best_first = sorted(found, key=lambda name: self.metric.merit(found[name].mean), reverse=True)
        return {name: found[name] for name in best_first}

    @property
    def comparisons(self) -> int:
        """Variants that share two seeds with the base, so that noise can be told; 1 where there are none."""
        shared = [len(self.scores[BASE].keys() & self.scores[name].keys()) for name in self.overrides]
        return max(1, sum(count > 1 for count in shared))

    @property
    def level(self) -> float:
        """The level of the intervals that verdicts are by."""
        return each_level(self.comparisons)

    @property
    def compared(self) -> bool:
        """Whether any variant could be compared with the base."""
        return any(row.verdict != LOST for row in self.rows().values())

    def rule(self) -> str:
        """Say how the verdicts were found, in a sentence or two."""
        if not self.compared:
            return "No variant and the base finished with the same seed, so nothing can be compared."
        if all(row.verdict in (LOST, ALONE) for row in self.rows().values()):
            return "Without a spread over seeds no difference can be told from noise."
        said = (
            "Differences are paired by seed; the interval is 95 % for their mean, by Student's t."
            " One that holds 0 is within noise."
        )
        if self.comparisons > 1:
            said += (
                f" With {self.comparisons} variants the verdict is by {percent(self.level)} intervals (Bonferroni),"
                " which all hold at once in 95 % of cases."
            )
        return said

    def plain(self) -> dict[str, Any]:
        """Return all of it as JSON takes it."""
        return {
            "folder": self.folder,
            "metric": self.metric.name,
            "direction": self.metric.direction,
            "seeds": list(self.seeds),
            "rule": self.rule(),
            "base": {"scores": dict(self.scores[BASE]), "problems": dict(self.problems.get(BASE, {}))},
            "variants": {
                name: {"set": list(self.overrides[name]), **vars(row), "problems": dict(self.problems.get(name, {}))}
                for name, row in self.rows().items()
            },
        }

    def write_tables(self) -> None:
        """Write ``ablation.json`` and ``ablation.csv``, a row a variant."""
        write_json(self.folder / "ablation.json", finite(self.plain()))
        text = io.StringIO()
        write = csv.writer(text, lineterminator="\n").writerow
        reach = ["low_95", "high_95", "low_all", "high_all"]
        by_seed = [f"difference_seed_{seed}" for seed in self.seeds]
        write(["variant", "set", "seeds", "base", "score", "difference", "std", *reach, "verdict", *by_seed, "problem"])
        for name, row in self.rows().items():
            differences = dict(zip(row.seeds, row.differences, strict=True))
            ends = [end for each in (row.interval, row.all_intervals) for end in each or (math.nan, math.nan)]
            numbers = [_mean(row.base), _mean(row.scores), row.mean, row.std, *ends]
            each_seed = [differences.get(seed, math.nan) for seed in self.seeds]
            problem = " ".join(self.problems.get(name, {}).values()).replace("\n", " ")
            cells = [_cell(each) for each in numbers]
            write(
                [
                    name,
                    " ".join(self.overrides[name]),
                    len(row.seeds),
                    *cells,
                    row.verdict,
                    *map(_cell, each_seed),
                    problem,
                ]
            )
        write_text(self.folder / "ablation.csv", text.getvalue())


def percent(level: float) -> str:
    """Write a level as 95 % or 98.33 %."""
    return f"{100 * level:.4g} %"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _cell(value: float) -> str:
    return "" if math.isnan(value) else repr(value)
