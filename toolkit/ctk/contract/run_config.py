"""The typed config of a run; every key is a field here, or an option of the component it stands beside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from ctk.contract.blender import find_members
from ctk.contract.fit_limit import Duration
from ctk.contract.row_bins import RowBins, choose_bins
from ctk.contract.schema import Choice, Strict

if TYPE_CHECKING:
    pass


def _as_list(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


def _as_list_or_none(value: Any) -> Any:
    return None if value is None else _as_list(value)


Seed = Annotated[int, Field(ge=0, lt=2**31)]


def _each_once(seeds: tuple[int, ...]) -> tuple[int, ...]:
    for place, seed in enumerate(seeds):
        if seed in seeds[:place]:
            raise ValueError(f"{seed} stands there twice, and would be fitted once")
    return seeds


Seeds = Annotated[tuple[Seed, ...], BeforeValidator(_as_list), AfterValidator(_each_once), Field(min_length=1)]


Scheme = Literal["kfold", "stratified", "group", "stratified-group", "time"]

BY_ROW: Mapping[str, Scheme] = {"kfold": "group", "stratified": "stratified-group"}
"""Schemes that draw rows one by one, and those that do the same with whole groups."""


class Split(Strict):
    """The split of training samples. ``folds`` blocks of whole groups; the first ``use`` of them are validated on.

    ``folds: 10, use: 1`` is a single hold-out of a tenth; ``folds: 5, use: 5`` is cross-validation. ``predefined``
    names a group whose numbers are the folds, where -1 is always trained on (as in scikit-learn's PredefinedSplit).
    ``scheme: time`` cuts blocks in the order of time, and uses the last of them.
    """

    scheme: Scheme | None = Field(
        None,
        description="how folds are drawn; none: predefined where that is named, else group where by is, else kfold",
    )
    by: str | None = Field(
        None, description="group that stays on one side; for time, the one whose numbers are the times"
    )
    predefined: str | None = Field(None, description="group whose numbers are the folds, instead of drawing them")
    folds: int = Field(10, ge=2, description="blocks of groups")
    use: int = Field(1, ge=1, description="how many of them are validated on, one after another")
    seed: int = Field(0, description="of the permutation of groups")
    stratify: str | None = Field(
        None,
        description="stratified, stratified-group: group whose shares are alike in every fold; none is the target",
    )
    chain: bool = Field(
        True, description="time: train on what is earlier alone; false: on what is later too, and validate every row"
    )
    gap: int = Field(0, ge=0, description="time: units of time next to what is validated that are not trained on")

    @property
    def drawn_by(self) -> Scheme | Literal["predefined"]:
        """The scheme in force."""
        if self.predefined is not None:
            return "predefined"
        return self.scheme or ("kfold" if self.by is None else "group")


class Execution(Choice):
    """The executor that members are fitted by.

    Zero means: as many as the machine has, shared out. Further keys are the executor's.
    """

    name: str = Field("local", description="a registered executor")
    workers: int = Field(0, ge=0, strict=True, description="members fitted side by side")
    threads: int = Field(
        0, ge=0, strict=True, description="torch threads of each; 0: its part of the cores, at most $OMP_NUM_THREADS"
    )


class FilterChoice(Choice):
    """A filter with its options. Members name it by what it is registered as; a second of that name is NAME-2."""

    member: str | None = Field(
        None, description="fitted member that it asks instead of fitting a baseline: NAME or NAME/seed-SEED"
    )
    run: str | None = Field(None, description="finished run that this member is of; none is the run itself")
    write: Annotated[tuple[Literal["kept", "dropped"], ...], BeforeValidator(_as_list)] = Field(
        (), description="of kept and dropped, what is written as data of the competition into the filter's folder"
    )


class FeatureChoice(Choice):
    """An extractor with its options. Each column that it makes is a feature NAME/COLUMN."""

    of: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(
        (), description="other extracted features that it is given beside the data's own"
    )


class BlendChoice(Choice):
    """A blender with its options, and what it blends."""

    members: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(
        (),
        description="what is blended, NAME or NAME/seed-SEED each; none named: all members but those of blend: false",
    )
    by: str | None = Field(None, description="group of the samples whose numbers say which bin's weights a row has")
    bins: tuple[tuple[int, int], ...] = Field(
        (), description="lowest and highest number of each bin, such as [[1, 2], [3, 6]]; each has weights of its own"
    )

    def row_bins(self, where: str = "blend") -> RowBins | None:
        """Return the bins of rows that have weights of their own; None for none. Raises UsageError for odd ones."""
        return choose_bins(self.by, self.bins, where)


class UsedMember(Strict):
    """A member of another run, which must have been split as the run is that uses it."""

    member: str = Field(description="its name")
    run: str = Field(description="finished run that it is of")


class PseudoLabels(Strict):
    """A second round: test samples that members of a first round are surest of are learned from too.

    In a fold only that fold's own models are asked, so that nothing is learned from the targets of its validation rows.
    Lee 2013, "Pseudo-label: the simple and efficient semi-supervised learning method for deep neural networks".
    """

    of: Annotated[tuple[str | UsedMember, ...], BeforeValidator(_as_list), Field(min_length=1)] = Field(
        description="members of the first round, asked with all their seeds; of another run: {member: NAME, run: RUN}"
    )
    share: float = Field(0.5, gt=0, le=1, description="of the test samples, those with the most confidence first")
    confidence: Literal["agreement", "probability"] | None = Field(
        None,
        description="agreement: little spread over two predictions or more; probability: a high one of the likeliest "
        "class; none: probability where the metric is of probabilities or classes, else agreement",
    )
    soft: bool = Field(
        False, description="probability: learn from the mean probabilities, instead of the likeliest class"
    )


Deviation = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Member(Strict):
    """One configured model, trained once per seed and fold. Further keys belong to the model's own training schema."""

    name: str = Field(description="unique in the run; the model's name by default")
    model: Choice = Field(description="a registered model, with its options")
    seeds: Seeds | None = Field(None, description="instead of the run's seeds")
    features: Annotated[tuple[str, ...] | None, BeforeValidator(_as_list_or_none)] = Field(
        None, description="extracted features of the run that it is handed; none: all of them"
    )
    uses: tuple[str | UsedMember, ...] = Field(
        (),
        description="members whose out-of-fold predictions it takes as features oof/NAME/seed-SEED; of another run: "
        "{member: NAME, run: RUN}",
    )
    noise: Deviation | dict[str, Deviation] = Field(
        0.0,
        description="standard deviation, in the target's units, of what is added to these features of training rows; "
        "or one for each column of the target, by names or patterns",
    )
    pseudo_labels: PseudoLabels | None = Field(
        None, description="test samples that it learns from besides, with what other members predict for them"
    )
    filters: Annotated[tuple[str, ...] | None, BeforeValidator(_as_list_or_none)] = Field(
        None, description="filters of the run that it learns without the drop of; none: all of them, one after another"
    )
    blend: bool = Field(True, description="false for a baseline that is only shown")
    training: Any = Field(None, description="the model's training keys; written beside the others in a config")

    @property
    def uses_names(self) -> tuple[str, ...]:
        """Names of all members that it uses, of whatever run."""
        return tuple(used if isinstance(used, str) else used.member for used in self.uses)

    @property
    def asks(self) -> tuple[str | UsedMember, ...]:
        """All members that are fitted before it: those that it uses, and those that its pseudo-labels are of."""
        return (*self.uses, *(self.pseudo_labels.of if self.pseudo_labels else ()))

    @property
    def asks_here(self) -> tuple[str, ...]:
        """Names of the members of its own run that it asks."""
        return tuple(asked for asked in self.asks if isinstance(asked, str))

    def with_runs(self, to: Callable[[UsedMember], str]) -> Member:
        """Return a copy whose folders of other runs are mapped by ``to``."""

        def mapped(members: Iterable[str | UsedMember]) -> tuple[str | UsedMember, ...]:
            return tuple(
                each if isinstance(each, str) else each.model_copy(update={"run": to(each)}) for each in members
            )

        labels = self.pseudo_labels
        return self.model_copy(
            update={
                "uses": mapped(self.uses),
                "pseudo_labels": labels and labels.model_copy(update={"of": mapped(labels.of)}),
            }
        )


class RunConfig(Strict):
    """The config of a whole run."""

    competition: str = Field(description="a registered competition")
    preset: str = Field(description="the preset this config grew from")
    data_dir: str | None = Field(None, description="folder of the data; none is the embedded default data")
    data: Choice = Field(description="a registered data reader; the competition's own by default")
    filters: tuple[FilterChoice, ...] = Field((), description="what drops training samples, one after another")
    features: dict[str, FeatureChoice] = Field(
        {}, description="features by name that extractors make of the data, once for all members that are handed them"
    )
    split: Split = Field(Split(), description="which samples are validated on")
    members: tuple[Member, ...] = Field(min_length=1, description="the models that are fitted")
    seeds: Seeds = Field((1,), description="each member is fitted once with each")
    blend: BlendChoice = Field(
        BlendChoice(name="mean"), description="what finds the members' weights; or the name of one of blends"
    )
    blends: dict[str, BlendChoice] = Field(
        {}, description="further blends by name, each with a submission of its own in blends/NAME"
    )
    metric: str | None = Field(
        None, description="a registered metric that decides instead of the competition's, such as auc"
    )
    postprocess: bool | dict[str, Any] = Field(
        True, description="whether the competition mends predictions, or its options of how"
    )
    submission: str | dict[str, Any] | None = Field(
        None,
        description="suffix of the submission's file, or the competition's options of what is handed in; none is the "
        "competition's usual",
    )
    checkpoints: str | None = Field(None, description="folder of a run whose members and blend predict, without a fit")
    executor: Execution = Field(Execution(), description="where members are fitted")
    trackers: Annotated[tuple[Choice, ...], BeforeValidator(_as_list)] = Field(
        (Choice(name="tensorboard"), Choice(name="csv")), description="who is told of losses and scores"
    )
    device: Literal["auto", "cpu", "gpu"] = Field("auto", description="auto: a GPU where there is one")
    time_limit: Duration | None = Field(
        None,
        description="how long the run may take from its start, or from where it is gone on with, to its submission, "
        "such as 10m or 1h30m: fits end early or are left out; none is no limit",
    )

    def submission_name(self, formats: Sequence[str]) -> str:
        """Return the name of the submission's file, for a competition of such formats."""
        return f"submission.{self.submission if isinstance(self.submission, str) else formats[0]}"

    def seeds_of(self, member: Member) -> tuple[int, ...]:
        """Return the seeds that a member is trained with."""
        return member.seeds or self.seeds

    def keys_of(self, names: Iterable[str], where: str = "") -> list[str]:
        """List the keys (NAME/seed-SEED) that names stand for (see ``find_members``), in the config's order."""
        every = [f"{member.name}/seed-{seed}" for member in self.members for seed in self.seeds_of(member)]
        found = {key for name in names for key in find_members(name, every, where)}
        return [key for key in every if key in found]

    @property
    def filter_names(self) -> list[str]:
        """What members call the filters, in their order."""
        names: list[str] = []
        for choice in self.filters:
            plain = name = choice.name.rpartition(":")[2]
            number = 2
            while name in names:
                name, number = f"{plain}-{number}", number + 1
            names.append(name)
        return names

    def filters_of(self, member: Member) -> tuple[int, ...]:
        """Return the numbers of the filters, from 0, whose set a member learns from."""
        return tuple(
            number for number, name in enumerate(self.filter_names) if member.filters is None or name in member.filters
        )

    def features_of(self, *members: Member) -> list[str]:
        """List the extracted features that members are handed and those that these are made of, made before theirs."""
        found: list[str] = []

        def add(name: str) -> None:
            for other in self.features[name].of:
                add(other)
            if name not in found:
                found.append(name)

        for member in members:
            for name in self.handed_to(member):
                add(name)
        return found

    def handed_to(self, member: Member) -> tuple[str, ...]:
        """Return the names of the extracted features that a member is handed."""
        return tuple(self.features) if member.features is None else member.features

    def plain(self) -> dict[str, Any]:
        """Return the config as plain values, with each member's training keys beside its others; what YAML shows."""
        plain = self.model_dump(mode="json")
        for member, own in zip(plain["members"], self.members, strict=True):
            training = member.pop("training")
            member.update(
                own.training.model_dump(mode="json") if isinstance(own.training, BaseModel) else training or {}
            )
        return plain
