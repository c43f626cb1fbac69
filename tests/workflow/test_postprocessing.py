"""A competition may mend predictions in several ways: which is the config's, and what it is worth is shown."""

import json

import numpy as np
import pytest
from pydantic import Field

from ctk import api
from ctk.config.resolve import base_config, resolve
from ctk.contract import Strict
from ctk.errors import PluginError, UsageError
from ctk.plugins import plugins
from ctk.plugins.guard import competition_of
from ctk.runs import Run
from ctk.testing.distributions import find_anew, lay
from ctk.testing.toy.toy_competition import ToyCompetition

SERIAL = ["executor.name=serial", "executor.threads=1", "trackers=[]", "split.folds=3", "split.use=3"]
RIDGES = {"members": [{"model": "ridge"}, {"name": "stiff", "model": {"name": "ridge", "alpha": 1000}}]}


class Bounds(Strict):
    """Where predictions end."""

    most: float = Field(0.2, ge=0, description="the largest that there may be")


class Lacking(Strict):
    """An option that has no default."""

    x: int


@pytest.fixture
def toy(tmp_plugin, monkeypatch):
    lay(tmp_plugin("empty", ""), "ctk-toy", "ctk.testing.toy")
    find_anew()
    monkeypatch.setattr(ToyCompetition, "postprocess_options", lambda self: Bounds)
    monkeypatch.setattr(
        ToyCompetition,
        "postprocess",
        lambda self, prediction, samples, fitted: prediction.clip(max=fitted.get("options", {"most": 9})["most"]),
    )


def resolved(postprocess):
    config = base_config(competition_of("toy-regression"), None)
    return resolve({**config, "postprocess": postprocess}, plugins()).postprocess


def test_options_are_checked_and_filled_in(toy, ctk_home):
    assert resolved(True) == resolved({}) == {"most": 0.2}
    assert resolved({"most": 3}) == {"most": 3.0}
    assert resolved(False) is False
    with pytest.raises(UsageError, match=r"unknown key 'mots'"):
        resolved({"mots": 3})
    with pytest.raises(UsageError, match=r"'postprocess\.most'"):
        resolved({"most": -1})


def test_a_competition_without_options_takes_a_switch_alone(tmp_plugin, ctk_home):
    lay(tmp_plugin("empty", ""), "ctk-toy", "ctk.testing.toy")
    find_anew()
    assert resolved(True) is True
    with pytest.raises(UsageError, match="has no options of it"):
        resolved({"most": 3})


@pytest.mark.parametrize(
    ("schema", "said"),
    [(dict, "told of options"), (Lacking, "has an option without a default: x")],
)
def test_options_that_are_no_schema_are_the_plugins_fault(schema, said, toy, ctk_home, monkeypatch):
    monkeypatch.setattr(ToyCompetition, "postprocess_options", lambda self: schema)
    with pytest.raises(PluginError, match=said):
        resolved(True)


def test_raw_and_mended_scores_stand_side_by_side(toy, ctk_home):
    results = api.run("toy-regression", config=RIDGES, overrides=SERIAL)
    assert max(each.max() for each in results.oof.values()) <= np.float32(0.2)
    run = Run(results.folder)
    raw = run.predictions(run.parts()[0], "raw-oof")
    assert raw.values.max() > 0.2
    written = json.loads((results.folder / "scores.json").read_text())["raw"]
    assert written["validation"].keys() == {"ridge/seed-1", "stiff/seed-1", "blend"}
    name = results.metric.name
    plain = api.run("toy-regression", config=RIDGES, overrides=[*SERIAL, "postprocess=false"])
    for key in written["validation"]:
        assert written["validation"][key][name] == pytest.approx(plain.scores[key][name], rel=1e-6)
        assert written["test"][key][name] == pytest.approx(plain.on_test(key), rel=1e-6)
        assert results.table().loc[key, f"raw {name}"] == written["validation"][key][name]
    assert results.scores["ridge/seed-1"][name] > plain.scores["ridge/seed-1"][name]
    assert not plain.raw_scores
    page = (results.folder / "report.html").read_text()
    assert f">raw {name}</th>" in page
    assert "Postprocessing makes the blend" in page
    assert f">raw {name}</th>" not in (plain.folder / "report.html").read_text()


def test_saved_members_and_blends_mend_as_the_run_did(toy, ctk_home):
    run = api.run("toy-regression", config=RIDGES, overrides=[*SERIAL, "postprocess.most=0.1"]).folder
    predicted = api.run("toy-regression", checkpoints=run, overrides=["executor.name=serial"])
    assert predicted.submitted.max() <= np.float32(0.1)
    tripled = ["weights={ridge/seed-1: 3, stiff/seed-1: 0}"]
    assert api.blend_runs([run], blender="mean", options=tripled).submitted.max() <= np.float32(0.1)
    assert api.blend_runs([run], blender="mean", options=tripled, postprocess=False).submitted.max() > 0.2


def test_a_blend_of_runs_has_both_too(toy, ctk_home):
    first, second = (api.run("toy-regression", config=RIDGES, overrides=SERIAL, name=name) for name in "ab")
    one, other = first.folder, second.folder
    of_members = api.blend_runs([one, other], blender="hill-climb")
    assert of_members.raw_scores.keys() == {*of_members.blend.weights, "blend"}
    for key in ("ridge/seed-1", "stiff/seed-1"):
        assert of_members.raw_scores[f"{one.name}/{key}"] == first.raw_scores[key]
    assert of_members.raw_scores["blend"]["toy-mse"] < of_members.scores["blend"]["toy-mse"]
    again = api.blend_runs([one, other], weights_of=str(of_members.folder))
    assert again.raw_scores == of_members.raw_scores
    of_blends = api.blend_runs([one, other], blender="mean")
    assert of_blends.raw_scores.keys() == {one.name, other.name, "blend"}
    for key in of_blends.raw_scores:
        assert of_blends.raw_scores[key]["toy-mse"] == pytest.approx(first.raw_scores["blend"]["toy-mse"], rel=1e-6)
    assert not api.blend_runs([one, other], blender="mean", postprocess=False).raw_scores
    assert not api.blend_runs([one, of_blends.submission], blender="mean").raw_scores  # of a file nobody knows them


def test_the_terminal_shows_both(toy, ctk):
    line = (
        "run",
        "toy-regression",
        "-o",
        "members=[{model: ridge}]",
        *(word for each in SERIAL for word in ("-o", each)),
    )
    said = ctk(*line, code=0).stdout
    assert "raw toy-mse" in said
    assert "Postprocessing makes the blend" in said
