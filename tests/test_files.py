"""A reader never sees half a file."""

import errno
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import yaml

from ctk.errors import CtkError, DamagedError, DataError
from ctk.files import (
    atomic,
    cache_folder,
    check_room,
    date_files,
    dump_yaml,
    lock,
    made_over_time,
    parse_yaml,
    read_json,
    read_npy,
    remove_unfinished,
    workshop,
    write_json,
    write_text,
    yaml_problem,
)
from ctk.plugins.tracebacks import keep_traceback
from ctk.runs import runs_root


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


def test_what_killed_writers_left_is_removed_wherever_it_lies(tmp_path):
    (tmp_path / "members" / "a").mkdir(parents=True)
    kept = [tmp_path / "members" / "weights.pt", tmp_path / "notes.part"]
    left = [tmp_path / "members" / "a" / ".weights.pt.4711.part", tmp_path / ".state.json.1.part"]
    for path in kept + left:
        path.write_text("half")
    remove_unfinished(tmp_path)
    assert [path.exists() for path in kept] == [True, True]
    assert [path.exists() for path in left] == [False, False]


def test_who_comes_second_finds_the_folder_made(tmp_path):
    found = []
    for content in ("one", "two"):
        with made_over_time(tmp_path / "folder") as making:
            found.append(making)
            if making is not None:
                (making / content).write_text(content)
    assert found[1] is None
    assert os.listdir(tmp_path / "folder") == ["one"]


def test_a_dated_folder_has_one_time_throughout(tmp_path):
    (tmp_path / "made" / "inner").mkdir(parents=True)
    (tmp_path / "made" / "inner" / "file").write_text("content")
    date_files(tmp_path / "made", 1_500_000_000)
    assert {path.stat().st_mtime for path in (tmp_path / "made", *(tmp_path / "made").rglob("*"))} == {1_500_000_000}


def test_half_a_folder_is_never_seen_and_what_the_killed_left_is_gone_on_with(tmp_path):
    killed = "import os, sys; from pathlib import Path; from ctk.files import made_over_time\n"
    killed += "with made_over_time(Path(sys.argv[1])) as folder: (folder / 'half').touch(); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", killed, str(tmp_path / "folder")], timeout=60)
    assert not (tmp_path / "folder").exists()
    with made_over_time(tmp_path / "folder") as making:
        (making / "whole").touch()
    assert sorted(os.listdir(tmp_path / "folder")) == ["half", "whole"]


def test_what_was_made_of_wrong_data_is_thrown_away(tmp_path):
    def fail():
        with made_over_time(tmp_path / "folder") as making:
            (making / "half").touch()
            raise DataError("row 3 is wrong")

    with pytest.raises(DataError, match="row 3"):
        fail()
    assert not [name for name in os.listdir(tmp_path) if not name.endswith(".lock")]


def test_what_does_not_fit_on_the_disk_is_said_with_both_sizes(tmp_path):
    check_room(tmp_path / "not" / "there", 1, "this")
    with pytest.raises(CtkError, match=r"this needs 1,000,000\.0 GB at .*, and [\d.,]+ GB are free"):
        check_room(tmp_path / "not" / "there", 10**15, "this")


