"""A second round learns from confident test predictions of its own fold's first round, and never of validation rows."""

import numpy as np
import pytest
import yaml

from ctk import api
from ctk.errors import DataError, UsageError
from ctk.runs import UNFITTED, Part, Run
from ctk.samples import Samples
from ctk.testing.distributions import lay
from ctk.testing.toy.toy_samples import make_toy_samples
from ctk.workflow.checkpoints import FittedRun
from ctk.workflow.split import draw_folds

ALWAYS = ["executor.name=serial", "executor.threads=1", "trackers=[]", "split.folds=4", "split.use=4"]
FIRST = [
    {"model": {"name": "ridge", "alpha": 1e-3}, "name": "weak"},
    {"model": {"name": "ridge", "alpha": 10}, "name": "strong"},
]
PLUGIN = '''
"""Toy data that can be spoilt, a model that keeps what it was given, and a competition that mends its predictions."""
from dataclasses import replace
from pathlib import Path
import numpy as np
from ctk import hookimpl
from ctk.contract import Model
from ctk.testing.toy.toy_competition import ToyRegression
from ctk.testing.toy.toy_samples import ToyReader


class Spoilt(ToyReader):
    def __init__(
        self, *, moved: list[int] | None = None, same_ids: bool = False, hole: bool = False, lacks: bool = False
    ):
        super().__init__(features=["x", "y"])
        self.moved, self.same_ids, self.hole, self.lacks = moved or [], same_ids, hole, lacks

    def read(self, folder):
        data = super().read(folder)
        target, test = np.array(data.train.target), data.test
        target[self.moved] += 100
        y = np.array(test.features["y"])
        y[3, 1] = np.nan if self.hole else y[3, 1]
        features = {"x": test.features["x"]} | ({} if self.lacks else {"y": y})
        test = replace(test, features=features, ids=data.train.ids[:len(test)] if self.same_ids else test.ids)
        return replace(data, train=replace(data.train, target=target), test=test, truth=None)


class Keeps(Model):
    """Predicts the mean, and keeps what it was given to learn from; goes on with a fit that was killed."""

    def fit(self, train, valid, context):
        context.folder.mkdir(parents=True, exist_ok=True)
        train.save(context.folder / "given")
        left = context.folder / "mean.npy"
        self.mean = np.load(left) if left.exists() else train.target.mean(axis=0)

    def predict(self, samples):
        return np.tile(self.mean, (len(samples), 1)).astype(np.float32)

    def save(self, folder):
        np.save(folder / "mean.npy", self.mean)

    def load(self, folder, samples, device="auto"):
        self.mean = np.load(folder / "mean.npy")


class Likely(Keeps):
    """Probabilities of three classes, from a softmax of the features."""

    def __init__(self, *, sharp: float = 1.0):
        self.sharp = sharp

    def predict(self, samples):
        grown = np.exp(self.sharp * samples.features["x"][:, :3].astype(np.float64))
        return (grown / grown.sum(axis=1, keepdims=True)).astype(np.float32)


class Mended(ToyRegression):
    """Predictions are kept inside the targets of validation rows, which so reach what is stored for the test."""

    id = "toy-mended"

    def default_data(self, progress=lambda what, done, total: None):
        return ToyRegression().default_data(progress)

    def fit_postprocess(self, prediction, samples):
        return {"low": float(samples.target.min()) / 2, "high": float(samples.target.max()) / 2}

    def postprocess(self, prediction, samples, fitted):
        return np.clip(prediction, fitted["low"], fitted["high"]) if fitted else prediction


@hookimpl
def ctk_register_data(register): register("spoilt", Spoilt)


@hookimpl
def ctk_register_models(register):
    register("keeps", Keeps)
    register("likely", Likely)


@hookimpl
def ctk_register_competitions(register): register("toy-mended", Mended)
'''


@pytest.fixture
def toy(ctk_home, tmp_plugin):
    """The toy competitions, with the plugin above."""
    lay(tmp_plugin("spoilt", PLUGIN), "ctk-toy", "ctk.testing.toy")


def second(model="keeps", of=("weak", "strong"), training=None, name="second", **labels):
    return {"model": model, "name": name, "pseudo_labels": {"of": list(of), **labels}, **(training or {})}


