"""A reader never sees half a file."""

import errno
import os
import subprocess
import sys

import pytest

from ctk.errors import CtkError
from ctk.files import atomic, made_once, read_json, write_json


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with atomic(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_folder_is_made_once_and_the_second_to_come_is_thrown_away(tmp_path):
    for content in ("one", "two"):
        with made_once(tmp_path / "folder") as temporary:
            (temporary / content).write_text(content)
    assert os.listdir(tmp_path) == ["folder"]
    assert os.listdir(tmp_path / "folder") == ["one"]


def test_half_a_folder_is_never_seen_and_what_the_killed_left_is_swept(tmp_path):
    killed = "import os, sys; from pathlib import Path; from ctk.files import made_once\n"
    killed += "with made_once(Path(sys.argv[1])) as folder: (folder / 'half').touch(); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", killed, str(tmp_path / "folder")], timeout=60)
    assert len(os.listdir(tmp_path)) == 1
    assert not (tmp_path / "folder").exists()
    with made_once(tmp_path / "folder") as temporary:
        (temporary / "whole").touch()
    assert os.listdir(tmp_path) == ["folder"]


def test_a_full_disk_is_one_sentence_that_names_the_file(tmp_path):
    with pytest.raises(CtkError, match=r"b\.txt: no space left") as caught, atomic(tmp_path / "b.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "Free some space" in caught.value.help
    assert not list(tmp_path.iterdir())


def test_a_really_full_disk_is_told_as_such(tmp_path):
    def fill():
        with atomic(tmp_path / "full") as temporary:
            temporary.symlink_to("/dev/full")  # Linux's always-full device
            temporary.write_text("x" * 100_000)

    with pytest.raises(CtkError, match="full: no space left"):
        fill()


def test_json_goes_there_and_back(tmp_path):
    write_json(tmp_path / "deep" / "a.json", {"ü": [1, None]})
    assert read_json(tmp_path / "deep" / "a.json") == {"ü": [1, None]}
