"""What comes after the fits can be changed, the fits cannot; what a blend cannot take is told before them."""

import json

import pytest

from ctk import api
from ctk.errors import CtkError, DataError, UsageError
from ctk.runs import Run
from ctk.testing.distributions import find_anew, lay

MEMBERS = {"members": [{"model": "ridge", "name": "one"}, {"model": "ridge", "name": "two"}]}
ALWAYS = ["executor.name=serial", "executor.threads=1", "trackers=[]"]


@pytest.fixture
def toy(ctk_home, tmp_plugin):
    """The toy competitions, installed."""
    lay(tmp_plugin("empty", ""), "ctk-toy", "ctk.testing.toy")
    find_anew()


def blend_of(folder):
    return json.loads((folder / "blend.json").read_text())


def fits_of(folder):
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.glob("members/*/*/*/fitted.json")}


def test_a_finished_run_is_blended_anew_and_nothing_is_fitted_again(toy, ctk):
    folder = api.run("toy-regression", config=MEMBERS, overrides=ALWAYS, seeds=[2, 1], name="mine").folder
    before = fits_of(folder)
    said = ctk(
        *("run", "toy-regression", "--resume", "mine", "-o", "blend=mean"),
        *("-o", "blend.weights.one/seed-2=0.25", "-o", "blend.weights.two/seed-1=0.75"),
        code=0,
    ).stdout
    assert "4 of 4 fits are done already" in said
    assert fits_of(folder) == before
    assert {key: weight for key, weight in blend_of(folder)["weights"].items() if weight} == {
        "one/seed-2": 0.25,
        "two/seed-1": 0.75,
    }
    api.resume("mine", overrides=["blend=hill-climb"])
    assert blend_of(folder)["blender"] == Run(folder).config()["blend"]["name"] == "hill-climb"
    assert (folder / "overrides.txt").read_text().splitlines()[-1] == "blend=hill-climb"
    api.resume("mine")
    assert blend_of(folder)["blender"] == "hill-climb"  # as it was changed, without saying so again
    assert fits_of(folder) == before


@pytest.mark.parametrize("change", ["seeds=1", "members.one.uses=[two]", "split.seed=4", "metric=mae"])
def test_what_the_fits_depend_on_cannot_be_changed_when_a_run_is_gone_on_with(toy, change):
    folder = api.run("toy-regression", config=MEMBERS, overrides=ALWAYS, name="mine").folder
    before = (folder / "config.yaml").read_bytes()
    with pytest.raises(UsageError, match="blend, blends, submission and time_limit alone may change"):
        api.resume("mine", overrides=[change])
    with pytest.raises(UsageError, match="no blender 'hill-clim'"):
        api.resume("mine", overrides=["blend=hill-clim"])
    with pytest.raises(UsageError, match="has no 'parquet' submissions"):
        api.resume("mine", overrides=["submission=parquet"])
    assert (folder / "config.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("blend", "says"),
    [
        ("blend=hill-climb-retrieval", "ranks a gallery, and these samples have none"),
        ("blend={name: hill-climb, weights: column}", "the columns of these samples' target have no names"),
        ("blend={name: mean, weights: [1, 2, 3]}", "3 weights for 2 members"),
        ("blend.weights.three=1", "no member 'three'"),
    ],
)
def test_what_a_blend_cannot_take_is_told_before_a_member_is_fitted(toy, blend, says):
    with pytest.raises(UsageError, match=says):
        api.run("toy-regression", config=MEMBERS, overrides=[*ALWAYS, blend], name="mine")
    (folder,) = (api.runs_root() / "toy-regression").iterdir()
    assert not fits_of(folder)
    assert api.resume("mine", overrides=["blend={name: mean}"]).blend.weights == {"one/seed-1": 0.5, "two/seed-1": 0.5}