def test_a_full_disk_is_one_sentence_that_names_the_file(tmp_path):
    with pytest.raises(CtkError, match=r"b\.txt: no space left") as caught, atomic(tmp_path / "b.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "Free some space" in caught.value.help
    assert not list(tmp_path.iterdir())


class Rust(Exception):
    """An error of a library that is written in another language."""


@pytest.mark.parametrize(
    ("error", "fact"),
    [
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "no space left of your share"),
        (OSError(errno.EFBIG, "File too large"), "files may not become so large"),
        (OSError("21600 requested and 14304 written"), "no space left on the disk"),
        (RuntimeError("[enforce fail at inline_container.cc:671] . unexpected pos 576 vs 534"), "no space left"),
        (Rust("I/O error: No space left on device (os error 28)"), "no space left on the disk"),
        (Rust("database or disk is full"), "no space left on the disk"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_whatever_a_library_says_of_a_full_disk_is_the_same_sentence(tmp_path, error, fact):
    with pytest.raises(CtkError, match=rf"b\.txt: {fact}"), atomic(tmp_path / "b.txt"):
        raise error


def test_a_full_disk_is_left_as_it_was_before_a_folder_was_begun(tmp_path):
    def fill():
        with made_over_time(tmp_path / "folder") as making:
            np.save(making / "half.npy", np.zeros(10))
            raise OSError("21600 requested and 14304 written")  # as numpy

    with pytest.raises(CtkError, match="folder: no space left on the disk"):
        fill()
    assert not [name for name in os.listdir(tmp_path) if not name.endswith(".lock")]


def test_a_limit_of_a_files_size_is_told_with_the_file(tmp_path):
    code = "import resource, sys; from pathlib import Path; import numpy as np; from ctk.files import atomic\n"
    code += "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
    code += "with atomic(Path(sys.argv[1])) as path, path.open('wb') as file: np.save(file, np.zeros(1000))"
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.npy"], capture_output=True, text=True, timeout=60)
    assert "a.npy: files may not become so large here.\nRaise the limit, which `ulimit -f` says" in done.stderr
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_in_a_workshop_goes_with_the_next(tmp_path):
    code = "import os, sys; from pathlib import Path; from ctk.files import workshop\n"
    code += "with workshop(Path(sys.argv[1])) as folder: (folder / 'half').touch(); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=60)
    (tmp_path / ".workshop-of-somebody-else").mkdir()
    (tmp_path / f".workshop-{os.getppid()}").mkdir()  # which is at work
    with workshop(tmp_path) as folder:
        left = {path.name for path in tmp_path.iterdir()}
    assert left == {".workshop-of-somebody-else", f".workshop-{os.getppid()}", folder.name}
    assert not folder.exists()


def test_a_file_system_without_locks_is_worked_on_and_told(tmp_path, monkeypatch, capsys):
    def refuse(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with (tmp_path / "lock").open("w") as file:
        assert lock(file)  # by locks of the other kind
        monkeypatch.setattr("fcntl.lockf", refuse)
        assert not lock(file)
    assert "lock: cannot be locked here" in capsys.readouterr().err


def test_a_path_of_any_bytes_goes_there_and_back(tmp_path):
    path = os.fsdecode(b"/data/d\xe9/\xc3\xa9")
    write_json(tmp_path / "a.json", {"folder": path})
    write_text(tmp_path / "a.yaml", dump_yaml({"folder": path}))
    assert read_json(tmp_path / "a.json") == parse_yaml((tmp_path / "a.yaml").read_text("utf-8")) == {"folder": path}


def test_who_has_no_home_folder_is_told_of_ctk_cache(monkeypatch, tmp_path):
    def unknown(user):
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("pwd.getpwuid", unknown)
    for variable in ("HOME", "CTK_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(CtkError, match="There is no home folder") as caught:
        cache_folder()
    assert "Set CTK_CACHE" in caught.value.help
    assert keep_traceback(ValueError()) == ""
    monkeypatch.setenv("CTK_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path


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


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: 1\nb: 2\na: 3", 3), ("a: {b: 1, 'b': 2}", 1), ("- {1: a}\n- {0x1: a, 1: b}", 2), ("? a\n: 1\n? a\n: 2", 3)],
)
@pytest.mark.parametrize("lines", [False, True])
def test_a_key_that_stands_twice_is_refused_with_its_line(text, line, lines):
    with pytest.raises(yaml.YAMLError) as caught:
        parse_yaml(text, lines)
    assert re.fullmatch(rf"line {line}: '(a|b|1)' stands there twice", yaml_problem(caught.value))


def test_what_is_merged_is_no_key_that_stands_twice():
    text = "deep: {er: &a {<<: &b {x: 1}, x: 2}}\nc: {<<: *a, x: 3}\nd: {<<: [*a, *b]}"
    assert parse_yaml(text) == {"deep": {"er": {"x": 2}}, "c": {"x": 3}, "d": {"x": 2}}


def test_numbers_are_those_of_yaml_1_2_and_texts_like_them_stay_texts():
    assert parse_yaml("[3e-4, 1E5, -.5e1, 1e, e1]") == [3e-4, 1e5, -5.0, "1e", "e1"]
    assert parse_yaml(dump_yaml(["3e-4", 3e-4, "1e5"])) == ["3e-4", 3e-4, "1e5"]


def test_a_tilde_in_a_variable_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable, folder in (("CTK_CACHE", cache_folder), ("CTK_RUNS", runs_root)):
        monkeypatch.setenv(variable, "~/x")
        assert folder() == tmp_path / "x"
    monkeypatch.delenv("CTK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "~/y")
    assert cache_folder() == tmp_path / "y" / "ctk"


def test_what_is_written_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    did = []
    replace, fsync = os.replace, os.fsync
    monkeypatch.setattr(os, "replace", lambda *given: did.append("rename") or replace(*given))
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: did.append(os.readlink(f"/proc/self/fd/{descriptor}")) or fsync(descriptor)
    )
    with atomic(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
    assert did == [str(temporary), "rename", str(tmp_path)]


def test_a_prepared_folder_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    with made_over_time(tmp_path / "folder") as making:
        (making / "train").mkdir()
        (making / "train" / "ids.npy").touch()
    assert synced == [str(each) for each in (making, making / "train", making / "train" / "ids.npy", tmp_path)]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", r"cannot be read \(Expecting value"),
        (b'{"a": [1, 2', "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b'{"a": ' + b"9" * 5_001 + b"}", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b'{"a": {"b": "text"}}', r", a\.b: 'text' is wrong: input should be a valid integer"),
        (b'{"a": {"b": true}}', r", a\.b: True is wrong"),
        (b'{"a": [1]}', r", a: \[1\] is wrong"),
    ],
)
def test_json_that_is_not_what_was_written_is_told_with_file_and_key(tmp_path, content, problem):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(DamagedError, match=rf"^{path}{problem if problem[0] == ',' else f': {problem}'}"):
        read_json(path, dict[str, dict[str, int]])


def make_pipe(path):
    os.mkfifo(path)


@pytest.mark.parametrize(
    "make", [make_pipe, os.mkdir, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to(path)]
)
@pytest.mark.parametrize("read", [read_json, read_npy])
def test_nothing_but_a_regular_file_is_read(tmp_path, make, read):
    make(tmp_path / "a")
    with pytest.raises(DamagedError, match=f"^{tmp_path}/a: cannot be read"):
        read(tmp_path / "a")


def test_numbers_of_numpy_are_numbers_in_json(tmp_path):
    write_json(tmp_path / "a.json", {"one": np.float32(0.5), "row": np.arange(2), "path": tmp_path})
    assert read_json(tmp_path / "a.json") == {"one": 0.5, "row": [0, 1], "path": str(tmp_path)}
