"""SVD is scikit-learn's PCA where nothing is missing, its signs depend on nothing, and NaN is the mean."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from ctk.components import svd
from ctk.components.svd import SVD
from ctk.errors import DamagedError, UsageError
from ctk.samples import Samples


def samples(rows: int = 60, seed: int = 0) -> Samples:
    random = np.random.default_rng(seed)
    wide = random.standard_normal((rows, 8)) @ random.standard_normal((8, 8)) + 100
    return Samples(
        ids=np.arange(rows),
        features={
            "wide": wide.astype(np.float32),
            "one": random.standard_normal(rows).astype(np.float32),
            "picture": np.zeros((rows, 2, 2, 3), np.uint8),
            "word": np.full(rows, "a"),
        },
    )


def extracted(extractor: SVD, of: Samples) -> dict[str, np.ndarray]:
    return dict(extractor.extract(of, lambda done, total: None))


@pytest.fixture
def fitted():
    def fit(train: Samples, **options) -> SVD:
        extractor = SVD(**options)
        extractor.fit(train)
        return extractor

    return fit


def test_it_is_scikit_learns_pca_but_for_the_sign_in_any_blocks(fitted, monkeypatch):
    monkeypatch.setattr(svd, "ROWS", 7)
    train, other = samples(), samples(20, seed=1)
    table = [np.column_stack([each.features["wide"], each.features["one"]]) for each in (train, other)]
    theirs = PCA(3).fit(table[0]).transform(table[1])
    ours = extracted(fitted(train, size=3), other)[""]
    assert ours.dtype == np.float32
    signs = np.sign((theirs * ours).sum(axis=0))
    np.testing.assert_allclose(ours * signs, theirs, rtol=1e-3, atol=1e-3)


def test_the_largest_entry_of_each_vector_is_positive(fitted):
    _, _, vectors = fitted(samples(), size=5).maps[""]
    assert (vectors[np.abs(vectors).argmax(axis=0), np.arange(5)] > 0).all()


def test_each_feature_by_itself_has_a_column_of_its_name_and_at_most_its_width(fitted):
    columns = extracted(fitted(samples(), each=True, size=4), samples())
    assert {name: values.shape for name, values in columns.items()} == {"wide": (60, 4), "one": (60, 1)}


def test_nan_counts_as_the_mean(fitted):
    train, holey, filled = samples(), samples(), samples()
    holey.features["wide"][3, 2] = np.nan
    filled.features["wide"][3, 2] = train.features["wide"].astype(np.float64).mean(axis=0)[2]
    extractor = fitted(train, size=3)
    np.testing.assert_allclose(extracted(extractor, holey)[""], extracted(extractor, filled)[""], atol=1e-4)
    assert np.isfinite(extracted(fitted(holey, size=3), holey)[""]).all()


def test_what_is_beyond_the_rank_is_0(fitted):
    train = samples()
    train.features["wide"][:] = train.features["one"][:, None] * np.arange(8)
    columns = extracted(fitted(train, size=5, columns=["wide"]), train)[""]
    assert (columns[:, 0] != 0).all()
    assert (columns[:, 1:] == 0).all()


def test_what_was_saved_extracts_the_same_and_damage_is_told(fitted, tmp_path):
    extractor, loaded = fitted(samples(), each=True, size=3), SVD(each=True, size=3)
    extractor.save(tmp_path)
    loaded.load(tmp_path)
    for name, values in extracted(extractor, samples(seed=2)).items():
        np.testing.assert_array_equal(extracted(loaded, samples(seed=2))[name], values)
    (tmp_path / "svd.npz").write_bytes((tmp_path / "svd.npz").read_bytes()[:100])
    with pytest.raises(DamagedError, match=r"svd\.npz"):
        loaded.load(tmp_path)


def test_no_feature_to_read_is_told_with_those_that_could_be(fitted):
    with pytest.raises(UsageError, match="no feature to read among pic") as caught:
        fitted(samples(), columns=["pic*"])
    assert caught.value.help == "Features that it can read: wide, one."
