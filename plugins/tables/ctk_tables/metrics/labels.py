"""Metrics of labels, which are made of probabilities or numbers where no thresholds made them before."""

from __future__ import annotations

import numpy as np

from ctk.blend import score_labels
from ctk.errors import UsageError
from ctk.samples import Array, Samples
from ctk_tables.metrics.checked import Pair, checked, form_of


def label_score(prediction: Array, samples: Samples, *, score: str) -> float:
    """Score labels by a name of ``ctk.blend.LABEL_SCORES``.

    prediction  probabilities, whose label is 1 above 0.5, or the largest of the classes; numbers of an ordinal target,
                whose label is the nearest one; or labels of that shape themselves
    Raises UsageError where the target has no labels, and for a score of two labels where there are more.
    """
    return score_labels(score, *labelled(checked(prediction, samples, score), score))


def hamming(prediction: Array, samples: Samples) -> float:
    """Share of labels that are wrong, of several columns each by itself (scikit-learn's hamming_loss)."""
    return 1 - label_score(prediction, samples, score="accuracy")


def subset_accuracy(prediction: Array, samples: Samples) -> float:
    """Share of rows whose every column has the right label (scikit-learn's accuracy_score of several columns)."""
    found, target = checked(prediction, samples, "subset_accuracy")
    form_of(target, "subset_accuracy")
    return float(((found > 0.5) == (target > 0.5)).all(axis=1).mean())


def labelled(pair: Pair, name: str) -> tuple[Array, Array]:
    """What ``ctk.blend`` takes: (N,) and (N,), classes (N, C) and their numbers (N,), several columns (N, T) twice."""
    found, target = pair
    form = form_of(target, name)
    numbers = target.astype(np.int64)
    labels = target.shape[1] if form == "classes" else 2 if form != "ordinal" else int(target.max()) + 1
    if name in OF_TWO and labels > 2:
        more = "f1_macro" if name.startswith("f") else f"{name}_macro"
        raise UsageError(f"{name} is of two labels, and there are {labels}.", f"Take {more}.")
    if form == "classes":
        return found, numbers.argmax(axis=1)
    return (found, numbers) if form == "columns" else (found[:, 0], numbers[:, 0])


OF_TWO = ("f1", "f0.5", "f2", "precision", "recall", "jaccard")
"""Scores of label 1 of two; of several columns the mean of each column's."""
