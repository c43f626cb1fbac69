"""Random columns of air that look like weather: what the schemes are given.

A time step is 384 columns at fixed places of the globe, so that its columns share the season and the sun. Everything
else is drawn anew: surface, temperature, humidity, wind, clouds and trace gases. The profiles are smooth and of the
right size; they are not an analysis of any day and know nothing of their neighbours.

Arrays are (60, 384) or (384,), float64, level 0 at the top, named and in units as ClimSim's (columns.UNITS).
"""

from __future__ import annotations

import numpy as np

from ctk.samples import Array
from ctk_leap_climsim.columns import EXACT_LEVELS, GRID
from ctk_leap_climsim.synthetic.levels import pressures
from ctk_leap_climsim.synthetic.timeline import Moment

SOLAR_CONSTANT = 1367.0
"""W/m2, climt's stellar irradiance."""
STEFAN_BOLTZMANN = 5.670374e-8
FREEZING = 273.15
HOMOGENEOUS = 235.0
"""K. Below about -38 degrees Celsius droplets freeze by themselves (Pruppacher and Klett 1997, chapter 7)."""
GRAVITY, GAS, HEAT, VAPORISATION = 9.80665, 287.0, 1004.64, 2.5e6
"""m/s2, J/kg/K, J/kg/K, J/kg, as climt has them."""

STABILITY = (2.5, 0.8)
"""K, mean and deviation: how much colder than the surface the free troposphere's adiabat starts."""

WARMEST = 301.5
"""K. The free troposphere does not follow ground that is hotter: it is the same over all of the tropics."""

_COLUMN = np.arange(GRID)
LATITUDE = np.arcsin((2 * _COLUMN + 1) / GRID - 1)
"""(384,) radians. A Fibonacci lattice: every column stands for the same area."""
LONGITUDE = (_COLUMN * np.pi * (3 - np.sqrt(5))) % (2 * np.pi)
LAND = np.clip(
    4
    * (
        0.6 * np.sin(2 * LONGITUDE + 0.4) * np.cos(LATITUDE)
        + 0.5 * np.sin(LONGITUDE - 1)
        + 0.3 * np.sin(3 * LATITUDE)
        - 0.3
    ),
    0,
    1,
)
"""(384,) Share of land: continents of our own, a third of the globe."""


def vapour_pressure(temperature: Array) -> Array:
    """Pressure of saturated vapour over water, Pa, at K: Bolton (1980), equation 10."""
    pressure: Array = 611.2 * np.exp(17.67 * (temperature - 273.15) / (temperature - 29.65))
    return pressure


def saturation(temperature: Array, pressure: Array) -> Array:
    """Specific humidity of air saturated over water, kg/kg, at K and Pa."""
    vapour = vapour_pressure(temperature)
    ratio: Array = 0.622 * vapour / np.maximum(pressure - 0.378 * vapour, vapour)
    return ratio


def sun_distance(moment: Moment) -> float:
    """(Mean distance / distance)^2 of the sun: Spencer (1971)."""
    day = moment.season
    return float(
        1.00011
        + 0.034221 * np.cos(day)
        + 0.00128 * np.sin(day)
        + 0.000719 * np.cos(2 * day)
        + 0.000077 * np.sin(2 * day)
    )


def cosine_of_zenith(moment: Moment) -> Array:
    """(384,) Cosine of the sun's zenith angle, 0 at night."""
    declination = -np.deg2rad(23.45) * np.cos(moment.season + 2 * np.pi * 10 / 365)
    hour = 2 * np.pi * moment.second / 86_400 + LONGITUDE - np.pi
    height = np.sin(LATITUDE) * np.sin(declination) + np.cos(LATITUDE) * np.cos(declination) * np.cos(hour)
    risen: Array = np.clip(height, 0, None)
    return risen


def draw(moment: Moment, rng: np.random.Generator) -> dict[str, Array]:
    """All of ClimSim's input variables for one time step."""
    sun = cosine_of_zenith(moment)
    ground, warmth = _ground(moment, sun, rng)
    ps = rng.normal(101_000, 900, GRID) - 25_000 * LAND * rng.beta(1, 6, GRID)
    pmid, _ = pressures(ps)
    z = 7.5 * np.log(ps / pmid)  # km
    tropopause = np.clip(8 + 0.145 * (warmth - 250) + rng.normal(0, 0.6, GRID), 7, 16)  # km
    t = _temperature(warmth - rng.normal(0.8, 1.0, GRID), z, pmid, tropopause, rng)
    relative, q = _humidity(t, pmid, z, tropopause, rng)
    liquid, ice = _clouds(relative, t, z, tropopause, rng)
    u, v = _wind(z, rng)
    air = {"state_t": t, "state_q0001": q, "state_q0002": liquid, "state_q0003": ice, "state_u": u, "state_v": v}
    return {
        **air,
        "state_pmid": pmid,
        "state_ps": ps,
        "pbuf_SOLIN": SOLAR_CONSTANT * sun_distance(moment) * sun,
        "pbuf_COSZRS": sun,
        **_fluxes(air, ps, pmid, warmth, ground["cam_in_OCNFRAC"]),
        **ground,
        **_gases(z, pmid, tropopause, rng),
    }


