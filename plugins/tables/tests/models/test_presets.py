"""Presets and spaces: configs that the toolkit takes, of every task and metric, which run on tables as they come."""

from __future__ import annotations

import json
import shutil

import pytest
from plugins.tables.tests import tiny_tables
from plugins.tables.tests.tiny_tables import INSTALLED, METRICS, describe

from ctk.api import metric_of
from ctk.plugins import plugins
from ctk_tables.metrics.catalogue import CATALOGUE
from ctk_tables.presets import left_out, presets_for, spaces_for

SLOW = ("regression", "binary", "ordinal")


@pytest.mark.parametrize("metric", CATALOGUE)
def test_keys_of_members_are_those_of_their_models_for_every_metric(metric):
    for task in CATALOGUE[metric].tasks:
        description = describe(task).model_copy(update={"metric": metric})
        for rows in (150, 30_000):
            for config in presets_for(description, rows, INSTALLED).values():
                for member in config["members"]:
                    training = {key: each for key, each in member.items() if key not in ("name", "model", "features")}
                    model = member["model"]
                    kind = plugins().load("models", model["name"])
                    schema_of(kind).model_validate(training)
                    options_of(kind, {key: each for key, each in model.items() if key != "name"})


def schema_of(kind):
    from ctk.config.training_keys import Training

    return getattr(kind, "schema", Training)


def options_of(kind, options):
    import inspect

    assert options.keys() <= inspect.signature(kind.__init__).parameters.keys()


def test_members_without_their_library_are_left_out_and_said():
    presets = presets_for(describe("binary"), 1000, ["xgboost"])
    assert [each["name"] for each in presets["default"]["members"]] == ["linear", "xgboost", "table-mlp"]
    assert [sentence.split(":")[0] for sentence in left_out(["xgboost"])] == [
        "No member of lightgbm",
        "No member of catboost",
    ]
    assert [each["name"] for each in presets_for(describe("binary"), 1000, [])["quick"]["members"]] == ["linear"]
    assert spaces_for(describe("binary"), []).keys() == {"network"}


def test_folds_keep_what_the_description_says_apart():
    plain, group, time = (
        describe("regression").model_copy(update=each) for each in ({}, {"group": "owner"}, {"time": "sold"})
    )
    split = presets_for(plain, 1000, [])["default"]["split"]
    assert (split["scheme"], split["stratify"]) == ("stratified", "label")
    config = presets_for(group, 1000, [])["default"]
    assert (config["split"]["scheme"], config["split"]["by"]) == ("stratified-group", "group")
    assert config["features"]["statistics"]["apart"] == "group"
    split = presets_for(time, 1000, [])["default"]["split"]
    assert (split["scheme"], split["by"], split["use"]) == ("time", "time", 3)


def test_spaces_name_keys_of_their_members():
    for name, space in spaces_for(describe("classes")).items():
        (member,) = space["base"]["members"]
        assert member["name"] == {"trees": "lightgbm", "network": "table-mlp"}[name]
        assert all(key.startswith(f"members.{member['name']}.") for key in space if key.startswith("members"))
        schema = schema_of(plugins().load("models", member["model"]["name"]))
        for key in space:
            if key.startswith("members."):
                first = key.split(".")[2]
                assert first == "model" or first in schema.model_fields


@pytest.mark.parametrize("task", ["classes", *(pytest.param(task, marks=pytest.mark.slow) for task in SLOW)])
def test_a_run_of_every_member_on_a_table_as_it_comes(ctk_home, ctk, task):
    (ctk_home.work / "ctk_plugins").mkdir()
    shutil.copy(tiny_tables.__file__, ctk_home.work / "ctk_plugins")
    fast = [f"-omembers.{name}.rounds=15" for name in ("lightgbm", "xgboost", "catboost", "lightgbm-extra")]
    fast += ["-omembers.table-mlp.epochs=2", "-osplit.use=2", "-oexecutor={name: serial, threads: 1}", "-otrackers=[]"]
    done = ctk("run", f"tiny-{task}", "--preset", "default", *fast, code=0)
    assert "60 rows, valid" in done.stdout
    (state,) = ctk_home.runs.glob("*/*/scores.json")
    scores = {name: each[METRICS[task]] for name, each in json.loads(state.read_text())["members"].items()}
    metric = metric_of(METRICS[task])
    best = max(metric.merit(score) for name, score in scores.items() if name != "blend")
    assert metric.merit(scores["blend"]) >= best
