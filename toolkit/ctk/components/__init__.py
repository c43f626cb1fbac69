"""What the core itself offers, through the same hooks as anyone. Nothing here is imported before it is used."""

from __future__ import annotations

from ctk.hookspecs import Register, hookimpl


@hookimpl
def ctk_register_models(register: Register) -> None:
    register("ridge", "ctk.components.ridge:Ridge", "linear map by ridge regression, solved in closed form")


@hookimpl
def ctk_register_losses(register: Register) -> None:
    register("info-nce", "ctk.components.info_nce:InfoNCE", "symmetric contrastive loss, several positives a row")
    register("l1", "ctk.components.smooth_l1:L1", "sizes of differences, the mean of all")
    register("smooth-l1", "ctk.components.smooth_l1:SmoothL1", "squares of small and sizes of large differences")
    register("own", "ctk.components.own_loss:OwnLoss", "the network's own training_loss, where it has one")
    numbers = "ctk.components.regression_losses"
    register("mse", f"{numbers}:MSELoss", "squares of differences, the mean of all")
    register("quantile", f"{numbers}:Quantile", "pinball loss: predicts a quantile, or the median")
    register("focal-regression", f"{numbers}:FocalRegression", "differences that count more the larger they are")
    register("weighted-r2", f"{numbers}:R2Loss", "1 less the R2 of a batch, all columns about one mean")
    losses = "ctk.components.classification_losses"
    register("cross-entropy", f"{losses}:CrossEntropy", "of logits against rows of classes; softmax predicts")
    register("bce-with-logits", f"{losses}:BCEWithLogits", "binary cross entropy of each column; the sigmoid predicts")


@hookimpl
def ctk_register_views(register: Register) -> None:
    register("flips", "ctk.components.views:Flips", "pictures in the mirror")
    register("crops", "ctk.components.views:Crops", "parts of pictures, brought back to their size")


@hookimpl
def ctk_register_metrics(register: Register) -> None:
    metrics = "ctk.components.metrics"
    register("mse", f"{metrics}:MSE", "mean squared error, columns meaned")
    register("rmse", f"{metrics}:RMSE", "root of the mean squared error, columns meaned")
    register("mae", f"{metrics}:MAE", "mean absolute error, columns meaned")
    register("r2", f"{metrics}:R2", "R2, columns meaned")
    register("weighted_r2", f"{metrics}:WEIGHTED_R2", "one R2 over all numbers, about their mean")
    register("smooth_l1", f"{metrics}:SMOOTH_L1", "smooth L1 with beta 1")
    register("logloss", f"{metrics}:LOGLOSS", "log loss of probabilities: of classes, or of each column's ones")
    register("accuracy", f"{metrics}:ACCURACY", "share of rows of the right class: the largest, or over 0.5; or text")
    register("auc", f"{metrics}:AUC", "area under the ROC curve, columns meaned")


@hookimpl
def ctk_register_blenders(register: Register) -> None:
    register("mean", "ctk.components.blenders:Mean", "arithmetic mean of raw or normalised predictions")
    register("vote", "ctk.components.blenders:Vote", "most votes of members: for a text, a choice or a class")
    register("greedy", "ctk.components.blenders:Greedy", "greedy selection with replacement by the run's metric")
    register("hill-climb", "ctk.components.hill_climbs:HillClimb", "hill climbing to weights by the run's metric")
    register(
        "nelder-mead", "ctk.components.simplex_blender:NelderMead", "a simplex to weights from 0, by the run's metric"
    )
    stacking = "ctk.components.stacking_blenders"
    register("ridge", f"{stacking}:RidgeStacking", "least squares to weights that are drawn towards equal ones")
    register("nnls", f"{stacking}:NonNegativeStacking", "least squares to weights from 0")
    register(
        "hill-climb-retrieval",
        "ctk.components.hill_climbs:HillClimbRetrieval",
        "hill climbing to weights by mean reciprocal rank over the gallery",
    )


@hookimpl
def ctk_register_extractors(register: Register) -> None:
    register("svd", "ctk.components.svd:SVD", "truncated SVD of other features, fitted on training rows")
    statistics = "ctk.components.target_statistics:TargetStatistics"
    register("target-statistics", statistics, "smoothed mean of the target and count of rows by category")


@hookimpl
def ctk_register_executors(register: Register) -> None:
    register("local", "ctk.components.executors:local", "processes on this machine, one a GPU where there are GPUs")
    register("serial", "ctk.components.executors:Serial", "this process, one after another")


@hookimpl
def ctk_register_trackers(register: Register) -> None:
    register("tensorboard", "ctk.components.trackers:tensorboard", "TensorBoard event files in the member's folder")
    register("csv", "ctk.components.trackers:csv", "metrics.csv in the member's folder")


@hookimpl
def ctk_register_commands(register: Register) -> None:
    register("run", "ctk.cli.run:run", "Train, blend, submit and report.")
    register("cv", "ctk.cli.cv:cv", "Cross-validate: out-of-fold predictions of every row, and scores by fold.")
    register("ablate", "ctk.cli.ablate:ablate", "Run a base and variants of it; tell differences from noise.")
    register("blend", "ctk.cli.blend:blend", "Blend runs of different times, and submission files, into a new run.")
    register("validate", "ctk.cli.score:validate", "Check a submission against the test samples.")
    register("score", "ctk.cli.score:score", "Score a submission against a truth, as the organisers do.")
    register("pack", "ctk.cli.pack:pack", "Pack a run to predict where there is no network.")
    register("submit", "ctk.cli.submit:submit", "Check a submission as `ctk validate` does, and hand it in.")
    register("leaderboard", "ctk.cli.leaderboard:leaderboard", "Show the platform's leaderboard and your place in it.")
    register("list", "ctk.cli.list:list_", "List the competitions that are installed.")
    register("info", "ctk.cli.list:info", "Show a competition's metric, presets and components.")
    register("data", "ctk.cli.data:data", "Say where the data is, what is missing and how to get it; or make it.")
    register("features", "ctk.cli.features:features", "List the features that a config extracts, and make them.")
    register("runs", "ctk.cli.runs:runs", "List past runs, best first; then searches and ablations.")
    register("show", "ctk.cli.runs:show", "Show a run: its state, scores, config and files.")
    register("new", "ctk.cli.new:new", "Make a plugin to start from, which installs, runs and passes its tests.")
    register("plugins", "ctk.cli.plugins:plugins_", "List plugins, what they offer, and why a broken one is.")
    register("install", "ctk.cli.install:install", "Install plugins into this environment, and say what was gained.")
    register("uninstall", "ctk.cli.install:uninstall", "Take distributions out of this environment.")
    register("completion", "ctk.cli.shell:completion", "Print the script with which a shell completes ctk's lines.")
    register("doctor", "ctk.cli.doctor:doctor", "Check the environment; exit code 1 if something needs mending.")
    register("bench", "ctk.cli.bench:bench", "Time a hot path, or all, beside the peers that are installed.")
