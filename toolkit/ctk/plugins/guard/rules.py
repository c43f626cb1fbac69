"""The contracts with plugins as tables: what each method of a component does, and what is checked of what it returns.

Guards call components by these rows, and ``check_plugin`` reads them: a new method of a contract is one row.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctk import contract
from ctk.contract import Competition, DataItem, Metric
from ctk.plugins.guard import array_checks as arrays
from ctk.plugins.guard.blend_checks import check_blend
from ctk.plugins.guard.competition_checks import (
    check_bundled,
    check_competition,
    check_mended,
    check_options_schema,
    check_presets,
    check_read,
    check_scored_file,
    check_sentences,
    check_submission,
    check_submitted,
    check_truth,
    check_width,
    check_written,
    refuse_archive,
)
from ctk.plugins.guard.failures import require
from ctk.plugins.guard.model_checks import (
    check_decided,
    check_importances,
    check_looked,
    check_looks,
    check_loss,
    check_metric,
    check_module,
    check_predicted,
    check_transformed,
    check_undone,
    note_look,
    note_rows,
    note_target,
)
from ctk.plugins.guard.sample_checks import check_prepared
from ctk.plugins.guard.value_checks import Check, Given, instance_of, list_of, of_type


@dataclass(frozen=True)
class Rule:
    """A row of a table: what a method does, and what is asked of the value that it returns.

    doing  goes on where "failed while" ends; ``{path}`` stands for the argument of that name
    takes  the names of the method's parameters, where no contract class has it
    before  looks at the arguments first. Raises CtkError for what is the user's fault
    """

    doing: str
    check: Check = lambda value, given: value
    takes: tuple[str, ...] = ()
    before: Callable[[Given], None] = lambda given: None


class Contract:
    """The table of one kind of component.

    base   the class that a component inherits from; None where none is asked of it
    rules  by method, or attribute that a component may have; "make" is the call of what was registered
    """

    def __init__(self, base: type | None, **rules: Rule) -> None:
        self.base = base
        self.rules = rules
        if base is not None:
            rules.setdefault("make", Rule("being made", instance_of(base)))

    def parameters(self, method: str) -> tuple[str, ...]:
        """The names of a method's parameters, ``self`` among them; what it takes by any name has none."""
        function = getattr(self.base, method, None)
        if not callable(function):
            return self.rules[method].takes
        named = inspect.signature(function).parameters.values()
        return tuple(each.name for each in named if each.kind is not each.VAR_KEYWORD)

    def fields(self) -> list[str]:
        """The values that the contract class declares beside its methods, such as a competition's title."""
        declared = {**vars(self.base).get("__annotations__", {}), **vars(self.base)}
        return [name for name in declared if not name.startswith("_") and name not in self.rules]


# Filters, extractors, executors, commands -----------------------------------------------------------------------------


def _mask(keep: Any, given: Given) -> Any:
    rows = len(given["scores"])
    kept = arrays.check_mask(keep, rows)
    require(kept.any(), f"keeps none of {rows:,} samples", "Let its options keep more, or leave it out.")
    return kept


def _extractor(extractor: Any, given: Given) -> Any:
    instance_of(contract.Extractor)(extractor, given)
    rows = extractor.rows
    told = f"takes rows in blocks of {rows!r}, and a whole number of at least 1 is needed, or None"
    require(rows is None or (type(rows) is int and rows >= 1), told)
    return extractor


def _extracted(columns: Any, given: Given) -> dict[str, Any]:
    return arrays.check_columns(columns, len(given["train"] if "train" in given else given["samples"]))


def _pool(pool: Any, given: Given) -> Any:
    for name in ("submit", "shutdown"):
        told = f"made a {type(pool).__name__}, which has no '{name}'; an Executor is needed"
        require(callable(getattr(pool, name, None)), told)
    return pool


def _shares(shares: Any, given: Given) -> Any:
    whole = isinstance(shares, tuple) and len(shares) == 2 and all(isinstance(each, int) for each in shares)
    require(whole, f"shares out {shares!r}, and whole numbers of workers and of threads are needed")
    return shares


def _scaffold(scaffold: Any, given: Given) -> Any:
    instance_of(contract.Scaffold)(scaffold, given)
    check_options_schema(getattr(scaffold, "options", None) or "none", given)
    return scaffold


def _command(command: Any, given: Given) -> Any:
    import click

    return of_type(click.Command, "is a {}, and a click.Command is needed")(command, given)


# The tables -----------------------------------------------------------------------------------------------------------

