"""Setting a page: a template of this folder, with the style sheet that all pages share."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def rendered(template: str, **values: Any) -> str:
    """The template's text with these values, escaped where they are no Markup; ``style`` is the style sheet."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("ctk.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = Markup((Path(__file__).parent / "page.css").read_text(encoding="utf-8"))
    return environment.get_template(template).render(style=style, **values)
