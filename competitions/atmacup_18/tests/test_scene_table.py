"""The extractor's columns are what pandas makes of the files, slowly."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest

from ctk_atmacup_18.columns import HORIZONS, LIGHTS
from ctk_atmacup_18.scene_table import COLUMNS, SceneTable


@pytest.fixture
def train(once_data, prepared):
    return prepared(once_data).train


@pytest.fixture
def table(once_data):
    table = pd.read_csv(once_data / "train_features.csv")
    table["scene"] = table["ID"].str.split("_").str[0]
    table["time"] = table["ID"].str.split("_").str[1].astype(int)
    return table


def silent(done, total):
    """Progress that nobody is told."""


close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4)


def test_scenes_are_summed_up_and_neighbours_found_in_the_order_of_time(train, table):
    made = SceneTable().extract(train, silent)
    by_scene = table.sort_values("time").groupby("scene")
    for name in COLUMNS:
        of = by_scene[name]
        for what in ("max", "min", "mean"):
            close(made[f"{name}/{what}"], of.transform(what).reindex(table.index))
        close(made[f"{name}/std"], of.transform(lambda each: each.std(ddof=0)).reindex(table.index))
        close(made[f"{name}/before"], of.shift(1).reindex(table.index))
        close(made[f"{name}/after"], of.shift(-1).reindex(table.index))
        close(made[f"{name}/since"], of.diff(1).reindex(table.index))
        close(made[f"{name}/until"], -of.diff(-1).reindex(table.index))
    close(made["rows"], table["scene"].map(table["scene"].value_counts()))
    close(made["place"], by_scene.cumcount().reindex(table.index))


def test_a_path_follows_speed_and_wheel_and_ends_where_the_car_stands(train):
    straight = {"vEgo": 10.0, "aEgo": 1.0, "steeringAngleDeg": 0.0}
    braking = {"vEgo": 2.0, "aEgo": -1.0, "steeringAngleDeg": 0.0}
    left = {"vEgo": 10.0, "aEgo": 0.0, "steeringAngleDeg": 30.0}
    some = train.take(np.arange(3))
    for name in straight:
        values = np.array([each[name] for each in (straight, braking, left)], np.float32)
        some = type(some)(**{**vars(some), "features": {**some.features, name: values}})
    made = SceneTable(wheelbase=2.7, steering_ratio=15).extract(some, silent)
    time = np.array(HORIZONS)
    close(made["distance"][0], 10 * time + time**2 / 2)
    close(made["distance"][1], [0.875, 1.5, 1.875, 2, 2, 2])
    radius = 2.7 / np.tan(np.deg2rad(30 / 15))
    close(made["path"][2, 0::3], radius * np.sin(10 * time / radius))
    close(made["path"][2, 1::3], radius * (1 - np.cos(10 * time / radius)))
    assert (made["path"][2, 2::3] == 0).all()


def from_centre(light):
    return np.hypot(*(np.reshape(light["bbox"], (2, 2)).mean(0) - [64, 32]))


def test_lights_are_counted_and_the_one_nearest_to_the_centre_is_named(train, once_data):
    made = SceneTable().extract(train, silent)
    for row, id in enumerate(train.ids.tolist()):
        lights = json.loads((once_data / "traffic_lights" / f"{id}.json").read_text())
        for name in LIGHTS:
            assert made[f"lights/{name}"][row] == sum(light["class"] == name for light in lights)
        assert made["lights/none"][row] == (not lights)
        near = min(lights, key=from_centre, default=None)
        assert made["lights/nearest"][row] == (near["class"] if near else "")
        close(made["lights/nearest-box"][row], near["bbox"] if near else np.nan)
