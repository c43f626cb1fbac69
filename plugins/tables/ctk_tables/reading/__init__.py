"""The competition's files: which they are, how they are written, and their cells as samples."""

from __future__ import annotations

from ctk_tables.reading.dialects import sniff
from ctk_tables.reading.files import TableFiles, find_files
from ctk_tables.reading.frames import read_frame
from ctk_tables.reading.names import feature_names
from ctk_tables.reading.reader import TableReader

__all__ = ["TableFiles", "TableReader", "feature_names", "find_files", "read_frame", "sniff"]
