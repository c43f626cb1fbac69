"""The run folder: one execution, one folder, written so that a kill at any moment leaves it able to go on."""

from __future__ import annotations

import math
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctk.errors import CtkError, DamagedError, UsageError, visible
from ctk.files import (
    atomic,
    check_values,
    dump_yaml,
    is_folder_name,
    lock,
    parse_yaml,
    read_json,
    read_npy,
    read_text,
    reading,
    refuse_ways_out,
    write_json,
    write_text,
)
from ctk.machine import ended_for_memory, is_running
from ctk.notebook import Tabular
from ctk.runs.shortened import find_shortened, nearest_shortened
from ctk.samples import Array

if TYPE_CHECKING:
    from pandas import DataFrame

RUNNING, FINISHED, FAILED = "running", "finished", "failed"
"""States of a run."""
RAW = "raw-"
"""Before "oof" and "test", of predictions that nothing has mended."""
INTERRUPTED, KILLED, PRUNED = "interrupted", "killed", "pruned"
"""States of a run that ended early: by Ctrl-C or SIGTERM; by what left it no time to say so; by the search it is of."""
UNFITTED = "unfitted"
"""Kind of test predictions that were postprocessed without what was fitted to validation rows."""


@dataclass(frozen=True)
class Part:
    """One fitted unit of a run: a member with a seed, on a fold."""

    member: str
    seed: int
    fold: int

    @property
    def key(self) -> str:
        """The name under which a blend knows it, folds joined: ``mlp/seed-1``."""
        return f"{self.member}/seed-{self.seed}"


@dataclass(frozen=True)
class Predictions:
    """Values by id (N,): (N, ...) floating numbers or (N,) text; from a run's store, mapped from disk."""

    ids: Array
    values: Array


