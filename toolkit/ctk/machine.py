"""This machine: its cores and GPUs, and how a process ends."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path

__all__ = ["cores", "end_processes", "exit_code", "is_running"]

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Environment variables that limit a process's threads, where they are set before torch and numpy are imported."""

WORKER = "CTK_WORKER"
"""Set to 1 in the environment of workers that multiprocessing did not start: stderr is not the driver's terminal."""
PATIENCE = 5.0
"""Seconds that a process is given to end by itself."""


def visible_gpus() -> list[str]:
    """Names of the GPUs this process may use, as CUDA_VISIBLE_DEVICES takes them: numbers, or UUIDs.

    CUDA passes over what stands behind a name that is none, and torch counts as CUDA does.
    """
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return [name.strip() for name in named.split(",")][:count] if named else [str(each) for each in range(count)]


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def processor_flags() -> frozenset[str]:
    """Names of what the processor can do, as Linux calls them ("avx512f", "amx_bf16"); none where it does not say."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return frozenset(next((line.split(":")[1].split() for line in lines if line.startswith("flags")), ()))
    return frozenset()


def process_age() -> float:
    """Seconds since this process began, where it is one of ``ctk``'s command line, and where Linux says so; else 0."""
    age = 0.0
    with suppress(OSError, ValueError, IndexError):
        if any(Path(word).name == "ctk" for word in sys.orig_argv[1:4]):
            up = float(Path("/proc/uptime").read_text().split()[0])
            began = float(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
            age = max(0.0, up - began / os.sysconf("SC_CLK_TCK"))
    return age


def free_memory() -> int | None:
    """The bytes that processes here may still take, by the system and by a container's limit; None if nobody says."""
    free = []
    with suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        free += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    with suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        facts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        used = int((group / "memory.current").read_text()) - int(facts.get("inactive_file", 0))  # which is given back
        free.append(int((group / "memory.max").read_text()) - used)
    return min(free, default=None)


def size_text(size: int) -> str:
    """Return bytes as people say them."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def share(tasks: int, workers: int, threads: int) -> tuple[int, int]:
    """Workers and threads here for so many tasks, where zero means "choose": never more threads than cores."""
    at_once = len(visible_gpus()) or cores()
    workers = workers or max(1, min(tasks, at_once))
    return workers, threads or threads_of_each(workers)


def threads_of_each(workers: int) -> int:
    """Threads for each of so many workers: its part of the cores, and no more than OMP_NUM_THREADS says."""
    most = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]  # a list has a number for each level of nesting
    part = max(1, cores() // workers)
    return min(part, int(most)) if most.isdecimal() and int(most) else part


def is_worker() -> bool:
    """Whether another process, a driver, has started this one to work for it, and tells how that went."""
    return multiprocessing.parent_process() is not None or bool(os.environ.get(WORKER))


def is_running(pid: int) -> bool:
    """Whether there is a process of this number here, anybody's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def ended_for_memory() -> int:
    """How many processes the system has ended for want of memory since it started; 0 where it does not tell."""
    try:
        found = re.search(r"^oom_kill (\d+)$", Path("/proc/vmstat").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def end_processes(processes: Sequence[BaseProcess]) -> None:
    """End processes and wait until they are gone."""
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(PATIENCE)
        process.kill()
        process.join()


def exit_code(process: BaseProcess) -> int | None:
    """The exit code of a process that is ending; None where it does not end in time.

    Of several threads that wait for one process the system tells one how it ended; to the others ``join`` returns at
    once, and the code may not be noted yet.
    """
    until = time.monotonic() + PATIENCE
    process.join(PATIENCE)
    while process.exitcode is None and time.monotonic() < until:
        time.sleep(0.005)
    return process.exitcode


def describe_exit(process: BaseProcess | None) -> str:
    """How a process ended, as half a sentence."""
    code = None if process is None else exit_code(process)
    if code is None:
        return "ended without a word"
    if code == -signal.SIGKILL:
        return "was killed (SIGKILL), which is what the system does when memory runs out"
    if code < 0:
        return f"crashed ({_signal_name(-code)})"
    return f"ended itself with exit code {code}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
