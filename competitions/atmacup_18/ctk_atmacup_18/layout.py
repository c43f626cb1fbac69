"""Samples written in the competition's own layout, after a filter, say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ctk.samples import Samples
from ctk_atmacup_18.camera import write_camera
from ctk_atmacup_18.columns import FEATURES, FRAMES, ID, LIGHTS, TARGETS
from ctk_atmacup_18.reading import sample_submission
from ctk_atmacup_18.reading.pictures import LIGHTS as LIGHTS_FOLDER
from ctk_atmacup_18.reading.pictures import PICTURES
from ctk_atmacup_18.reading.tables import TEST, TRAIN


def write(folder: Path, train: Samples, test: Samples) -> None:
    """Write tables, pictures and lights that ``AtmaCup18Reader`` reads as these samples, rows in their order."""
    from pandas import DataFrame
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for name, samples in ((TRAIN, train), (TEST, test)):
        columns = {ID: samples.ids, **{column: samples.features[column] for column in FEATURES}}
        if name == TRAIN and samples.target is not None:
            columns |= dict(zip(TARGETS, samples.target.T, strict=True))
        DataFrame(columns).to_csv(folder / name, index=False)
        for row, id in enumerate(samples.ids.tolist()):
            place = folder / PICTURES / id
            place.mkdir(parents=True, exist_ok=True)
            for picture, frame in zip(samples.features["frames"][row], FRAMES, strict=True):
                Image.fromarray(np.asarray(picture)).save(place / frame)
            _write_lights(folder / LIGHTS_FOLDER / f"{id}.json", samples.features["lights"][row].tolist())
    header = [str(name) for name in test.constants.get("submission", TARGETS)]
    DataFrame(0.0, index=range(len(test)), columns=header).to_csv(folder / sample_submission.NAME, index=False)
    write_camera(folder, test.constants["camera"], test.features["frames"].shape[2:4])


def _write_lights(path: Path, lights: list[list[float]]) -> None:
    there = [light for light in lights if light[0] == light[0]]
    items = [
        {"index": number, "class": LIGHTS[int(kind)], "bbox": box} for number, (kind, *box) in enumerate(there, start=1)
    ]
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(items), encoding="utf-8")
