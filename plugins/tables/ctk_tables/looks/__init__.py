"""Looks at a table for what costs an evening: each file has one idea, and keeps silent where it is not sure."""

from ctk_tables.looks.look import look, look_at
from ctk_tables.looks.warning import Warning, dump_warnings, parse_warnings, warning_lines

__all__ = ["Warning", "dump_warnings", "look", "look_at", "parse_warnings", "warning_lines"]
