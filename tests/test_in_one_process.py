"""The ``ctk`` of the tests, which calls the command line in their process, answers as a process does."""

import os
import signal
import sys
import warnings

import pytest
import torch

PLUGIN = '''
"""Prints, warns, logs and changes its process."""

import logging, os, signal, sys, warnings
import click
from ctk import hookimpl
import beside


@hookimpl
def ctk_register_commands(register):
    register("shout", "ctk_plugins.shouting:shout", about="says what it has to say")


@click.command()
@click.argument("code", type=int)
def shout(code):
    """Print on all ways. ``ctk shout 3``"""
    print("printed", __name__, beside.WHO, os.environ.get("WHO"), os.getcwd())
    os.write(1, b"written\\n")
    os.system("echo of a child; echo and its error >&2")
    warnings.warn("warned")
    logging.getLogger("x").warning("logged")
    os.environ["LEFT"] = "behind"
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    import torch
    torch.set_num_threads(3)
    sys.exit(code) if code != 4 else 1 / 0
'''


@pytest.mark.parametrize(
    "line",
    ["", "--help", "list", "rnu", "run", "run aml-retrieval -o x=1", "runs --json", "show none"],
)
def test_it_answers_as_a_process_does(ctk, ctk_process, line):
    assert _answer(ctk(*line.split())) == _answer(ctk_process(*line.split()))


@pytest.mark.parametrize("code", [3, 4])
def test_a_plugin_prints_warns_logs_and_ends_as_in_a_process(ctk, ctk_process, tmp_path, code):
    (tmp_path / "ctk_plugins").mkdir()
    (tmp_path / "ctk_plugins/shouting.py").write_text(PLUGIN)
    (tmp_path / "beside.py").write_text("WHO = 'one'")
    here = _answer(ctk("shout", code, WHO="me"))
    assert "of a child" in here[1]
    assert here == _answer(ctk_process("shout", code, WHO="me"))


def test_it_leaves_the_process_as_it_was(ctk, tmp_path):
    before = _process()
    for who in ("one", "other"):
        (tmp_path / who / "ctk_plugins").mkdir(parents=True)
        (tmp_path / who / "ctk_plugins/shouting.py").write_text(PLUGIN)
        (tmp_path / who / "beside.py").write_text(f"WHO = {who!r}")
        assert f"ctk_plugins.shouting {who} None {tmp_path / who}" in ctk("shout", 0, cwd=tmp_path / who).stdout
    assert "No such command" in ctk("shout", 0).stderr
    assert _process() == before


def _answer(done):
    """Without where Python warns from, and without what a machine that imports slowly adds."""
    aside = ("warnings.warn", "waiting for plugin")
    return done.returncode, *(
        sorted(line for line in text.splitlines() if not any(each in line for each in aside))
        for text in (done.stdout, done.stderr)
    )


def _process():
    found = "beside" in sys.modules or "ctk_plugins.shouting" in sys.modules
    streams = sys.stdin, sys.stdout, sys.stderr, sys.argv
    threads = torch.get_num_threads()
    return (
        os.getcwd(),
        dict(os.environ),
        list(sys.path),
        found,
        streams,
        threads,
        signal.getsignal(15),
        warnings.filters,
    )
