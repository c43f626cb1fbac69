"""The competition's two protocols, named apart everywhere.

gallery  every caption against every picture of the validation set, by cosine (what the reference solution validates by)
100      the organisers': consecutive chunks of 100 rows, each against the 100 pictures of its own rows, by dot product,
         the best 99 kept; several captions of one picture in a chunk all point at it

Ties count half (``ties="mean"``): a model that predicts one vector for everything scores as guessing does, and not 1 as
it would if ties were broken in its favour.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ctk import ops
from ctk.contract import Metric
from ctk.samples import Array, Samples

CHUNK = 100
KEPT = 99
RECALLS = (1, 3, 5, 10, 50)


def gallery_ranks(prediction: Array, samples: Samples) -> Array:
    """(N,) float32 rank of each sample's picture among the whole gallery, by cosine."""
    query, gallery, target = _tensors(prediction, samples)
    return ops.target_ranks(F.normalize(query, dim=1), F.normalize(gallery, dim=1), target).numpy()


def chunk_ranks(prediction: Array, samples: Samples) -> Array:
    """(M,) float32 rank within chunks of 100 rows, by dot product.

    A last chunk of fewer than 99 rows does not count unless it is all there is: the organisers' code cannot score it.
    """
    query, gallery, target = _tensors(prediction, samples)
    chunks = [rows for rows in torch.split(torch.arange(len(query)), CHUNK) if len(rows) >= min(KEPT, len(query))]
    ranks = [
        ops.target_ranks(query[rows], gallery[target[rows]], query_ids=target[rows], gallery_ids=target[rows])
        for rows in chunks
    ]
    return torch.cat(ranks).numpy()


def evaluate(prediction: Array, samples: Samples, shuffle: bool) -> dict[str, float]:
    """Every number of both protocols.

    ``shuffle`` mixes the rows by a fixed permutation before they are cut into chunks: in training files the captions of
    a picture follow each other, so that a chunk would hold a fifth of the pictures.
    """
    order = np.random.default_rng(0).permutation(len(samples)) if shuffle else np.arange(len(samples))
    gallery = gallery_ranks(prediction, samples)
    chunks = chunk_ranks(prediction[order], samples.take(order))
    numbers = {"mrr_gallery": _mrr(gallery), "mrr_100": _mrr(chunks, KEPT)}
    for name, ranks, kept in (("gallery", gallery, 100), ("100", chunks, KEPT)):
        numbers |= {f"recall@{k}_{name}": float((ranks <= k).mean()) for k in RECALLS}
        numbers[f"ndcg@100_{name}"] = float(np.where(ranks <= kept, 1 / np.log2(ranks + 1.0), 0).mean())
        numbers[f"median_rank_{name}"] = float(np.median(ranks))
    return numbers | {"l2_distance": _mean_distance(prediction, samples)}


def _mean_distance(prediction: Array, samples: Samples) -> float:
    """Mean Euclidean distance from predictions to their pictures' vectors, as they are: not normalised."""
    return float(np.linalg.norm(prediction - samples.target_values(), axis=1).mean(dtype=np.float64))


def _mrr(ranks: Array, cutoff: float = np.inf) -> float:
    return float(np.where(ranks <= cutoff, 1 / ranks.astype(np.float64), 0).mean())


def _tensors(prediction: Array, samples: Samples) -> tuple[Tensor, Tensor, Tensor]:
    assert samples.gallery is not None
    assert samples.target is not None
    gallery, target = np.array(samples.gallery.vectors, np.float32), np.array(samples.target, np.int64)
    return torch.from_numpy(np.array(prediction, np.float32)), torch.from_numpy(gallery), torch.from_numpy(target)


MRR_GALLERY = Metric("mrr_gallery", "max", lambda prediction, samples: _mrr(gallery_ranks(prediction, samples)))
MRR_100 = Metric("mrr_100", "max", lambda prediction, samples: _mrr(chunk_ranks(prediction, samples), KEPT))
