"""What was logged, kept beside wandb's own files: these are written in blocks, and a killed process loses the last."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from ctk.errors import DamagedError
from ctk.files import check_values

Row = dict[str, float]


class History:
    """Rows of numbers by step, a line of JSON each; no number is taken twice."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: set[tuple[int, str]] = set()

    def read(self) -> Iterator[tuple[int, Row]]:
        """The rows that were added, in order. What a kill left of the last line is cut off."""
        if not self.path.exists():
            return
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            with self.path.open("r+b") as file:
                file.truncate(len(whole))
        for line in whole.splitlines():
            try:
                row: Row = dict(check_values(json.loads(line), Row, self.path))
                step = int(row.pop("step"))
            except (DamagedError, ValueError, KeyError):  # what a power cut left
                continue
            self.known.update((step, key) for key in row)
            yield step, row

    def add(self, step: int, row: Mapping[str, float]) -> Row:
        """Keep a row; returns what of it is new. A resumed fit repeats the epochs since its last checkpoint."""
        new = {key: value for key, value in row.items() if (step, key) not in self.known}
        if new:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, **new}) + "\n")
            self.known.update((step, key) for key in new)
        return new
