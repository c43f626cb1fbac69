"""A submission is read back as it was written; one that is damaged is refused in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ctk import api
from ctk.contract import Competition
from ctk.errors import CtkError, SubmissionError
from ctk.samples import Array, Samples
from ctk.testing.case import Case
from ctk.testing.subject import told
from ctk.testing.trial import Trial


def look(case: Case) -> None:
    """Every competition that went through a dry run, in every format that it has."""
    own = {offer.name for offer in case.subject.of("competitions")}
    seen: set[str] = set()
    for tried in case.trials:
        if (id := tried.competition.id) in own and id not in seen:
            seen.add(id)
            for suffix in tried.competition.formats:
                _round_trip(case, tried, suffix)
                _refusals(case, tried, suffix)
            _validate(case, tried)


def _round_trip(case: Case, tried: Trial, suffix: str) -> None:
    competition, test, values = tried.competition, tried.results.test, tried.results.submitted
    path = case.home.runs / f"round-trip.{suffix}"
    competition.write_submission(path, test, values)
    read = competition.read_submission(path, test, values.shape[-1])
    case.saw(f"{competition.id}: .{suffix} read back")
    if not np.array_equal(read.ids, test.ids) or read.values.shape != values.shape:
        case.wrong(
            f"{competition.id}: a .{suffix} read back has other ids or another shape", "Rows in the test's order."
        )
    elif not np.allclose(read.values, values, rtol=1e-12, atol=0):
        apart = np.abs(read.values - values).max()
        case.wrong(f"{competition.id}: a .{suffix} read back is up to {apart:.3g} off", "Write every number's digits.")


def _validate(case: Case, tried: Trial) -> None:
    """As `ctk validate` does: with the test samples alone."""
    data = tried.results.config.get("data_dir")
    read = api.validate(tried.competition.id, tried.results.submission, data=data and Path(data))
    case.saw(f"{tried.competition.id}: validate")
    if len(read.ids) != len(tried.results.test):
        case.wrong(f"{tried.competition.id}: validate reads {len(read.ids)} rows of {len(tried.results.test)}")


def _refusals(case: Case, tried: Trial, suffix: str) -> None:
    competition, test = tried.competition, tried.results.test
    folder = case.home.runs
    whole = folder / f"round-trip.{suffix}"
    for what, path in _damaged(competition, test, tried.results.submitted, folder, suffix):
        if path.exists() and path.read_bytes() == whole.read_bytes():
            continue  # the format does not hold what was damaged: a table without ids cannot repeat one
        case.saw(f"{competition.id}: .{suffix} with {what}")
        try:
            competition.read_submission(path, test, tried.results.submitted.shape[-1])
        except SubmissionError:
            continue
        except Exception as error:
            case.wrong(
                f"{competition.id}: a .{suffix} with {what} ends in {told(error)}",
                "read_submission raises SubmissionError naming row and column.",
            )
        else:
            case.wrong(f"{competition.id}: a .{suffix} with {what} is accepted", "read_submission has to refuse it.")


def _damaged(
    competition: Competition, test: Samples, values: Array, folder: Path, suffix: str
) -> Iterator[tuple[str, Path]]:
    """Files that are no submission. What the writer itself refuses to write needs no refusing."""
    last = len(test) - 1
    twice = np.array(test.ids)
    twice[last] = twice[0]
    not_a_number = np.array(values)
    not_a_number[0] = np.nan
    without = np.arange(last)
    for what, samples, numbers in (
        ("a row dropped", test.take(without), values[without]),
        ("an id twice", replace(test, ids=twice), values),
        ("NaN", test, not_a_number),
    ):
        path = folder / f"{what.replace(' ', '-')}.{suffix}"
        try:
            competition.write_submission(path, samples, numbers)
        except (CtkError, ValueError):
            continue
        yield what, path
    broken = folder / f"cut-off.{suffix}"
    content = (folder / f"round-trip.{suffix}").read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    yield "its second half missing", broken
    empty = folder / f"empty.{suffix}"
    empty.write_bytes(b"")
    yield "nothing in it", empty
    yield "no file", folder / f"nowhere.{suffix}"
