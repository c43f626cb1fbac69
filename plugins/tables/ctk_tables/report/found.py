"""What was found in the files, and what they warn of."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from ctk.contract import Section
from ctk_tables.description import Finding, TableDescription
from ctk_tables.looks import Warning
from ctk_tables.report.cells import code

TITLES = {
    "target-leak": "A column gives the target away",
    "leaking-folds": "Random folds leak",
    "adversarial": "Train and test differ",
    "id-order": "Ids tell the target",
    "duplicates": "Copies of rows",
    "one-sided": "On one side only",
    "long-tail": "A long tail",
    "constants": "Columns with one value",
}
"""Of a warning, by the look that found it."""
TASKS = {
    "regression": "numbers",
    "binary": "one of two classes",
    "classes": "one class of several",
    "ordinal": "a class in an order",
}
LISTED = 8
"""Classes that are named."""


def section(description: TableDescription, warnings: Sequence[Warning], findings: Sequence[Finding]) -> Section:
    """Warnings first, then what was found and why, then the columns, folded away."""
    html = Markup("{}{}{}").format(_warnings(warnings), _facts(description, findings), _columns(description))
    return Section("What was found", str(html), CSS)


def facts(description: TableDescription) -> list[tuple[str, str]]:
    """Say what a description says, a line a fact: what it is of, and what is so."""
    known = [
        ("predicted", f"{', '.join(description.targets)}: {TASKS[description.task]}"),
        ("metric", description.metric),
        ("submitted", f"{description.submits}, by {description.id or 'the row number'}"),
        ("train", description.train.path),
        ("test", description.test.path),
        ("sample submission", description.sample.path if description.sample else "none"),
        ("group", description.group or "none: folds are random"),
        ("time", description.time or "none"),
    ]
    if description.classes:
        more = len(description.classes) - LISTED
        said = ", ".join(description.classes[:LISTED]) + (f" and {more:,} more" if more > 0 else "")
        known.insert(1, ("classes", said))
    return known


def _warnings(warnings: Sequence[Warning]) -> Markup:
    if not warnings:
        return Markup(
            "<p>The files give no warning: no column gives the target away, and train and test are alike.</p>"
        )
    cards = Markup("").join(
        Markup("<li><b>{}</b><span>{}</span></li>").format(TITLES.get(each.name, each.name), code(each.sentence))
        for each in warnings
    )
    return Markup('<ul class="warnings">{}</ul>').format(cards)


def _facts(description: TableDescription, findings: Sequence[Finding]) -> Markup:
    row = Markup('<tr><th scope="row">{}</th><td>{}<small>{}</small></td></tr>')
    own = [each for each in findings if not each.key.startswith("columns.")]
    rows = [row.format(each.key, code(each.value), code(each.why)) for each in own] or [
        row.format(name, value, "") for name, value in facts(description)
    ]
    return Markup('<table class="found">{}</table>').format(Markup("").join(rows))


def _columns(description: TableDescription) -> Markup:
    kinds: dict[str, int] = {}
    for column in description.columns.values():
        kinds[column.kind] = kinds.get(column.kind, 0) + 1
    said = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
    row = Markup('<tr><th scope="row">{}</th><td>{}<small>{}</small></td></tr>')
    rows = Markup("").join(row.format(name, each.kind, code(each.why)) for name, each in description.columns.items())
    tall = " tall" if len(description.columns) > 24 else ""
    return Markup(
        "<details><summary>{:,} columns: {}</summary>"
        '<div class="scroll{}" tabindex="0" role="region" aria-label="Columns"><table class="found">{}</table></div>'
        "</details>"
    ).format(len(description.columns), said, tall, rows)


CSS = """
.warnings { list-style: none; padding: 0; margin: .75rem 0 1.5rem; display: grid; gap: .6rem; max-width: 52rem; }
.warnings li { background: var(--panel); border-left: 3px solid var(--s2); padding: .6rem .9rem;
  overflow-wrap: anywhere; }
.warnings b { display: block; }
table.found { margin-top: .75rem; max-width: 52rem; }
table.found th { color: var(--muted); vertical-align: top; white-space: normal; overflow-wrap: anywhere;
  min-width: 6rem; max-width: 14rem; }
table.found td { white-space: normal; overflow-wrap: anywhere; }
table.found small { display: block; color: var(--muted); }
"""