def run(*members, overrides=(), competition="toy-regression", **more):
    overrides = [*ALWAYS, "data=spoilt", *overrides]
    return api.run(competition, config={"members": list(members)}, overrides=overrides, **more).folder


def given(folder, fold, member="second"):
    """What the second round learned from in a fold."""
    return Samples.open(Run(folder).checkpoints_folder(Part(member, 1, fold)) / "given")


def added(folder, fold):
    """Of it, what came from the test."""
    samples = given(folder, fold)
    return samples.take(np.arange(72, len(samples)))


def folds():
    train, _ = make_toy_samples()
    return draw_folds(train, api.configured("toy-regression", overrides=ALWAYS)[0].split)


def first_round(folder, fold, names=("weak", "strong")):
    return [
        np.array(Run(folder).predictions(part, "test").values, np.float64)
        for part in Run(folder).parts()
        if part.member in names and part.fold == fold
    ]


def test_it_learns_from_the_rows_that_the_first_round_of_its_fold_agrees_on_with_their_mean(toy):
    folder = run(*FIRST, second(share=0.25))
    train, test = make_toy_samples()
    for fold, (learned, _) in enumerate(folds()):
        one, other = first_round(folder, fold)
        spread = (np.abs(one - other) / 2 / train.target[learned].std(axis=0)).mean(axis=1)
        rows = sorted(sorted(range(len(test)), key=lambda row: spread[row])[:6])
        found = given(folder, fold)
        np.testing.assert_array_equal(found.ids, [*train.ids[learned], *test.ids[rows]])
        np.testing.assert_array_equal(found.target[:72], train.target[learned])
        np.testing.assert_allclose(found.target[72:], ((one + other) / 2)[rows], rtol=1e-6)
        np.testing.assert_array_equal(found.features["x"][72:], test.features["x"][rows])
        facts = Run(folder).facts(Part("second", 1, fold))["pseudo_labels"]
        assert (facts["rows"], facts["of"], facts["predictions"]) == (6, 24, 2)
        assert facts["last"] == pytest.approx(spread[rows].max(), rel=1e-5)


@pytest.mark.parametrize("competition", ["toy-regression", "toy-mended"])
def test_other_targets_on_the_validation_rows_change_no_bit_of_what_is_learned(toy, competition):
    validated = folds()[1].valid
    plain = run(*FIRST, second(), second("ridge", name="ridge"), competition=competition, name="plain")
    moved = [f"data.moved={validated.tolist()}"]
    other = run(*FIRST, second(), second("ridge", name="ridge"), competition=competition, overrides=moved, name="other")
    for name in ("ids", "target", "features/x", "features/y", "groups/block"):
        mine, theirs = (
            (Run(each).checkpoints_folder(Part("second", 1, 1)) / "given" / f"{name}.npy").read_bytes()
            for each in (plain, other)
        )
        assert mine == theirs
    weights = [Run(each).checkpoints_folder(Part("ridge", 1, 1)) / "ridge.npz" for each in (plain, other)]
    with np.load(weights[0]) as mine, np.load(weights[1]) as theirs:
        assert all(mine[name].tobytes() == theirs[name].tobytes() for name in mine.files)
    assert not np.array_equal(added(plain, 0).target, added(other, 0).target)  # a fold that learns from them
    stored = [np.array(Run(each).predictions(Part("weak", 1, 1), "test").values) for each in (plain, other)]
    assert np.array_equal(*stored) == (competition == "toy-regression")  # else mending brought them into the test


def test_no_validation_row_is_among_what_is_learned_from_whatever_ids_the_test_has(toy):
    folder = run(*FIRST, second(share=1), overrides=["data.same_ids=true"])
    train, _ = make_toy_samples()
    for fold, (learned, valid) in enumerate(folds()):
        found = given(folder, fold)
        assert len(found) == len(learned) + 24 == len(np.unique(found.ids))
        assert not np.isin(train.ids[valid], found.ids).any()
        np.testing.assert_array_equal(found.ids[: len(learned)], train.ids[learned])
        assert not np.isin(found.ids[len(learned) :], train.ids).any()


