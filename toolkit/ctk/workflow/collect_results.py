"""The scores of a run and its results, in memory and in its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ctk.contract import Blend, Competition, FurtherBlend, Metric, Results
from ctk.contract.results import BLEND
from ctk.files import read_json, write_json, write_text
from ctk.runs import Part, Run
from ctk.samples import Array, Samples
from ctk.workflow.blend_members import BlendedPredictions, PredictedRun
from ctk.workflow.fold_scores import FoldScorer
from ctk.workflow.predictions import MemberPredictions, parts_by_key
from ctk.workflow.pseudo_labels import describe

ScoresByKey = Mapping[str, Mapping[str, float]]
"""By member key and "blend", numbers by name."""


def score_blend(
    predicted: PredictedRun, blended: BlendedPredictions
) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Score a blend on what was validated, and on the test where its truth is public."""
    valid = {} if blended.valid is None else _evaluate(predicted, blended.valid, predicted.members.valid)
    return valid, _score_on_test(predicted, blended.test)


def collect_results(
    predicted: PredictedRun,
    blended: BlendedPredictions,
    submission: Path,
    scorer: FoldScorer | None = None,
    blends: Mapping[str, FurtherBlend] | None = None,
    raw: MemberPredictions | None = None,
    limited: Sequence[str] = (),
) -> Results:
    """Score members, blend and submission, and write the scores.

    They go to ``scores.json``, ``metrics.jsonl`` and, of several folds, ``folds.csv``.

    submission  the file that was written
    scorer      scores the run's folds, where it has any
    blends      further blends of the run, by name
    raw         the members' predictions that nothing has mended, where these are kept
    limited     what a time limit did, in sentences
    """
    blends = blends or {}
    run, competition, metric = predicted.run, predicted.competition, predicted.metric
    data, members = predicted.data, predicted.members
    scores = {key: _evaluate(predicted, oof, members.valid) for key, oof in members.oof.items()}
    of_blend, truth_scores = score_blend(predicted, blended)
    test_scores = {key: _score_on_test(predicted, test) for key, test in members.test.items()} if truth_scores else {}
    if of_blend:
        scores[BLEND] = dict(of_blend)
    raw_scores, raw_test_scores = ({}, {}) if raw is None else _score_raw(predicted, blended.blend, raw)
    folds = None
    if scorer is not None and len(scorer.division.folds) > 1:
        folds = scorer.table(metric, members, blended.valid, scores)
        folds.write_csv(run.folder / "folds.csv")
    bundle = None
    if competition.bundled:
        bundle = read_json(submission.with_name("submission.json"), dict[str, Any])["facts"]
    headline = list(dict.fromkeys([metric.name, *competition.headline]))
    write_json(
        run.folder / "scores.json",
        {
            "metric": metric.name,
            "direction": metric.direction,
            "headline": headline,
            "baselines": sorted(members.baselines),
            "members": scores,
            "test": truth_scores,
            "members_on_test": test_scores,
            "raw": {"validation": raw_scores, "test": raw_test_scores},
            "blends": {name: {"validation": each.scores, "test": each.truth_scores} for name, each in blends.items()},
        },
    )
    _write_metrics(run, members)
    return Results(
        title=competition.title,
        folder=run.folder,
        config=run.config(),
        environment=run.environment(),
        about=data.about,
        metric=metric,
        headline=headline,
        valid=members.valid,
        oof=members.oof,
        blended=blended.valid,
        blend=blended.blend,
        scores=scores,
        curves=members.curves,
        seconds=members.seconds,
        importances=members.importances,
        baselines=members.baselines,
        test=data.test,
        submitted=blended.test,
        submission=submission,
        truth=data.truth,
        truth_scores=truth_scores,
        test_scores=test_scores,
        raw_scores=raw_scores,
        raw_test_scores=raw_test_scores,
        files=data.files,
        folds=folds,
        blends=blends,
        transformed=_transformed_rows(run),
        second_rounds=_second_rounds(run),
        bundle=bundle,
        limited=limited,
    )


def _second_rounds(run: Run) -> dict[str, str]:
    """Say of each member with pseudo-labels how many it learned from, and how sure they are; of its first seed."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for parts in parts_by_key(run).values():
        if told := [each for part in parts if (each := run.facts(part).get("pseudo_labels"))]:
            found.setdefault(parts[0].member, told)
    return {name: describe(facts) for name, facts in found.items()}


def _score_raw(predicted: PredictedRun, blend: Blend, raw: MemberPredictions) -> tuple[ScoresByKey, ScoresByKey]:
    """Score what nothing has mended: members, and their sum by the blend's weights; validated rows, and the test."""
    oof, test = dict(raw.oof), dict(raw.test)
    if all(key in oof for key in blend.weights):
        oof[BLEND] = blend.apply(raw.oof, raw.valid)
    test[BLEND] = blend.apply(raw.test, predicted.data.test)
    on_test = {key: scores for key, each in test.items() if (scores := _score_on_test(predicted, each))}
    return {key: _evaluate(predicted, each, raw.valid) for key, each in oof.items()}, on_test


def _transformed_rows(run: Run) -> dict[str, tuple[Samples, Samples]]:
    """Read what each member's transforms made of some rows, of its first seed and fold."""
    from ctk.training.transformed_rows import FOLDER, read_rows  # late: it brings torch

    firsts: dict[str, Part] = {}
    for part in run.parts():
        firsts.setdefault(part.member, part)
    found: dict[str, tuple[Samples, Samples]] = {}
    for part in firsts.values():
        for folder in sorted(run.checkpoints_folder(part).glob(f"stage-*/{FOLDER}")):
            found[f"{part.member}, {folder.parent.name.replace('-', ' ')}"] = read_rows(folder)
    return found


def _evaluate(predicted: PredictedRun, prediction: Array, samples: Samples) -> dict[str, float]:
    """Compute the competition's numbers, after that of a deciding metric that is not its own."""
    competition = predicted.competition
    deciding = _of_metric(predicted.metric, competition.headline, prediction, samples)
    return {**deciding, **competition.evaluate(prediction, samples)}


def _score_on_test(predicted: PredictedRun, prediction: Array) -> dict[str, float]:
    """Compute the competition's numbers on the test; none where its truth is not public."""
    competition, truth = predicted.competition, predicted.data.truth
    if truth is None:
        return {}
    deciding = _of_metric(predicted.metric, competition.headline, prediction, truth)
    return {**deciding, **competition.score(prediction, truth)}


def _of_metric(metric: Metric, known: Sequence[str], prediction: Array, samples: Samples) -> dict[str, float]:
    return {} if metric.name in known else {metric.name: metric.score(prediction, samples)}


def report_results(results: Results, competition: Competition) -> None:
    """Write ``report.html``."""
    from ctk.report import write_report  # late: it brings matplotlib

    write_report(results, competition.report(results), results.folder / "report.html")


def _write_metrics(run: Run, members: MemberPredictions) -> None:
    """Write ``metrics.jsonl``: a line for each validated epoch of each member."""
    lines = [json.dumps({"member": key, **row}) for key, curve in members.curves.items() for row in curve]
    write_text(run.folder / "metrics.jsonl", "".join(f"{line}\n" for line in lines))
