"""Lightning loggers by name: where a network's curves are written while it trains.

What is returned is written as ``Any``: annotations are resolved where options are checked, which needs no Lightning.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def tensorboard(folder: Path, name: str) -> Any:
    """Event files under ``folder/tensorboard``; ``tensorboard --logdir runs`` shows all runs side by side."""
    from lightning.pytorch.loggers import TensorBoardLogger  # late: see above

    return TensorBoardLogger(folder, name="tensorboard", version="", default_hp_metric=False)


def csv(folder: Path, name: str) -> Any:
    """``folder/csv/attempt-N/metrics.csv``; a resumed fit opens the next, as the logger starts its file anew."""
    attempts = len(list(folder.glob("csv/attempt-*")))
    from lightning.pytorch.loggers import CSVLogger  # late: see above

    return CSVLogger(folder, name="csv", version=f"attempt-{attempts + 1}", flush_logs_every_n_steps=1000)
