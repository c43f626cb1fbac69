"""The package of a table's competition: thin, for all that is general is in ``ctk_tables``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from ctk.contract import Draft
from ctk.files import dump_yaml
from ctk_tables import metrics
from ctk_tables.competition import DESCRIBED, FOUND, SAMPLE, WARNED
from ctk_tables.description import DescribedTable, TableDescription, Task
from ctk_tables.looks import Warning, dump_warnings
from ctk_tables.scaffold.configs import config_files
from ctk_tables.scaffold.options import TableOptions
from ctk_tables.scaffold.sample import sample_files
from ctk_tables.scaffold.table_text import table_text

FURTHER: Mapping[Task, tuple[str, ...]] = {
    "regression": ("rmse", "mae", "r2"),
    "binary": ("auc", "log_loss", "accuracy"),
    "classes": ("accuracy", "log_loss", "f1_macro"),
    "ordinal": ("quadratic_kappa", "accuracy", "mae"),
}
"""Numbers worth showing beside the deciding one."""
OF_LABELS: Mapping[Task, tuple[str, ...]] = {
    "binary": ("accuracy", "f1", "mcc"),
    "classes": ("accuracy", "f1_macro", "balanced_accuracy"),
    "ordinal": ("quadratic_kappa", "accuracy", "mae"),
}
"""The same where predictions are made labels before they are scored."""

LINE = 116
"""Characters of a line of YAML, at most."""


def draft(
    name: str, package: str, folder: Path, options: TableOptions, described: DescribedTable, warnings: list[Warning]
) -> Draft:
    """Draft the package of a competition about the files in a folder."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ctk_tables.scaffold"),
        autoescape=False,  # it is code, not HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    own = options.own_metric
    if own:
        own_name = described.description.model_copy(update={"metric": f"{name}-metric"})
        described = replace(described, description=own_name)
    description = described.description
    facts = {
        "name": name,
        "package": package,
        "title": name.replace("-", " ").capitalize(),
        "class_name": "".join(word.capitalize() for word in name.split("-")) + "Competition",
        "about": _about(description),
        "table": description,
        "own_metric": own[1] if own else None,
        "headline": headline(description, own[1] if own else None),
        "folder": _literal(str(folder.resolve())),
        "slug": options.download or "",
        "counts": described.counts,
    }

    def render(template: str) -> str:
        return environment.get_template(f"{template}.j2").render(facts)

    parts = [("data", "", "competition:Reader", "the files of this competition, as table.yaml says")]
    made: dict[str, str | bytes] = {
        f"{package}/competition.py": render("competition.py"),
        f"{package}/{DESCRIBED}": table_text(described),
        f"{package}/{WARNED}": dump_warnings(warnings),
        f"{package}/{FOUND}": dump_yaml([asdict(each) for each in described.findings], width=LINE),
        f"tests/test_{package}.py": render("test.py"),
    }
    for path, content in sample_files(folder, description).items():
        made[f"{package}/{SAMPLE}/{path}"] = content
    for path, text in config_files(description, described.counts.get("train", 0)).items():
        made[f"{package}/{path}"] = text
    if own:
        made[f"{package}/own_metric.py"] = Path(own[0]).read_text(encoding="utf-8")
        made[f"{package}/metric.py"] = render("metric.py")
        parts.append(("metrics", "-metric", "metric:METRIC", f"{own[1]}, of own_metric.py"))
    return Draft(
        description=f"A competition: {_about(description)}",
        thing=f"competition:{facts['class_name']}",
        about=_about(description),
        dependencies=("ctk-tables",),
        files=made,
        parts=parts,
        data=("*.yaml", "presets/*.yaml", "spaces/*.yaml", f"{SAMPLE}/**"),
        use=render("use.md"),
        change=render("change.md"),
    )


def headline(description: TableDescription, own: str | None) -> list[str]:
    """Name the numbers that tables show: the deciding one, then those usual for the task."""
    first = own or description.metric
    makes_labels = description.submits == "labels" and (own is not None or metrics.wants_labels(first))
    further = (OF_LABELS if makes_labels else FURTHER)[description.task]
    return [first, *(each for each in further if each != first)]


def _about(description: TableDescription) -> str:
    """One line: what is predicted of what."""
    what = {"regression": "the number", "binary": "yes or no", "classes": "the class", "ordinal": "the grade"}
    targets = ", ".join(description.targets[:3]) + (" and more" if len(description.targets) > 3 else "")
    return f"{what[description.task]} '{targets}' of each row of a table".replace('"', "'").replace("\n", " ")


def _literal(text: str) -> str:
    """A string as Python source, in double quotes as formatters have it."""
    import json

    return json.dumps(text, ensure_ascii=False)
