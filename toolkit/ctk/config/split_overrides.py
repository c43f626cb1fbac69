"""Cross-validation in the words of a config: a run that validates on every fold of a scheme."""

from __future__ import annotations

from typing import get_args

from ctk.contract.run_config import BY_ROW, Scheme
from ctk.errors import UsageError, nearest
from ctk.files import parse_yaml


def split_overrides(folds: int, scheme: str, group: str | None = None, stratify: str | None = None) -> list[str]:
    """Make the overrides of a cross-validation, "key=value" each; a group that is not named stays the preset's.

    Raises UsageError for an unknown scheme, for kfold with a group, which it would not keep, and for time without.
    """
    if scheme not in get_args(Scheme):
        raise UsageError(f"There is no scheme '{scheme}'.", nearest(scheme, get_args(Scheme), "schemes"))
    if folds < 2:
        raise UsageError(f"{folds} folds: cross-validation needs at least 2.")
    if scheme in BY_ROW and group is not None:
        raise UsageError(
            f"{scheme} keeps no group on one side, not '{group}' either.", f"Take --scheme {BY_ROW[scheme]}."
        )
    if scheme == "time" and group is None:
        raise UsageError("The scheme time needs the group whose numbers are the times.", "Name it with --group NAME.")
    values = {"predefined": None, "scheme": scheme, "folds": folds, "use": folds}
    if group is not None or scheme in BY_ROW:
        values["by"] = group
    if stratify is not None or not scheme.startswith("stratified"):  # the preset's is for these alone
        values["stratify"] = stratify
    return [f"split.{key}={_as_yaml(value)}" for key, value in values.items()]


def _as_yaml(value: str | int | None) -> str:
    """A value as YAML reads it; text in quotes only where it would be read as something else."""
    if isinstance(value, str):
        return value if parse_yaml(value) == value else repr(value)
    return "null" if value is None else str(value)
