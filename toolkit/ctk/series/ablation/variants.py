"""The variants of an ablation as they are written: NAME:key=value, again for each further key."""

from __future__ import annotations

from collections.abc import Sequence

from ctk.errors import UsageError
from ctk.files import is_folder_name
from ctk.series.ablation import BASE

EXAMPLE = "For example --set no-dropout:members.0.model.dropout=0."


def read_variants(assignments: Sequence[str]) -> dict[str, list[str]]:
    """Read the overrides "key=value" of each variant by its name, in their order.

    Raises UsageError for what is no variant.
    """
    found: dict[str, list[str]] = {}
    for assignment in assignments:
        name, colon, override = assignment.partition(":")
        if not colon or "=" in name or "=" not in override:
            raise UsageError(f"--set {assignment}: a variant is NAME:key=value.", EXAMPLE)
        if not is_folder_name(name):
            raise UsageError(
                f"--set {assignment}: '{name}' is no name for a folder.", "Use letters, digits, '-', '_', '.'."
            )
        if name == BASE:
            raise UsageError(f"--set {assignment}: '{BASE}' is the config that variants are compared with.")
        key = override.partition("=")[0]
        mine = found.setdefault(name, [])
        if key in [each.partition("=")[0] for each in mine]:
            raise UsageError(f"--set {assignment}: variant '{name}' sets {key} twice.", "Give each value a variant.")
        mine.append(override)
    return found
