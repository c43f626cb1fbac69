"""What the parts of the synthetic data promise that need no climt: the timeline, the levels, the weather, the files."""

from __future__ import annotations

import os
import subprocess

import netCDF4
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ctk_leap_climsim.columns import EXACT_LEVELS, GRID, INPUT_VARIABLES, LEVELS, SERIES
from ctk_leap_climsim.synthetic import files, timeline, weather
from ctk_leap_climsim.synthetic.levels import INTERFACES, pressures
from ctk_leap_climsim.synthetic.timeline import Moment, moments


@pytest.fixture(scope="module")
def drawn() -> list[dict[str, np.ndarray]]:
    """Twelve time steps of a year."""
    return [
        weather.draw(moment, np.random.default_rng([7, number])) for number, moment in enumerate(moments(105)[:73:6])
    ]


@pytest.mark.parametrize("steps", [3, 105, 1000, 36_000])
def test_time_steps_are_distinct_in_order_and_of_their_parts(steps):
    stamps = [moment.stamp for moment in moments(steps)]
    assert len(stamps) == steps
    assert stamps == sorted(set(stamps))
    for months, share in timeline.SHARES.items():
        first, _, last = months.partition("..")
        part = sum(first <= stamp[:7] <= last for stamp in stamps)
        assert part >= 1
        assert abs(part - share * steps) <= 1.5


def test_days_are_those_of_the_months():
    for moment in moments(5000):
        assert 1 <= moment.day <= timeline.DAYS[int(moment.month[5:]) - 1]
        assert moment.second in range(0, 86_400, 1200)
    assert moments(105)[0].stamp == "0001-02-01-00000"


def test_a_part_sees_every_month_and_all_times_of_day():
    train = moments(105)[:73]
    assert len({moment.month for moment in train}) == 12
    assert len({moment.second for moment in train}) >= 60


@pytest.mark.parametrize("steps", [2, 40_000])
def test_too_few_and_too_many_time_steps_are_refused(steps):
    with pytest.raises(ValueError, match=f"{steps} time steps"):
        moments(steps)


def test_interfaces_end_at_the_surface_and_levels_lie_between():
    ps = np.array([101_325.0, 62_000.0])
    levels, interfaces = pressures(ps)
    assert levels.shape == (LEVELS, 2)
    assert_allclose(interfaces[-1], ps, rtol=1e-12)
    assert (np.diff(interfaces, axis=0) > 0).all()
    assert ((levels > interfaces[:-1]) & (levels < interfaces[1:])).all()


def test_at_the_nominal_surface_pressure_the_levels_are_climsims():
    levels, _ = pressures(np.array([1e5]))
    published = {0: 0.07834781133863082, 27: 289.12232222921756, 59: 992.6355435925217}  # hPa, its grid_info file
    for level, hectopascal in published.items():
        assert levels[level, 0] / 100 == pytest.approx(hectopascal, rel=1e-6)
    assert len(INTERFACES) == LEVELS + 1


def test_every_input_of_climsim_is_drawn_finite_and_of_its_shape(drawn):
    for step in drawn:
        assert set(step) == {*INPUT_VARIABLES, "state_pmid", "cam_in_SNOWHICE"}
        for name, values in step.items():
            assert values.shape == ((LEVELS, GRID) if name in SERIES or name == "state_pmid" else (GRID,)), name
            assert np.isfinite(values).all(), name


def test_the_same_generator_draws_the_same_weather_and_another_other():
    moment = moments(3)[0]
    first, again, other = (weather.draw(moment, np.random.default_rng(seed))["state_t"] for seed in (1, 1, 2))
    assert_array_equal(first, again)
    assert not np.isclose(first, other).all(axis=0).any()


def test_the_weather_stays_within_what_the_earth_has(drawn):
    bounds = {
        "state_t": (160, 325),
        "state_q0001": (1e-9, 0.04),
        "state_q0002": (0, 2e-3),
        "state_q0003": (0, 2e-3),
        "state_u": (-130, 130),
        "state_v": (-130, 130),
        "state_ps": (50_000, 106_000),
        "pbuf_SOLIN": (0, 1420),
        "pbuf_COSZRS": (0, 1),
        "cam_in_ALDIF": (0, 1),
        "cam_in_ALDIR": (0, 1),
        "cam_in_ASDIF": (0, 1),
        "cam_in_ASDIR": (0, 1),
        "cam_in_LWUP": (100, 600),
        "cam_in_SNOWHLAND": (0, 3),
        "pbuf_ozone": (1e-9, 2e-5),
        "pbuf_CH4": (1e-8, 2.2e-6),
        "pbuf_N2O": (1e-10, 3.5e-7),
    }
    for name, (least, most) in bounds.items():
        values = np.concatenate([step[name] for step in drawn], axis=-1)
        assert values.min() >= least, name
        assert values.max() <= most, name


