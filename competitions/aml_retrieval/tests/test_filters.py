"""What the filters promise: mismatched captions, planted in the embedded pictures, come out at the bottom."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ctk.contract import FilterContext
from ctk.contract.schema import validate_config
from ctk.errors import CtkError, UsageError
from ctk.plugins.component_options import options_schema
from ctk.samples import Gallery, Samples
from ctk.training import solve_ridge
from ctk_aml_retrieval.filters import Ridge, TopK


def ridge_instead_of_a_run(member, learned, asked):
    """Stands in for the workflow's ``context.fit``: the same call, but always a ridge regression on the texts."""
    weights, text_mean, own_mean = solve_ridge(learned.features["text"], learned.target_values(), 1.0)
    return (asked.features["text"] - text_mean) @ weights + own_mean


def context(fit=ridge_instead_of_a_run, **changes) -> FilterContext:
    return FilterContext(**{"folder": Path("unused"), "files": None, "seed": 0, "device": "cpu", "fit": fit, **changes})


def area_under_curve(scores, right) -> float:
    """Chance that a right pair scores above a wrong one; ties count half. By comparing all of them."""
    bad = np.sort(scores[~right])
    below = np.searchsorted(bad, scores[right], "left"), np.searchsorted(bad, scores[right], "right")
    return float(np.mean(below)) / len(bad)


@pytest.fixture(scope="module")
def clean(whole) -> Samples:
    return whole.train


def given_to(samples: Samples, target) -> Samples:
    return replace(samples, target=target, groups={"image": target, "concept": target})


