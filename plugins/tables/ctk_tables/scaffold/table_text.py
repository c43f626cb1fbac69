"""``table.yaml``: a description as a competitor reads and edits it, each guess with its reason in words."""

from __future__ import annotations

import textwrap

from ctk.files import dump_yaml
from ctk_tables.description import DescribedTable, Finding, TableDescription

HEAD = """\
# What is known of the table. Every line was found in the files and can be changed here; the next run goes by it.
# What could well be otherwise is marked "unsure".
"""
WIDTH = 116


def table_text(described: DescribedTable) -> str:
    """Write a description as YAML: keys under comments that say why they are so, columns with it in their line."""
    found = {finding.key: finding for finding in described.findings}
    values = described.description.model_dump(mode="json", exclude_defaults=True)
    whole = described.description.model_dump(mode="json")
    values |= {key: whole[key] for key in whole if key in ("train", "test", "sample") or key in found}
    parts = [HEAD]
    for key in TableDescription.model_fields:
        if key in values and key != "columns":
            parts += ["\n", *_comment(found.get(key), ""), _yaml({key: values[key]})]
    parts.append("\n# Columns to learn from. Kinds: number, boolean, category, date, text, picture, left-out.\n")
    parts.append("columns:\n")
    for name, column in values["columns"].items():
        finding = found.get(f"columns.{name}")
        comment = [] if finding is None or finding.sure else _comment(finding, "  ")
        parts += [*comment, textwrap.indent(_yaml({name: column}), "  ")]
    return "".join(parts)


def _comment(finding: Finding | None, indent: str) -> list[str]:
    if finding is None:
        return []
    told = f"{'' if finding.sure else 'unsure: '}{finding.why}"
    return [f"{indent}# {line}\n" for line in textwrap.wrap(" ".join(told.split()), WIDTH)]


def _yaml(value: dict[str, object]) -> str:
    """A key and what belongs to it on one line; a key that is too long for that has several."""
    line = dump_yaml(value, default_flow_style=True, width=1 << 20).strip()
    return dump_yaml(value) if line.startswith("{?") else f"{line[1:-1]}\n"
