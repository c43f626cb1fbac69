"""netCDF files of every format give the same columns; what is damaged is named, never read as zeros."""

from contextlib import suppress

import netCDF4
import numpy as np
import pytest

from ctk.errors import DataError
from ctk_leap_climsim.reading.classic import Classic
from ctk_leap_climsim.reading.netcdf import open_netcdf, stacked

FORMATS = ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA", "NETCDF4", "NETCDF4_CLASSIC"]
T = np.random.default_rng(0).standard_normal((60, 7))
PS = np.random.default_rng(1).standard_normal(7)


@pytest.fixture(params=FORMATS)
def file(request, tmp_path):
    """A file with state_t (lev, ncol), state_ps (ncol) as float32, and variables that are not asked for."""
    return write(tmp_path / "file.nc", request.param)


def write(path, kind, t=T, ps=PS, **attributes):
    with netCDF4.Dataset(path, "w", format=kind) as file:
        file.createDimension("time", None)
        file.createDimension("lev", 60)
        file.createDimension("ncol", t.shape[1])
        file.title = "odd"  # three letters: padded
        file.numbers = np.arange(3, dtype=np.int16)
        count = file.createVariable("count", "i2", ("ncol",))
        count[:] = 1
        file.createVariable("state_t", "f8", ("lev", "ncol"), **attributes)[:] = t
        file.createVariable("state_ps", "f4", ("ncol",))[:] = ps
        file.createVariable("date", "i4", ("time",))[:] = [1, 2]
    return path


def test_variables_are_stacked_level_by_level_in_the_order_asked_for(file):
    rows = stacked(file, ("state_t",), ("state_ps", "state_t"))
    np.testing.assert_array_equal(rows[0], PS.astype(np.float32))
    np.testing.assert_array_equal(rows[1:], T)
    assert rows.dtype == np.float64


def test_attributes_of_the_file_are_there(file):
    with open_netcdf(file) as there:
        assert there.attributes["title"] == "odd"
        np.testing.assert_array_equal(there.attributes["numbers"], [0, 1, 2])


@pytest.mark.parametrize("kind", FORMATS[:3])
def test_a_classic_file_is_read_as_the_netcdf_library_reads_it(kind, tmp_path):
    path = write(tmp_path / "file.nc", kind)
    classic = Classic(path)
    with netCDF4.Dataset(path) as library:
        assert list(classic.variables) == list(library.variables)
        for name in ("count", "state_t", "state_ps"):
            assert classic.variables[name].dimensions == library.variables[name].dimensions
            np.testing.assert_array_equal(classic.values(name), library.variables[name][...])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, netCDF4.default_fillvals["f8"], 1e36, -999.0])
def test_what_is_no_number_is_nan(bad, file):
    values = T.copy()
    values[3, 2] = bad
    with netCDF4.Dataset(file) as old:
        kind = old.data_model
    again = write(file.with_name("again.nc"), kind.replace("_5", "_64BIT_DATA"), values, fill_value=-999.0)
    rows = stacked(again, ("state_t",), ("state_t",))
    assert np.argwhere(np.isnan(rows)).tolist() == [[3, 2]]
    np.testing.assert_array_equal(np.delete(rows, 3, axis=0), np.delete(T, 3, axis=0))


def test_a_file_cut_anywhere_is_refused_with_its_size(file):
    """Also where the cut is in the last variable, which the netCDF library fills with zeros."""
    whole = file.read_bytes()
    for length in (len(whole) // 4, len(whole) // 2, len(whole) - len(whole) // 8):
        file.write_bytes(whole[:length])
        with pytest.raises(DataError, match=rf"file.nc: .*{length:,}.* bytes") as error:
            stacked(file, ("state_t",), ("state_ps", "state_t"))
        assert "again" in error.value.help


@pytest.mark.parametrize("kind", FORMATS[:3])
def test_a_cut_classic_file_says_how_far_it_is_good(kind, tmp_path):
    path = write(tmp_path / "file.nc", kind)
    end = Classic(path).variables["state_t"].end
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(DataError, match="2 of its 4 variables are whole, up to state_t"):
        stacked(path, ("state_t",), ("state_t",))


def test_no_damage_of_a_header_is_more_than_a_data_error(tmp_path):
    whole = write(tmp_path / "file.nc", "NETCDF3_64BIT_DATA").read_bytes()
    path = tmp_path / "damaged.nc"
    random = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in random.integers(3, 500, 3):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        with suppress(DataError):  # nothing at all where it does no harm
            stacked(path, ("state_t",), ("state_t",))


@pytest.mark.parametrize(("content", "said"), [(b"", "empty"), (b"PK\x03\x04 a zip", "no netCDF file")])
def test_other_files_are_refused(content, said, tmp_path):
    path = tmp_path / "file.nc"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        stacked(path, (), ("state_ps",))


def test_missing_variables_are_named(file):
    with pytest.raises(DataError, match=r"file.nc: 2 variables are missing: state_u, state_v"):
        stacked(file, ("state_t",), ("state_u", "state_t", "state_v"))


def test_variables_of_another_shape_are_named_with_both(file):
    with pytest.raises(DataError, match=r"state_ps: has the dimensions \(ncol 7\) where \(lev 60, ncol 7\) belong"):
        stacked(file, ("state_t", "state_ps"), ("state_t", "state_ps"))


def test_a_transposed_variable_is_told_with_the_width_of_the_others(file):
    with netCDF4.Dataset(file, "a") as there:
        there.createVariable("turned", "f8", ("ncol", "lev"))
    with pytest.raises(DataError, match=r"turned: has .*\(ncol 7, lev 60\) where \(lev 60, ncol 7\) belong"):
        stacked(file, ("turned",), ("turned", "state_ps"))


def test_integers_are_no_measurements(file):
    with pytest.raises(DataError, match="count: is int16, not floating"):
        stacked(file, (), ("count",))