CONTRACTS = {
    "competitions": Contract(
        Competition,
        make=Rule("being made", check_competition),
        presets=Rule("giving its presets", check_presets),
        spaces=Rule("giving its spaces", of_type(Mapping, "gave a {} of spaces, and spaces by name are needed")),
        variants=Rule("giving its variants", of_type(Mapping, "gave a {} of variants, and lists by name are needed")),
        default_data=Rule(
            "making its default data", of_type(Path, "gave a {} as the folder of its data, and a Path is needed")
        ),
        evaluate=Rule(
            "evaluating predictions", lambda them, given: arrays.to_numbers(them, "evaluated", given["self"].headline)
        ),
        write_submission=Rule("writing the submission", check_written),
        read_submission=Rule("reading {path}", check_submission, before=refuse_archive),
        write_bundle=Rule("writing the bundle", check_bundled),
        check_bundle=Rule("checking {path}", check_sentences),
        submission_options=Rule("telling the options of its submission", check_options_schema),
        submitted=Rule("telling what a submission holds", check_submitted),
        read_truth=Rule("reading {path}", check_truth),
        score=Rule("scoring a submission", lambda them, given: arrays.to_numbers(them, "scored")),
        score_file=Rule("scoring {path}", check_scored_file, before=refuse_archive),
        score_options=Rule("telling the options of its score", check_options_schema),
        fit_postprocess=Rule(
            "fitting its postprocessing", lambda fitted, given: arrays.to_json(fitted, "gave to its postprocessing")
        ),
        postprocess=Rule("postprocessing", check_mended),
        postprocess_options=Rule("telling the options of its postprocessing", check_options_schema),
        write_data=Rule("writing data in its layout"),
        build=Rule("telling how its data is built"),
        data_verbs=Rule(
            "telling what it does with data", of_type(Mapping, "gave a {} of verbs, and schemas by name are needed")
        ),
        report=Rule("drawing its report", lambda sections, given: list(sections)),
    ),
    "data": Contract(
        contract.DataReader,
        read=Rule("reading data", check_read),
        prepare=Rule("reading data", lambda _, given: check_prepared(given["place"], given["folder"], "train", "test")),
        prepare_test=Rule("reading data", check_width),
        describe=Rule(
            "looking for data", list_of(DataItem, "describes its data with a {}, and ctk.contract.DataItem are needed")
        ),
        sources=Rule("looking for data", lambda paths, given: [Path(path) for path in paths]),
        stamp=Rule("looking at data"),
        pictures=Rule("looking for pictures"),
    ),
    "models": Contract(
        contract.Model,
        fit=Rule("fitting", note_target),
        predict=Rule("predicting", check_predicted),
        features_read=Rule("telling which features it reads", lambda names, given: list(names)),
        save=Rule("saving itself"),
        load=Rule("loading what it saved", note_target),
        importances=Rule("telling what its columns are worth to it", check_importances),
        memory=Rule("telling what memory it takes", lambda size, given: None if size is None else int(size)),
        curve=Rule("telling its curve", lambda curve, given: arrays.check_curve([] if curve is None else curve)),
        size=Rule("telling its size", lambda size, given: None if size is None else int(size)),
    ),
    "losses": Contract(
        None,
        make=Rule("being made", check_module),
        forward=Rule("comparing predictions with targets", check_loss, takes=("prediction", "batch")),
    ),
    "transforms": Contract(contract.Transform, apply=Rule("transforming a batch", check_transformed, before=note_rows)),
    "views": Contract(
        contract.View,
        count=Rule("counting its looks", check_looks),
        look=Rule("looking at rows", check_looked, before=note_look),
        undo=Rule("bringing a look's prediction back", check_undone),
    ),
    "blenders": Contract(
        contract.Blender,
        check=Rule("being asked whether it could blend"),
        fit=Rule("blending", lambda blend, given: check_blend(blend, list(given["oof"]))),
    ),
    "metrics": Contract(
        Metric,
        make=Rule("being looked at", check_metric),
        score=Rule("scoring", lambda it, given: arrays.to_number(it, "scored"), takes=("prediction", "samples")),
        columns=Rule("telling which columns members decide", check_decided, takes=("samples",)),
    ),
    "filters": Contract(
        contract.Filter,
        score=Rule("scoring samples", lambda scores, given: arrays.check_scores(scores, len(given["samples"]))),
        keep=Rule("choosing samples", _mask),
    ),
    "extractors": Contract(
        contract.Extractor,
        make=Rule("being made", _extractor),
        extract=Rule("extracting features", _extracted),
        fit=Rule("being fitted"),
        fit_extract=Rule("being fitted", _extracted),
        save=Rule("saving itself"),
        load=Rule("loading what it saved"),
    ),
    "executors": Contract(
        None,
        make=Rule("being made", _pool, takes=("workers", "threads")),
        check=Rule("being asked whether it could work"),
        share=Rule("sharing out workers", _shares, takes=("tasks", "workers", "threads")),
        submit=Rule(
            "taking on a task",
            of_type(Future, "answered a task with a {}, and a concurrent.futures.Future is needed"),
        ),
        shutdown=Rule("shutting down"),
        stop=Rule("being stopped"),
    ),
    "platforms": Contract(
        contract.Platform,
        download=Rule("downloading data", lambda paths, given: [Path(path) for path in paths]),
        check_submit=Rule("being asked whether it takes a submission"),
        submit=Rule(
            "handing in a submission",
            of_type(contract.Receipt, "answered a submission with a {}, and a ctk.contract.Receipt is needed"),
        ),
        leaderboard=Rule("reading the leaderboard", lambda entries, given: list(entries)),
        submissions=Rule("listing submissions", lambda submissions, given: list(submissions)),
    ),
    "scaffolds": Contract(
        contract.Scaffold,
        make=Rule("being made", _scaffold),
        inspect=Rule(
            "looking at {folder}",
            of_type(contract.Inspection, "found a {}, and a ctk.contract.Inspection is needed"),
        ),
        draft=Rule("drafting a package", of_type(contract.Draft, "drafted a {}, and a ctk.contract.Draft is needed")),
    ),
    "trackers": Contract(None, make=Rule("being made", takes=("folder", "name"))),
    "samplers": Contract(None, make=Rule("being made", takes=("space", "seed"))),
    "commands": Contract(None, make=Rule("being made", _command)),
}
"""The table of each kind of component."""
