"""A folder's description, and how it came about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ctk.data import MEND
from ctk.errors import DataError, UsageError, nearest
from ctk_tables.describing.choices import TableChoices
from ctk_tables.describing.kinds import FoundKind, as_kind, find_kind
from ctk_tables.describing.pictures import find_pictures
from ctk_tables.describing.roles import FoundId, FoundTargets, find_id, find_targets
from ctk_tables.describing.structure import find_group, find_time
from ctk_tables.describing.survey import MEMORY, SurveyedTable, survey
from ctk_tables.describing.tasks import default_metric, find_submits, find_task
from ctk_tables.description import Column, DescribedTable, Dialect, Finding, TableDescription, TableFile
from ctk_tables.reading.files import TableFiles, find_files

TOGETHER = 12
"""More columns of one kind of which nothing else is likely are one finding."""


def describe(folder: Path, memory: int = MEMORY, **choices: Any) -> DescribedTable:
    """Find out what a folder's tables are, and why.

    memory   bytes of a table's cells that are looked at; of a larger one, rows by lot
    choices  the fields of TableChoices: what is said need not be found
    Raises DataError for files that no competition can be made of, UsageError for choices that do not fit them.
    """
    said = _choices(choices)
    files = find_files(folder, said.train, said.test, said.sample)
    train, test = (survey(folder, _as_said(file, said), memory) for file in (files.train, files.test))
    sample = survey(folder, _as_said(files.sample, said), memory) if files.sample else None
    for table in (train, test, *([sample] if sample else [])):
        if not table.rows:
            raise DataError(f"{table.path}: has no rows under its header.", "Download it again.")
    if sample is not None and (told := sample.header.changed()):
        raise DataError(f"{sample.path}: {next(iter(told.values()))}.", MEND)
    id = find_id(train, test, sample, said.id)
    targets = find_targets(train, test, sample, id, said.target)
    task = find_task(train, targets.names, targets.labels, sample, said.task, said.classes, said.metric)
    predicted = [name for name in sample.names if name != id.name] if sample is not None else []
    submits = find_submits(task, targets.names, targets.labels, sample, said.metric, predicted)
    if said.submits:
        written = submits.written if said.submits == "labels" else ()
        submits = type(submits)(said.submits, "as was said", True, written)
    metric = said.metric or default_metric(task.task, submits.submits)
    columns, doubts = _columns(train, test, id, targets, said)
    group = find_group(train, test, columns, id.column, said.group)
    time = find_time(train, test, columns, said.time)
    if not any(column.kind != "left-out" for column in columns.values()):
        raise DataError(f"{train.path}: has no column to learn from beside the id and the target.", "Is it whole?")
    description = TableDescription(
        train=train.file,
        test=test.file,
        sample=sample.file if sample else None,
        id=id.name,
        ids_in=id.column if id.column != id.name else None,
        targets=targets.names,
        task=task.task,
        classes=task.classes,
        submits=submits.submits,
        written=submits.written,
        submits_columns=sample.names if sample else (),
        metric=metric,
        group=group.name,
        time=time.name,
        columns=columns,
    )
    findings = [
        *_of_files(files, train, test, sample),
        Finding("id", id.name or "none: rows are counted", id.why, id.sure, "--id COLUMN"),
        Finding("targets", ", ".join(targets.names), targets.why, targets.sure, "--target COLUMN"),
        Finding("task", task.task, task.why, task.sure, "--task TASK"),
    ]
    if task.classes:
        findings.append(Finding("classes", ", ".join(task.classes), _order(task.task), True, "--classes LABEL"))
    findings += [
        *(Finding("classes", "odd", f"{train.path.name}, {note}", True, "--target COLUMN") for note in task.notes),
        Finding("submits", submits.submits, submits.why, submits.sure, "--submits KIND"),
        Finding(
            "metric",
            metric,
            "as was said" if said.metric else f"the usual one of {submits.submits} of this task; the competition says",
            said.metric is not None,
            "--metric NAME",
        ),
        Finding("group", group.name or "none", group.why, group.sure, "--group COLUMN"),
        Finding("time", time.name or "none", time.why, time.sure, "--time COLUMN"),
        *_of_columns(columns, doubts),
    ]
    counts = {"train": train.rows, "test": test.rows, "sample": sample.rows if sample else 0}
    return DescribedTable(description, tuple(findings), counts)


def _choices(choices: Mapping[str, Any]) -> TableChoices:
    try:
        return TableChoices.model_validate(choices)
    except ValidationError as error:
        first = error.errors()[0]
        option = "-".join(map(str, first["loc"][:1])).replace("_", "-")
        where = f"Option --{option}" if option else "Options"
        raise UsageError(
            f"{where}: {first['msg'].removeprefix('Value error, ')}.", "ctk new competition --help"
        ) from None


def _as_said(file: TableFile, said: TableChoices) -> TableFile:
    if file.dialect is None:
        return file
    changes = {"encoding": said.encoding, "separator": said.separator, "decimal": said.decimal}
    given = {name: value for name, value in changes.items() if value is not None}
    if given.get("separator") in ("tab", "\\t"):
        given["separator"] = "\t"
    return file.model_copy(update={"dialect": file.dialect.model_copy(update=given)})


def _columns(
    train: SurveyedTable, test: SurveyedTable, id: FoundId, targets: FoundTargets, said: TableChoices
) -> tuple[dict[str, Column], set[str]]:
    """Return columns by name, and the names of those that could be of another kind."""
    for name in said.column:
        if name not in train.has:
            raise UsageError(f"{train.path}: has no column '{name}'.", nearest(name, train.names, "columns"))
    columns: dict[str, Column] = {}
    doubts: set[str] = set()
    for name in train.names:
        if name in targets.names:
            continue
        kind = said.column.get(name)
        if name not in test.has:
            if kind not in (None, "left-out"):
                raise UsageError(f"{test.path}: has no column '{name}'.", "What the test lacks cannot be learned from.")
            if name != id.name:
                columns[name] = Column(kind="left-out", why=f"{test.path.name} lacks it")
            continue
        cells = train.seen(name), test.seen(name)
        if kind is not None:
            columns[name] = as_kind(name, kind, *cells, train.decimal, train.folder, said.missing)
            continue
        found = find_kind(name, *cells, (train.decimal, test.decimal), train.folder, said.missing)
        if name == id.column and found.column.kind not in ("date", "picture"):
            if (paths := find_pictures(train.folder, *cells, bare=True)) is None:
                continue
            found = FoundKind(Column(kind="picture", paths=paths, why="there are pictures called so"), True)
        columns[name] = found.column
        if not found.sure:
            doubts.add(name)
    return columns, doubts


def _of_files(
    files: TableFiles, train: SurveyedTable, test: SurveyedTable, sample: SurveyedTable | None
) -> Iterator[Finding]:
    for role, table in (("train", train), ("test", test), ("sample", sample)):
        if table is None:
            why = "no file is called so; submissions are the id and the targets"
            yield Finding("sample", "none", why, True, "--sample FILE")
            continue
        others = files.others.get(role, ())
        why = "by its name" + (f"; {', '.join(others[:3])} could be it too" if others else "")
        value = f"{table.file.path}: {table.rows:,} rows, {len(table.names):,} columns"
        if not table.whole:
            value += f"; described from {len(table.table):,} rows by lot"
        yield Finding(role, value, why, not others, f"--{role} FILE")
        yield from _of_dialect(role, table)
        for name, told in table.header.changed().items():
            yield Finding(
                f"columns.{name}", f"is called {name}", f"{table.path.name}: {told}", True, f"--column {name}=KIND"
            )
    if sample is not None and sample.rows < test.rows:
        more = f"{test.rows - sample.rows:,} rows of {test.path.name} are not in it, and not predicted"
        yield Finding("sample", f"{sample.rows:,} rows", more, True, "--sample FILE")
    if lone := [name for name in test.names if name not in train.has and name not in (sample.names if sample else ())]:
        yield Finding(
            "columns", f"not read: {', '.join(lone[:8])}", f"{train.path.name} lacks them", True, "--test FILE"
        )


def _of_dialect(role: str, table: SurveyedTable) -> Iterator[Finding]:
    """Tell what of a file of text is not as usual."""
    dialect, usual = table.file.dialect, Dialect()
    if dialect is None or dialect == usual:
        return
    name = table.path.name
    if dialect.encoding != usual.encoding:
        mark = dialect.encoding in ("utf-8-sig", "utf-16")
        why = "its first bytes say so" if mark else f"{name} is not UTF-8"
        yield Finding(f"{role}.dialect.encoding", dialect.encoding, why, mark, "--encoding NAME")
    if dialect.separator != usual.separator:
        why = f"it divides rows of {name} into {len(table.names)} cells each"
        yield Finding(f"{role}.dialect.separator", repr(dialect.separator), why, True, "--separator CHARACTER")
    if dialect.decimal != usual.decimal:
        why = f"numbers of {name} have one, and none has a point"
        yield Finding(f"{role}.dialect.decimal", dialect.decimal, why, True, "--decimal CHARACTER")


def _of_columns(columns: Mapping[str, Column], doubts: set[str]) -> Iterator[Finding]:
    """A finding a column, and one for many of one kind of which nothing else is likely."""
    alike: dict[str, list[str]] = {}
    for name, column in columns.items():
        if name not in doubts and not column.missing:
            alike.setdefault(column.kind, []).append(name)
    told: set[str] = set()
    for kind, names in alike.items():
        if len(names) > TOGETHER:
            told.update(names)
            value = f"{len(names):,} of kind {kind}: {', '.join(names[:3])} ... {names[-1]}"
            yield Finding("columns", value, columns[names[0]].why, True, "--column NAME=KIND")
    for name, column in columns.items():
        if name in told:
            continue
        yield Finding(f"columns.{name}", column.kind, column.why, name not in doubts, f"--column {name}=KIND")


def _order(task: str) -> str:
    return {"binary": "of the two, the second is 1", "ordinal": "from the lowest to the highest"}.get(task, "as sorted")
