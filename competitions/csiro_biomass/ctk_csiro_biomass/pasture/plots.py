"""Where and when pictures are taken, and how much stands there: the habits of states, dates and species.

Visits to a state are days with a light, a soil and a season of their own. All is drawn from one generator, so that the
same seed and numbers give the same plots; nothing here is drawn to a picture yet.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np

from ctk_csiro_biomass.pasture.plants import CLOVERS, Colour, plants_of

QUADRAT = (70.0, 30.0)
"""cm from left to right and from top to bottom."""


@dataclass(frozen=True)
class State:
    """Habits of a state: where it is in the table, `share` of the pictures."""

    share: float
    dates: str  # month/day, those that only the test has after a bar
    species: dict[str, float]
    green: float  # median grams of green and clover
    dead: float  # median grams
    soil: Colour
    frame: str


STATES = {
    "Tas": State(
        share=0.38,
        dates="3/10 4/21 5/18 6/23 7/29 8/31 9/22 10/13 11/3 11/20 | 6/2 10/28",
        species={"Ryegrass_Clover": 0.55, "WhiteClover": 0.15, "Ryegrass": 0.2, "Clover": 0.1},
        green=21, dead=8, soil=(84, 66, 50), frame="wood",
    ),
    "Vic": State(
        share=0.31,
        dates="2/24 4/8 5/27 6/30 7/21 9/1 9/30 10/20 11/10 | 8/11 11/24",
        species={
            "Phalaris_Clover": 0.35, "Phalaris": 0.15, "Ryegrass": 0.1, "Phalaris_Ryegrass_Clover": 0.15,
            "Phalaris_BarleyGrass_SilverGrass_SpearGrass_Clover_Capeweed": 0.15, "Ryegrass_Clover": 0.1,
        },
        green=22, dead=10, soil=(98, 78, 60), frame="metal",
    ),
    "NSW": State(
        share=0.22,
        dates="1/15 4/1 5/6 8/19 10/6 11/10 | 9/9",
        species={"Fescue": 0.3, "Lucerne": 0.3, "Fescue_CrumbWeed": 0.15, "Phalaris_Clover": 0.25},
        green=40, dead=13, soil=(110, 82, 58), frame="cardboard",
    ),
    "WA": State(
        share=0.09,
        dates="7/8 9/4 10/1 | 8/20",
        species={"Ryegrass_Clover": 0.3, "SubcloverDalkeith": 0.3, "SubcloverLosa": 0.25, "Mixed": 0.15},
        green=24, dead=0, soil=(150, 122, 92), frame="none",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Visit:
    """A day in a state.

    dryness    0..1 how yellow what is alive is; weathering 0..1 how grey what is dead is
    sun        0..1 direct light; 0 under clouds
    elevation, azimuth  radians
    balance    factors of red, green and blue; exposure one of all
    growth, litter, density  factors of the day: how much stands there, how much is dead, what a leaf weighs
    stamped    whether the camera burns the date in
    """

    state: str
    date: datetime.date
    dryness: float
    weathering: float
    sun: float
    elevation: float
    azimuth: float
    balance: Colour
    exposure: float
    growth: float
    litter: float
    density: float
    stamped: bool


@dataclass(frozen=True)
class Plot:
    """A quadrat before it is drawn: grams are what it is meant to have, `height` the sward's in cm."""

    id: str
    part: str
    visit: Visit
    species: str
    green: float
    clover: float
    dead: float
    height: float


def plan_plots(images: int, test: int, seed: int) -> list[Plot]:
    """Return the plots of the training set, then of the test, each in the order of their ids.

    About half of the test is of days that the training set has.
    """
    random = np.random.default_rng([seed, 0])
    visits = {name: _visits(name, state, random) for name, state in STATES.items()}
    digits = random.choice(np.arange(1_000_000_000, 2_150_000_000, 1000), images + test, replace=False)
    digits += random.integers(0, 1000, len(digits))
    ids = [f"ID{number}" for number in digits.tolist()]
    plots = []
    for part, names in (("train", sorted(ids[:images])), ("test", sorted(ids[images:]))):
        states = _spread({name: state.share for name, state in STATES.items()}, len(names), random)
        for number, (id, state) in enumerate(zip(names, states, strict=True)):
            known, new = visits[state]
            chosen = new if part == "test" and number % 2 else known
            plots.append(_plot(id, part, chosen[random.integers(len(chosen))], random))
    return plots


def _spread(shares: dict[str, float], count: int, random: np.random.Generator) -> list[str]:
    """Names by their shares, each as often as it should be, in a mixed order."""
    edges = np.round(np.cumsum([*shares.values()]) * count).astype(int)
    return list(random.permutation(np.repeat([*shares], np.diff(edges, prepend=0))).tolist())


def _visits(name: str, state: State, random: np.random.Generator) -> tuple[list[Visit], list[Visit]]:
    known, _, new = state.dates.partition("|")
    return [_visit(name, day, random) for day in known.split()], [_visit(name, day, random) for day in new.split()]


def _visit(state: str, day: str, random: np.random.Generator) -> Visit:
    month, number = map(int, day.split("/"))
    date = datetime.date(2015, month, number)
    spring = float(np.cos((date.timetuple().tm_yday - 290) / 365 * 2 * np.pi))  # 1 in mid October, -1 in April
    warmth = random.normal(0, 0.08)
    return Visit(
        state=state,
        date=date,
        dryness=float(np.clip(0.28 - 0.2 * spring + random.normal(0, 0.1), 0.02, 0.6)),
        weathering=float(random.uniform(0, 1)),
        sun=float(random.choice([0.0, 0.35, 1.0], p=[0.3, 0.2, 0.5])),
        elevation=float(np.radians(42 + 14 * spring + random.normal(0, 5))),
        azimuth=float(random.uniform(0, 2 * np.pi)),
        balance=(float(1 + warmth), 1.0, float(1 - warmth + random.normal(0, 0.03))),
        exposure=float(np.exp(random.normal(0, 0.2))),
        growth=float(np.exp(0.25 * spring + random.normal(0, 0.25))),
        litter=float(np.exp(-0.2 * spring + random.normal(0, 0.35))),
        density=float(np.exp(random.normal(0, 0.08))),
        stamped=bool(random.random() < 0.27),
    )


def _plot(id: str, part: str, visit: Visit, random: np.random.Generator) -> Plot:
    state = STATES[visit.state]
    species = str(random.choice([*state.species], p=[*state.species.values()]))
    grams = float(np.clip(state.green * visit.growth * np.exp(random.normal(0, 0.6)), 0.8, 140))
    share = _clover_share(species, random)
    dead = 0.0
    if state.dead and random.random() > 0.06:
        dead = float(np.clip(state.dead * visit.litter * np.exp(random.normal(0, 0.7)), 0.2, 80))
    height = 13 * (grams / 35) ** 0.6 * np.exp(random.normal(0, 0.3)) * (1 - 0.4 * share)
    return Plot(
        id=id,
        part=part,
        visit=visit,
        species=species,
        green=grams * (1 - share),
        clover=grams * share,
        dead=dead,
        height=float(np.clip(height, 1.5, 60)),
    )


def _clover_share(species: str, random: np.random.Generator) -> float:
    """Of the living grams; nothing of it in some plots whose list has clover."""
    clovers = [name in CLOVERS for name in plants_of(species)]
    if not any(clovers) or (not all(clovers) and random.random() < 0.1):
        return 0.0
    return float(random.beta(6, 1.5) if all(clovers) else random.beta(1.3, 2.6))
