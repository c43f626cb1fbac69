"""An epoch of a network through the toolkit, beside the plainest PyTorch loop over the same arrays."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ctk.bench.bench_case import BenchCase, Contestant, Run, Verdict
from ctk.config.training_keys import Training
from ctk.contract import Batch, FitContext, Metric, Transform
from ctk.plugins import Component, Plugin, plugins
from ctk.samples import Array, Samples
from ctk.training import as_model
from ctk.training.devices import autocast
from ctk.training.forward import output

SEED, LR, VALID = 1, 1e-3, 4


def epoch_case(
    title: str,
    network: type[nn.Module],
    transform: type[Transform],
    features: Mapping[str, Array],
    target: Array,
    folder: Path,
    *,
    size: int,
    seconds: float,
    options: Mapping[str, Any] | None = None,
    transform_options: Mapping[str, Any] | None = None,
) -> BenchCase:
    """Make a case of one epoch over all rows but the last VALID, in batches of ``size``.

    Ours is a whole fit from samples on disk: it sets Lightning up, reads memory-mapped features, transforms batches,
    validates and writes its result. The plain loop has the features in memory before it starts, and does nothing but
    transform, loss, gradients and steps. The error is the largest difference of what both predict then.
    """
    offers = [
        Component(kind, name, thing, "", "bench", "bench")
        for kind, name, thing in (("transforms", "bench-transform", transform), ("losses", "bench-l1", MeanL1))
    ]
    plugins().plugins.append(Plugin("bench", "bench", "1", __name__, offers=offers, loaded=True))
    Samples(np.arange(len(target)), features, target).save(folder / "samples")
    samples = Samples.open(folder / "samples")
    train, valid = samples.take(np.arange(len(target) - VALID)), samples.take(np.arange(len(target))[-VALID:])
    keys = {
        "loss": "bench-l1",
        "transforms": [{"name": "bench-transform", **(transform_options or {})}],
        "optimizer": {"name": "adamw", "lr": LR},
        "batch": {"size": size},
        "precision": "auto",
        "epochs": 1,
    }
    answers: list[Array] = []

    def judge(answer: Array) -> Verdict:
        answers.append(answer)
        return Verdict(error=float(np.abs(answer - answers[0]).max()))

    changes = transform(**(transform_options or {}))
    contestants = [
        Contestant("plain loop", partial(_plain, network, dict(options or {}), changes, train, valid, size), "floor"),
        Contestant("ctk", partial(_fit, network, dict(options or {}), keys, train, valid, folder / "fit"), "ctk"),
    ]
    return BenchCase(f"{title}, {len(train):,} rows, batch {size}", "cpu", contestants, judge, seconds)


class MeanL1(nn.Module):
    """Mean absolute error."""

    def forward(self, prediction: Tensor, batch: Batch) -> Tensor:
        """(B, D) predictions and a batch to a 0-d loss."""
        return (prediction - batch.target).abs().mean()


def _plain(
    network: type[Any], options: dict[str, Any], transform: Transform, train: Samples, valid: Samples, size: int
) -> Run:
    """The loop that every tutorial has."""
    known, held_out = (
        {name: torch.from_numpy(np.array(values)) for name, values in part.features.items()} for part in (train, valid)
    )
    target, cpu = torch.from_numpy(np.array(train.target)), torch.device("cpu")

    def run() -> Array:
        torch.manual_seed(SEED)
        model = network.for_samples(train, **options)
        scale = getattr(model, "scale", lambda values: values)
        optimizer = torch.optim.AdamW(model.parameters(), LR, weight_decay=0.0)
        order = torch.randperm(len(target), generator=torch.Generator().manual_seed(SEED))
        for step, rows in enumerate(order.split(size)):  # type: ignore[no-untyped-call]
            torch.default_generator.manual_seed(SEED * 1_000_003 + step)
            given = {name: known[name][rows] for name in model.features}
            given, wanted = transform.apply(given, target[rows], torch.arange(len(rows)))
            with autocast(cpu, "auto"):
                loss = (model(*given.values()) - scale(wanted)).abs().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            predicted: Array = output(model, held_out, cpu).numpy()
        return predicted

    return run


def _fit(
    network: type[nn.Module],
    options: dict[str, Any],
    keys: Mapping[str, Any],
    train: Samples,
    valid: Samples,
    folder: Path,
) -> Run:
    """A member's fit."""
    metric = Metric("error", "min", lambda prediction, samples: float(np.abs(prediction - samples.target).mean()))

    def run() -> Array:
        shutil.rmtree(folder, ignore_errors=True)
        model = as_model(network)(**options)
        model.training = Training.model_validate(keys)
        model.fit(train, valid, FitContext(folder, SEED, metric, "cpu"))
        return model.predict(valid)

    return run
