"""The command line, end to end, on small tables and files made here."""

import html
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from ctk_leap_climsim.columns import TARGETS, ZERO
from ctk_leap_climsim.competition import LEAPClimSim

MEMBERS = (
    "-o", "members=[{model: {name: ridge, standardise: true, features: [columns]}, blend: false, seeds: [0]},"
    " {model: {name: column-mlp, hidden: 8, layers: 1}, loss: smooth-l1-levels, epochs: 2, batch: {size: 16},"
    " stages: [{}, {epochs: 1, copies: target-groups}]},"
    " {model: {name: res-bilstm, hidden: 4, layers: 2}, loss: smooth-l1-levels, epochs: 1, batch: {size: 16}}]",
)  # fmt: skip


@pytest.fixture
def ctk(tmp_path):
    """Call the command line in a folder of its own; returns the finished process."""

    def call(*arguments, code=0):
        answer = subprocess.run(
            [sys.executable, "-m", "ctk", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "CTK_RUNS": str(tmp_path / "runs"), "CTK_CACHE": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert answer.returncode == code, answer.stdout + answer.stderr
        return answer

    return call


@pytest.fixture
def run(ctk, tmp_path):
    """Run the quick preset with small members; returns the run's folder."""

    def go(data, name, *arguments):
        ctk(
            "run", "leap-climsim", "--data", data, "--preset", "quick", "--name", name, *MEMBERS,
            "-o", "executor.name=serial", *arguments,
        )  # fmt: skip
        (folder,) = (tmp_path / "runs" / "leap-climsim").glob(f"*-{name}")
        return folder

    return go


@pytest.mark.parametrize("layout", ["tables", "pairs"])
def test_both_layouts_go_the_whole_way(run, ctk, request, layout):
    data = request.getfixturevalue(layout)
    options = (
        ()
        if layout == "tables"
        else ("-o", "data.train=0001-02", "-o", "data.valid=0001-03", "-o", "data.test=0001-04")
    )
    folder = run(data, "whole", *options)
    scores = json.loads((folder / "scores.json").read_text())
    assert {"ridge/seed-0", "column-mlp/seed-1", "res-bilstm/seed-1", "blend"} == set(scores["members"])
    assert bool(scores["test"]) == (layout == "pairs")  # the truth of Kaggle's test is not public
    page = (folder / "report.html").read_text()
    assert "R2 by level and variable" in page
    assert "Weights by group of columns" in page
    table = pd.read_parquet(folder / "submission.parquet")
    assert table.columns.tolist() == ["sample_id", *TARGETS]
    assert (table[np.array(TARGETS)[ZERO]] == 0).all(axis=None)


def test_a_submission_of_tables_has_the_test_s_ids_in_its_order_and_validates(run, ctk, tables):
    folder = run(tables, "csv", "-o", "submission=csv")
    table = pd.read_csv(folder / "submission.csv")
    assert table["sample_id"].tolist() == pd.read_csv(tables / "test.csv")["sample_id"].tolist()
    assert "valid, 5 rows" in ctk("validate", "leap-climsim", folder / "submission.csv", "--data", tables).stdout


def test_what_is_known_exactly_is_submitted_exactly(run, tables):
    test = pd.read_csv(tables / "test.csv")
    table = pd.read_parquet(run(tables, "exact") / "submission.parquet")
    for level in range(12, 28):
        assert (table[f"ptend_q0002_{level}"] == -test[f"state_q0002_{level}"] / 1200).all()


def test_a_submission_is_multiplied_by_the_weights_of_the_sample_that_is_given(run, ctk, tables, tmp_path):
    raw = pd.read_parquet(run(tables, "new") / "submission.parquet")
    sample = pd.read_csv(tables / "sample_submission.csv")
    # powers of two scale without rounding, so that nothing that is decided by scores can come out otherwise
    weights = np.where(ZERO, 0.0, 2.0 ** np.arange(-9, 27)[np.arange(368) % 36])
    sample[list(TARGETS)] = np.tile(weights, (len(sample), 1))
    sample.to_csv(tables / "sample_submission_old.csv", index=False)
    shutil.copy(tables / "test.csv", tables / "test_old.csv")
    submitted = run(tables, "old", "-o", "data.old=true") / "submission.parquet"
    weighted = pd.read_parquet(submitted)
    assert (weighted[list(TARGETS)] == raw[list(TARGETS)] * weights).all(axis=None)

    old = ("--data", tables, "-o", "data.old=true")
    assert "valid, 5 rows" in ctk("validate", "leap-climsim", submitted, *old).stdout
    ctk("blend", submitted, "--competition", "leap-climsim", *old, "--name", "same")
    (same,) = (tmp_path / "runs" / "leap-climsim").glob("*-same")
    again = pd.read_parquet(same / "submission.parquet")
    assert np.allclose(again[list(TARGETS)], weighted[list(TARGETS)], rtol=1e-12, atol=0)


def test_saved_members_predict_a_test_without_anything_to_train_on(run, ctk, tables, tmp_path):
    folder = run(tables, "saved")
    (tables / "train.csv").unlink()
    predict = ("run", "leap-climsim", "--stage", "predict", "--checkpoints", folder, "--data", tables)
    ctk(*predict, "--name", "again")
    (again,) = (tmp_path / "runs" / "leap-climsim").glob("*-again")
    assert pd.read_parquet(again / "submission.parquet").equals(pd.read_parquet(folder / "submission.parquet"))
    answer = ctk(*predict[:5], again, *predict[6:], code=2)
    assert f"has no members of its own: it predicted with those of {folder}" in answer.stderr.replace("\n", " ")


def test_submissions_of_others_are_blended_by_given_weights(run, ctk, tables, tmp_path):
    mine = pd.read_parquet(run(tables, "mine") / "submission.parquet")
    theirs = mine.copy()
    theirs[list(TARGETS)] *= 3
    mine.to_parquet(tmp_path / "mine.parquet")
    theirs.iloc[::-1].to_csv(tmp_path / "theirs.csv", index=False)
    ctk(
        "blend", tmp_path / "mine.parquet", tmp_path / "theirs.csv", "--competition", "leap-climsim", "--data", tables,
        "--blender", "mean", "-o", "weights=[1.5, -0.5]", "--name", "ours",
    )  # fmt: skip
    (folder,) = (tmp_path / "runs" / "leap-climsim").glob("*-ours")
    ours = pd.read_parquet(folder / "submission.parquet").set_index("sample_id")
    column = "ptend_t_30"
    assert np.allclose(ours[column], 0 * mine.set_index("sample_id")[column], atol=1e-6 * mine[column].abs().max())


def test_a_score_is_that_of_scikit_learn(run, ctk, tables, tmp_path):
    from sklearn.metrics import r2_score

    folder = run(tables, "scored")
    submitted = pd.read_parquet(folder / "submission.parquet")
    truth = submitted.copy()
    truth[list(TARGETS)] *= np.random.default_rng(0).uniform(0.5, 1.5, (5, 368))
    truth.to_csv(tmp_path / "truth.csv", index=False)
    answer = ctk("score", "leap-climsim", folder / "submission.parquet", "--truth", tmp_path / "truth.csv", "--json")
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
def test_wrong_options_are_refused_before_anything_is_read(ctk, tables, arguments, said):
    answer = ctk("run", "leap-climsim", "--data", tables, "--preset", "quick", *arguments, code=2)
    assert said in answer.stderr, answer.stderr


@pytest.mark.slow
def test_the_default_data_is_made_once_and_a_blend_beats_ridge_by_a_tenth(ctk, tmp_path):
    """The quick preset with fewer epochs and without its slow member."""
    short = ("-o", "members.column-mlp.stages=[{epochs: 6}]", "-o", "members.column-mlp.seeds=[1, 2]")
    ridge, _, network = LEAPClimSim().presets()["quick"]["members"]
    (tmp_path / "short.yaml").write_text(json.dumps({"members": [ridge, network]}))
    answer = ctk("run", "leap-climsim", "--config", "short.yaml", *short)
    assert "synthetic columns of air, stepped by real schemes" in answer.stdout
    (folder,) = (tmp_path / "runs" / "leap-climsim").iterdir()
    scores = json.loads((folder / "scores.json").read_text())["members"]
    assert scores["blend"]["r2_varying"] > scores["ridge/seed-0"]["r2_varying"] + 0.10
    assert "the blend's mean R2 is" in html.unescape((folder / "report.html").read_text())
    before = sorted((tmp_path / "cache" / "leap-climsim").rglob("*.nc"))
    ctk("run", "leap-climsim", "--dry-run")
    assert sorted((tmp_path / "cache" / "leap-climsim").rglob("*.nc")) == before
    assert len(before) == 2 * 105


def test_a_script_may_name_files_in_plain_text(tables, tmp_path):
    import ctk

    (tmp_path / "small.yaml").write_text("members: [{model: {name: ridge, features: [columns]}}]")
    planned = ctk.api.plan(
        "leap-climsim", data=str(tables), config=str(tmp_path / "small.yaml"), root=tmp_path / "runs"
    )
    assert [member.model.name for member in planned.config.members] == ["ridge"]
