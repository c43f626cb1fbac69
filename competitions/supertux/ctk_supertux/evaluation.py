"""The numbers of answers and of choices: the deciding accuracy as the grader counts it, and its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ctk.contract import Metric
from ctk.samples import Array, Samples
from ctk_supertux.columns import FAMILIES, FAMILY, KARTS, KIND, KINDS

MANY = 4
"""Karts of a view from which on views are counted together."""
RECALLS = (2, 3)
"""So many of the best candidates are looked at for recall."""


def answers_right(prediction: Array, target: Array) -> Array:
    """(N,) bool: the grader's rule. An answer, lower-cased and stripped, has to begin with the right one.

    So "10" counts for "1"; ``answers_exact`` asks for the whole.
    """
    pairs = zip(_normalized(prediction), _normalized(target), strict=True)
    return np.array([given[: len(right)] == right for given, right in pairs], bool)


def answers_exact(prediction: Array, target: Array) -> Array:
    """(N,) bool: the same answer, lower-cased and stripped."""
    pairs = zip(_normalized(prediction), _normalized(target), strict=True)
    return np.array([given == right for given, right in pairs], bool)


def choices_right(prediction: Array, target: Array) -> Array:
    """(N,) bool: whether the highest of (N, 5) scores, the first of several, is at the place (N,) of the right one."""
    return np.asarray(np.asarray(prediction).argmax(axis=1) == target)


def evaluate_answers(prediction: Array, samples: Samples) -> dict[str, float]:
    """Accuracies of answers (N,) str.

    returns  "answer-accuracy" by the grader's rule, which decides; "exact-accuracy" of whole answers; by the
             grader's rule "accuracy_FAMILY", and "accuracy_karts_K" by the karts of the view; nan where there are none
    """
    target = samples.target_values()
    right = answers_right(prediction, target)
    return {
        "answer-accuracy": _share(right),
        "exact-accuracy": _share(answers_exact(prediction, target)),
        **_by_group(right, samples, FAMILY, FAMILIES),
        **_by_karts(right, samples),
    }


def evaluate_choices(prediction: Array, samples: Samples) -> dict[str, float]:
    """Accuracies of choices by scores (N, 5).

    returns  "choice-accuracy", which decides; "recall_at_2" and "recall_at_3", the share of right ones among so many of
             the best; "accuracy_KIND" by the kind of the right caption, and "accuracy_karts_K"; nan where none are
    """
    target, scores = samples.target_values(), np.asarray(prediction, np.float64)
    right = choices_right(scores, target)
    of_right = np.take_along_axis(scores, np.asarray(target)[:, None], axis=1)
    before = np.arange(scores.shape[1]) < np.asarray(target)[:, None]
    rank = 1 + ((scores > of_right) | (before & (scores == of_right))).sum(axis=1)
    return {
        "choice-accuracy": _share(right),
        **{f"recall_at_{best}": _share(rank <= best) for best in RECALLS},
        **_by_group(right, samples, KIND, KINDS),
        **_by_karts(right, samples),
    }


def kart_classes(samples: Samples) -> Mapping[str, Array]:
    """Masks (N,) of rows by the karts of their view: "1", "2", "3", "4+"; nothing where that is not known."""
    karts = samples.groups.get(KARTS)
    if karts is None:
        return {}
    exact = {str(count): karts == count for count in range(1, MANY)}
    return {**exact, f"{MANY}+": karts >= MANY}


def _by_karts(right: Array, samples: Samples) -> dict[str, float]:
    return {f"accuracy_karts_{name}": _share(right[mask]) for name, mask in kart_classes(samples).items()}


def _by_group(right: Array, samples: Samples, group: str, names: Sequence[str]) -> dict[str, float]:
    numbers = samples.groups.get(group)
    if numbers is None:
        return {}
    return {f"accuracy_{name}": _share(right[numbers == place]) for place, name in enumerate(names)}


def _share(right: Array) -> float:
    return float(right.mean()) if right.size else float("nan")


def _normalized(texts: Array) -> list[str]:
    return [text.strip().lower() for text in np.asarray(texts, str).tolist()]


ANSWER_ACCURACY = Metric(
    "answer-accuracy", "max", lambda prediction, samples: _share(answers_right(prediction, samples.target_values()))
)
CHOICE_ACCURACY = Metric(
    "choice-accuracy",
    "max",
    lambda prediction, samples: _share(choices_right(prediction, samples.target_values())),
    predicts="probabilities",
)
