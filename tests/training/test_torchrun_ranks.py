"""What a process knows of the torchrun that started it, from what torchrun puts into its environment."""

import signal

import pytest

from ctk.training import torchrun
from ctk.workflow.run_ending import interrupt_on_sigterm


def environment(rank, size, local_rank, local_size):
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    return dict(zip(names, map(str, (rank, size, local_rank, local_size)), strict=True)) | {"TORCHELASTIC_RUN_ID": "x"}


@pytest.mark.parametrize(
    ("place", "command"),
    [
        (None, "ctk"),
        ((0, 1, 0, 1), "ctk"),
        ((0, 2, 0, 2), "torchrun --nproc-per-node 2 -m ctk"),
        ((9, 16, 1, 8), "torchrun ... --nproc-per-node 8 -m ctk"),  # machines and where they meet: one's own words
    ],
)
def test_a_command_is_gone_on_with_as_it_was_started(monkeypatch, place, command):
    for name, value in environment(*(place or (0, 1, 0, 1))).items():
        monkeypatch.setenv(name, value)
    if place is None:
        monkeypatch.delenv("TORCHELASTIC_RUN_ID")
    assert torchrun.command_line() == command
    assert torchrun.is_follower() == (place is not None and place[0] > 0)


def test_torchrun_s_signal_does_not_end_who_still_has_to_say_why():
    before = signal.getsignal(signal.SIGTERM)
    try:
        with interrupt_on_sigterm():
            torchrun._ignore_sigterm()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
    with interrupt_on_sigterm():
        pass
    assert signal.getsignal(signal.SIGTERM) is before
