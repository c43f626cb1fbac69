"""Competitions whose predictions are text, or choices: run, gone on with, blended, predicted with and reported."""

import json
import shutil
from collections import Counter

import numpy as np
import pytest

from ctk import api
from ctk.errors import DamagedError, UsageError
from ctk.files import cache_folder
from ctk.runs import Run
from ctk.testing.distributions import find_anew, lay, on_path
from ctk.testing.home import home_in
from ctk.testing.toy.toy_samples import make_toy_samples

ALWAYS = ["executor.name=serial", "executor.threads=1", "trackers=[]"]
NETWORK = "members.toy-text-network"
PLUGIN = '''
"""The toy's classes as numbers of choices, and a model that gives each choice a score."""
from dataclasses import replace
from pathlib import Path
import numpy as np
from ctk import hookimpl
from ctk.contract import Metric, Model
from ctk.testing.toy.toy_competition import ToyClassification
from ctk.testing.toy.toy_samples import ToyReader


class Choices(ToyReader):
    def read(self, folder):
        data = super().read(folder)
        train, truth = (replace(each, target=each.target.argmax(axis=1)) for each in (data.train, data.truth))
        return replace(data, train=train, truth=truth)


class Scores(Model):
    """Scores from single features; ``width`` of them."""

    def __init__(self, *, first: int = 0, width: int = 3):
        self.first, self.width = first, width

    def fit(self, train, valid, context): pass

    def predict(self, samples):
        return np.roll(samples.features["x"], self.first, axis=1)[:, : self.width]

    def save(self, folder): pass

    def load(self, folder, samples, device="auto"): pass


class ToyChoices(ToyClassification):
    id, reader = "toy-choices", "choices"
    metric, headline = "choices-share", ("choices-share",)

    def default_data(self, progress=lambda what, done, total: None):
        return ToyClassification().default_data(progress)

    def presets(self):
        members = [{"model": {"name": "scores", "first": first}, "name": f"m{first}"} for first in range(3)]
        return {"toy": {"split": {"by": "block", "folds": 4}, "members": members, "blend": "mean"}}

    def evaluate(self, prediction, samples):
        return {"choices-share": share(prediction, samples)}


def share(prediction, samples):
    return float((prediction.argmax(axis=1) == samples.target).mean())


@hookimpl
def ctk_register_data(register): register("choices", Choices)


@hookimpl
def ctk_register_models(register): register("scores", Scores)


@hookimpl
def ctk_register_competitions(register): register("toy-choices", ToyChoices)


@hookimpl
def ctk_register_metrics(register): register("choices-share", Metric("choices-share", "max", share))
'''


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of two seeds of a network of text on three folds, and the cache that it was made with."""
    folder = tmp_path_factory.mktemp("made")
    lay(folder, "ctk-toy", "ctk.testing.toy")
    with on_path(folder), home_in(folder / "home"):
        overrides = [*ALWAYS, f"{NETWORK}.epochs=12", "split.use=3", "metric=accuracy"]
        results = api.run("toy-text", seeds=(1, 2), overrides=overrides, name="text")
    return results.folder, folder / "home" / "cache"


@pytest.fixture
def text(finished, ctk_home, tmp_plugin, monkeypatch):
    """A copy of it below this test's runs."""
    monkeypatch.setenv("CTK_CACHE", str(finished[1]))
    lay(tmp_plugin("choices", PLUGIN), "ctk-toy", "ctk.testing.toy")
    find_anew()
    return shutil.copytree(finished[0], api.runs_root() / "toy-text" / finished[0].name)


def submitted(folder):
    lines = (folder / "submission.csv").read_text().splitlines()[1:]
    return [line.split(",")[1] for line in lines]


def elect(ballots):
    counts = Counter(ballots)
    return next(each for each in ballots if counts[each] == max(counts.values()))


def test_folds_and_members_vote_and_what_most_say_is_submitted(text):
    run = Run(text)
    by_seed = []
    for seed in (1, 2):
        folds = [run.predictions(part, "test").values for part in run.parts() if part.seed == seed]
        assert [each.dtype.kind for each in folds] == ["U"] * 3
        by_seed.append([elect(ballots) for ballots in zip(*(each.tolist() for each in folds), strict=True)])
    assert submitted(text) == [elect(ballots) for ballots in zip(*by_seed, strict=True)]
    truth = make_toy_samples("toy-text")[1].target
    share = float(np.mean(np.array(submitted(text)) == truth))
    assert run.scores()["test"] == {"accuracy": share, "toy-exact": share}
    assert share > 0.4
    assert json.loads((text / "blend.json").read_text())["how"] == "vote"
    assert (
        api.score("toy-text", text / "submission.csv", cache_folder() / "toy" / "toy-text" / "flavour.txt")["toy-exact"]
        == share
    )
    assert "toy-text-network" in (text / "report.html").read_text()


