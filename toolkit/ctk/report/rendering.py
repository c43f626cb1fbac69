"""Setting a page: a template with the style sheet that all pages share, and what all of them show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Fact:
    """One of the big numbers: what it is, the number, whose."""

    label: str
    value: str
    whose: str
    main: bool = False


def render_template(template: str, package: str = "ctk.report", **values: Any) -> str:
    """The text of a package's template with these values, escaped where they are no Markup.

    A template extends ``base.html.j2``, which has the style sheet.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, "."), PackageLoader("ctk.report", ".")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = Markup((Path(__file__).parent / "page.css").read_text(encoding="utf-8"))
    return environment.get_template(template).render(style=style, **values)
