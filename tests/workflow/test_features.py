"""Extracted features are made once; those that learn see a fold's training rows alone; members have what they name."""

import json
import os
import pickle
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ctk import api
from ctk.api import FittedRun
from ctk.errors import CtkError, PluginError, UsageError
from ctk.runs import Run, all_runs
from ctk.samples import Samples
from ctk.testing.distributions import find_anew, lay
from ctk.testing.toy import toy_samples
from ctk.workflow import fit_members

PLUGIN = """
import time
from pathlib import Path
import numpy as np
from ctk import hookimpl
from ctk.contract import Extractor, Model
HOME = Path({home!r})
def did(what):
    with (HOME / "diary").open("a") as file:
        file.write(what + "\\n")

class Double(Extractor):
    '''Frozen: twice the numbers, and which sign the first has.'''
    def __init__(self, *, by: float = 2.0, weights: str = ""): self.by = by
    def extract(self, samples, progress):
        assert samples.target is None
        did(f"double {{len(samples)}}")
        did(f"device {{self.device}}")
        progress(1, 1)
        x = samples.features["x"]
        return {{"numbers": x * self.by, "sign": np.where(x[:, 0] > 0, "plus", "minus")}}

class Blocks(Extractor):
    '''Frozen, in blocks of 40 rows; cannot go past row 40 while there is a file "fail".'''
    rows = 40
    def extract(self, samples, progress):
        while (HOME / "wait").exists() and samples.ids[0] == 1040:
            (HOME / "waiting").touch()
            time.sleep(0.02)
        if (HOME / "fail").exists() and samples.ids[0] == 1040:
            raise RuntimeError("no memory left")
        did(f"block {{samples.ids[0]}}")
        return {{"": samples.features["x"][:, 0]}}

class Mean(Extractor):
    '''Learns the mean target, and whom from; a row's own feature says whether it was learned from.'''
    learns = True
    def fit(self, train):
        did("fit " + " ".join(map(str, train.ids)))
        did(f"device {{self.device}}")
        self.mean = train.target.mean(0)
    def extract(self, samples, progress):
        assert samples.target is None or len(samples) == self.rows_of_fit
        return {{"": np.tile(self.mean, (len(samples), 1)), }}
    def fit_extract(self, train, progress):
        self.rows_of_fit = len(train)
        self.fit(train)
        return {{"": np.tile(self.mean, (len(train), 1)) + 1}}
    def save(self, folder): np.save(folder / "mean.npy", self.mean)
    def load(self, folder): self.mean = np.load(folder / "mean.npy")

class Of(Extractor):
    '''Reads what it is given by `of`.'''
    def extract(self, samples, progress):
        did("of " + " ".join(self.of))
        return {{"sum": sum(samples.features[name].reshape(len(samples), -1).sum(1) for name in self.of)}}

class Wrong(Extractor):
    learns = False
    def __init__(self, *, how: str): self.how = how
    def extract(self, samples, progress):
        rows = len(samples)
        return {{
            "rows": {{"a": np.zeros(rows + 1)}},
            "objects": {{"a": np.array([None] * rows)}},
            "list": [1, 2],
            "name": {{"a*b": np.zeros(rows)}},
            "none": {{}},
            "unnamed": {{"": np.zeros(rows), "a": np.zeros(rows)}},
            "cube": {{"a": np.zeros((rows, 2, 2))}},
            "columns": {{f"a{{rows}}": np.zeros(rows)}},
            "width": {{"a": np.zeros((rows, rows))}},
        }}[self.how]

class Spy(Model):
    '''Keeps what it is handed; predicts the mean.'''
    curve = []
    def __init__(self, *, weights: str = ""): pass
    def fit(self, train, valid, context):
        self.mean = train.target.mean(0)
        for what, samples in (("train", train), ("valid", valid)):
            self.keep(f"{{context.seed}}-{{what}}", samples)
    def predict(self, samples):
        if samples.target is None:
            self.keep("test", samples)
        return np.tile(np.float32(self.mean), (len(samples), 1))
    def keep(self, name, samples):
        samples.save(HOME / "spied" / name)
    def save(self, folder): np.save(folder / "mean.npy", self.mean)
    def load(self, folder, samples, device="auto"): self.mean = np.load(Path(folder) / "mean.npy")

@hookimpl
def ctk_register_extractors(register):
    for kind in (Double, Blocks, Mean, Of, Wrong):
        register(kind.__name__.lower(), kind)
@hookimpl
def ctk_register_models(register): register("spy", Spy)
"""


