"""Samples written in the competition's own layout, after a filter, say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ctk.samples import Samples
from ctk_csiro_biomass import submission
from ctk_csiro_biomass.columns import DATE, IMAGE, TARGETS
from ctk_csiro_biomass.reading.column_names import MetadataColumns
from ctk_csiro_biomass.reading.tables import ID, SAMPLE, TARGET, TEST, TRAIN


def write(folder: Path, train: Samples, test: Samples) -> None:
    """Write tables and pictures that ``CSIROBiomassReader`` reads as these samples, rows in their order.

    Pictures are written as they are kept, at their size: PNG, so that nothing is lost.
    """
    from pandas import DataFrame
    from PIL import Image

    for part, samples in (("train", train), ("test", test)):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for id, picture in zip(samples.ids.tolist(), samples.features[IMAGE], strict=True):
            Image.fromarray(np.asarray(picture)).save(folder / part / f"{id}.png")
    ids = np.repeat(train.ids, len(TARGETS))
    names = np.tile(np.array(TARGETS), len(train))
    columns: dict[str, Any] = {
        ID: [f"{id}__{name}" for id, name in zip(ids, names, strict=True)],
        "image_path": [f"train/{id}.png" for id in ids],
    }
    for feature, column in MetadataColumns().named().items():
        values = train.features[feature]
        columns[column] = np.repeat(
            np.char.replace(values, "-", "/") if feature == DATE else values, len(TARGETS)
        ).tolist()
    DataFrame({**columns, "target_name": names, TARGET: train.target_values().reshape(-1)}).to_csv(
        folder / TRAIN, index=False
    )
    rows = submission.row_ids(test)
    of = [id.rpartition("__") for id in rows]
    asked = {ID: rows, "image_path": [f"test/{id}.png" for id, _, _ in of], "target_name": [name for *_, name in of]}
    DataFrame(asked).to_csv(folder / TEST, index=False)
    DataFrame({ID: rows, TARGET: 0.0}).to_csv(folder / SAMPLE, index=False)
