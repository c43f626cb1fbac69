"""The network's options as config keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ctk.contract import Count, Strict
from ctk_csiro_biomass.columns import DATE, HEIGHT, NDVI, SPECIES, STATE

Share = Annotated[float, Field(ge=0, lt=1)]
Metadata = Literal["ndvi", "height", "state", "species", "date"]
assert {NDVI, HEIGHT, STATE, SPECIES, DATE} == set(Metadata.__args__)  # type: ignore[attr-defined]


class _Named(Strict):
    """Options that may be given by their name alone."""

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


class Pieces(_Named):
    """How the backbone is shown a picture: ``whole``, in left and right ``halves``, or in ``crops``."""

    name: Literal["whole", "halves", "crops"] = Field("whole", description="which of the three")
    grid: tuple[Count, Count] = Field((2, 4), description="of crops: rows and columns of them")
    overlap: Share = Field(0.0, description="of crops: share of a crop's side that the next one has too")
    crop: tuple[Count, Count] | None = Field(
        None, description="of crops: height and width of each in pixels, evenly spread; none: as grid and overlap need"
    )
    join: Literal["concatenate", "mean"] = Field(
        "concatenate", description="what becomes of the pieces' features where no perceiver reads them"
    )

    @model_validator(mode="after")
    def _one_way_to_cut(self) -> Self:
        if self.crop is not None and self.overlap:
            raise ValueError(
                "crops have a size (crop) or an overlap, not both: with a size the grid says how far they overlap"
            )
        if self.name != "crops" and (self.crop is not None or self.overlap):
            raise ValueError(f"'{self.name}' has no crops, so no size or overlap of them")
        return self


class Fusion(_Named):
    """How metadata is joined to the picture: not at all, by ``mlp`` or by ``perceiver``."""

    name: Literal["none", "mlp", "perceiver"] = Field("none", description="which of the three")
    metadata: tuple[Metadata, ...] = Field(
        ("ndvi", "height"), description="what is read beside the picture; a perceiver may read nothing"
    )
    hide: Share = Field(0.0, description="share of training rows whose metadata is hidden, as that of all of the test")
    width: Count = Field(64, description="of the mlp's two layers, or of the perceiver's tokens and latents")
    latents: Count = Field(16, description="of the perceiver: learned vectors that look at the tokens")
    layers: Count = Field(2, description="of the perceiver: times that they look, and then at each other")
    heads: Count = Field(4, description="of the perceiver: heads of each attention")

    @model_validator(mode="after")
    def _whole_heads(self) -> Self:
        if self.name == "perceiver" and self.width % self.heads:
            raise ValueError(f"a width of {self.width} cannot be shared by {self.heads} heads")
        if self.name == "mlp" and not self.metadata:
            raise ValueError("an mlp needs some metadata")
        return self

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the features that are read beside the picture."""
        return () if self.name == "none" else self.metadata
