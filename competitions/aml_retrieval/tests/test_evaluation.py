"""Both protocols against plain loops that follow their description step by step."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctk.samples import Gallery, Samples
from ctk_aml_retrieval.evaluation import MRR_100, MRR_GALLERY, evaluate


def make(rows, pictures, seed, width=5):
    random = np.random.default_rng(seed)
    gallery = Gallery(random.normal(size=(pictures, width)).astype(np.float32), np.arange(pictures).astype(str))
    target = random.integers(0, pictures, rows)
    samples = Samples(np.arange(rows), {}, target, gallery=gallery)
    return random.normal(size=(rows, width)).astype(np.float32), samples


def gallery_rank_by_loop(prediction, samples, row):
    def cosine(a, b):
        return float(a @ b) / math.sqrt(float(a @ a)) / math.sqrt(float(b @ b))

    own = cosine(prediction[row].astype(float), samples.gallery.vectors[samples.target[row]].astype(float))
    others = [cosine(prediction[row].astype(float), vector.astype(float)) for vector in samples.gallery.vectors]
    return 1 + sum(score > own + 1e-12 for score in others)


def chunk_reciprocal_by_loop(prediction, samples, row):
    """The organisers': sort the chunk's pictures by dot product, keep 99, look for the first that is the caption's."""
    start = row // 100 * 100
    chunk = range(start, start + 100)
    pictures = [int(samples.target[other]) for other in chunk]
    scores = [float(prediction[row].astype(float) @ samples.gallery.vectors[p].astype(float)) for p in pictures]
    retrieved = sorted(range(100), key=lambda place: -scores[place])[:99]
    for position, place in enumerate(retrieved, start=1):
        if pictures[place] == samples.target[row]:
            return 1 / position
    return 0.0


@settings(deadline=None, max_examples=25)
@given(rows=st.integers(1, 60), pictures=st.integers(1, 40), seed=st.integers(0, 1000))
def test_gallery_protocol_equals_a_plain_loop(rows, pictures, seed):
    prediction, samples = make(rows, pictures, seed)
    ranks = [gallery_rank_by_loop(prediction, samples, row) for row in range(rows)]
    numbers = evaluate(prediction, samples, shuffle=False)
    assert numbers["mrr_gallery"] == pytest.approx(np.mean([1 / rank for rank in ranks]))
    assert numbers["recall@5_gallery"] == pytest.approx(np.mean([rank <= 5 for rank in ranks]))
    assert numbers["median_rank_gallery"] == pytest.approx(np.median(ranks))
    assert numbers["ndcg@100_gallery"] == pytest.approx(np.mean([1 / math.log2(rank + 1) for rank in ranks]))
    assert MRR_GALLERY.score(prediction, samples) == numbers["mrr_gallery"]


@settings(deadline=None, max_examples=15)
@given(chunks=st.integers(1, 3), pictures=st.integers(2, 300), seed=st.integers(0, 1000))
def test_chunk_protocol_equals_the_organisers_loop(chunks, pictures, seed):
    prediction, samples = make(100 * chunks, pictures, seed)
    expected = np.mean([chunk_reciprocal_by_loop(prediction, samples, row) for row in range(100 * chunks)])
    numbers = evaluate(prediction, samples, shuffle=False)
    assert numbers["mrr_100"] == pytest.approx(expected)
    assert MRR_100.score(prediction, samples) == numbers["mrr_100"]


def test_a_picture_ranked_hundredth_counts_nothing():
    vectors = np.eye(100, dtype=np.float32)
    samples = Samples(np.arange(100), {}, np.arange(100), gallery=Gallery(vectors, np.arange(100).astype(str)))
    worst = -np.eye(100, dtype=np.float32)
    assert evaluate(worst, samples, shuffle=False)["mrr_100"] == 0


def test_several_captions_of_a_picture_in_a_chunk_all_point_at_it():
    prediction, samples = make(100, 1, 0)
    assert evaluate(prediction, samples, shuffle=False)["mrr_100"] == 1


def test_rows_after_the_last_whole_chunk_do_not_count():
    prediction, samples = make(130, 80, 3)
    first = evaluate(prediction[:100], samples.take(np.arange(100)), shuffle=False)["mrr_100"]
    assert evaluate(prediction, samples, shuffle=False)["mrr_100"] == first


def test_a_last_chunk_of_99_rows_counts():
    prediction, samples = make(199, 80, 3)
    whole = evaluate(prediction, samples, shuffle=False)["mrr_100"]
    first = evaluate(prediction[:100], samples.take(np.arange(100)), shuffle=False)["mrr_100"]
    last = evaluate(prediction[100:], samples.take(np.arange(100, 199)), shuffle=False)["mrr_100"]
    assert whole == pytest.approx((100 * first + 99 * last) / 199)


def test_the_length_of_a_prediction_changes_nothing():
    prediction, samples = make(100, 40, 1)
    scaled = prediction * np.random.default_rng(2).uniform(0.1, 10, (100, 1)).astype(np.float32)
    one, other = evaluate(scaled, samples, shuffle=True), evaluate(prediction, samples, shuffle=True)
    assert one.pop("l2_distance") != other.pop("l2_distance")  # nothing but the distance, which ranks nothing
    assert one == other


def test_the_distance_is_the_mean_over_rows_to_the_own_picture():
    prediction, samples = make(100, 40, 1)
    apart = [np.sqrt(((samples.gallery.vectors[samples.target[n]] - prediction[n]) ** 2).sum()) for n in range(100)]
    assert evaluate(prediction, samples, shuffle=False)["l2_distance"] == pytest.approx(np.mean(apart))


def test_one_vector_for_all_scores_as_guessing():
    _, samples = make(200, 50, 4)
    equal = Gallery(np.ones((50, 5), np.float32), samples.gallery.names)
    same = Samples(samples.ids, {}, samples.target, gallery=equal)
    assert evaluate(np.ones((200, 5), np.float32), same, shuffle=False)["mrr_gallery"] == pytest.approx(1 / 25.5)


def test_captions_of_a_picture_that_follow_each_other_are_mixed_before_they_are_cut():
    # 500 rows, 5 captions a picture in a row: unmixed, a chunk holds 20 pictures instead of some 80.
    prediction, samples = make(500, 100, 5)
    samples = Samples(samples.ids, {}, np.repeat(np.arange(100), 5), gallery=samples.gallery)
    assert (
        evaluate(prediction, samples, shuffle=True)["mrr_100"] < evaluate(prediction, samples, shuffle=False)["mrr_100"]
    )
