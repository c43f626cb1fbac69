"""One wandb run for one folder, the same whenever it is opened again; and whether one could be opened at all."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import wandb
from lightning.pytorch.loggers import Logger

from ctk.errors import CtkError, DamagedError
from ctk.files import read_json, refuse_ways_out, write_json
from ctk_wandb.history import History

Mode = Literal["online", "offline", "disabled"]
EXIT_CODES = {"success": 0, "aborted": 255}
PATIENCE = 60.0
"""Seconds that the end of a fit waits for an upload; what is left is on disk, for `wandb sync`."""
OFFLINE = "Or log on this machine alone: -o trackers.wandb.mode=offline."


class Session(Logger):
    """A wandb run as a logger.

    Its id is kept in ``folder/wandb/run.json``, what was logged in ``folder/wandb/history.jsonl``.

    Online, the server knows how far the run was logged, and gets the rest. Offline, the new ``offline-run-*`` folder
    holds the whole history, and those before it are removed unless they were synced: wandb would append one to the
    other, with rows twice, and refuses folders that a kill left without content.
    """

    def __init__(
        self, folder: Path, project: str, entity: str | None, mode: Mode | None, tags: Sequence[str], **facts: Any
    ) -> None:
        super().__init__()
        _quieten()
        self.run: wandb.Run | None = None
        if _resolved(mode) == "disabled":
            return
        place = folder / "wandb"
        place.mkdir(parents=True, exist_ok=True)
        # Its runs are wandb's, which links to its log; what stands beside them is ours.
        refuse_ways_out(place, leave=[each.name for each in place.glob("*run-*")])
        self.history = History(place / "history.jsonl")
        earlier = list(self.history.read())
        elsewhere = _forget_unsynced(place) or any(place.glob("run-*"))
        self.run = wandb.init(
            dir=folder,
            id=_kept_id(place / "run.json"),
            resume="allow",
            project=project,
            entity=entity,
            mode=mode,
            tags=list(tags),
            settings=wandb.Settings(
                silent=True, console="off", disable_code=True, reinit="create_new", finish_timeout=PATIENCE
            ),
            **facts,
        )
        self.run.define_metric("epoch")
        self.run.define_metric("*", step_metric="epoch")
        if not (elsewhere and self.run.offline):
            for step, row in earlier:
                if step >= self.run.starting_step:
                    self.run.log(row, step=step)

    @property
    def name(self) -> str | None:
        return None if self.run is None else self.run.name

    @property
    def version(self) -> str | None:
        return None if self.run is None else self.run.id

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Set keys of the run's config."""
        if self.run is not None:
            self.run.config.update(dict(params), allow_val_change=True)  # type: ignore[no-untyped-call]

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log numbers for a step, those that were not logged for it before."""
        if self.run is not None and (new := self.history.add(step or 0, metrics)):
            self.run.log(new, step=step or 0)

    def finalize(self, status: str) -> None:
        """End the run: "success" finishes it, anything else is a failure."""
        if self.run is not None:
            self.run.finish(exit_code=EXIT_CODES.get(status, 1))


def check(mode: Mode | None) -> None:
    """Raise CtkError if runs are to be logged online and nobody is logged in, or the server does not answer."""
    _quieten()
    if _resolved(mode) != "online" or wandb.run is not None:  # an open run shows that the login works
        return
    try:
        known = wandb.login(prompt=False)
    except wandb.Error as error:
        _end_service()
        raise CtkError(f"wandb: {sentence(error)}", f"Log in with `wandb login`. {OFFLINE}") from None
    if not known:
        raise CtkError(
            "wandb: nobody is logged in here.", f"Log in with `wandb login`, or set WANDB_API_KEY. {OFFLINE}"
        )


def _end_service() -> None:
    """End wandb's process, which has no run: after a call that was cut off it now and then never ends by itself (0.31),
    and this process would wait for it."""
    connection = getattr(wandb.setup(), "_connection", None)
    process = getattr(getattr(connection, "_proc", None), "_process", None)
    if process is not None:
        process.kill()
        with suppress(Exception, SystemExit):  # it does not answer any more, and its exit code would be handed on
            wandb.teardown()


def sentence(error: Exception) -> str:
    """The first line of what wandb says, as a sentence."""
    return f"{str(error).strip().splitlines()[0].rstrip('.')}." if str(error).strip() else f"{type(error).__name__}."


def _quieten() -> None:
    """Whatever wandb prints would tear the progress display. The first call in a process decides."""
    wandb.setup(settings=wandb.Settings(silent=True))


def _resolved(mode: Mode | None) -> str:
    """The mode that holds: the option, or what wandb's own settings and WANDB_MODE say."""
    own = mode or wandb.setup().settings.mode
    return {"dryrun": "offline", "run": "online"}.get(own, own)


def _kept_id(path: Path) -> str:
    """The run's id, made once, or anew where it cannot be read, and kept before anything is logged under it."""
    try:
        return str(read_json(path, dict[str, str])["id"])
    except (DamagedError, KeyError):
        id = uuid.uuid4().hex[:12]
        write_json(path, {"id": id})
        return id


def _forget_unsynced(place: Path) -> bool:
    """Remove what was logged offline and never synced: all of it is in the history. Whether some was synced."""
    synced = False
    for folder in place.glob("offline-run-*"):
        if any(folder.glob("*.synced")):
            synced = True
        else:
            shutil.rmtree(folder)
    return synced
