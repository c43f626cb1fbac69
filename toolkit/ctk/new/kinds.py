"""What can be made: for each kind, the files and what of them is its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ctk.contract import Draft


@dataclass(frozen=True)
class Kind:
    """One kind of package.

    name          as on the command line
    hook          the hook that registers it is ``ctk_register_<hook>``
    thing         "module:attribute" in the package
    about         its one line in ``ctk list`` and ``ctk plugins``
    description   the package's
    dependencies  beside the toolkit: what the package imports itself
    files         modules of the package and other files in it, by template
    parts         what else it registers, under names of its own: hook, what is added to the name, thing, about
    data          patterns of files in the package that are no modules
    use, change   Markdown of the README, of a kind that has no template of it
    """

    name: str
    hook: str
    thing: str
    about: str
    description: str
    dependencies: tuple[str, ...]
    files: Mapping[str, str]
    parts: tuple[tuple[str, str, str, str], ...] = ()
    data: tuple[str, ...] = ()
    use: str = ""
    change: str = ""


PACKAGE = {
    "pyproject.toml": "package/pyproject.toml.j2",
    "LICENSE": "package/LICENSE.j2",
    ".gitignore": "package/gitignore.j2",
    ".github/workflows/test.yml": "package/test.yml.j2",
}
"""Files that every package has, by template; its README, test and modules are the kind's."""

_COMPONENTS = (
    Kind(
        "loss",
        "losses",
        "loss:Huber",
        "half the squared error up to delta, linear beyond",
        "A loss that outliers pull at less",
        ("torch>=2.11", "pydantic>=2"),
        {"loss.py": "components/loss.py.j2"},
    ),
    Kind(
        "transform",
        "transforms",
        "transform:LeaveOut",
        "some numbers of training rows set to 0",
        "A transform of training batches that leaves numbers out",
        ("torch>=2.11", "pydantic>=2"),
        {"transform.py": "components/transform.py.j2"},
    ),
    Kind(
        "view",
        "views",
        "view:Noises",
        "rows with a little noise, the same for all of them",
        "A view of predicted rows through noise",
        ("torch>=2.11", "pydantic>=2"),
        {"view.py": "components/view.py.j2"},
    ),
    Kind(
        "model",
        "models",
        "network:MLP",
        "one hidden layer on all features side by side",
        "A small network on whatever numbers the samples have, and a model that is none: nearest neighbours",
        ("torch>=2.11", "numpy", "pydantic>=2", "scikit-learn"),
        {"network.py": "components/network.py.j2", "neighbours.py": "components/neighbours.py.j2"},
        (("models", "-neighbours", "neighbours:Neighbours", "mean target of the nearest samples, by scikit-learn"),),
    ),
    Kind(
        "data",
        "data",
        "reader:CSVReader",
        "train.csv and test.csv, a column a number",
        "A reader of CSV tables that says what is wrong with one",
        ("numpy", "pandas"),
        {"reader.py": "components/reader.py.j2", "table.py": "components/table.py.j2"},
    ),
    Kind(
        "blender",
        "blenders",
        "blender:MeanOfBest",
        "the plain mean of the best members by the metric",
        "A blend that only decides who takes part",
        ("pydantic>=2",),
        {"blender.py": "components/blender.py.j2"},
    ),
    Kind(
        "metric",
        "metrics",
        "metric:METRIC",
        "mean absolute error over rows and columns",
        "A metric that forgives outliers",
        ("numpy",),
        {"metric.py": "components/metric.py.j2"},
    ),
    Kind(
        "filter",
        "filters",
        "filter:Outliers",
        "drop the samples with the largest deviation in any column",
        "A filter of training samples with a number far from all others",
        ("numpy",),
        {"filter.py": "components/filter.py.j2"},
    ),
    Kind(
        "extractor",
        "extractors",
        "extractor:Clusters",
        "distances from the centres of clusters of training rows",
        "An extractor that learns clusters, and tells where among them a row is",
        ("numpy", "pydantic>=2", "scikit-learn"),
        {"extractor.py": "components/extractor.py.j2"},
    ),
    Kind(
        "executor",
        "executors",
        "executor:forkserver",
        "worker processes that start with torch imported",
        "An executor whose workers start at once",
        ("torch>=2.11",),
        {"executor.py": "components/executor.py.j2"},
    ),
    Kind(
        "tracker",
        "trackers",
        "tracker:json_lines",
        "one JSON object a line, in the stage's folder",
        "A tracker that needs nothing",
        ("lightning>=2.6",),
        {"tracker.py": "components/tracker.py.j2"},
    ),
)

COMPONENTS = {kind.name: kind for kind in _COMPONENTS}

COMPETITION = Kind(
    "competition",
    "competitions",
    "competition:TableOfNumbers",
    "a number for each row of a table, on a stand-in until it has its own data",
    "A small, complete competition: predict a number for each row of a table of numbers",
    ("numpy", "pandas", "pydantic>=2", "scikit-learn", "torch>=2.11"),
    {
        "competition.py": "competition/competition.py.j2",
        "default_data.py": "competition/default_data.py.j2",
        "reader.py": "components/reader.py.j2",
        "table.py": "components/table.py.j2",
        "metric.py": "competition/metric.py.j2",
        "network.py": "components/network.py.j2",
        "loss.py": "components/loss.py.j2",
        "submission.py": "competition/submission.py.j2",
        "presets/quick.yaml": "competition/quick.yaml.j2",
    },
    (
        ("data", "-csv", "reader:CSVReader", "train.csv and test.csv, a column a number"),
        ("metrics", "-metric", "metric:METRIC", "root mean squared error"),
        ("models", "-mlp", "network:MLP", "one hidden layer on all features side by side"),
        ("losses", "-huber", "loss:Huber", "half the squared error up to delta, linear beyond"),
    ),
    ("presets/*.yaml",),
)


def drafted(draft: Draft) -> Kind:
    """Make the kind of a competition's package that a scaffold drafted, without the files that it has made."""
    return Kind(
        COMPETITION.name,
        COMPETITION.hook,
        draft.thing,
        draft.about,
        draft.description,
        tuple(draft.dependencies),
        {},
        tuple(draft.parts),
        tuple(draft.data),
        draft.use,
        draft.change,
    )


KINDS = {COMPETITION.name: COMPETITION, **COMPONENTS}
