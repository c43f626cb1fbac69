"""What the synthetic data promises, with climt itself: three time steps, made in its child processes."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ctk.errors import CtkError, DataError
from ctk_leap_climsim.columns import EXACT_LEVELS, GRID, INPUT_VARIABLES, LEVELS, SERIES, STATE, STEP, SURFACE, UNITS
from ctk_leap_climsim.synthetic import files
from ctk_leap_climsim.synthetic.build import Build
from ctk_leap_climsim.synthetic.levels import pressures

COLUMNS = 3 * GRID
HEAT, GRAVITY = 1004.64, 9.80665

needs_climt = pytest.mark.skipif("not __import__('importlib.util').util.find_spec('climt')", reason="climt is an extra")


def quiet(what: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def built(once) -> Build:
    folder = once("leap-built", lambda folder: Build(columns=COLUMNS, out=folder, workers=1).run(quiet))
    return Build(columns=COLUMNS, out=folder, workers=1)


def read(path: Path) -> dict[str, np.ndarray]:
    with netCDF4.Dataset(path) as file:
        return {name: variable[:].data for name, variable in file.variables.items()}


@pytest.fixture(scope="module")
def steps(built) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """All columns before and after the step, by variable; the column last."""
    pairs = [tuple(map(read, files.paths(built.out, moment))) for moment in built.timeline]
    before, after = (
        {name: np.concatenate([pair[i][name] for pair in pairs], axis=-1) for name in pairs[0][i]} for i in (0, 1)
    )
    return before, after


@pytest.fixture(scope="module")
def mass(steps) -> np.ndarray:
    """(60, N) kg/m2 of air in every layer."""
    return np.diff(pressures(steps[0]["state_ps"])[1], axis=0) / GRAVITY


def rate(steps, name: str) -> np.ndarray:
    before, after = steps
    return (after[name] - before[name]) / STEP


@needs_climt
def test_every_variable_of_climsim_is_there(built):
    for moment in built.timeline:
        for path, names in zip(
            files.paths(built.out, moment),
            ({*INPUT_VARIABLES, "state_pmid", "cam_in_SNOWHICE"}, {*STATE, *SURFACE}),
            strict=True,
        ):
            with netCDF4.Dataset(path) as file:
                assert file.data_model == "NETCDF3_64BIT_DATA"
                assert set(file.variables) == names
                for name, variable in file.variables.items():
                    levels = name in SERIES or name == "state_pmid"
                    assert variable.dimensions == (("lev", "ncol") if levels else ("ncol",))
                    assert variable.shape == ((LEVELS, GRID) if levels else (GRID,))
                    assert variable.dtype == np.float64
                    assert variable.units == UNITS[name]
                    assert np.isfinite(variable[:]).all()
                assert "synthetic" in file.source
                assert "schemes are real" in file.source


@needs_climt
def test_cold_liquid_is_gone_after_the_step_exactly(steps):
    before, _ = steps
    liquid = before["state_q0002"][EXACT_LEVELS]
    assert liquid.any()
    assert_array_equal(rate(steps, "state_q0002")[EXACT_LEVELS], -liquid / STEP)


@needs_climt
def test_what_no_scheme_moves_stays_as_it_was_bit_by_bit(steps):
    before, after = steps
    assert_array_equal(after["state_q0003"], before["state_q0003"])
    assert_array_equal(after["state_q0002"][EXACT_LEVELS.stop :], before["state_q0002"][EXACT_LEVELS.stop :])
    for name in ("state_q0001", "state_u", "state_v"):
        moved = after[name] != before[name]
        assert not moved[:20].any(), name
        assert moved[20:].any(axis=1).all(), name
    still = (after["state_u"] == before["state_u"]).all(axis=0)
    assert 0.5 < still.mean() < 0.9  # columns that do not convect
    for name in ("SOLS", "SOLL", "SOLSD", "SOLLD"):
        assert not after[f"cam_out_{name}"].any()


@needs_climt
def test_water_that_leaves_the_air_is_the_precipitation(steps, mass):
    _, after = steps
    lost = -((rate(steps, "state_q0001") + rate(steps, "state_q0002")) * mass).sum(axis=0)  # kg/m2/s
    rain = after["cam_out_PRECC"] * 1000
    assert (rain >= 0).all()
    assert (rain > 1e-5).any()
    assert_allclose(lost, rain, rtol=1e-3, atol=2e-8)  # the convection scheme rounds its own rain
    assert ((after["cam_out_PRECSC"] >= 0) & (after["cam_out_PRECSC"] <= after["cam_out_PRECC"])).all()


@needs_climt
def test_snow_falls_where_it_freezes_only(steps):
    before, after = steps
    cold = before["state_t"][-1] < 268.15
    warm = before["state_t"][-1] > 273.15
    assert_array_equal(after["cam_out_PRECSC"][warm], 0)
    assert_array_equal(after["cam_out_PRECSC"][cold], after["cam_out_PRECC"][cold])
    assert after["cam_out_PRECSC"][cold].any()


@needs_climt
def test_nothing_is_left_supersaturated(steps):
    from ctk_leap_climsim.synthetic.weather import saturation

    before, after = steps
    wet = slice(20, None)
    pressure = before["state_pmid"][wet]

    def excess(step):
        return (step["state_q0001"][wet] / saturation(step["state_t"][wet], pressure)).max()

    assert excess(before) > 1.05
    assert excess(after) < 1.01  # one Newton step leaves a little


@needs_climt
def test_at_night_dry_still_columns_lose_the_heat_that_leaves_at_the_top(steps, mass):
    before, after = steps
    night = before["pbuf_COSZRS"] == 0
    assert_array_equal(after["cam_out_NETSW"][night], 0)
    still = night & (after["cam_out_PRECC"] == 0) & (after["state_u"] == before["state_u"]).all(axis=0)
    assert still.sum() > 50
    heating = (HEAT * rate(steps, "state_t") * mass).sum(axis=0)
    outgoing = before["cam_in_LWUP"] - after["cam_out_FLWDS"] - heating
    assert (outgoing[still] > 60).all()
    assert (outgoing[still] < before["cam_in_LWUP"][still]).all()


@needs_climt
def test_by_day_the_ground_takes_less_than_comes_in_and_the_air_is_warmed(steps):
    before, after = steps
    day = before["pbuf_COSZRS"] > 0.1
    taken, given = after["cam_out_NETSW"][day], before["pbuf_SOLIN"][day]
    assert ((taken > 0) & (taken < given)).all()
    assert (after["cam_out_FLWDS"] > 40).all()
    assert (after["cam_out_FLWDS"] < 560).all()
    ozone_layer = rate(steps, "state_t")[5:10] * 86_400  # K/day
    assert ozone_layer[:, day].mean() > ozone_layer[:, ~day].mean() + 3


@needs_climt
@pytest.mark.slow
def test_the_workers_and_an_interruption_change_no_byte(built, tmp_path):
    again = Build(columns=COLUMNS, out=tmp_path / "again", workers=2)

    def interrupt(what: str, done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        again.run(interrupt)
    whole = [path for moment in again.timeline for path in files.paths(again.out, moment) if path.exists()]
    kept = {path: path.stat().st_mtime_ns for path in whole if files.is_made(again.out, _moment(again, path), 0)}
    assert kept
    again.run(quiet)
    assert kept == {path: path.stat().st_mtime_ns for path in kept}
    for moment in built.timeline:
        for one, other in zip(files.paths(built.out, moment), files.paths(again.out, moment), strict=True):
            assert one.read_bytes() == other.read_bytes()
    assert not list(again.out.glob("train/*/.*.part"))


def _moment(build: Build, path: Path):
    return next(moment for moment in build.timeline if moment.stamp in path.name)


@needs_climt
@pytest.mark.slow
def test_another_seed_makes_other_columns(built, tmp_path):
    other = Build(columns=COLUMNS, out=tmp_path, seed=1, workers=1)
    other.run(quiet)
    path = files.paths(Path(), built.timeline[0])[0]
    assert not np.isclose(read(built.out / path)["state_t"], read(tmp_path / path)["state_t"]).all(axis=0).any()


@pytest.mark.parametrize("columns", [GRID, 10**9])
def test_a_number_of_columns_that_cannot_be_is_refused(tmp_path, columns):
    with pytest.raises(ValueError, match="columns"):
        Build(columns=columns, out=tmp_path)


@needs_climt
@pytest.mark.parametrize("change", [{"columns": 6 * GRID}, {"seed": 1}])
def test_a_folder_holds_one_build(built, change):
    # Six time steps have files with the names of all three there are, and other columns in them.
    with pytest.raises(DataError, match="holds 1,152 columns of seed 0"):
        built.model_copy(update=change).run(quiet)


def test_columns_are_made_in_whole_time_steps(tmp_path):
    assert len(Build(columns=COLUMNS + 1, out=tmp_path).timeline) == 4


def test_without_climt_the_error_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "climt.py").write_text("raise ImportError('No module named climt')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(CtkError, match="needs climt") as error:
        Build(columns=COLUMNS, out=tmp_path / "out").run(quiet)
    assert "pip install 'ctk-leap-climsim[climt]'" in error.value.help
