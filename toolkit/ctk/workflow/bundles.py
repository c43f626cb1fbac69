"""Submissions that are bundles: the fitted members of a run, or of a blend of runs, handed to their competition."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from ctk.config.resolve import resolve
from ctk.contract import Competition, FittedMember, Member, Model, RunConfig
from ctk.errors import UsageError
from ctk.files import write_json
from ctk.plugins import plugins
from ctk.plugins.guard import competition_of
from ctk.runs import Part, Run
from ctk.samples import Samples
from ctk.workflow.blend_record import BlendRecord
from ctk.workflow.blended_runs import blended_runs
from ctk.workflow.checkpoints import hand_saved, load_model
from ctk.workflow.fit import FEATURES
from ctk.workflow.prepare import PreparedData, prepare


def fitted_members(run: Run, weights: Mapping[str, float] | None = None) -> list[FittedMember]:
    """List what a run, or a blend of runs, has fitted and blended, the heaviest first; models are loaded when asked.

    weights  by member key, instead of those that its blend found

    Raises UsageError where it has no blend, or one whose members are of none of its runs.
    """
    found = sorted(_weighed(run, weights), key=lambda each: -each.weight)
    if not found:
        problem = f"{run.folder} blends no member that it or its runs have fitted."
        raise UsageError(problem, "Blend runs by their folders.")
    return found


def _weighed(run: Run, weights: Mapping[str, float] | None, prefix: str = "") -> Iterator[FittedMember]:
    """The members of a run with a weight that is not 0; ``prefix`` is what their keys begin with."""
    raw = run.config()
    if weights is None:
        weights = BlendRecord.load(run.folder).blend.weights
    if "members" not in raw:
        for name, folder in blended_runs(run).items():
            source = Run(folder)
            begins = f"{name}/" if name else ""
            own = {key.removeprefix(begins): each for key, each in weights.items() if key.startswith(begins)}
            if (whole := weights.get(name or folder.name)) is not None:  # the run's own blend is the member
                own = {key: whole * weight for key, weight in BlendRecord.load(folder).blend.weights.items()}
            yield from _weighed(source, own, name)
        return
    config = resolve(raw, plugins())
    members = {member.name: member for member in config.members}
    saved = run if config.checkpoints is None else Run(Path(config.checkpoints))
    data = cache(partial(prepare, config, competition_of(config.competition), plugins()))
    parts = [part for part in run.parts() if weights.get(part.key)]
    for part in parts:
        folds = sum(other.key == part.key for other in parts)
        member, folder = members[part.member], saved.checkpoints_folder(part)
        load = partial(_load, config, member, part, folder, data)
        key = f"{prefix}/{part.key}" if prefix else part.key
        yield FittedMember(key, part.fold, weights[part.key] / folds, member, load)


def _load(config: RunConfig, member: Member, part: Part, folder: Path, data: Callable[[], PreparedData]) -> Model:
    """Load a part's model on the CPU, with samples as its member was handed them."""
    prepared = data()
    train = prepared.data.train
    if config.handed_to(member):
        train = hand_saved(config, member, prepared, folder / FEATURES, train).train
    return load_model(member, folder, part, train, "cpu")


def write_bundle(
    path: Path,
    competition: Competition,
    members: Sequence[FittedMember],
    test: Samples,
    config: RunConfig,
) -> None:
    """Write the bundle, check it as a stranger's, and keep what is to be known of it in submission.json."""
    options = config.submission if isinstance(config.submission, dict) else {}
    facts = [*competition.write_bundle(path, members, test, options), *competition.check_bundle(path, test)]
    write_json(path.with_name("submission.json"), {"valid": True, "bytes": path.stat().st_size, "facts": facts})
