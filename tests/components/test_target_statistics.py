"""Target statistics are of other rows than one's own, smoothed as the formula says, and know categories by value."""

import numpy as np
import pytest

from ctk.components.target_statistics import TargetStatistics
from ctk.errors import UsageError
from ctk.samples import Samples


def samples(word, target, **groups) -> Samples:
    rows = len(word)
    target = np.asarray(target, np.float32).reshape(rows, -1)
    groups = {name: np.asarray(values) for name, values in groups.items()}
    return Samples(ids=np.arange(rows), features={"word": np.array(word)}, target=target, groups=groups)


def extracted(extractor, of):
    return dict(extractor.extract(of, lambda done, total: None))


def fit_extracted(extractor, train):
    return dict(extractor.fit_extract(train, lambda done, total: None))


def test_a_mean_is_drawn_towards_that_of_all_rows_and_an_unknown_category_has_it():
    extractor = TargetStatistics(by=["word"], smooth=2)
    extractor.fit(samples(["a", "a", "a", "b"], [[1, 10], [2, 20], [3, 30], [6, 0]]))
    columns = extracted(extractor, samples(["b", "unknown", "a", ""], [0, 0, 0, 0]))
    overall = np.array([3, 15])
    expected = [(np.array([6, 0]) + 2 * overall) / 3, overall, (np.array([6, 60]) + 2 * overall) / 5, overall]
    np.testing.assert_allclose(columns["word/mean"], expected, rtol=1e-6)
    assert columns["word/count"].tolist() == [1, 0, 3, 0]
    assert {values.dtype for values in columns.values()} == {np.dtype(np.float32)}


def test_nothing_drawn_towards_all_rows_leaves_the_plain_mean():
    extractor = TargetStatistics(by=["word"], smooth=0)
    extractor.fit(samples(["a", "a", "b"], [1, 3, 8]))
    assert extracted(extractor, samples(["a", "c"], [0, 0]))["word/mean"].tolist() == [[2], [4]]


def test_a_rows_own_target_changes_nothing_of_its_own_features():
    random = np.random.default_rng(0)
    word = random.choice(["a", "b", "c"], 60)
    target = random.standard_normal((60, 2))
    before = fit_extracted(TargetStatistics(by=["word"]), samples(word, target))
    for row in (0, 7, 59):
        other = target.copy()
        other[row] += 1000
        now = fit_extracted(TargetStatistics(by=["word"]), samples(word, other))
        np.testing.assert_array_equal(now["word/mean"][row], before["word/mean"][row])
        assert (now["word/mean"] != before["word/mean"]).any()


def test_rows_of_a_group_that_is_kept_apart_tell_each_other_nothing():
    random = np.random.default_rng(0)
    word, scene = random.choice(["a", "b"], 60), np.arange(60) // 3
    target = random.standard_normal((60, 1))
    extractor = TargetStatistics(by=["word"], apart="scene")
    before = fit_extracted(extractor, samples(word, target, scene=scene))
    target[30] += 1000
    now = fit_extracted(extractor, samples(word, target, scene=scene))
    same = (now["word/mean"] == before["word/mean"]).all(axis=1)
    assert same[scene == scene[30]].all()


def test_after_its_own_rows_it_knows_all_of_them():
    train = samples(["a", "b"] * 10, np.arange(20))
    extractor, plain = TargetStatistics(by=["word"]), TargetStatistics(by=["word"])
    fit_extracted(extractor, train)
    plain.fit(train)
    np.testing.assert_array_equal(extracted(extractor, train)["word/mean"], extracted(plain, train)["word/mean"])


def test_numbers_and_groups_are_categories_by_value_and_nan_is_one():
    train = samples(["a"] * 4, [1, 3, 5, 7], block=[4, 4, -1, -1])
    train.features["light"] = np.array([0, 0, np.nan, np.nan], np.float32)
    extractor = TargetStatistics(by=["light", "block"], smooth=0)
    extractor.fit(train)
    columns = extracted(extractor, train)
    for name in ("light", "block"):
        assert columns[f"{name}/mean"].ravel().tolist() == [2, 2, 6, 6]
        assert columns[f"{name}/count"].tolist() == [2, 2, 2, 2]


def test_what_was_saved_extracts_the_same(tmp_path):
    train = samples(["a", "b"] * 5, np.arange(10), block=np.arange(10) // 5)
    extractor, loaded = (TargetStatistics(by=["word", "block"]) for _ in range(2))
    extractor.fit(train)
    extractor.save(tmp_path)
    loaded.load(tmp_path)
    for name, values in extracted(extractor, train).items():
        np.testing.assert_array_equal(extracted(loaded, train)[name], values)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"by": ["wrod"]}, "counts by 'wrod', which is neither a feature nor a group"),
        ({"by": ["wide"]}, r"counts by 'wide', which has \(3,\) numbers a row"),
        ({"by": ["word"], "apart": "bloc"}, "have no group 'bloc'"),
        ({"by": ["word"], "apart": "block"}, "draws 5 parts of training rows, and there are 2 to draw"),
    ],
)
def test_what_cannot_be_counted_by_is_refused(options, told):
    train = samples(["a", "b"] * 5, np.arange(10), block=np.arange(10) // 5)
    train.features["wide"] = np.zeros((10, 3), np.float32)
    with pytest.raises(UsageError, match=told):
        fit_extracted(TargetStatistics(**options), train)
