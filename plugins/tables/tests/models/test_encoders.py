"""The extractors of tables: counts of training rows, and texts in few numbers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import TruncatedSVD

from ctk.errors import UsageError
from ctk.samples import Samples
from ctk_tables.encoders.frequency import Frequency
from ctk_tables.encoders.hashed_ngrams import HashedNgrams


def silent(done, total):
    """Of how far it is."""


def samples(**features) -> Samples:
    return Samples(np.arange(len(next(iter(features.values())))), features)


def test_a_row_is_not_in_its_own_count_and_an_unseen_category_has_none(tmp_path):
    train = samples(owner=np.array(["a", "b", "a", "", "a"]), size=np.ones(5, np.float32))
    extractor = Frequency()
    assert_array_equal(extractor.fit_extract(train, silent)["owner"], [2, 0, 2, 0, 2])
    test = samples(owner=np.array(["a", "new", ""]), size=np.ones(3, np.float32))
    expected = {"owner": [3, 0, 1]}
    assert {name: each.tolist() for name, each in extractor.extract(test, silent).items()} == expected
    extractor.save(tmp_path)
    other = Frequency()
    other.load(tmp_path)
    assert other.extract(test, silent)["owner"].tolist() == expected["owner"]


def test_numbers_are_counted_too_and_missing_ones_are_a_category():
    train = samples(size=np.array([1, np.nan, 1, np.nan], np.float32))
    assert Frequency(by=["size"]).fit_extract(train, silent)["size"].tolist() == [1, 1, 1, 1]


def test_what_is_not_there_or_no_text_is_named():
    with pytest.raises(UsageError, match="frequency counts 'onwer', which is neither"):
        Frequency(by=["onwer"]).fit(samples(owner=np.array(["a"])))
    with pytest.raises(UsageError, match="hashed-ngrams reads texts, and 'size' is float64"):
        HashedNgrams(columns=["size"]).fit(samples(size=np.ones(3)))
    with pytest.raises(UsageError, match="hashed-ngrams reads text, and no feature of the samples is one"):
        HashedNgrams().fit(samples(size=np.ones(3)))


def test_texts_are_projected_as_scikit_learn_does(tmp_path):
    random = np.random.default_rng(0)
    words = np.array(["red", "green", "blue", "old", "new", "house", "cat"])
    texts = np.array([" ".join(row) for row in random.choice(words, (60, 6)).tolist()])
    extractor = HashedNgrams(size=4, bits=10, letters=None)
    made = extractor.fit_extract(samples(said=texts), silent)
    assert made["said/words"].tolist() == [6] * 60
    assert made["said/length"].tolist() == [len(text) for text in texts.tolist()]
    weighed = extractor._weighed(extractor._counts(texts), extractor.maps["said"][0])
    expected = TruncatedSVD(4, algorithm="arpack").fit_transform(weighed.astype(float))
    assert_allclose(np.linalg.norm(made["said"], axis=0), np.linalg.norm(expected, axis=0), rtol=0.02)
    extractor.save(tmp_path)
    other = HashedNgrams(size=4, bits=10, letters=None)
    other.load(tmp_path)
    test = samples(said=np.array(["a red cat", ""]))
    assert_array_equal(other.extract(test, silent)["said"], extractor.extract(test, silent)["said"])
    assert not extractor.extract(test, silent)["said"][1].any()


def test_of_few_rows_what_is_beyond_the_rank_is_zero():
    made = HashedNgrams(size=8).fit_extract(samples(said=np.array(["one text", "another text", "third"])), silent)
    assert made["said"].shape == (3, 8)
    assert not made["said"][:, 3:].any()
