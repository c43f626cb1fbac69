"""Checks of a competition: presets are valid configs, submissions are read back, and nothing beats the truth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ctk import api
from ctk.config.resolve import base_config, resolve
from ctk.contract import Competition, Submission
from ctk.errors import CtkError, DataError, SubmissionError
from ctk.plugins import plugins
from ctk.plugins.guard import competition_of
from ctk.plugins.guard.array_checks import NUMBERS
from ctk.plugins.guard.competition_checks import LISTS, TEXTS
from ctk.samples import Array, Samples
from ctk.testing.findings import Examination
from ctk.testing.short_runs import ShortRun
from ctk.testing.subject import Offer, locate_error
from ctk.workflow.blend_record import BlendRecord
from ctk.workflow.write_submission import same_values, width_of


def check_presets(exam: Examination) -> None:
    """Check that a competition says what it is, that what it names is there, and that its presets are valid."""
    for offer in exam.sound("competitions"):
        before = len(exam.report.problems)
        _fields(exam, offer.load())
        if len(exam.report.problems) == before:
            _presets(exam, offer)
        if len(exam.report.problems) > before:
            exam.broken.add((offer.kind, offer.name))


def _fields(exam: Examination, thing: type[Competition]) -> None:
    exam.saw(thing.id)
    for name in TEXTS:
        if not isinstance(value := getattr(thing, name, None), str) or not (value or name == "url"):
            exam.wrong(f"{thing.__name__}.{name} is {value!r}", "ctk.contract.Competition says what it is.")
    for name in LISTS:
        value = getattr(thing, name, None)
        if isinstance(value, str) or not isinstance(value, Sequence) or not value:
            exam.wrong(f"{thing.__name__}.{name} is {value!r}", f'It is a list of names: {name} = ("...",).')
    if thing.platform and not thing.slug:
        exam.wrong(f"{thing.__name__} has a platform and no slug", "The slug is what it is called there.")


def _presets(exam: Examination, offer: Offer) -> None:
    own: Competition = offer.load()()
    presets = own.presets()
    for field in ("embedded", "default"):
        if (name := getattr(own, field)) not in presets:
            exam.wrong(f"{offer.name} has no preset '{name}', its {field} one", f"Presets: {', '.join(presets)}.")
            return
    try:
        competition = competition_of(offer.name)
    except CtkError as error:
        exam.wrong(f"the {offer.title} cannot be used: {error.problem}", error.help)
        return
    for name in presets:
        exam.saw(f"{offer.name}: {name}")
        try:
            resolve(base_config(competition, None, name), plugins())
        except CtkError as error:
            exam.wrong(f"preset '{name}' of {offer.name}: {error.problem}", error.help)


def check_submissions(exam: Examination) -> None:
    """Check that submissions are read back as written and that damaged ones are refused, in every format."""
    for tried in _dry_runs(exam):
        if tried.competition.bundled:
            _check_bundles(exam, tried)
            continue
        for suffix in tried.competition.formats:
            _round_trip(exam, tried, suffix)
            _refusals(exam, tried, suffix)
        _validate(exam, tried)


def _check_bundles(exam: Examination, tried: ShortRun) -> None:
    """The bundle that a dry run wrote is taken as a stranger's; what is left of it, or nothing, is refused."""
    competition, whole = tried.competition, tried.results.submission
    data = tried.results.config.get("data_dir")
    api.validate(competition.id, whole, data=data and Path(data))
    exam.saw(f"{competition.id}: {whole.suffix} checked")
    for what, path in _broken(exam.home.runs, whole):
        exam.saw(f"{competition.id}: {whole.suffix} with {what}")
        try:
            competition.check_bundle(path, tried.results.test)
        except SubmissionError:
            continue
        except Exception as error:
            told = f"a {whole.suffix} with {what} ends in {locate_error(error)}"
            exam.wrong(f"{competition.id}: {told}", "check_bundle raises SubmissionError naming the file.")
        else:
            told = f"a {whole.suffix} with {what} is accepted"
            exam.wrong(f"{competition.id}: {told}", "check_bundle has to refuse it.")


def _round_trip(exam: Examination, tried: ShortRun, suffix: str) -> None:
    competition, test, values = tried.competition, tried.results.test, tried.results.submitted
    path = exam.home.runs / f"round-trip.{suffix}"
    competition.write_submission(path, test, values)
    read = competition.read_submission(path, test, width_of(values))
    exam.saw(f"{competition.id}: .{suffix} read back")
    expected = competition.submitted(values, test)
    if read.values.shape != expected.shape:
        exam.wrong(f"{competition.id}: a .{suffix} read back has another shape", "As many numbers a row as written.")
    elif not same_values(read.values, expected):
        numbers = read.values.dtype.kind in NUMBERS and expected.dtype.kind in NUMBERS
        apart = f"up to {np.abs(read.values - expected).max():.3g} off" if numbers else "not what was written"
        help = "Write every number's digits, or let `submitted` say what is made of them."
        exam.wrong(f"{competition.id}: a .{suffix} read back is {apart}", help)


