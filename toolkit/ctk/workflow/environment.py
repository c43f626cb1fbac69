"""The environment that a result was made in: versions, hardware, revision."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ctk.machine import cores
from ctk.plugins import Plugins

LIBRARIES = ("torch", "lightning", "numpy", "pandas", "pluggy", "click", "rich", "pydantic", "matplotlib")


def describe_environment(plugins: Plugins) -> dict[str, Any]:
    """Describe Python, libraries, plugins, hardware, git revision, which path ops take and how they were built."""
    import torch

    from ctk.ops.native import build_record

    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": cores(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "gpus": gpus,
        "cuda": torch.version.cuda if gpus else None,
        "ops": op_paths(),
        "build": build_record(),
        "git": git_revision(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "plugins": {plugin.name: f"{plugin.distribution} {plugin.version}" for plugin in plugins.plugins},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def processor() -> str:
    """Name the processor's model."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def git_revision() -> str | None:
    """Describe the revision of the working folder, as git does; None where that is no repository."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None


def op_paths() -> dict[str, str]:
    """Say what serves ops on the CPU, ops on a GPU, and blending: "compiled ..." or "plain ...: why"."""
    import torch

    from ctk.blend import engine
    from ctk.ops import native
    from ctk.ops.processor import instruction_set

    def path(device: str, detail: str) -> str:
        problem = native.problem(device)
        return f"compiled, {detail}" if problem is None else f"plain torch: {problem}"

    why = engine.problem
    if why == "not built":
        why = str(native.build_record().get("skipped", {}).get("engine", why)).rstrip(".")
    return {
        "cpu": path("cpu", f"{instruction_set()}"),
        "cuda": path("cuda", "in use" if torch.cuda.is_available() else "but torch sees no GPU"),
        "blend": "compiled" if why is None else f"plain numpy: {why}",
    }