@pytest.fixture(scope="module")
def shuffled(clean) -> Samples:
    """A tenth of the captions given to other pictures."""
    rows = np.random.default_rng(5).choice(len(clean), len(clean) // 10, replace=False)
    target = clean.target.copy()
    target[rows] = clean.target[np.roll(rows, 1)]
    return given_to(clean, target)


@pytest.fixture(scope="module")
def exchanged(clean) -> Samples:
    """A tenth of the pictures with all the captions of another."""
    pictures = np.random.default_rng(5).choice(len(clean.gallery), len(clean.gallery) // 10, replace=False)
    other = np.arange(len(clean.gallery))
    other[pictures] = np.roll(pictures, 1)
    return given_to(clean, other[clean.target])


def small(captions=60, pictures=12, text=7, width=5, seed=0) -> Samples:
    random = np.random.default_rng(seed)
    target = np.arange(captions) % pictures
    gallery = Gallery(random.normal(size=(pictures, width)).astype(np.float32), np.arange(pictures).astype(str))
    texts = random.normal(size=(captions, text)).astype(np.float32)
    return Samples(np.arange(captions), {"text": texts}, target, {"image": target}, gallery=gallery)


# Ridge ----------------------------------------------------------------------------------------------------------------


def test_ridge_finds_shuffled_captions(clean, shuffled):
    right = clean.target == shuffled.target
    score = Ridge().score(shuffled, context())
    area = area_under_curve(score, right)
    print(f"\nridge, a tenth of the captions shuffled: AUC {area:.3f} of {len(score):,} captions")
    assert area >= 0.85
    dropped = ~Ridge().keep(score)
    assert dropped.sum() == len(score) - round(0.9 * len(score))
    assert (~right)[dropped].mean() > 4 * (~right).mean()


def test_judged_beside_their_siblings_shuffled_captions_are_found_better_still(clean, shuffled):
    right = clean.target == shuffled.target
    area = area_under_curve(Ridge(by="caption").score(shuffled, context()), right)
    print(f"\nridge by caption, a tenth of the captions shuffled: AUC {area:.3f}")
    assert area >= 0.90


def test_captions_of_exchanged_pictures_are_found_better_without_their_siblings(clean, exchanged):
    right = clean.target == exchanged.target
    by_image, by_caption = (
        area_under_curve(Ridge(by=by).score(exchanged, context()), right) for by in ("image", "caption")
    )
    print(f"\nridge, a tenth of the pictures exchanged: AUC {by_image:.3f} by image, {by_caption:.3f} by caption")
    assert by_image >= 0.80
    assert by_image > by_caption


@pytest.mark.parametrize("by", ["image", "caption"])
def test_ridge_judges_no_caption_by_a_regression_that_saw_it(by):
    """Texts that say nothing score alike in place and out of place. A regression that had seen them would know."""
    samples = small(captions=300, pictures=300, text=200, width=8)
    shuffled = given_to(samples, np.where(np.arange(300) < 60, np.roll(np.arange(300), 7), np.arange(300)))
    seen = ridge_instead_of_a_run({}, shuffled, shuffled)
    own = shuffled.target_values()
    scores = Ridge(by=by, alpha=1e-3).score(shuffled, context())
    assert np.corrcoef((seen * own).sum(1), (own * own).sum(1))[0, 1] > 0.8  # the trap is real
    assert scores.mean() < 0.05


def test_ridge_does_not_care_how_long_text_vectors_are():
    samples = small()
    longer = replace(samples, features={"text": samples.features["text"] * 40})
    assert_allclose(Ridge().score(longer, context()), Ridge().score(samples, context()), rtol=1e-4, atol=1e-5)


def test_ridge_depends_on_nothing_random_but_the_seed():
    samples = small()
    first, again, other = (Ridge().score(samples, context(seed=seed)) for seed in (3, 3, 4))
    assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.dtype == np.float32


def test_ridge_tells_how_far_it_is():
    told = []
    Ridge(folds=3).score(small(), context(progress=lambda *where: told.append(where)))
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("width", [1, 40])
def test_ridge_takes_fewer_pictures_than_folds_and_more_numbers_than_pictures(width):
    samples = small(captions=9, pictures=3, width=width)
    scores = Ridge(folds=5).score(samples, context())
    assert np.isfinite(scores).all()


def test_ridge_of_one_picture_is_refused():
    with pytest.raises(UsageError, match="at least 2 images, these samples have 1"):
        Ridge().score(small(captions=5, pictures=1), context())


def test_ridge_without_texts_says_which_features_there_are():
    samples = small()
    with pytest.raises(UsageError, match="Features: words"):
        Ridge().score(replace(samples, features={"words": samples.features["text"]}), context())


# TopK -----------------------------------------------------------------------------------------------------------------


def test_top_k_with_a_ridge_baseline_finds_shuffled_captions(clean, shuffled):
    """The baseline is a ridge regression fitted in place of a member; the workflow trains the configured one."""
    right = clean.target == shuffled.target
    scores = TopK().score(shuffled, context())
    area, found = area_under_curve(scores, right), (~TopK(k=50).keep(scores))[~right].mean()
    lost = (~TopK(k=50).keep(scores))[right].mean()
    print(f"\ntopk, ridge baseline: AUC {area:.3f}; k = 50 drops {found:.0%} of the wrong, {lost:.0%} of the right")
    assert area >= 0.75


def ranks_by_sorting(prediction, samples):
    """Place of the own picture among all, best first, it first among equals."""
    ranks = []
    for query, own in zip(prediction, samples.target, strict=True):
        cosine = [query @ v / np.linalg.norm(query) / np.linalg.norm(v) for v in samples.gallery.vectors]
        ranks.append(1 + sum(c > cosine[own] + 1e-6 for c in cosine))
    return ranks


def test_top_k_scores_are_minus_the_ranks_of_a_plain_sort():
    samples = small()
    prediction = np.random.default_rng(1).normal(size=(len(samples), 5)).astype(np.float32)
    scores = TopK().score(samples, context(fit=lambda *_: prediction))
    assert_array_equal(-scores, ranks_by_sorting(prediction, samples))


def test_neither_the_length_of_a_picture_nor_of_a_prediction_moves_a_rank():
    samples = small()
    prediction = np.random.default_rng(1).normal(size=(len(samples), 5)).astype(np.float32)
    lengths = np.linspace(0.1, 30, len(samples.gallery), dtype=np.float32)[:, None]
    scaled = replace(samples, gallery=replace(samples.gallery, vectors=samples.gallery.vectors * lengths))
    assert_array_equal(
        TopK().score(scaled, context(fit=lambda *_: prediction * 9)),
        TopK().score(samples, context(fit=lambda *_: prediction)),
    )


def test_pictures_that_score_the_same_do_not_count_against_a_caption():
    samples = small(captions=3, pictures=3)
    same = replace(samples, gallery=replace(samples.gallery, vectors=np.ones((3, 5), np.float32)))
    assert_array_equal(TopK(k=1).score(same, context(fit=lambda *_: np.ones((3, 5)))), [-1, -1, -1])


def test_top_k_keeps_ranks_up_to_k():
    assert_array_equal(TopK(k=2).keep(np.array([-1.0, -2.0, -3.0], np.float32)), [True, True, False])


def test_the_baseline_is_fitted_and_asked_with_all_samples():
    samples, asked = small(), []

    def fit(member, learned, judged):
        asked.append((member, len(learned), len(judged)))
        return learned.target_values()

    assert TopK(baseline={"model": "ridge", "alpha": 2}).score(samples, context(fit=fit)).tolist() == [-1] * 60
    assert asked == [({"model": "ridge", "alpha": 2}, 60, 60)]


def test_a_baseline_that_diverged_is_told():
    with pytest.raises(CtkError, match="not finite"):
        TopK().score(small(), context(fit=lambda *_: np.full((60, 5), np.nan)))


def test_a_baseline_of_another_width_is_told():
    with pytest.raises(CtkError, match=r"predicts \(3,\) numbers a caption, a picture has 5"):
        TopK().score(small(), context(fit=lambda *_: np.ones((60, 3))))


# Both -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filter", [TopK(), Ridge()])
def test_samples_without_a_gallery_are_refused(filter):
    with pytest.raises(UsageError, match="is for retrieval"):
        filter.score(replace(small(), gallery=None), context())


@pytest.mark.parametrize(
    ("filter", "option"),
    [(Ridge, {"drop_fraction": 10}), (Ridge, {"by": "row"}), (Ridge, {"components": 0}), (TopK, {"k": 0})],
)
def test_options_out_of_range_are_refused_with_their_key(filter, option):
    with pytest.raises(UsageError, match=f"filters.0.{next(iter(option))}"):
        validate_config(options_schema(filter, "it"), option, "filters.0")


@pytest.mark.parametrize("option", [{"folds": 1}, {"alpha": 0.0}])
def test_options_without_a_meaning_are_refused(option):
    with pytest.raises(UsageError, match=next(iter(option))):
        Ridge(**option)
