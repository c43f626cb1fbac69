"""Reading ahead."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, each made in another thread while the one before is worked on.

    Two of them are held at a time. What making one raises is raised in its turn.
    """
    over = object()
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, over)
        while (item := coming.result()) is not over:
            coming = thread.submit(next, items, over)
            yield item  # type: ignore[misc]
