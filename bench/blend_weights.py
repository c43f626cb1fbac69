"""What weights by member, by group of columns and by column are worth on rows that they have not seen.

    python bench/blend_weights.py [--members 4] [--columns 96]

R2 of a hill climb on the rows that it climbed on, and in five-fold cross-validation: for members that are alike in all
columns, that differ by group, and that differ by group and by column.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctk.blend import cross_validated_score, hill_climb

GROUPS = 8
KINDS = {"alike": (0.0, 0.0), "differ by group": (0.25, 0.0), "by group and column": (0.25, 0.25)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--columns", type=int, default=96)
    given = parser.parse_args()
    print(f"{given.members} members, {given.columns} columns in {GROUPS} groups; R2 where climbed, and where not\n")
    print(f"{'rows':>6}  {'members':<20} {'a weight a model':>19} {'a group':>19} {'a column':>19}  a column, 8 bags")
    for rows in (200, 2_000, 8_000):
        for kind, spread in KINDS.items():
            predictions, target, groups = data(rows, given.columns, given.members, spread)
            cells = [f"{seen:.4f} {unseen:8.4f}" for seen, unseen in scores(predictions, target, groups)]
            print(f"{rows:>6,}  {kind:<20} " + " ".join(f"{cell:>19}" for cell in cells), flush=True)


def scores(predictions: NDArray[Any], target: NDArray[Any], groups: list[int]) -> Iterator[tuple[float, float]]:
    """R2 on the rows climbed on, and on others."""
    for labels, bags in ((None, 1), (groups, 1), (range(len(groups)), 1), (range(len(groups)), 8)):
        seen = hill_climb(predictions, target, "r2", columns=labels, bags=bags).score
        yield seen, cross_validated_score(predictions, target, "r2", columns=labels, bags=bags).score


def data(
    rows: int, columns: int, members: int, spread: tuple[float, float]
) -> tuple[NDArray[Any], NDArray[Any], list[int]]:
    """Members with a common error and one of their own, whose level differs by group and by column by so much."""
    random = np.random.default_rng(0)
    groups = np.arange(columns) * GROUPS // columns
    target = random.standard_normal((rows, columns))
    level = 0.5 + spread[0] * random.standard_normal((members, GROUPS))[:, groups]
    level = np.maximum(0.1, level + spread[1] * random.standard_normal((members, columns)))
    own = level[:, None] * random.standard_normal((members, rows, columns))
    return 0.8 * target + 0.5 * random.standard_normal((rows, columns)) + own, target, groups.tolist()


if __name__ == "__main__":
    main()
