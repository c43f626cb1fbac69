"""Filters that look for captions of other pictures, from the embeddings alone.

``TopK`` is the rule that the competition's published filtered set was made with: it asks a trained baseline. ``Ridge``
asks a linear map about captions it has not seen; it takes seconds and needs no training.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch

from ctk.contract import Count, DropFraction, Filter, FilterContext, keep_best
from ctk.errors import CtkError, UsageError
from ctk.ops import target_ranks
from ctk.samples import Array, Gallery, Samples
from ctk.training import solve_ridge, torch_device

BASELINE: dict[str, Any] = {
    "model": "residual-mlp",
    "loss": {"name": "info-nce", "temperature": 0.01},
    "optimizer": {"name": "adam", "lr": 3e-4},
    "batch": {"size": 4096, "by": "image"},
    "epochs": 500,
}
"""The reference solution's baseline."""
BLOCK = 8192  # captions ranked between two reports of progress


class TopK(Filter):
    """Keep a caption if its own picture is among the best ``k`` of all pictures, by cosine, for a trained baseline.

    k         as good a rank is needed to stay
    baseline  the member to train, written as in ``members`` of a config; it is trained on the captions it then judges

    The rank counts the pictures that score strictly better (ties are the caption's gain). A baseline that can learn its
    training captions by heart ranks mismatched ones well too: train it briefly, or use ``Ridge``.
    """

    def __init__(self, *, k: Count = 50, baseline: dict[str, Any] = BASELINE) -> None:
        self.k = k
        self.baseline = baseline

    def score(self, samples: Samples, context: FilterContext) -> Array:
        """(N,) float32, minus the rank of each caption's own picture. Raises CtkError if the baseline diverged."""
        gallery, target = _retrieval(samples, "topk")
        prediction = np.asarray(context.fit(self.baseline, samples, samples), dtype=np.float32)
        if prediction.shape != (len(samples), gallery.vectors.shape[1]):
            raise CtkError(
                f"The baseline of filter 'topk' predicts {prediction.shape[1:]} numbers a caption,"
                f" a picture has {gallery.vectors.shape[1]}.",
                "Choose a baseline that predicts the picture's vector.",
            )
        if not np.isfinite(prediction).all():
            raise CtkError(
                "The baseline of filter 'topk' predicts numbers that are not finite.", "Lower its learning rate."
            )
        device = torch_device(context.device)
        pictures = torch.from_numpy(_normalised(gallery.vectors)).to(device)
        ranks = np.empty(len(samples), dtype=np.float32)
        for start in range(0, len(samples), BLOCK):
            rows = slice(start, start + BLOCK)
            query = torch.from_numpy(_normalised(prediction[rows])).to(device)
            right = torch.from_numpy(np.asarray(target[rows], dtype=np.int64)).to(device)
            ranks[rows] = target_ranks(query, pictures, right, ties="optimistic").cpu().numpy()
            context.progress(min(start + BLOCK, len(samples)), len(samples))
        return -ranks

    def keep(self, scores: Array) -> Array:
        """(N,) bool: rank k or better."""
        return np.asarray(scores >= -self.k)


