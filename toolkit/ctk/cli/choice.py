"""A value that is one of some words."""

from __future__ import annotations

from typing import Any

import click

from ctk.errors import near


class OneOf(click.Choice):  # type: ignore[type-arg]  # generic from click 8.2 on
    """Like ``click.Choice``, but suggests the nearest choice on error."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the choice that was meant. Raises click.BadParameter, with the nearest choice."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            help = near(str(value), [str(each) for each in self.choices])
            raise click.BadParameter(f"{error.message} {help}".rstrip(), ctx, param) from None
