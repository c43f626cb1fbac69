"""A plot grown: every blade, leaf and straw as polygons in space, and what those inside the quadrat weigh."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from ctk.samples import Array
from ctk_csiro_biomass.pasture.plants import CLOVERS, OTHERS, STRAW, Colour, Grass, Herb, plants_of
from ctk_csiro_biomass.pasture.plots import QUADRAT, Plot

AnyPlant = TypeVar("AnyPlant", Grass, Herb)
GROUND = (80.0, 42.0)
"""cm that are planted, so that the picture's edges are not bare."""
MOST = 4500
"""Elements of a kind at most; where it takes more for the grams, they are wider."""
FOLDED = 0.4
"""cm of a blade's mean width from which on it is seen to be folded along its rib."""
STEPS = np.array([0.0, 0.35, 0.7, 1.0])
TAPER = np.array([0.75, 1.0, 0.7, 0.08])
OUTLINE = np.array([(0, 0), (0.4, 0.4), (0.8, 0.5), (1, 0.25), (0.93, 0), (1, -0.25), (0.8, -0.5), (0.4, -0.4)])
"""Of a leaflet 1 long and 1 wide, from its stalk."""
FILLED = 0.78
"""Area of that outline."""
CHEVRON = np.array([(0.3, 0.34), (0.62, 0), (0.3, -0.34), (0.46, 0)])


@dataclass(frozen=True)
class Facets:
    """Flat polygons: points (N, P, 3) cm, colours (N, 3) 0..255."""

    points: Array
    colours: Array


@dataclass
class Sward:
    """Polygons and grams of Dry_Green_g, Dry_Dead_g and Dry_Clover_g, before they are weighed.

    cover  share of the ground under living leaves, were they spread at random
    """

    facets: list[Facets]
    green: float = 0.0
    dead: float = 0.0
    clover: float = 0.0
    cover: float = 0.0


def grow(plot: Plot, random: np.random.Generator) -> Sward:
    """Grow what a plot is meant to have; grams differ from the plan as plants do."""
    sward = Sward([])
    tint = np.exp(random.normal(0, 0.06, 3))
    names = plants_of(plot.species)
    others = [name for name in names if name not in CLOVERS] or ["Ryegrass"]
    shares = 0.5 ** np.arange(len(others)) * random.uniform(0.6, 1.4, len(others))
    area = 0.0
    for name, share in zip(others, shares / shares.sum(), strict=True):
        plant, grams = OTHERS[name], plot.green * float(share)
        if isinstance(plant, Grass):
            grown, leaves = _grass(_here(plant, plot, tint), plot, grams, random, sward)
        else:
            grown, leaves = _herb(_here(plant, plot, tint), plot, grams, random, sward)
        sward.green += grown
        area += leaves
    for name in names:
        if name in CLOVERS and plot.clover:
            sward.clover, leaves = _herb(_here(CLOVERS[name], plot, tint), plot, plot.clover, random, sward)
            area += leaves
    sward.dead = _straw(plot, random, sward)
    sward.cover = 1 - float(np.exp(-0.75 * area / (QUADRAT[0] * QUADRAT[1])))
    return sward


def _here(plant: AnyPlant, plot: Plot, tint: Array) -> AnyPlant:
    """A plant as it is there: its colour, and its weight, which has more of the stem in it the taller the sward is."""
    red, green, blue = (float(each) for each in np.array(plant.colour) * tint)
    weight = plant.weight * plot.visit.density * (0.7 + plot.height / 40)
    return replace(plant, colour=(red, green, blue), weight=weight)


def _grass(plant: Grass, plot: Plot, grams: float, random: np.random.Generator, sward: Sward) -> tuple[float, float]:
    """Add blades; returns their grams and cm2 inside the quadrat."""
    usual = plant.reach * plot.height + 1  # cm
    count, widening = _count(grams, usual * plant.width * 0.75 * plant.weight)
    base = _tussocks(count, plant.tuft, random)
    length = usual * random.gamma(8, 1 / 8, count)
    width = plant.width * widening * random.gamma(12, 1 / 12, count) * np.sqrt(np.clip(length / 12, 0.4, 1.5))
    azimuth = random.uniform(0, 2 * np.pi, count)
    lean = np.abs(random.normal(plant.lean, 0.25, count))
    bend = plant.bend * random.gamma(3, 1 / 3, count)
    straw = random.random(count) < plant.straw
    dry = plot.visit.dryness * random.uniform(0, 1.6, count)
    shade = random.normal(1, 0.13, count)
    colour = _mix(np.array(plant.colour) * shade[:, None], STRAW, np.where(straw, 0.85, 0.25 * dry)[:, None])
    sward.facets += _blades(base, length, width, azimuth, lean, bend, colour, dry, random)
    inside = _inside(base)
    areas = (length * width * 0.75)[inside]
    return float(areas.sum() * plant.weight), float(areas.sum())


