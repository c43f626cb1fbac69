"""ClimSim's pairs of files become the samples of the contract, or an error that names the file."""

import shutil
from types import SimpleNamespace

import netCDF4
import numpy as np
import pytest

from ctk.errors import CtkError, DataError, UsageError
from ctk_leap_climsim.columns import INPUT_VARIABLES, SERIES, STATE, SURFACE, TARGETS, ZERO
from ctk_leap_climsim.reading import rows
from ctk_leap_climsim.reading.reader import ClimSimReader

MONTHS = {"train": "0001-02", "valid": "0001-03", "test": "0001-04"}


def mli(folder, month, step=0):
    return folder / "train" / month / f"E3SM-MMF.mli.{month}-01-{1200 * step:05d}.nc"


def mlo(folder, month, step=0):
    return mli(folder, month, step).with_name(f"E3SM-MMF.mlo.{month}-01-{1200 * step:05d}.nc")


def plainly_read(folder, month, step):
    """Inputs (n, 556) and targets (n, 368) in float64, a variable after the other."""
    with netCDF4.Dataset(mli(folder, month, step)) as before, netCDF4.Dataset(mlo(folder, month, step)) as after:
        inputs = [np.atleast_2d(before[name][...].data) for name in INPUT_VARIABLES]
        moved = [(after[name][...].data - before[name][...].data) / 1200 for name in STATE]
        surface = [np.atleast_2d(after[name][...].data) for name in SURFACE]
    assert [len(each) for each in inputs] == [60 if name in SERIES else 1 for name in INPUT_VARIABLES]
    return np.concatenate(inputs).T, np.concatenate([*moved, *surface]).T


def test_columns_and_tendencies_are_those_of_the_files_to_the_last_bit(pairs, prepared):
    data = prepared(pairs, **MONTHS)
    steps = [*(("0001-02", step) for step in range(8)), *(("0001-03", step) for step in range(2))]
    for samples, files in ((data.train, steps), (data.truth, [("0001-04", step) for step in range(3)])):
        whole = [plainly_read(pairs, *each) for each in files]
        inputs, target = (np.concatenate(part) for part in zip(*whole, strict=True))
        np.testing.assert_array_equal(samples.features["columns"], inputs.astype(np.float32))
        np.testing.assert_array_equal(samples.features["cloud_liquid"], inputs[:, 120 + 12 : 120 + 28])
        np.testing.assert_array_equal(samples.target, target)
        np.testing.assert_array_equal(samples.ids, np.arange(len(inputs)))
    exact = [TARGETS.index(f"ptend_q0002_{level}") for level in range(12, 28)]
    np.testing.assert_array_equal(data.train.target[:, exact], -data.train.features["cloud_liquid"] / 1200)


def test_validation_comes_last_and_steps_are_numbered_on(pairs, prepared):
    train = prepared(pairs, **MONTHS).train
    np.testing.assert_array_equal(train.group("time"), np.repeat(np.arange(10), 8))
    np.testing.assert_array_equal(train.group("fold"), np.repeat([-1, 0], [64, 16]))


def test_the_test_set_has_no_targets_and_the_truth_has(pairs, prepared):
    data = prepared(pairs, **MONTHS)
    assert data.test.target is None
    assert data.truth.target.shape == (24, 368)
    np.testing.assert_array_equal(data.test.features["columns"], data.truth.features["columns"])


