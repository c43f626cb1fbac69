"""The contracts with plugins as tables: what each method of a component does, and what is checked of what it returns.

Guards call components by these rows, and ``check_plugin`` reads them: a new method of a contract is one row.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ctk import contract
from ctk.contract import Blend, Competition, DataItem, Metric, Submission
from ctk.errors import SubmissionError, UsageError
from ctk.files import refuse_packed
from ctk.plugins.guard import array_checks as arrays
from ctk.plugins.guard.failures import ContractViolation, require
from ctk.plugins.guard.sample_checks import check_data, check_prepared
from ctk.samples import Data, Samples

Given = Mapping[str, Any]
"""The arguments of a call by name; ``self`` is the wrapped component, where it is of a contract class."""
Check = Callable[[Any, Given], Any]
"""From a returned value and the arguments to the value that is handed on. Raises ContractViolation."""


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
            rules.setdefault("make", Rule("being made", _instance_of(base)))

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


def _of_type(kind: type, sentence: str) -> Check:
    """A check of the type alone; ``sentence`` has a ``{}`` for the type that a wrong value has."""

    def check(value: Any, given: Given) -> Any:
        require(isinstance(value, kind), sentence.format(type(value).__name__))
        return value

    return check


def _instance_of(base: type) -> Check:
    return _of_type(base, f"is a {{}}, and a ctk.contract.{base.__name__} is needed")


def _list_of(kind: type, sentence: str) -> Check:
    check = _of_type(kind, sentence)
    return lambda values, given: [check(value, given) for value in values]


# Competitions and data readers ----------------------------------------------------------------------------------------

TEXTS = ("id", "title", "url", "metric", "reader", "embedded", "default")
"""Texts that a competition has to have."""
LISTS = ("headline", "formats")
"""Lists of texts that a competition has to have."""


def _competition(own: Any, given: Given) -> Any:
    _instance_of(Competition)(own, given)
    for field in TEXTS:
        require(isinstance(getattr(own, field, None), str), f"has no '{field}', a text")
    for field in LISTS:
        value = getattr(own, field, None)
        require(value and not isinstance(value, str), f"has no '{field}', a list of texts")
    return own


def _presets(presets: Any, given: Given) -> Any:
    _of_type(Mapping, "gave a {} of presets, and configs by name are needed")(presets, given)
    for name, preset in presets.items():
        _of_type(Mapping, f"gave as preset '{name}' a {{}}, and a mapping is needed")(preset, given)
    for name in (given["self"].embedded, given["self"].default):
        require(name in presets, f"says its preset is '{name}', and has {', '.join(presets) or 'none'}")
    return presets


def _written(nothing: Any, given: Given) -> None:
    require(given["path"].is_file(), f"wrote no submission to {given['path']}")


def _sentences(lines: Any, given: Given) -> list[str]:
    whole = isinstance(lines, Sequence) and not isinstance(lines, str) and all(isinstance(each, str) for each in lines)
    require(whole, f"told {lines!r}, and a list of sentences is needed")
    return list(lines)


def _bundled(lines: Any, given: Given) -> list[str]:
    _written(None, given)
    return _sentences(lines, given)


def _submission(read: Any, given: Given) -> Any:
    path, test = given["path"], given["test"]
    _of_type(Submission, "read a {}, and a ctk.contract.Submission is needed")(read, given)
    same = np.array_equal(read.ids, test.ids)
    require(same, f"read {path} into {len(read.ids):,} ids that are not those of the test samples, in order")
    shape = np.shape(read.values)
    require(shape[:1] == (len(test),), f"read {path} into values {shape} for {len(test):,} ids")
    return read


def _submitted(values: Any, given: Given) -> Any:
    told, rows = np.asarray(values), len(given["prediction"])
    require(told.shape[:1] == (rows,), f"told of values {told.shape} in a submission of {rows:,} predictions")
    return told


def _no_archive(given: Given) -> None:
    """Raise SubmissionError for an archive that holds a submission, unless the competition's format is one."""
    refuse_packed(Path(given["path"]), SubmissionError, "submission", given["self"].formats)