def test_land_ice_and_water_cover_the_surface(drawn):
    for step in drawn:
        covers = [step[f"cam_in_{name}"] for name in ("LANDFRAC", "ICEFRAC", "OCNFRAC")]
        assert all((cover >= 0).all() for cover in covers)
        assert_allclose(sum(covers), 1, atol=1e-12)


def test_the_sun_is_the_seasons(drawn):
    june, december = (weather.cosine_of_zenith(Moment(month, 21, 43_200)) for month in ("0001-06", "0001-12"))
    north = np.rad2deg(weather.LATITUDE) > 50
    assert june[north].mean() > december[north].mean() + 0.2
    # A fourth of the solar constant falls on a sphere.
    mean = np.mean([step["pbuf_SOLIN"].mean() for step in drawn])
    assert mean == pytest.approx(weather.SOLAR_CONSTANT / 4, rel=0.03)
    assert weather.sun_distance(Moment("0001-01", 3, 0)) == pytest.approx(1.034, abs=2e-3)


def test_liquid_is_nowhere_colder_than_it_can_be_but_for_the_trace_that_goes(drawn):
    for step in drawn:
        liquid, t = step["state_q0002"], step["state_t"]
        lasting = liquid[EXACT_LEVELS.stop :]
        assert not lasting[t[EXACT_LEVELS.stop :] < weather.HOMOGENEOUS].any()
        high = liquid[: EXACT_LEVELS.stop]
        assert not high[t[: EXACT_LEVELS.stop] >= weather.HOMOGENEOUS].any()
    trace = np.concatenate([step["state_q0002"][EXACT_LEVELS] for step in drawn], axis=1)
    below_float32 = (trace > 0) & (trace < np.finfo(np.float32).tiny)
    assert (trace > 1e-9).any()
    assert trace[trace > 0].min() < 1e-24
    assert not below_float32.all()


def test_saturation_is_boltons():
    # 6.11 hPa at the freezing point; Bolton (1980) gives 42.4 hPa at 30 degrees Celsius.
    assert_allclose(weather.vapour_pressure(np.array([273.15, 303.15])), [611.2, 4242.0], rtol=2e-3)


def test_files_are_climsims_cdf5_level_first_float64_with_units(tmp_path):
    moment = Moment("0001-02", 3, 1200)
    before, _ = files.paths(tmp_path, moment)
    variables = {"state_t": np.random.default_rng(0).normal(size=(LEVELS, GRID)), "state_ps": np.arange(GRID) * 1.0}
    files.write(before, variables, files.origin(5, "0.31.0"))
    assert before.relative_to(tmp_path).as_posix() == "train/0001-02/E3SM-MMF.mli.0001-02-03-01200.nc"
    assert before.read_bytes()[:4] == b"CDF\x05"
    with netCDF4.Dataset(before) as file:
        assert {name: len(dimension) for name, dimension in file.dimensions.items()} == {"ncol": GRID, "lev": LEVELS}
        assert file["state_t"].dimensions == ("lev", "ncol")
        assert file["state_t"].dtype == np.float64
        assert (file["state_t"].units, file["state_ps"].units) == ("K", "Pa")
        assert "synthetic" in file.source
        assert "climt 0.31.0" in file.source
        assert file.seed == 5
        for name, values in variables.items():
            assert_array_equal(file[name][:].data, values)


def test_a_pair_counts_as_made_only_if_whole_and_of_the_seed(tmp_path):
    moment = Moment("0001-02", 3, 1200)
    before, after = files.paths(tmp_path, moment)
    files.write(before, {"state_ps": np.zeros(GRID)}, files.origin(5, "0.31.0"))
    assert not files.is_made(tmp_path, moment, 5)
    files.write(after, {"cam_out_NETSW": np.zeros(GRID)}, files.origin(5, "0.31.0"))
    assert files.is_made(tmp_path, moment, 5)
    assert not files.is_made(tmp_path, moment, 6)
    after.write_bytes(b"")
    assert not files.is_made(tmp_path, moment, 5)


def test_what_a_dead_process_half_wrote_is_swept_and_nothing_else(tmp_path):
    folder = tmp_path / "train" / "0001-02"
    folder.mkdir(parents=True)
    dead = subprocess.Popen(["true"])
    dead.wait()
    names = [f".E3SM-MMF.mli.0001-02-03-01200.nc.{pid}.part" for pid in (dead.pid, os.getpid())]
    for name in (*names, "E3SM-MMF.mli.0001-02-03-01200.nc"):
        (folder / name).touch()
    files.sweep(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == sorted([names[1], "E3SM-MMF.mli.0001-02-03-01200.nc"])
