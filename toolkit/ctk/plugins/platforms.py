"""The platform that holds a competition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctk.errors import UsageError
from ctk.plugins import plugins
from ctk.plugins.guard import Guard

if TYPE_CHECKING:
    from ctk.contract import Competition
from ctk.contract import Platform


def platform_of(competition: Competition) -> Platform:
    """The platform that holds a competition, inside its plugin's guard.

    Raises UsageError where none does or its plugin is not installed.
    """
    name = competition.platform
    if not name or not competition.slug:
        raise UsageError(
            f"{competition.id} is held on no platform that ctk knows.", f"Its page: {competition.url or 'none'}."
        )
    known = plugins()
    # A plugin that is there and broken says so itself, in load().
    dist = f"ctk-{name}"
    if name not in known.all("platforms") and dist not in {plugin.distribution for plugin in known.plugins}:
        raise UsageError(f"{competition.id} is held on {name}, whose plugin is not installed.", f"ctk install {dist}")
    guard = Guard("platforms", name)
    platform: Platform = guard.make()
    return guard.wrap(platform)
