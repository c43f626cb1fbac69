"""How a file of text is written: its encoding, what is between cells, the decimal mark."""

from __future__ import annotations

from pathlib import Path

from ctk_tables.description import Dialect


def sniff(folder: Path, path: str) -> Dialect | None:
    """Tell how a file is written; None for Parquet."""
    if path.lower().endswith((".parquet", ".pq")):
        return None
    return Dialect(separator="\t" if ".tsv" in path.lower() else ",")
