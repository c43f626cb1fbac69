"""What this distribution offers to ctk; everything by name, nothing imported before it is used."""

from __future__ import annotations

from ctk import hookimpl
from ctk.hookspecs import Register

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_competitions(register: Register) -> None:
    register(
        "atmacup-18",
        "ctk_atmacup_18.competition:AtmaCup18",
        "where a car will be in the next three seconds, from its camera and its pedals",
    )


@hookimpl
def ctk_register_data(register: Register) -> None:
    register("atmacup-18", "ctk_atmacup_18.reading.reader:AtmaCup18Reader", "tables, pictures and traffic lights")


@hookimpl
def ctk_register_models(register: Register) -> None:
    register("constant-speed", "ctk_atmacup_18.constant_speed:ConstantSpeed", "straight on as fast as now; a baseline")
    networks = "ctk_atmacup_18.networks"
    register("nn1", f"{networks}.nn1:NN1", "three frames as channels of a backbone, scalars beside it")
    register("nn2", f"{networks}.nn2:NN2", "nn1's features, then bidirectional LSTMs over the rows of a scene")


@hookimpl
def ctk_register_transforms(register: Register) -> None:
    register("flip", "ctk_atmacup_18.flip:Flip", "scenes in the mirror: left turns out of right ones")
    register(
        "brightness-contrast",
        "ctk_atmacup_18.brightness_contrast:BrightnessContrast",
        "frames brighter or darker, with more or less contrast",
    )


@hookimpl
def ctk_register_extractors(register: Register) -> None:
    register(
        "scene-table",
        "ctk_atmacup_18.scene_table:SceneTable",
        "scene statistics, neighbours, kinematic paths and traffic lights of the table",
    )
