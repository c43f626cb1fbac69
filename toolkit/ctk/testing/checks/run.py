"""Each competition and component goes through short runs on the CPU: they end well, repeat, and predict when loaded.

Also looked at in these runs: whether workers could be handed their tasks, what was written where, and whether the
run's files can be opened without unpickling anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ctk.errors import CtkError
from ctk.plugins import KINDS, plugins
from ctk.runs import Run
from ctk.testing.candidates import candidates
from ctk.testing.case import Case
from ctk.testing.files import unsafe
from ctk.testing.metrics import look_at_metric
from ctk.testing.subject import Offer, told
from ctk.testing.trial import Trial, trial

IN_RUNS = ("data", "models", "losses", "blenders", "metrics", "filters", "executors", "trackers")


def look(case: Case) -> None:
    """Competitions first; what ran in one of them is not tried again."""
    for offer in case.subject.of("competitions"):
        if _fit(case, offer):
            _competition(case, offer)
    ran = {pair for each in case.trials for pair in _components_of(each)}
    for kind in IN_RUNS:
        for offer in case.subject.of(kind):
            if not _fit(case, offer):
                continue
            if (kind, offer.name) in ran and kind != "metrics":
                case.saw(f"{offer.title} in a preset")
            else:
                _component(case, offer)


def _fit(case: Case, offer: Offer) -> bool:
    """Whether earlier checks found nothing that would make a run fail for a reason already told."""
    return (offer.kind, offer.name) not in case.broken


def _competition(case: Case, offer: Offer) -> None:
    what = f"{offer.title}, preset '{offer.load().embedded}'"
    try:
        _all_of(case, trial(case.home, what, offer.name, {}, case.overrides.get(offer.name, ())), {}, offer)
    except CtkError as error:
        case.wrong(f"a dry run of the {what} fails: {told(error)}", error.help)


def _component(case: Case, offer: Offer) -> None:
    """The first candidate in which it runs counts; if there is none, each says why."""
    failures = []
    for name, config in candidates(case, offer):
        what = f"{offer.title} in {name}"
        overrides = list(case.overrides.get(offer.name, ()))
        if (
            offer.kind == "data"
            and name.startswith("toy-")
            and not any(each.startswith("data_dir=") for each in overrides)
        ):
            continue
        if offer.kind == "executors":
            overrides = [f"executor.name={offer.name}", "executor.workers=2", *overrides]
        dry = offer.kind not in ("executors", "trackers")  # a dry run has neither
        try:
            if offer.kind == "metrics":
                look_at_metric(case, offer, what, _predictions(case, name, config, overrides))
                return
            tried = trial(case.home, what, name, config, overrides, dry)
        except CtkError as error:
            failures.append(f"in {name}: {told(error)}")
            continue
        _all_of(case, tried, config, offer)
        return
    if not failures:
        case.wrong(
            f"the {offer.title} was not tried: there is no data in its layout",
            f'Give a folder with some: check_plugin(..., overrides={{"{offer.name}": ["data_dir=/absolute/folder"]}}).',
        )
        return
    alike = len({each.split(": ", 1)[1] for each in failures}) == 1
    case.wrong(
        f"the {offer.title} does not run {failures[0] if alike else '; '.join(failures)}",
        "If it needs other samples, say which: check_plugin(..., competition=NAME, "
        f'overrides={{"{offer.name}": [...]}}).',
    )


def _predictions(case: Case, name: str, config: dict[str, Any], overrides: list[str]) -> Trial:
    """Something to score: what a run in that competition predicted."""
    for each in case.trials:
        if each.competition.id == name and not overrides:
            return each
    tried = trial(case.home, f"ridge in {name}", name, config, overrides)
    case.trials.append(tried)
    return tried


def _all_of(case: Case, tried: Trial, config: dict[str, Any], offer: Offer) -> None:
    """Everything that is asked of a run that ended well."""
    case.saw(tried.what)
    case.trials.append(tried)
    overrides = case.overrides.get(offer.name, ())
    if offer.kind == "executors":  # the same again is the serial executor's, which has other options
        overrides = [each for each in overrides if not each.startswith("executor.")]
    dry = bool(tried.run.state().get("dry_run"))
    if tried.unpicklable:
        case.wrong(
            f"the config of a run with {tried.what} cannot go to a worker process: {tried.unpicklable}",
            "Define classes, a model's schema too, at the top level of a module.",
        )
    for path in tried.outside:
        case.wrong(
            f"{tried.what} writes {path}",
            "Write into the folder that the context names, ctk.files.cache_folder() or a temporary one.",
        )
    for line in (tried.run.folder / "log.txt").read_text(encoding="utf-8").splitlines():
        if f"plugin {case.subject.plugin.title} failed in" in line:
            case.wrong(f"in a run with {tried.what}, {line.split(' ', 2)[2]}", "A lifecycle hook looks on; mend it.")
    for problem in unsafe(tried.run.folder):
        case.wrong(f"{tried.what} leaves {problem}", "Save arrays (npz), state dicts (weights_only) or JSON.")
    name = tried.competition.named or tried.competition.id
    same = _repeated(
        case, tried, "with the same seed again", lambda: trial(case.home, tried.what, name, config, overrides, dry)
    )
    if same is None:
        return
    what, help = "the same seed twice gives different", "Draw from the context's seed alone."
    if offer.kind == "executors":  # the second run is the serial executor's
        what, help = "beside the serial executor it gives different", "Give each task the threads that were asked for."
    _compare(case, tried, same.results.folder, what, help)
    if offer.kind in ("competitions", "models", "losses", "data"):
        loaded = _repeated(
            case,
            tried,
            "with the members that it saved",
            lambda: trial(case.home, tried.what, name, {}, overrides, dry, checkpoints=tried.run.folder),
        )
        if loaded is not None:
            help = "save() has to write all that predict() needs, and load() to read it."
            _compare(case, tried, loaded.results.folder, "saved and loaded, members give different", help)
    if offer.kind == "trackers":
        _tracked_again(case, tried, offer)


def _repeated(case: Case, tried: Trial, how: str, make: Callable[[], Trial]) -> Trial | None:
    try:
        return make()
    except CtkError as error:
        case.wrong(f"{tried.what} ran, and failed {how}: {told(error)}", error.help)
        return None


def _compare(case: Case, tried: Trial, folder: Any, what: str, help: str) -> None:
    """Bit by bit, the out-of-fold and test predictions of every member."""
    other = Run(folder)
    for part in tried.run.parts():
        for kind in ("oof", "test"):
            first, second = tried.run.predictions(part, kind), other.predictions(part, kind)
            if first.values.shape != second.values.shape:
                case.wrong(f"{tried.what}: {what} shapes of predictions ({part.key})", help)
                return
            if not np.array_equal(first.values, second.values):
                apart = float(np.abs(first.values.astype(float) - second.values).max())
                case.wrong(f"{tried.what}: {what} predictions ({part.key}, up to {apart:.3g} apart)", help)
                return


def _tracked_again(case: Case, tried: Trial, offer: Offer) -> None:
    """A fit that is gone on with opens its tracker again in the same folder."""
    (choice,) = tried.results.config["trackers"]
    options = {key: value for key, value in choice.items() if key != "name"}
    stage = next(tried.run.folder.glob("members/*/seed-*/fold-*/checkpoints/stage-1"))
    logger = plugins().load("trackers", offer.name)(stage, "stage-1", **options)
    logger.log_metrics({"loss": 0.5}, step=1000)
    logger.finalize("success")
    case.saw(f"{offer.title}, opened again")


def _components_of(tried: Trial) -> set[tuple[str, str]]:
    """Kind and name of what took part in a run."""
    config = tried.results.config
    named = [("data", config["data"]), ("blenders", config["blend"])]
    named += [("filters", each) for each in config["filters"]]
    for member in config["members"]:
        named.append(("models", member["model"]))
        named += [("losses", stage["loss"]) for stage in (member, *member.get("stages", ())) if stage.get("loss")]
    names = {(kind, str(each if isinstance(each, str) else each["name"])) for kind, each in named}
    assert {kind for kind, _ in names} <= set(KINDS)
    return {(kind, name.rpartition(":")[2]) for kind, name in names}
