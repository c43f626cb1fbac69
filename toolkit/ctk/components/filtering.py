"""What filters share: cutting off the worst samples, and the files that say what was decided."""

from __future__ import annotations
