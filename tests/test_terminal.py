"""Whatever the terminal is or becomes, a command says so in a sentence, or does without."""

import io
import os
import subprocess
import sys

import pytest

from ctk.cli.terminal import is_lost, prepared_streams


def test_a_full_stdout_interrupts_and_is_told(monkeypatch, capsys):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with prepared_streams():
            with pytest.raises(KeyboardInterrupt):
                print("a line", flush=True)
            assert is_lost()
    assert capsys.readouterr().err == "stdout: cannot be written to (No space left on device).\n"


def test_a_full_stderr_is_done_without(monkeypatch):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        with prepared_streams():
            print("a line", file=sys.stderr, flush=True)
            assert not is_lost()


def test_what_is_opened_after_a_closed_stdout_does_not_take_its_place(monkeypatch):
    kept = os.dup(1)
    try:
        os.close(1)
        monkeypatch.setattr(sys, "stdout", None)
        with prepared_streams(), open(os.devnull) as other:
            print("a line", flush=True)
            assert other.fileno() != 1
    finally:
        os.dup2(kept, 1)
        os.close(kept)


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", "ok \\xe9 \\udce9"), ("latin-1", "ok é \\udce9"), ("utf-8", "✓ é \\udce9")]
)
def test_characters_that_a_terminal_lacks_are_written_otherwise(monkeypatch, encoding, shown):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding))
    with prepared_streams():
        print("✓ é \udce9", end="", flush=True)
        assert written.getvalue().decode(encoding) == shown


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "inline", "agg"])
def test_the_backend_of_a_notebooks_kernel_is_not_that_of_a_command_in_it(ctk, monkeypatch, backend):
    seen = []
    monkeypatch.setattr("ctk.cli.main.cli", lambda: seen.append(os.environ.get("MPLBACKEND")))
    ctk(MPLBACKEND=backend, code=0)
    assert seen == ["agg" if backend == "agg" else None]


@pytest.mark.parametrize("line", [["--help"], ["--version"], ["run", "--help"]])
def test_help_that_finds_no_room_is_told_once(line):
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "ctk", *line], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "stdout: cannot be written to (No space left on device).\n")
