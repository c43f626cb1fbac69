"""A submission that is still packed is answered with how to unpack it, and blames nobody."""

import gzip
import zipfile

import numpy as np
import pytest

from ctk.contract import Submission
from ctk.errors import SubmissionError
from ctk.plugins.guard import competition_of
from ctk.samples import Samples


@pytest.mark.parametrize("name", ["aml-retrieval", "leap-climsim"])
def test_a_packed_submission_is_answered_with_the_command_that_unpacks_it(tmp_path, name):
    text = b"id,embedding\n"
    with zipfile.ZipFile(tmp_path / "submission.csv", "w") as archive:  # whatever it is called
        archive.writestr("submission.csv", text)
    (tmp_path / "submission.csv.gz").write_bytes(gzip.compress(text))
    for path, command in ((tmp_path / "submission.csv", "unzip"), (tmp_path / "submission.csv.gz", "gunzip")):
        for read in ("read_submission", "score_file"):
            with pytest.raises(SubmissionError, match=f"is an archive .*\nUnpack it: {command} {path}"):
                getattr(competition_of(name), read)(path, tmp_path / "truth")


def test_a_competition_whose_submissions_are_archives_reads_them(tmp_path, monkeypatch):
    competition = competition_of("aml-retrieval")
    monkeypatch.setattr(competition, "formats", ("zip",))
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        archive.writestr("weights", b"")
    read = lambda self, path, test, width=None: Submission(test.ids, np.zeros(len(test)))  # noqa: E731
    monkeypatch.setattr(type(competition.own), "read_submission", read)
    assert len(competition.read_submission(tmp_path / "model.zip", Samples(np.arange(3), {})).values) == 3
