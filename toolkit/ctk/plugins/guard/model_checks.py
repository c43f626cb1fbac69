"""What models, losses, transforms, views and metrics may give back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ctk.contract import Metric
from ctk.plugins.guard import array_checks as arrays
from ctk.plugins.guard.failures import ContractViolation, require
from ctk.plugins.guard.value_checks import Given, of_type
from ctk.samples import Samples


def note_target(nothing: Any, given: Given) -> None:
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


def check_predicted(predicted: Any, given: Given) -> Any:
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


def check_importances(told: Any, given: Given) -> dict[str, float] | None:
    if told is None:
        return None
    by_name = arrays.to_numbers(told, "told as importances")
    for name, number in by_name.items():
        require(0 <= number < math.inf, f"told {number} as the importance of '{name}'; numbers from 0 on are needed")
    return by_name


def check_module(made: Any, given: Given) -> Any:
    from torch import nn

    return of_type(nn.Module, "is a {}, and a torch.nn.Module is needed")(made, given)


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


def note_rows(given: Given) -> None:
    """Keep what the rows are like, for a transform may write to the mapping that it is given."""
    rows = {**given["features"], None: given["target"]}
    given["self"].given = {name: _like(values) for name, values in rows.items()}


def check_transformed(made: Any, given: Given) -> Any:
    pair = isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], Mapping)
    require(pair, f"gave a {type(made).__name__}, and (features by name, target) is needed")
    features, target = made
    _require_alike(given["self"].given, {**features, None: target})
    return dict(features), target


def note_look(given: Given) -> None:
    """Keep what the rows are like before they are looked at otherwise."""
    given["self"].given = {name: _like(values) for name, values in given["features"].items()}


def check_looked(made: Any, given: Given) -> dict[str, Any]:
    of_type(Mapping, "gave a {}, and features by name are needed")(made, given)
    _require_alike(given["self"].given, made)
    return dict(made)


def check_looks(count: Any, given: Given) -> int:
    require(type(count) is int and count >= 1, f"counts {count!r} looks, and a whole number of at least 1 is needed")
    return int(count)


def check_undone(made: Any, given: Given) -> Any:
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


def check_metric(metric: Any, given: Given) -> Any:
    of_type(Metric, "is a {}, and an instance of ctk.contract.Metric is needed")(metric, given)
    known = metric.direction in ("max", "min")
    require(known, f"has the direction {metric.direction!r}, and 'max' or 'min' is needed")
    return metric


def check_decided(columns: Any, given: Given) -> Any:
    decided, width = np.asarray(columns), given["samples"].target_width
    told = f"told columns by an array of {decided.dtype} {decided.shape}, and bool ({width},) is needed"
    require(decided.dtype == bool and decided.shape == (width,), told)
    return decided
