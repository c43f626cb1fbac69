"""What ctk.data.npz promises: the arrays that were saved, or one sentence on what is wrong and where."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ctk.data import Npz, rows_not_finite
from ctk.errors import DataError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.npz"


def member(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def write_member(path: Path, body: bytes, method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("x.npy", body)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (np.arange(12, dtype=np.int32).reshape(3, 4), "iu"),
        (np.array(["a", "ünï", ""]), "U"),
        (np.eye(5, 7, dtype=bool), "b"),
        (np.array(7, np.int64), "i"),
        (np.zeros((0, 3), np.float32), "f"),
        (np.arange(24.0, dtype=np.float32).reshape(2, 3, 4), "f"),
        (np.arange(6, dtype=">i4"), "i"),
        (np.asfortranarray(np.arange(12, dtype=np.int64).reshape(3, 4)), "i"),
    ],
)
def test_reads_what_numpy_saved(path, save, array, kind):
    save(path, **{"room/x": array})
    with Npz(path) as file:
        assert file.keys() == ["room/x"]
        assert (file.shape("room/x"), file.dtype("room/x")) == (array.shape, array.dtype)
        read = file.read("room/x", kind=kind, shape=array.shape)
    assert_array_equal(read, array)
    assert read.dtype.isnative


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4"])
def test_floats_become_float32(path, dtype):
    np.savez(path, x=np.linspace(0, 1, 5).astype(dtype))
    with Npz(path) as file:
        read = file.read("x", kind="f", shape=(5,))
    assert read.dtype == np.float32
    assert_array_equal(read, np.linspace(0, 1, 5).astype(dtype).astype(np.float32))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("rows", [1, 3, 10, 99])
def test_blocks_put_together_are_the_array(path, order, rows):
    array = np.random.default_rng(0).random((10, 4)) > 0.5
    np.savez_compressed(path, x=np.asarray(array, order=order))
    with Npz(path) as file:
        blocks = list(file.blocks("x", rows, kind="b", shape=(10, 4)))
    assert [start for start, _ in blocks] == list(range(0, 10, rows))
    assert all(len(block) <= rows for _, block in blocks)
    assert_array_equal(np.concatenate([block for _, block in blocks]), array)


def test_two_arrays_can_be_streamed_side_by_side(path):
    a, b = np.arange(10), np.arange(10) * 2
    np.savez_compressed(path, a=a, b=b)
    with Npz(path) as file:
        pairs = zip(file.blocks("a", 3, kind="i", shape=(10,)), file.blocks("b", 3, kind="i", shape=(10,)), strict=True)
        for (_, left), (_, right) in pairs:
            assert_array_equal(left * 2, right)


def test_reading_holds_one_copy_and_streaming_one_block(path):
    np.savez_compressed(path, x=np.zeros((40_000, 256), np.float32))  # 41 MB
    with Npz(path) as file:
        file.shape("x")
        tracemalloc.start()
        whole = file.read("x", kind="f", shape=(None, 256))
        read_peak = tracemalloc.get_traced_memory()[1]
        nbytes = whole.nbytes
        del whole
        tracemalloc.reset_peak()
        for _ in file.blocks("x", 1000, kind="f", shape=(None, 256)):
            pass
        streamed_peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert nbytes <= read_peak < nbytes + 25e6
    assert streamed_peak < 15e6


def test_the_first_row_that_is_not_finite_is_named(path):
    array = np.ones((5000, 3), np.float32)
    array[[4711, 4800], 1] = np.nan
    np.savez(path, **{"captions/embeddings": array})
    with Npz(path) as file:
        with pytest.raises(DataError, match=r"some\.npz, captions/embeddings, row 4,711: .*not a finite"):
            file.read("captions/embeddings", kind="f", shape=(None, 3))
        read = file.read("captions/embeddings", kind="f", shape=(None, 3), finite=False)
    assert rows_not_finite(read).tolist() == [4711, 4800]


def test_a_double_too_large_for_float32_is_not_finite(path):
    np.savez(path, x=np.array([1.0, 1e300]))
    with Npz(path) as file, pytest.raises(DataError, match="row 1: "):
        file.read("x", kind="f", shape=(2,))


def test_a_missing_key_is_answered_with_the_nearest(path):
    np.savez(path, **{"captions/embedding": np.ones(1), "images/names": np.array(["a"])})
    with Npz(path) as file:
        assert "captions/embedding" in file
        with pytest.raises(DataError, match="captions/embeddings: there is no such key") as caught:
            file.shape("captions/embeddings")
    assert "Did you mean 'captions/embedding'?" in caught.value.help


@pytest.mark.parametrize(
    ("kind", "shape", "said"),
    [
        ("f", (4, 3), r"has shape \(3, 4\); \(4, 3\) was expected"),
        ("f", (None,), r"has shape \(3, 4\); \(any\) was expected"),
        ("iu", (3, 4), "is float32; integer was expected"),
        ("U", (3, 4), "is float32; text was expected"),
    ],
)
def test_another_kind_or_shape_is_refused(path, kind, shape, said):
    np.savez(path, x=np.zeros((3, 4), np.float32))
    with Npz(path) as file, pytest.raises(DataError, match=rf"some\.npz, x: {said}"):
        file.read("x", kind=kind, shape=shape)


def test_a_pickled_array_is_refused_and_never_run(path, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    np.savez(path, x=np.array([Bomb()], dtype=object))
    with Npz(path) as file, pytest.raises(DataError, match="pickled Python objects") as caught:
        file.read("x", kind="O", shape=(1,))
    assert caught.value.help
    assert not (tmp_path / "exploded").exists()


def test_a_missing_file_says_so(path):
    with pytest.raises(DataError, match="there is no such file"):
        Npz(path)


def test_a_file_of_another_sort_says_so(path):
    path.write_text("id,caption\n")
    with pytest.raises(DataError, match=r"is not an .npz file"):
        Npz(path)


@pytest.mark.parametrize("left", [0.1, 0.5, 0.99])
def test_a_truncated_file_says_so(path, left):
    np.savez_compressed(path, x=np.random.default_rng(0).random(1000))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * left)])
    with pytest.raises(DataError, match=r"some\.npz: is cut short"):
        Npz(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_flipped_bit_is_found_by_reading_and_by_streaming(path, save):
    save(path, x=np.random.default_rng(0).random(1000))
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 4
    path.write_bytes(body)
    with Npz(path) as file:
        with pytest.raises(DataError, match=r"some\.npz, x: is damaged"):
            file.read("x", kind="f", shape=(1000,))
        with pytest.raises(DataError, match=r"some\.npz, x: is damaged"):
            list(file.blocks("x", 100, kind="f", shape=(1000,)))


@pytest.mark.parametrize("change", [lambda body: body[:-8], lambda body: body + b"12345678"])
def test_a_body_that_belies_its_header_is_refused(path, change):
    write_member(path, change(member(np.arange(100))))
    with Npz(path) as file, pytest.raises(DataError, match="bytes where its header promises 800"):
        file.read("x", kind="i", shape=(100,))


def test_a_header_that_promises_the_moon_costs_no_memory(path):
    body = bytearray(member(np.zeros((1000, 1000))[:0]))
    body = body.replace(b"(0, 1000)", b"(9999999, 99999)", 1)
    body = body.replace(b" " * 7 + b"\n", b"\n", 1)  # keep the header's length true
    write_member(path, bytes(body))
    with Npz(path) as file, pytest.raises(DataError, match="holds 0 bytes where its header promises"):
        file.read("x", kind="f", shape=(None, None))


def test_a_member_that_is_no_array_is_refused(path):
    write_member(path, b"just text, long enough to be read as a header")
    with Npz(path) as file, pytest.raises(DataError, match=r"some\.npz, x: is not an array"):
        file.shape("x")
