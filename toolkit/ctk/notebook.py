"""How results look where the last value of a cell or of a line is shown: as a table, not as all their arrays."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Tabular"]


FORMAT: Any = {"na_rep": "", "float_format": "{:.4f}".format, "max_rows": 60}
"""As pandas' ``to_html`` and ``to_string`` take it."""


class Tabular:
    """Something that shows itself as a line and a table: HTML in notebooks, text elsewhere.

    A dataclass that is one leaves its own representation out: ``@dataclass(repr=False)``.
    """

    def heading(self) -> str:
        """Say in a line what it is, with the number that matters most."""
        raise NotImplementedError

    def table(self) -> DataFrame:
        """Make the table, a row a member."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{self.heading()}\n{self.table().to_string(**FORMAT)}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.heading())}</p>\n{self.table().to_html(border=0, **FORMAT)}"
