"""Each competition and component goes through short runs on the CPU: they end well, repeat, and predict when loaded.

Also looked at in these runs: whether workers could be handed their tasks, what was written where, and whether the
run's files can be opened without unpickling anything.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ctk.contract import Competition, Model
from ctk.contract.schema import merge_configs
from ctk.errors import CtkError
from ctk.plugins import KINDS, plugins
from ctk.plugins.guard import competition_of, metric_of
from ctk.runs import Run
from ctk.samples import Array
from ctk.testing.checks.extractors import check_extractor
from ctk.testing.findings import Examination
from ctk.testing.pickles import find_unsafe
from ctk.testing.short_runs import ShortRun, run_briefly
from ctk.testing.subject import Offer, locate_error
from ctk.testing.toy import FLAVOURS
from ctk.training.sequences import MASK
from ctk.training.training_loss import OWN

RIDGES = [{"model": {"name": "ridge", "alpha": alpha}, "name": f"ridge-{alpha}"} for alpha in (1, 100)]
"""Members that any data has, for what is not about members."""

BATCH = 32
"""Rows of a batch: enough for two steps on samples of any width."""

Candidate = tuple[str, dict[str, Any]]
"""A competition by name, and what is laid over its embedded preset."""
OF_ROWS = {"transforms": "transforms", "views": "tta"}
"""Kinds that change what a network sees, and the member's key of each."""
IN_RUNS = (
    "data",
    "models",
    "losses",
    "transforms",
    "views",
    "blenders",
    "metrics",
    "filters",
    "extractors",
    "executors",
    "trackers",
)


def check_runs(exam: Examination) -> None:
    """Run each competition, then each component that ran in none of them."""
    for offer in exam.sound("competitions"):
        _competition(exam, offer)
    ran = {pair for each in exam.runs for pair in _components_of(each)}
    for kind in IN_RUNS:
        for offer in exam.sound(kind):
            if (kind, offer.name) in ran and kind != "metrics":
                exam.saw(f"{offer.title} in a preset")
            else:
                _component(exam, offer)


def _competition(exam: Examination, offer: Offer) -> None:
    what = f"{offer.title}, preset '{offer.load().embedded}'"
    try:
        _all_of(exam, run_briefly(exam.home, what, offer.name, {}, exam.overrides.get(offer.name, ())), {}, offer)
    except CtkError as error:
        exam.wrong(f"a dry run of the {what} fails: {locate_error(error)}", error.help)


def _component(exam: Examination, offer: Offer) -> None:
    """Run a component in the first competition in which it can; where there is none, each says why."""
    failures = []
    for name, config in _candidates(exam, offer):
        what = f"{offer.title} in {name}"
        overrides = list(exam.overrides.get(offer.name, ()))
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
                _metric(exam, offer, what, _predictions(exam, name, config, overrides))
                return
            tried = run_briefly(exam.home, what, name, config, overrides, dry)
        except CtkError as error:
            failures.append(f"in {name}: {locate_error(error)}")
            continue
        _all_of(exam, tried, config, offer)
        return
    if not failures:
        exam.wrong(
            f"the {offer.title} was not tried: there is no data in its layout",
            f'Give a folder with some: check_plugin(..., overrides={{"{offer.name}": ["data_dir=/absolute/folder"]}}).',
        )
        return
    alike = len({each.split(": ", 1)[1] for each in failures}) == 1
    exam.wrong(
        f"the {offer.title} does not run {failures[0] if alike else '; '.join(failures)}",
        "If it needs other samples, say which: check_plugin(..., competition=NAME, "
        f'overrides={{"{offer.name}": [...]}}).',
    )


def _predictions(exam: Examination, name: str, config: dict[str, Any], overrides: list[str]) -> ShortRun:
    """Something to score: what a run in that competition predicted."""
    for each in exam.runs:
        if each.competition.id == name and not overrides:
            return each
    tried = run_briefly(exam.home, f"ridge in {name}", name, config, overrides)
    exam.runs.append(tried)
    return tried


