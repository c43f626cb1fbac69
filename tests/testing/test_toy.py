"""The toy competition reads what it wrote, and nothing else."""

import numpy as np
import pytest

from ctk.errors import SubmissionError
from ctk.samples import Samples
from ctk.testing.toy.toy_competition import ToyRegression

TEST = Samples(np.array([7, 3]), features={})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id,y0,y1\n7,1_0.5,1\n3,2,2\n", "'1_0.5' is no number"),
        ("id,y0,y0\n7,1,1\n3,2,2\n", "its columns are id,y0,y0, and not id,y0,y1"),
        ("row,y0,y1\n7,1,1\n3,2,2\n", "its columns are row,y0,y1, and not id,y0,y1"),
        ("id,y0,y1\nid,y0,y1\n7,1,1\n3,2,2\n", "could not convert"),
        ("", "its columns are , and not id"),
    ],
)
def test_a_table_that_it_did_not_write_is_refused(tmp_path, text, problem):
    (tmp_path / "submission.csv").write_text(text)
    with pytest.raises(SubmissionError, match=problem):
        ToyRegression().read_submission(tmp_path / "submission.csv", TEST, 2)


def test_what_it_wrote_is_read_as_it_was(tmp_path):
    prediction = np.array([[1.5, -2e-300], [3.25, 0.1]])
    ToyRegression().write_submission(tmp_path / "submission.csv", TEST, prediction)
    assert (ToyRegression().read_submission(tmp_path / "submission.csv", TEST, 2).values == prediction).all()
