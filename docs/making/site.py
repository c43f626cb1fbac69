"""What mkdocs does beside reading docs/: pages that are READMEs of this repository, and formulas as MathML."""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import normpath, relpath
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]

READMES = {
    "plugins/aml-retrieval.md": "competitions/aml_retrieval/README.md",
    "plugins/leap-climsim.md": "competitions/leap_climsim/README.md",
    "plugins/open-clip.md": "plugins/open_clip/README.md",
    "ops/kernels/index.md": "csrc/README.md",
    "ops/kernels/bench.md": "bench/README.md",
    **{
        f"ops/kernels/{name}.md": f"csrc/{name}/README.md"
        for name in ("blend", "climb", "common", "info_nce", "numbers", "ranks", "slopes")
    },
}
"""Pages, and the files of the repository that they are."""

PAGES = {path: page for page, path in READMES.items()} | {"README.md": "index.md"}
LINK = re.compile(r"(?<!!)\[(?P<label>[^\]]+)\]\((?!https?:|#|mailto:)(?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fences of ``math`` become formulas."""
    fences = config.mdx_configs.setdefault("pymdownx.superfences", {}).setdefault("custom_fences", [])
    fences.append({"name": "math", "class": "formula", "format": formula})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the READMEs, links between them made links between pages; others keep their words only."""
    for page, path in READMES.items():
        files.append(File.generated(config, page, content=_linked(page, path)))
    return files


def formula(source: str, *_: Any, **__: Any) -> str:
    """LaTeX as MathML, which browsers draw themselves; lines apart by a blank one are formulas of their own."""
    return "".join(f'<div class="formula">{convert(part, display="block")}</div>' for part in source.split("\n\n"))


def _linked(page: str, path: str) -> str:
    here = Path(path).parent.as_posix()

    def link(found: re.Match[str]) -> str:
        target = normpath(f"{here}/{found['target']}")
        to = PAGES.get(target) or PAGES.get(f"{target}/README.md")
        if to is None:
            return found["label"]
        return f"[{found['label']}]({relpath(to, Path(page).parent.as_posix())})"

    return LINK.sub(link, (ROOT / path).read_text(encoding="utf-8"))
