"""A command that torchrun started many times: the first rank runs it, the others help."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ctk.training import torchrun


def on_first_rank(command: Callable[..., Any]) -> Callable[..., Any]:
    """Run a command in torchrun's first rank alone; the others do what it asks for, and end with it."""

    @functools.wraps(command)
    def in_its_place(*args: Any, **given: Any) -> Any:
        with torchrun.join_ranks() as team:
            if team is None or team.position.leads:
                return command(*args, **given)
            code = team.serve_calls()
        raise SystemExit(code)

    return in_its_place