def _scored_file(scores: Any, given: Given) -> dict[str, float]:
    numbers = arrays.to_numbers(scores, "scored")
    for name in given["self"].headline:
        if not math.isfinite(numbers.get(name, 0.0)):
            raise SubmissionError(
                f"{given['path']}: its {name} is {numbers[name]}: some numbers are too large to be scored.",
                "Look for them in the file, and in the truth.",
            )
    return contract.Graded(numbers, _sentences(scores.lines, given)) if isinstance(scores, contract.Graded) else numbers


def _truth(truth: Any, given: Given) -> Any:
    whole = isinstance(truth, Samples) and truth.target is not None
    require(whole, f"read {given['path']} into no samples with a target")
    return truth


def _mended(mended: Any, given: Given) -> Any:
    before = given["prediction"]
    text = before.dtype.kind == "U" and getattr(mended, "dtype", before.dtype).kind == "U"
    after = np.asarray(mended) if text else arrays.to_numeric(mended, "postprocessed predictions into")
    require(after.shape == before.shape, f"postprocessed predictions of shape {before.shape} into {after.shape}")
    return after


def _options_schema(schema: Any, given: Given) -> Any:
    whole = schema is None or (isinstance(schema, type) and issubclass(schema, contract.Strict))
    require(whole, f"told of options {schema!r}, and a subclass of ctk.contract.Strict is needed, or None")
    if schema is not None:
        lacking = [name for name, field in schema.model_fields.items() if field.is_required()]
        require(not lacking, f"has an option without a default: {', '.join(lacking)}")
    return schema


def _data(data: Any, given: Given) -> Any:
    _of_type(Data, "read a {}, and a ctk.samples.Data is needed")(data, given)
    check_data(data)
    return data


def _width(width: Any, given: Given) -> int:
    count = arrays.to_number(width, "gave as the width of a prediction")
    require(count >= 1 and count == int(count), f"gave {width} as the width of a prediction")
    check_prepared(given["place"], given["folder"], "test")
    return int(width)


# Models, losses, metrics ----------------------------------------------------------------------------------------------


def _note_target(nothing: Any, given: Given) -> None:
    """Keep what the target is like, which predictions are compared with.

    The shape of one of its rows, None where there is none; whether it is text; how many choices it tells apart.
    """
    samples, wrapped = given["train"] if "train" in given else given["samples"], given["self"]
    row = None if samples.target is None else samples.target.shape[1:]
    wrapped.row = row if samples.gallery is None else (samples.target_width,)
    wrapped.text = samples.predicts_text
    wrapped.choices = _choices(samples)


def _choices(samples: Samples) -> int:
    """Count the choices that a target (N,) of whole numbers tells apart, two at least; 0 where it is none."""
    target = samples.target
    if target is None or samples.gallery is not None or target.ndim > 1 or target.dtype.kind not in "iu":
        return 0
    return int(target.max(initial=1)) + 1 if not (target < 0).any() else 0


def _prediction(predicted: Any, given: Given) -> Any:
    samples, known = given["samples"], vars(given["self"])
    row, text = known.get("row"), known.get("text", False)
    if text or (row is None and getattr(predicted, "dtype", np.dtype(object)).kind == "U"):
        return arrays.check_text(predicted, len(samples))
    shape, choices = np.shape(predicted), known.get("choices", 0)
    if len(shape) == 2 and 0 < choices <= shape[1]:
        row = shape[1:]  # a score for each choice
    values = arrays.check_prediction(predicted, len(samples), row)
    learns_by_steps = hasattr(getattr(given["self"].own, "training", None), "optimizer")
    help = "Lower the learning rate, or set clip." if learns_by_steps else ""
    arrays.require_finite(values, samples, help)
    return values


def _importances(told: Any, given: Given) -> dict[str, float] | None:
    if told is None:
        return None
    by_name = arrays.to_numbers(told, "told as importances")
    for name, number in by_name.items():
        require(0 <= number < math.inf, f"told {number} as the importance of '{name}'; numbers from 0 on are needed")
    return by_name


def _module(made: Any, given: Given) -> Any:
    from torch import nn

    return _of_type(nn.Module, "is a {}, and a torch.nn.Module is needed")(made, given)


