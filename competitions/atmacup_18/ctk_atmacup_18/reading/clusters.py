"""Clusters of driving, for folds in which every kind of it has its share."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ctk.samples import Array
from ctk_atmacup_18.columns import NUMBERS, SWITCHES

CLUSTERS = 8


def driving_clusters(train: Mapping[str, Array], test: Mapping[str, Array]) -> dict[str, Array]:
    """Number of the cluster of each row, (N,) int64 from 0, of the training rows and of the test's.

    K-means of the standardised numbers and switches of the table; what moves in no training row is left out.
    """
    columns = (*NUMBERS, *SWITCHES)
    ours, theirs = (np.stack([rows[name] for name in columns], axis=1).astype(np.float64) for rows in (train, test))
    if len(ours) < CLUSTERS:
        return {"train": np.zeros(len(ours), np.int64), "test": np.zeros(len(theirs), np.int64)}
    from sklearn.cluster import KMeans

    mean, deviation = ours.mean(axis=0), ours.std(axis=0)
    ours, theirs = (((rows - mean) / np.where(deviation > 0, deviation, np.inf)) for rows in (ours, theirs))
    clusters = min(CLUSTERS, len(np.unique(ours, axis=0)))
    model = KMeans(clusters, n_init=1, random_state=0).fit(ours)
    return {"train": model.labels_.astype(np.int64), "test": model.predict(theirs).astype(np.int64)}
