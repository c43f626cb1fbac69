"""Observers: who is told how a run goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from ctk.runs import Part


@runtime_checkable
class Observer(Protocol):
    """An observer is told how a run goes: the terminal, a notebook, nobody."""

    def say(self, line: str) -> None:
        """Show a line."""

    def begin(self, parts: Sequence[Part], fitted: Sequence[Part]) -> None:
        """Begin the fits of ``parts``, of which ``fitted`` were fitted before."""

    def progress(self, part: Part, done: int, total: int, scores: Mapping[str, float]) -> None:
        """Show how far a part is."""

    def end(self) -> None:
        """End the fits: no part is being fitted any more."""

    def working(self, what: str, done: int, total: int) -> None:
        """Show how far work is that comes before the fits: reading data, making it."""


class SilentObserver:
    """An observer that is told everything and says nothing."""

    def say(self, line: str) -> None: ...

    def begin(self, parts: Sequence[Part], fitted: Sequence[Part]) -> None: ...

    def progress(self, part: Part, done: int, total: int, scores: Mapping[str, float]) -> None: ...

    def end(self) -> None: ...

    def working(self, what: str, done: int, total: int) -> None: ...