def check_loss(loss: Any, given: Given) -> Any:
    """Return a loss that is one number, with a gradient where one is taken. Raises ContractViolation.

    Looked at in every step: nothing here makes the processor wait for a GPU.
    """
    import torch

    if not isinstance(loss, torch.Tensor):
        raise ContractViolation(f"gave a {type(loss).__name__}, and a tensor of one number is needed")
    if loss.ndim:
        shape = tuple(loss.shape)
        raise ContractViolation(f"gave a tensor of shape {shape}, and one number is needed", "Take its mean.")
    if torch.is_grad_enabled() and not loss.requires_grad:
        help = "It is made of torch operations on the prediction, not of .item() or .detach()."
        raise ContractViolation("gave a number without a gradient", help)
    return loss


def _note_rows(given: Given) -> None:
    """Keep what the rows are like, for a transform may write to the mapping that it is given."""
    rows = {**given["features"], None: given["target"]}
    given["self"].given = {name: _like(values) for name, values in rows.items()}


def _transformed(made: Any, given: Given) -> Any:
    pair = isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], Mapping)
    require(pair, f"gave a {type(made).__name__}, and (features by name, target) is needed")
    features, target = made
    _require_alike(given["self"].given, {**features, None: target})
    return dict(features), target


def _note_look(given: Given) -> None:
    """Keep what the rows are like before they are looked at otherwise."""
    given["self"].given = {name: _like(values) for name, values in given["features"].items()}


def _looked(made: Any, given: Given) -> dict[str, Any]:
    _of_type(Mapping, "gave a {}, and features by name are needed")(made, given)
    _require_alike(given["self"].given, made)
    return dict(made)


def _looks(count: Any, given: Given) -> int:
    require(type(count) is int and count >= 1, f"counts {count!r} looks, and a whole number of at least 1 is needed")
    return int(count)


def _undone(made: Any, given: Given) -> Any:
    told = f"brought a prediction, {_words(_like(given['prediction']))}, back as {_words(_like(made))}"
    require(_like(made) == _like(given["prediction"]), f"{told}; shapes and dtypes stay")
    return made


def _require_alike(before: Mapping[str | None, Any], rows: Mapping[str | None, Any]) -> None:
    """Raise ContractViolation where rows, the target's name being None, are not under the names and like before."""
    if strange := sorted(before.keys() ^ rows.keys(), key=str):
        had = "took away" if strange[0] in before else "added"
        raise ContractViolation(f"{had} the feature '{strange[0]}'; features keep their names")
    for name, values in rows.items():
        what = "the target" if name is None else f"the feature '{name}'"
        told = f"made {what}, {_words(before[name])}, {_words(_like(values))}; shapes and dtypes stay"
        require(_like(values) == before[name], told)


def _like(values: Any) -> tuple[Any, ...]:
    """Shape, dtype and device of a tensor; the type alone of anything else."""
    known = all(hasattr(values, name) for name in ("shape", "dtype", "device"))
    return (tuple(values.shape), values.dtype, values.device) if known else (type(values).__name__,)


def _words(like: tuple[Any, ...]) -> str:
    if len(like) == 1:
        return f"a {like[0]}"
    shape, dtype, device = like
    return f"{str(dtype).removeprefix('torch.')} {shape} on {device}"


def _metric(metric: Any, given: Given) -> Any:
    _of_type(Metric, "is a {}, and an instance of ctk.contract.Metric is needed")(metric, given)
    known = metric.direction in ("max", "min")
    require(known, f"has the direction {metric.direction!r}, and 'max' or 'min' is needed")
    return metric


def _columns(columns: Any, given: Given) -> Any:
    decided, width = np.asarray(columns), given["samples"].target_width
    told = f"told columns by an array of {decided.dtype} {decided.shape}, and bool ({width},) is needed"
    require(decided.dtype == bool and decided.shape == (width,), told)
    return decided


# Blenders, filters, extractors, executors, commands -------------------------------------------------------------------


