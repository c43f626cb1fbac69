"""What this distribution offers to ctk; everything by name, nothing imported before it is used."""

from __future__ import annotations

from ctk import hookimpl
from ctk.hookspecs import Register

requires_ctk = ">=0.2,<0.3"


@hookimpl
def ctk_register_competitions(register: Register) -> None:
    register(
        "csiro-biomass",
        "ctk_csiro_biomass.competition:CSIROBiomass",
        "grams of green, dead and clover that stand in a picture of a pasture",
    )


@hookimpl
def ctk_register_data(register: Register) -> None:
    register("csiro-biomass", "ctk_csiro_biomass.reading.reader:CSIROBiomassReader", "long tables and pictures")


@hookimpl
def ctk_register_metrics(register: Register) -> None:
    register("weighted-r2", "ctk_csiro_biomass.evaluation:WEIGHTED_R2", "R2 of all rows and targets, by their weights")


@hookimpl
def ctk_register_extractors(register: Register) -> None:
    register(
        "color-histogram", "ctk_csiro_biomass.color_histogram:ColorHistogram", "shares of hue, saturation and value"
    )


@hookimpl
def ctk_register_models(register: Register) -> None:
    register(
        "pasture-net",
        "ctk_csiro_biomass.networks.pasture_net:PastureNet",
        "a timm backbone on the picture, whole, in halves or crops, with metadata beside it",
    )
