"""setuptools' build backend, asking for the compiler's Python packages only where something will be compiled.

So CTK_BUILD=none and an sdist do not download torch.
"""

from __future__ import annotations

import os
from typing import Any

from setuptools.build_meta import *  # noqa: F403

NATIVE = ["torch>=2.11", "ninja", "pybind11>=2.13"]


def _requirements() -> list[str]:
    return [] if os.environ.get("CTK_BUILD") == "none" else NATIVE


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    return _requirements()


def get_requires_for_build_editable(config_settings: Any = None) -> list[str]:
    return _requirements()


def get_requires_for_build_sdist(config_settings: Any = None) -> list[str]:
    return []
