"""Kernel tests run on every instruction set that the machine has."""

import ctypes
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

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


@pytest.fixture(params=["aot_eager", pytest.param("inductor", marks=[pytest.mark.slow, pytest.mark.release])])
def compiler(request: pytest.FixtureRequest) -> str:
    """A backend of torch.compile. Graph, shapes and gradients are those of the one that generates no code, too."""
    return str(request.param)


@pytest.fixture(scope="session")
def emulate(once: Callable[..., Path]) -> Callable[[str], ctypes.CDLL]:
    """``emulate("climb")``: the GPU's kernels of emulation/climb.cpp, compiled for the processor (emulation/simt.h)."""

    def compiled(name: str) -> ctypes.CDLL:
        if shutil.which("g++") is None:
            pytest.skip("there is no g++, which compiles the kernels for the processor")
        source = Path(__file__).parent / "emulation" / f"{name}.cpp"
        flags = ["-std=c++20", "-O2", "-shared", "-fPIC", "-Wall", "-Werror", "-Wno-unknown-pragmas"]

        def make(folder: Path) -> None:
            subprocess.run(["g++", *flags, str(source), "-o", str(folder / "library.so")], check=True)

        return ctypes.CDLL(str(once(f"emulated-{name}", make) / "library.so"))

    return compiled
