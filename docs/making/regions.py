"""Parts of hand-written pages that are made from the code and from the tables of results.

Between ``<!-- signature: ctk.ops.info_nce -->`` and ``<!-- end -->`` stands a function with what its docstring says;
between ``<!-- bench: info-nce, B=8,192 D=768 -->`` and ``<!-- end -->`` a case of a table in bench/results.
"""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Callable
from pathlib import Path

from making import code
from making.docstrings import markdown

RESULTS = Path(__file__).parents[2] / "bench" / "results"
REGION = re.compile(r"(<!-- (?P<kind>\w+): (?P<what>.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def fill(page: str) -> str:
    """A page with its regions made anew. Raises LookupError for what is not there."""
    return REGION.sub(lambda found: f"{found[1]}\n{MAKERS[found['kind']](found['what'])}\n\n{found[4]}", page)


def signature(dotted: str) -> str:
    """A function: how it is called, then its docstring. A class: its docstring, and its methods."""
    source, node = code.find(dotted)
    if isinstance(node, ast.ClassDef):
        parts = [markdown(ast.get_docstring(node))]
        for each in node.body:
            if isinstance(each, ast.FunctionDef) and not each.name.startswith("_"):
                shown = source.signature(each)
                parts += [f"```python\n{shown}\n```", markdown(ast.get_docstring(each))]
        return "\n\n".join(parts)
    return f"```python\n{source.signature(node)}\n```\n\n{markdown(ast.get_docstring(node))}"


def bench(what: str) -> str:
    """The rows of one case: who, median time, by the floor's, memory, score."""
    table, _, case = what.partition(", ")
    with (RESULTS / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["case"] == case and row["device"] == "cpu"]
    if not rows:
        raise LookupError(f"bench/results/{table}.csv has no case {case!r}")
    rows.sort(key=lambda row: (ORDER[row["role"]], float(row["p50_ms"] or "inf")))
    columns: dict[str, Callable[[dict[str, str]], str]] = {
        "ms": lambda row: _short(row["p50_ms"]),
        "÷ floor": lambda row: f"{float(row['ratio']):,.2f}" if row["ratio"] else "",
        "extra MB": lambda row: _short(row["extra_mb"]),
        "score": lambda row: f"{float(row['score']):.5f}" if row["score"] else "",
        "wrong ranks": lambda row: f"{float(row['error']):,.0f}" if row["error"] and table == "ranks" else "",
    }
    used = {name: show for name, show in columns.items() if any(show(row) for row in rows)}
    lines = [f"| {case} | {' | '.join(used)} |", f"|---|{'--:|' * len(used)}"]
    for row in rows:
        name = row["contestant"] + (f" ({row['note']})" if row["note"] else "")
        cells = [show(row) for show in used.values()]
        if row["role"] == "ctk":
            name, cells = f"**{name}**", [f"**{each}**" if each else "" for each in cells]
        elif row["role"] == "floor":
            name = f"*the floor: {name}*"
        lines.append(f"| {name} | {' | '.join(cells)} |")
    first = rows[0]
    facts = [first["cpu"] or first["gpu"], f"torch {first['torch'].split('+')[0]}", first["date"][:10]]
    if len({row["threads"] for row in rows}) == 1 and first["threads"]:
        facts.insert(1, f"{first['threads']} thread{'s' if first['threads'] != '1' else ''}")
    lines += ["", f"<small>{', '.join(facts)}</small>"]
    return "\n".join(lines)


ORDER = {"floor": 0, "ctk": 1, "peer": 2}
MAKERS = {"signature": signature, "bench": bench}


def _short(value: str) -> str:
    if not value:
        return ""
    number = float(value)
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
