"""A space is what its file says, in its order; what is wrong in it is told with its place before anything runs."""

import re

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from ctk.errors import UsageError
from ctk_search import space as spaces


def test_parameters_keep_their_order_and_become_distributions(space_file):
    found = spaces.read(
        space_file(
            "preset: quick\nbase: {seeds: [1]}\n"
            "b.z: [3e-4, 1.0e-3]\na.lr: {low: 1e-4, high: 1, log: true}\na.size: {low: 4, high: 12, step: 4}\n"
            "a.share: {low: 0, high: 1, type: float}\n"
        )
    )
    assert list(found.distributions.items()) == [
        ("b.z", CategoricalDistribution([3e-4, 1e-3])),
        ("a.lr", FloatDistribution(1e-4, 1.0, log=True)),
        ("a.size", IntDistribution(4, 12, step=4)),
        ("a.share", FloatDistribution(0.0, 1.0)),
    ]
    assert (found.preset, found.base) == ("quick", {"seeds": [1]})


def test_a_merged_mapping_is_no_key_that_stands_twice(space_file):
    found = spaces.read(space_file("a: &range {low: 4, high: 12}\nb: {<<: *range, high: 8}\n"))
    assert found.distributions == {"a": IntDistribution(4, 12), "b": IntDistribution(4, 8)}


