"""What of a search goes where on its page."""

from __future__ import annotations

import statistics
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial, TrialState

from ctk.api import competition_of
from ctk.files import dump_yaml, write_text
from ctk.report import Fact, difference, duration, number, render_template
from ctk_search.outcomes import facts_of, promoted_by, ranked, share_of
from ctk_search.page import plots
from ctk_search.page.importance import FEWEST, importances
from ctk_search.results import STATES, best_value
from ctk_search.settings import FILE
from ctk_search.space import labels, value_text

if TYPE_CHECKING:
    from ctk_search.searching import Searching

PAGE = "search.html"


def write_page(search: Searching) -> None:
    """Write search.html, atomically. Nothing where no trial has ended."""
    from markupsafe import Markup

    trials = [trial for trial in search.book.trials() if trial.state.is_finished()]
    if not trials:
        return
    order = ranked(trials, search.metric)
    # Scores after a part of the epochs and after all of them do not compare.
    whole = [trial for trial in order if share_of(trial) == 1] or order
    space = search.space.distributions
    short = labels(space)
    important = importances(order, search.metric.direction)
    by_importance = sorted(space, key=lambda name: -important.get(name, 0.0))
    several = [name for name in by_importance if not space[name].single()]
    page = render_template(
        "search.html.j2",
        package="ctk_search.page",
        title=competition_of(search.settings.competition).title,
        name=search.folder.name,
        about=_about(search, trials),
        metric=search.metric,
        facts=_facts(trials, whole),
        sentences=_sentences(search, whole),
        own_style=Markup((files("ctk_search.page") / "search.css").read_text(encoding="utf-8")),
        history=Markup(plots.history(trials, search.metric))
        if any(best_value(trial, search.metric) is not None for trial in trials)
        else "",
        parallel=Markup(plots.parallel(whole, short, search.metric)) if len(whole) > 1 else "",
        slices=[(short[name], Markup(plots.slices(whole, name, space[name], search.metric))) for name in several]
        if len(whole) > 1
        else [],
        importances=[(short[name], share, share / max(important.values())) for name, share in important.items()],
        fewest=FEWEST,
        counts=_counts(trials),
        columns=list(short.values()),
        shares=any(share_of(trial) < 1 for trial in trials),
        rows=[_row(search, trial) for trial in [*order, *(trial for trial in trials if trial not in order)]],
        settings=(search.folder / FILE).read_text(encoding="utf-8"),
        best=dump_yaml(dict(order[0].params)) if order else "",
    )
    write_text(search.folder / PAGE, page)


def _about(search: Searching, trials: list[FrozenTrial]) -> str:
    parameters = len(search.space.parameters)
    kind = f"sampler {search.settings.sampler['name']}, pruner {search.settings.pruner}"
    return f"{_many(len(trials), 'trial')} over {_many(parameters, 'parameter')}, {kind}, seed {search.settings.seed}"


def _facts(trials: list[FrozenTrial], order: list[FrozenTrial]) -> list[Fact]:
    facts = []
    if order:
        facts.append(Fact("Best", _score(order[0].value), f"trial {order[0].number}", main=True))
        facts.append(
            Fact(
                "Median",
                _score(_median(order)),
                f"of {len(order)} finished" + (", probes aside" if _probed(trials, order) else ""),
            )
        )
    facts.append(Fact("Trials", f"{len(trials)}", ", ".join(f"{count} {name}" for name, count in _counts(trials))))
    seconds = sum(facts_of(trial).get("seconds", 0.0) for trial in trials)
    facts.append(Fact("Time", duration(seconds), "of all trials together"))
    return facts


def _sentences(search: Searching, order: list[FrozenTrial]) -> list[str]:
    if len(order) < 2 or order[0].value is None:
        return []
    best, middle = order[0].value, _median(order)
    way = "above" if best > middle else "below"
    said = [
        f"The best {search.metric.name} of {len(order)} finished trials, {_score(best)}, "
        f"lies {difference(best, middle)} {way} their median."
    ]
    later = sum(trial.number > order[0].number for trial in order)
    said.append(f"It came with trial {order[0].number}; {_many(later, 'trial')} finished after it without a gain.")
    return said


def _row(search: Searching, trial: FrozenTrial) -> dict[str, Any]:
    """A trial in the table; ``href`` is its report, empty where there is none."""
    known, score, promoted = facts_of(trial), best_value(trial, search.metric), promoted_by(trial)
    report = search.trial_folder(trial.number) / "report.html"
    return {
        "number": trial.number,
        "href": report.relative_to(search.folder).as_posix() if report.exists() else "",
        "state": STATES[trial.state],
        "score": "" if score is None else _score(score),
        "share": f"{share_of(trial):.0%}" + (f", after trial {promoted}" if promoted is not None else ""),
        "cells": [value_text(trial.params.get(name)) for name in search.space.parameters],
        "seconds": duration(known.get("seconds", float("nan"))),
        "problem": str(known.get("problem", "")).partition("\n")[0],
    }


def _counts(trials: list[FrozenTrial]) -> list[tuple[str, int]]:
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    counts = [(STATES[state], sum(trial.state == state for trial in trials)) for state in states]
    return [(name, count) for name, count in counts if count]


def _median(order: list[FrozenTrial]) -> float:
    return statistics.median(trial.value for trial in order if trial.value is not None)


def _score(score: Any) -> str:
    return number(float(score), 4)


def _probed(trials: list[FrozenTrial], order: list[FrozenTrial]) -> bool:
    return share_of(order[0]) == 1 and any(share_of(trial) < 1 for trial in trials)


def _many(count: int, of: str) -> str:
    return f"{count:,} {of}" if count == 1 else f"{count:,} {of}s"
