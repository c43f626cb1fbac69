"""One physics step of 1200 s by climt's compiled schemes.

Radiation (RRTMG: Iacono et al. 2008) and convection (Emanuel and Zivkovic-Rothman 1999) see the state before the step
and their tendencies are added up; what droplets are left below -38 degrees Celsius freeze and fall; large-scale
condensation comes last, on the outcome, so that nothing is left supersaturated.

What no scheme moves keeps its float64 value: cloud ice, cloud liquid in warmer air, wind and humidity outside
convection and condensation. climt gives no split of sunlight into direct and diffuse, visible and near-infrared:
cam_out_SOLS, SOLL, SOLSD and SOLLD are 0.
"""

from __future__ import annotations

import warnings
from datetime import timedelta
from typing import Any

import numpy as np

from ctk.errors import CtkError
from ctk.samples import Array
from ctk_leap_climsim.columns import LEVELS, STATE, STEP
from ctk_leap_climsim.synthetic.levels import pressures
from ctk_leap_climsim.synthetic.weather import FREEZING, GRAVITY, HEAT, HOMOGENEOUS, STEFAN_BOLTZMANN

FUSION = 3.337e5
"""J/kg"""
WATER = 1000.0
"""kg/m3: from kg/m2/s of precipitation to m/s."""
SPIN_UP = 4
"""Calls of the convection scheme on the same column before the one that counts: its mass flux starts from zero and
relaxes towards what the column can carry."""

LID = 20
"""First level (of 0 to 59) that convection and condensation act on: about 130 hPa, near the tropical tropopause.
Without a lid a few columns in ten thousand would overshoot far into the stratosphere; and where the vapour pressure of
saturation exceeds the pressure, higher up, climt's formula for saturation has no meaning."""
OUT_OF_REACH = 3
"""Levels at the top of what it is given that climt's convection scheme leaves alone."""

_LAYERS = {
    "air_temperature": ("state_t", "degK"),
    "specific_humidity": ("state_q0001", "kg/kg"),
    "eastward_wind": ("state_u", "m s^-1"),
    "northward_wind": ("state_v", "m s^-1"),
    "mole_fraction_of_ozone_in_air": ("pbuf_ozone", "mole/mole"),
    "mole_fraction_of_methane_in_air": ("pbuf_CH4", "mole/mole"),
    "mole_fraction_of_nitrous_oxide_in_air": ("pbuf_N2O", "mole/mole"),
}
_ALBEDOS = {
    "surface_albedo_for_direct_shortwave": "cam_in_ASDIR",
    "surface_albedo_for_diffuse_shortwave": "cam_in_ASDIF",
    "surface_albedo_for_direct_near_infrared": "cam_in_ALDIR",
    "surface_albedo_for_diffuse_near_infrared": "cam_in_ALDIF",
}


