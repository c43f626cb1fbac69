"""The command line, end to end, on small tables and files made here."""

import html
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score

from ctk import api
from ctk_leap_climsim.columns import GRID, TARGETS, ZERO
from ctk_leap_climsim.competition import LEAPClimSim
from ctk_leap_climsim.synthetic import default

SERIAL = {"name": "serial", "threads": 1}
RIDGE = ("-o", "members=[{model: {name: ridge, features: [columns]}}]")


@pytest.mark.parametrize("layout", ["tables", "pairs"])
def test_both_layouts_go_the_whole_way(layout, request):
    if layout == "tables":
        folder = request.getfixturevalue("finished")
    else:
        months = ("-o", "data.train=0001-02", "-o", "data.valid=0001-03", "-o", "data.test=0001-04")
        folder = request.getfixturevalue("run")(request.getfixturevalue("pairs"), *months)
    scores = json.loads((folder / "scores.json").read_text())
    assert {"ridge/seed-0", "column-mlp/seed-1", "res-bilstm/seed-1", "blend"} == set(scores["members"])
    assert bool(scores["test"]) == (layout == "pairs")  # the truth of Kaggle's test is not public
    page = (folder / "report.html").read_text()
    assert "R2 by level and variable" in page
    assert "Weights by group of columns" in page
    table = pd.read_parquet(folder / "submission.parquet")
    assert table.columns.tolist() == ["sample_id", *TARGETS]
    assert (table[np.array(TARGETS)[ZERO]] == 0).all(axis=None)


def test_a_submission_of_tables_has_the_sample_submissions_ids_in_its_order_and_validates(run, ctk, once_tables):
    submission = run(once_tables, *RIDGE, "-o", "submission=csv") / "submission.csv"
    table = pd.read_csv(submission)
    assert table["sample_id"].tolist() == pd.read_csv(once_tables / "sample_submission.csv")["sample_id"].tolist()
    assert "valid, 5 rows" in ctk("validate", "leap-climsim", submission, "--data", once_tables, code=0).stdout


def test_what_is_known_exactly_is_submitted_exactly(finished, once_tables):
    table = pd.read_parquet(finished / "submission.parquet")
    test = pd.read_csv(once_tables / "test.csv").set_index("sample_id").loc[table["sample_id"]]
    for level in range(12, 28):
        assert (table[f"ptend_q0002_{level}"] == -test[f"state_q0002_{level}"].to_numpy() / 1200).all()


def test_a_submission_is_multiplied_by_the_weights_of_the_sample_that_is_given(finished, run, ctk, tables, tmp_path):
    raw = pd.read_parquet(finished / "submission.parquet")
    sample = pd.read_csv(tables / "sample_submission.csv")
    # powers of two scale without rounding, so that nothing that is decided by scores can come out otherwise
    weights = np.where(ZERO, 0.0, 2.0 ** np.arange(-9, 27)[np.arange(368) % 36])
    sample[list(TARGETS)] = np.tile(weights, (len(sample), 1))
    sample.to_csv(tables / "sample_submission_old.csv", index=False)
    shutil.copy(tables / "test.csv", tables / "test_old.csv")
    submitted = run(tables, "-o", "data.old=true") / "submission.parquet"
    weighted = pd.read_parquet(submitted)
    assert (weighted[list(TARGETS)] == raw[list(TARGETS)] * weights).all(axis=None)

    old = ("--data", tables, "-o", "data.old=true")
    assert "valid, 5 rows" in ctk("validate", "leap-climsim", submitted, *old, code=0).stdout
    ctk("blend", submitted, "--competition", "leap-climsim", *old, "--name", "same", code=0)
    (same,) = (tmp_path / "runs" / "leap-climsim").glob("*-same")
    again = pd.read_parquet(same / "submission.parquet")
    assert np.allclose(again[list(TARGETS)], weighted[list(TARGETS)], rtol=1e-12, atol=0)


def test_saved_members_predict_a_test_without_anything_to_train_on(finished, ctk, tables, tmp_path):
    (tables / "train.csv").unlink()
    predict = ("run", "leap-climsim", "--data", tables, "--stage", "predict", "--checkpoints")
    ctk(*predict, finished, code=0)
    (again,) = (tmp_path / "runs" / "leap-climsim").iterdir()
    assert pd.read_parquet(again / "submission.parquet").equals(pd.read_parquet(finished / "submission.parquet"))
    said = ctk(*predict, again, code=2).stderr.replace("\n", " ")
    assert f"has no members of its own: it predicted with those of {finished}" in said


