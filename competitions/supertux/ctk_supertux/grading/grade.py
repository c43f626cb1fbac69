"""Grading a bundle: unpacked, looked at, run case by case, and given its points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from ctk.contract import Graded
from ctk.errors import DataError, SubmissionError
from ctk_supertux.bundle.checking import inspect
from ctk_supertux.bundle.unpacking import unpack
from ctk_supertux.columns import GRADED, GRADED_CHOICES, GRADED_PAIRS
from ctk_supertux.grading.limits import GraderLimits
from ctk_supertux.grading.points import CASES, points
from ctk_supertux.grading.process import CaseOutcome, run_cases

FILES = {"vlm": GRADED_PAIRS, "clip": GRADED_CHOICES}
"""The graded file of each case."""


def grade(path: Path, truth: Path, limits: GraderLimits) -> Graded:
    """Grade a zip or folder, anyone's, as the course does.

    truth    a homework data folder, or one of its graded JSON files: then that case alone is graded
    returns  points, accuracy, parameters and seconds by case, the sum of points, and the lines that say so; a bundle
             that a grader would not unpack has none
    Raises DataError where nothing graded is there.
    """
    data, graded = _find_graded(truth)
    with TemporaryDirectory(prefix="ctk-grade-") as made:
        place = Path(made).resolve()
        try:
            folder = unpack(path, place)
        except SubmissionError as error:
            outcomes = {case: CaseOutcome(None, None, 0.0, error.problem) for case in graded}
            return _graded(outcomes, [])
        problems, _ = inspect(folder)
        _lay_data(data, graded, place / "data")
        outcomes = run_cases(place, list(graded), limits)
        return _graded(outcomes, problems)


def _find_graded(truth: Path) -> tuple[Path, dict[str, Path]]:
    """Find the data folder that a truth is of, and the graded files by case. Raises DataError."""
    if truth.is_file():
        found = {case: truth for case, name in FILES.items() if truth.name == name}
        found = found or {"clip" if "mc" in truth.name else "vlm": truth}
        return truth.resolve().parent.parent, found
    known = {case: path for case, name in FILES.items() if (path := truth / GRADED / name).is_file()}
    if not known:
        raise DataError(
            f"{truth}: has no {GRADED}/{GRADED_PAIRS} and no {GRADED}/{GRADED_CHOICES}.",
            "Give the homework's data folder, or one of these files.",
        )
    return truth.resolve(), known


def _lay_data(data: Path, graded: Mapping[str, Path], place: Path) -> None:
    """Lay links to the data beside the bundle, and among the graded files to those that are asked for alone."""
    (place / GRADED).mkdir(parents=True)
    for each in data.iterdir():
        if each.name != GRADED:
            (place / each.name).symlink_to(each)
    for case, path in graded.items():
        (place / GRADED / FILES[case]).symlink_to(path.resolve())
    for each in (data / GRADED).iterdir() if (data / GRADED).is_dir() else ():
        if each.suffix != ".json":
            (place / GRADED / each.name).symlink_to(each)


def _graded(outcomes: Mapping[str, CaseOutcome], problems: list[str]) -> Graded:
    numbers: dict[str, float] = {"points": 0}
    for case, outcome in outcomes.items():
        numbers[f"{case}-points"] = 0 if outcome.accuracy is None else points(CASES[case], outcome.accuracy)
        numbers["points"] += numbers[f"{case}-points"]
        if outcome.accuracy is not None:
            numbers |= {f"{case}-accuracy": outcome.accuracy, f"{case}-parameters": float(outcome.parameters or 0)}
        numbers[f"{case}-seconds"] = outcome.seconds
    return Graded(numbers, [*_lines(outcomes, numbers), *(f"beside that: {each}" for each in problems)])


def _lines(outcomes: Mapping[str, CaseOutcome], numbers: Mapping[str, float]) -> Iterator[str]:
    """A line a case with its points of how many, what was wrong with it, and the sum."""
    for case, outcome in outcomes.items():
        state = "PASSED" if outcome.accuracy is not None else "FAILED"
        yield f"{CASES[case].title:<40} [ {state} ]  [ {numbers[f'{case}-points']:3.0f} / {CASES[case].score} ]"
        if outcome.fault:
            yield f"  {outcome.fault}"
    whole = sum(CASES[case].score for case in outcomes)
    yield f"{'total':<40}             [ {numbers['points']:3.0f} / {whole} ]"
