"""What can be said otherwise of a table, as options of ``ctk new competition NAME --data DIR``."""

from __future__ import annotations

from pydantic import Field

from ctk_tables.describing import TableChoices


class TableOptions(TableChoices):
    """Each line of what was found, to be said otherwise; none of them takes what is found."""

    download: str | None = Field(
        None, description="its name at Kaggle, for `ctk data NAME --download` and `ctk submit NAME`"
    )

    @property
    def own_metric(self) -> tuple[str, str] | None:
        """File and function, where the metric is ``path.py:name``; None for one that has a name."""
        path, _, function = (self.metric or "").rpartition(":")
        return (path, function) if path.endswith(".py") else None
