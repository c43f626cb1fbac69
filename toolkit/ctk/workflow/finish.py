"""Everything after the fits: blend, submit, read back, score, report."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ctk.contract import Blend, Blender, Choice, Competition, Metric, Results
from ctk.errors import CtkError, UsageError
from ctk.files import read_json, write_json, write_text
from ctk.plugins import plugins
from ctk.plugins.guard import Guard, check_blend
from ctk.runs import Run
from ctk.samples import Array, Data
from ctk.workflow.fold_scores import FoldScorer
from ctk.workflow.predictions import MemberPredictions

BLEND = "blend"
ROWS = 10_000
"""Rows of a submission that are compared at a time."""


@dataclass(frozen=True)
class BlendRecord:
    """A blend as it is kept in blend.json: whose it is, what it is, and what its postprocessing was fitted to."""

    blender: str
    blend: Blend
    postprocess: Mapping[str, Any] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write ``blend.json``."""
        write_json(
            folder / "blend.json", {"blender": self.blender, **vars(self.blend), "postprocess": dict(self.postprocess)}
        )

    @classmethod
    def load(cls, folder: Path) -> BlendRecord:
        """Read ``blend.json``. Raises UsageError where there is none."""
        try:
            kept = read_json(folder / "blend.json")
        except (OSError, ValueError):
            raise UsageError(f"{folder} has no blend.", "Finish that run first: ctk run ... --resume.") from None
        blender, postprocess = kept.pop("blender"), kept.pop("postprocess", {})
        return cls(blender, Blend(**kept), postprocess)


def finish(
    run: Run,
    competition: Competition,
    metric: Metric,
    choice: Choice,
    gathered: MemberPredictions,
    data: Data,
    say: Callable[[str], None],
    saved: BlendRecord | None = None,
    suffix: str | None = None,
    divided: FoldScorer | None = None,
) -> Results:
    """Blend, submit, validate, report. ``gathered`` may come from several runs.

    saved    a blend of before to apply, instead of finding one
    suffix   of the submission's file; None is the competition's usual one
    divided  the folds of the run; where there are several, the scores by fold are told too
    """
    keys, without = check_blender(choice, gathered, saved)
    if saved is None:
        guard = Guard("blenders", choice.name)
        blender: Blender = guard.make(contract=Blender, **choice.options)
        blender.say = say
        oof = {key: gathered.oof.get(key, np.empty(0)) for key in keys}
        with guard("blending"):
            blend = check_blend(blender.fit(oof, gathered.valid, metric), keys)
    else:
        blend = saved.blend
    scores = {key: competition.evaluate(oof, gathered.valid) for key, oof in gathered.oof.items()}
    fitted = {} if saved is None else saved.postprocess
    blended: Array | None = None
    if not without:
        blended = blend.apply(gathered.oof)
        if saved is None:
            fitted = competition.fit_postprocess(blended, gathered.valid)
        blended = competition.postprocess(blended, gathered.valid, fitted)
        scores[BLEND] = competition.evaluate(blended, gathered.valid)
    submitted = competition.postprocess(blend.apply(gathered.test), data.test, fitted)
    folds = None
    if divided is not None and len(divided.division.folds) > 1:
        folds = divided.table(metric, gathered, blended, scores)
        folds.write_csv(run.folder / "folds.csv")
    truth_scores = competition.score(submitted, data.truth) if data.truth is not None else {}
    BlendRecord(choice.name, blend, fitted).save(run.folder)
    path = run.folder / f"submission.{suffix or competition.formats[0]}"
    submit(path, competition, submitted, data)
    results = Results(
        title=competition.title,
        folder=run.folder,
        config=run.config(),
        environment=read_json(run.folder / "environment.json"),
        about=data.about,
        metric=metric,
        headline=competition.headline,
        valid=gathered.valid,
        oof=gathered.oof,
        blended=blended,
        blend=blend,
        scores=scores,
        curves=gathered.curves,
        seconds=gathered.seconds,
        baselines=gathered.baselines,
        test=data.test,
        submitted=submitted,
        submission=path,
        truth=data.truth,
        truth_scores=truth_scores,
        files=data.files,
        folds=folds,
    )
    write_json(
        run.folder / "scores.json",
        {
            "metric": metric.name,
            "direction": metric.direction,
            "headline": list(competition.headline),
            "baselines": sorted(gathered.baselines),
            "members": scores,
            "test": truth_scores,
        },
    )
    _write_metrics(run, gathered)
    from ctk.report import write_report

    write_report(results, competition.report(results), run.folder / "report.html")
    return results


def check_blender(
    choice: Choice, gathered: MemberPredictions, saved: BlendRecord | None = None
) -> tuple[list[str], list[str]]:
    """The keys to blend, and those of them without out-of-fold predictions. Raises UsageError if that cannot be."""
    keys = [key for key in gathered.test if key not in gathered.baselines]
    if not keys:
        raise UsageError("Every member is marked blend: false; there is nothing to submit.")
    without = [key for key in keys if key not in gathered.oof]
    if saved is None and plugins().load("blenders", choice.name).needs_oof and without:
        raise UsageError(
            f"The blender '{choice.name}' needs out-of-fold predictions, which {without[0]} has not.",
            "Take --blender mean.",
        )
    return keys, without


def submit(path: Path, competition: Competition, submitted: Array, data: Data) -> None:
    """Write the submission, read it back as a stranger would, and say so in submission.json."""
    competition.write_submission(path, data.test, submitted)
    read = competition.read_submission(path, data.test, submitted.shape[-1])
    # Where a competition scales what it submits, the last bit may differ.
    parts = (slice(start, start + ROWS) for start in range(0, len(submitted), ROWS))
    if not all(np.allclose(read.values[part], submitted[part], rtol=1e-12, atol=0) for part in parts):
        raise CtkError(
            f"{path}: what was written is not what was predicted.", "This is a defect of the competition's plugin."
        )
    facts = {"valid": True, "rows": len(read.ids), "bytes": path.stat().st_size}
    write_json(path.with_name("submission.json"), facts)


def _write_metrics(run: Run, gathered: MemberPredictions) -> None:
    """metrics.jsonl: a line for each validated epoch of each member."""
    lines = [json.dumps({"member": key, **row}) for key, curve in gathered.curves.items() for row in curve]
    write_text(run.folder / "metrics.jsonl", "".join(f"{line}\n" for line in lines))
