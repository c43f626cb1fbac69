"""The report's page: what of the results goes where, and the template that sets it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctk.contract import Section
from ctk.data import features_lacking
from ctk.errors import hide_secrets
from ctk.files import dump_yaml, write_text
from ctk.report import curves
from ctk.report.blend_trace import plot_climb
from ctk.report.folds import Folds, by_fold
from ctk.report.heat import MapRow, weight_map
from ctk.report.importances import ImportanceBars, importance_bars
from ctk.report.member_graph import member_graph, nodes_of
from ctk.report.members_table import members_table
from ctk.report.numbers import column, comparison, mending, number
from ctk.report.rendering import Fact, render_template
from ctk.report.transformed import sheet
from ctk.report.who import by_rank, deciding, slots, split_key, spoken

if TYPE_CHECKING:
    from ctk.contract import Results

FEW = 12
"""Rows that a list shows without being unfolded."""


def write_report(results: Results, sections: Sequence[Section], path: Path) -> None:
    """Write the run's report as one HTML file that needs nothing else, atomically.

    ``sections`` come after what every competition shares and before config and environment.
    """
    from markupsafe import Markup

    page = render_template(
        "page.html.j2",
        results=results,
        metric=results.metric,
        section_styles=[Markup(section.css) for section in sections],
        facts=headline(results),
        lacking=features_lacking(results.test, results.valid),
        sentences=sentences(results),
        table=members_table(results),
        plots=plots(results),
        legend=legend(results),
        importances=importances(results),
        sheets=[sheet(title, *rows) for title, rows in results.transformed.items()],
        weights=weights(results),
        weights_by_group=weights_by_group(results),
        weights_by_bin=weights_by_bin(results),
        graph=graph(results),
        trace=trace(results),
        chosen_here=bool(results.blend.trace) and len(results.blend.weights) > 1,
        several_folds=_plain(results.config).get("split", {}).get("use", 1) > 1,
        folds=folds(results),
        blender=_name(results.config.get("blend")),
        sections=[(section.title, Markup(section.html)) for section in sections],
        config=hide_secrets(dump_yaml(_plain(results.config), width=100)),
        environment=_flat(results.environment),
        few=FEW,
    )
    write_text(path, page)


# Headline ----------------------------------------------------------------------------------------------------------


def headline(results: Results) -> list[Fact]:
    """The deciding metric of the blend, the best member, the best baseline, the submission."""
    carrying = sum(1 for weight in results.blend.weights.values() if weight)
    facts = [Fact("Blend", number(deciding(results, "blend")), f"of {_count(carrying, 'prediction')}", main=True)]
    for label, baselines in (("Best member", False), ("Best baseline", True)):
        ranked = by_rank(results, baselines=baselines)
        if ranked and ranked[0] in results.scores:
            facts.append(Fact(label, number(deciding(results, ranked[0])), spoken(results, ranked[0])))
    if results.metric.name in results.truth_scores:
        score = number(float(results.truth_scores[results.metric.name]))
        facts.append(Fact("Test", score, f"{len(results.test):,} rows"))
    return facts


def sentences(results: Results) -> list[str]:
    """How the blend stands to each baseline and to the best member, best baseline first."""
    ours = deciding(results, "blend")
    said = [
        comparison(results.metric, ours, spoken(results, key), deciding(results, key))
        for key in by_rank(results, baselines=True)
    ]
    members = by_rank(results, baselines=False)
    if len(members) > 1 and members[0] in results.scores:
        name = f"the best single member {spoken(results, members[0])}"
        said.append(comparison(results.metric, ours, name, deciding(results, members[0])))
    return said + raw_sentences(results)


def raw_sentences(results: Results) -> list[str]:
    """What mending is worth to the blend, on what was validated and on the test; none where nothing is known of it."""
    name = results.metric.name
    mended = {"on the validated rows": results.scores.get("blend", {}), "on the test": results.truth_scores}
    raw = (results.raw_scores, results.raw_test_scores)
    return [
        mending(results.metric, scores[name], of_raw["blend"][name], where)
        for (where, scores), of_raw in zip(mended.items(), raw, strict=True)
        if name in scores and "blend" in of_raw
    ]


# Folds -----------------------------------------------------------------------------------------------------------


def folds(results: Results) -> Folds | None:
    """The scores by fold; None where one fold was validated on."""
    if results.folds is None:
        return None
    colours = slots(results)
    whose = {
        key: (
            spoken(results, key),
            "baseline" if key in results.baselines else "blend" if key == "blend" else "member",
            colours.get(split_key(key)[0], 0),
        )
        for key in results.folds.scores
    }
    return by_fold(results.folds, whose)


# Curves ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plot:
    """A heading and trusted SVG."""

    title: str
    svg: Any


def plots(results: Results) -> list[Plot]:
    """Loss and metric over epochs; none of a kind that no member has recorded."""
    from markupsafe import Markup

    colours = slots(results)
    by_key = {key: colours.get(split_key(key)[0], 0) for key in results.curves}
    drawn = []
    if losses := curves.lines(results.curves, "loss", by_key):
        drawn.append(Plot("Training loss", Markup(curves.plot_loss(losses))))
    name = results.metric.name
    if scores := curves.lines(results.curves, name, by_key):
        drawn.append(
            Plot(f"{name} on the validation split", Markup(curves.plot_metric(scores, results.metric, levels(results))))
        )
    return drawn


def levels(results: Results) -> dict[str, float]:
    """The blend's score and the best baseline's, to set curves against: of the first fold where there are several."""
    keys = {"blend": "blend"} | {spoken(results, key): key for key in by_rank(results, baselines=True)[:1]}
    # Curves are of the first fold. The score of all folds together is of other rows, and may be nowhere near it.
    of_fold = {} if results.folds is None else {key: scores[0] for key, scores in results.folds.scores.items()}
    found = {whose: of_fold.get(key, deciding(results, key)) for whose, key in keys.items()}
    return {whose: level for whose, level in found.items() if math.isfinite(level)}


@dataclass(frozen=True)
class LegendEntry:
    """A colour of the curves and whose it is."""

    slot: int
    name: str


def legend(results: Results) -> list[LegendEntry]:
    """Members with curves by colour; those in grey together as the last entry."""
    colours = slots(results)
    names = dict.fromkeys(split_key(key)[0] for key, rows in results.curves.items() if rows)
    entries = [LegendEntry(colours[name], name) for name in colours if name in names and colours[name]]
    grey = [name for name in names if not colours.get(name)]
    if grey:
        entries.append(LegendEntry(0, grey[0] if len(grey) == 1 else f"{len(grey)} others"))
    return entries


# Importances -------------------------------------------------------------------------------------------------------


def importances(results: Results) -> list[ImportanceBars]:
    """What columns are worth to each member that tells, the best member first."""
    colours = slots(results)
    by_name: dict[str, list[Mapping[str, float]]] = {}
    for key in [*by_rank(results, baselines=False), *by_rank(results, baselines=True)]:
        if told := results.importances.get(key):
            by_name.setdefault(split_key(key)[0], []).append(told)
    found = [importance_bars(name, colours.get(name, 0), told) for name, told in by_name.items()]
    return [each for each in found if each is not None]


# Blend -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Weight:
    """A member's weight, and its bar's length as a part of the largest."""

    name: str
    slot: int
    weight: str
    share: float


def weights(results: Results) -> list[Weight]:
    """The weights that are not zero, the largest first."""
    colours = slots(results)
    used = sorted(((key, weight) for key, weight in results.blend.weights.items() if weight), key=lambda item: -item[1])
    most = max((abs(weight) for _, weight in used), default=1.0)
    return [
        Weight(spoken(results, key), colours.get(split_key(key)[0], 0), number(weight), abs(weight) / most)
        for key, weight in used
    ]


def weights_by_group(results: Results) -> Plot | None:
    """The weights of groups of columns as a picture, members as in ``weights``; None where columns have no own."""
    from markupsafe import Markup

    blend = results.blend
    if not blend.by_group:
        return None
    colours = slots(results)
    used = sorted((key for key in blend.by_group if any(blend.by_group[key])), key=lambda key: -blend.weights[key])
    rows = [MapRow(spoken(results, key), colours.get(split_key(key)[0], 0), blend.by_group[key]) for key in used]
    targets = results.valid.targets
    each_column = len(blend.column_groups) == len(blend.group_of_column)
    bands = targets.groups.tolist() if targets is not None and each_column else [""] * len(blend.column_groups)
    title = "Weights by column" if each_column else "Weights by group of columns"
    return Plot(title, Markup(weight_map(rows, blend.column_groups, bands)))


@dataclass(frozen=True)
class BinTable:
    """The weights of bins of rows: what the bins are called, and each member with its weights."""

    bins: list[str]
    rows: list[tuple[str, int, list[str]]]


def weights_by_bin(results: Results) -> BinTable | None:
    """The weights of each bin of rows, members as in ``weights``; None where all rows have the same."""
    blend = results.blend
    if blend.rows is None:
        return None
    colours = slots(results)
    used = [key for key in blend.weights if any(part.weights[key] for part in blend.parts)]
    rows = [
        (spoken(results, key), colours.get(split_key(key)[0], 0), [number(part.weights[key]) for part in blend.parts])
        for key in sorted(used, key=lambda key: -blend.weights[key])
    ]
    return BinTable(blend.rows.names, [*rows, (results.metric.name, 0, [_cell(part.score) for part in blend.parts])])


def graph(results: Results) -> Any:
    """Which members use which, as trusted SVG; None where none uses another."""
    from markupsafe import Markup

    members = results.config.get("members", ())
    uses = {
        str(member["name"]): [each if isinstance(each, str) else str(each["member"]) for each in _asked(member)]
        for member in members
        if isinstance(member, Mapping) and "name" in member
    }
    if not any(uses.values()):
        return None
    best = {name: key for key in reversed(_ranked(results)) for name in [split_key(key)[0]]}
    scores = {name: number(deciding(results, key)) for name, key in {**best, "blend": "blend"}.items()}
    total: dict[str, float] = {}
    for key, weight in results.blend.weights.items():
        total[split_key(key)[0]] = total.get(split_key(key)[0], 0.0) + weight
    weights = {name: number(weight) for name, weight in total.items() if weight}
    blender = _name(results.config.get("blend"))
    return Markup(member_graph(nodes_of(uses, scores, weights, slots(results), f"blend {blender}".strip())))


def _asked(member: Mapping[str, Any]) -> list[Any]:
    """What a member uses, and what its pseudo-labels are of."""
    return [*member.get("uses", ()), *(member.get("pseudo_labels") or {}).get("of", ())]


def _ranked(results: Results) -> list[str]:
    return [*by_rank(results, baselines=False), *by_rank(results, baselines=True)]


@dataclass(frozen=True)
class TraceTable:
    """The steps of a blender as a table, and as a figure where they are a climb."""

    columns: list[str]
    rows: list[list[str]]
    numeric: list[bool]
    plot: Plot | None


def trace(results: Results) -> TraceTable | None:
    """The blend's steps, in the words its blender wrote them down in; None where it took none."""
    steps = results.blend.trace
    if not steps:
        return None
    names = list(dict.fromkeys(name for step in steps for name in step))
    columns, numeric = [], []
    for name in names:
        values = [step.get(name) for step in steps]
        numbers = [None if value is None else float(value) for value in values if _is_number(value) or value is None]
        numeric.append(len(numbers) == len(values))
        columns.append(column(numbers) if numeric[-1] else [_cell(value) for value in values])
    return TraceTable(names, [list(row) for row in zip(*columns, strict=True)], numeric, _climb(results))


def _climb(results: Results) -> Plot | None:
    from markupsafe import Markup

    colours = slots(results)
    if results.blend.parts:  # several climbs, one after another
        return None
    drawn = plot_climb(results.blend.trace, {key: colours.get(split_key(key)[0], 0) for key in results.blend.weights})
    return Plot(f"{list(results.blend.trace[0])[-1]} after each step", Markup(drawn)) if drawn else None


# Small things ------------------------------------------------------------------------------------------------------


def _count(many: int, of: str) -> str:
    return f"{many:,} {of}" if many == 1 else f"{many:,} {of}s"


def _name(choice: Any) -> str:
    return str(choice.get("name", "")) if isinstance(choice, Mapping) else str(choice or "")


def _plain(values: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(dict(values), default=str))


def _flat(values: Mapping[str, Any], above: str = "") -> list[tuple[str, str]]:
    """Nested mappings as rows, with their keys joined by dots."""
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{above}{key}.")
        else:
            rows.append((f"{above}{key}", _cell(value)))
    return rows


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_cell(each)}" for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_cell(each) for each in value)
    return str(value)
