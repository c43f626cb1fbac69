"""A network for tables: numbers in waves of their ranks, categories embedded, several networks in one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ctk.contract import Batch, Count
from ctk.data import FeatureTable
from ctk.errors import UsageError
from ctk.samples import Samples
from ctk.training import kind_of_target
from ctk_tables.encoders.normal_scores import normal_quantiles
from ctk_tables.models.text_keys import keys_of_codes, keys_of_texts

Objective = Literal["squared", "absolute", "quantile", "binary", "classes"]
OBJECTIVES: tuple[Objective, ...] = ("squared", "absolute", "quantile", "binary", "classes")
OF_TARGET: dict[str, Objective] = {"numbers": "squared", "binary": "binary", "classes": "classes"}
PERIODS, NUMBER = 8, 8
"""Waves of a number, and what they are made into."""
CATEGORY = 16
"""Numbers that a category becomes."""


class TableMLP(nn.Module):
    """Layers over every feature of at most two dimensions, trained by a loss of its own: ``loss: own``.

    A number is the normal score of its rank among training rows, and that in waves of learned lengths (Gorishniy et
    al. 2022, On Embeddings for Numerical Features in Tabular Deep Learning, arXiv:2203.05556, "PLR"); a missing one has
    a vector of its own for each feature. Of a category each text with enough rows has a vector; all others, also those
    that training rows do not have, share one for each feature.

    ``ensemble`` networks are trained as one (Gorishniy et al. 2024, TabM, arXiv:2410.24210, "TabM-mini"): they share
    all layers, but each sees the inputs multiplied by numbers of its own and has a last layer of its own. The loss is
    the mean of theirs, the prediction that of their predictions.

    It predicts numbers, in the target's units, or probabilities.

    reads      shell patterns of the features that are read; none are all
    without    shell patterns of those that are not
    objective  squared, absolute or quantile errors of numbers; binary or classes of probabilities; none: by the target
    quantile   that the objective quantile predicts
    log        learn log(1 + y) of a target of numbers above -1, as a metric of ratios wants it
    hidden     width of a layer
    layers     of them
    ensemble   networks trained as one
    dropout    share of a layer's numbers that a training step leaves out
    sigma      deviation of the waves' frequencies at the beginning: more of it fits faster and more of the noise
    smoothing  share of a class that is spread over all
    rare       rows that a category has at least, so that it has a vector
    """

    features: Sequence[str] = ()  # of its samples
    reads_nan = True
    vocabulary: Tensor
    kind: Tensor
    target_mean: Tensor
    target_scale: Tensor
    target_low: Tensor
    target_high: Tensor
    quantiles: Tensor
    scores: Tensor

    def __init__(
        self,
        samples: Samples,
        *,
        reads: list[str] | None = None,
        without: list[str] | None = None,
        objective: Objective | None = None,
        quantile: Annotated[float, Field(gt=0, lt=1)] = 0.5,
        log: bool = False,
        hidden: Count = 192,
        layers: Count = 2,
        ensemble: Count = 8,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        sigma: Annotated[float, Field(gt=0)] = 0.1,
        smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        rare: Count = 3,
    ) -> None:
        super().__init__()
        if samples.predicts_text:
            raise UsageError("table-mlp predicts numbers, and the target is text.", "Take a model that generates text.")
        table = FeatureTable.of(samples, reads or [], without or [])
        texts = {name for name in table.widths if samples.features[name].dtype.kind == "U"}
        self.features = list(table.widths)
        self.texts = texts
        self.quantile, self.log, self.smoothing = quantile, log, smoothing
        target = np.asarray(samples.target_values(), np.float32).reshape(len(samples), samples.target_width)
        self._learn_target(target, objective)
        self._learn_numbers(samples, [name for name in table.widths if name not in texts])
        columns = self._learn_categories(samples, [name for name in table.widths if name in texts], rare)
        width = self.numbers * (NUMBER + 1) + columns * CATEGORY
        self.frequencies = nn.Parameter(torch.randn(self.numbers, PERIODS) * sigma)
        self.waves = nn.Parameter(_uniform(self.numbers, 2 * PERIODS, NUMBER, fan=2 * PERIODS))
        self.wave_bias = nn.Parameter(_uniform(self.numbers, NUMBER, fan=2 * PERIODS))
        self.missing = nn.Parameter(torch.zeros(self.numbers, NUMBER + 1))
        self.embedding = nn.Embedding(columns + len(self.vocabulary), CATEGORY)
        nn.init.normal_(self.embedding.weight, std=0.3)
        self.each = nn.Parameter(
            torch.randint(2, (ensemble, width)) * 2.0 - 1 if ensemble > 1 else torch.ones(1, width)
        )
        sizes = [width] + [hidden] * layers
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.Parameter(_uniform(ensemble, hidden, target.shape[1], fan=hidden))
        self.head_bias = nn.Parameter(torch.zeros(ensemble, target.shape[1]))

    @classmethod
    def for_samples(cls, samples: Samples, **options: Any) -> Self:
        """A network of the samples' columns, categories and target."""
        return cls(samples, **options)

    def forward(self, *features: Tensor) -> Tensor:
        """Features (B, ...) in the order of ``features`` to (B, D): numbers, or probabilities."""
        logits, objective = self._logits(dict(zip(self.features, features, strict=True))), OBJECTIVES[int(self.kind)]
        if objective == "classes":
            return logits.softmax(-1).mean(1)
        if objective == "binary":
            return logits.sigmoid().mean(1)
        made = logits.mean(1) * self.target_scale + self.target_mean
        return torch.clamp(torch.expm1(made) if self.log else made, self.target_low, self.target_high)

    def training_loss(self, batch: Batch) -> Tensor:
        """The mean of the networks' losses of a batch."""
        features = {name: batch.features[name].to(self.each.device) for name in self.features}
        logits, objective = self._logits(features), OBJECTIVES[int(self.kind)]
        target = batch.target.to(logits).reshape(logits.shape[0], 1, -1).expand_as(logits)
        if objective == "classes":
            return F.cross_entropy(logits.flatten(0, 1), target.flatten(0, 1), label_smoothing=self.smoothing)
        if objective == "binary":
            return F.binary_cross_entropy_with_logits(logits, target)
        apart = ((torch.log1p(target) if self.log else target) - self.target_mean) / self.target_scale - logits
        if objective == "squared":
            return apart.square().mean()
        share = 0.5 if objective == "absolute" else self.quantile
        return torch.maximum(share * apart, (share - 1) * apart).mean()

    def _logits(self, features: dict[str, Tensor]) -> Tensor:
        """(B, ensemble, D)"""
        rows = next(iter(features.values())).shape[0]
        numbers = [values.reshape(rows, -1) for name, values in features.items() if name not in self.texts]
        texts = [values.reshape(rows, -1, values.shape[-1]) for name, values in features.items() if name in self.texts]
        parts = []
        if numbers:
            parts.append(self._embed_numbers(torch.cat(numbers, dim=1).float()).flatten(1))
        if texts:
            parts.append(self._embed_texts(torch.cat(texts, dim=1)).flatten(1))
        x = torch.cat(parts, dim=1)[:, None] * self.each
        for layer in self.layers:
            x = self.dropout(F.silu(layer(x)))
        return torch.einsum("bkh,khd->bkd", x, self.heads) + self.head_bias

    def _embed_numbers(self, values: Tensor) -> Tensor:
        """(B, F) to (B, F, NUMBER + 1)."""
        missing = values.isnan()
        scores = self._normal_scores(torch.where(missing, 0, values))[..., None]
        angle = 2 * math.pi * self.frequencies * scores
        waves = torch.einsum("bfp,fpd->bfd", torch.cat([angle.cos(), angle.sin()], dim=-1), self.waves)
        known = torch.cat([F.relu(waves + self.wave_bias), scores], dim=-1)
        return torch.where(missing[..., None], self.missing, known)

    def _normal_scores(self, values: Tensor) -> Tensor:
        """(B, F) by straight lines between quantiles."""
        columns = values.T.contiguous()
        right = torch.searchsorted(self.quantiles, columns, right=True).clamp(1, self.quantiles.shape[1] - 1)
        low, high = self.quantiles.gather(1, right - 1), self.quantiles.gather(1, right)
        share = ((columns - low) / (high - low).clamp(min=torch.finfo(torch.float32).tiny)).clamp(0, 1)
        return torch.lerp(self.scores.gather(1, right - 1), self.scores.gather(1, right), share).T

    def _embed_texts(self, codes: Tensor) -> Tensor:
        """(B, C, W) code points to (B, C, CATEGORY)."""
        keys, columns = keys_of_codes(codes), codes.shape[1]
        if not len(self.vocabulary):
            return self.embedding.weight[:columns].expand(codes.shape[0], -1, -1)
        place = torch.searchsorted(self.vocabulary, keys).clamp(max=len(self.vocabulary) - 1)
        known = self.vocabulary[place] == keys
        others = torch.arange(columns, device=keys.device).expand_as(keys)
        found: Tensor = self.embedding(torch.where(known, columns + place, others))
        return found

    # What is learned of the samples ----------------------------------------------------------------------------------

    def _learn_target(self, target: Any, objective: Objective | None) -> None:
        chosen = objective or OF_TARGET[kind_of_target(target)]
        self.register_buffer("kind", torch.tensor(OBJECTIVES.index(chosen)))
        if not len(target):
            target = np.zeros((1, target.shape[1]), np.float32)
        if self.log and target.min() <= -1:
            raise UsageError(
                f"table-mlp learns log(1 + y), and there is a target of {target.min():g}.", "Set log: false."
            )
        low, high = target.min(axis=0), target.max(axis=0)
        room = (high - low) / 4
        scaled = np.log1p(target) if self.log else target
        deviation = scaled.std(axis=0, dtype=np.float64)
        self.register_buffer("target_mean", torch.tensor(scaled.mean(axis=0, dtype=np.float64)).float())
        self.register_buffer("target_scale", torch.tensor(np.where(deviation > 0, deviation, 1)).float())
        self.register_buffer("target_low", torch.tensor(np.where(low >= 0, np.maximum(low - room, 0), low - room)))
        self.register_buffer("target_high", torch.tensor(high + room))

    def _learn_numbers(self, samples: Samples, names: list[str]) -> None:
        parts = [np.asarray(samples.features[name], np.float32).reshape(len(samples), -1) for name in names]
        matrix = np.concatenate(parts, axis=1) if parts else np.zeros((len(samples), 0), np.float32)
        quantiles, scores = normal_quantiles(matrix)
        self.numbers = matrix.shape[1]
        self.register_buffer("quantiles", torch.tensor(quantiles.T.copy()))
        self.register_buffer("scores", torch.tensor(scores.T.copy()))

    def _learn_categories(self, samples: Samples, names: list[str], rare: int) -> int:
        """Number the texts of enough rows; returns how many columns there are."""
        parts = [np.asarray(samples.features[name]).reshape(len(samples), -1) for name in names]
        columns = [column for part in parts for column in part.T]
        found = [np.zeros(0, np.int64)]
        for number, column in enumerate(columns):
            texts, count = np.unique(column, return_counts=True)
            found.append(keys_of_texts(texts[count >= rare], number))
        self.register_buffer("vocabulary", torch.tensor(np.unique(np.concatenate(found))))
        return len(columns)

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Take the vocabulary that was learned, however long, and a vector for each of its texts."""
        if (saved := state.get(f"{prefix}vocabulary")) is not None and saved.shape != self.vocabulary.shape:
            rows = self.embedding.num_embeddings - len(self.vocabulary) + len(saved)
            self.vocabulary = saved.new_empty(saved.shape, device=self.vocabulary.device)
            self.embedding = nn.Embedding(rows, CATEGORY, device=self.vocabulary.device)
        super()._load_from_state_dict(state, prefix, *rest)


def _uniform(*shape: int, fan: int) -> Tensor:
    return torch.empty(*shape).uniform_(-1, 1) / math.sqrt(fan)
