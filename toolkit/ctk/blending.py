"""Blending runs of different times and submissions of other people into a new run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ctk.competition import competition_of
from ctk.config import base_config, override, resolve
from ctk.contract import Metric
from ctk.environment import environment
from ctk.errors import CtkError, UsageError
from ctk.files import read_json
from ctk.gather import Gathered, gather
from ctk.plugins import plugins
from ctk.prepare import prepare
from ctk.results import Results
from ctk.runs import FINISHED, Run
from ctk.schema import component
from ctk.workflow import ending_well, finish


def blend_sources(
    sources: Sequence[str],
    root: Path,
    blender: str,
    options: Sequence[str],
    competition: str | None,
    data_dir: Path | None,
    name: str,
) -> Results:
    """Blend every member of the runs, and the submission files as members without validation predictions.

    Competition and data are the runs' own; for files alone they are given. Raises UsageError if runs are of different
    competitions or data, SubmissionError for a file that is none.
    """
    files = [Path(source) for source in sources if Path(source).is_file()]
    runs = [Run.find(source, root) for source in sources if not Path(source).is_file()]
    ids = {run.competition for run in runs} | ({competition} if competition else set())
    if len(ids) != 1:
        raise UsageError(
            f"These sources are of {len(ids)} competitions: {', '.join(sorted(ids)) or 'none said'}.",
            "Give runs of one competition, or say it with --competition.",
        )
    known = competition_of(ids.pop())
    raw: dict[str, Any] = {"name": blender}
    for assignment in options:
        override(raw, assignment)
    choice = component(raw, "blenders", "blend", plugins())
    _same_data(runs)
    base = resolve(runs[0].config() if runs else base_config(known, data_dir), plugins())
    data = prepare(base, known, plugins()).data
    if runs:
        gathered = gather(_prefixes(runs), data.train, data.test)
    else:
        gathered = Gathered(data.train.take(np.arange(0)), {}, {})
    for path in files:
        read = known.read_submission(path, data.test, data.train.target_width)
        gathered.test[_distinct(path.stem, gathered.test)] = read.values
    run = Run.create(root, known.id, name)
    config = {
        "competition": known.id,
        "preset": "blend",
        "sources": list(map(str, sources)),
        "blend": choice.model_dump(),
    }
    run.write_config(
        config,
        [f"{choice.name} of {' '.join(Path(source).name for source in sources)}", *options],
        environment(plugins()),
    )
    metric: Metric = plugins().load("metrics", known.metric)
    with ending_well(run):
        results = finish(run, known, metric, choice, gathered, data)
        run.set_state(FINISHED)
    return results


def _same_data(runs: Sequence[Run]) -> None:
    prints = {}
    for run in runs:
        try:
            prints[run.folder] = read_json(run.folder / "data.json")["fingerprint"]
        except FileNotFoundError:
            raise CtkError(
                f"{run.folder} has no predictions of its own.", "Blend finished runs, or give submission files."
            ) from None
    if len(set(prints.values())) > 1:
        raise UsageError(
            "These runs were made from different data: " + ", ".join(f"{folder.name}" for folder in prints),
            "Give their submission.csv files instead and take --blender mean.",
        )


def _prefixes(runs: Sequence[Run]) -> dict[str, Run]:
    return {run.folder.name: run for run in runs} if len(runs) > 1 else {"": runs[0]}


def _distinct(name: str, taken: Any) -> str:
    number, distinct = 2, f"file/{name}"
    while distinct in taken:
        distinct, number = f"file/{name}-{number}", number + 1
    return distinct
