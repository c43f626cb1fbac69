"""Submitting: what Kaggle would refuse is said first, then the file is validated, then it goes up and is handed in."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ctk.cli.main import cli

VALID = 'id,embedding\n0,"[1.0, 0.0, 0.0, 0.0, 0.0]"\n1,"[1.0, 0.0, 0.0, 0.0, 0.0]"\n' + (
    '2,"[0.0, 1.0, 0.0, 0.0, 0.0]"\n3,"[0.0, 1.0, 0.0, 0.0, 0.0]"\n'
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A valid submission."""
    path = tmp_path / "submission.csv"
    path.write_text(VALID)
    return path


def submit(file: Path, data: Path, *more: str) -> Result:
    """ctk submit in this process."""
    return CliRunner().invoke(
        cli, ["submit", "aml-retrieval", str(file), "-m", "two seeds", "--data", str(data), *more]
    )


def asked(kaggle: Any, name: str) -> dict[str, Any]:
    """What a method of the API was asked."""
    request: dict[str, Any] = json.loads(next(each.body for each in kaggle.asked if each.name == name))
    return request


def test_a_valid_file_is_uploaded_and_handed_in_with_its_message(kaggle: Any, aml: Path, file: Path) -> None:
    result = submit(file, aml)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"{file}: valid, 4 rows",
        "kaggle: Successfully submitted to aml-competition  4 left today",
    ]
    assert kaggle.uploaded == VALID.encode()
    assert asked(kaggle, "StartSubmissionUpload")["contentLength"] == len(VALID)
    assert asked(kaggle, "CreateSubmission") == {
        "competitionName": "aml-competition",
        "blobFileTokens": "blob-1",
        "submissionDescription": "two seeds",
    }


def test_as_json(kaggle: Any, aml: Path, file: Path) -> None:
    assert json.loads(submit(file, aml, "--json").stdout) == {
        "file": str(file),
        "rows": 4,
        "answer": "Successfully submitted to aml-competition",
        "left_today": 4,
    }


def test_an_invalid_file_is_never_uploaded(kaggle: Any, aml: Path, file: Path) -> None:
    file.write_text(VALID.replace("3,", "2,"))
    result = submit(file, aml)
    assert result.exit_code == 1
    assert "id" in result.stderr
    assert "StartSubmissionUpload" not in kaggle.names()
    assert kaggle.uploaded == b""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"joined": False}, "The rules of aml-competition are not accepted yet."),
        ({"facts": {"isKernelsSubmissionsOnly": True}}, "aml-competition takes notebooks, not files."),
        ({"facts": {"submissionsDisabled": True}}, "aml-competition takes no submissions."),
        ({"limits": {"numToday": 5, "numTotal": 9}}, "aml-competition takes no more submissions of yours today: 5"),
    ],
)
def test_what_kaggle_would_refuse_is_said_before_the_data_is_read(
    kaggle: Any, tmp_path: Path, file: Path, change: dict[str, Any], said: str
) -> None:
    for name, value in change.items():
        setattr(kaggle, name, value)
    result = submit(file, tmp_path / "no-data")
    assert result.exit_code == 1
    assert result.stderr.startswith(said)


def test_the_first_submission_of_all_is_not_taken_for_one_too_many(kaggle: Any, aml: Path, file: Path) -> None:
    kaggle.limits = {}  # as Kaggle answers before there is a team
    assert submit(file, aml).exit_code == 0


def test_an_upload_that_fails_is_a_sentence_and_nothing_is_handed_in(kaggle: Any, aml: Path, file: Path) -> None:
    kaggle.fail("upload", status=500)
    result = submit(file, aml)
    assert result.exit_code == 1
    assert result.stderr.startswith("Kaggle's storage of files answers 500.")
    assert "CreateSubmission" not in kaggle.names()


def test_a_submission_that_kaggle_refuses_is_told_in_its_words(kaggle: Any, aml: Path, file: Path) -> None:
    kaggle.fail("CreateSubmission", status=400, words="Submission not allowed: the deadline has passed.")
    result = submit(file, aml)
    assert result.exit_code == 1
    assert result.stderr.startswith("Kaggle refuses (400): Submission not allowed: the deadline has passed.\n")


def test_a_submission_counts_even_if_what_is_left_cannot_be_asked(kaggle: Any, aml: Path, file: Path) -> None:
    kaggle.fail("CreateSubmission", begin=lambda: kaggle.fail("GetSubmissionLimits", status=500))
    result = submit(file, aml)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == "kaggle: Successfully submitted to aml-competition"


def test_an_upload_that_is_never_answered_is_given_up_on(
    kaggle: Any, aml: Path, file: Path, monkeypatch: pytest.MonkeyPatch, patience: list[float]
) -> None:
    import ctk_kaggle.sessions

    over = threading.Event()
    kaggle.fail("upload", times=4, begin=over.wait)
    monkeypatch.setattr(ctk_kaggle.sessions, "READ", 0.5)
    result = submit(file, aml)
    over.set()
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] in ("There is no connection to Kaggle.", "Kaggle does not answer in time.")
    assert "CreateSubmission" not in kaggle.names()
