"""One contestant on one folder, in a process of its own: ``contestants.py NAME FOLDER OUT --task TASK --seconds S``.

AutoGluon's are run by the Python of an environment of its own, where nothing of ctk is installed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def by_ctk(folder: Path, out: Path, options: argparse.Namespace) -> None:
    """The two commands of the README, and the submission that they end in."""
    ctk, package = [sys.executable, "-m", "ctk"], out.parent / "package"
    name = f"bench-{out.parent.parent.name}-{out.parent.name}".lower().replace("_", "-")
    subprocess.run([*ctk, "new", "competition", name, "--data", folder, "--out", package], check=True)
    limit = f"time_limit={options.seconds}s"
    subprocess.run([*ctk, "run", name, "-o", limit, "--name", "bench"], check=True)
    (place,) = Path("runs", name).glob("*-bench")
    out.write_bytes((place / "submission.csv").read_bytes())


def by_lightgbm(folder: Path, out: Path, options: argparse.Namespace) -> None:
    """LightGBM's scikit-learn faces with their defaults."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    _by_sklearn(folder, out, options, LGBMRegressor(verbose=-1), LGBMClassifier(verbose=-1))


def by_hist_gradient_boosting(folder: Path, out: Path, options: argparse.Namespace) -> None:
    """scikit-learn's, which read categories by their dtype."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    own: Any = {"categorical_features": "from_dtype"}
    _by_sklearn(folder, out, options, HistGradientBoostingRegressor(**own), HistGradientBoostingClassifier(**own))


def by_autogluon(preset: str) -> Callable[[Path, Path, argparse.Namespace], None]:
    """AutoGluon-Tabular with a preset and the same seconds."""

    def fit(folder: Path, out: Path, options: argparse.Namespace) -> None:
        from autogluon.tabular import TabularPredictor

        train, test, sample = _read(folder)
        metrics = {"regression": "root_mean_squared_error", "binary": "roc_auc", "classes": "log_loss"}
        problems = {"regression": "regression", "binary": "binary", "classes": "multiclass"}
        predictor = TabularPredictor(
            options.target,
            problem_type=problems[options.task],
            eval_metric=metrics[options.task],
            path=str(out.parent / "autogluon"),
            verbosity=1,
        )
        predictor.fit(train.drop(columns="id"), time_limit=options.seconds, presets=preset, num_cpus=2)
        if options.task == "regression":
            _write(out, sample, predictor.predict(test.drop(columns="id")).to_numpy()[:, None])
        else:
            found = predictor.predict_proba(test.drop(columns="id"))
            found.columns = found.columns.astype(str)
            _write(out, sample, found[_wanted(sample, options)].to_numpy())

    return fit


CONTESTANTS: dict[str, Callable[[Path, Path, argparse.Namespace], None]] = {
    "ctk": by_ctk,
    "LightGBM, defaults": by_lightgbm,
    "HistGradientBoosting": by_hist_gradient_boosting,
    "AutoGluon medium_quality": by_autogluon("medium_quality"),
    "AutoGluon good_quality": by_autogluon("good_quality"),
}


def _by_sklearn(folder: Path, out: Path, options: argparse.Namespace, regressor: Any, classifier: Any) -> None:
    train, test, sample = _read(folder)
    columns = [name for name in test if name != "id"]
    for name in columns:
        if not pd.api.types.is_numeric_dtype(train[name]):
            levels = pd.CategoricalDtype(sorted(train[name].dropna().astype(str).unique())[:255])
            for frame in (train, test):
                frame[name] = frame[name].astype(str).where(frame[name].notna()).astype(levels)
    model = regressor if options.task == "regression" else classifier
    target = train[options.target] if options.task == "regression" else train[options.target].astype(str)
    model.fit(train[columns], target)
    if options.task == "regression":
        _write(out, sample, model.predict(test[columns])[:, None])
    else:
        wanted = [list(model.classes_).index(name) for name in _wanted(sample, options)]
        _write(out, sample, model.predict_proba(test[columns])[:, wanted])


def _read(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    train, test, sample = (pd.read_csv(folder / f"{name}.csv") for name in ("train", "test", "sample_submission"))
    return train, test, sample


def _wanted(sample: pd.DataFrame, options: argparse.Namespace) -> list[str]:
    return [options.positive] if options.task == "binary" else [str(name) for name in sample.columns[1:]]


def _write(out: Path, sample: pd.DataFrame, values: np.ndarray[Any, Any]) -> None:
    sample[sample.columns[1:]] = values
    sample.to_csv(out, index=False)


def main() -> None:
    """Fit one and write its submission."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=CONTESTANTS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--target", required=True)
    parser.add_argument("--task", required=True)
    parser.add_argument("--positive", default="")
    parser.add_argument("--seconds", type=int, required=True)
    options = parser.parse_args()
    CONTESTANTS[options.name](options.folder, options.out, options)


if __name__ == "__main__":
    main()
