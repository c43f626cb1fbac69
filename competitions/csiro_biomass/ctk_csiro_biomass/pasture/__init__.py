"""Pictures of a pasture from above, drawn, with the grams of what was drawn. Begin at README.md."""

from ctk_csiro_biomass.pasture.folder import write_pasture

__all__ = ["write_pasture"]
