"""The whole contract with plugins: every hook, typed and documented.

A plugin is a module named by an entry point in the group ``ctk``. It implements any of these hooks with
``@ctk.hookimpl``. The register hooks hand it a callback; each call of it offers one thing by name. What is offered is
either the thing itself or, so that nothing heavy is imported before it is used, a string ``"module:attribute"``.

    from ctk import hookimpl

    @hookimpl
    def ctk_register_losses(register):
        register("focal", "my_plugin.focal:FocalLoss")

Keyword-only parameters of what is registered are its config keys, checked against their annotations and defaults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    from ctk.contract import RunConfig
    from ctk.runs import Run

__all__ = [
    "Register",
    "ctk_member_fitted",
    "ctk_register_blenders",
    "ctk_register_commands",
    "ctk_register_competitions",
    "ctk_register_data",
    "ctk_register_executors",
    "ctk_register_extractors",
    "ctk_register_filters",
    "ctk_register_losses",
    "ctk_register_metrics",
    "ctk_register_models",
    "ctk_register_platforms",
    "ctk_register_samplers",
    "ctk_register_scaffolds",
    "ctk_register_trackers",
    "ctk_register_transforms",
    "ctk_register_views",
    "ctk_run_finished",
    "ctk_run_started",
    "hookimpl",
]

GROUP = "ctk"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)
"""Decorator of a plugin's functions that implement hooks: ``@hookimpl``."""


class Register(Protocol):
    """What a register hook is given: ``register(name, thing_or_"module:attribute", about="one line")``."""

    def __call__(self, name: str, thing: Any, about: str = "") -> None: ...


# What a run is made of ------------------------------------------------------------------------------------------------


@hookspec
def ctk_register_competitions(register: Register) -> None:
    """Offer competitions: subclasses of ``ctk.contract.Competition``, found as ``ctk run NAME``."""


@hookspec
def ctk_register_data(register: Register) -> None:
    """Offer data readers: subclasses of ``ctk.contract.DataReader``; ``data: NAME`` in a config."""


@hookspec
def ctk_register_models(register: Register) -> None:
    """Offer models: subclasses of ``ctk.contract.Model``, or a ``torch.nn.Module``; ``model: NAME`` in a member.

    A module is trained by the toolkit's own Lightning loop. It has an attribute ``features``, names of what its
    ``forward`` takes, one tensor each, of the class or set by ``for_samples``; a class method
    ``for_samples(samples, **options)`` that makes it as wide as the samples need; and the options as keyword-only
    parameters of its ``__init__``. A ``forward`` that asks for ``x.shape[0]``, not ``len(x)``, can be exported.

    It may have ``scale(target) -> Tensor``, from the samples' units (whatever their dtype) into those in which its
    output is trained, float32; and ``unscale(output) -> Tensor``, back. Then the loss compares the network's output
    with scaled targets, and what is scored and predicted is the unscaled output.

    One that reads sequences (``batch: {by: GROUP, as: sequences}``) has ``"mask"`` among its ``features``. It is given
    the others as (S, L, ...), zero beyond a sequence's end, and there (S, L) bool, true where there is a row; it
    returns (S, L, D). ``scale``, ``unscale``, losses and metrics see a row a sample as ever.

    It may have ``load_pretrained()``, called once before it is trained: weights to begin with, from a file or a hub. A
    network that was saved is made again without them.

    It may have ``auxiliary_loss(batch) -> Tensor``, one number that is added to the loss of training batches, called
    once after each ``forward``: of further heads, say. ``auxiliary_features`` names what the batch has for it beside
    ``features``; neither a validated nor a predicted row needs those, and they may be NaN. It is weighted as a mean
    over the batch's rows would be.

    Text (N,) comes as the code points of its first 128 characters, (B, 128) int32, zeros after its end; (N, K) as
    (B, K, 128).

    It may have ``training_loss(batch) -> Tensor``, one number: what it is trained by, in the place of its ``forward``
    and a loss (``loss: own`` in a member; any other is refused). Its mean over a batch's rows is what the core expects;
    one that compares rows with each other says ``spans_ranks = True``, as a loss does. ``forward`` then only predicts.

    Where the samples' target is text, ``batch.target`` is such code points, and ``forward`` returns (B, W) int32 code
    points of whatever width, zeros after the end: the core makes text of them. That needs a ``training_loss``.

    It may leave frozen weights out of its ``state_dict()``, where ``load_state_dict`` then does without them: whoever
    keeps its state keeps what was trained alone. A network that is made for samples, and whose state is loaded, has to
    have them again.

    It may have ``input_normalization() -> dict``, means and scales by input, for whoever runs an exported file.
    """


@hookspec
def ctk_register_losses(register: Register) -> None:
    """Offer losses: torch modules called as ``loss(prediction, batch)``; ``loss: NAME`` in a member.

    The batch's target is as the network scales it. Options are keyword-only parameters of ``__init__``; a loss that
    depends on the samples (weights of columns) has a class method ``for_samples(samples, **options)`` that makes it.
    A loss on logits may have a static method ``link(logits)``: what a network trained by it predicts, in the samples'
    units, as softmax of cross-entropy, unless the network has an ``unscale`` of its own.
    Where a stage trains some columns alone, prediction and target hold those, and ``batch.columns`` says which.

    Under torchrun a loss sees one rank's rows of a batch, and gradients are averaged over the ranks. A loss that is a
    mean over rows needs nothing: what it returns is weighted by the rows it saw. One that compares rows with each other
    has an attribute ``spans_ranks = True``: its result is taken as it is, it is also called on a rank with no rows, and
    it sees to it that the mean of the ranks' gradients is that of the whole batch, as ``ctk.ops.info_nce_across`` does;
    for a term that is a mean over rows it multiplies with ``batch.share``.
    """