def _all_of(exam: Examination, tried: ShortRun, config: dict[str, Any], offer: Offer) -> None:
    """Check all that is asked of a run that ended well."""
    exam.saw(tried.what)
    exam.runs.append(tried)
    overrides = exam.overrides.get(offer.name, ())
    if offer.kind == "executors":  # the same again is the serial executor's, which has other options
        overrides = [each for each in overrides if not each.startswith("executor.")]
    dry = bool(tried.run.state().get("dry_run"))
    if tried.unpicklable:
        exam.wrong(
            f"the config of a run with {tried.what} cannot go to a worker process: {tried.unpicklable}",
            "Define classes, a model's schema too, at the top level of a module.",
        )
    for path in tried.outside:
        exam.wrong(
            f"{tried.what} writes {path}",
            "Write into the folder that the context names, ctk.files.cache_folder() or a temporary one.",
        )
    for line in (tried.run.folder / "log.txt").read_text(encoding="utf-8").splitlines():
        if f"plugin {exam.subject.plugin.title} failed in" in line:
            exam.wrong(f"in a run with {tried.what}, {line.split(' ', 2)[2]}", "A lifecycle hook looks on; mend it.")
    for problem in find_unsafe(tried.run.folder):
        exam.wrong(f"{tried.what} leaves {problem}", "Save arrays (npz), state dicts (weights_only) or JSON.")
    name = tried.competition.named or tried.competition.id
    again = partial(run_briefly, exam.home, tried.what, name, config, overrides, dry)
    same = _repeated(exam, tried, "with the same seed again", again)
    if same is None:
        return
    what, help = "the same seed twice gives different", "Draw from the context's seed alone."
    if offer.kind == "executors":  # the second run is the serial executor's
        what, help = "beside the serial executor it gives different", "Give each task the threads that were asked for."
    _compare(exam, tried, same.results.folder, what, help)
    if offer.kind == "extractors":
        try:
            check_extractor(exam, tried, offer)
        except CtkError as error:
            exam.wrong(f"{tried.what} ran, and by itself the extractor fails: {locate_error(error)}", error.help)
    if offer.kind in ("competitions", "models", "losses", "data", "extractors"):
        saved = partial(run_briefly, exam.home, tried.what, name, {}, overrides, dry, checkpoints=tried.run.folder)
        loaded = _repeated(exam, tried, "with the members that it saved", saved)
        if loaded is not None:
            help = "save() has to write all that predict() needs, and load() to read it."
            _compare(exam, tried, loaded.results.folder, "saved and loaded, members give different", help)
    if offer.kind == "trackers":
        _tracked_again(exam, tried, offer)


def _repeated(exam: Examination, tried: ShortRun, how: str, make: Callable[[], ShortRun]) -> ShortRun | None:
    try:
        return make()
    except CtkError as error:
        exam.wrong(f"{tried.what} ran, and failed {how}: {locate_error(error)}", error.help)
        return None


def _compare(exam: Examination, tried: ShortRun, folder: Any, what: str, help: str) -> None:
    """Compare the out-of-fold and test predictions of every member bit by bit."""
    other = Run(folder)
    for part in tried.run.parts():
        for kind in ("oof", "test"):
            first, second = tried.run.predictions(part, kind), other.predictions(part, kind)
            if first.values.shape != second.values.shape:
                exam.wrong(f"{tried.what}: {what} shapes of predictions ({part.key})", help)
                return
            if not np.array_equal(first.values, second.values):
                exam.wrong(
                    f"{tried.what}: {what} predictions ({part.key}, {_apart(first.values, second.values)})", help
                )
                return


def _apart(first: Array, second: Array) -> str:
    """How far predictions differ, in words."""
    if first.dtype.kind == "U":
        return f"{int((first != second).sum())} of {len(first)} texts"
    return f"up to {float(np.abs(first.astype(float) - second).max()):.3g} apart"


def _tracked_again(exam: Examination, tried: ShortRun, offer: Offer) -> None:
    """Open a tracker again in the same folder, as a fit that is gone on with does."""
    (choice,) = tried.results.config["trackers"]
    options = {key: value for key, value in choice.items() if key != "name"}
    stage = next(tried.run.folder.glob("members/*/seed-*/fold-*/checkpoints/stage-1"))
    logger = plugins().load("trackers", offer.name)(stage, "stage-1", **options)
    logger.log_metrics({"loss": 0.5}, step=1000)
    logger.finalize("success")
    exam.saw(f"{offer.title}, opened again")


def _components_of(tried: ShortRun) -> set[tuple[str, str]]:
    """Kind and name of what took part in a run."""
    config = tried.results.config
    named = [("data", config["data"]), ("blenders", config["blend"])]
    named += [("filters", each) for each in config["filters"]]
    named += [("extractors", each) for each in config["features"].values()]
    for member in config["members"]:
        named.append(("models", member["model"]))
        named += [("losses", stage["loss"]) for stage in (member, *member.get("stages", ())) if stage.get("loss")]
        named += [("transforms", each) for stage in (member, *member.get("stages", ())) for each in _transforms(stage)]
        named += [("views", each) for each in member.get("tta") or ()]
    names = {(kind, str(each if isinstance(each, str) else each["name"])) for kind, each in named}
    assert {kind for kind, _ in names} <= set(KINDS)
    return {(kind, name.rpartition(":")[2]) for kind, name in names}


