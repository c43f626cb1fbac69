"""A competition may ask for words: what a submission holds is the competition's business, and is known before a fit."""

import json

import pytest

from ctk.testing import check_plugin
from ctk.testing.distributions import lay

PLUGIN = """
import numpy as np
from ctk import hookimpl
from ctk.contract import Submission
from ctk.errors import SubmissionError
from ctk.testing.toy.toy_competition import ToyClassification
WORDS = np.array(["cat", "dog", "cow"])
class Animals(ToyClassification):
    id = "animals"
    def default_data(self, progress=lambda what, done, total: None):
        self.id = "toy-classification"
        try:
            return super().default_data(progress)
        finally:
            del self.id
    def score(self, prediction, truth):
        if prediction.dtype.kind == "U":
            prediction = (prediction[:, None] == WORDS).astype(float)
        return super().score(prediction, truth)
    def write_submission(self, path, test, prediction):
        rows = zip(test.ids, WORDS[prediction.argmax(1)], strict=True)
        path.write_text("id,animal\\n" + "".join(f"{id},{word}\\n" for id, word in rows))
    def read_submission(self, path, test, width=None):
        try:
            rows = dict(line.split(",") for line in path.read_text().splitlines()[1:])
            words = np.array([rows[str(id)] for id in test.ids])
        except (OSError, KeyError, ValueError) as error:
            raise SubmissionError(f"{path}: {error}") from None
        if len(rows) != len(test) or not np.isin(words, WORDS).all():
            raise SubmissionError(f"{path}: rows or words that do not belong there.")
        return Submission(test.ids, words)
    MORE
@hookimpl
def ctk_register_competitions(register): register("animals", Animals, "words")
"""
SUBMITTED = "def submitted(self, prediction, test): return WORDS[np.asarray(prediction).argmax(1)]"
RUN = ("run", "animals", "-otrackers=[]", "-oexecutor.name=serial", "-omembers=[{model: ridge}]")


@pytest.fixture
def animals(tmp_plugin, ctk_home):
    def animals(more):
        lay(tmp_plugin("animals", PLUGIN.replace("MORE", more)), "ctk-toy", "ctk.testing.toy")

    return animals


def test_a_competition_whose_answers_are_words_runs_to_a_valid_submission(animals, ctk, ctk_home):
    animals(SUBMITTED)
    ctk(*RUN, code=0)
    (run,) = ctk_home.runs.glob("*/*")
    assert {line.split(",")[1] for line in (run / "submission.csv").read_text().splitlines()} <= {
        *("animal", "cat", "dog", "cow")
    }
    assert json.loads((run / "submission.json").read_text())["valid"]
    file = run / "submission.csv"
    assert "valid, 24 rows" in ctk("validate", "animals", file, code=0).stdout
    assert "holds answers that are no numbers" in ctk("blend", "--competition", "animals", file, file, code=2).stderr


def test_one_that_does_not_say_so_is_told_before_anything_is_fitted(animals, ctk, ctk_home):
    animals("")
    said = ctk(*RUN, code=1).stderr
    assert "what is read from a submission is not what was predicted" in said
    assert "`submitted` returns that" in said
    assert not list(ctk_home.runs.glob("*/*/members/*"))
    assert not list(ctk_home.runs.glob("*/*/submission*"))


def test_the_kit_takes_no_word_for_an_accepted_nan_and_refuses_a_truth_that_cannot_be_read(animals):
    animals(f"{SUBMITTED}\n    def read_truth(self, path): raise NotImplementedError")
    with pytest.raises(AssertionError, match="read_truth of a file that is not there ends in") as told:
        check_plugin("animals")
    assert "NaN" not in str(told.value)