class Run(Tabular):
    """A run's folder and everything that is read from and written to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    @classmethod
    def create(cls, root: Path, competition: str, name: str) -> Run:
        """Make a new folder ``root/competition/MMDD-HHMMSS-name``, with a number behind it if that is taken.

        Raises UsageError for a name that is no folder name, CtkError where no folder can be made.
        """
        if not is_folder_name(name):
            raise UsageError(f"--name {name}: is no name for a folder.", "Use letters, digits, '-', '_' and '.'.")
        stem = f"{datetime.now():%m%d-%H%M%S}-{name}"
        for number in range(1, 1000):
            folder = root / competition / (stem if number == 1 else f"{stem}-{number}")
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                if folder.is_dir():
                    continue
                raise CtkError(f"{folder}: cannot be made.", "Choose another folder for runs: $CTK_RUNS.") from None
            except OSError as error:
                problem = f"{folder}: cannot be made ({error.strerror})."
                raise CtkError(problem, "Choose another folder for runs: $CTK_RUNS.") from error
            return cls(folder)
        raise UsageError(f"{root / competition}: too many runs named {stem}.")

    @classmethod
    def find(cls, text: str, root: Path) -> Run:
        """Find a run by its folder, or by a part of its name that no other under ``root`` has.

        Raises UsageError if none or several fit.
        """
        if (Path(text) / "config.yaml").is_file():
            return cls(Path(text))
        folders = [run.folder for run in all_runs(root)]
        if (found := find_shortened(text, folders, "runs")) is not None:
            return cls(found)
        help = f"{nearest_shortened(text, folders)} `ctk runs` lists those under {root}.".strip()
        raise UsageError(f"There is no run '{text}'.", help)

    # How it looks --------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"Run('{self.folder}')"

    def heading(self) -> str:
        """Say which run it is, and where it stands."""
        return f"{self.folder}: {self.state()['state']}"

    def table(self) -> DataFrame:
        """Make a table of a row a member, then the blend, the test and further blends; empty before the end."""
        import pandas as pd

        known = self.scores()
        shown = known.get("headline", [])
        of_test = {"the same, on the test": known["test"]} if known.get("test") else {}
        further = {f"blend {name}": each["validation"] for name, each in known.get("blends", {}).items()}
        every = {**known.get("members", {}), **of_test, **further}
        rows = {key: [each.get(name) for name in shown] for key, each in every.items()}
        return pd.DataFrame.from_dict(rows, orient="index", columns=shown, dtype=float)

    # What the run is -----------------------------------------------------------------------------------------------

    @property
    def competition(self) -> str:
        """The competition's id."""
        return str(self.config()["competition"])

    def config(self, *needed: str) -> dict[str, Any]:
        """Read the resolved config, as plain values. Raises DamagedError, also where a needed key is missing."""
        from ctk.runs.records import ConfigFile  # late here and below: it brings pydantic

        path, help = self.folder / "config.yaml", "Was it edited? The run cannot be used."
        with reading(path, help) as file:
            value = check_values(parse_yaml(file.read().decode()), ConfigFile, path, help)
            return _with(needed, value, path)

    def overrides(self) -> list[str]:
        """Read in what the config differs from its preset, "key=value" each; for people. Raises DamagedError."""
        path = self.folder / "overrides.txt"
        return read_text(path).splitlines() if path.exists() else []

    def environment(self) -> dict[str, Any]:
        """Read where the run was begun: versions and hardware by name. Raises DamagedError."""
        known: dict[str, Any] = read_json(self.folder / "environment.json", dict[str, Any])
        return known

    def data(self) -> dict[str, Any]:
        """Read which data the run was made from, and by which code. Raises DamagedError."""
        from ctk.runs.records import DataFile

        known: dict[str, Any] = read_json(self.folder / "data.json", DataFile)
        return known

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from going on with the run meanwhile, and writers from leaving its folder by a link.

        Raises UsageError if somebody is at it, CtkError for what cannot be written to.
        """
        refuse_ways_out(self.folder, leave=self._trackers())  # wandb links to its log, and looks after its folder
        if (self.folder / ".lock").is_dir():
            raise CtkError(f"{self.folder / '.lock'}: is a folder, and a file belongs there.", "Remove it.")
        with (self.folder / ".lock").open("w") as file:
            try:
                if not lock(file, wait=False):
                    state = self.state_or_killed()
                    if state["state"] == RUNNING and state.get("pid") != os.getpid():
                        raise BlockingIOError
            except BlockingIOError:
                raise UsageError(f"{self.folder} is being run by another process.") from None
            yield

    def _trackers(self) -> set[str]:
        """Names of the config's trackers, which their own folders have too; none where it cannot be read."""
        with suppress(DamagedError):
            return {each["name"] for each in self.config().get("trackers", [])}
        return set()

    def write_config(self, config: Mapping[str, Any], overrides: list[str], environment: Mapping[str, Any]) -> None:
        """Write what is to be done and where: config.yaml, overrides.txt, environment.json.

        Where that fails the folder goes: one without a config could be neither shown nor resumed.
        """
        try:
            write_text(self.folder / "overrides.txt", "".join(f"{line}\n" for line in overrides))
            write_json(self.folder / "environment.json", environment)
            write_text(self.folder / "config.yaml", dump_yaml(dict(config)))
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def change_config(self, values: Mapping[str, Any], overrides: Sequence[str]) -> None:
        """Replace some of the config's keys, and note the overrides that did it; what the others say stays as it is."""
        noted = [*self.overrides(), *overrides]
        write_text(self.folder / "config.yaml", dump_yaml({**self.config(), **values}))
        write_text(self.folder / "overrides.txt", "".join(f"{line}\n" for line in noted))

    # Where it stands -----------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Read ``{"state": ..., "started": ..., ...}``; a run whose process is gone without a word was killed.

        Raises DamagedError.
        """
        from ctk.runs.records import StateFile

        if not (self.folder / "state.json").exists():
            return {"state": KILLED}
        state: dict[str, Any] = read_json(self.folder / "state.json", StateFile)
        if state["state"] == RUNNING and not ("pid" in state and _alive(state["pid"], state.get("boot", 0.0))):
            state["state"] = KILLED
        return state

    def state_or_killed(self) -> dict[str, Any]:
        """Read the state for who goes on with the run: a damaged one is written anew, and the lock tells the rest."""
        try:
            return self.state()
        except DamagedError:
            return {"state": KILLED}

    def set_state(self, state: str, **more: Any) -> None:
        """Write down the run's state."""
        old = self.state_or_killed()
        started = old.get("started", time.time())
        known = {"state": state, "pid": os.getpid(), "boot": _process_start(os.getpid()), "started": started}
        if state == RUNNING:
            known["ended_for_memory"] = ended_for_memory()
        write_json(self.folder / "state.json", {**old, **known, "changed": time.time(), **more})

    def scores(self, *needed: str) -> dict[str, Any]:
        """Read ``{"metric", "direction", "baselines", "members": {key: {name: number}}, "test"}``.

        Empty before the end. Raises DamagedError, also where a needed key is missing.
        """
        from ctk.runs.records import ScoresFile

        if not (self.folder / "scores.json").exists():
            return {}
        scores: dict[str, Any] = {"headline": [], "baselines": [], "test": {}}
        scores |= read_json(self.folder / "scores.json", ScoresFile)
        return _with(needed, scores, self.folder / "scores.json")

    def final_scores(self, blend: Mapping[str, float]) -> dict[str, float]:
        """Name the blend's scores, and beside them those of the members and of the test, by paths."""
        known = self.scores()
        members = {key: each for key, each in known.get("members", {}).items() if key != "blend"}
        return {
            **blend,
            **{f"test/{name}": score for name, score in known.get("test", {}).items()},
            **{f"members/{key}/{name}": score for key, each in members.items() for name, score in each.items()},
        }

    def log(self, line: str) -> None:
        """Append a line with the time to log.txt."""
        with (self.folder / "log.txt").open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {visible(line)}\n")

    # The predictions store -----------------------------------------------------------------------------------------

    def part_folder(self, part: Part) -> Path:
        """Name a part's folder: ``members/<name>/seed-<s>/fold-<f>``."""
        return self.folder / "members" / part.member / f"seed-{part.seed}" / f"fold-{part.fold}"

    def checkpoints_folder(self, part: Part) -> Path:
        """Where a part's model saves what it has learned: ``checkpoints`` in the part's folder."""
        return self.part_folder(part) / "checkpoints"

    def is_fitted(self, part: Part, fingerprint: str) -> bool:
        """Whether the part's predictions lie here, can be read, and were made from exactly this."""
        try:
            for kind in ("oof", "test"):
                self.predictions(part, kind)
            return bool(self.facts(part)["fingerprint"] == fingerprint)
        except DamagedError:
            return False

    def write_part(
        self,
        part: Part,
        fingerprint: str,
        oof: Predictions,
        test: Predictions,
        **facts: Any,
    ) -> None:
        """Store a part's predictions, ids and values apart so that both can be mapped into memory.

        ``fitted.json`` comes last and makes them count.
        """
        for kind, predictions in (("oof", oof), ("test", test)):
            self.write_predictions(part, kind, predictions)
        write_json(self.part_folder(part) / "fitted.json", {"fingerprint": fingerprint, **facts})

    def write_predictions(self, part: Part, kind: str, predictions: Predictions) -> None:
        """Store predictions: "oof" or "test", with ``RAW`` before it those that nothing has mended; or ``UNFITTED``."""
        for name, array in vars(predictions).items():
            path = self.part_folder(part) / kind / f"{name}.npy"
            with atomic(path) as temporary, temporary.open("wb") as file:
                np.save(file, array, allow_pickle=False)

    def facts(self, part: Part) -> dict[str, Any]:
        """Read what was written beside a part's predictions: scores, seconds, curve. Raises DamagedError."""
        from ctk.runs.records import FittedFile

        facts: dict[str, Any] = read_json(self.part_folder(part) / "fitted.json", FittedFile)
        return facts

    def predictions(self, part: Part, kind: str) -> Predictions:
        """Map a part's predictions of a kind, as ``write_predictions`` says, into memory.

        Raises DamagedError where they cannot be read.
        """
        folder = self.part_folder(part) / kind
        wrong, help = f"{folder}: there are no predictions that can be read", "Were they damaged? Fit the member anew."
        try:
            ids, values = (read_npy(folder / f"{name}.npy") for name in ("ids", "values"))
        except DamagedError as error:
            raise DamagedError(f"{wrong}; {error.problem.removeprefix(f'{folder}/')}", help) from error
        known = values.dtype.kind == "f" or (values.dtype.kind == "U" and values.ndim == 1)
        if ids.ndim != 1 or ids.dtype.kind not in "iuU" or values.shape[:1] != ids.shape or not known:
            shapes = f"ids.npy is {ids.dtype} {ids.shape}, values.npy is {values.dtype} {values.shape}"
            raise DamagedError(f"{wrong}; {shapes}.", help)
        return Predictions(ids, values)

    def kept(self, rows: int, path: Path) -> Array:
        """Map what some of the run's filters left of its training samples, (rows,) bool: all, where there is no file.

        Raises DamagedError.
        """
        kept = read_npy(path) if path.exists() else np.ones(rows, dtype=bool)
        if kept.dtype != bool or kept.shape != (rows,):
            raise DamagedError(f"{path}: is {kept.dtype} {kept.shape}, and bool ({rows},) is needed.", "Was it edited?")
        return kept

    def parts(self) -> list[Part]:
        """List the parts whose predictions are here, in the config's order of members and of their seeds.

        A folder of another name is none.
        """
        config, found = self.config(), []
        seeds = {member["name"]: member.get("seeds") or config.get("seeds", []) for member in config.get("members", [])}
        order = list(seeds)
        for path in self.folder.glob("members/*/seed-*/fold-*/fitted.json"):
            numbers = re.fullmatch(r"seed-([0-9]+)/fold-([0-9]+)", "/".join(path.parts[-3:-1]))
            if numbers and path.parts[-4] in order:
                found.append(Part(path.parts[-4], int(numbers[1]), int(numbers[2])))

        def place(part: Part) -> tuple[int, ...]:
            known = seeds[part.member]
            first = known.index(part.seed) if part.seed in known else len(known)
            return order.index(part.member), first, part.seed, part.fold

        return sorted(found, key=place)


def _with(needed: Sequence[str], known: dict[str, Any], path: Path) -> dict[str, Any]:
    for key in needed:
        if key not in known:
            raise DamagedError(f"{path}, {key}: is missing.", "Was it edited or cut short?")
    return known


def runs_root() -> Path:
    """Return the folder where runs are kept: $CTK_RUNS, else ./runs."""
    return Path(os.environ.get("CTK_RUNS") or "runs").expanduser()


def all_runs(root: Path) -> Iterator[Run]:
    """List every run under a root folder, newest first."""
    folders = [path.parent for path in root.glob("*/*/config.yaml")]
    return iter(Run(folder) for folder in sorted(folders, key=lambda folder: folder.stat().st_ctime, reverse=True))


def _process_start(pid: int) -> float:
    """When a process started, in clock ticks since boot; 0 where it cannot be told. Tells a reused pid apart.

    NaN of one that has ended and that its parent has not fetched: in a container whose first process fetches none it
    keeps its pid for ever.
    """
    try:
        facts = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return math.nan if facts[0] in "ZX" else float(facts[19])
    except (OSError, IndexError, ValueError):
        return 0.0


def _alive(pid: int, started: float) -> bool:
    return is_running(pid) and _process_start(pid) == started
