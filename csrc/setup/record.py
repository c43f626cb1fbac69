"""The build record: what was compiled, with what, and what was left out and why; `ctk doctor` shows it."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sysconfig
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from plan import CXX_FLAGS, NVCC_FLAGS, PARTS, ROOT, STABLE_ABI, Plan

RECORD = Path("ctk") / "ops" / "_build.json"


def write_record(folder: Path, plan: Plan) -> None:
    """Write it below the folder that holds the package ctk."""
    path = folder / RECORD
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_facts(plan), indent=2) + "\n")


def summary(path: Path) -> str:
    """One line for those whom pip showed nothing."""
    record = json.loads(path.read_text())
    parts = [f"compiled {', '.join(PARTS[part] for part in record['built']) or 'nothing'}"]
    return "; ".join([*parts, *(f"without {PARTS[part]}: {why}" for part, why in record["skipped"].items())])


def _facts(plan: Plan) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "ctk": tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"],
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": _first_line("git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"),
        "mode": plan.mode,
        "machine": platform.machine(),
        "built": sorted(plan.extensions),
        "skipped": plan.skipped,
    }
    if plan.extensions:
        import torch

        compiler = shlex.split(os.environ.get("CXX") or sysconfig.get_config_var("CXX") or "c++")
        facts |= {
            "compiler": _first_line(*compiler, "--version"),
            "flags": " ".join([*CXX_FLAGS, os.environ.get("CXXFLAGS", "")]).strip(),
            "torch": str(torch.__version__),
            "stable_abi": STABLE_ABI,
        }
    if "cuda" in plan.extensions and plan.nvcc:
        facts |= {
            "nvcc": f"{plan.nvcc.version} ({plan.nvcc.path})",
            "torch_cuda": torch.version.cuda,
            "nvcc_flags": " ".join(NVCC_FLAGS),
            "arch_list": os.environ.get("TORCH_CUDA_ARCH_LIST") or "of the GPUs seen when built",
        }
    return facts


def _first_line(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return next(iter(done.stdout.splitlines()), None)


if __name__ == "__main__":
    print("ctk:", summary(ROOT / "toolkit" / RECORD))