def _blades(
    base: Array, length: Array, width: Array, azimuth: Array, lean: Array, bend: Array, colour: Array, dry: Array,
    random: np.random.Generator,
) -> list[Facets]:  # fmt: skip
    """Three quads a blade, from its base to its tip, lighter and drier on the way."""
    middle = (STEPS[1:] + STEPS[:-1]) / 2
    pieces = np.diff(STEPS) * length[:, None]
    angle = np.minimum(lean[:, None] + bend[:, None] * middle, 2.2)
    turned = azimuth[:, None] + random.normal(0, 0.35, len(base))[:, None] * middle
    steps = np.stack([np.sin(angle) * np.cos(turned), np.sin(angle) * np.sin(turned), np.cos(angle)], -1)
    nodes = np.zeros((len(base), 4, 3))
    nodes[:, :, :2] = base[:, None]
    nodes[:, 1:] += np.cumsum(steps * pieces[..., None], axis=1)
    nodes[..., 2] = np.maximum(nodes[..., 2], 0.2)
    side = (
        np.stack([-np.sin(azimuth), np.cos(azimuth), 0 * azimuth], -1)[:, None]
        * (width[:, None] * TAPER / 2)[..., None]
    )
    light = np.array([0.72, 0.95, 1.12]) * (1 + 0.12 * np.cos(azimuth)[:, None])
    tips = _mix(colour[:, None] * light[..., None], STRAW, (dry[:, None] * [0.0, 0.12, 0.6])[..., None])
    blades = [Facets(_strips(nodes - side, nodes + side), tips.reshape(-1, 3))]
    if width.mean() > FOLDED:  # along the rib, one half in the shade of the other
        blades.append(Facets(_strips(nodes + np.array((0, 0, 0.02)), nodes + side), 0.84 * tips.reshape(-1, 3)))
    return blades


def _strips(left: Array, right: Array) -> Array:
    """(N * 3, 4, 3): the quads between two edges (N, 4, 3)."""
    return np.stack([left[:, :-1], left[:, 1:], right[:, 1:], right[:, :-1]], 2).reshape(-1, 4, 3)


def _herb(plant: Herb, plot: Plot, grams: float, random: np.random.Generator, sward: Sward) -> tuple[float, float]:
    """Add leaves on stalks; returns their grams and cm2 inside the quadrat."""
    level = max(plant.level * plot.height, 0.8)
    size = plant.size * (0.75 + 0.02 * min(plot.height, 25))
    stalk = 0.12 * plant.weight  # grams a cm
    leaf = plant.leaflets * size**2 * plant.aspect * FILLED * plant.weight
    count, widening = _count(grams, leaf + stalk * level)
    base = _tussocks(count, 9.0, random)
    sizes = size * widening * random.gamma(14, 1 / 14, count)
    heights = np.maximum(level * random.beta(4, 2.2, count) / 0.65, 0.5)
    azimuth = random.uniform(0, 2 * np.pi, count)
    centre = np.concatenate([base + random.normal(0, 0.22, (count, 2)) * heights[:, None], heights[:, None]], 1)
    shade = random.normal(1, 0.1, count) * (0.8 + 0.35 * heights / heights.max(initial=1))
    dry = plot.visit.dryness * random.uniform(0, 1, count)
    colour = _mix(np.array(plant.colour) * shade[:, None], STRAW, 0.3 * dry[:, None])
    across = np.stack([-np.sin(azimuth), np.cos(azimuth), 0 * azimuth], -1)[:, None] * [[0.07], [-0.07]]
    foot = np.concatenate([base, np.full((count, 1), 0.1)], 1)[:, None]
    top = centre[:, None] - (0, 0, 0.1)
    sward.facets.append(Facets(np.concatenate([foot + across, top - across], 1), colour * (0.95, 0.9, 0.8)))
    for number in range(plant.leaflets):
        towards = azimuth + 2 * np.pi * number / plant.leaflets + random.normal(0, 0.12, count)
        tilt = random.normal(0, 0.3, count)
        tone = colour * random.normal(1.02, 0.07, (count, 1))
        sward.facets.append(Facets(_leaflets(OUTLINE, plant.aspect, centre, sizes, towards, tilt), tone))
        if plant.mark:
            marks = _leaflets(CHEVRON, plant.aspect, centre + np.array((0, 0, 0.05)), sizes, towards, tilt)
            sward.facets.append(Facets(marks, _mix(tone, (206, 222, 190), np.full((count, 1), 0.4))))
    if plant.flower is not None:
        sward.facets.append(
            _flowers(plant.flower, centre[random.random(count) < plant.flowers * _spring(plot)], random)
        )
    inside = _inside(base)
    areas = plant.leaflets * (sizes**2)[inside] * plant.aspect * FILLED
    return float(areas.sum() * plant.weight + stalk * heights[inside].sum()), float(areas.sum())


