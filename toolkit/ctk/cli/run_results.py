"""What a competitor sees of a run at its end: the table of scores, and where its files lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ctk.cli.printing import console, format_score, print_table
from ctk.contract import Blend, FoldTable, Results
from ctk.contract.results import BLEND
from ctk.report.numbers import comparison
from ctk.report.page import raw_sentences


def print_results(results: Results) -> None:
    """Print the table of members, the blend and the test, and where submission and report lie."""
    metric = results.metric.name
    shown = list(results.headline)
    known, raw = bool(results.truth_scores), results.raw_columns()
    rows = []
    for key in (*results.members, *([BLEND] if BLEND in results.scores else [])):
        scores = results.scores.get(key, {})
        weight = results.blend.weights.get(key)
        mark = "baseline" if key in results.baselines else "" if key == BLEND else format_score(weight, 2)
        took = f"{results.seconds[key]:.0f} s" if key in results.seconds else ""
        label = f"blend ({_blender_label(results.config['blend'], results.blend)})" if key == BLEND else key
        on_test = [format_score(results.on_test(key))] if known else []
        on_test += [format_score(scores.get(key)) for scores in raw.values()]
        rows.append([label, *(format_score(scores.get(name)) for name in shown), *on_test, mark, took])
    empty = [""] * ((3 if known else 2) + len(raw))
    if known:
        rows.append(["the same, on the test", *(format_score(results.truth_scores[name]) for name in shown), *empty])
    for name, each in results.blends.items():
        label = f"blend {name} ({_blender_label(results.config['blends'][name], each.blend)})"
        rows.append([label, *(format_score(each.scores.get(score)) for score in shown), *empty])
        if each.truth_scores:
            rows.append(["the same, on the test", *(format_score(each.truth_scores[score]) for score in shown), *empty])
    console.print()
    if rows:
        columns = [*shown, *([f"test {metric}"] if known else []), *raw, "weight", "time"]
        print_table(["member", *columns], rows, numbers=len(columns))
        console.print()
    if results.folds is not None:
        _print_folds(results.folds)
    if BLEND in results.scores:
        for key in sorted(results.baselines):
            ours, theirs = results.scores[BLEND][metric], results.scores[key][metric]
            console.print(comparison(results.metric, ours, key, theirs))
    for sentence in raw_sentences(results):
        console.print(sentence)
    for sentence in results.limited:
        console.print(sentence)
    held = f"{len(results.submitted):,} rows" if results.bundle is None else "a bundle"
    console.print(f"submission  {results.submission}   {held}, valid", soft_wrap=True)
    for fact in results.bundle or ():
        console.print(f"            {fact}", soft_wrap=True)
    for each in results.blends.values():
        console.print(f"submission  {each.submission}", soft_wrap=True)
    console.print(f"report      {results.folder / 'report.html'}", soft_wrap=True)


def _print_folds(found: FoldTable) -> None:
    """Print a row a member and a column a fold; then what was checked."""
    folds = range(len(found.validated))
    rows = [
        ["rows trained on", *(f"{rows:,}" for rows in found.trained)],
        ["rows validated", *(f"{rows:,}" for rows in found.validated)],
        *([["from time", *(str(first) for first, _ in found.spans)]] if found.spans else []),
        *([["to time", *(str(last) for _, last in found.spans)]] if found.spans else []),
    ]
    rows = [[*row, "", "", ""] for row in rows]
    for key, scores in found.scores.items():
        summary = (found.mean(key), found.deviation(key), found.pooled[key])
        rows.append([key, *(format_score(score) for score in scores), *(format_score(each) for each in summary)])
    print_table(
        [f"{found.metric} by fold", *(str(fold) for fold in folds), "mean", "std", "pooled"], rows, len(folds) + 3
    )
    for line in found.checked:
        console.print(line)
    console.print()


def _blender_label(choice: Mapping[str, Any], blend: Blend) -> str:
    """Return the blender's name, and of how many members."""
    return f"{choice['name']} of {sum(weight != 0 for weight in blend.weights.values())}"