@pytest.fixture
def home(ctk_home, tmp_plugin) -> Path:
    """The current folder, with the toy competition and the plugin."""
    (ctk_home.work / "spied").mkdir()
    lay(tmp_plugin("own", PLUGIN.format(home=str(ctk_home.work))), "ctk-toy", "ctk.testing.toy")
    find_anew()
    return ctk_home.work


def run(features, members=({"model": "spy"},), **how):
    config = {"members": list(members), "features": features, "executor": {"name": "serial"}, "trackers": []}
    return api.run("toy-regression", config=config | how.pop("config", {}), **how)


def diary(home: Path, word: str) -> list[str]:
    """Lines of the diary that begin with a word, without it."""
    path = home / "diary"
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.removeprefix(word).strip() for line in lines if line.startswith(word)]


def spied(home: Path, name: str) -> Samples:
    return Samples.open(home / "spied" / name)


# Made once ------------------------------------------------------------------------------------------------------------


def test_a_frozen_feature_is_made_once_for_members_seeds_folds_and_runs(home):
    members = ({"model": "spy"}, {"model": "spy", "name": "again"})
    for _ in range(2):
        run({"d": "double"}, members, seeds=[1, 2], config={"split": {"by": None, "folds": 2, "use": 2}})
    assert diary(home, "double") == ["96", "24"]
    assert sorted(spied(home, "2-train").features) == ["d/numbers", "d/sign", "x"]
    test = spied(home, "test")
    np.testing.assert_array_equal(test.features["d/numbers"], 2 * test.features["x"])
    assert test.features["d/sign"].tolist() == np.where(test.features["x"][:, 0] > 0, "plus", "minus").tolist()


def test_other_options_make_it_anew_and_refresh_does(home):
    run({"d": "double"})
    run({"d": {"name": "double", "by": 3}})
    assert len(diary(home, "double")) == 4
    run({"other-name": "double"})
    assert len(diary(home, "double")) == 4
    run({"d": "double"}, refresh=True)
    assert len(diary(home, "double")) == 6


def test_other_weights_of_the_same_name_make_it_anew(home):
    (home / "model").mkdir()
    file = home / "model" / "config.json"
    for place in ("model", "model/config.json"):
        file.write_text("first")
        run({"d": {"name": "double", "weights": place}})
        run({"d": {"name": "double", "weights": place}})
        before = len(diary(home, "double"))
        file.write_text("second one")
        run({"d": {"name": "double", "weights": place}})
        assert len(diary(home, "double")) == before + 2


def test_a_member_that_began_with_other_weights_is_fitted_anew(home):
    file = home / "weights.pt"
    file.write_text("first")
    members = [{"model": {"name": "spy", "weights": str(file)}}, {"model": "spy", "name": "other"}]
    folder = run({}, members).folder
    fitted = {part.member: Run(folder).facts(part)["fingerprint"] for part in Run(folder).parts()}
    file.write_text("second one")
    api.resume(str(folder))
    again = {part.member: Run(folder).facts(part)["fingerprint"] for part in Run(folder).parts()}
    assert again["other"] == fitted["other"]
    assert again["spy"] != fitted["spy"]
    assert (
        "spy/seed-1, fold 0: what lies there is damaged or was fitted to something else"
        in (folder / "log.txt").read_text()
    )


def test_extractors_are_told_the_runs_device(home):
    run({"d": "double", "m": "mean"}, config={"device": "cpu"})
    assert set(diary(home, "device")) == {"cpu"}


def test_what_failed_goes_on_behind_the_last_block(home):
    (home / "fail").touch()
    with pytest.raises(PluginError, match=r"extractor 'blocks' of plugin 'own' .* failed while extracting features"):
        run({"b": "blocks"})
    assert diary(home, "block") == ["1000"]
    (home / "fail").unlink()
    run({"b": "blocks"})
    assert diary(home, "block") == ["1000", "1040", "1080", "1096"]
    valid = spied(home, "1-valid")
    np.testing.assert_array_equal(valid.features["b"], valid.features["x"][:, 0])


