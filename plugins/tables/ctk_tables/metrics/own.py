"""A competitor's own metric, a function in a file."""

from __future__ import annotations

import importlib.util
import inspect
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ctk.contract import Metric
from ctk.errors import CtkError, UsageError, nearest
from ctk.samples import Array, Samples
from ctk_tables.metrics.checked import checked


@dataclass(frozen=True)
class OwnScore:
    """A function of a file as a metric's score, which is read anew where it is sent to another process."""

    path: Path
    name: str
    function: Callable[[Array, Array], Any]

    def __call__(self, prediction: Array, samples: Samples) -> float:
        """Call it with target and prediction, (N,) of one column, else (N, T). Raises UsageError for what it raises."""
        found, target = checked(prediction, samples, self.name)
        if target.shape[1] == 1:
            found, target = found[:, 0], target[:, 0]
        try:
            score = self.function(target, found)
        except CtkError:
            raise
        except Exception as error:
            raise UsageError(f"{self.path}: {self.name} failed: {type(error).__name__}: {error}") from error
        try:
            number = float(np.asarray(score).item())
        except (TypeError, ValueError):
            told = f"{self.path}: {self.name} returned a {type(score).__name__}, and one number is needed."
            raise UsageError(told) from None
        if math.isinf(number):
            raise UsageError(f"{self.path}: {self.name} returned {number}, and a finite number is needed.")
        return number

    def __reduce__(self) -> Any:
        return _score_in, (self.path, self.name)


def own_metric(path: str | Path, name: str, maximize: bool | None = None) -> Metric:
    """Load ``name(target, prediction) -> float`` of a file as a metric called ``path.py:name``.

    target, prediction  (N,) float64 where there is one column, else (N, T) of zeros and ones, classes or numbers
    maximize            whether more is better; none: the function's attribute ``maximize``
    Raises UsageError for a file that cannot be read, a name that is no such function, and a direction nobody told.
    """
    score = _score_in(Path(path), name)
    told = getattr(score.function, "maximize", None) if maximize is None else maximize
    if not isinstance(told, bool):
        raise UsageError(
            f"{path}: nothing says whether more of {name} is better.", f"Add a line below it: {name}.maximize = True"
        )
    return Metric(f"{Path(path).name}:{name}", "max" if told else "min", score)


def _score_in(path: Path, name: str) -> OwnScore:
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file.", "--metric path.py:name takes a function of a file.")
    path = path.resolve()
    spec = importlib.util.spec_from_file_location("ctk_tables_own_metric", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: is no Python file.", "--metric path.py:name takes a function of a file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses of the file look for it there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise UsageError(f"{path}{line}: cannot be imported: {type(error).__name__}: {error}") from error
    function = getattr(module, name, None)
    if not callable(function):
        known = [each for each, value in vars(module).items() if inspect.isfunction(value)]
        raise UsageError(f"{path}: has no function '{name}'.", nearest(name, known, "functions"))
    try:
        inspect.signature(function).bind(None, None)
    except TypeError:
        told = f"{path}: {name}{inspect.signature(function)} cannot be called with a target and a prediction."
        raise UsageError(told, f"def {name}(target, prediction): ...") from None
    except ValueError:  # a function of C tells no signature
        pass
    return OwnScore(path, name, function)
