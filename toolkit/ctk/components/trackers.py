"""Lightning loggers by name: where a network's curves are written while it trains."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger


def tensorboard(folder: Path, name: str) -> Logger:
    """Event files under ``folder/tensorboard``; ``tensorboard --logdir runs`` shows all runs side by side."""
    return TensorBoardLogger(folder, name="tensorboard", version="", default_hp_metric=False)


def csv(folder: Path, name: str) -> Logger:
    """``folder/csv/attempt-N/metrics.csv``; a resumed fit opens the next, as the logger starts its file anew."""
    attempts = len(list(folder.glob("csv/attempt-*")))
    return CSVLogger(folder, name="csv", version=f"attempt-{attempts + 1}", flush_logs_every_n_steps=1000)
