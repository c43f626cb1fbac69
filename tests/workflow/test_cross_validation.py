"""A run that validates on every fold: predictions of every row, scores by fold, and no leak."""

import csv
import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

from ctk import api
from ctk.cli.main import cli
from ctk.config.split_overrides import split_overrides
from ctk.contract import Split
from ctk.errors import CtkError, UsageError
from ctk.runs import Run, all_runs, runs_root
from ctk.samples import Samples
from ctk.testing.distributions import find_anew, lay
from ctk.testing.toy.toy_competition import MSE
from ctk.workflow.fit import fit_part
from ctk.workflow.fold_scores import FoldScorer
from ctk.workflow.predictions import MemberPredictions
from ctk.workflow.split import division
from ctk.workflow.split.division import divide

ALWAYS = ("executor.name=serial", "executor.threads=1", "trackers=[]")


@pytest.fixture
def toy(ctk_home, tmp_plugin):
    """The toy competition, installed; its 96 rows are in blocks of four."""
    lay(tmp_plugin("empty", ""), "ctk-toy", "ctk.testing.toy")
    find_anew()


@pytest.fixture
def validated(toy):
    """Results of the toy competition on three folds of blocks."""
    return api.cross_validate("toy-regression", folds=3, overrides=ALWAYS)


def test_every_row_has_one_out_of_fold_prediction_and_each_fold_its_scores(validated):
    folds, metric = validated.folds, validated.metric
    assert len(validated.valid) == 96
    assert folds.validated == (32, 32, 32)
    assert folds.trained == (64, 64, 64)
    run = Run(validated.folder)
    for part in run.parts():
        oof = run.predictions(part, "oof")
        own = validated.valid.take(np.searchsorted(validated.valid.ids, oof.ids))
        assert folds.scores[part.key][part.fold] == pytest.approx(metric.score(oof.values, own))
    assert folds.scores.keys() == folds.pooled.keys() == validated.scores.keys()
    for key, scores in folds.scores.items():
        assert folds.pooled[key] == validated.scores[key][metric.name]
        assert folds.mean(key) == pytest.approx(np.mean(scores))
        assert folds.deviation(key) == pytest.approx(np.std(scores, ddof=1))


def test_the_scores_by_fold_are_in_a_table_and_in_the_report(validated):
    rows = list(csv.reader((validated.folder / "folds.csv").open()))
    assert rows[0] == ["fold", "rows_trained", "rows_validated", *validated.folds.scores]
    assert [row[0] for row in rows[1:]] == ["0", "1", "2", "mean", "std", "pooled"]
    assert float(rows[4][-1]) == validated.folds.mean("blend")
    page = (validated.folder / "report.html").read_text()
    assert '<section id="folds">' in page
    assert all(line.split("'")[0] in page for line in validated.folds.checked)


def test_a_single_hold_out_has_no_scores_by_fold(toy):
    results = api.run("toy-regression", overrides=ALWAYS)
    assert results.folds is None
    assert not (results.folder / "folds.csv").exists()
    assert '<section id="folds">' not in (results.folder / "report.html").read_text()


def test_chained_time_says_which_rows_are_never_validated(toy):
    results = api.cross_validate("toy-regression", folds=3, scheme="time", group="block", overrides=ALWAYS)
    assert results.folds.spans == ((6, 11), (12, 17), (18, 23))
    assert results.folds.trained == (24, 48, 72)
    assert len(results.valid) == 72
    assert any("24 rows have no out-of-fold prediction" in line for line in results.folds.checked)


def test_stacking_needs_every_block_of_time(toy):
    members = [{"model": "ridge", "name": "first"}, {"model": "ridge", "name": "second", "uses": ["first"]}]
    how = {"folds": 3, "scheme": "time", "group": "block", "config": {"members": members}}
    with pytest.raises(CtkError) as caught:
        api.cross_validate("toy-regression", overrides=ALWAYS, **how)
    assert "split.chain=false" in caught.value.help
    results = api.cross_validate("toy-regression", overrides=[*ALWAYS, "split.chain=false"], **how)
    assert len(results.valid) == 96


@pytest.mark.parametrize("scheme", ["kfold", "stratified-group"])
def test_classes_are_validated_by_row_and_by_group(toy, scheme):
    group = None if scheme == "kfold" else "block"
    results = api.cross_validate("toy-classification", folds=3, scheme=scheme, group=group, overrides=ALWAYS)
    assert len(results.valid) == 96
    said = " ".join(results.folds.checked)
    assert ("Not kept on one side: group 'block'" in said) == (scheme == "kfold")


def test_retrieval_is_scored_among_the_gallery_of_the_fold(toy):
    results = api.cross_validate("toy-retrieval", folds=2, overrides=ALWAYS)
    oof = results.oof["ridge/seed-1"]
    run = Run(results.folder)
    first = np.isin(results.valid.ids, run.predictions(run.parts()[0], "oof").ids)
    own = results.valid.take(np.flatnonzero(first)).with_own_gallery()
    assert results.folds.scores["ridge/seed-1"][0] == results.metric.score(oof[first], own)