@pytest.mark.parametrize("name", ["logloss", "auc", "accuracy", "mae", "r2"])
def test_a_run_names_a_metric_that_decides_instead_of_the_competitions(toy, name):
    how = {"overrides": [*ALWAYS, f"metric={name}", "blend=hill-climb"], "config": MEMBERS}
    results = api.run("toy-classification", **how)
    assert results.metric.name == name
    assert list(results.scores["blend"]) == [name, "toy-accuracy"]
    assert results.headline == [name, "toy-accuracy"]
    assert results.truth_scores.keys() == {name, "toy-accuracy"}
    scores = Run(results.folder).scores()
    assert (scores["metric"], scores["direction"]) == (name, "min" if name in ("logloss", "mae") else "max")
    if name == "accuracy":
        assert results.scores["blend"]["accuracy"] == results.scores["blend"]["toy-accuracy"]


@pytest.mark.parametrize("name", ["logloss", "auc", "accuracy"])
def test_a_metric_of_classes_says_that_the_target_has_none(toy, name):
    with pytest.raises(UsageError, match=f"is no class; {name} needs whole numbers from 0 to 1"):
        api.run("toy-regression", config=MEMBERS, overrides=[*ALWAYS, f"metric={name}"])


def test_a_metric_that_there_is_not_is_told_with_the_nearest(toy):
    with pytest.raises(UsageError, match="logloss"):
        api.run("toy-classification", overrides=[*ALWAYS, "metric=log-loss"])


@pytest.mark.parametrize(("loss", "sums"), [("cross-entropy", True), ("bce-with-logits", False)])
def test_a_classifier_predicts_probabilities_by_its_loss(toy, loss, sums):
    members = [{"model": "toy-network", "loss": loss, "epochs": 8, "batch": {"size": 16}, "optimizer": {"lr": 0.05}}]
    how = {"overrides": [*ALWAYS, "metric=logloss", "blend=hill-climb", "split.scheme=stratified", "split.by=null"]}
    results = api.run("toy-classification", config={"members": members}, **how)
    for values in (*results.oof.values(), results.blended, results.submitted):
        assert 0 <= values.min() < values.max() <= 1
        assert (abs(values.sum(1) - 1).max() < 1e-5) == sums
    assert results.scores["blend"]["logloss"] < 0.9  # of thirds it is 1.1
    saved = api.run("toy-classification", checkpoints=results.folder, overrides=ALWAYS[:2])
    assert abs(saved.submitted - results.submitted).max() < 1e-6


def test_stratified_folds_of_rows_have_alike_shares_of_every_class(toy):
    results = api.cross_validate("toy-classification", folds=4, scheme="stratified", config=MEMBERS, overrides=ALWAYS)
    classes = results.valid.target.argmax(1)
    run = Run(results.folder)
    for part in run.parts():
        inside = [(results.valid.ids == number).argmax() for number in run.predictions(part, "oof").ids]
        for kind in range(3):
            assert abs((classes[inside] == kind).sum() - (classes == kind).sum() / 4) < 1
    with pytest.raises(UsageError, match="stratified keeps no group on one side"):
        api.cross_validate("toy-classification", scheme="stratified", group="block")


def test_a_run_goes_on_where_its_data_lies_elsewhere(toy, ctk, tmp_path):
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    (there / "flavour.txt").write_text("toy-regression")
    folder = api.run("toy-regression", data=there, config=MEMBERS, overrides=ALWAYS, name="mine").folder
    before = fits_of(folder)
    there.rename(here)
    with pytest.raises(DataError, match=f"{there}: there is no such folder"):
        api.resume("mine")
    ctk("run", "toy-regression", "--resume", "mine", "--data", here, "-o", "blend=mean", code=0)
    assert Run(folder).config()["data_dir"] == str(here)
    api.resume("mine")
    assert fits_of(folder) == before
    (here / "flavour.txt").write_text("toy-regression\n")
    with pytest.raises(CtkError, match="The data has changed since"):
        api.resume("mine", data=here)