def test_two_runs_make_it_once_and_one_that_is_killed_is_gone_on_with(home, ctk):
    line = (
        "features", "toy-regression", "-ofeatures={b: blocks}", "-omembers=[{model: spy}]", "--make",
    )  # fmt: skip
    (home / "wait").touch()
    first = ctk.start(*line)
    _until((home / "waiting").exists, first)
    second = ctk.start(*line)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    (home / "waiting").unlink()
    _until((home / "waiting").exists, second)  # it waited for the first's lock, and has its first block
    third = ctk.start(*line)
    (home / "wait").unlink()
    told = [process.communicate(timeout=500)[0] for process in (second, third)]
    assert [process.returncode for process in (second, third)] == [0, 0], told
    assert diary(home, "block") == ["1000", "1040", "1080", "1096"]


def _until(there, process):
    while not there():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)


# Handed to whom they are for ------------------------------------------------------------------------------------------


def test_a_member_is_handed_what_it_names_and_what_nobody_names_is_not_made(home):
    run({"d": "double", "b": "blocks", "o": {"name": "of", "of": "b"}}, [{"model": "spy", "features": "o"}])
    assert sorted(spied(home, "1-train").features) == ["o/sum", "x"]
    assert diary(home, "of") == ["b", "b"]
    assert not diary(home, "double")
    run({"d": "double"}, [{"model": "spy", "features": []}])
    assert not diary(home, "double")


# Those that learn -----------------------------------------------------------------------------------------------------

TWO_FOLDS = {"split": {"by": None, "folds": 2, "use": 2}}


def test_one_that_learns_is_fitted_on_each_folds_training_rows_alone_once_for_all_members_and_runs(home):
    members = ({"model": "spy"}, {"model": "spy", "name": "again", "seeds": [1, 2]})
    run({"m": "mean"}, members, config=TWO_FOLDS)
    run({"m": "mean"}, config=TWO_FOLDS)
    learned = [set(map(int, line.split())) for line in diary(home, "fit")]
    train, valid = spied(home, "1-train"), spied(home, "1-valid")  # of the fold that came last
    assert len(learned) == 2
    assert learned[1] == set(train.ids.tolist())
    assert not learned[1] & set(valid.ids.tolist())
    assert learned[0] | learned[1] == set(train.ids.tolist()) | set(valid.ids.tolist())
    mean = train.target.mean(0)
    np.testing.assert_allclose(train.features["m"], np.tile(mean + 1, (len(train), 1)), rtol=1e-5)
    np.testing.assert_allclose(valid.features["m"], np.tile(mean, (len(valid), 1)), rtol=1e-5)
    np.testing.assert_allclose(spied(home, "test").features["m"][0], mean, rtol=1e-5)


def test_targets_of_validation_rows_change_nothing_that_is_handed(home, monkeypatch):
    """What the validation rows' targets are must not be told by any feature: other targets there, the same features."""
    features = {
        "m": "mean",
        "s": {"name": "svd", "size": 2},
        "t": {"name": "target-statistics", "by": ["block"]},
        "o": {"name": "svd", "of": ["t"], "each": True},
    }
    run(features)
    before, valid = {part: spied(home, part) for part in ("1-train", "1-valid", "test")}, spied(home, "1-valid")
    before = {part: {name: np.array(values) for name, values in each.features.items()} for part, each in before.items()}
    own = toy_samples.make_toy_samples

    def changed(*given):
        train, test = own(*given)
        train.target[np.isin(train.ids, valid.ids)] += 100
        return train, test

    monkeypatch.setattr(toy_samples, "make_toy_samples", changed)
    run(features, refresh=True)
    for part, values in before.items():
        now = spied(home, part)
        assert now.features.keys() == values.keys()
        for name in values:
            np.testing.assert_array_equal(now.features[name], values[name])
    assert (spied(home, "1-valid").target > 50).all()


def test_a_feature_made_of_one_that_learns_is_made_by_fold_too(home):
    run({"o": {"name": "of", "of": "m"}, "m": "mean"}, config=TWO_FOLDS)
    assert diary(home, "of") == ["m"] * 4  # training and test samples of two folds
    train = spied(home, "1-train")
    np.testing.assert_allclose(train.features["o/sum"], (train.target.mean(0) + 1).sum(), rtol=1e-4)


