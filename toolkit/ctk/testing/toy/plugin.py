"""What the toy competition registers, as any plugin does."""

from __future__ import annotations

from ctk.hookspecs import Register, hookimpl


@hookimpl
def ctk_register_competitions(register: Register) -> None:
    register("toy-regression", "ctk.testing.toy.competition:ToyRegression", "two numbers from four")
    register("toy-classification", "ctk.testing.toy.competition:ToyClassification", "one of three classes from four")
    register("toy-retrieval", "ctk.testing.toy.competition:ToyRetrieval", "one of 24 vectors from four numbers")


@hookimpl
def ctk_register_data(register: Register) -> None:
    register("toy", "ctk.testing.toy.reader:ToyReader", "samples made up on the spot")


@hookimpl
def ctk_register_models(register: Register) -> None:
    register("toy-network", "ctk.testing.toy.network:ToyNetwork", "one hidden layer")


@hookimpl
def ctk_register_losses(register: Register) -> None:
    register("toy-squared-error", "ctk.testing.toy.network:SquaredError", "mean squared error")


@hookimpl
def ctk_register_metrics(register: Register) -> None:
    register("toy-mse", "ctk.testing.toy.metrics:MSE", "mean squared error")
    register("toy-accuracy", "ctk.testing.toy.metrics:ACCURACY", "share of rows whose largest number is the class")
    register("toy-mrr", "ctk.testing.toy.metrics:MRR", "mean reciprocal rank over the gallery")
