"""``ctk data NAME --look``: what costs an evening, looked for anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import Field

from ctk.contract import Progress, Strict
from ctk_tables.description import TableDescription
from ctk_tables.looks.look import look
from ctk_tables.looks.warning import warning_lines


def look_verb(description: TableDescription, default_data: Callable[[], Path]) -> type[Strict]:
    """Make the schema of the verb for a table."""

    class Look(Strict):
        """Look for what costs an evening: targets given away, train and test that differ, duplicates, long tails."""

        data: str | None = Field(None, description="folder of the files; default: the competition's")
        seed: int = Field(0, description="of the trees that look")

        def run(self, progress: Progress) -> Sequence[str]:
            """Return a line a warning."""
            return warning_lines(look(Path(self.data) if self.data else default_data(), description, self.seed))

    return Look
