"""From a run's folder to files that were checked: every fitted part that was asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ctk.api import FittedRun
from ctk.contract import Progress
from ctk.errors import CtkError, DamagedError, UsageError, nearest
from ctk.files import explaining, read_json, workshop, write_json
from ctk.runs import Part, Run
from ctk.samples import Data
from ctk.training import NetworkModel, reads_sequences
from ctk_export.check import ROWS, TOLERANCE, compare, evenly, spread
from ctk_export.fitted import portable
from ctk_export.formats import Format, Job, format_of
from ctk_export.sheet import describe_check, labels, list_files, sheet

NORMALIZATION = "input_normalization.json"
"""Beside the exports, what their models tell of means and scales, by the name of each file."""
EXAMPLE_ROWS = 3
"""Rows that a graph is traced with: with one row some networks would be traced as if there were never more."""


@dataclass(frozen=True)
class Wanted:
    """What of a run to export, and how; None is all."""

    format: str
    opset: int
    member: str | None = None
    seed: int | None = None
    fold: int | None = None


def export(
    run: Run, wanted: Wanted, out: Path, skipped: Callable[[str], None], progress: Progress
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Write and check a file of each part and its sheet; yields the sheet's path and content, part by part.

    ``skipped`` is told of what is no model that can be exported. Raises UsageError for what the run has not, and
    CtkError where an export does not predict what the model does: then nothing of that part is written.
    """
    fitted = FittedRun(run)
    parts = _parts(run, wanted)
    form = format_of(wanted.format)
    for part in parts:
        _keep_others(out / _name(part, form), labels(run, part))
    written = 0
    for part in parts:
        data = fitted.data(progress, part)
        problem, job = _job(fitted, part, data, wanted)
        if job is None and wanted.member is not None:
            raise UsageError(f"{part.key} cannot be exported: {problem}.")
        if job is None:
            skipped(f"{part.key}, fold {part.fold}: not exported, {problem}.")
            continue
        yield _write(fitted, part, form, job, data, out)
        written += 1
    if not written:
        raise UsageError(f"{run.folder}: none of its members can be exported.", "Networks and ridge regressions can.")


def _parts(run: Run, wanted: Wanted) -> list[Part]:
    """The parts that were asked for. Raises UsageError naming what there is."""
    parts = run.parts()
    for what in ("member", "seed", "fold"):
        value = getattr(wanted, what)
        if value is None:
            continue
        known = list(dict.fromkeys(str(getattr(part, what)) for part in parts))
        parts = [part for part in parts if getattr(part, what) == value]
        if not parts:
            of = f" of {wanted.member}" if what != "member" and wanted.member else ""
            raise UsageError(f"{run.folder} has no {what} '{value}'{of}.", nearest(str(value), known, f"{what}s{of}"))
    return parts


def _job(run: FittedRun, part: Part, data: Data, wanted: Wanted) -> tuple[str, Job | None]:
    """What to write of a part; or why it cannot be."""
    member = run.member(part)
    if member.uses:
        return f"for it reads predictions of {', '.join(member.uses_names)}, which are no features of the data", None
    model = run.model(part, data.train, "cpu")
    if isinstance(model, NetworkModel) and reads_sequences(model.network):
        return "for it reads whole sequences, and a graph is given rows by themselves", None
    fitted = portable(model, data.train)
    if fitted is None:
        return f"for {member.model.name} is neither a torch network nor a ridge regression", None
    example = fitted.inputs(data.test.take(np.arange(EXAMPLE_ROWS) % len(data.test)))
    return "", Job(
        fitted=fitted,
        example=example,
        labels=labels(run.run, part),
        restore=lambda tensors: fitted.restore(run.blank(part), data.train, tensors),
        opset=wanted.opset,
    )


def _write(run: FittedRun, part: Part, form: Format, job: Job, data: Data, out: Path) -> tuple[Path, dict[str, Any]]:
    """Write, check, and only then put into its place; the sheet comes last."""
    name = _name(part, form)
    facts = sheet(run, part, form, job)
    samples = data.test.take(evenly(len(data.test), ROWS))
    with explaining(out), workshop(out) as folder:
        facts |= form.write(job, folder / name)
        agreement = compare(job.fitted, form.reader(job, folder / name), samples, spread(data.train))
        if not agreement.good:
            by = f"by up to {agreement.difference:.1e} of a column's standard deviation ({TOLERANCE:.0e} is rounding)"
            raise CtkError(
                f"{part.key}, fold {part.fold}: what was written predicts otherwise than the model,"
                f" {'in shape or in what is finite' if math.isnan(agreement.difference) else by}.",
                "Nothing was kept. --format safetensors writes the weights alone.",
            )
        facts |= describe_check(job, samples, agreement)
        files = sorted(folder.iterdir())
        facts["files"] = list_files(files)
        for path in files:
            path.replace(out / path.name)
    place = _sheet_of(out / name)
    write_json(place, facts)
    _tell_normalization(out / NORMALIZATION, name, job.fitted.input_normalization())
    return place, facts


def _tell_normalization(path: Path, name: str, told: Mapping[str, Any]) -> None:
    """Put what a model tells beside what was told of other files. One that is no such table is written anew."""
    try:
        before = read_json(path, dict[str, dict[str, Any]]) if path.exists() else {}
    except DamagedError:
        before = {}
    others = {file: each for file, each in before.items() if file != name and path.with_name(file).exists()}
    if found := others | ({name: dict(told)} if told else {}):
        write_json(path, found)


def _name(part: Part, form: Format) -> str:
    return f"{part.member}-seed-{part.seed}-fold-{part.fold}.{form.SUFFIX}"


def _sheet_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _keep_others(path: Path, own: Mapping[str, str]) -> None:
    """An export of the same part is replaced; what anyone else put there is not. Raises UsageError."""
    if not path.exists():
        return
    try:
        before = read_json(_sheet_of(path), dict[str, Any])
        same = all(str(before.get(name)) == value for name, value in own.items())
    except DamagedError:
        same = False
    if not same:
        raise UsageError(f"{path} is there already, and is no export of this run.", "Give another folder with --out.")