def check_blend(blend: Any, keys: Sequence[str]) -> Any:
    """Return a blend of finite weights, not all of them 0, of members that there are. Raises ContractViolation."""
    _of_type(Blend, "gave a {}, and a ctk.contract.Blend is needed")(blend, {})
    for key, weight in blend.weights.items():
        require(key in keys, f"gave a weight to '{key}', and the members are {', '.join(keys)}")
        number = arrays.to_number(weight, f"weighs '{key}' with")
        require(math.isfinite(number), f"weighs '{key}' with {weight}; weights must be finite")
    require(blend.how in ("sum", "vote"), f"says to blend by {blend.how!r}, and 'sum' or 'vote' is needed")
    told = "blends by vote, which knows neither groups of columns nor rows of length 1"
    require(blend.how == "sum" or not (blend.by_group or blend.normalise), told)
    if blend.by_group:
        _check_groups(blend)
    if blend.by is not None or blend.bins or blend.parts:
        _check_bins(blend)
    weights = blend.by_group.values() if blend.by_group else [blend.weights.values()]
    require(any(map(any, weights)) or blend.parts, "gave no member a weight that is not 0")
    if blend.score is not None:
        arrays.to_number(blend.score, "gave as the blend's score")
    return blend


def _check_groups(blend: Blend) -> None:
    groups = len(blend.column_groups)
    require(blend.by_group.keys() == blend.weights.keys(), "gave other members weights by group than weights")
    inside = all(0 <= group < groups for group in blend.group_of_column)
    require(inside, f"numbers the groups of columns outside of the {groups} there are")
    for key, weights in blend.by_group.items():
        numbers = [arrays.to_number(each, f"weighs '{key}' with") for each in weights]
        told = f"weighs '{key}' with {weights}; a finite weight for each of {groups} groups is needed"
        require(len(numbers) == groups and all(map(math.isfinite, numbers)), told)


def _check_bins(blend: Blend) -> None:
    whole = blend.by is not None and len(blend.bins) == len(blend.parts) > 0 and not blend.by_group
    require(whole, f"gave {len(blend.parts)} blends of {len(blend.bins)} bins by '{blend.by}'; one a bin is needed")
    require(
        all(len(each) == 2 for each in blend.bins), f"gave bins {blend.bins}; each has a lowest and a highest number"
    )
    for part in blend.parts:
        check_blend(part, list(blend.weights))
        alike = part.weights.keys() == blend.weights.keys() and part.normalise == blend.normalise and not part.parts
        alike = alike and part.how == blend.how
        alike = alike and part.group_of_column == blend.parts[0].group_of_column
        require(alike, "gave a bin of rows a blend of other members, columns or kind than the others")
    try:
        _ = blend.rows
    except UsageError as error:
        raise ContractViolation(f"gave bins of rows that are none: {error.problem}") from None


def _mask(keep: Any, given: Given) -> Any:
    rows = len(given["scores"])
    kept = arrays.check_mask(keep, rows)
    require(kept.any(), f"keeps none of {rows:,} samples", "Let its options keep more, or leave it out.")
    return kept


def _extractor(extractor: Any, given: Given) -> Any:
    _instance_of(contract.Extractor)(extractor, given)
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
    _instance_of(contract.Scaffold)(scaffold, given)
    _options_schema(getattr(scaffold, "options", None) or "none", given)
    return scaffold


def _command(command: Any, given: Given) -> Any:
    import click

    return _of_type(click.Command, "is a {}, and a click.Command is needed")(command, given)


# The tables -----------------------------------------------------------------------------------------------------------