class Ridge(Filter):
    """Drop the captions that speak least for their own picture, by a ridge regression that has not seen them.

    drop_fraction  share of captions dropped
    alpha          penalty of the regression, for texts scaled to a mean squared length of 1
    folds          parts predicted one after another by a regression on the others
    by             what stays in one part: "image", so that a caption is judged without the other captions of its
                   picture, or "caption", with them. Where single captions are wrong "caption" finds more of them;
                   where all captions of a picture are, "image" does, since the others mislead.
    components     principal directions of the pictures' normalised vectors that are looked at

    The score is a log likelihood ratio in nats: how much likelier the picture's vector v is given the caption's
    prediction p than without it, log N(v; p, R) - log N(v; mean, C), with C the covariance of the vectors and R that of
    what the regression left unexplained. Directions that texts do not tell thus count little, which a cosine cannot do.
    A caption below 0 speaks against its picture. (Gaussian likelihood ratios of this kind: Neyman and Pearson 1933;
    as scores of pairs of embeddings: Ioffe 2006, "Probabilistic linear discriminant analysis".)
    """

    def __init__(
        self,
        *,
        drop_fraction: DropFraction = 0.10,
        alpha: float = 30.0,
        folds: int = 5,
        by: Literal["image", "caption"] = "image",
        components: Count = 128,
    ) -> None:
        if folds < 2:
            raise UsageError(f"Filter 'ridge': folds is {folds}.", "It needs at least 2.")
        if alpha <= 0:
            raise UsageError(f"Filter 'ridge': alpha is {alpha}.", "It must be more than 0.")
        self.drop_fraction = drop_fraction
        self.alpha = alpha
        self.folds = folds
        self.by = by
        self.components = components

    def score(self, samples: Samples, context: FilterContext) -> Array:
        """(N,) float32, the log likelihood ratio of each caption and its picture.

        memory  about three copies of the text features in float64. Raises UsageError where there are too few pictures.
        """
        gallery, target = _retrieval(samples, "ridge")
        if "text" not in samples.features:
            raise UsageError(
                "Filter 'ridge' needs the feature 'text'.", f"Features: {', '.join(samples.features) or 'none'}."
            )
        own = _principal(gallery.vectors, self.components)[target]
        own = own - own.mean(0)
        unexplained = own - self._predicted(samples, target, own, context)
        given, alone = _covariance(unexplained), _covariance(own)
        return (_log_density(unexplained, given) - _log_density(own, alone)).astype(np.float32)

    def keep(self, scores: Array) -> Array:
        """(N,) bool: all but the lowest ``drop_fraction``."""
        return keep_best(scores, self.drop_fraction)

    def _predicted(self, samples: Samples, target: Array, own: Array, context: FilterContext) -> Array:
        """(N, K) out-of-fold predictions of ``own``."""
        text = np.asarray(samples.features["text"], dtype=np.float64)
        text = text / np.sqrt(np.square(text).sum(1).mean()).clip(1e-12)
        # A mismatched caption is in the part of the picture it was given to: what else is known of the right one, which
        # is what gives it away, may be in any other.
        units = np.unique(target, return_inverse=True)[1] if self.by == "image" else np.arange(len(samples))
        count = int(units.max(initial=-1)) + 1
        folds = min(self.folds, count)
        if folds < 2:
            raise UsageError(f"Filter 'ridge' needs at least 2 {self.by}s, these samples have {count}.")
        part = (np.random.default_rng(context.seed).permutation(count) % folds)[units]
        predicted = np.empty_like(own)
        for fold in range(folds):
            held = part == fold
            weights, text_mean, own_mean = solve_ridge(text[~held], own[~held], self.alpha)
            predicted[held] = (text[held] - text_mean) @ weights + own_mean
            context.progress(fold + 1, folds)
        return predicted


def _retrieval(samples: Samples, name: str) -> tuple[Gallery, Array]:
    if samples.gallery is None or samples.target is None:
        raise UsageError(f"Filter '{name}' is for retrieval: samples whose target is one of a gallery.")
    return samples.gallery, samples.target


def _normalised(vectors: Array) -> Array:
    """Rows scaled to length 1, float32; rows of zeros stay."""
    vectors = np.asarray(vectors, dtype=np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12))


def _principal(vectors: Array, components: int) -> Array:
    """(G, K) float64 coordinates of normalised (G, D) vectors on their principal directions, each of variance 1.

    K is ``components``, or the number of directions along which the vectors differ at all.
    """
    centred = _normalised(vectors).astype(np.float64)
    centred -= centred.mean(0)
    variance, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    used = np.flatnonzero(variance > variance[-1] * 1e-7)[-components:]
    return np.asarray(centred @ (directions[:, used] / np.sqrt(variance[used])))


def _covariance(rows: Array) -> Array:
    """(K, K) second moments about 0 of (N, K) rows, with a touch of ridge so that few rows do no harm."""
    covariance = rows.T @ rows / len(rows)
    return np.asarray(covariance + np.eye(len(covariance)) * (1e-6 * np.trace(covariance) / len(covariance) + 1e-12))


def _log_density(rows: Array, covariance: Array) -> Array:
    """(N,) log density of (N, K) rows under a normal distribution around 0, less a constant of K."""
    factor = np.linalg.cholesky(covariance)
    whitened = np.linalg.solve(factor, rows.T)
    return np.asarray(-0.5 * np.square(whitened).sum(0) - np.log(np.diag(factor)).sum())
