"""The command line, and what a plugin's command is made with: the same options, tables and progress as the core's.

The group is in ``main``, and each verb in a file of its own.
"""

from ctk.cli import completion
from ctk.cli.options import (
    OneOf,
    as_json,
    config_options,
    data_dir,
    data_options,
    executor_options,
    parse_seeds,
)
from ctk.cli.printing import console, format_score, print_json, print_table
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