def _metric(exam: Examination, offer: Offer, what: str, tried: ShortRun) -> None:
    """Score a member's predictions of a run, and the truth. Raises CtkError where it cannot score them."""
    metric = metric_of(offer.name)
    samples = tried.results.valid
    prediction = np.array(next(iter(tried.results.oof.values())))
    kept = prediction.copy()
    score, again = metric.decide(prediction, samples), metric.decide(prediction, samples)
    exam.saw(what)
    if score != again:
        exam.wrong(
            f"the {offer.title} scores the same predictions as {score!r} and {again!r}", "Draw nothing at random."
        )
    if not np.array_equal(kept, prediction):
        exam.wrong(f"the {offer.title} changes the predictions it scores", "Copy before writing.")
    truth = samples.target_values()
    if truth.shape != prediction.shape:
        return
    perfect = metric.score(np.array(truth, None if samples.predicts_text else prediction.dtype), samples)
    if not metric.sign * perfect >= metric.sign * score:
        exam.wrong(
            f"the {offer.title} is {score!r} for a member's predictions and {perfect!r} for the truth itself, and its "
            f"direction is '{metric.direction}'",
            "direction says whether higher ('max') or lower ('min') is better.",
        )


# In which competition, and beside what, a component is tried ----------------------------------------------------------


def _candidates(exam: Examination, offer: Offer) -> Iterator[Candidate]:
    """Where to try a component, the likeliest first: its plugin's own competitions, then the toy's flavours."""
    own = [each.name for each in exam.sound("competitions")]
    # What is not about data needs no data of its own.
    names = FLAVOURS[:1] if offer.kind in ("executors", "trackers") else [*own, *FLAVOURS]
    of_text = {each.competition.id for each in exam.runs if each.results.valid.predicts_text}
    for name in [exam.competition] if exam.competition else names:
        competition = competition_of(name)
        config: dict[str, Any] = {"members": RIDGES, "blend": "mean", "filters": []}
        if competition.id in of_text or name == "toy-text":  # a ridge regression predicts numbers
            config["members"] = [_network(competition), {**_network(competition), "name": "second"}]
        if offer.kind == "models":
            config["members"] = [_member_of(competition, offer)]
            if name in FLAVOURS and (features := getattr(offer.load(), "features", None)):
                config["data"] = {"name": "toy", "features": [each for each in features if each != MASK]}
                if MASK in features:
                    by_block = {"batch": {"by": "block", "as": "sequences"}}
                    config["members"] = [merge_configs(each, by_block) for each in config["members"]]
        elif offer.kind == "losses":
            config["members"] = [{**_network(competition), "loss": offer.name}]
        elif offer.kind in OF_ROWS:
            config["members"] = [{**_network(competition), OF_ROWS[offer.kind]: [offer.name]}]
        elif offer.kind == "blenders":
            config["blend"] = offer.name
        elif offer.kind == "filters":
            config["filters"] = [offer.name]
        elif offer.kind == "extractors":  # text or NaN among its columns is no concern of a network with its own
            config |= {"features": {"extracted": offer.name}, "members": [_network(competition)]}
        elif offer.kind == "data":
            config |= {"data": offer.name, "split": {"by": None, "predefined": None, "folds": 2}}
        elif offer.kind == "executors":
            config |= {"members": [RIDGES[0], _network(competition)], "seeds": [1, 2]}
        elif offer.kind == "trackers":
            config |= {"members": [_network(competition)], "trackers": [offer.name]}
        yield name, config
    if offer.kind in OF_ROWS and not exam.competition:  # it may be of pictures
        network = {**_network(competition_of(FLAVOURS[0])), "model": "toy-picture-network"}
        member = {**network, OF_ROWS[offer.kind]: [offer.name]}
        yield FLAVOURS[0], {"data": {"name": "toy", "images": True}, "members": [member], "blend": "mean"}


def _member_of(competition: Competition, offer: Offer) -> dict[str, Any]:
    """A member with a model of default options, trained as the embedded preset's network is.

    Other presets may have made it for days on a GPU.
    """
    thing = offer.load()
    if inspect.isclass(thing) and issubclass(thing, Model):
        return {"model": offer.name}
    loss = {"loss": OWN} if hasattr(thing, "training_loss") else {}
    return {**_network(competition), "model": offer.name, **loss}


def _network(competition: Competition) -> dict[str, Any]:
    """The first network of the embedded preset, as a member with small batches."""
    small = {"batch": {"size": BATCH}}
    for member in competition.presets()[competition.embedded].get("members", []):
        name = _name_of(member["model"])
        thing = plugins().load("models", name)
        if not (inspect.isclass(thing) and issubclass(thing, Model)):
            return merge_configs(_without_others(member), small)
    return {"model": "toy-network", "loss": "toy-squared-error", **small}


def _name_of(choice: str | Mapping[str, Any]) -> str:
    return choice if isinstance(choice, str) else str(choice["name"])


def _transforms(stage: Mapping[str, Any]) -> Sequence[Any]:
    return stage.get("transforms") or ()


def _without_others(member: Mapping[str, Any]) -> dict[str, Any]:
    """A member without what it is to others: blended, and using none of them."""
    return {
        key: value for key, value in member.items() if key not in ("name", "blend", "uses", "pseudo_labels", "seeds")
    }
