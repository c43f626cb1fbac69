"""search.html: what a search came to, as one file that needs nothing else."""

from __future__ import annotations

from ctk_search.page.page import write_page

__all__ = ["write_page"]
