"""An option's or argument's value that is one of some words."""

from __future__ import annotations

from typing import Any

import click


class OneOf(click.Choice):  # type: ignore[type-arg]  # generic from click 8.2 on
    """One of some words; the nearest is named for one that is not."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As click does, with the nearest."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            from ctk.errors import near

            help = near(str(value), [str(each) for each in self.choices])
            raise click.BadParameter(f"{error.message} {help}".rstrip(), ctx, param) from None
