"""The run folder: one execution, one folder, written so that a kill at any moment leaves it able to go on."""

from __future__ import annotations

import fcntl
import json
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ctk.errors import CtkError, UsageError, near
from ctk.files import atomic, is_folder_name, parse_yaml, read_json, write_json, write_text
from ctk.samples import Array

RUNNING, FINISHED, FAILED = "running", "finished", "failed"
"""States of a run."""
INTERRUPTED, KILLED, PRUNED = "interrupted", "killed", "pruned"
"""States of a run that ended early: by Ctrl-C or SIGTERM; by what left it no time to say so; by the search it is of."""


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
    """Values (N, ...) by id (N,); from a run's store, mapped from disk."""

    ids: Array
    values: Array


class Run:
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
        """Find a run by its folder, or by the end of its name under ``root``.

        Raises UsageError if none or several fit.
        """
        if (Path(text) / "config.yaml").is_file():
            return cls(Path(text))
        fitting = [run for run in all_runs(root) if run.folder.name == text or run.folder.name.endswith(f"-{text}")]
        if len(fitting) == 1:
            return fitting[0]
        if not fitting:
            names = [run.folder.name for run in all_runs(root)]
            known = [name if text[:1].isdigit() else name.split("-", 2)[-1] for name in names]
            help = f"{near(text, known)} `ctk runs` lists those under {root}.".strip()
            raise UsageError(f"There is no run '{text}'.", help)
        raise UsageError(
            f"'{text}' fits {len(fitting)} runs.", "Give the folder: " + ", ".join(str(r.folder) for r in fitting)
        )

    # What the run is -----------------------------------------------------------------------------------------------

    @property
    def competition(self) -> str:
        """The competition's id."""
        return str(self.config()["competition"])

    def config(self) -> dict[str, Any]:
        """Read the resolved config, as plain values."""
        path = self.folder / "config.yaml"
        try:
            value = parse_yaml(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise CtkError(f"{path}: cannot be read.", "Was it edited? The run cannot be used.") from error
        if not isinstance(value, dict) or not {"competition", "preset"} <= value.keys():
            raise CtkError(f"{path}: is no run's config.", "Was it edited? The run cannot be used.")
        return value

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from going on with the run meanwhile. Raises UsageError if somebody is at it."""
        with (self.folder / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(f"{self.folder} is being run by another process.") from None
            yield

    def write_config(self, config: Mapping[str, Any], overrides: list[str], environment: Mapping[str, Any]) -> None:
        """Write what is to be done and where: config.yaml, overrides.txt, environment.json."""
        write_text(self.folder / "overrides.txt", "".join(f"{line}\n" for line in overrides))
        write_json(self.folder / "environment.json", environment)
        write_text(self.folder / "config.yaml", yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))

    def change_config(self, values: Mapping[str, Any], overrides: Sequence[str]) -> None:
        """Replace some of the config's keys, and note the overrides that did it; what the others say stays as it is."""
        text = yaml.safe_dump({**self.config(), **values}, sort_keys=False, allow_unicode=True)
        write_text(self.folder / "config.yaml", text)
        noted = self.folder / "overrides.txt"
        before = noted.read_text(encoding="utf-8") if noted.is_file() else ""
        write_text(noted, before + "".join(f"{line}\n" for line in overrides))

    # Where it stands -----------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Read ``{"state": ..., "started": ..., ...}``; a run whose process is gone without a word was killed."""
        try:
            state = dict(read_json(self.folder / "state.json"))
        except (OSError, ValueError, TypeError):
            return {"state": KILLED}
        if state.setdefault("state", KILLED) == RUNNING and not _alive(int(state["pid"]), float(state["boot"])):
            state["state"] = KILLED
        return state

    def set_state(self, state: str, **more: Any) -> None:
        """Write down the run's state."""
        old = self.state() if (self.folder / "state.json").exists() else {}
        started = old.get("started", time.time())
        known = {"state": state, "pid": os.getpid(), "boot": _process_start(os.getpid()), "started": started}
        write_json(self.folder / "state.json", {**old, **known, "changed": time.time(), **more})

    def scores(self) -> dict[str, Any]:
        """Read ``{"metric", "direction", "baselines", "members": {key: {name: number}}, "test"}``.

        Empty before the end.
        """
        try:
            return dict(read_json(self.folder / "scores.json"))
        except (FileNotFoundError, json.JSONDecodeError):
            return {}

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
        with (self.folder / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {line}\n")

    # The predictions store -----------------------------------------------------------------------------------------

    def part_folder(self, part: Part) -> Path:
        """Name a part's folder: ``members/<name>/seed-<s>/fold-<f>``."""
        return self.folder / "members" / part.member / f"seed-{part.seed}" / f"fold-{part.fold}"

    def checkpoints_folder(self, part: Part) -> Path:
        """Where a part's model saves what it has learned: ``checkpoints`` in the part's folder."""
        return self.part_folder(part) / "checkpoints"

    def is_fitted(self, part: Part, fingerprint: str) -> bool:
        """Whether the part's predictions lie here and were made from exactly this."""
        try:
            return bool(read_json(self.part_folder(part) / "fitted.json")["fingerprint"] == fingerprint)
        except (FileNotFoundError, json.JSONDecodeError, KeyError):
            return False

    def write_part(self, part: Part, fingerprint: str, oof: Predictions, test: Predictions, **facts: Any) -> None:
        """Store a part's predictions, ids and values apart so that both can be mapped into memory.

        ``fitted.json`` comes last and makes them count.
        """
        folder = self.part_folder(part)
        for kind, predictions in (("oof", oof), ("test", test)):
            for name, array in vars(predictions).items():
                with atomic(folder / kind / f"{name}.npy") as temporary, temporary.open("wb") as file:
                    np.save(file, array, allow_pickle=False)
        write_json(folder / "fitted.json", {"fingerprint": fingerprint, **facts})

    def facts(self, part: Part) -> dict[str, Any]:
        """Read what was written beside a part's predictions: scores, seconds, best epoch."""
        return dict(read_json(self.part_folder(part) / "fitted.json"))

    def predictions(self, part: Part, kind: str) -> Predictions:
        """Map a part's "oof" or "test" predictions into memory. Raises CtkError where they cannot be read."""
        folder = self.part_folder(part) / kind
        try:
            ids, values = (
                np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ("ids", "values")
            )
        except (OSError, ValueError, EOFError) as error:
            raise CtkError(
                f"{folder}: there are no predictions that can be read.", "Were they damaged? Fit the member anew."
            ) from error
        return Predictions(ids, values)

    def parts(self) -> list[Part]:
        """List the parts whose predictions are here, in the config's order of members and of their seeds."""
        found = []
        for path in sorted(self.folder.glob("members/*/seed-*/fold-*/fitted.json")):
            member, seed, fold = path.parts[-4:-1]
            found.append(Part(member, int(seed.removeprefix("seed-")), int(fold.removeprefix("fold-"))))
        config = self.config()
        seeds = [
            (member["name"], seed)
            for member in config.get("members", [])
            for seed in member.get("seeds") or config.get("seeds", ())
        ]
        place = {each: number for number, each in enumerate(seeds)}
        return sorted(found, key=lambda part: (place.get((part.member, part.seed), len(place)), part.seed, part.fold))


def runs_root() -> Path:
    """Return the folder where runs are kept: $CTK_RUNS, else ./runs."""
    return Path(os.environ.get("CTK_RUNS") or "runs")


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
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _process_start(pid) == started