def climt_module() -> Any:
    """climt without what its import prints; CtkError where it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import climt
    except ImportError as error:
        raise CtkError(
            f"Making columns from physics needs climt ({error}).", "Run `pip install 'ctk-leap-climsim[climt]'`."
        ) from error
    return climt


class Physics:
    """The schemes, set up once for a process."""

    def __init__(self) -> None:
        climt = climt_module()
        self.longwave = climt.RRTMGLongwave()
        # The season is in the sun's distance that step() is given, not in the date.
        self.shortwave = climt.RRTMGShortwave(ignore_day_of_year=True)
        self.convection = climt.EmanuelConvection()
        self.condensation = climt.GridScaleCondensation()
        schemes = [self.longwave, self.shortwave, self.convection, self.condensation]
        grid = climt.get_grid(nx=1, ny=1, nz=LEVELS)
        self.defaults = climt.get_default_state(schemes, grid_state=grid)
        self.quantity = type(self.defaults["air_temperature"])

    def step(self, before: dict[str, Array], sun_distance: float) -> dict[str, Array]:
        """The state after the step, and the surface's cam_out_*, all named and in units as ClimSim's.

        before        ClimSim's input variables, (60, n) or (n,) float64, level 0 at the top
        sun_distance  (mean distance / distance)^2 of the sun
        """
        _, interfaces = pressures(before["state_ps"])
        mass = np.diff(interfaces, axis=0) / GRAVITY
        state = self._state(before, mass, interfaces, sun_distance)
        heating, longwave = self.longwave(state)
        t = before["state_t"] + STEP / 86_400 * _layers(heating["air_temperature"])
        lit = np.flatnonzero(before["pbuf_COSZRS"] > 0)
        net_sunlight = np.zeros(len(before["state_ps"]))
        if len(lit):
            heating, shortwave = self.shortwave(_part(state, lit))
            t[:, lit] += STEP / 86_400 * _layers(heating["air_temperature"])
            down, up = (_layers(shortwave[f"{way}welling_shortwave_flux_in_air"])[-1] for way in ("down", "up"))
            net_sunlight[lit] = down - up
        moist = _below(state, LID - OUT_OF_REACH)
        for _ in range(SPIN_UP):
            _, found = self.convection(moist, timedelta(seconds=STEP))
            moist["cloud_base_mass_flux"] = found["cloud_base_mass_flux"]
        convection, found = self.convection(moist, timedelta(seconds=STEP))
        q, u, v = (before[name].copy() for name in ("state_q0001", "state_u", "state_v"))
        for moved, quantity in (
            (t, "air_temperature"),
            (q, "specific_humidity"),
            (u, "eastward_wind"),
            (v, "northward_wind"),
        ):
            moved[LID - OUT_OF_REACH :] += STEP * _layers(convection[quantity])
        frozen = np.where(before["state_t"] < HOMOGENEOUS, before["state_q0002"], 0.0)
        t += FUSION / HEAT * frozen
        condensed = self._condense(_below(state, LID), t, q)
        rain = (
            found["convective_precipitation_rate"].values.ravel() / 86_400  # mm/day are kg/m2/day
            + (condensed * mass).sum(axis=0) / STEP
            + (frozen * mass).sum(axis=0) / STEP
        )
        # Snow between -5 and 0 degrees Celsius: a ramp, as CAM has it for its precipitation.
        snow = rain * np.clip((FREEZING - before["state_t"][-1]) / 5, 0, 1)
        dark = np.zeros_like(rain)
        return {
            **dict(zip(STATE, (t, q, before["state_q0002"] - frozen, before["state_q0003"], u, v), strict=True)),
            "cam_out_NETSW": net_sunlight,
            "cam_out_FLWDS": _layers(longwave["downwelling_longwave_flux_in_air"])[-1],
            "cam_out_PRECSC": snow / WATER,
            "cam_out_PRECC": rain / WATER,
            **dict.fromkeys(("cam_out_SOLS", "cam_out_SOLL", "cam_out_SOLSD", "cam_out_SOLLD"), dark),
        }

    def _state(self, before: dict[str, Array], mass: Array, interfaces: Array, sun_distance: float) -> dict[str, Any]:
        """climt's state: surface first, columns along "column"."""
        n = len(before["state_ps"])
        state = {name: _columns(quantity, n) for name, quantity in self.defaults.items()}

        def put(name: str, values: Array, units: str) -> None:
            along = () if values.ndim == 1 else ("mid_levels",) if len(values) == LEVELS else ("interface_levels",)
            upward = np.ascontiguousarray(values[::-1]) if along else values
            state[name] = self.quantity(upward, dims=(*along, "column"), attrs={"units": units})

        for name, (variable, units) in _LAYERS.items():
            put(name, before[variable], units)
        for name, variable in _ALBEDOS.items():
            put(name, before[variable], "dimensionless")
        put("air_pressure", before["state_pmid"], "Pa")
        put("air_pressure_on_interface_levels", interfaces, "Pa")
        put("surface_air_pressure", before["state_ps"], "Pa")
        put("surface_temperature", (before["cam_in_LWUP"] / STEFAN_BOLTZMANN) ** 0.25, "degK")
        put("zenith_angle", np.arccos(before["pbuf_COSZRS"]), "radians")
        liquid, ice = before["state_q0002"] * mass, before["state_q0003"] * mass
        put("mass_content_of_cloud_liquid_water_in_atmosphere_layer", liquid, "kg m^-2")
        put("mass_content_of_cloud_ice_in_atmosphere_layer", ice, "kg m^-2")
        # All or nothing: RRTMG without McICA ends the process on a broken cloud. A milligram is no cloud.
        put("cloud_area_fraction_in_atmosphere_layer", (liquid + ice > 1e-6) * 1.0, "dimensionless")
        put("cloud_base_mass_flux", np.zeros(n), "kg m^-2 s^-1")
        state["flux_adjustment_for_earth_sun_distance"] = self.defaults["flux_adjustment_for_earth_sun_distance"].copy(
            data=np.array(sun_distance)
        )
        return state

    def _condense(self, moist: dict[str, Any], t: Array, q: Array) -> Array:
        """Condense what is above saturation, in place; returns how much that was, (60, n) kg/kg."""
        for name, values in (("air_temperature", t), ("specific_humidity", q)):
            moist[name] = moist[name].copy(data=np.ascontiguousarray(values[LID:][::-1]))
        # The scheme's own precipitation takes layers from the top down and would be negative for ours, from the ground
        # up: it is counted from what condensed.
        _, after = self.condensation(moist, timedelta(seconds=STEP))
        condensed = np.zeros_like(q)
        condensed[LID:] = q[LID:] - _layers(after["specific_humidity"])
        t[LID:], q[LID:] = _layers(after["air_temperature"]), _layers(after["specific_humidity"])
        return condensed


def _layers(quantity: Any) -> Array:
    """(levels, n) float64, top first."""
    along = next(name for name in ("mid_levels", "interface_levels") if name in quantity.dims)
    values: Array = quantity.transpose(along, ...).values[::-1]
    return np.array(values, np.float64)


def _columns(quantity: Any, n: int) -> Any:
    """A quantity of one place, for n columns."""
    if not hasattr(quantity, "dims") or "lat" not in quantity.dims:
        return quantity
    one = quantity.isel(lat=0, lon=0)
    axis = 1 if one.dims and one.dims[0] in ("mid_levels", "interface_levels") else one.ndim
    many = one.expand_dims({"column": n}, axis=axis).copy(deep=True)
    many.attrs = quantity.attrs
    return many


def _part(state: dict[str, Any], rows: Array) -> dict[str, Any]:
    return {
        name: quantity.isel(column=rows) if "column" in getattr(quantity, "dims", ()) else quantity
        for name, quantity in state.items()
    }


def _below(state: dict[str, Any], top: int) -> dict[str, Any]:
    """The state without the levels above ``top``: climt's first levels are the lowest."""
    lowest = {"mid_levels": slice(LEVELS - top), "interface_levels": slice(LEVELS + 1 - top)}
    return {
        name: quantity.isel({along: part for along, part in lowest.items() if along in quantity.dims})
        if hasattr(quantity, "dims")
        else quantity
        for name, quantity in state.items()
    }
