"""What each scheme promises of its folds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctk.contract import Split
from ctk.errors import CtkError, UsageError
from ctk.samples import Gallery, Samples
from ctk.workflow.split import draw_folds
from ctk.workflow.split.division import describe_division, divide

TIMES = st.lists(st.integers(-20, 20), min_size=4, max_size=80)


def samples(target=None, gallery=None, **groups):
    groups = {name: np.asarray(values) for name, values in groups.items()}
    rows = len(next(iter(groups.values())))
    return Samples(np.arange(rows), {}, target=target, groups=groups, gallery=gallery)


def validated(made):
    return sorted(np.concatenate([fold.valid for fold in made]).tolist())


@settings(deadline=None)
@given(rows=st.integers(2, 60), count=st.integers(2, 6))
def test_kfold_validates_every_row_once_whatever_its_group(rows, count):
    if rows < count:
        return
    made = draw_folds(samples(scene=np.zeros(rows, int)), Split(scheme="kfold", folds=count, use=count))
    assert validated(made) == list(range(rows))
    assert max(len(fold.valid) for fold in made) - min(len(fold.valid) for fold in made) <= 1


def test_a_named_scheme_draws_the_folds_that_by_alone_does():
    own = samples(scene=np.arange(40) // 2)
    for named, plain in (({"scheme": "group", "by": "scene"}, {"by": "scene"}), ({"scheme": "kfold"}, {})):
        ours, theirs = draw_folds(own, Split(**named, folds=4, use=4)), draw_folds(own, Split(**plain, folds=4, use=4))
        assert all(np.array_equal(one.valid, other.valid) for one, other in zip(ours, theirs, strict=True))


@settings(deadline=None)
@given(times=TIMES, count=st.integers(2, 4), gap=st.integers(0, 5))
def test_chained_folds_train_on_nothing_that_is_not_earlier_by_more_than_the_gap(times, count, gap):
    own, split = samples(day=times), Split(scheme="time", by="day", folds=count, use=count, gap=gap)
    try:
        made = draw_folds(own, split)
    except UsageError:
        return
    times = np.asarray(times)
    for train, valid in made:
        assert times[train].max() < times[valid].min() - gap
    firsts = [times[fold.valid].min() for fold in made]
    assert firsts == sorted(firsts)
    assert validated(made) == np.flatnonzero(times >= firsts[0]).tolist()


@settings(deadline=None)
@given(times=TIMES, count=st.integers(2, 4), gap=st.integers(0, 5))
def test_blocked_folds_validate_every_row_once_and_purge_both_sides(times, count, gap):
    split = Split(scheme="time", by="day", folds=count, use=count, gap=gap, chain=False)
    try:
        made = draw_folds(samples(day=times), split)
    except UsageError:
        return
    times = np.asarray(times)
    assert validated(made) == list(range(len(times)))
    for train, valid in made:
        near = (times >= times[valid].min() - gap) & (times <= times[valid].max() + gap)
        assert set(train.tolist()) == set(np.flatnonzero(~near).tolist())


def test_blocks_of_time_have_about_as_many_rows_each():
    made = draw_folds(samples(day=np.repeat(np.arange(100), 3)), Split(scheme="time", by="day", folds=4, use=4))
    assert [len(fold.valid) for fold in made] == [60, 60, 60, 60]


def test_a_single_fold_of_time_is_the_last():
    made = draw_folds(samples(day=np.arange(50)), Split(scheme="time", by="day", folds=4, use=1))
    assert made[0].valid.tolist() == list(range(40, 50))
    assert made[0].train.tolist() == list(range(40))


def test_times_near_the_end_of_whole_numbers_do_not_overflow():
    times = np.iinfo(np.int64).max - np.arange(12)[::-1]
    made = draw_folds(samples(day=times), Split(scheme="time", by="day", folds=2, use=2, gap=1, chain=False))
    assert len(divide(samples(day=times), Split(scheme="time", by="day", folds=2, use=2, gap=1)).folds) == len(made)


def test_a_gap_that_leaves_nothing_is_named():
    with pytest.raises(UsageError, match=r"nothing to train on in fold 0\. 30 units") as caught:
        draw_folds(samples(day=np.arange(40)), Split(scheme="time", by="day", folds=3, use=3, gap=30))
    assert "split.gap" in caught.value.help


def test_fewer_times_than_blocks_is_an_error():
    with pytest.raises(UsageError, match="3 folds need 4 times in group 'day', and it has 3") as caught:
        draw_folds(samples(day=[1, 2, 3, 3]), Split(scheme="time", by="day", folds=3))
    assert "at most 2" in caught.value.help
    draw_folds(samples(day=[1, 2, 3, 3]), Split(scheme="time", by="day", folds=2))
    with pytest.raises(UsageError) as caught:
        draw_folds(samples(day=[1, 1, 2, 2]), Split(scheme="time", by="day", folds=3))
    assert "at most" not in caught.value.help


def stratified(**more):
    return Split(scheme="stratified-group", by="scene", folds=4, use=4, **more)


@pytest.mark.parametrize("seed", range(4))
def test_stratified_folds_keep_groups_whole_and_shares_alike(seed):
    random = np.random.default_rng(seed)
    scene = random.integers(0, 60, 400)
    rare = (random.permutation(60) < 15)[scene]  # a quarter of the groups
    made = draw_folds(samples(rare.astype(int), scene=scene), stratified(seed=seed))
    assert validated(made) == list(range(400))
    for train, valid in made:
        assert not set(scene[train]) & set(scene[valid])
        assert abs(rare[valid].mean() - rare.mean()) < 0.12


def test_a_number_is_stratified_by_its_quantiles():
    target = np.random.default_rng(0).normal(size=(400, 1)) ** 3
    made = draw_folds(samples(target, scene=np.arange(400)), stratified())
    upper = (target > np.quantile(target, 0.9)).ravel()
    assert [int(upper[fold.valid].sum()) for fold in made] == [10, 10, 10, 10]


def test_one_hot_rows_are_classes():
    classes = np.repeat([0, 1, 2], [300, 60, 40])
    made = draw_folds(samples(np.eye(3)[classes], scene=np.arange(400)), stratified())
    assert [np.bincount(classes[fold.valid]).tolist() for fold in made] == [[75, 15, 10]] * 4


def test_folds_are_stratified_by_a_named_group_instead_of_the_target():
    kind = np.repeat([0, 1], [300, 100])
    made = draw_folds(samples(None, scene=np.arange(400), kind=kind), stratified(stratify="kind"))
    assert [int(kind[fold.valid].sum()) for fold in made] == [25, 25, 25, 25]


@pytest.mark.parametrize(
    ("target", "gallery", "said"),
    [
        (np.zeros((8, 3)), None, "has 3 columns"),
        (np.arange(8), Gallery(np.zeros((8, 2), np.float32), np.arange(8).astype(str)), "points into a gallery"),
    ],
)
def test_a_target_without_shares_says_what_to_stratify_by(target, gallery, said):
    with pytest.raises(UsageError, match=said) as caught:
        draw_folds(samples(target, gallery, scene=np.arange(8), kind=np.arange(8) % 2), stratified())
    assert "split.stratify" in caught.value.help
    assert "kind" in caught.value.help


@pytest.mark.parametrize("scheme", ["group", "stratified-group", "time"])
def test_a_scheme_without_its_group_names_those_there_are(scheme):
    with pytest.raises(UsageError) as caught:
        draw_folds(samples(scene=np.arange(8)), Split(scheme=scheme))
    assert "scene" in caught.value.help


def test_a_leak_of_predefined_folds_is_named():
    leaky = samples(fold=[0, 0, 1, 1], scene=[7, 8, 8, 9])
    with pytest.raises(
        CtkError, match=r"Group 'scene' leaks: 1 of its 3 numbers, such as 8, are on both sides"
    ) as caught:
        divide(leaky, Split(predefined="fold", use=2))
    assert "split.by" in caught.value.help
    assert divide(samples(fold=[0, 0, 1, 1], scene=[7, 8, 8, 9], day=[1, 1, 2, 2]), Split(predefined="fold", by="day"))


@pytest.mark.parametrize(
    ("scheme", "plant", "said"),
    [
        ({"scheme": "group", "by": "scene"}, lambda train, valid: (np.append(train, valid[:1]), valid[1:]), "leaks"),
        ({"scheme": "kfold"}, lambda train, valid: (np.append(train, valid[:1]), valid), "both sides of fold 0"),
        (
            {"scheme": "kfold"},
            lambda train, valid: (train, np.append(valid, train[:1])),
            "validated in folds|both sides",
        ),
        ({"scheme": "kfold"}, lambda train, valid: (train, valid[1:]), "validated in no fold"),
        ({"scheme": "time", "by": "day"}, lambda train, valid: (np.append(train, len(valid) * 4), valid), "trains on"),
        (
            {"scheme": "time", "by": "day", "chain": False, "gap": 1},
            lambda train, valid: (np.append(train, valid[-1] + 1), valid),
            "trains on",
        ),
    ],
)
def test_a_planted_leak_is_found(monkeypatch, scheme, plant, said):
    from ctk.workflow.split import Fold, division

    own = samples(scene=np.repeat(np.arange(20), 2), day=np.arange(40))
    split = Split(**scheme, folds=4, use=4)
    divide(own, split)
    first, *others = draw_folds(own, split)
    monkeypatch.setattr(division, "draw_folds", lambda samples, split: [Fold(*plant(*first)), *others])
    with pytest.raises(CtkError, match=said):
        divide(own, split)


def test_what_was_checked_and_what_is_not_promised_is_said():
    own = samples(scene=np.repeat(np.arange(20), 2), day=np.arange(40) % 10)

    def said(**keys):
        split = Split(**keys)
        return " ".join(describe_division(own, split, divide(own, split)))

    assert "no 'scene' is on both sides" in said(by="scene", folds=4, use=4)
    assert "Not kept on one side: group 'day', of whose 10 numbers" in said(by="scene", folds=4, use=4)
    assert "each of 40 rows is validated exactly once" in said(by="scene", folds=4, use=4)
    both = said(folds=4, use=4)
    assert both.count("Not kept on one side") == 1
    assert "group 'scene', of whose 20 numbers" in both
    assert "; group 'day', of whose 10 numbers" in both
    assert "10 rows have no out-of-fold prediction: 3 of 4 folds" not in said(by="scene", folds=4, use=4)
    assert "3 of 4 folds are used" in said(by="scene", folds=4, use=3)
    chained = said(scheme="time", by="day", folds=4, use=4)
    assert "8 rows have no out-of-fold prediction: they are the first block of time" in chained
    assert "nothing later" in chained