def _ground(moment: Moment, sun: Array, rng: np.random.Generator) -> tuple[dict[str, Array], Array]:
    """What covers the surface and how it reflects, and its temperature in K."""
    summer = np.sin(LATITUDE) * -np.cos(moment.season)
    warmth = 301 - 42 * np.sin(LATITUDE) ** 2 + summer * (4 + 14 * LAND) + LAND * (6 * sun - 3)
    warmth = np.clip(warmth + rng.normal(0, 3, GRID), 225, 314)
    snow = LAND * np.clip((FREEZING - warmth) / 15, 0, 1) * rng.gamma(2, 0.05, GRID)
    ice = (1 - LAND) * np.clip((271.35 - warmth) / 8, 0, 1)
    water = 1 - LAND - ice
    on_ice = np.where(ice > 0, rng.gamma(2, 0.05, GRID), 0.0)
    covered = snow / (snow + 0.02)
    soil = rng.beta(4, 16, GRID)
    # Open water: Taylor et al. (1996) for direct light.
    direct = 0.037 / (1.1 * sun**1.4 + 0.15)

    def albedo(water_albedo: Array | float, near_infrared: bool) -> Array:
        bare, snowy, icy = (1.6 * soil, 0.60, 0.40) if near_infrared else (0.7 * soil, 0.85, 0.70)
        mixed: Array = water * water_albedo + ice * icy + LAND * (bare * (1 - covered) + snowy * covered)
        return mixed

    ground = {
        "cam_in_ALDIF": albedo(0.06, True),
        "cam_in_ALDIR": albedo(direct, True),
        "cam_in_ASDIF": albedo(0.06, False),
        "cam_in_ASDIR": albedo(direct, False),
        "cam_in_LWUP": STEFAN_BOLTZMANN * warmth**4,
        "cam_in_ICEFRAC": ice,
        "cam_in_LANDFRAC": LAND.copy(),
        "cam_in_OCNFRAC": water,
        "cam_in_SNOWHICE": on_ice,
        "cam_in_SNOWHLAND": snow,
    }
    return ground, warmth


def _bumps(
    z: Array,
    rng: np.random.Generator,
    count: int,
    heights: tuple[float, float],
    widths: tuple[float, float],
    size: float,
) -> Array:
    """A sum of random layers: Gaussian in height, km."""
    layers = np.zeros_like(z)
    for _ in range(count):
        centre, width = rng.uniform(*heights, GRID), rng.uniform(*widths, GRID)
        layers += rng.normal(0, size, GRID) * np.exp(-(((z - centre) / width) ** 2))
    return layers


def _temperature(ground: Array, z: Array, p: Array, tropopause: Array, rng: np.random.Generator) -> Array:
    """Between a moist adiabat (the tropics) and a constant lapse rate (the poles) up to the tropopause, then warming to
    the stratopause at 47 km and cooling above it."""
    height = np.minimum(z, tropopause)
    straight = ground - (6.2 - 1.2 * np.sin(LATITUDE) ** 2 + rng.normal(0, 0.5, GRID)) * height
    moist = _moist_adiabat(np.minimum(ground, WARMEST) - rng.normal(*STABILITY, GRID), height, p)
    share = np.clip(1.2 * np.cos(LATITUDE) + rng.normal(0, 0.1, GRID) - 0.2, 0, 1)
    t = share * np.maximum(moist, ground - 9.6 * z) + (1 - share) * straight  # a well mixed layer next to the ground
    start = tropopause + 1
    warming = rng.normal(266, 5, GRID) - t[0]
    t += warming * np.clip((z - start) / (47 - start), 0, 1) - 2.2 * np.clip(z - 47, 0, None)
    t += _bumps(z, rng, 3, (0, 15), (1.5, 5), 0.8) + _bumps(z, rng, 4, (25, 66), (3, 9), 3)
    bounded: Array = np.clip(t, 170, 320)
    return bounded


