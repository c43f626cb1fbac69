"""A part of the report that a competition draws itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """A headed part of the page.

    title  as plain text
    html   goes into the page as it is: escape every name and caption in it (``markupsafe.escape``). Pictures are data
           URIs or inline SVG; the page's content policy blocks scripts and anything fetched. The page styles plain
           elements and the classes ``note`` (small print), ``pair`` (two columns, one on a phone), ``scroll`` (around a
           wide table) and ``number`` (a right-aligned cell).
    css    rules of this section's own, put into the page's head; the page's colours are var(--ink), var(--muted),
           var(--line), var(--panel), var(--tile), var(--right) and var(--s1) to var(--s6)
    """

    title: str
    html: str
    css: str = ""
