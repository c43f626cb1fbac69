"""A reader never sees half a file."""

import errno
import os
import re
import subprocess
import sys

import pytest
import yaml

from ctk.errors import CtkError, DataError
from ctk.files import (
    atomic,
    cache_folder,
    check_room,
    dump_yaml,
    made_over_time,
    parse_yaml,
    read_json,
    remove_unfinished,
    write_json,
    yaml_problem,
)
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
