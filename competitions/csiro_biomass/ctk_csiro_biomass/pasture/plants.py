"""What grows: how each plant of the species lists looks and what a square centimetre of its leaves weighs."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[float, float, float]
STRAW: Colour = (196, 168, 112)


@dataclass(frozen=True)
class Grass:
    """Blades in tussocks.

    width    cm of a blade; length is the sward's height times `reach`
    tuft     cm between tussocks; small for a closed sward
    lean     radians from upright at the base, `bend` more on the way to the tip
    weight   dry grams a square centimetre of blade, its stem counted in
    straw    share of blades that are straw-coloured though alive: seed heads and their stalks
    """

    colour: Colour
    width: float
    tuft: float
    lean: float
    bend: float
    reach: float = 1.2
    weight: float = 0.0075
    straw: float = 0.0


@dataclass(frozen=True)
class Herb:
    """Leaves of some leaflets on a stalk.

    size     cm of a leaflet, `aspect` times as wide; it grows with the sward
    level    where leaves are, as a share of the sward's height
    mark     whether leaflets have a pale chevron
    flower   colour of flowers, of so many for each leaf in spring
    weight   dry grams a square centimetre of leaf
    """

    colour: Colour
    size: float
    leaflets: int = 3
    aspect: float = 1.0
    level: float = 0.7
    mark: bool = False
    flower: Colour | None = None
    flowers: float = 0.0
    weight: float = 0.0085


Plant = Grass | Herb

CLOVERS: dict[str, Herb] = {
    "Clover": Herb((84, 122, 58), 1.05, mark=True, flower=(226, 214, 216), flowers=0.02),
    "WhiteClover": Herb((90, 128, 64), 0.95, mark=True, flower=(236, 234, 220), flowers=0.04),
    "SubcloverDalkeith": Herb((98, 134, 62), 1.15, mark=True, level=0.8),
    "SubcloverLosa": Herb((78, 112, 54), 1.0, mark=False, level=0.8),
}
"""Those whose grams are Dry_Clover_g; all others are Dry_Green_g."""

OTHERS: dict[str, Plant] = {
    "Ryegrass": Grass((88, 114, 48), width=0.36, tuft=4.0, lean=0.45, bend=0.9),
    "Fescue": Grass((104, 122, 68), width=0.27, tuft=5.5, lean=0.35, bend=0.7),
    "Phalaris": Grass((102, 126, 80), width=0.75, tuft=5.0, lean=0.35, bend=1.0, weight=0.0085),
    "BarleyGrass": Grass((122, 146, 66), width=0.42, tuft=3.5, lean=0.3, bend=0.7, straw=0.12),
    "Bromegrass": Grass((104, 132, 60), width=0.5, tuft=4.0, lean=0.5, bend=1.0, straw=0.05),
    "SilverGrass": Grass((146, 156, 98), width=0.18, tuft=3.0, lean=0.4, bend=0.5, straw=0.15),
    "SpearGrass": Grass((118, 128, 70), width=0.2, tuft=4.0, lean=0.3, bend=0.5, straw=0.15),
    "Lucerne": Herb((80, 112, 64), 1.3, aspect=0.45, level=0.75, weight=0.011),
    "CrumbWeed": Herb((108, 130, 92), 1.2, leaflets=5, aspect=0.4, level=0.35),
    "Capeweed": Herb((112, 142, 84), 2.2, leaflets=7, aspect=0.3, level=0.3, flower=(232, 200, 40), flowers=0.03),
}

MIXED = ("Ryegrass", "BarleyGrass", "Capeweed", "Clover")


def plants_of(species: str) -> list[str]:
    """Return the plants that a species list as ``Ryegrass_Clover`` names, the first the most."""
    return list(MIXED) if species == "Mixed" else species.split("_")