def test_submissions_of_others_are_blended_by_given_weights(finished, ctk, once_tables, tmp_path):
    mine = pd.read_parquet(finished / "submission.parquet")
    theirs = mine.copy()
    theirs[list(TARGETS)] *= 3
    mine.to_parquet(tmp_path / "mine.parquet")
    theirs.iloc[::-1].to_csv(tmp_path / "theirs.csv", index=False)
    ctk(
        "blend", "mine.parquet", "theirs.csv", "--competition", "leap-climsim", "--data", once_tables,
        "--blender", "mean", "-o", "weights=[1.5, -0.5]", code=0,
    )  # fmt: skip
    (folder,) = (tmp_path / "runs" / "leap-climsim").iterdir()
    ours = pd.read_parquet(folder / "submission.parquet").set_index("sample_id")
    column = "ptend_t_30"
    assert np.allclose(ours[column], 0 * mine.set_index("sample_id")[column], atol=1e-6 * mine[column].abs().max())


def test_a_score_is_that_of_scikit_learn(finished, ctk, tmp_path):
    submitted = pd.read_parquet(finished / "submission.parquet")
    truth = submitted.copy()
    truth[list(TARGETS)] *= np.random.default_rng(0).uniform(0.5, 1.5, (5, 368))
    truth.to_csv(tmp_path / "truth.csv", index=False)
    answer = ctk("score", "leap-climsim", finished / "submission.parquet", "--truth", "truth.csv", "--json", code=0)
    expected = r2_score(truth[list(TARGETS)], submitted[list(TARGETS)])
    assert abs(json.loads(answer.stdout)["r2"] - expected) < 1e-12 * max(1, abs(expected))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "submission=xlsx"), "leap-climsim has no 'xlsx' submissions"),
        (("-o", "data.train=0001-02"), "train"),
        (("--preset", "qick"), "Did you mean 'quick'?"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_read(ctk, once_tables, arguments, said):
    answer = ctk("run", "leap-climsim", "--data", once_tables, "--preset", "quick", *arguments, code=2)
    assert said in answer.stderr, answer.stderr


def made(cache):
    """When each file of the default data was written."""
    return {path: path.stat().st_mtime_ns for path in (cache / "leap-climsim").rglob("*.nc")}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps", "short", "ahead"),
    [
        (10, ("stages=[{epochs: 30}]", "seeds=[1]", "batch.size=32", "model.hidden=128"), 0.04),
        pytest.param(105, ("stages=[{epochs: 6}]", "seeds=[1, 2]"), 0.10, marks=pytest.mark.release),
    ],
    ids=["small", "whole"],
)
def test_the_default_data_is_made_once_and_a_blend_beats_ridge(ctk, tmp_path, monkeypatch, steps, short, ahead):
    """The quick preset with fewer epochs and without its slow member."""
    monkeypatch.setattr(default, "COLUMNS", steps * GRID)
    ridge, _, network = LEAPClimSim().presets()["quick"]["members"]
    (tmp_path / "short.yaml").write_text(json.dumps({"members": [ridge, network], "executor": SERIAL}))
    changed = [word for each in short for word in ("-o", f"members.column-mlp.{each}")]
    own = {"CTK_CACHE": tmp_path / "cache"}
    answer = ctk("run", "leap-climsim", "--config", "short.yaml", *changed, code=0, **own)
    assert "synthetic columns of air, stepped by real schemes" in answer.stdout
    (folder,) = (tmp_path / "runs" / "leap-climsim").iterdir()
    scores = json.loads((folder / "scores.json").read_text())["members"]
    assert scores["blend"]["r2_varying"] > scores["ridge/seed-0"]["r2_varying"] + ahead
    assert "the blend's mean R2 is" in html.unescape((folder / "report.html").read_text())
    before = made(tmp_path / "cache")
    ctk("run", "leap-climsim", *RIDGE, "-o", f"executor={SERIAL}", "--dry-run", code=0, **own)
    assert made(tmp_path / "cache") == before
    assert len(before) == 2 * steps


def test_a_script_may_name_files_in_plain_text(once_tables, tmp_path):
    (tmp_path / "small.yaml").write_text("members: [{model: {name: ridge, features: [columns]}}]")
    planned = api.plan(
        "leap-climsim", data=str(once_tables), config=str(tmp_path / "small.yaml"), root=tmp_path / "runs"
    )
    assert [member.model.name for member in planned.config.members] == ["ridge"]