def _moist_adiabat(start: Array, z: Array, p: Array) -> Array:
    """Temperature of saturated air that rises from the surface; constant where ``z`` (km) does not grow."""
    t = np.empty_like(z)
    rising, below = start, np.zeros_like(start)
    for level in reversed(range(len(z))):
        q = saturation(rising, p[level])
        lapse = (1 + VAPORISATION * q / (GAS * rising)) / (HEAT + 0.622 * VAPORISATION**2 * q / (GAS * rising**2))
        rising = rising - GRAVITY * lapse * (z[level] - below) * 1e3
        t[level], below = rising, z[level]
    return t


def _humidity(t: Array, p: Array, z: Array, tropopause: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Relative humidity, up to 6% above saturation (lifting goes ahead of the physics), and specific, kg/kg."""
    most = saturation(t, p)
    near, free = rng.beta(8, 2, GRID) * np.minimum(1, 0.022 / most[-1]), rng.beta(2, 2.6, GRID)
    depth = rng.uniform(0.9, 2.6, GRID)
    relative = free + (near - free) * np.exp(-((z / depth) ** 2)) + _bumps(z, rng, 4, (0, 14), (0.8, 4), 0.22)
    relative = np.clip(relative, 0.02, 1.06)
    dry = np.minimum(3e-6 * np.exp(rng.normal(0, 0.15, GRID)), 0.5 * most)  # the stratosphere's
    q = relative * most * np.exp(-np.clip(z - tropopause, 0, None)) + dry
    return relative, q


def _clouds(relative: Array, t: Array, z: Array, tropopause: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Cloud liquid and ice, kg/kg.

    In levels EXACT_LEVELS and above there is only ice, but for a trace of liquid below HOMOGENEOUS, a thousandth less a
    level, which does not outlive the step; below these levels there is no liquid that cold.
    """
    water = np.clip((relative - 0.8) / 0.2, 0, 1.2) * 10 ** rng.uniform(-4.7, -3.5, GRID)
    water *= np.clip((t - 190) / 60, 0.02, 1)
    water[z > tropopause] = 0.0
    liquid = water * np.clip((t - 238) / 30, 0, 1)
    high = slice(0, EXACT_LEVELS.stop)
    trace = water[high] * 1e-3 ** np.arange(EXACT_LEVELS.stop, 0, -1)[:, None]
    liquid[high] = np.where(t[high] < HOMOGENEOUS, trace, 0.0)
    return liquid, water - liquid


def _wind(z: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Eastward and northward wind, m/s: a surface wind, a jet, and layers."""
    jet = np.exp(-(((z - 11) / 5) ** 2))
    westerly = 22 * np.sin(2 * np.abs(LATITUDE)) + rng.normal(0, 9, GRID)
    u = rng.normal(0, 5, GRID) + westerly * jet + _bumps(z, rng, 3, (0, 15), (2, 6), 2)
    v = rng.normal(0, 4, GRID) + rng.normal(0, 7, GRID) * jet + _bumps(z, rng, 3, (0, 15), (2, 6), 2)
    above = _bumps(z, rng, 3, (20, 66), (5, 12), 12)
    return u + above, v


def _fluxes(air: dict[str, Array], ps: Array, pmid: Array, warmth: Array, water: Array) -> dict[str, Array]:
    """Bulk formulas with one exchange coefficient; TAUX and TAUY are the stress on the air. No scheme uses them."""
    t, q, u, v = (air[name][-1] for name in ("state_t", "state_q0001", "state_u", "state_v"))
    rate = 1.3e-3 * pmid[-1] / (GAS * t) * np.hypot(np.hypot(u, v), 1.0)
    wet = 0.3 + 0.7 * water
    return {
        "pbuf_LHFLX": rate * VAPORISATION * wet * (saturation(warmth, ps) - q),
        "pbuf_SHFLX": rate * HEAT * (warmth - t),
        "pbuf_TAUX": -rate * u,
        "pbuf_TAUY": -rate * v,
    }


def _gases(z: Array, p: Array, tropopause: Array, rng: np.random.Generator) -> dict[str, Array]:
    """Ozone with its layer near 10 hPa; methane and nitrous oxide well mixed up to the tropopause. mol/mol."""
    above = np.clip(z - tropopause, 0, None)
    layer = np.exp(-0.5 * ((np.log(p / 1e3) - rng.normal(0, 0.12, GRID)) / 1.3) ** 2)
    return {
        "pbuf_ozone": 8e-6 * np.exp(rng.normal(0, 0.1, GRID)) * layer + 3e-8 * np.exp(rng.normal(0, 0.3, GRID)),
        "pbuf_CH4": 1.75e-6 * np.exp(-above / 30) * np.exp(rng.normal(0, 0.02, GRID)),
        "pbuf_N2O": 3.15e-7 * np.exp(-above / 16) * np.exp(rng.normal(0, 0.005, GRID)),
    }
