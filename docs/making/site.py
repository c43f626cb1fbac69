"""What mkdocs does beside reading docs/: pages that are READMEs of this repository, and formulas as MathML."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from posixpath import normpath, relpath
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from stacked_tables import StackedTables  # mkdocs puts a hook's own folder on the path

ROOT = Path(__file__).parents[2]

PROJECTS = {
    kind: sorted(path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob(f"{kind}/*/README.md"))
    for kind in ("competitions", "plugins")
}
"""Folders of the distributions beside the toolkit."""


def _name(project: str) -> str:
    return Path(project).name.replace("_", "-")


READMES = {
    **{f"plugins/{_name(project)}.md": f"{project}/README.md" for kind in PROJECTS for project in PROJECTS[kind]},
    "ops/kernels/index.md": "csrc/README.md",
    "ops/kernels/bench.md": "bench/README.md",
    **{
        f"ops/kernels/{path.parent.name}.md": path.relative_to(ROOT).as_posix()
        for path in sorted(ROOT.glob("csrc/*/README.md"))
    },
}
"""Pages, and the files of the repository that they are."""

PAGES = {path: page for page, path in READMES.items()} | {"README.md": "index.md"}
PLUGINS = "First-party plugins"
"""The section of the navigation that is filled in here."""
LINK = re.compile(r"(?<!!)\[(?P<label>[^\]]+)\]\((?!https?:|#|mailto:)(?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fences of ``math`` become formulas."""
    fences = config.mdx_configs.setdefault("pymdownx.superfences", {}).setdefault("custom_fences", [])
    fences.append({"name": "math", "class": "formula", "format": formula})
    config.markdown_extensions.append(StackedTables())  # type: ignore[arg-type]  # markdown takes it as it takes a name
    section = next(entry for entry in config.nav or [] if PLUGINS in entry)[PLUGINS]
    for kind, title in (("competitions", "Competitions"), ("plugins", "Components")):
        section.append({title: [{_name(project): f"plugins/{_name(project)}.md"} for project in PROJECTS[kind]]})
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:
    """A comment ``<!-- projects: plugins -->`` becomes a list of them, each with what its pyproject.toml says it is."""
    return re.sub(r"<!-- projects: (\w+) -->", lambda found: _listed(found[1]), markdown)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the READMEs, links between them made links between pages; others keep their words only."""
    for page, path in READMES.items():
        files.append(File.generated(config, page, content=_linked(page, path)))
    return files


def formula(source: str, *_: Any, **__: Any) -> str:
    """LaTeX as MathML, which browsers draw themselves; lines apart by a blank one are formulas of their own."""
    return "".join(f'<div class="formula">{convert(part, display="block")}</div>' for part in source.split("\n\n"))


def _listed(kind: str) -> str:
    rows = []
    for project in PROJECTS[kind]:
        about = tomllib.loads((ROOT / project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        rows.append(f"| [`{about['name']}`]({_name(project)}.md) | {about['description']} |")
    return "\n".join(["| | |", "|---|---|", *rows])


def _linked(page: str, path: str) -> str:
    here = Path(path).parent.as_posix()

    def link(found: re.Match[str]) -> str:
        target = normpath(f"{here}/{found['target']}")
        to = PAGES.get(target) or PAGES.get(f"{target}/README.md")
        if target.startswith("docs/") and target.endswith(".md"):
            to = target.removeprefix("docs/")
        if to is None:
            return found["label"]
        return f"[{found['label']}]({relpath(to, Path(page).parent.as_posix())})"

    return LINK.sub(link, (ROOT / path).read_text(encoding="utf-8"))
