"""What a row's table does not say by itself: its scene, its neighbours, where physics alone would lead, its lights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np
from pydantic import Field

from ctk.contract import Extractor
from ctk.samples import Array, Samples
from ctk_atmacup_18.columns import AXIS, HORIZONS, LIGHTS

COLUMNS = ("vEgo", "aEgo", "steeringAngleDeg", "steeringTorque", "gas")
"""Those that scenes are summed up by."""


class SceneTable(Extractor):
    """Scene statistics and shifts of five columns, kinematic paths, traffic lights, the row's place in its scene.

    wheelbase       metres between the axles
    steering_ratio  degrees of the steering wheel for one of the front wheels
    """

    def __init__(
        self, *, wheelbase: Annotated[float, Field(gt=0)] = 2.7, steering_ratio: Annotated[float, Field(gt=0)] = 15.0
    ) -> None:
        self.wheelbase, self.steering_ratio = wheelbase, steering_ratio

    def extract(self, samples: Samples, progress: Callable[[int, int], None]) -> dict[str, Array]:
        """(N,) or (N, K) float32 by column; NaN where there is no neighbour, no light or no second row."""
        columns: dict[str, Array] = {}
        scenes = _Scenes(samples.group("scene"), samples.group("time"))
        for name in COLUMNS:
            values = samples.features[name].astype(np.float64)
            columns |= {f"{name}/{what}": made for what, made in scenes.table(values).items()}
        columns["rows"], columns["place"] = scenes.rows, scenes.place
        columns |= self._paths(samples) | _lights(samples)
        return {name: v if v.dtype.kind == "U" else v.astype(np.float32) for name, v in columns.items()}

    def _paths(self, samples: Samples) -> dict[str, Array]:
        """Metres at the six horizons: ``distance`` (N, 6), v t + a t^2 / 2 until the car stands; ``path`` (N, 18) along
        the arc of the steering wheel (the bicycle model without slip: curvature is tan(wheel angle) / wheelbase)."""
        speed, push, wheel = (
            samples.features[name].astype(np.float64)[:, None] for name in ("vEgo", "aEgo", "steeringAngleDeg")
        )
        time = np.array(HORIZONS)
        stands = np.where(speed * push < 0, -speed / np.where(push == 0, 1, push), np.inf)  # s
        time = np.minimum(time, stands)
        distance = speed * time + push * time**2 / 2
        curvature = np.tan(np.deg2rad(wheel / self.steering_ratio)) / self.wheelbase
        turned = distance * curvature  # radians; sinc keeps what is straight from being divided by nothing
        path = np.zeros((len(samples), len(AXIS)))
        path[:, AXIS == "x"] = distance * np.sinc(turned / np.pi)
        path[:, AXIS == "y"] = distance * np.sinc(turned / (2 * np.pi)) * np.sin(turned / 2)
        return {"distance": distance, "path": path}


class _Scenes:
    """Rows by scene and time."""

    def __init__(self, scene: Array, time: Array) -> None:
        self.order = np.lexsort((time, scene))
        ordered = scene[self.order]
        begins = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
        self.begins, self.counts = begins, np.diff(begins, append=len(scene))
        self.rows = self._back(np.repeat(self.counts, self.counts))
        self.place = self._back(np.arange(len(scene)) - np.repeat(begins, self.counts))

    def table(self, values: Array) -> dict[str, Array]:
        """Of (N,) values: the scene's extremes, mean and deviation, the neighbours' in time, and what is between."""
        ordered = values[self.order]
        mean = self._by_scene(np.add, ordered) / self.counts
        apart = ordered - np.repeat(mean, self.counts)
        before, after = np.full(len(values), np.nan), np.full(len(values), np.nan)
        before[1:], after[:-1] = ordered[:-1], ordered[1:]
        before[self.begins] = np.nan
        after[self.begins + self.counts - 1] = np.nan
        of_scene = {
            "max": self._by_scene(np.maximum, ordered),
            "min": self._by_scene(np.minimum, ordered),
            "mean": mean,
            "std": np.sqrt(self._by_scene(np.add, apart**2) / self.counts),
        }
        of_row = {"before": before, "after": after, "since": ordered - before, "until": after - ordered}
        every = {name: np.repeat(each, self.counts) for name, each in of_scene.items()} | of_row
        return {name: self._back(each) for name, each in every.items()}

    def _by_scene(self, reduce: np.ufunc, ordered: Array) -> Array:
        return np.asarray(reduce.reduceat(ordered, self.begins)) if len(ordered) else ordered

    def _back(self, ordered: Array) -> Array:
        """From the order of scenes and times into the samples'."""
        values = np.empty_like(ordered)
        values[self.order] = ordered
        return values


def _lights(samples: Samples) -> dict[str, Array]:
    """How many of each class there are, whether none; and class and box of the one nearest to the picture's centre."""
    lights = samples.features["lights"].astype(np.float64)
    height, width = samples.features["frames"].shape[2:4]
    kind = lights[..., 0]
    columns = {f"lights/{name}": (kind == number).sum(axis=1) for number, name in enumerate(LIGHTS)}
    columns["lights/none"] = np.isnan(kind).all(axis=1)
    across, down = lights[..., [1, 3]].mean(-1) - width / 2, lights[..., [2, 4]].mean(-1) - height / 2
    apart = np.nan_to_num(np.hypot(across, down), nan=np.inf)
    nearest = lights[np.arange(len(lights)), apart.argmin(axis=1)]
    names = np.array([*LIGHTS, ""])
    columns["lights/nearest"] = names[np.nan_to_num(nearest[:, 0], nan=len(LIGHTS)).astype(int)]
    columns["lights/nearest-box"] = nearest[:, 1:]
    return columns