def test_filters_choose_what_an_extractor_learns_from(home):
    config = {"filters": [{"name": "keep-even"}]}
    lay_filter(home)
    run({"m": "mean"}, config=config)
    (line,) = diary(home, "fit")
    assert {int(each) % 2 for each in line.split()} == {0}


def test_a_filter_asks_a_fitted_member_with_the_features_that_it_was_handed(home):
    lay_filter(home)
    features = {"m": "mean", "d": "double"}
    reads = {"model": {"name": "ridge", "features": ["m", "d/numbers"]}, "filters": [], "blend": False}
    config = {"filters": [{"name": "asks", "member": "ridge"}], "split": {"folds": 4}}
    done = run(features, [reads, {"model": "spy"}], config=config).folder
    part = next(each for each in FittedRun(Run(done)).run.parts() if each.member == "ridge")
    data = FittedRun(Run(done)).data(part=part)
    scores = np.load(done / "filters" / "1-asks" / "scores.npy")
    ridge = FittedRun(Run(done)).model(part, data.train)
    np.testing.assert_allclose(scores, ridge.predict(data.train)[:, 0], rtol=1e-5)
    valid = Run(done).predictions(part, "oof")
    rows = np.flatnonzero(np.isin(data.train.ids, valid.ids))
    np.testing.assert_allclose(ridge.predict(data.train.take(rows)), valid.values, rtol=1e-5)


def test_a_worker_elsewhere_is_given_the_folders_of_frozen_features(home, monkeypatch):
    tasks, own = [], fit_members.submit_task

    def submit(guard, pool, call, task):
        tasks.append(task)
        return own(guard, pool, call, task)

    monkeypatch.setattr(fit_members, "submit_task", submit)
    run({"d": "double", "m": {"name": "mean"}, "b": "blocks"}, [{"model": "spy", "features": ["d", "m"]}])
    (task,) = tasks
    columns = [path for path in task.files().constant if (path / "features" / "numbers.npy").is_file()]
    assert len(columns) == 2  # of training and test samples, and none of `blocks`
    moved = task.with_paths(lambda path: home / "elsewhere" / path.name)
    assert {path.parent for path in moved.files().constant} == {home / "elsewhere"}
    assert pickle.loads(pickle.dumps(task)) == task


def lay_filter(home):
    plugins = home / "ctk_plugins"
    plugins.mkdir()
    (plugins / "even.py").write_text(
        "from ctk import hookimpl\nfrom ctk.contract import Filter\nclass Even(Filter):\n"
        "    def score(self, samples, context): return 1.0 - samples.ids % 2\n"
        "    def keep(self, scores): return scores > 0\n"
        "class Asks(Filter):\n"
        "    def score(self, samples, context): return context.fit({}, samples, samples)[:, 0]\n"
        "    def keep(self, scores): return scores > -100\n"
        "@hookimpl\ndef ctk_register_filters(register):\n"
        "    register('keep-even', Even, 'even ids')\n    register('asks', Asks, 'a fitted member')\n"
    )
    find_anew()


def test_a_saved_run_predicts_with_what_was_learned_then(home):
    features = {"m": "mean", "o": {"name": "of", "of": "m"}, "d": "double", "s": {"name": "svd", "of": ["d"]}}
    saved = run(features, [{"model": "spy"}, {"model": {"name": "ridge", "features": ["m", "o/sum", "s"]}}]).folder
    assert len(diary(home, "fit")) == 1
    predicted = api.run("toy-regression", checkpoints=saved)
    assert len(diary(home, "fit")) == 1
    assert (saved / "submission.csv").read_bytes() == (predicted.folder / "submission.csv").read_bytes()
    for left in saved.rglob("checkpoints/features/m"):
        left.rename(left.with_name("gone"))
    with pytest.raises(CtkError, match="feature 'm' was saved there"):
        api.run("toy-regression", checkpoints=saved)


def test_another_test_is_given_its_own_features_by_what_was_learned(home, monkeypatch):
    saved = run({"d": "double", "m": "mean"}).folder
    learned = np.array(spied(home, "test").features["m"][0])
    own = toy_samples.make_toy_samples

    def changed(*given):
        train, test = own(*given)
        return train, replace(test, ids=test.ids + 5000, features={"x": test.features["x"] + 7})

    monkeypatch.setattr(toy_samples, "make_toy_samples", changed)
    api.run("toy-regression", checkpoints=saved, refresh=True)
    test = spied(home, "test")
    assert test.ids[0] == 6096
    np.testing.assert_array_equal(test.features["d/numbers"], 2 * test.features["x"])
    np.testing.assert_array_equal(test.features["m"], np.tile(learned, (len(test), 1)))
    assert len(diary(home, "fit")) == 1


