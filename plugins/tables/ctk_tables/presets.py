"""Presets and search spaces for a table: which members, on which folds, with how much of each for so many rows."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ctk_tables.description import TableDescription
from ctk_tables.objectives import objectives_of
from ctk_tables.reading.names import feature_names

__all__ = ["TREES", "left_out", "presets_for", "spaces_for"]

TREES = ("lightgbm", "xgboost", "catboost")
"""Models of boosted trees; each is of a plugin of its own."""
Config = dict[str, Any]
STATISTICS = 100
"""Columns of target statistics at most: a category has one for each target, or class."""


def presets_for(description: TableDescription, rows: int, installed: Collection[str]) -> dict[str, Config]:
    """The presets ``quick``, ``default`` and ``best`` of a table.

    description  of the table
    rows         of the training file
    installed    models that are registered, such as ``lightgbm``; members of others are left out (see ``left_out``)
    """
    made = _Presets(description, rows, installed)
    return {"quick": made.quick(), "default": made.default(), "best": made.best()}


def left_out(installed: Collection[str]) -> list[str]:
    """Sentences about members that are left out because their library is not installed."""
    return [
        f"No member of {name}: it is not installed (pip install ctk-{name}, then make the presets anew)."
        for name in TREES
        if name not in installed
    ]


def spaces_for(description: TableDescription, installed: Collection[str] = TREES) -> dict[str, Config]:
    """The spaces ``trees`` and ``network`` of ``ctk search``; without a library of trees ``network`` alone."""
    made = _Presets(description, 10_000, installed)
    spaces = {"network": made.space(made.network("default"), NETWORK)}
    library = next((name for name in TREES if name in installed), None)
    if library is not None:
        spaces["trees"] = made.space(made.trees(library, "default"), SPACES[library])
    return spaces


NETWORK: Config = {
    "optimizer.lr": {"low": 3.0e-4, "high": 5.0e-3, "log": True},
    "optimizer.weight_decay": {"low": 1.0e-4, "high": 0.3, "log": True},
    "model.hidden": [64, 128, 256, 384],
    "model.layers": [1, 2, 3],
    "model.dropout": {"low": 0.0, "high": 0.5},
    "model.sigma": {"low": 0.02, "high": 0.5, "log": True},
    "batch.size": [64, 128, 256, 512],
}
"""Keys of a member of ``table-mlp`` and what is tried."""
SPACES: dict[str, Config] = {
    "lightgbm": {
        "learning_rate": {"low": 0.01, "high": 0.2, "log": True},
        "leaves": {"low": 7, "high": 255, "log": True},
        "params.min_data_in_leaf": {"low": 2, "high": 100, "log": True},
        "params.feature_fraction": {"low": 0.3, "high": 1.0},
        "params.bagging_fraction": {"low": 0.5, "high": 1.0},
        "params.lambda_l2": {"low": 1.0e-3, "high": 30.0, "log": True},
    },
    "xgboost": {
        "learning_rate": {"low": 0.01, "high": 0.2, "log": True},
        "depth": {"low": 3, "high": 10},
        "params.min_child_weight": {"low": 0.5, "high": 50.0, "log": True},
        "params.colsample_bytree": {"low": 0.3, "high": 1.0},
        "params.subsample": {"low": 0.5, "high": 1.0},
        "params.lambda": {"low": 1.0e-2, "high": 30.0, "log": True},
    },
    "catboost": {
        "learning_rate": {"low": 0.02, "high": 0.2, "log": True},
        "depth": {"low": 4, "high": 9},
        "params.l2_leaf_reg": {"low": 0.5, "high": 30.0, "log": True},
        "params.random_strength": {"low": 0.1, "high": 10.0, "log": True},
    },
}
"""The same of trees, by library. The order is that in which ``--sampler mcts`` decides."""


class _Presets:
    """What the presets of one table are put together of."""

    def __init__(self, description: TableDescription, rows: int, installed: Collection[str]) -> None:
        names = feature_names(description.columns)
        self.description = description
        self.rows = rows
        self.libraries = [name for name in TREES if name in installed]
        self.categories = [names[column] for column in description.of_kind("category")]
        self.texts = [names[column] for column in description.of_kind("text")]
        self.width = len(description.classes) if description.task == "classes" else len(description.targets)

    # Presets ---------------------------------------------------------------------------------------------------------

    def quick(self) -> Config:
        trees = [self.trees(name, "quick") for name in self.libraries[:1]]
        folds = 3 if self.rows < 50_000 else 2
        return self._config("quick", folds, [self.linear("quick"), *trees])

    def default(self) -> Config:
        return self._config("default", 5, self._members("default"))

    def best(self) -> Config:
        config = self._config("best", 10 if self.rows < 20_000 else 8, self._members("best"))
        return {**config, "seeds": [1, 2]}

    def space(self, member: Config, keys: Config) -> Config:
        """A space that tries one member on three folds."""
        split = self._split(5)
        return {
            "preset": "default",
            "base": {"split.use": min(3, split["use"]), "members": [member], "blend": "mean"},
            **{f"members.{member['name']}.{key}": tried for key, tried in keys.items()},
        }

    def _config(self, size: str, folds: int, members: list[Config]) -> Config:
        config: Config = {"split": self._split(folds), "seeds": [1]}
        if features := self._features(size):
            config["features"] = features
        return {**config, "members": members, "blend": {"name": "hill-climb", "low": 0}}

    def _split(self, folds: int) -> Config:
        if self.description.time is not None:
            used = max(2, folds - 2)
            return {"scheme": "time", "by": "time", "folds": folds, "use": used}
        if self.description.group is not None:
            return {"scheme": "stratified-group", "by": "group", "stratify": "label", "folds": folds, "use": folds}
        return {"scheme": "stratified", "stratify": "label", "folds": folds, "use": folds}

    def _features(self, size: str) -> Config:
        features: Config = {}
        if self.categories:
            features["frequency"] = {"name": "frequency", "by": self.categories}
            if self._has_statistics(size):
                apart = {"apart": "group"} if self.description.group is not None else {}
                features["statistics"] = {"name": "target-statistics", "by": self.categories, **apart}
        if self.texts:
            features["ngrams"] = {
                "name": "hashed-ngrams", "columns": self.texts, "size": 16 if size == "quick" else 32,
            }  # fmt: skip
        return features

    def _has_statistics(self, size: str) -> bool:
        return size != "quick" and bool(self.categories) and len(self.categories) * self.width <= STATISTICS

    # Members ---------------------------------------------------------------------------------------------------------

    def _members(self, size: str) -> list[Config]:
        members = [self.linear(size), *(self.trees(name, size) for name in self.libraries)]
        if "lightgbm" in self.libraries:
            members.append(self._extra_trees(size))
            if size == "best":
                members.append(self._large(size))
        return [*members, self.network(size)]

    def linear(self, size: str) -> Config:
        """Ridge or logistic regression."""
        own = objectives_of(self.description, self.rows)["linear"]
        return {"name": "linear", "model": {"name": "linear", **own["model"], **self._without(size)}}

    def trees(self, library: str, size: str) -> Config:
        """Boosted trees of a library: the fewer rows, the smaller the steps, and the more of them."""
        rate, rounds, patience = self._pace(size)
        member: Config = {
            "name": library,
            "model": {"name": library, **self._without(size)},
            "learning_rate": rate,
            "rounds": rounds,
            "patience": patience,
            **self._shape(library),
        }
        own = objectives_of(self.description, self.rows)[library]
        member = {**member, **own, "params": {**member["params"], **own.get("params", {})}}
        if library == "catboost" and self._has_statistics(size):  # it has statistics of its own
            kept = ["frequency", *(["ngrams"] if self.texts else [])]
            member = {**member, "features": kept, "model": {"name": library, **self._without(size, statistics=False)}}
        return member

    def _shape(self, library: str) -> Config:
        """How large trees are, and what holds them back."""
        few = self.rows < 2_000
        if library == "lightgbm":
            least = 5 if self.rows < 500 else 10 if few else 20
            params: Config = {"min_data_in_leaf": least, "feature_fraction": 0.7, "lambda_l2": 1.0}
            params |= {"bagging_fraction": 0.8, "bagging_freq": 1}
            if self.categories:
                params |= {"min_data_per_group": max(5, min(100, self.rows // 100)), "cat_smooth": 10.0}
            return {
                "leaves": 7 if self.rows < 500 else 15 if few else 31 if self.rows < 20_000 else 63,
                "params": params,
            }
        if library == "xgboost":
            params = {"subsample": 0.8, "colsample_bytree": 0.7, "min_child_weight": 2, "lambda": 2.0}
            return {"depth": 3 if self.rows < 500 else 4 if few else 6 if self.rows < 20_000 else 8, "params": params}
        return {"depth": 4 if self.rows < 500 else 6, "params": {"l2_leaf_reg": 3.0, "random_strength": 1.0}}

    def _pace(self, size: str) -> tuple[float, int, int]:
        """Learning rate, rounds at most, and rounds without gain that end a fit."""
        if size == "quick":
            return 0.1, 400, 20
        rate, rounds, patience = (0.03, 3000, 100) if self.rows < 2_000 else (0.05, 2000, 60)
        if self.description.task == "classes" and len(self.description.classes) > 5:  # a tree a class and round
            rate, rounds, patience = 0.1, 600, 25
        return (rate / 2, 2 * rounds, 2 * patience) if size == "best" else (rate, rounds, patience)

    def _extra_trees(self, size: str) -> Config:
        """Trees whose thresholds are drawn: they err elsewhere than others (Geurts et al. 2006)."""
        member = self.trees("lightgbm", size)
        member["params"] = {**member["params"], "extra_trees": True}
        return {**member, "name": "lightgbm-extra"}

    def _large(self, size: str) -> Config:
        """Trees with many leaves, each of few columns."""
        member = self.trees("lightgbm", size)
        least = max(2, member["params"]["min_data_in_leaf"] // 4)
        member["params"] = {**member["params"], "feature_fraction": 0.4, "min_data_in_leaf": least}
        return {**member, "name": "lightgbm-large", "leaves": 4 * member["leaves"]}

    def network(self, size: str) -> Config:
        """The network with embeddings: batches so that an epoch has some fifty steps."""
        own = objectives_of(self.description, self.rows)["table-mlp"]
        batch = 2 ** max(5, min(10, round(self.rows / 60).bit_length()))
        return {
            "name": "table-mlp",
            "model": {"name": "table-mlp", **own["model"], **self._without(size)},
            "loss": "own",
            "optimizer": {"name": "adamw", "lr": 2.0e-3, "weight_decay": 0.02},
            "schedule": {"name": "cosine", "warmup": 1, "floor": 2.0e-5},
            "batch": {"size": batch},
            "clip": 1.0,
            "epochs": 80 if size == "best" else 40,
            "patience": 12,
        }

    def _without(self, size: str, statistics: bool = True) -> Config:
        """The option that has models not read raw texts, nor counts of categories twice."""
        names = [*self.texts, *(["statistics/*/count"] if statistics and self._has_statistics(size) else [])]
        return {"without": names} if names else {}
