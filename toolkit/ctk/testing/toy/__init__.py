"""A competition that takes a second: for checking components of plugins that bring no competition of their own.

It comes in six flavours, and no user ever sees it: it is installed nowhere, only laid on the path while a check goes
on.

    toy-regression      (N, 2) targets, by mean squared error
    toy-classification  one-hot (N, 3) targets, by accuracy
    toy-retrieval       targets are one of a gallery of 24 vectors with pictures, by mean reciprocal rank
    toy-text            targets are words, by the share of them that are predicted exactly
    toy-events          (N, 1) targets of zeros and ones, by mean squared error
    toy-amounts         (N, 1) targets well above zero, by mean squared error
"""

from __future__ import annotations

from ctk.hookspecs import Register, hookimpl

FLAVOURS = ("toy-regression", "toy-classification", "toy-retrieval", "toy-text", "toy-events", "toy-amounts")


@hookimpl
def ctk_register_competitions(register: Register) -> None:
    register("toy-regression", "ctk.testing.toy.toy_competition:ToyRegression", "two numbers from four")
    register("toy-classification", "ctk.testing.toy.toy_competition:ToyClassification", "one of three classes")
    register("toy-text", "ctk.testing.toy.toy_competition:ToyText", "a word from four numbers")
    register("toy-events", "ctk.testing.toy.toy_competition:ToyEvents", "whether something happens")
    register("toy-amounts", "ctk.testing.toy.toy_competition:ToyAmounts", "a number above zero from four numbers")
    register("toy-retrieval", "ctk.testing.toy.toy_competition:ToyRetrieval", "one of 24 vectors from four numbers")


@hookimpl
def ctk_register_data(register: Register) -> None:
    register("toy", "ctk.testing.toy.toy_samples:ToyReader", "samples made up on the spot")


@hookimpl
def ctk_register_models(register: Register) -> None:
    register("toy-network", "ctk.testing.toy.toy_network:ToyNetwork", "one hidden layer")
    register("toy-text-network", "ctk.testing.toy.toy_network:ToyTextNetwork", "a character at each place of a word")
    register("toy-picture-network", "ctk.testing.toy.toy_network:ToyPictureNetwork", "a linear map of pictures")


@hookimpl
def ctk_register_losses(register: Register) -> None:
    register("toy-squared-error", "ctk.testing.toy.toy_network:SquaredError", "mean squared error")


@hookimpl
def ctk_register_metrics(register: Register) -> None:
    register("toy-mse", "ctk.testing.toy.toy_competition:MSE", "mean squared error")
    register("toy-accuracy", "ctk.testing.toy.toy_competition:ACCURACY", "share of rows of the right class")
    register("toy-exact", "ctk.testing.toy.toy_competition:EXACT", "share of words that are predicted exactly")
    register("toy-mrr", "ctk.testing.toy.toy_competition:MRR", "mean reciprocal rank over the gallery")
