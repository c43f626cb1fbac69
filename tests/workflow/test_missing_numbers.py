"""NaN, infinities and what float32 cannot hold are told before anything is fitted, by feature or target and sample."""

import re

import pytest

from ctk.testing.distributions import lay

PLUGIN = """
import numpy as np
from dataclasses import replace
from pathlib import Path
from ctk import hookimpl
from ctk.contract import Model
from ctk.testing.toy.toy_network import ToyNetwork
from ctk.testing.toy.toy_samples import ToyReader
def holed(samples, every):
    hole = np.array(samples.features["x"])
    hole[::every or len(hole) + 1, 1] = np.nan
    hole[0] = 0
    return replace(samples, features={**samples.features, "hole": hole})
def spoilt(samples, value):
    target = np.array(samples.target, np.float64)
    target[5, 1] = value
    return replace(samples, target=target)
class Holes(ToyReader):
    def __init__(self, *, train: int = 0, test: int = 0, target: float = 0, truth: float = 0, wide: bool = False,
                 bare: bool = False):
        super().__init__()
        self.every, self.values, self.dtype = (train, test), (target, truth), "f8" if wide else "f4"
        self.bare = bare
    def read(self, folder):
        data = super().read(folder)
        for part, age, kind in ((data.train, 3, "hay"), (data.test, np.nan, "")) if self.bare else ():
            part.features.update(age=np.full(len(part), age), kind=np.array([kind] * len(part)))
        train, test = (holed(part, every) for part, every in zip((data.train, data.test), self.every))
        train.features["hole"] = train.features["hole"].astype(self.dtype)
        if self.dtype == "f8":
            train.features["hole"][7, 1] = -1e39
        truth = replace(test, target=np.zeros((len(test), train.target_width)))
        return replace(data, train=spoilt(train, self.values[0]), test=test, truth=spoilt(truth, self.values[1]))
class Net(ToyNetwork):
    features = ("hole",)
class Tree(Model):
    def fit(self, train, valid, context): self.mean = np.nanmean(train.features["hole"])
    def predict(self, samples): return samples.features["hole"][:, :2] if BLIND else samples.features["x"][:, :2]
    def save(self, folder): (Path(folder) / "mean").write_text(str(self.mean))
    def load(self, folder, samples, device="auto"): pass
class Huge(Tree):
    def predict(self, samples): return np.full((len(samples), 2), 1e39)
@hookimpl
def ctk_register_data(register): register("holes", Holes)
@hookimpl
def ctk_register_models(register):
    register("tree", Tree)
    register("net", Net)
    register("huge", Huge)
"""
MEMBERS = {
    "ridge": "members=[{model: ridge}]",
    "network": "members=[{model: net, loss: toy-squared-error, epochs: 1}]",
}


@pytest.fixture
def run(ctk, ctk_home, tmp_plugin):
    def run(*more, code, blind=False):
        source = PLUGIN.replace("BLIND", str(blind))
        lay(tmp_plugin("holes", source), "ctk-toy", "ctk.testing.toy")
        line = ("run", "toy-regression", "-otrackers=[]", "-oexecutor.name=serial", "-oblend=mean", "-odata=holes")
        return ctk(*line, *(f"-o{each}" for each in more), code=code)

    return run


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize(("holes", "part"), [("data.train=2", "training"), ("data.test=8", "test")])
def test_nan_among_what_is_read_is_named_by_feature_sample_and_count(run, member, holes, part):
    said = " ".join(run(MEMBERS[member], holes, code=1).stderr.split())
    told = (
        rf"Feature 'hole' is nan in column 1 for {part} sample \d+, and NaN or infinite for (\d+) of \d+; member '.*'"
    )
    count = re.search(told, said)
    assert count, said
    assert part == "training" or count[1] == "2"
    assert "a model that reads NaN" in said


@pytest.mark.parametrize(
    ("member", "value", "shown"),
    [
        (MEMBERS["ridge"], "target=.nan", "nan"),
        (MEMBERS["network"], "target=-.inf", "-inf"),
        ("members=[{model: tree}]", "target=1.0e+39", r"1e\+39"),
        (MEMBERS["ridge"], "truth=.nan", "nan"),
        (MEMBERS["ridge"], "truth=1.0e+39", r"1e\+39"),
    ],
)
def test_a_target_that_is_no_number_of_float32_is_named_before_a_fit_whatever_fits(run, member, value, shown):
    said = " ".join(run(member, f"data.{value}", code=1).stderr.split())
    part = "test" if value.startswith("truth") else "(training|validation)"
    told = (
        rf"The target is {shown} in column 1 for {part} sample \d+, and NaN, infinite or beyond float32 for 1 of \d+;"
    )
    assert re.search(told, said), said
    assert "plugin" not in said


@pytest.mark.parametrize("member", MEMBERS.values())
def test_a_feature_beyond_float32_is_named(run, member):
    said = " ".join(run(member, "data.wide=true", code=1).stderr.split())
    assert re.search(r"'hole' is -1e\+39 in column 1 for (training|validation) sample \d+, and NaN, infinite or", said)


def test_a_prediction_beyond_float32_is_the_plugins(run):
    said = " ".join(run("members=[{model: huge}]", code=1).stderr.split())
    assert re.search(
        r"'huge' of plugin .* predicted 1e\+39 for sample \d+; predictions must be finite in float32", said
    )


def test_a_feature_that_is_not_read_may_hold_nan(run):
    run("members=[{model: {name: ridge, features: [x]}}]", "data.train=5", code=0)


def test_a_model_that_reads_nan_is_given_it_and_told_where_it_predicts_nan_for_it(run):
    run("members=[{model: tree}]", "data.train=2", "data.test=2", code=0)


def test_a_prediction_of_nan_says_that_the_feature_is_nan(run):
    said = run("members=[{model: tree}]", "data.test=2", code=1, blind=True).stderr
    assert "whose feature 'hole' is not finite either" in " ".join(said.split())
    assert "learning rate" not in said


def test_saved_members_are_not_shown_what_they_cannot_read_either(run, ctk, ctk_home):
    run(MEMBERS["ridge"], code=0)
    (saved,) = ctk_home.runs.glob("toy-regression/*")
    line = ("run", "toy-regression", "--stage", "predict", "--checkpoints", saved, "-oexecutor.name=serial")
    said = ctk(*line, "-odata=holes", "-odata.test=8", code=1).stderr
    assert "Feature 'hole' is nan in column 1 for test sample" in " ".join(said.split())


def test_what_every_test_sample_lacks_is_told_of_members_that_learn_from_it_and_in_the_report(run, ctk_home):
    members = "members=[{model: tree}, {model: {name: ridge, features: [x]}}]"
    run(members, "data.bare=true", code=0)
    (folder,) = ctk_home.runs.glob("toy-regression/*")
    said = (folder / "log.txt").read_text()
    assert "tree/seed-1 fold 0: it learns from age, kind, which no test sample has." in said
    assert "ridge/seed-1 fold 0: it learns" not in said
    assert "No test sample has age, kind; members" in (folder / "report.html").read_text()
