"""Kernel tests run on every instruction set that the machine has."""

from collections.abc import Iterator

import pytest

from ctk.ops import native
from ctk.ops.processor import INSTRUCTION_SETS, at_most, instruction_set


def available() -> list[str]:
    best = instruction_set()
    return list(INSTRUCTION_SETS[: INSTRUCTION_SETS.index(best) + 1]) if best else ["plain torch"]


@pytest.fixture(params=available())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """The instruction set that the test runs with."""
    if native.problem("cpu") is not None:
        yield request.param
        return
    with at_most(request.param) as running:
        assert running == request.param
        yield running
