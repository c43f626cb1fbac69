"""The command line, and what a plugin's command is made with: the same options, tables and progress as the core's.

Each name is imported when it is first used (PEP 562): `ctk --help` waits for none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctk.cli import completion
    from ctk.cli.choice import OneOf
    from ctk.cli.json_output import as_json, print_json
    from ctk.cli.options import config_options, data_dir, data_options, executor_options, parse_seeds
    from ctk.cli.printing import console, format_score, print_table
    from ctk.cli.progress import ProgressBars

__all__ = [
    "OneOf",
    "ProgressBars",
    "as_json",
    "completion",
    "config_options",
    "console",
    "data_dir",
    "data_options",
    "executor_options",
    "format_score",
    "parse_seeds",
    "print_json",
    "print_table",
]

_HOMES = {
    "OneOf": "choice",
    "ProgressBars": "progress",
    "as_json": "json_output",
    "config_options": "options",
    "console": "printing",
    "data_dir": "options",
    "data_options": "options",
    "executor_options": "options",
    "format_score": "printing",
    "parse_seeds": "options",
    "print_json": "json_output",
    "print_table": "printing",
}


def __getattr__(name: str) -> Any:
    if name == "completion":
        return import_module("ctk.cli.completion")
    if name in _HOMES:
        return getattr(import_module(f"ctk.cli.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'ctk.cli' has no attribute '{name}'")
