"""Which plugins a run's config needs where it predicts."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from ctk.config.resolve import resolve
from ctk.contract import RunConfig
from ctk.plugins import Component, Plugin, Plugins, onefile
from ctk.plugins.code import imported_names
from ctk.plugins.guard import competition_of
from ctk.plugins.plugin import is_file


class RecordedPlugins(Plugins):
    """A registry that notes in ``asked`` whose components it was asked for."""

    def __init__(self, known: Plugins) -> None:
        vars(self).update(vars(known))
        self.asked: dict[str, Plugin] = {}

    def get(self, kind: str, name: str) -> Component:
        """Return a component as the registry does, and note its plugin."""
        component = super().get(kind, name)
        plugin = self.plugin_of(component)
        self.asked[plugin.key] = plugin
        return component


def resolve_recorded(raw: Mapping[str, Any], known: Plugins) -> tuple[RunConfig, list[Plugin]]:
    """Resolve a config as predicting will; returns it with the plugins whose components it names."""
    recorded = RecordedPlugins(known)
    config = resolve(raw, recorded)
    recorded.get("competitions", config.competition)
    competition = competition_of(config.competition)
    for metric in filter(None, (config.metric, competition.metric, competition.board)):
        recorded.get("metrics", metric)
    return config, list(recorded.asked.values())


def needed_distributions(plugins: list[Plugin]) -> list[Requirement]:
    """Name the distributions of plugins in their versions, and those that one-file plugins import."""
    found = {f"{each.distribution}=={each.version}" for each in plugins if not is_file(each.distribution)}
    homes = packages_distributions()
    for folder in onefile.folders() if any(is_file(each.distribution) for each in plugins) else ():
        for path in folder.glob("*.py"):
            found |= {name for top in _imported(path) for name in homes.get(top, ())[:1]}
    return [Requirement(each) for each in sorted(found)]


def _imported(path: Path) -> set[str]:
    names = {name.partition(".")[0] for name in imported_names(path.read_bytes(), onefile.PACKAGE, needed=True)}
    return names - set(sys.stdlib_module_names) - {onefile.PACKAGE, "ctk"}