def test_statistics_are_those_of_the_rows_trained_on(pairs, prepared):
    data = prepared(pairs, **MONTHS)
    columns = data.train.features["columns"][:64].astype(np.float64)
    target = data.train.target[:64]
    for samples in (data.train, data.test, data.truth):
        constants = samples.constants
        np.testing.assert_allclose(constants["feature_mean"], columns.mean(axis=0), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(constants["feature_std"], columns.std(axis=0), rtol=1e-12)
        np.testing.assert_allclose(constants["target_mean"], target.mean(axis=0), rtol=1e-12, atol=1e-17)
        np.testing.assert_allclose(constants["target_std"], target.std(axis=0), rtol=1e-12)
        np.testing.assert_array_equal(constants["weights"], np.where(ZERO, 0, 1))
        assert samples.targets.names.tolist() == list(TARGETS)


def test_netcdf4_gives_the_same_as_the_classic_format(pairs, prepared):
    classic = prepared(pairs, **MONTHS).train
    for path in pairs.rglob("*.nc"):
        with netCDF4.Dataset(path) as old:
            variables = {name: (variable.dimensions, variable[...]) for name, variable in old.variables.items()}
        with netCDF4.Dataset(path, "w", format="NETCDF4") as new:
            new.createDimension("ncol", 8)
            new.createDimension("lev", 60)
            for name, (dimensions, values) in variables.items():
                new.createVariable(name, "f8", dimensions, zlib=True)[...] = values
    shutil.rmtree(pairs.with_name("prepared"))
    again = prepared(pairs, **MONTHS).train
    np.testing.assert_array_equal(again.features["columns"], classic.features["columns"])
    np.testing.assert_array_equal(again.target, classic.target)


def test_a_stride_takes_every_kth_file_of_its_months(pairs, prepared):
    data = prepared(pairs, train="0001-02/3", valid="0001-03", test="0001-04/2")
    first = [plainly_read(pairs, "0001-02", step)[1] for step in (0, 3, 6)]
    np.testing.assert_array_equal(data.train.target[:24], np.concatenate(first))
    assert (len(data.train), len(data.test)) == (5 * 8, 2 * 8)


def test_only_files_of_the_months_are_sources(pairs):
    names = {path.name for path in ClimSimReader(train="0001-02/4", valid="0001-03/2", test="0001-04/3").sources(pairs)}
    assert names == {
        f"E3SM-MMF.{which}.{stamp}.nc"
        for which in ("mli", "mlo")
        for stamp in ("0001-02-01-00000", "0001-02-01-04800", "0001-03-01-00000", "0001-04-01-00000")
    }


def test_the_line_for_people_has_counts_and_months(pairs, prepared):
    about = prepared(pairs, **MONTHS).about
    assert about == ("64 columns of air to train on (0001-02), 16 to validate on (0001-03), 24 to predict (0001-04)")


def test_own_files_are_called_synthetic_and_bring_their_months(pairs, prepared):
    for path, month in ((mli(pairs, "0001-02"), "0002-05"), (mli(pairs, "0001-03"), "0003-05")):
        for each in (path, path.with_name(path.name.replace("mli", "mlo"))):
            each.rename(each.with_name(each.name.replace(path.parent.name, month)))
    for path in pairs.rglob("*.nc"):
        with netCDF4.Dataset(path, "a") as file:
            file.climt_version = "0"
    data = prepared(pairs)
    assert "synthetic columns of air, stepped by real schemes" in data.about
    assert (len(data.train), len(data.test)) == ((13 - 1) * 8, 8)


@pytest.mark.parametrize(
    ("months", "said"),
    [
        ({"train": "0001-02..0001-03"}, "'data.train' and 'data.valid': 0001-02..0001-03 and 0001-03 overlap"),
        ({"valid": "0001-04"}, "'data.valid' and 'data.test': 0001-04 and 0001-04 overlap"),
        ({"train": "February"}, "'February' is no range of months"),
        ({"train": "0001-13"}, "'0001-13' is no range of months"),
        ({"train": "0001-02/0"}, "'0001-02/0' is no range of months"),
        ({"train": "0001-03..0001-02"}, "ends before it begins"),
        ({"valid": 0.1}, "0.1 is no range of months"),
    ],
)
def test_wrong_months_are_refused(months, said, pairs, prepared):
    with pytest.raises(UsageError, match=said):
        prepared(pairs, **{**MONTHS, **months})


def test_months_without_files_are_named_with_those_there_are(pairs, prepared):
    with pytest.raises(DataError, match=r"no file of 0008-08..0009-01, the months of 'test'") as error:
        prepared(pairs, train="0001-02", valid="0001-03")
    assert "0001-02, 0001-03, 0001-04" in error.value.help
    assert "-o data.train=0001-02..0001-02 -o data.valid=0001-03 -o data.test=0001-04" in error.value.help


def test_an_input_without_its_output_is_named(pairs, prepared):
    mlo(pairs, "0001-02", 5).unlink()
    with pytest.raises(DataError, match=r"E3SM-MMF.mlo.0001-02-01-06000.nc: there is no such file"):
        prepared(pairs, **MONTHS)


def test_a_time_step_that_is_there_twice_is_named(pairs, prepared):
    shutil.copytree(pairs / "train" / "0001-02", pairs / "copy")
    with pytest.raises(DataError, match="are the same time step"):
        prepared(pairs, **MONTHS)


def test_a_file_that_is_cut_short_is_named_with_how_far_it_is_good(pairs, prepared):
    path = mlo(pairs, "0001-02", 5)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"mlo.0001-02-01-06000.nc: is cut short: .* 1. of its 14 variables are whole"):
        prepared(pairs, **MONTHS)