def test_groups_of_test_rows_are_nobody_elses_and_stay_together(toy):
    blocks = given(run(*FIRST, second(share=1)), 0).groups["block"]
    train, test = make_toy_samples()
    assert blocks[72:].min() > train.groups["block"].max()
    _, own = np.unique(test.groups["block"], return_inverse=True)
    np.testing.assert_array_equal(blocks[72:] - blocks[72:].min(), own)


@pytest.mark.parametrize("soft", [False, True])
def test_classes_are_taken_by_their_probability_as_labels_or_as_they_are(toy, soft):
    members = [{"model": "likely"}, {"model": {"name": "likely", "sharp": 3}, "name": "sharp"}]
    of = ["likely", "sharp"]
    labels = second(of=of, share=0.5, confidence="probability", soft=soft)
    folder = run(*members, labels, competition="toy-classification")
    mean = np.mean(first_round(folder, 2, of), axis=0)
    rows = sorted(sorted(range(24), key=lambda row: -mean[row].max())[:12])
    found = added(folder, 2)
    np.testing.assert_allclose(found.target, mean[rows] if soft else np.eye(3)[mean[rows].argmax(axis=1)], rtol=1e-6)
    assert Run(folder).facts(Part("second", 1, 2))["pseudo_labels"]["last"] == pytest.approx(mean[rows].max(1).min())


def test_a_metric_of_probabilities_chooses_by_them_and_one_prediction_is_enough(toy):
    folder = run(
        {"model": "likely"}, second(of=["likely"]), competition="toy-classification", overrides=["metric=logloss"]
    )
    assert Run(folder).facts(Part("second", 1, 0))["pseudo_labels"]["confidence"] == "probability"


@pytest.mark.slow
def test_a_network_learns_from_them_too(toy):
    network = {"loss": "toy-squared-error", "epochs": 2, "batch": {"size": 16, "by": "block"}}
    once = ["split.use=1"]
    folder = run(*FIRST, second("toy-network", training=network), overrides=once)
    plain = run({"model": "toy-network", "name": "second", **network}, overrides=once, name="plain")
    mine, theirs = (Run(each).predictions(Part("second", 1, 0), "test").values for each in (folder, plain))
    assert np.isfinite(mine).all()
    assert not np.array_equal(mine, theirs)


def test_extracted_features_are_those_of_the_test_samples(toy):
    config = {
        "features": {"parts": {"name": "svd", "size": 2}},
        "members": [*FIRST, second(share=1)],
    }
    folder = api.run("toy-regression", config=config, overrides=[*ALWAYS, "data=spoilt"]).folder
    (name,) = [name for name in given(folder, 1).features if name.startswith("parts")]
    for fold in (0, 1):
        handed = FittedRun(Run(folder)).data(part=Part("second", 1, fold))
        np.testing.assert_array_equal(given(folder, fold).features[name][72:], handed.test.features[name])
    apart = [given(folder, fold).features[name][72:] for fold in (0, 1)]
    assert not np.array_equal(*apart)  # each as that fold's training rows taught it


def test_a_run_says_how_many_rows_were_added_and_how_sure_they_are(toy):
    folder = run(*FIRST, second())
    told = "learns from 12 of 24 test samples too"
    assert f"second/seed-1 fold 3: {told}, where 2 predictions spread by 0." in (folder / "log.txt").read_text()
    assert f"second {told} in each fold, where 2 predictions spread by" in (folder / "report.html").read_text()


