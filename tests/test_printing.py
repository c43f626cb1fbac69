"""What plugins, configs and folders are called is printed as it is."""

import pickle

import pytest
from rich.text import Text

from ctk.cli import print_table
from ctk.cli.printing import console
from ctk.cli.run_progress import RunProgress
from ctk.cli.runs import runs
from ctk.errors import DataError


def test_lines_and_cells_may_have_brackets(capsys):
    RunProgress("mse").say("no [/x], [bold]b[/bold]")
    print_table(["a[b]"], [["[/red]"], ["members=[{model: ridge}]"], [3]])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["no [/x], [bold]b[/bold]", "a[b]", "[/red]", "members=[{model: ridge}]", "3"]


def test_a_folder_may_have_them_too(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("CTK_RUNS", str(tmp_path / "[a]"))
    runs.main([], standalone_mode=False)
    assert "[a]" in capsys.readouterr().out


@pytest.mark.parametrize("control", ["\0", "\x07", "\b", "\r", "\x1b", "\x7f", "\x9b", "\u202e", "\u2066", "\ud800"])
def test_control_characters_of_strangers_are_written_out_wherever_words_reach_the_terminal(control, capsys):
    said = f"a{control}b"
    print_table([said], [[said], [said]])
    console.print(said, Text(said), soft_wrap=True)
    out = capsys.readouterr().out + str(DataError(said, said))
    assert out.count(f"a{ascii(control)[1:-1]}b") >= 6
    assert control not in out


def test_an_error_with_control_characters_travels_between_processes():
    error = pickle.loads(pickle.dumps(DataError("column '\x1b[2J' is missing", "help")))
    assert str(error) == "column '\\x1b[2J' is missing\nhelp"
