"""The scaffold ``table``: Kaggle's three files, or their like, into a competition's package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from ctk.contract import Draft, Inspection, Observation, Question, Scaffold
from ctk_tables import metrics
from ctk_tables.description import DescribedTable, Finding, Kind, Submits, Task
from ctk_tables.looks import Warning, look
from ctk_tables.scaffold.options import TableOptions

MANY = 30
"""Columns from which on those of one kind share a line of what is shown."""
ASKED = 12
"""Questions about columns are left out from so many questions on."""
ASKING: Mapping[str, tuple[str, Sequence[str]]] = {
    "targets": ("Which column is to be predicted?", ()),
    "id": ("Which column names a row?", ()),
    "task": ("What is the target?", get_args(Task)),
    "submits": ("What does the submission hold?", get_args(Submits)),
    "metric": ("Which metric decides?", ()),
    "group": ("Rows of which column belong together?", ()),
    "time": ("Which column says when, with the test after train?", ()),
}
"""What is asked of an option, and the answers there are."""


@dataclass(frozen=True)
class Looked:
    """What a look brought: the description with how it came about, and the warnings."""

    described: DescribedTable
    warnings: list[Warning]


class TableScaffold(Scaffold):
    """Looks at train, test and sample submission, and drafts a thin package about them."""

    options = TableOptions

    def inspect(self, folder: Path, options: TableOptions) -> Inspection:
        """Describe the table and look for what costs an evening. Raises DataError, UsageError."""
        from ctk_tables.describing import describe

        described = _by_own_metric(describe(folder, **choices(options)), options)
        warnings = look(folder, described.description)
        return Inspection(
            about=_about(folder, described),
            observations=observations(described),
            questions=questions(described),
            warnings=[each.sentence for each in warnings],
            found=Looked(described, warnings),
        )

    def draft(self, name: str, package: str, folder: Path, options: TableOptions, inspection: Inspection) -> Draft:
        """Draft a package: table.yaml, presets, spaces, a sample of the data, tests and a few lines of Python."""
        from ctk_tables.scaffold.package import draft

        looked: Looked = inspection.found
        return draft(name, package, folder, options, looked.described, looked.warnings)


def choices(options: TableOptions) -> dict[str, Any]:
    """What ``describe`` is told beforehand. Raises UsageError for a metric that there is not."""
    given = options.model_dump(exclude={"download"}, exclude_defaults=True)
    if options.own_metric:
        metrics.own_metric(*options.own_metric)
        del given["metric"]
    elif options.metric is not None:
        metrics.entry(options.metric)
    return given


def _by_own_metric(described: DescribedTable, options: TableOptions) -> DescribedTable:
    """Say of a function of a file that it decides."""
    if not options.own_metric:
        return described
    said = Finding("metric", str(options.metric), "as was said", True, "--metric NAME")
    findings = [said if each.key == "metric" else each for each in described.findings]
    return replace(described, findings=tuple(findings))


# What is shown -------------------------------------------------------------------------------------------------------


def observations(described: DescribedTable) -> list[Observation]:
    """A line a finding; columns of one kind share one where there are many, but for the unsure ones."""
    columns = [each for each in described.findings if each.key.startswith("columns.")]
    general = [each for each in described.findings if not each.key.startswith("columns.")]
    lines = [Observation(each.key.replace("_", " "), each.value, each.why, each.option, each.sure) for each in general]
    alone = [each for each in columns if len(columns) <= MANY or not each.sure]
    lines += [
        Observation(each.key.removeprefix("columns."), each.value, each.why, each.option, each.sure) for each in alone
    ]
    return lines + _together([each for each in columns if each not in alone], described)


def _together(findings: Sequence[Finding], described: DescribedTable) -> list[Observation]:
    kinds: dict[str, list[str]] = {}
    for finding in findings:
        name = finding.key.removeprefix("columns.")
        kinds.setdefault(described.description.columns[name].kind, []).append(name)
    return [
        Observation(
            f"{len(names):,} columns",
            kind,
            ", ".join(names[:8]) + (", ..." if len(names) > 8 else ""),
            "--column COLUMN=KIND",
        )
        for kind, names in kinds.items()
    ]


def questions(described: DescribedTable) -> list[Question]:
    """What is not sure, as questions with what was assumed as their default."""
    asked: list[Question] = []
    for finding in described.findings:
        if finding.sure:
            continue
        key, _, column = finding.key.partition(".")
        if key == "columns" and len(asked) < ASKED:
            kind = described.description.columns[column].kind
            text = f"How is column '{column}' read? {finding.why}"
            asked.append(Question("column", text, kind, get_args(Kind), f"{column}="))
        elif key in ASKING:
            value = getattr(described.description, key)
            default = ",".join(value) if isinstance(value, tuple) else str(value or "none")
            text = f"{ASKING[key][0]} {finding.why[0].upper()}{finding.why[1:]}"
            asked.append(Question("target" if key == "targets" else key, text, default, ASKING[key][1]))
    return asked


def _about(folder: Path, described: DescribedTable) -> str:
    rows = [f"{count:,} rows of {what}" for what, count in described.counts.items() if what != "sample"]
    return f"{folder}: {' and '.join(rows)}, {len(described.description.columns):,} columns to learn from"
