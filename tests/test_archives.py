"""A file that is packed, or in UTF-16, is answered with how to unpack or save it, and blames nobody."""

import bz2
import gzip
import io
import lzma
import zipfile

import numpy as np
import pytest

from ctk.config.overrides import read_yaml
from ctk.contract import Submission
from ctk.errors import CtkError, SubmissionError, UsageError
from ctk.files import refuse_packed
from ctk.plugins.guard import competition_of
from ctk.samples import Samples

TEXT = "id,embedding\n"


def zipped(text):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("submission.csv", text)
    return packed.getvalue()


PACKED = {
    "unzip": zipped(TEXT),
    "gunzip": gzip.compress(TEXT.encode()),
    "xz -d": lzma.compress(TEXT.encode()),
    "bzip2 -d": bz2.compress(TEXT.encode()),
    "zstd -d": bytes.fromhex("28b52ffd200d690000") + TEXT.encode(),  # a raw block, as RFC 8878 has it
}


@pytest.mark.parametrize("name", ["aml-retrieval", "leap-climsim"])
@pytest.mark.parametrize("command", PACKED)
def test_a_packed_submission_is_answered_with_the_command_that_unpacks_it(tmp_path, name, command):
    path = tmp_path / "submission.csv"  # whatever it is called
    path.write_bytes(PACKED[command])
    for read in ("read_submission", "score_file"):
        with pytest.raises(SubmissionError, match=f"is an archive .*\nUnpack it: {command} {path}"):
            getattr(competition_of(name), read)(path, tmp_path / "truth")


@pytest.mark.parametrize("name", ["aml-retrieval", "leap-climsim"])
@pytest.mark.parametrize("encoding", ["UTF-16", "UTF-32"])
def test_a_submission_in_another_encoding_is_answered_with_its_name(tmp_path, name, encoding):
    path = tmp_path / "submission.csv"
    path.write_text(TEXT, encoding=encoding)
    with pytest.raises(SubmissionError, match=f"is in {encoding}, and UTF-8 is needed.\nSave it as UTF-8"):
        competition_of(name).read_submission(path, tmp_path / "truth")


def test_a_config_in_utf_16_as_a_shell_may_write_it_is_told_so(tmp_path):
    (tmp_path / "config.yaml").write_text("seeds: [1]\n", encoding="utf-16")
    with pytest.raises(UsageError, match="is in UTF-16, and UTF-8 is needed"):
        read_yaml(tmp_path / "config.yaml")


@pytest.mark.parametrize("text", ["", "id,x\n", "\ufeffid,x\n", "BZh1,x\n", "PK,x\n"])
def test_plain_text_is_let_through_whatever_its_first_word_is(tmp_path, text):
    (tmp_path / "plain.csv").write_text(text, encoding="utf-8")
    refuse_packed(tmp_path / "plain.csv", CtkError)


def test_a_competition_whose_submissions_are_archives_reads_them(tmp_path, monkeypatch):
    competition = competition_of("aml-retrieval")
    monkeypatch.setattr(competition, "formats", ("zip",))
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        archive.writestr("weights", b"")
    read = lambda self, path, test, width=None: Submission(test.ids, np.zeros(len(test)))  # noqa: E731
    monkeypatch.setattr(type(competition.own), "read_submission", read)
    assert len(competition.read_submission(tmp_path / "model.zip", Samples(np.arange(3), {})).values) == 3
