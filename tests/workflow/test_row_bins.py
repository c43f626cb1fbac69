"""Weights by bins of rows: found, kept, shown and predicted with; odd ones are refused before anything is fitted."""

import json
import shutil

import numpy as np
import pytest

from ctk import api
from ctk.contract import Blend
from ctk.errors import DamagedError, UsageError
from ctk.runs import Run
from ctk.testing.distributions import find_anew, lay
from ctk.workflow.blend_record import BlendRecord

ALWAYS = ["executor.name=serial", "executor.threads=1", "trackers=[]", "split.folds=4", "split.use=4"]
MEMBERS = {
    "members": [
        {"model": {"name": "ridge", "alpha": 1e-3}, "name": "one"},
        {"model": {"name": "ridge", "alpha": 1e3}, "name": "two"},
    ]
}


@pytest.fixture
def toy(ctk_home, tmp_plugin):
    """The toy competitions, installed."""
    lay(tmp_plugin("empty", ""), "ctk-toy", "ctk.testing.toy")
    find_anew()


BINS = ["blend.by=block", "blend.bins=[[0, 11], [12, 29]]"]


def blend_of(folder):
    return json.loads((folder / "blend.json").read_text())


def submitted(folder):
    return (folder / "submission.csv").read_bytes()


@pytest.mark.parametrize(
    "blender", ["nelder-mead", "hill-climb", "greedy", "mean", "{name: ridge, alpha: 1.0e-9, sum_to_one: true}", "nnls"]
)
def test_each_bin_is_blended_by_weights_found_on_its_own_rows(toy, blender):
    results = api.run("toy-regression", config=MEMBERS, overrides=[*ALWAYS, f"blend={blender}", *BINS])
    kept = blend_of(results.folder)
    assert (kept["by"], kept["bins"]) == ("block", [[0, 11], [12, 29]])
    blocks = results.valid.group("block")
    for part, rows in zip(kept["parts"], [blocks <= 11, blocks >= 12], strict=True):
        alone = {key: values[rows] for key, values in results.oof.items()}
        expected = sum(weight * alone[key].astype(np.float64) for key, weight in part["weights"].items())
        np.testing.assert_array_equal(results.blended[rows], expected.astype(np.float32))
        if blender != "mean":
            members = [float(((each - results.valid.target[rows]) ** 2).mean()) for each in alone.values()]
            assert ((expected - results.valid.target[rows]) ** 2).mean() <= min(members) * (1 + 1e-6)
    test = sum(weight * results_test(results, key) for key, weight in kept["parts"][1]["weights"].items())
    np.testing.assert_allclose(results.submitted, test, rtol=1e-6)  # every test row has a block from 24 on
    assert list(results.blend.table().columns) == ["weight", "block 0 to 11", "block 12 to 29"]
    assert sum(kept["weights"].values()) == pytest.approx(1) or blender == "nnls"


def results_test(results, key):
    run = Run(results.folder)
    parts = [part for part in run.parts() if part.key == key]
    return np.mean([np.asarray(run.predictions(part, "test").values, np.float64) for part in parts], axis=0)


def test_the_blend_of_bins_is_kept_whole(toy):
    results = api.run("toy-regression", config=MEMBERS, overrides=[*ALWAYS, "blend=nelder-mead", *BINS])
    again = BlendRecord.load(results.folder).blend
    assert again.rows == results.blend.rows
    np.testing.assert_array_equal(again.apply(results.oof, results.valid), results.blended)
    record = blend_of(results.folder)
    (results.folder / "blend.json").write_text(json.dumps(record | {"bins": [[0, 11], [11, 29]]}))
    with pytest.raises(DamagedError, match="share the number 11"):
        BlendRecord.load(results.folder)
    (results.folder / "blend.json").write_text(json.dumps(record | {"parts": record["parts"][:1]}))
    with pytest.raises(DamagedError, match="one a bin is needed"):
        BlendRecord.load(results.folder)


def test_saved_members_predict_by_the_weights_of_each_rows_bin(toy):
    first = api.run("toy-regression", config=MEMBERS, overrides=[*ALWAYS, "blend=hill-climb", *BINS])
    again = api.run("toy-regression", checkpoints=first.folder)
    assert submitted(again.folder) == submitted(first.folder)
    blended = api.blend_runs([first.folder])
    assert blend_of(blended.folder)["parts"] == blend_of(first.folder)["parts"]
    assert submitted(blended.folder) == submitted(first.folder)


def test_members_whose_stored_rows_are_permuted_give_the_same_submission_to_the_bit(toy):
    """Everything is joined by id: a blend whose rows are in another order than its file is impossible."""
    overrides = [*ALWAYS, "blend=nelder-mead", *BINS]
    first = api.run("toy-regression", config=MEMBERS, overrides=overrides)
    copy = Run(shutil.copytree(first.folder, first.folder.with_name("permuted")))
    random = np.random.default_rng(5)
    moved = 0
    for part in copy.parts():
        for which in ("oof", "test"):
            folder = copy.part_folder(part) / which
            arrays = {path: np.load(path) for path in folder.glob("*.npy")}
            order = random.permutation(len(next(iter(arrays.values()))))
            moved += (order != np.arange(len(order))).any()
            for path, values in arrays.items():
                np.save(path, values[order])
    assert moved == 2 * len(copy.parts())
    again = api.blend_runs([copy.folder])
    assert submitted(again.folder) == submitted(first.folder)
    assert blend_of(again.folder) == blend_of(first.folder)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["blend.by=block"], "'blend.by' needs 'blend.bins' beside it"),
        (["blend.bins=[[0, 29]]"], "'blend.bins' needs 'blend.by' beside it"),
        (["blend.by=block", "blend.bins=[[0, 12], [12, 29]]"], "share the number 12"),
        (["blend.by=block", "blend.bins=[[29, 0]]"], r"Bin \[29, 0\] of 'block' is empty"),
        (["blend.by=blok", "blend.bins=[[0, 29]]"], "no group 'blok'"),
        (["blend.by=block", "blend.bins=[[0, 9], [11, 29]]"], "sample 1040: its block is 10"),
        (["blend.by=block", "blend.bins=[[0, 28]]"], "test sample 1116: its block is 29"),
        (["blend.by=block", "blend.bins=[[0, 25], [26, 29]]"], "No validated sample has block 26 to 29"),
    ],
)
def test_bins_that_cannot_be_are_refused_before_anything_is_fitted(toy, overrides, said):
    with pytest.raises(UsageError, match=said):
        api.run("toy-regression", config=MEMBERS, overrides=[*ALWAYS, "blend=nelder-mead", *overrides], name="odd")
    assert not list(api.runs_root().glob("**/fitted.json"))


def test_rows_without_samples_have_no_bin():
    blend = Blend({"a": 1.0}, by="block", bins=[[0, 1]], parts=[Blend({"a": 1.0})])
    with pytest.raises(ValueError, match="give the samples"):
        blend.apply({"a": np.zeros((2, 1))})
