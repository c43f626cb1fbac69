"""The contestants of the benchmark of scoring agree."""

import runpy
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench" / "scoring.py"


@pytest.mark.parametrize("case", ["arrays", "parquet", "csv"])
def test_all_contestants_give_the_same_score(case, tmp_path):
    bench = runpy.run_path(str(BENCH))
    bench["make"](case, 100, tmp_path / case)
    answers = {name: run() for name, run in bench["contestants"](case, tmp_path / case).items()}
    assert answers.keys() == {"ctk", "scikit-learn"}
    assert answers["ctk"] == pytest.approx(answers["scikit-learn"], rel=1e-12)
