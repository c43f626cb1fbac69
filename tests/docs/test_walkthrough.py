"""What walks through the pages notices what a page says wrongly."""

from pathlib import Path

import pytest
from pages import Block
from walkthrough import Shell, changed, commands, compare


def test_a_line_that_is_not_printed_is_noticed():
    with pytest.raises(AssertionError, match="not in this order"):
        compare("x", ["two", "one"], "one\ntwo\n")


def test_dots_stand_for_anything_and_a_number_for_any_number():
    compare("x", ["scored 0.5 ...", "...", "done"], "scored 12.75 on the test\nnoise\ndone\n")


def test_a_console_block_is_commands_with_what_they_print():
    typed = list(commands(Block("console", "", "$ one \\\n>   more\nshown\n$ two\n")))
    assert [(each.command, each.shown) for each in typed] == [("one more", ["shown"]), ("two", [])]


def test_a_change_has_to_fit_its_file():
    assert changed("a\nb\nc\n", " a\n-b\n+B\n...\n-c\n+C\n", Path("f")) == "a\nB\nC\n"
    with pytest.raises(AssertionError, match="has this 0 times"):
        changed("a\n", "-b\n+c\n", Path("f"))


def test_the_shell_keeps_its_folder_and_tells_exit_codes(tmp_path):
    shell = Shell(tmp_path, {"PATH": "/usr/bin:/bin"})
    assert shell.type("mkdir inner && cd inner") == (0, "\n")
    assert shell.folder() == tmp_path / "inner"
    assert shell.type("false")[0] == 1
    shell.close()
