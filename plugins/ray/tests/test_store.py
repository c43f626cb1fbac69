"""Files that travel arrive as they were, whatever their size, and those that count others come last."""

from dataclasses import replace

import pytest

from ctk.contract import Files
from ctk_ray import store
from ctk_ray.store import Store, place


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(store, "CHUNK", 100)


def test_a_folder_arrives_as_it_was(tmp_path):
    there, here = tmp_path / "there", tmp_path / "here"
    contents = {"a.txt": b"a" * 250, "b/c/empty": b"", "b/d.bin": bytes(range(256)), "e": b"e" * 100}
    for name, content in contents.items():
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_bytes(content)
    (there / ".f.1.part").write_bytes(b"half")
    packed = [(name, list(chunks)) for name, chunks in store.contents(there)]
    assert [len(chunks) for _, chunks in packed] == [3, 0, 3, 1]
    place(here, packed)
    assert {
        path.relative_to(here).as_posix(): path.read_bytes() for path in here.rglob("*") if path.is_file()
    } == contents


def test_a_file_arrives_as_it_was(tmp_path):
    (tmp_path / "kept.npy").write_bytes(bytes(range(256)))
    place(tmp_path / "deep" / "kept.npy", store.contents(tmp_path / "kept.npy"))
    assert (tmp_path / "deep" / "kept.npy").read_bytes() == bytes(range(256))


def test_lines_of_a_log_are_put_behind_those_that_are_there(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("before\n")
    files = Files((), (), tmp_path / "part", appends=log)
    wrote = [("fitted.json", b"{}"), (store.APPENDED, b"after\n")]
    Store.unpack(None, files, wrote)
    assert log.read_text() == "before\nafter\n"
    assert [path.name for path in (tmp_path / "part").iterdir()] == ["fitted.json"]
    Store.unpack(None, replace(files, appends=None), wrote[:1])