def test_a_run_that_goes_on_extracts_nothing_for_what_is_fitted(home, ctk_home):
    run({"d": "double", "m": "mean"})
    (done,) = all_runs(ctk_home.runs)
    state = done.folder / "state.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"state": "failed"}))
    for folder in (ctk_home.cache / "features").iterdir():
        folder.rename(folder.with_name("away"))
    before = (home / "diary").read_text()
    api.resume(str(done.folder))
    assert (home / "diary").read_text() == before


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("features", "members", "told"),
    [
        ({"d": "doubel"}, {}, "There is no extractor 'doubel'"),
        ({"d": {"name": "double", "bye": 1}}, {}, "unknown key 'bye'"),
        ({"d": "double", "o": {"name": "of", "of": "e"}}, {}, "'features.o.of' names feature 'e', which is none"),
        (
            {"a": {"name": "of", "of": "b"}, "b": {"name": "of", "of": "a"}},
            {},
            "a, b are made of each other in a circle",
        ),
        ({"a": {"name": "of", "of": "a"}}, {}, "a are made of each other in a circle"),
        ({"d": "double"}, {"features": "e"}, "Member 'spy' names feature 'e', which is none that this run extracts"),
        ({"a/b": "double"}, {}, "'a/b' is no name of a feature"),
        ({"oof": "double"}, {}, "'oof' is no name of a feature"),
        ({"x": "double"}, {}, "'features.x': the data has a feature 'x' of that name"),
    ],
)
def test_a_config_that_cannot_be_is_refused_by_its_key(home, features, members, told):
    with pytest.raises(UsageError) as caught:
        run(features, [{"model": "spy", **members}])
    assert told in caught.value.problem
    assert not (home / "diary").exists()


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("rows", r"the column 'a' as an array of shape \(97,\), and \(96,\) or \(96, K\) is needed"),
        ("objects", r"the column 'a' as an array of objects \(NoneType\), and numbers are needed"),
        ("list", "extracted a list, and arrays by name are needed"),
        ("name", r"extracted a column 'a\*b', which is no name"),
        ("none", "extracted no column"),
        ("unnamed", "extracted a column without a name beside others"),
        ("cube", r"the column 'a' as an array of shape \(96, 2, 2\)"),
        ("columns", "extracted of some samples no column as 'a24', and of others numbers"),
        ("width", r"extracted of some samples numbers \(96,\) as 'a', and of others numbers \(24,\)"),
    ],
)
def test_what_an_extractor_returns_is_looked_at(home, how, told):
    for _ in range(2):  # what is wrong is not kept for right
        with pytest.raises(PluginError, match=f"The extractor 'wrong' of plugin 'own' .*{told}"):
            run({"w": {"name": "wrong", "how": how}})


# The command line -----------------------------------------------------------------------------------------------------


def test_features_are_listed_and_made(home, ctk):
    line = ("features", "toy-regression", "-ofeatures={d: double, m: mean, s: {name: svd, of: [d]}}", "--json")
    first, made, again = (json.loads(ctk(*line, *more, code=0).stdout) for more in ([], ["--make"], []))
    assert [(each["name"], each["made"], each["all"]) for each in first] == [("d", 0, 2), ("m", 0, 1), ("s", 0, 1)]
    assert made == again
    assert [(each["name"], each["made"]) for each in again] == [("d", 2), ("m", 1), ("s", 1)]
    assert again[0]["columns"] == {"d/numbers": 4, "d/sign": 0}
    assert all(each["size"] > 0 for each in again)
    shown = ctk(*line[:-1], code=0).stdout
    assert "d/numbers (4), d/sign" in shown
    assert "no feature" in ctk("features", "toy-regression", code=0).stdout.lower()
    before = (home / "diary").read_text()
    ctk("run", "toy-regression", line[2], "-omembers=[{model: spy}]", "-oexecutor.name=serial", "-otrackers=[]", code=0)
    assert (home / "diary").read_text() == before