def _leaflets(outline: Array, aspect: float, centre: Array, size: Array, towards: Array, tilt: Array) -> Array:
    """(N, P, 3): an outline laid from each centre in a direction, rising by `tilt`."""
    along = np.stack([np.cos(towards), np.sin(towards), tilt], -1) * size[:, None]
    across = np.stack([-np.sin(towards), np.cos(towards), 0 * towards], -1) * size[:, None] * aspect
    points: Array = centre[:, None] + outline[:, :1] * along[:, None] + outline[:, 1:] * across[:, None]
    return points


def _flowers(colour: Colour, centre: Array, random: np.random.Generator) -> Facets:
    """Balls of petals a little above the leaves."""
    turn = np.arange(8) * np.pi / 4
    ring = np.stack([np.cos(turn), np.sin(turn), 0 * turn], -1)
    size = random.uniform(0.45, 0.8, len(centre))
    points = centre[:, None] + (0, 0, 1.5) + ring * size[:, None, None]
    return Facets(points, np.array(colour) * random.normal(1, 0.06, (len(centre), 1)))


def _spring(plot: Plot) -> float:
    """1 in October and November, when clover flowers, less before and after."""
    return float(np.exp(-(((plot.visit.date.month - 10.5) / 2) ** 2)))


def _straw(plot: Plot, random: np.random.Generator, sward: Sward) -> float:
    """Add dead matter, most of it flat on the ground, some standing in the sward; returns grams in the quadrat."""
    if not plot.dead:
        return 0.0
    density = 0.009 * plot.visit.density
    count, widening = _count(plot.dead, 7.5 * 0.34 * 0.85 * density)
    base = np.stack([random.uniform(-each / 2, each / 2, count) for each in GROUND], -1)
    base += random.normal(0, 1.2, (count, 2))
    length, width = 7.5 * random.gamma(4, 1 / 4, count), 0.34 * widening * random.gamma(6, 1 / 6, count)
    azimuth = random.normal(random.uniform(0, np.pi), 1.0, count)
    standing = random.random(count) < 0.25
    level = np.where(standing, random.uniform(0.1, 0.75, count) * plot.height, random.uniform(0.2, 1.2, count))
    rise = np.where(standing, random.normal(0, 0.5, count), random.normal(0, 0.04, count))
    along = np.stack([np.cos(azimuth), np.sin(azimuth), rise], -1) * (length / 2)[:, None]
    across = np.stack([-np.sin(azimuth), np.cos(azimuth), 0 * azimuth], -1) * (width / 2)[:, None]
    middle = np.concatenate([base, level[:, None]], 1)
    kink = random.normal(0, 0.1, (count, 1)) * np.stack([-along[:, 1], along[:, 0], 0 * azimuth], -1)
    points = np.stack([middle - along - across, middle + kink - across, middle + along, middle + kink + across], 1)
    points[..., 2] = np.maximum(points[..., 2], 0.15)
    grey = np.clip(plot.visit.weathering + random.normal(0, 0.25, (count, 1)), 0, 1)
    colour = _mix(np.array(STRAW), (128, 108, 84), grey) * random.normal(1, 0.12, (count, 1))
    sward.facets.append(Facets(points, colour))
    return float((length * width * 0.85)[_inside(base)].sum() * density)


def _count(grams: float, mean: float) -> tuple[int, float]:
    """How many elements of so many grams the planted ground has; how much larger they are where that is too many."""
    wanted = grams / mean * (GROUND[0] * GROUND[1]) / (QUADRAT[0] * QUADRAT[1])
    return round(min(wanted, MOST)), max(1.0, wanted / MOST)


def _tussocks(count: int, tuft: float, random: np.random.Generator) -> Array:
    """Return (N, 2) cm: bases around the middles of tussocks."""
    middles = max(3, round(GROUND[0] * GROUND[1] / tuft**2))
    place = np.stack([random.uniform(-each / 2, each / 2, middles) for each in GROUND], -1)
    size = random.gamma(2, 1, middles)
    chosen = random.choice(middles, count, p=size / size.sum())
    return place[chosen] + random.normal(0, 0.32 * tuft, (count, 2))


def _inside(base: Array) -> Array:
    inside: Array = np.all(np.abs(base) < np.array(QUADRAT) / 2, axis=1)
    return inside


def _mix(colours: Array, other: Colour, share: Array) -> Array:
    mixed: Array = colours + (np.array(other) - colours) * np.clip(share, 0, 1)
    return mixed