def test_it_goes_on_with_a_run_and_what_changed_in_the_first_round_is_fitted_anew_in_both(toy):
    folder = run(*FIRST, second(), name="first")
    part = Part("second", 1, 0)
    before = (Run(folder).facts(part)["fingerprint"], Run(folder).predictions(part, "test").values.tobytes())
    (Run(folder).part_folder(part) / "fitted.json").unlink()
    Run(folder).set_state("interrupted")
    api.resume(str(folder))
    assert before == (Run(folder).facts(part)["fingerprint"], Run(folder).predictions(part, "test").values.tobytes())
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["members"][0]["model"]["alpha"] = 300
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    Run(folder).set_state("interrupted")
    api.resume(str(folder))
    after = (Run(folder).facts(part)["fingerprint"], Run(folder).predictions(part, "test").values.tobytes())
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_members_of_another_run_are_asked_as_those_of_the_run_are(toy):
    run(*FIRST, name="first")
    elsewhere = [{"member": name, "run": "first"} for name in ("weak", "strong")]
    apart = run(second("ridge", of=elsewhere), name="apart")
    together = run(*FIRST, second("ridge"), name="together")
    mine, theirs = (Run(each).predictions(Part("second", 1, 2), "test").values for each in (apart, together))
    np.testing.assert_array_equal(mine, theirs)
    again = api.run("toy-regression", checkpoints=apart, name="again")  # asks nobody
    np.testing.assert_array_equal(Run(again.folder).predictions(Part("second", 1, 2), "test").values, mine)


def test_a_member_of_another_run_that_was_mended_by_validation_rows_is_refused(toy):
    run(*FIRST, competition="toy-mended", name="first")
    elsewhere = [{"member": name, "run": "first"} for name in ("weak", "strong")]
    with pytest.raises(UsageError, match="postprocessed by what was found on validation rows"):
        run(second(of=elsewhere), competition="toy-mended", name="second")
    kept = run(*FIRST, second(), competition="toy-mended", name="kept")
    assert Run(kept).predictions(Part("weak", 1, 0), UNFITTED).values.shape == (24, 2)
    assert not (Run(kept).part_folder(Part("second", 1, 0)) / UNFITTED).exists()  # nobody asks it


def test_a_dry_run_cuts_the_seeds_and_works(toy):
    member = {"model": "ridge", "name": "weak", "seeds": [1, 2]}
    folder = run(member, second(of=["weak"]), dry_run=True)
    assert Run(folder).facts(Part("second", 1, 0))["pseudo_labels"]["predictions"] == 1


@pytest.mark.parametrize(
    ("members", "said", "help"),
    [
        ([*FIRST, second(of=["second"])], "'second' takes pseudo-labels of itself", "strong"),
        ([*FIRST, second(of=["week"])], "of 'week', which is no member", "weak"),
        ([*FIRST, second(of=["weak", "weak"])], "of 'weak' twice", "once"),
        ([*FIRST, second(of=["weak"])], "a single prediction a fold", "seeds"),
        ([FIRST[0] | {"seeds": [1, 2]}, second(of=["weak"])], "all 2 predictions are the same", "differ"),
        ([*FIRST, second(of=[])], "at least 1", ""),
        ([*FIRST, second(share=0)], "greater than 0", ""),
        ([*FIRST, second() | {"uses": ["weak"]}], "comes of all folds", "use none"),
        (
            [*FIRST, {"model": "ridge", "name": "stack", "uses": ["weak"]}, second(of=["stack", "weak"])],
            "'stack' uses other members",
            "use none",
        ),
        ([*FIRST, second(confidence="probability")], "predicted for the test runs from -", "agreement"),
        ([FIRST[0] | {"pseudo_labels": {"of": ["second", "strong"]}}, FIRST[1], second()], "in a circle", ""),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(toy, members, said, help):
    with pytest.raises(UsageError, match=said) as refused:
        run(*members)
    assert help in refused.value.help


def test_a_target_in_a_gallery_is_refused_before_any_fit(toy):
    with pytest.raises(UsageError, match="one of a gallery's rows"):
        run(*FIRST, second(), competition="toy-retrieval", overrides=["data=toy"], name="galleried")
    assert not list(api.runs_root().glob("**/*galleried*/**/fitted.json"))


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("hole", "Feature 'y' is nan in column 1 for test sample 1099"),
        ("lacks", "'y', which the test samples have not"),
    ],
)
def test_a_test_without_what_the_member_reads_is_refused_in_a_sentence(toy, option, said):
    likely = [{"model": {"name": "likely", "sharp": sharp}, "name": f"likely-{sharp}"} for sharp in (1, 2)]
    of = ["likely-1", "likely-2"]
    with pytest.raises(DataError, match=said):
        run(*likely, second("ridge", of=of), competition="toy-classification", overrides=[f"data.{option}=true"])