def _validate(exam: Examination, tried: ShortRun) -> None:
    """Validate a submission as `ctk validate` does, with the test samples alone."""
    data = tried.results.config.get("data_dir")
    read = api.validate(tried.competition.id, tried.results.submission, data=data and Path(data))
    exam.saw(f"{tried.competition.id}: validate")
    if isinstance(read, Submission) and len(read.ids) != len(tried.results.test):
        exam.wrong(f"{tried.competition.id}: validate reads {len(read.ids)} rows of {len(tried.results.test)}")


def _refusals(exam: Examination, tried: ShortRun, suffix: str) -> None:
    competition, test = tried.competition, tried.results.test
    folder = exam.home.runs
    whole = folder / f"round-trip.{suffix}"
    for what, path in _damaged(competition, test, tried.results.submitted, folder, suffix):
        if path.exists() and path.read_bytes() == whole.read_bytes():
            continue  # the format does not hold what was damaged: a table without ids cannot repeat one
        exam.saw(f"{competition.id}: .{suffix} with {what}")
        try:
            competition.read_submission(path, test, width_of(tried.results.submitted))
        except SubmissionError:
            continue
        except Exception as error:
            exam.wrong(
                f"{competition.id}: a .{suffix} with {what} ends in {locate_error(error)}",
                "read_submission raises SubmissionError naming row and column.",
            )
        else:
            exam.wrong(f"{competition.id}: a .{suffix} with {what} is accepted", "read_submission has to refuse it.")


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
    damages = [
        ("a row dropped", test.take(without), values[without]),
        ("an id twice", replace(test, ids=twice), values),
    ]
    told = np.asarray(competition.submitted(not_a_number, test))
    if told.dtype.kind == "f" and np.isnan(told).any():  # else a word, or whatever is made of it, is no NaN
        damages.append(("NaN", test, not_a_number))
    for what, samples, numbers in damages:
        path = folder / f"{what.replace(' ', '-')}.{suffix}"
        try:
            competition.write_submission(path, samples, numbers)
        except (CtkError, ValueError):
            continue
        yield what, path
    yield from _broken(folder, folder / f"round-trip.{suffix}")


def _broken(folder: Path, whole: Path) -> Iterator[tuple[str, Path]]:
    """Files, and none, that are no whole submission of whatever format."""
    broken = folder / f"cut-off{whole.suffix}"
    content = whole.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    yield "its second half missing", broken
    empty = folder / f"empty{whole.suffix}"
    empty.write_bytes(b"")
    yield "nothing in it", empty
    yield "no file", folder / f"nowhere{whole.suffix}"


def check_truth(exam: Examination) -> None:
    """Check that a truth is read, and scores best, and that what is postprocessed twice is as postprocessed once."""
    for tried in _dry_runs(exam):
        _no_truth(exam, tried)
        _truth(exam, tried)
        _mended(exam, tried)


def _no_truth(exam: Examination, tried: ShortRun) -> None:
    """A truth that is not there is refused as such, which a method that was never written does not do."""
    path = exam.home.runs / "nowhere" / "truth.csv"
    exam.saw(f"{tried.competition.id}: read_truth")
    try:
        tried.competition.read_truth(path)
    except DataError:
        return
    except Exception as error:
        told = error.problem if isinstance(error, CtkError) else locate_error(error)
        exam.wrong(
            f"{tried.competition.id}: read_truth of a file that is not there ends in: {told}", "Raise DataError."
        )
    else:
        exam.wrong(f"{tried.competition.id}: read_truth reads a file that is not there", "Raise DataError.")


def _truth(exam: Examination, tried: ShortRun) -> None:
    """The truth, handed in, is finite and no worse than what the run handed in; where the test's truth is public."""
    competition, results = tried.competition, tried.results
    truth = results.truth if results.truth is not None else results.valid
    submitted = results.submitted if results.truth is not None else results.blended
    if submitted is None or (target := truth.target_values()).shape != submitted.shape:
        return
    exam.saw(f"{competition.id}: score of the truth")
    name, metric = competition.headline[0], plugins().load("metrics", competition.metric)
    best, own = (float(competition.score(values, truth)[name]) for values in (target, submitted))
    if not math.isfinite(best):
        exam.wrong(
            f"{competition.id}: the truth itself scores {name} {best}", "A perfect submission has a finite score."
        )
    elif not metric.sign * best >= metric.sign * own:
        exam.wrong(
            f"{competition.id}: the truth itself scores {name} {best:.6g}, worse than a dry run's {own:.6g}",
            f"Is the metric's direction '{metric.direction}' right, and headline's first number the metric?",
        )


def _mended(exam: Examination, tried: ShortRun) -> None:
    results = tried.results
    fitted = BlendRecord.load(results.folder).postprocess
    again = tried.competition.postprocess(results.submitted, results.test, fitted)
    exam.saw(f"{tried.competition.id}: postprocess")
    if not np.array_equal(np.asarray(again), results.submitted):
        exam.wrong(
            f"{tried.competition.id}: postprocess changes what it has mended already",
            "Members and blend are both mended: twice must be the same as once.",
        )


def _dry_runs(exam: Examination) -> list[ShortRun]:
    """The first dry run of each of the plugin's competitions that went through one."""
    own = {offer.name for offer in exam.subject.of("competitions")}
    first = {each.competition.id: each for each in reversed(exam.runs)}
    return [tried for id, tried in first.items() if id in own]