def test_a_leak_ends_a_run_before_anything_is_fitted(toy, monkeypatch):
    def leaky(samples, split):
        (train, valid), *others = division_folds(samples, split)
        return [type(others[0])(np.append(train, valid[0]), valid[1:]), *others]

    division_folds = division.draw_folds
    monkeypatch.setattr(division, "draw_folds", leaky)
    with pytest.raises(CtkError, match="Group 'block' leaks"):
        api.cross_validate("toy-regression", folds=3, overrides=ALWAYS)
    (run,) = all_runs(runs_root())
    assert run.state()["state"] == "failed"
    assert run.parts() == []


def test_predictions_of_other_folds_are_not_taken_for_these(validated):
    run = Run(validated.folder)
    part = run.parts()[0]
    ids = np.load(run.part_folder(part) / "oof" / "ids.npy")
    np.save(run.part_folder(part) / "oof" / "ids.npy", ids[::-1])
    with pytest.raises(CtkError, match=f"{part.key}, fold 0: its predictions are not of the rows"):
        api.resume(str(run.folder))


def test_what_filters_drop_is_not_counted_as_trained_on():
    samples = Samples(np.arange(8), {}, np.zeros((8, 1), np.float32))
    split = Split(folds=2, use=2)
    scorer = FoldScorer(samples, split, divide(samples, split), np.arange(8) != 3)
    members = MemberPredictions(samples, {"a": np.zeros((8, 1))}, {}, rows=np.arange(8))
    table = scorer.table(MSE, members, None, {"a": {MSE.name: 0.0}})
    assert sorted(table.trained) == [3, 4]
    assert table.validated == (4, 4)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"folds": 1, "scheme": "group"}, "at least 2"),
        ({"folds": 3, "scheme": "time"}, "--group"),
        ({"folds": 3, "scheme": "kfold", "group": "image"}, "--scheme group"),
        ({"folds": 3, "scheme": "kfolds"}, "Did you mean 'kfold'"),
    ],
)
def test_a_scheme_that_cannot_be_is_answered_before_anything_is_read(asked, said):
    with pytest.raises(UsageError) as caught:
        split_overrides(**asked)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["split.scheme=kfold"], "split.by=null"),
        (["split.scheme=group", "split.predefined=block"], "split.predefined=null"),
        (["split.scheme=stratified"], "split.scheme=stratified-group, or -o split.by=null"),
        (["split.gap=2"], "split.scheme=time"),
        (["split.stratify=block"], "split.scheme=stratified or"),
        (["split.scheme=tme"], "split.scheme"),
    ],
)
def test_split_keys_that_contradict_each_other_are_refused(toy, overrides, said):
    with pytest.raises(UsageError) as caught:
        api.configured("toy-regression", overrides=overrides)
    assert said in str(caught.value)


def test_an_unknown_group_is_answered_with_the_nearest(toy):
    with pytest.raises(UsageError) as caught:
        api.cross_validate("toy-regression", group="blok", overrides=ALWAYS)
    assert caught.value.help == "Did you mean 'block'?"


def test_the_command_prints_the_table_and_what_was_checked(toy):
    options = [word for each in ALWAYS for word in ("-o", each)]
    done = CliRunner().invoke(cli, ["cv", "toy-regression", "--folds", "3", "--group", "block", *options])
    assert done.exit_code == 0, done.output
    assert "toy-mse by fold" in done.output
    assert "Checked: no 'block' is on both sides of a fold." in done.output
    again = CliRunner().invoke(cli, ["cv", "toy-regression", "--resume", "toy", "--folds", "4"])
    assert again.exit_code == 2
    assert "--folds" in again.output


def test_one_that_was_interrupted_is_gone_on_with_by_the_command_that_it_names(toy, monkeypatch):
    def interrupted(task):
        if task.part.fold == 2:
            raise KeyboardInterrupt
        return fit_part(task)

    options = [word for each in ALWAYS for word in ("-o", each)]
    monkeypatch.setattr("ctk.workflow.fit_members.fit_part", interrupted)
    ended = CliRunner().invoke(cli, ["cv", "toy-regression", "--folds", "3", *options])
    assert ended.exit_code == 1
    again = re.search(r"Go on with: ctk (cv toy-regression --resume \S+)\n", ended.output)
    assert again, ended.output
    monkeypatch.setattr("ctk.workflow.fit_members.fit_part", fit_part)
    assert "toy-mse by fold" in CliRunner().invoke(cli, again.group(1).split()).output


def test_json_has_the_scores_by_fold(validated):
    plain = json.loads(json.dumps(validated.folds.plain()))
    assert plain["rows_validated"] == [32, 32, 32]
    assert plain["members"]["blend"]["folds"] == list(validated.folds.scores["blend"])


@pytest.mark.parametrize(("scheme", "said"), [("group", True), ("kfold", True), ("stratified-group", False)])
def test_what_a_preset_stratifies_by_stays_for_schemes_that_stratify_alone(scheme, said):
    assert ("split.stratify=null" in split_overrides(3, scheme)) is said