def test_a_run_is_gone_on_with_to_the_same_words(text):
    run, before = Run(text), submitted(text)
    kept = run.parts()[0]
    (run.part_folder(kept) / "fitted.json").unlink()
    shutil.rmtree(run.part_folder(run.parts()[-1]))
    again = api.resume(str(text))
    assert submitted(text) == before
    assert again.submitted.tolist() == before
    assert api.resume(str(text), overrides=["blend=mean"]).submitted.tolist() == before
    with pytest.raises(UsageError, match="The blender 'greedy' finds weights of numbers"):
        api.resume(str(text), overrides=["blend=greedy"])


def test_runs_and_files_of_text_are_blended(text, tmp_path):
    stranger = tmp_path / "stranger.csv"
    lines = (text / "submission.csv").read_text().splitlines()
    stranger.write_text("\n".join([lines[0], *(f"{line.split(',')[0]},high" for line in lines[1:])]) + "\n")
    results = api.blend_runs([text, stranger], options=["weights=[0.4, 0.6]"])
    assert results.submitted.tolist() == ["high"] * len(lines[1:])
    scored = api.blend_runs([text], blender="vote", options=["weights=score"])
    accuracy = {key: each["accuracy"] for key, each in Run(text).scores()["members"].items() if key != "blend"}
    assert scored.blend.weights == pytest.approx({key: each / sum(accuracy.values()) for key, each in accuracy.items()})
    alone = api.blend_runs([stranger, text / "submission.csv"], competition="toy-text")
    assert alone.submitted.tolist() == ["high"] * len(lines[1:])
    with pytest.raises(UsageError, match="The blender 'hill-climb' finds weights of numbers"):
        api.blend_runs([text], blender="hill-climb")


def test_saved_members_predict_the_same_words(text):
    config, _ = api.configured("toy-text", overrides=ALWAYS)
    overrides = [*ALWAYS, f"checkpoints={text}", "split.use=3", f"{NETWORK}.epochs=12", "metric=accuracy"]
    assert config.blend.name == "vote"
    assert api.run("toy-text", seeds=(1, 2), overrides=overrides).submitted.tolist() == submitted(text)


NETWORK_MEMBER = {"model": "toy-text-network", "loss": "own", "batch": {"size": 16}, "epochs": 1}
LABELS = {"of": ["toy-text-network"], "confidence": "probability"}


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"blend": "greedy"}, "The blender 'greedy' finds weights of numbers, and what is predicted here is text"),
        ({"members": [{"model": "ridge"}]}, "Member 'ridge' learns from numbers, and the target of these samples is"),
        (
            {"members": [NETWORK_MEMBER, {"model": "ridge", "uses": ["toy-text-network"]}]},
            "Member 'ridge' uses other members, and these predict text",
        ),
        (
            {"members": [NETWORK_MEMBER, {**NETWORK_MEMBER, "name": "second", "pseudo_labels": LABELS}]},
            "Member 'second' takes pseudo-labels, and predictions here are text",
        ),
    ],
)
def test_what_needs_numbers_is_refused_before_a_fit(text, config, problem):
    with pytest.raises(UsageError, match=problem):
        api.run("toy-text", config=config, overrides=[*ALWAYS, "split.use=4"], name="refused")
    assert not list(api.runs_root().glob("toy-text/*-refused/members/*/seed-*/fold-*/oof"))


def test_stored_text_of_another_shape_is_damaged(text):
    run = Run(text)
    path = run.part_folder(run.parts()[0]) / "oof" / "values.npy"
    np.save(path, np.load(path)[:, None])
    with pytest.raises(DamagedError, match="there are no predictions that can be read"):
        run.predictions(run.parts()[0], "oof")


def test_choices_are_blended_by_the_mean_of_their_scores_or_by_votes(text):
    results = api.run("toy-choices", overrides=ALWAYS)
    test = make_toy_samples("toy-classification")[1]
    scores = [np.roll(test.features["x"], first, axis=1)[:, :3] for first in range(3)]
    np.testing.assert_allclose(results.submitted, np.mean(scores, axis=0), rtol=1e-6)
    assert results.blend.how == "sum"
    voted = api.resume(str(results.folder), overrides=["blend=vote"])
    ballots = zip(*(each.argmax(axis=1).tolist() for each in scores), strict=True)
    assert voted.submitted.argmax(axis=1).tolist() == [elect(each) for each in ballots]
    assert (
        api.run("toy-choices", overrides=[*ALWAYS, "metric=accuracy"]).scores["m0/seed-1"]["accuracy"]
        == (results.scores["m0/seed-1"]["choices-share"])
    )
    with pytest.raises(Exception, match=r"predicted an array of shape \(\d+, 2\)"):
        api.run("toy-choices", overrides=[*ALWAYS, "members.m0.model.width=2"])
