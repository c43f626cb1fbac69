"""The ranks of a command that torchrun started in many processes, and what they tell each other.

The first rank does what one process would do. The others wait until it calls them to fit a model together with it,
and are silent. What is asked of them goes through torchrun's key-value store, where a wait can last as long as a blend
does; what fits exchange goes through torch.distributed.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from ctk.errors import CtkError, UsageError

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")

PATIENCE = timedelta(days=7)
"""For what another rank is at. One that is gone is noticed at once, by its connections and by torchrun."""
POLL = timedelta(seconds=60)
"""Between two looks at whether the store still answers."""
CALL, FAILURE = "ctk/call/{}", "ctk/failure"


@dataclass(frozen=True)
class TorchrunRank:
    """This process among those that torchrun started: of all, and of those on this machine."""

    rank: int
    size: int
    local_rank: int
    local_size: int

    @property
    def leads(self) -> bool:
        """Whether this is the rank that reads, writes and prints."""
        return self.rank == 0


def own_rank() -> TorchrunRank | None:
    """Read the rank that torchrun gave this process; None where it is the only one."""
    known = os.environ
    if "TORCHELASTIC_RUN_ID" not in known or int(known.get("WORLD_SIZE", "1")) < 2:
        return None
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    return TorchrunRank(*(int(known[name]) for name in names))


def command_line() -> str:
    """Say how the command at hand was started, for sentences on how to go on with it."""
    place = own_rank()
    if place is None:
        return "ctk"
    several = "" if place.size == place.local_size else "... "
    return f"torchrun {several}--nproc-per-node {place.local_size} -m ctk"


def is_follower() -> bool:
    """Whether this process is one of those that only follow another."""
    place = own_rank()
    return place is not None and not place.leads


class Team:
    """All ranks of the command, once they know each other."""

    def __init__(self, place: TorchrunRank) -> None:
        import torch
        import torch.distributed as dist
        from torch.distributed.rendezvous import rendezvous

        self.position = place
        self.calls = 0
        cuda = torch.cuda.is_available() and dist.is_nccl_available()
        if cuda and place.local_rank < torch.cuda.device_count():
            torch.cuda.set_device(place.local_rank)
        store, rank, size = next(rendezvous("env://"))
        store.set_timeout(PATIENCE)
        self.store = store
        backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE)
        words = dist.new_group(backend="gloo", timeout=PATIENCE)
        assert isinstance(words, dist.ProcessGroup)
        self.words = words

    # What the first rank does ----------------------------------------------------------------------------------------

    def call(self, function: Callable[[Any], object] | None, given: Any) -> None:
        """Have every other rank call a function; None lets them end."""
        self.store.set(CALL.format(self.calls), pickle.dumps((function, given)))
        self.calls += 1

    def explain(self, error: BaseException) -> BaseException:
        """Choose what to raise for an error of a call: where another rank is to blame, what that says."""
        if not (isinstance(error, KeyboardInterrupt) or _is_lost_rank(error)):
            return error
        failure = self._read_failure()
        if failure is None and isinstance(error, KeyboardInterrupt):
            return error
        _ignore_sigterm()
        if failure is not None:
            return CtkError(f"Rank {failure['rank']}: {failure['problem']}", failure["help"])
        return CtkError(
            "Another process of this torchrun ended without a word; memory may have run out.",
            "torchrun's lines below say which and how. Go on with --resume.",
        )

    def check_device(self, wanted: str) -> None:
        """Raise UsageError where a run's ``device`` asks for more GPUs than a machine has."""
        import torch

        count = torch.cuda.device_count() if wanted != "cpu" and torch.cuda.is_available() else 0
        if 0 < count < self.position.local_size:
            raise UsageError(
                f"torchrun started {self.position.local_size} processes here, and torch sees {count} GPUs.",
                f"Start {count}: torchrun --nproc-per-node {count}; or train on the processor: -o device=cpu.",
            )

    # What the others do ----------------------------------------------------------------------------------------------

    def serve_calls(self) -> int:
        """Do what the first rank asks for until there is no more. Returns the exit code."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        while True:
            key = CALL.format(self.calls)
            while not self._wait_for(key):
                pass
            function, given = pickle.loads(self.store.get(key))
            self.calls += 1
            if function is None:
                return int(given)
            try:
                with _within_call(self):
                    function(given)
            except Exception as error:
                self._tell_failure(error)
                return 1

    def _wait_for(self, key: str) -> bool:
        import torch.distributed as dist

        try:
            self.store.wait([key], POLL)
        except dist.DistStoreError:  # not yet
            return False
        return True

    def _tell_failure(self, error: Exception) -> None:
        """Tell the first rank why, unless that is why."""
        if _is_lost_rank(error):
            return
        shown = error if isinstance(error, CtkError) else CtkError(f"{type(error).__name__}: {error}")
        failure = {"rank": self.position.rank, "problem": shown.problem, "help": shown.help}
        try:
            self.store.compare_set(FAILURE, "", json.dumps(failure))
        except Exception:  # the store is gone, and nobody else can say it
            print(f"Rank {self.position.rank}: {shown}", file=sys.__stderr__)

    def _read_failure(self) -> dict[str, Any] | None:
        with suppress(Exception):  # a store that is gone tells nothing
            if self.store.check([FAILURE]):
                return dict(json.loads(self.store.get(FAILURE)))
        return None

    # What all do, within a call --------------------------------------------------------------------------------------

    def from_first(self, value: T) -> T:
        """Return the first rank's value on every rank. Nobody goes on before it is there."""
        import torch.distributed as dist

        box = [value]
        dist.broadcast_object_list(box, src=0, group=self.words)
        return box[0]

    def mean(self, value: float) -> float:
        """Return the mean over ranks, the same on each."""
        import torch
        import torch.distributed as dist

        number = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(number, group=self.words)
        return float(number) / self.position.size

    def rows_at_first(self, own: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
        """Send every rank's (n, ...) float32 array, or (n,) text, to the first; the others get nothing."""
        import torch
        import torch.distributed as dist

        if own.dtype.kind == "U":
            texts: list[Any] | None = [None] * self.position.size if self.position.leads else None
            dist.gather_object(own, texts, group=self.words)
            return texts or []
        shapes: list[Any] = [None] * self.position.size
        dist.all_gather_object(shapes, own.shape, group=self.words)
        if not self.position.leads:
            dist.send(torch.from_numpy(own), 0, group=self.words)
            return []
        parts = [torch.from_numpy(own)]
        for rank in range(1, self.position.size):
            parts.append(torch.empty(shapes[rank]))
            dist.recv(parts[-1], rank, group=self.words)
        return [part.numpy() for part in parts]


_team: Team | None = None
_interruption = "Interrupted."
_together: ContextVar[Team | None] = ContextVar("together", default=None)


@contextmanager
def join_ranks() -> Iterator[Team | None]:
    """Join the ranks of a torchrun into a team within the block; None where this process is the only one.

    At its end the first rank lets the others go, with an exit code of 1 after an error.
    """
    global _team
    place = own_rank()
    if place is None:
        yield None
        return
    # DDP looks for parameters that nothing used, as there may be some, and would warn in each process where none are.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    team = _team = Team(place)
    try:
        yield team
    except BaseException:
        _team = None
        if place.leads:
            with suppress(Exception):  # the first error matters more
                team.call(None, 1)
        raise
    _team = None
    if place.leads:
        team.call(None, 0)
    import torch.distributed as dist

    dist.destroy_process_group()


def current_team() -> Team | None:
    """Return the team while every rank is in the same call; None where this process works alone."""
    return _together.get()


@contextmanager
def call_on_all_ranks(function: Callable[[Any], object], given: Any) -> Iterator[None]:
    """Let the other ranks call ``function(given)`` while this one is in the block; alone, just the block.

    Meanwhile ``current_team`` is the team. Raises CtkError where another rank failed.
    """
    if _team is None:
        yield
        return
    _team.call(function, given)
    try:
        with _within_call(_team):
            yield
    except BaseException as error:
        explanation = _team.explain(error)
        if explanation is error:
            raise
        raise explanation from error


def is_first_rank() -> bool:
    """Whether this process is the one that writes and decides: the first rank, or the only one."""
    team = current_team()
    return team is None or team.position.leads


def rank_and_ranks(team: Team | None) -> tuple[int, int]:
    """Return this process's number among those that share rows, and how many do."""
    return (0, 1) if team is None else (team.position.rank, team.position.size)


def team_of_command() -> Team | None:
    """Return the team of a joined command, whatever this rank does.

    UsageError where torchrun started what cannot join.
    """
    if _team is None and own_rank() is not None:
        refuse_torchrun("this")
    return _team


def refuse_torchrun(what: str) -> NoReturn:
    """Raise UsageError: only one command runs in several processes."""
    raise UsageError(f"torchrun spreads `ctk run` over processes; {what} runs in one.", "Start it without torchrun.")


def note_termination() -> None:
    """Note that a signal ends the process, not a person at the terminal."""
    global _interruption
    if own_rank() is not None:
        _interruption = "torchrun ended this run: it was told to, or another process ended; its own lines say which."


def interruption_message() -> str:
    """Say why a run was interrupted."""
    return _interruption


def silence_followers() -> None:
    """Silence processes that follow: the first rank says it all."""
    if is_follower():
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115


@contextmanager
def _within_call(team: Team) -> Iterator[None]:
    token = _together.set(team)
    try:
        yield
    finally:
        _together.reset(token)


def _is_lost_rank(error: BaseException | None) -> bool:
    """Whether an error came of another rank's end."""
    import torch.distributed as dist

    while error is not None:
        if isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _ignore_sigterm() -> None:
    """torchrun now ends those that are left; what this one still has to say comes first."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
