"""What is known of a competition's table, found in its files."""

from __future__ import annotations

from ctk_tables.describing.choices import TableChoices
from ctk_tables.describing.describe import describe

__all__ = ["TableChoices", "describe"]
