"""How predictions stand to the truth's own values: by class, or by fifths of a target of numbers."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from ctk.samples import Array
from ctk_tables.description import TableDescription
from ctk_tables.report.cells import percent, plain

BINS = 5
SHOWN = 30
"""Classes, the worst first where there are more."""


def truth_table(prediction: Array, target: Array, description: TableDescription) -> Markup:
    """Make a table of predictions by true values, (N, K) both; nothing where there are several targets."""
    if description.task == "classes":
        return _by_class(prediction.argmax(axis=1), target.argmax(axis=1), description.classes)
    if target.shape[1] > 1 or not len(target):
        return Markup("")
    ours, truth = prediction[:, 0].astype(np.float64), target[:, 0].astype(np.float64)
    if description.task == "regression":
        return _by_fifth(ours, truth)
    names = description.classes or ("0", "1")
    labels = np.clip(np.floor(ours + 0.5), 0, len(names) - 1).astype(int)
    return _by_class(labels, truth.astype(int), names)


def _by_class(labels: Array, truth: Array, names: tuple[str, ...]) -> Markup:
    lines = []
    for number, name in enumerate(names):
        own = labels[truth == number]
        if not len(own):
            continue
        right = float((own == number).mean())
        counts = np.bincount(own[own != number], minlength=len(names))
        often = int(counts.argmax())
        taken = f"{names[often]} ({percent(counts[often] / len(own))})" if counts[often] else "never wrong"
        lines.append((right, Markup(
            '<tr><th scope="row">{}</th><td class="number">{:,}</td><td class="number">{}</td><td>{}</td></tr>'
        ).format(name, len(own), percent(right), taken)))  # fmt: skip
    if len(lines) > SHOWN:
        lines = sorted(lines, key=lambda line: line[0])[:SHOWN]
    return _table(
        "By true class", "likeliest class", ("class", "rows", "right", "taken most for"), [row for _, row in lines]
    )


def _by_fifth(ours: Array, truth: Array) -> Markup:
    edges = np.unique(np.quantile(truth, np.arange(1, BINS) / BINS))
    place = np.searchsorted(edges, truth, side="left")
    rows = []
    for bin in np.unique(place):
        own = place == bin
        cells = (truth[own].mean(), ours[own].mean(), np.abs(ours[own] - truth[own]).mean())
        rows.append(
            Markup('<tr><th scope="row">{} to {}</th><td class="number">{:,}</td>{}</tr>').format(
                plain(truth[own].min()), plain(truth[own].max()), int(own.sum()),
                Markup("").join(Markup('<td class="number">{}</td>').format(plain(cell)) for cell in cells),
            )
        )  # fmt: skip
    note = "means; where the predicted is nearer to the middle than the true, the blend is cautious"
    return _table("By true value", note, ("truth", "rows", "true", "predicted", "off by"), rows)


def _table(title: str, note: str, heads: tuple[str, ...], rows: list[Markup]) -> Markup:
    first, *others = heads
    names = Markup("").join(
        Markup('<th scope="col"{}>{}</th>').format(Markup("" if head.startswith("taken") else ' class="number"'), head)
        for head in others
    )
    return Markup(
        '<h3>{}</h3><p class="note">{}.</p><div class="scroll"><table class="truth"><thead><tr>'
        '<th scope="col">{}</th>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(title, note[0].upper() + note[1:], first, names, Markup("").join(rows))
