"""Members that use other members: which may be used, from where, with which folds, and what they are given."""

from dataclasses import replace

import numpy as np
import pytest

from ctk import api
from ctk.config.resolve import resolve
from ctk.errors import UsageError
from ctk.plugins import plugins
from ctk.runs import Part, Run
from ctk.samples import Targets
from ctk.testing.distributions import find_anew, lay
from ctk.testing.toy.toy_samples import make_toy_samples
from ctk.workflow.predictions import combine_folds
from ctk.workflow.split import draw_folds
from ctk.workflow.stacking import with_used

ALWAYS = ["executor.name=serial", "executor.threads=1", "trackers=[]", "split.folds=4", "split.use=4"]
USED = {"model": "ridge", "name": "used"}


@pytest.fixture
def toy(ctk_home, tmp_plugin):
    """The toy competitions, installed."""
    lay(tmp_plugin("empty", ""), "ctk-toy", "ctk.testing.toy")
    find_anew()


def user(**keys):
    return {"model": "ridge", "name": "user", **keys}


def run(*members, overrides=(), **more):
    return api.run("toy-regression", config={"members": list(members)}, overrides=[*ALWAYS, *overrides], **more)


def nothing_is_fitted(name):
    return not list(api.runs_root().glob(f"**/*{name}*/**/fitted.json"))


def given(folder, targets=None, **changes):
    """What the user of a run is given in its second fold: samples, test and fold."""
    whose = Run(folder)
    config = resolve(whose.config(), plugins())
    member = next(each for each in config.members if each.name == "user").model_copy(update=changes)
    train, test = make_toy_samples()
    train = replace(train, targets=targets)
    fold = draw_folds(train, config.split)[1]
    return (
        *with_used(config, whose, member, Part("user", 1, 1), train, test, fold),
        draw_folds(train, config.split)[1],
    )


def test_a_member_reads_what_another_predicted_out_of_fold_and_the_mean_over_folds_for_the_test(toy):
    folder = run(USED, user(uses=["used"])).folder
    train, test, _, _ = given(folder)
    parts = [part for part in Run(folder).parts() if part.key == "used/seed-1"]
    oof, mean = combine_folds(Run(folder), parts, test.ids)
    order = np.argsort(oof.ids)
    np.testing.assert_array_equal(train.features["oof/used/seed-1"], oof.values[order])
    tests = np.mean([np.asarray(Run(folder).predictions(part, "test").values) for part in parts], axis=0)
    np.testing.assert_allclose(test.features["oof/used/seed-1"], tests, rtol=1e-6)
    np.testing.assert_array_equal(mean, test.features["oof/used/seed-1"])


def test_noise_is_added_to_training_rows_alone_with_the_deviation_that_is_asked_for(toy):
    folder, noise = run(USED, user(uses=["used"])).folder, 0.5
    plain, plain_test, learned, fold = given(folder)
    noisy, noisy_test, again, _ = given(folder, noise=noise)
    name = "oof/used/seed-1"
    apart = noisy.features[name] - plain.features[name]
    assert np.array_equal(learned.train, again.train)
    assert not apart[fold.valid].any()
    assert not (noisy_test.features[name] - plain_test.features[name]).any()
    drawn = apart[fold.train]
    assert len(drawn) == 72
    assert drawn.all()
    assert drawn.std() == pytest.approx(0.5, rel=0.15)  # 144 numbers: two and a half times the chance
    assert abs(drawn.mean()) < 0.15
    same, _, _, _ = given(folder, noise=noise)
    np.testing.assert_array_equal(same.features[name], noisy.features[name])


def test_noise_may_differ_by_column_of_the_target(toy):
    folder = run(USED, user(uses=["used"])).folder
    columns = Targets(np.array(["x_0", "y_0"]), np.array(["x", "y"]))
    plain, _, _, fold = given(folder)
    noisy, _, _, _ = given(folder, columns, noise={"x_*": 0.5, "y_0": 0.0})
    apart = (noisy.features["oof/used/seed-1"] - plain.features["oof/used/seed-1"])[fold.train]
    assert apart[:, 0].std() == pytest.approx(0.5, rel=0.25)
    assert not apart[:, 1].any()
    with pytest.raises(UsageError, match="'z_0', which is no column") as refused:
        given(folder, columns, noise={"z_0": 0.5})
    assert "x_0" in refused.value.help or "y_0" in refused.value.help


def test_a_member_of_another_run_is_used_as_one_of_the_run_is(toy):
    first = run(USED, name="first").folder
    together = run(USED, user(uses=["used"]), overrides=["blend.members=user"], name="together")
    apart = run(user(uses=[{"member": "used", "run": "first"}]), name="apart")
    np.testing.assert_array_equal(apart.submitted, together.submitted)
    assert Run(apart.folder).config()["members"][0]["uses"] == [{"member": "used", "run": str(first.resolve())}]
    again = api.run("toy-regression", checkpoints=apart.folder, name="again")
    np.testing.assert_array_equal(again.submitted, apart.submitted)


@pytest.mark.parametrize(
    ("split", "said"),
    [
        (["split.seed=7"], "whose fold 0 validates other samples than this run's"),
        (["split.folds=6", "split.use=6"], "which has 4 folds, and this run has 6"),
        (["split.folds=4", "split.use=2"], "which has 4 folds, and this run has 2"),
    ],
)
def test_folds_that_differ_from_those_of_the_run_that_is_used_are_refused_before_any_fit(toy, split, said):
    run(USED, name="first")
    with pytest.raises(UsageError, match=said):
        run(USED | {"name": "other"}, user(uses=[{"member": "used", "run": "first"}]), overrides=split, name="second")
    assert nothing_is_fitted("second")


@pytest.mark.parametrize(
    ("members", "said", "help"),
    [
        ([USED, user(uses=["user"])], "'user' uses itself", "used"),
        ([USED, user(uses=["usd"])], "'user' uses 'usd', which is no member", "used"),
        ([USED, user(uses=["used", "used"])], "two members called 'used'", ""),
        ([USED, user(noise=0.1)], "noise, which is for other members' predictions", ""),
        ([USED, user(uses=["used"], noise=-0.1)], "greater than or equal to 0", ""),
        ([USED, user(uses=["used"], noise={"x_0": 0.1})], "noise for 'x_0', which is no column", "one number"),
        ([USED, user(uses=[{"member": "usd", "run": "first"}])], "which has no such member", "used"),
        ([USED, user(uses=[{"member": "used", "run": "frst"}])], "no run 'frst'", ""),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence_before_any_fit(toy, members, said, help):
    run(USED, name="first")
    with pytest.raises(UsageError, match=said) as refused:
        run(*members, name="second")
    assert help in refused.value.help
    assert nothing_is_fitted("second")


def test_a_split_that_validates_too_few_rows_is_refused_before_the_used_member_is_fitted(toy):
    with pytest.raises(UsageError, match="rows that no fold validated"):
        run(USED, user(uses=["used"]), overrides=["split.use=1"], name="few")
    assert nothing_is_fitted("few")
