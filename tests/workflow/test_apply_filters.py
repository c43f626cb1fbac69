"""What filters share: the cut keeps exactly so many, and the files say what was decided."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from ctk.contract import keep_best
from ctk.errors import UsageError
from ctk.samples import Gallery, Samples
from ctk.training.devices import torch_device
from ctk.workflow.apply_filters import _Progress, write_result, write_scores

# Few distinct values, so that ties are the rule and not the exception.
scores_with_ties = st.lists(st.sampled_from([-1.0, 0.0, 0.25, 0.5, 3.0]), max_size=60).map(np.array)
fractions = st.sampled_from([0.0, 0.05, 0.1, 1 / 3, 0.5, 0.9])


def kept_by_quantile_and_correction(scores, drop_fraction):
    """The published rule, step by step: what is above the quantile, then rows at it until the count fits."""
    wanted = round(len(scores) * (1 - drop_fraction))
    threshold = np.sort(scores)[len(scores) - wanted - 1] if wanted < len(scores) else -np.inf
    keep = scores > threshold
    for row in range(len(scores)):
        if keep.sum() < wanted and scores[row] == threshold:
            keep[row] = True
    return keep


@given(scores=scores_with_ties, fraction=fractions)
def test_the_best_are_kept_as_by_quantile_and_correction(scores, fraction):
    assert_array_equal(keep_best(scores, fraction), kept_by_quantile_and_correction(scores, fraction))


@given(scores=scores_with_ties, fraction=fractions)
def test_exactly_the_rounded_count_is_kept(scores, fraction):
    assert keep_best(scores, fraction).sum() == round(len(scores) * (1 - fraction))


def test_the_counts_of_the_published_set_come_out():
    assert keep_best(np.zeros(125_000, np.float32), 0.10).sum() == 112_500


def test_among_equals_the_first_rows_stay():
    assert_array_equal(keep_best(np.array([1.0, 1.0, 2.0, 1.0]), 0.5), [True, False, True, False])


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 10])
def test_a_fraction_outside_its_range_is_refused(fraction):
    with pytest.raises(ValueError, match="drop_fraction"):
        keep_best(np.ones(3), fraction)


def test_a_score_that_is_not_finite_is_refused_with_its_row():
    with pytest.raises(ValueError, match=r"row 2 is nan"):
        keep_best(np.array([1.0, 2.0, np.nan]), 0.1)


def test_scores_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(N,\)"):
        keep_best(np.ones((3, 1)), 0.1)


def captions(count=4) -> Samples:
    return Samples(
        ids=np.arange(count) + 10,
        features={},
        target=np.arange(count) % 2,
        notes={"caption": np.array(['a "dog", black', "a cat\non a mat", "naïve 🐱", "4"])[:count]},
        gallery=Gallery(np.zeros((2, 3), np.float32), np.array(["dog.png", "cat.png"])),
    )


def test_the_tables_hold_every_sample_once_with_its_words_the_lowest_score_first(tmp_path):
    scores, keep = np.array([0.4, 0.1, 0.3, 0.2]), np.array([True, False, True, False])
    write_result(tmp_path, captions(), scores, keep)
    kept, dropped = (pd.read_csv(tmp_path / name, dtype={"caption": str}) for name in ("kept.csv", "dropped.csv"))
    assert kept.columns.tolist() == ["id", "score", "target", "caption"]
    assert kept[["id", "target", "caption"]].values.tolist() == [
        [12, "dog.png", "naïve 🐱"],
        [10, "dog.png", 'a "dog", black'],
    ]
    assert dropped[["id", "target", "caption"]].values.tolist() == [
        [11, "cat.png", "a cat\non a mat"],
        [13, "cat.png", "4"],
    ]
    np.testing.assert_allclose([*kept.score, *dropped.score], [0.3, 0.4, 0.1, 0.2])


def test_the_scores_are_float32_in_sample_order_and_nothing_else_is_left(tmp_path):
    scores = np.array([0.4, 0.1, 0.3, 0.2])
    write_result(tmp_path / "new", captions(), scores, scores > 0.2)
    written = np.load(tmp_path / "new" / "scores.npy", allow_pickle=False)
    assert written.dtype == np.float32
    assert_array_equal(written, scores.astype(np.float32))
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["dropped.csv", "kept.csv", "scores.npy"]


def test_samples_without_a_gallery_have_no_column_for_it(tmp_path):
    samples = Samples(np.arange(2), {}, target=np.zeros((2, 5)))
    write_result(tmp_path, samples, np.ones(2), np.array([True, False]))
    assert pd.read_csv(tmp_path / "kept.csv").columns.tolist() == ["id", "score"]


def test_a_mask_of_another_length_is_refused(tmp_path):
    with pytest.raises(ValueError, match="4 samples"):
        write_result(tmp_path, captions(), np.ones(4), np.ones(3, bool))
    assert not list(tmp_path.iterdir())


def test_scores_keep_the_name_they_were_given(tmp_path):
    write_scores(tmp_path / "mine", np.ones(3))
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert torch_device("auto").type == torch_device("cpu").type == "cpu"
    with pytest.raises(UsageError, match="torch sees none"):
        torch_device("gpu")


def test_how_far_a_filter_is_is_said_at_once_then_now_and_then_with_the_time_left(monkeypatch):
    now, said = [100.0], []
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    progress = _Progress("slow", said.append)
    for seconds, done in ((0, 0), (1, 0.25), (20, 5), (5, 6), (20, 10)):
        now[0] += seconds
        progress(done, 10)
    assert said == ["filter slow 0.0%", "filter slow 50.0%, 0:21 left"]