def test_a_trial_sets_the_keys_of_its_choices_after_those_of_the_base():
    found = spaces.parse(
        {
            "base": {"members.0.epochs": 5},
            "schedule": {
                "warm": {"members.0.schedule.name": "cosine", "members.0.schedule.warmup": 2},
                "plain": {"x": 1},
            },
            "members.0.loss": ["mse", {"name": "info-nce", "temperature": 1e-5}],
        }
    )
    label = found.distributions["members.0.loss"].choices[1]
    assert isinstance(label, str), "storages keep scalars"
    assert found.overrides({"schedule": "warm", "members.0.loss": label}) == [
        "members.0.epochs=5",
        "members.0.schedule.name=cosine",
        "members.0.schedule.warmup=2",
        "members.0.loss={name: info-nce, temperature: 1.0e-05}",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: {low: 1, hihg: 2}", r"space.yaml, a: unknown key 'hihg'.*\n?.*Did you mean 'high'"),
        ("a: {low: 1}", "a: a range has no 'high'"),
        ("a: []", "a: the list of choices is empty"),
        (f"a: {list(range(2999))}", "a: has 2,999 choices, and 500 are the most"),
        ("a: " + 900 * "[", "line 1: nested more than 64 deep"),
        ("a: {low: 3, high: 1}", "a: `low <= high` must hold, .*low=3, high=1"),
        ("a: {low: 3, high: 3}", "a: the range from 3 to 3 is empty"),
        ("a: {low: 0, high: 3, log: true}", "a: `low >= 1` must hold for `log=True`.*low=0"),
        ("a: {low: -1.5, high: 3, log: true}", "a: `low > 0` must hold for `log=True`.*low=-1.5"),
        ("a: {low: 1, high: 8, log: true, step: 2}", "a: .*only accept step is 1 when `log`"),
        ("a: {low: 1, high: 8, step: 3}", "a: step 3 does not lead from 1 to 8"),
        ("a: {low: 1, high: 8, step: 0}", "a: `step > 0` must hold, but got step=0"),
        ("a: {low: 1, high: 2.5, type: int}", "a: 2.5 is no whole number"),
        ("a: {low: 1, high: 2, type: integer}", "a, type: integer is wrong: .*'int' or 'float'"),
        ("a: {low: one, high: 2}", "a, low: one is wrong: .*valid integer"),
        ("a: {low: .nan, high: 2}", "a, low: .nan is wrong"),
        ("a: {low: 1, high: 2, log: 3}", "a, log: 3 is wrong: .*valid boolean"),
        ("a: [1, 2, 1]", "a: 1 stands there twice"),
        ("a: [1, true]", "a: true cannot stand beside its like"),
        ("a: [1, 2]\na: [3, 4]", "line 2: 'a' stands there twice"),
        ("a: [1, 2]\nbase: {a: 3}", "a: sets a, as base does"),
        ("a: [1, 2]\nb: {x: {a: 3}, y: {c: 4}}", "b: sets a, as a does"),
        ("a: 3", "a: 3 is neither choices nor a range"),
        ("base: {a: 3}", "there is nothing to choose"),
        ("base: [1]\na: [1, 2]", "base: must be a mapping"),
        ("preset: [1]\na: [1, 2]", "preset: must be the name of a preset"),
        ("a: {x: {}, y: {b: 1}}", "a, x: sets nothing"),
        ("- a", "a space is a mapping of config keys, and this is none"),
        ("", "stands empty"),
        ("a: [1, 2", "cannot be read as YAML .line 1: expected"),
        ("a: [1, 2]\n? [b]\n: 3", "line 2: found unhashable key"),
        ("a: {low: 1, high: 1.0e+30, type: int}", "a, high: 1.0e.30 is wrong: .*less than or equal to"),
        ("a: {low: 1, high: 1" + 400 * "0" + "}", "line 1: a number of 401 digits"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(space_file, text, told):
    with pytest.raises(UsageError) as error:
        spaces.read(space_file(text))

    assert re.search(told, str(error.value), re.DOTALL), str(error.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        spaces.read(tmp_path / "none.yaml")


def test_labels_are_the_shortest_ends_that_tell_keys_apart():
    names = ["members.a.optimizer.lr", "members.b.optimizer.lr", "members.a.model.hidden", "size"]
    assert list(spaces.labels(names).values()) == ["a.optimizer.lr", "b.optimizer.lr", "hidden", "size"]


@pytest.mark.parametrize(
    ("space", "told"),
    [
        (
            {"members.0.optimizer.lrr": [1e-3, 1e-2]},
            "members.0.optimizer.lrr: Config .*unknown key 'lrr'.*Did you mean 'lr'",
        ),
        ({"members.1.epochs": [1, 2]}, "members.1.epochs: .*there is no '1' in that list"),
        ({"members.0.optimizer.lr": {"low": -1.0, "high": 1.0}}, "members.0.optimizer.lr: .*-1.0 is wrong"),
        ({"members.0.epochs": [1, 2, 0]}, "members.0.epochs: .*0 is wrong"),
        ({"members.0.epochs": [1, 2], "base": {"sseeds": 1}}, "base: .*unknown key 'sseeds'.*Did you mean 'seeds'"),
        ({"members.0.epochs": [2, 2.0]}, "2.0 .*twice"),
        ({"members.0.loss": ["toy-squared-error", {"name": "toy-squared-error"}]}, "give the same config"),
        (
            {"members.0.epochs": [1, 2], "members.toy-network.epochs": [3, 4]},
            "members.0.epochs: 1 and 2 give the same config.*another parameter",
        ),
        ({"members.0.epochs": [1, 2], "preset": "quickk", "base": {"seeds": [1]}}, "^[^,]*no preset 'quickk'"),
        ({"members.0.model.hidden": {"low": 4.0, "high": 8.0}}, "members.0.model.hidden: .* is wrong: .*valid integer"),
        ({"executor": ["local", "serial"]}, "executor: executor is the same for all trials"),
        ({"data_dir": ["here", "there"]}, "data_dir: data_dir is the same for all trials"),
        ({"x": {"a": {"competition": "toy-retrieval"}}}, "x: competition is the same for all trials"),
    ],
)
def test_values_that_a_config_refuses_are_told_before_anything_runs(search, ctk_home, space, told):

    with pytest.raises(UsageError) as error:
        search(space=space)
    assert re.search(told, str(error.value), re.DOTALL), str(error.value)
    assert not ctk_home.runs.exists()


def test_a_space_that_is_nowhere_is_told_with_the_nearest(search):
    with pytest.raises(UsageError, match="no space 'sapce', and there is no such file"):
        search(space="sapce")
