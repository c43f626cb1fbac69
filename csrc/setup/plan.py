"""What will be compiled, and why not the rest: from CTK_BUILD, the sources, and what is installed."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nvcc import NoCompiler, Nvcc, find_nvcc
from setuptools import Extension

ROOT = Path(__file__).resolve().parents[2]
MODES = ("auto", "all", "cpu", "cuda", "none")

STABLE_ABI = "2.11"
"""The oldest torch whose C shims are called; the libraries load in this one and in every later one."""

PARTS = {
    "cpu": "ctk.ops._cpu",
    "cuda": "ctk.ops._cuda",
    "engine": "ctk.blend._engine",
}
"""The libraries: torch ops on CPU, torch ops on CUDA, and a module on numpy, for blending."""

DEMANDED = {"auto": (), "all": (), "cpu": ("cpu", "engine"), "cuda": ("cpu", "engine", "cuda"), "none": ()}
"""Parts whose failure fails the whole build, by CTK_BUILD."""

NO_GPU = "no GPU was seen. To compile for one nevertheless set CTK_BUILD=cuda and install anew."

# No -march: csrc/common chooses the instruction set at run time. No -ffast-math: NaN and inf must stay what they are.
CXX_FLAGS = ["-std=c++20", "-O3", "-fvisibility=hidden", "-pthread", "-Wall", "-Wextra", "-Wno-psabi", "-g0"]
NVCC_FLAGS = ["-std=c++20", "-O3", "-Xcompiler=-fvisibility=hidden", "-Xcompiler=-Wall"]


class BadBuild(SystemExit):
    """What the user must change before anything can be built; setup.py ends with it, without a traceback."""


@dataclass
class Plan:
    """The extensions to compile, and for each part that is none of them the reason."""

    mode: str
    extensions: dict[str, Extension] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    nvcc: Nvcc | None = None

    def give_up(self, part: str, why: str) -> None:
        """Go on without a part. Whether that may be is asked when something is built: an sdist needs no compiler."""
        self.extensions.pop(part, None)
        self.skipped[part] = why

    def announce(self, part: str) -> None:
        """Say loudly that a part is left out; stop where CTK_BUILD demands it."""
        if part in DEMANDED[self.mode]:
            raise BadBuild(
                f"ctk: {PARTS[part]} cannot be built, and CTK_BUILD={self.mode} demands it: {self.skipped[part]}"
            )
        if self.mode != "none":
            print(f"ctk: building without {PARTS[part]}: {self.skipped[part]}", file=sys.stderr, flush=True)


def make_plan() -> Plan:
    """Decide from the environment; only `auto` asks whether a GPU is present."""
    mode = os.environ.get("CTK_BUILD") or "auto"
    if mode not in MODES:
        raise BadBuild(f"CTK_BUILD is {mode!r}; it is one of {', '.join(MODES)}.")
    plan = Plan(mode)
    # The programs that pip installed beside this Python, ninja among them, where the environment is not activated.
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
    problem = _no_tools(mode)
    if problem:
        for part in PARTS:
            plan.give_up(part, problem)
        return plan
    if mode == "cpu":
        plan.give_up("cuda", "CTK_BUILD=cpu.")
    elif mode == "auto" and not _gpu_is_there():
        plan.give_up("cuda", NO_GPU)
    else:
        _plan_cuda(plan)
    _plan_cpu(plan)
    _plan_engine(plan)
    return plan


def _no_tools(mode: str) -> str | None:
    """What nothing can be built without."""
    if mode == "none":
        return "CTK_BUILD=none."
    words = shlex.split(os.environ.get("CXX") or sysconfig.get_config_var("CXX") or "c++")
    # A compiler, or a program that calls it, such as ccache, before it.
    for program in words[: 1 + (len(words) > 1 and not words[1].startswith("-"))]:
        if not shutil.which(program):
            return f"there is no C++ compiler {program}. Install one that knows C++20 (g++ 12 or later), or set CXX."
    if len(words) > 1 and os.environ.get("CXX"):
        os.environ["CXX"] = str(_one_word(words))
        os.environ.setdefault("TORCH_NO_COMPILER_WRAPPER", "1")  # or torch puts its own before the user's
    if not shutil.which("ninja"):
        return "there is no ninja. `pip install ninja`."
    if not importlib.util.find_spec("torch"):
        return "torch is not installed. Let pip isolate the build, or install torch first."
    return None


def _gpu_is_there() -> bool:
    """Ask the driver first: the torch that pip fetched to build with may be too new for it, another one runs."""
    if program := shutil.which("nvidia-smi"):
        listed = subprocess.run([program, "-L"], capture_output=True, text=True, check=False).stdout
        if re.search(r"^GPU \d", listed, re.MULTILINE):
            return True
    import torch

    return torch.cuda.is_available()


def _one_word(words: list[str]) -> Path:
    """A program that calls a compiler of several words, such as "ccache g++", which torch takes for one name."""
    path = ROOT / "build" / "cxx"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    path.chmod(0o755)
    return path


def _sources(*patterns: str) -> list[str]:
    """Relative to the root, as setuptools wants them; sorted, so that two builds are the same."""
    return sorted({str(path.relative_to(ROOT)) for pattern in patterns for path in (ROOT / "csrc").glob(pattern)})


def _plan_cpu(plan: Plan) -> None:
    plan.extensions["cpu"] = Extension(
        PARTS["cpu"],
        _sources("common/*.cpp", "*/cpu*.cpp"),
        include_dirs=[str(ROOT / "csrc")],
        # Not torch's own CppExtension, which links libc10 and libtorch_python as well.
        library_dirs=_cpp_extension().library_paths(),
        libraries=["torch_cpu"],
        language="c++",
        extra_compile_args=[*CXX_FLAGS, *_stable_abi(), *_more_flags()],
    )


def _plan_engine(plan: Plan) -> None:
    if not importlib.util.find_spec("pybind11"):
        plan.give_up("engine", "pybind11 is not installed. `pip install pybind11`.")
        return
    import pybind11

    plan.extensions["engine"] = Extension(
        PARTS["engine"],
        _sources("blend/*.cpp"),
        include_dirs=[str(ROOT / "csrc")],
        language="c++",
        extra_compile_args=[*CXX_FLAGS, "-isystem", pybind11.get_include(), *_more_flags()],
        extra_link_args=["-pthread"],
    )


def _plan_cuda(plan: Plan) -> None:
    sources = _sources("*/cuda*.cu")
    if not sources:
        plan.give_up("cuda", "csrc has no CUDA source.")
        return
    import torch

    try:
        plan.nvcc = find_nvcc(torch.version.cuda)
    except NoCompiler as problem:
        plan.give_up("cuda", str(problem))
        return
    # torch.utils.cpp_extension reads both: the first when it is imported, so CUDA is planned before all else, and the
    # second when it compiles.
    os.environ["CUDA_HOME"] = str(plan.nvcc.home)
    if not os.environ.get("TORCH_CUDA_ARCH_LIST") and not torch.cuda.is_available():
        os.environ["TORCH_CUDA_ARCH_LIST"] = plan.nvcc.arch_list()
    plan.extensions["cuda"] = Extension(
        PARTS["cuda"],
        sources,
        include_dirs=[str(ROOT / "csrc")],
        library_dirs=[*_cpp_extension().library_paths(), str(plan.nvcc.runtime_folder())],
        libraries=["torch_cpu", "torch_cuda", "cudart_static", "rt", "dl"],
        language="c++",
        extra_compile_args={"cxx": [], "nvcc": [*NVCC_FLAGS, *_stable_abi(), "-DUSE_CUDA"]},
        # The archive's symbols stay inside: torch has a cudart of its own in the same process.
        extra_link_args=["-Wl,--exclude-libs,libcudart_static.a", "-pthread"],
    )


def _cpp_extension() -> Any:
    # It warns wherever no GPU is seen; compiling needs none.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    from torch.utils import cpp_extension

    return cpp_extension


def _stable_abi() -> list[str]:
    """torch's headers, restricted to what the oldest torch has.

    TORCH_TARGET_VERSION holds major and minor in its two highest bytes (torch/headeronly/version.h).
    """
    major, minor = map(int, STABLE_ABI.split("."))
    headers = [part for folder in _cpp_extension().include_paths() for part in ("-isystem", folder)]
    return [f"-DTORCH_TARGET_VERSION={major << 56 | minor << 48:#018x}", *headers]


def _more_flags() -> list[str]:
    """CXXFLAGS last, so that the user's wish wins over ours."""
    return shlex.split(os.environ.get("CXXFLAGS", ""))
