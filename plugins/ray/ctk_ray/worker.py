"""What runs on a cluster's nodes: one task, its noise kept from the terminal, its files brought and taken away."""

from __future__ import annotations

import os
import pickle
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctk.api import unpickle
from ctk.errors import CtkError
from ctk_ray.messages import Outcome

SHARE = "Mount them there, or have them carried by Ray: -o executor.artefacts=store."


@dataclass(frozen=True)
class Seen:
    """What a node must see: a file that the driver just made in the run's folder, and folders that tasks read."""

    mark: Path
    folders: tuple[Path, ...]


def work(call: bytes, packed: Any, seen: Seen | None) -> Outcome:
    """Run a pickled (function, args, kwargs). Raises nothing: what a task raises is its outcome."""
    with _stderr_given_back():
        if packed is not None:
            from ctk_ray.store import carried

            try:
                return carried(packed, lambda to: _outcome(call, to))
            except OSError as error:
                problem = f"Node {socket.gethostname()} of the Ray cluster could not take a task's files: {error}."
                return failed(CtkError(problem, "Free some space there, in its temporary folder and its CTK_CACHE."))
        if seen is not None and not sees(seen):
            return failed(CtkError(unseen(socket.gethostname(), seen), SHARE))
        return _outcome(call, None)


def sees(seen: Seen) -> bool:
    """Whether this node sees what it should: that it can be read, for a folder of the same name is not enough."""
    try:
        return seen.mark.read_text() == seen.mark.name and all(any(folder.iterdir()) for folder in seen.folders)
    except OSError:
        return False


def unseen(node: str, seen: Seen) -> str:
    """The sentence for a node that does not."""
    folders = ", ".join(str(folder) for folder in (seen.mark.parent, *seen.folders))
    return f"Node {node} of the Ray cluster does not see the run's folder, or the data prepared for it: {folders}."


def failed(error: BaseException) -> Outcome:
    """The outcome of a task that raised; of exceptions that do not pickle, what they say."""
    try:
        answer = pickle.dumps(error)
        pickle.loads(answer)
    except Exception:
        answer = pickle.dumps(CtkError(f"{type(error).__name__}: {error}."))
    return Outcome(True, answer)


def _outcome(call: bytes, to: Callable[[Path], Path] | None) -> Outcome:
    try:
        function, args, kwargs = unpickle(call)
        if to is not None:
            args = tuple(each.with_paths(to) for each in args)
        return Outcome(False, pickle.dumps(function(*args, **kwargs)))
    except (Exception, SystemExit) as error:
        return failed(error)


@contextmanager
def _stderr_given_back() -> Iterator[None]:
    """A fit sends it to the folder of its part; the worker lives on."""
    kept = os.dup(2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
