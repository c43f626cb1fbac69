"""All looks, one after the other."""

from __future__ import annotations

from pathlib import Path

from ctk.samples import Samples
from ctk_tables.description import TableDescription
from ctk_tables.looks.adversarial import adversarial
from ctk_tables.looks.classes import one_sided
from ctk_tables.looks.constants import constants
from ctk_tables.looks.drawing import draw_sides
from ctk_tables.looks.duplicates import duplicates
from ctk_tables.looks.folds import leaking_folds
from ctk_tables.looks.ids import id_order
from ctk_tables.looks.leak import target_leak
from ctk_tables.looks.sides import Sides, unfolded
from ctk_tables.looks.tail import long_tail
from ctk_tables.looks.warning import Warning


def look(folder: Path, description: TableDescription, seed: int = 0) -> list[Warning]:
    """Look at the files of a folder, as its description says they are read; the gravest warnings first.

    Of large tables some rows are looked at, which each sentence then says. The same files and seed give the same.
    Raises DataError as reading does.
    """
    train, test, said = draw_sides(folder, description, seed)
    found = look_at(train, test, description, seed)
    return [each.model_copy(update={"sentence": f"{each.sentence} {said}".rstrip()}) for each in found]


def look_at(train: Samples, test: Samples, description: TableDescription, seed: int = 0) -> list[Warning]:
    """Look at samples as ``TableReader`` makes them; see ``look``."""
    sides = Sides(unfolded(train), unfolded(test), description, seed)
    folds = leaking_folds(sides)
    explained = frozenset(column for warning in folds for column in warning.columns)
    return [
        *target_leak(sides),
        *folds,
        *adversarial(sides, explained),
        *id_order(sides),
        *duplicates(sides),
        *one_sided(sides, explained),
        *long_tail(sides),
        *constants(sides),
    ]
