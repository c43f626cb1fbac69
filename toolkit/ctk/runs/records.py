"""What the files of a run's folder hold, as pydantic checks it when they are read back: a stranger may have sent them.

Keys that are not named here are let through: a later version may know them. Those with a default may be missing.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Numbers = dict[str, float]
"""Scores by name; some may be NaN."""
Scores = dict[str, float | None]
"""Scores by name; null is another's word for NaN."""
YEAR_9999 = 253_370_764_800
"""In seconds since 1970: what Python can name as a date."""


class StateFile(BaseModel):
    """``state.json``: where a run stands, by which process, since when (seconds since 1970)."""

    state: Literal["running", "finished", "failed", "interrupted", "killed", "pruned"]
    pid: int = Field(1, ge=1, lt=2**31)
    boot: float = 0.0
    started: float = Field(0.0, ge=0, lt=YEAR_9999)
    changed: float = Field(0.0, ge=0, lt=YEAR_9999)
    dry_run: bool = False
    problem: str = ""
    ended_for_memory: int | None = None


class FurtherScores(BaseModel):
    """The scores of one of a run's further blends."""

    validation: Scores
    test: Scores = {}


class RawScores(BaseModel):
    """Scores, by member key and "blend", of predictions that nothing has mended."""

    validation: dict[str, Scores]
    test: dict[str, Scores] = {}


class ScoresFile(BaseModel):
    """``scores.json``: the scores of each member, of the blend, and of the test where that is public."""

    members: dict[str, Scores]
    metric: str = ""
    direction: Literal["max", "min"] = "max"
    headline: list[str] = []
    baselines: list[str] = []
    test: Scores = {}
    raw: RawScores = RawScores(validation={})
    blends: dict[str, FurtherScores] = {}


class ConfigChoice(BaseModel):
    """A component with its options beside the name."""

    name: str


class ConfigMember(ConfigChoice):
    """A member of a config."""

    uses: list[str | dict[str, str]] = []
    blend: bool = True
    seeds: list[int] | None = None


class ConfigExecutor(ConfigChoice):
    """The executor of a config."""

    threads: int = 0


class ConfigFile(BaseModel):
    """``config.yaml``, as far as it is read before it is resolved; of a blend it has no members, but sources.

    Of these are ``runs``, folders by what their members' keys begin with; the members that were chosen by name; and
    whether each run is one member as a ``whole``.
    """

    competition: str
    preset: str
    data_dir: str | None = None
    data: ConfigChoice = ConfigChoice(name="")
    filters: list[ConfigChoice] = []
    split: dict[str, Any] = {}
    members: list[ConfigMember] = []
    seeds: list[int] = [1]
    blend: ConfigChoice = ConfigChoice(name="mean")
    blends: dict[str, ConfigChoice] = {}
    checkpoints: str | None = None
    executor: ConfigExecutor = ConfigExecutor(name="local")
    trackers: list[ConfigChoice] = []
    sources: list[str] = []
    runs: dict[str, str] = {}
    chosen: list[str] = []
    whole: bool = False
    postprocess: bool | dict[str, Any] = True


class PlanFile(BaseModel):
    """``plan.json`` of an ablation: its configs and what each changes, by variant."""

    seeds: list[int]
    overrides: dict[str, list[str]]
    configs: dict[str, dict[str, Any]]
    executor: ConfigExecutor


class BlendPart(BaseModel):
    """The weights of a blend, or of a bin of rows: by member key, and how they were found."""

    model_config = ConfigDict(extra="forbid")
    weights: dict[str, float]
    normalise: bool = False
    score: float | None = None
    trace: list[dict[str, Any]] = []
    column_groups: list[str] = []
    group_of_column: list[int] = []
    by_group: dict[str, list[float]] = {}
    by: str | None = None
    bins: list[Annotated[list[int], Field(min_length=2, max_length=2)]] = []
    parts: list[BlendPart] = []
    how: Literal["sum", "vote"] = "sum"


class BlendFile(BlendPart):
    """``blend.json``: the blend, the blender's name, and what the postprocessing was fitted to."""

    blender: str
    postprocess: dict[str, Any] = {}


class DataFile(BaseModel):
    """``data.json``: which data a run was made from, and by which code of its reader."""

    fingerprint: str
    code: str | None = None


class ProgressFile(BaseModel):
    """``progress.json``: how far a fit is, and the lines that it told."""

    model_config = ConfigDict(extra="forbid")
    done: int
    total: int
    scores: Numbers
    told: list[str] = []


class PseudoLabelFacts(BaseModel):
    """What test samples a part learned from besides: how many, of how many, by how many predictions and how sure."""

    rows: int
    of: int
    predictions: int
    confidence: Literal["agreement", "probability"]
    mean: float
    last: float


class TimedFacts(BaseModel):
    """What became of a fit of a run with a time limit.

    cut      whether the limit cut it short, or members that it asks, whose names ``asked`` has
    share    of its way that it came
    storing  seconds that its predictions took
    """

    cut: bool
    share: float = 1.0
    asked: list[str] = []
    storing: float = 0.0


class FittedFile(BaseModel):
    """``fitted.json``: what was found out while a part was fitted."""

    fingerprint: str
    scores: Numbers
    seconds: float
    curve: list[Numbers]
    postprocess: dict[str, Any]
    size: int | None = None
    importances: Numbers | None = None
    pseudo_labels: PseudoLabelFacts | None = None
    timed: TimedFacts | None = None
