"""What plugins, configs and folders are called is printed as it is."""

from ctk.cli import print_table
from ctk.cli.run_progress import RunProgress
from ctk.cli.runs import runs


def test_lines_and_cells_may_have_brackets(capsys):
    RunProgress("mse").say("no [/x], [bold]b[/bold]")
    print_table(["a[b]"], [["[/red]"], ["members=[{model: ridge}]"], [3]])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["no [/x], [bold]b[/bold]", "a[b]", "[/red]", "members=[{model: ridge}]", "3"]


def test_a_folder_may_have_them_too(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("CTK_RUNS", str(tmp_path / "[a]"))
    runs.main([], standalone_mode=False)
    assert "[a]" in capsys.readouterr().out
