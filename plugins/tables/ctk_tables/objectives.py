"""What members lower where a metric decides: each library's name of it."""

from __future__ import annotations

from typing import Any

from ctk_tables.description import TableDescription

ABSOLUTE = ("mae", "medae", "wape", "d2_absolute_error")
RATIOS = ("mape", "smape")
LOGARITHMS = ("rmsle", "msle")
ENOUGH = 5_000
"""Rows from which on the area under a curve is a good sign of when to stop; of fewer the log loss says more."""

Own = dict[str, dict[str, Any]]


def objectives_of(description: TableDescription, rows: int) -> Own:
    """Keys of members by their models: ``objective``, ``eval_metric``, ``log``, ``params`` and ``model``."""
    if description.task == "binary":
        return _binary(description.metric in ("auc", "gini") and rows >= ENOUGH)
    if description.task == "classes":
        return _same({"objective": "classes"}) | {
            "lightgbm": {"objective": "multiclass", "eval_metric": "multi_logloss"},
            "xgboost": {"objective": "multi:softprob", "eval_metric": "mlogloss"},
            "catboost": {"objective": "MultiClass", "eval_metric": "MultiClass"},
        }
    return _numbers(description.metric)


def _binary(by_area: bool) -> Own:
    return _same({"objective": "binary"}) | {
        "lightgbm": {"objective": "binary", "eval_metric": "auc" if by_area else "binary_logloss"},
        "xgboost": {"objective": "binary:logistic", "eval_metric": "auc" if by_area else "logloss"},
        "catboost": {"objective": "Logloss", "eval_metric": "AUC:type=Classic" if by_area else "Logloss"},
    }


def _numbers(metric: str) -> Own:
    own: Own = {
        "linear": {"model": {"objective": "numbers"}},
        "table-mlp": {"model": {"objective": "squared"}},
        "lightgbm": {"objective": "regression"},
        "xgboost": {"objective": "reg:squarederror"},
        "catboost": {"objective": "RMSE"},
    }
    if metric in ABSOLUTE:
        return own | {
            "table-mlp": {"model": {"objective": "absolute"}},
            "lightgbm": {"objective": "regression_l1", "eval_metric": "l1"},
            "xgboost": {"objective": "reg:absoluteerror", "eval_metric": "mae"},
            "catboost": {"objective": "MAE", "eval_metric": "MAE"},
        }
    if metric in RATIOS:
        return own | {
            "linear": {"model": {"objective": "numbers"}},
            "table-mlp": {"model": {"objective": "absolute"}},
            "lightgbm": {"objective": "mape"},
            "xgboost": {"objective": "reg:absoluteerror", "eval_metric": "mape" if metric == "mape" else "mae"},
            "catboost": {"objective": "MAPE", "eval_metric": "MAPE"},
        }
    if metric in LOGARITHMS:
        return {
            "linear": {"model": {"objective": "numbers", "log": True}},
            "table-mlp": {"model": {"objective": "squared", "log": True}},
            "lightgbm": {"objective": "regression", "eval_metric": "rmse", "log": True},
            "xgboost": {"objective": "reg:squarederror", "eval_metric": "rmse", "log": True},
            "catboost": {"objective": "RMSE", "eval_metric": "RMSE", "log": True},
        }
    if metric.startswith("pinball@"):
        level = float(metric.partition("@")[2])
        return own | {
            "table-mlp": {"model": {"objective": "quantile", "quantile": level}},
            "lightgbm": {"objective": "quantile", "params": {"alpha": level}},
            "xgboost": {"objective": "reg:quantileerror", "params": {"quantile_alpha": level}},
            "catboost": {"objective": f"Quantile:alpha={level:g}"},
        }
    if metric.endswith("_deviance") or metric.startswith("tweedie_deviance"):
        return own | _deviances(metric)
    return own


def _deviances(metric: str) -> Own:
    if metric == "poisson_deviance":
        return {
            "lightgbm": {"objective": "poisson"},
            "xgboost": {"objective": "count:poisson"},
            "catboost": {"objective": "Poisson"},
        }
    if metric == "gamma_deviance":
        return {
            "lightgbm": {"objective": "gamma"},
            "xgboost": {"objective": "reg:gamma"},
            "catboost": {"objective": "Tweedie:variance_power=1.99"},
        }
    power = float(metric.partition("@")[2] or 1.5)
    return {
        "lightgbm": {"objective": "tweedie", "params": {"tweedie_variance_power": power}},
        "xgboost": {"objective": "reg:tweedie", "params": {"tweedie_variance_power": power}},
        "catboost": {"objective": f"Tweedie:variance_power={power:g}"},
    }


def _same(options: dict[str, Any]) -> Own:
    """The same options of the models that are this distribution's."""
    return {"linear": {"model": options}, "table-mlp": {"model": options}}