@hookspec
def ctk_register_transforms(register: Register) -> None:
    """Offer transforms: subclasses of ``ctk.contract.Transform``; ``transforms: [NAME]`` in a member that is a network.

    They change features and target of a training batch, one after another, and never a row that is validated or
    predicted. The report shows some rows as the network got them.
    """


@hookspec
def ctk_register_views(register: Register) -> None:
    """Offer views: subclasses of ``ctk.contract.View``; ``tta: [NAME]`` in a member that is a network.

    They show the network the rows that it predicts, out of fold and of the test, in other ways too; the prediction is
    the mean. Rows of the validations within a fit have the plain look alone.
    """


@hookspec
def ctk_register_blenders(register: Register) -> None:
    """Offer blenders: subclasses of ``ctk.contract.Blender``; ``blend: NAME`` in a config.

    One that takes predictions that are text says ``reads_text = True``; its blend is a vote.
    """


@hookspec
def ctk_register_metrics(register: Register) -> None:
    """Offer metrics: instances of ``ctk.contract.Metric``, with their direction."""


@hookspec
def ctk_register_filters(register: Register) -> None:
    """Offer filters: subclasses of ``ctk.contract.Filter``, which score training samples and say which to keep."""


@hookspec
def ctk_register_extractors(register: Register) -> None:
    """Offer extractors: subclasses of ``ctk.contract.Extractor``, which make features once for all members.

    ``features: {NAME: {name: EXTRACTOR, option: value}}`` in a config; members read the columns as ``NAME/COLUMN``.
    """


# Where it runs and who is told ----------------------------------------------------------------------------------------


@hookspec
def ctk_register_executors(register: Register) -> None:
    """Offer executors: ``concurrent.futures.Executor`` factories called as ``factory(workers, threads, **options)``.

    Options are keyword-only parameters: ``executor: {name: NAME, address: ...}``. What an executor may do beyond
    ``concurrent.futures`` is in ``ctk.contract.executor``: say early that it cannot work, end at once,
    tell of a worker that died, take files to machines that do not see this one's.
    """


@hookspec
def ctk_register_trackers(register: Register) -> None:
    """Offer trackers: ``(folder: Path, name: str, **options) -> lightning Logger``, called for each stage of a fit.

    ``folder`` is the stage's, below ``runs/<competition>/<run>/members/...``; a fit that is gone on with calls again
    with the same folder. Options are keyword-only parameters: ``trackers: [{name: NAME, project: mine}]``.

    A tracker that raises a CtkError when called ends the run, so that the user can mend it; whatever else it or its
    logger raise is written to the run's log, and the fit goes on without it. It may have an attribute
    ``check(**options)``, called before a run starts or is gone on with: raises CtkError where it could not log.
    """


@hookspec
def ctk_register_samplers(register: Register) -> None:
    """Offer samplers of searches: ``factory(space, seed, **options) -> optuna.samplers.BaseSampler``.

    Found as ``ctk search --sampler NAME``. ``space`` is an ordered mapping of parameters to Optuna distributions,
    ``seed`` an int. A sampler is made anew for each trial, with a seed drawn from the search's and the trial's number:
    what it has learned it reads from the study, so that a search that was killed goes on as it would have. Options are
    keyword-only parameters.

    A sampler may have a trial run for a share of its epochs by setting the trial's user attribute ``ctk:share`` to a
    number in (0, 1], and may say in ``ctk:promotes`` which trial's parameters it takes to a larger share. It may have
    methods ``history(study)``, which returns what is written to ``search_history.json``, and ``exhausted(study)``,
    asked before each trial: whether nothing is left to propose.
    """


@hookspec
def ctk_register_platforms(register: Register) -> None:
    """Offer platforms that hold competitions: subclasses of ``ctk.contract.Platform``.

    A competition says ``platform = NAME``; then ``ctk data --download``, ``ctk submit`` and ``ctk leaderboard`` work.
    """


@hookspec
def ctk_register_scaffolds(register: Register) -> None:
    """Offer scaffolds: subclasses of ``ctk.contract.Scaffold``, which make a competition's package of somebody's files.

    ``ctk new competition NAME --data DIR`` takes the only one there is, or that of ``--scaffold NAME``.
    """


@hookspec
def ctk_register_commands(register: Register) -> None:
    """Offer commands: ``click.Command`` objects, as ``ctk NAME``.

    Named by a string, the command's module is imported when the command is used; ``ctk --help`` shows ``about``.
    """


# Along the way of a run -----------------------------------------------------------------------------------------------


@hookspec
def ctk_run_started(run: Run, config: RunConfig) -> None:
    """Called once the run's folder and config stand, before data is read; again when a run is resumed."""


@hookspec
def ctk_member_fitted(run: Run, member: str, seed: int, fold: int, scores: dict[str, float]) -> None:
    """Called in the driving process when a member's predictions for one seed and fold lie in the store."""


@hookspec
def ctk_run_finished(run: Run, scores: dict[str, float]) -> None:
    """Called last, when the submission is written and valid."""
