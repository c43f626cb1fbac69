"""Accuracies of answers and of choices, counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ctk.samples import Samples
from ctk_supertux.evaluation import (
    ANSWER_ACCURACY,
    CHOICE_ACCURACY,
    answers_exact,
    answers_right,
    evaluate_answers,
    evaluate_choices,
)


@pytest.mark.parametrize(
    ("given", "right", "prefix", "exact"),
    [
        ("tux", "tux", True, True),
        ("  TUX\n", "tux", True, True),
        ("10", "1", True, False),  # as the grader counts
        ("1", "10", False, False),
        ("tux is it", "tux", True, False),
        ("a tux", "tux", False, False),
        ("", "tux", False, False),
        ("front and left", "Front and Left", True, True),
        ("front", "front and left", False, False),
    ],
)
def test_an_answer_has_to_begin_with_the_right_one(given, right, prefix, exact):
    assert answers_right(np.array([given]), np.array([right])).tolist() == [prefix]
    assert answers_exact(np.array([given]), np.array([right])).tolist() == [exact]


def test_answers_by_family_and_number_of_karts():
    samples = Samples(
        np.arange(6),
        {"question": np.array(["?"] * 6)},
        np.array(["tux", "1", "2", "left", "x", "no"]),
        {"family": np.array([0, 1, 1, 3, 2, -1]), "karts": np.array([1, 1, 2, 5, 4, -1])},
    )
    found = evaluate_answers(np.array(["tux", "12", "3", "right", "x", "no"]), samples)
    assert found["answer-accuracy"] == pytest.approx(4 / 6)  # tux, 12 for 1, x, no
    assert found["exact-accuracy"] == pytest.approx(3 / 6)
    of_family = [found[f"accuracy_{name}"] for name in ("ego", "count", "track", "relative")]
    assert of_family == [1, 0.5, 1, 0]
    assert math.isnan(found["accuracy_counting"])
    assert [found[f"accuracy_karts_{name}"] for name in ("1", "2", "4+")] == [1, 0, 0.5]
    assert math.isnan(found["accuracy_karts_3"])
    assert ANSWER_ACCURACY.score(np.array(["tux"] * 6), samples) == pytest.approx(1 / 6)


def test_choices_by_kind_and_recall():
    scores = np.array([
        [0.5, 0.2, 0.1, 0.1, 0.1],  # right is the first: rank 1
        [0.5, 0.2, 0.1, 0.1, 0.1],  # the second: rank 2
        [0.3, 0.3, 0.3, 0.1, 0.0],  # the third of three alike: rank 3, as the first of them is chosen
        [0.1, 0.2, 0.3, 0.4, 0.0],  # the last: rank 5
    ])  # fmt: skip
    samples = Samples(
        np.arange(4),
        {"candidates": np.full((4, 5), "x")},
        np.array([0, 1, 2, 4]),
        {"kind": np.array([0, 0, 1, 3]), "karts": np.array([1, 1, 3, 3])},
    )
    found = evaluate_choices(scores, samples)
    assert (found["choice-accuracy"], found["recall_at_2"], found["recall_at_3"]) == (0.25, 0.5, 0.75)
    assert [found[f"accuracy_{name}"] for name in ("ego", "count", "relative")] == [0.5, 0, 0]
    assert (found["accuracy_karts_1"], found["accuracy_karts_3"]) == (0.5, 0)
    assert CHOICE_ACCURACY.score(scores, samples) == 0.25
