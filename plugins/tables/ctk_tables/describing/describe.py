"""A folder's description, and how it came about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ctk.errors import DataError
from ctk_tables.describing.choices import TableChoices
from ctk_tables.description import Column, DescribedTable, Finding, TableDescription
from ctk_tables.reading.files import find_files
from ctk_tables.reading.frames import read_frame


def describe(folder: Path, **choices: Any) -> DescribedTable:
    """Find out what a folder's tables are. ``choices`` are the fields of TableChoices. Raises DataError."""
    import pandas as pd

    said = TableChoices(**choices)
    files = find_files(folder, said.train, said.test, said.sample)
    if files.sample is None and not said.target:
        raise DataError(
            f"{folder}: there is no sample submission, so what is to be predicted is not known.",
            "Name the column: --target COLUMN",
        )
    train, test = read_frame(folder, files.train), read_frame(folder, files.test)
    sample = read_frame(folder, files.sample) if files.sample else None
    targets = said.target or tuple(name for name in sample if name not in test and name in train)  # type: ignore[union-attr]
    id = next((name for name in (sample if sample is not None else []) if name in test), said.id)
    columns: dict[str, Column] = {}
    for name in train:
        if name in targets or name == id:
            continue
        if name not in test:
            columns[name] = Column(kind="left-out", why="the test lacks it")
            continue
        fine = pd.to_numeric(train[name].replace("", None), errors="coerce").notna() | (train[name] == "")
        columns[name] = Column(kind="number" if fine.all() else "category", why="first look")
    labels = sorted(train[targets[0]].unique())
    task = said.task or ("binary" if len(labels) == 2 else "classes" if len(labels) < 10 else "regression")
    metric = {"binary": "accuracy", "classes": "accuracy", "regression": "rmse", "ordinal": "quadratic_kappa"}[task]
    description = TableDescription(
        train=files.train,
        test=files.test,
        sample=files.sample,
        id=id,
        targets=targets,
        task=task,
        classes=() if task == "regression" else tuple(map(str, labels)),
        submits="numbers" if task == "regression" else "labels",
        submits_columns=() if sample is None else tuple(sample),
        metric=said.metric or metric,
        columns=columns,
    )
    findings = [Finding("targets", ", ".join(targets), "the sample has it", True, "--target NAME")]
    counts = {"train": len(train), "test": len(test), "sample": 0 if sample is None else len(sample)}
    return DescribedTable(description, tuple(findings), counts)
