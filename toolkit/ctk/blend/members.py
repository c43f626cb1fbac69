"""The members of a blend in whatever holds their predictions: a list, one array, a mapping or a data frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Names = tuple[Any, ...]


def members_of(predictions: Any, names: Sequence[Any] | None = None) -> tuple[list[Any], Names | None]:
    """Return each member's predictions, and their names where a mapping or the columns of a data frame have some.

    names  of the members that are wanted, in their order, where predictions have names
    Raises ValueError where one of these is not there.
    """
    if hasattr(predictions, "to_numpy") and hasattr(predictions, "columns"):  # pandas or polars, without importing one
        predictions = {name: predictions[name].to_numpy() for name in predictions.columns}
    if not isinstance(predictions, Mapping):
        return list(predictions), None
    wanted = tuple(predictions) if names is None else tuple(names)
    if missing := [name for name in wanted if name not in predictions]:
        raise ValueError(f"there is no member {missing[0]!r} among {', '.join(map(repr, predictions))}")
    if extra := [name for name in predictions if name not in wanted]:
        raise ValueError(f"member {extra[0]!r} is none of {', '.join(map(repr, wanted))}")
    return [predictions[name] for name in wanted], wanted