CONTRACTS = {
    "competitions": Contract(
        Competition,
        make=Rule("being made", _competition),
        presets=Rule("giving its presets", _presets),
        spaces=Rule("giving its spaces", _of_type(Mapping, "gave a {} of spaces, and spaces by name are needed")),
        variants=Rule("giving its variants", _of_type(Mapping, "gave a {} of variants, and lists by name are needed")),
        default_data=Rule(
            "making its default data", _of_type(Path, "gave a {} as the folder of its data, and a Path is needed")
        ),
        evaluate=Rule(
            "evaluating predictions", lambda them, given: arrays.to_numbers(them, "evaluated", given["self"].headline)
        ),
        write_submission=Rule("writing the submission", _written),
        read_submission=Rule("reading {path}", _submission, before=_no_archive),
        write_bundle=Rule("writing the bundle", _bundled),
        check_bundle=Rule("checking {path}", _sentences),
        submission_options=Rule("telling the options of its submission", _options_schema),
        submitted=Rule("telling what a submission holds", _submitted),
        read_truth=Rule("reading {path}", _truth),
        score=Rule("scoring a submission", lambda them, given: arrays.to_numbers(them, "scored")),
        score_file=Rule("scoring {path}", _scored_file, before=_no_archive),
        score_options=Rule("telling the options of its score", _options_schema),
        fit_postprocess=Rule(
            "fitting its postprocessing", lambda fitted, given: arrays.to_json(fitted, "gave to its postprocessing")
        ),
        postprocess=Rule("postprocessing", _mended),
        postprocess_options=Rule("telling the options of its postprocessing", _options_schema),
        write_data=Rule("writing data in its layout"),
        build=Rule("telling how its data is built"),
        data_verbs=Rule(
            "telling what it does with data", _of_type(Mapping, "gave a {} of verbs, and schemas by name are needed")
        ),
        report=Rule("drawing its report", lambda sections, given: list(sections)),
    ),
    "data": Contract(
        contract.DataReader,
        read=Rule("reading data", _data),
        prepare=Rule("reading data", lambda _, given: check_prepared(given["place"], given["folder"], "train", "test")),
        prepare_test=Rule("reading data", _width),
        describe=Rule(
            "looking for data", _list_of(DataItem, "describes its data with a {}, and ctk.contract.DataItem are needed")
        ),
        sources=Rule("looking for data", lambda paths, given: [Path(path) for path in paths]),
        stamp=Rule("looking at data"),
        pictures=Rule("looking for pictures"),
    ),
    "models": Contract(
        contract.Model,
        fit=Rule("fitting", _note_target),
        predict=Rule("predicting", _prediction),
        features_read=Rule("telling which features it reads", lambda names, given: list(names)),
        save=Rule("saving itself"),
        load=Rule("loading what it saved", _note_target),
        importances=Rule("telling what its columns are worth to it", _importances),
        memory=Rule("telling what memory it takes", lambda size, given: None if size is None else int(size)),
        curve=Rule("telling its curve", lambda curve, given: arrays.check_curve([] if curve is None else curve)),
        size=Rule("telling its size", lambda size, given: None if size is None else int(size)),
    ),
    "losses": Contract(
        None,
        make=Rule("being made", _module),
        forward=Rule("comparing predictions with targets", check_loss, takes=("prediction", "batch")),
    ),
    "transforms": Contract(contract.Transform, apply=Rule("transforming a batch", _transformed, before=_note_rows)),
    "views": Contract(
        contract.View,
        count=Rule("counting its looks", _looks),
        look=Rule("looking at rows", _looked, before=_note_look),
        undo=Rule("bringing a look's prediction back", _undone),
    ),
    "blenders": Contract(
        contract.Blender,
        check=Rule("being asked whether it could blend"),
        fit=Rule("blending", lambda blend, given: check_blend(blend, list(given["oof"]))),
    ),
    "metrics": Contract(
        Metric,
        make=Rule("being looked at", _metric),
        score=Rule("scoring", lambda it, given: arrays.to_number(it, "scored"), takes=("prediction", "samples")),
        columns=Rule("telling which columns members decide", _columns, takes=("samples",)),
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
            _of_type(Future, "answered a task with a {}, and a concurrent.futures.Future is needed"),
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
            _of_type(contract.Receipt, "answered a submission with a {}, and a ctk.contract.Receipt is needed"),
        ),
        leaderboard=Rule("reading the leaderboard", lambda entries, given: list(entries)),
        submissions=Rule("listing submissions", lambda submissions, given: list(submissions)),
    ),
    "scaffolds": Contract(
        contract.Scaffold,
        make=Rule("being made", _scaffold),
        inspect=Rule(
            "looking at {folder}",
            _of_type(contract.Inspection, "found a {}, and a ctk.contract.Inspection is needed"),
        ),
        draft=Rule("drafting a package", _of_type(contract.Draft, "drafted a {}, and a ctk.contract.Draft is needed")),
    ),
    "trackers": Contract(None, make=Rule("being made", takes=("folder", "name"))),
    "samplers": Contract(None, make=Rule("being made", takes=("space", "seed"))),
    "commands": Contract(None, make=Rule("being made", _command)),
}
"""The table of each kind of component."""