def test_files_of_another_grid_are_named(pairs, prepared, tmp_path):
    for path in (mli(pairs, "0001-02", 3), mlo(pairs, "0001-02", 3)):
        with netCDF4.Dataset(path) as old:
            variables = {name: (each.dimensions, each[..., :4]) for name, each in old.variables.items()}
        with netCDF4.Dataset(path, "w", format="NETCDF3_64BIT_DATA") as new:
            new.createDimension("ncol", 4)
            new.createDimension("lev", 60)
            for name, (dimensions, values) in variables.items():
                new.createVariable(name, "f8", dimensions)[...] = values
    with pytest.raises(DataError, match=r"mli.0001-02-01-03600.nc: has 4 columns where the first file has 8"):
        prepared(pairs, **MONTHS)


def test_bad_cells_are_counted_to_the_end_and_the_first_is_named(pairs, prepared, set_value):
    set_value(mlo(pairs, "0001-02", 2), "state_u", (30, 4), np.nan)
    set_value(mlo(pairs, "0001-02", 2), "cam_out_SOLS", (4,), np.inf)
    set_value(mli(pairs, "0001-03", 1), "pbuf_CH4", (59, 0), 9.96920996838687e36)
    with pytest.raises(DataError, match="3 cells of 2 columns of air") as error:
        prepared(pairs, **MONTHS)
    assert "mlo.0001-02-01-02400.nc, ncol 4, state_u_30" in error.value.problem
    assert "data.bad_rows=drop" in error.value.help


def test_bad_columns_of_air_can_be_dropped_from_training(pairs, prepared, set_value):
    set_value(mlo(pairs, "0001-02", 2), "state_u", (30, 4), np.nan)
    data = prepared(pairs, **MONTHS, bad_rows="drop")
    assert 2 * 8 + 4 not in data.train.ids
    assert len(data.train) == 79
    assert data.about.startswith("63 columns of air to train on")
    assert data.about.endswith("1 with bad cells dropped")
    assert np.isfinite(data.train.constants["target_std"]).all()


@pytest.mark.parametrize(("month", "what"), [("0001-02", "train"), ("0001-03", "validate")])
def test_dropping_every_column_of_air_of_a_part_is_refused(month, what, pairs, prepared):
    for path in (pairs / "train" / month).glob("*.mli.*"):
        with netCDF4.Dataset(path, "a") as file:
            file["state_ps"][:] = np.nan
    with pytest.raises(DataError, match=rf"No row to {what} on is left: .*mli.{month}-01-00000.nc, ncol 0, state_ps"):
        prepared(pairs, **MONTHS, bad_rows="drop")


def test_an_old_test_set_is_asked_of_tables_only(pairs, prepared):
    with pytest.raises(UsageError, match=r"'data.old': .* has ClimSim's own files"):
        prepared(pairs, **MONTHS, old=True)


def test_nothing_is_dropped_from_the_test_set(pairs, prepared, set_value):
    set_value(mli(pairs, "0001-04", 1), "state_ps", (4,), np.nan)
    with pytest.raises(DataError, match=r"1 cells of 1 columns.*mli.0001-04-01-01200.nc, ncol 4, state_ps"):
        prepared(pairs, **MONTHS, bad_rows="drop")


def test_a_full_disk_is_told_before_the_work_begins(pairs, prepared, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=1000))
    monkeypatch.setattr("ctk_leap_climsim.reading.pairs.PairReader.read", None)  # would raise TypeError
    needed = (80 * rows.ROW_BYTES["train"] + 24 * rows.ROW_BYTES["truth"]) / 1e9
    with pytest.raises(CtkError, match=f"needs {needed:.1f} GB"):
        prepared(pairs, **MONTHS)


def test_room_is_what_the_store_takes(pairs, prepared):
    data = prepared(pairs, **MONTHS)
    place = pairs.with_name("prepared")
    for part, samples in (("train", data.train), ("truth", data.truth)):
        arrays = [path for path in (place / part).rglob("*.npy") if path.parent.name not in ("constants", "targets")]
        written = sum(path.stat().st_size - 256 for path in arrays)
        assert written == len(samples) * rows.ROW_BYTES[part]
