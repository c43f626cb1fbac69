"""Which names a package may have, and what is called after it."""

from __future__ import annotations

import importlib.metadata
import keyword
import re
from dataclasses import dataclass

import yaml

from ctk.errors import UsageError
from ctk.new.kinds import Kind

PREFIX = "ctk-"
LONGEST = 40
"""Letters of a name, so that lines of code that have it in them keep their length."""


@dataclass(frozen=True)
class Names:
    """What a package and what is in it are called.

    name          of what it offers, and of its entry point: "my-loss"
    distribution  what pip installs: "ctk-my-loss", so that it is found beside others' and is no other project's
    package       what Python imports: "ctk_my_loss"
    """

    name: str

    @property
    def distribution(self) -> str:
        return PREFIX + self.name

    @property
    def package(self) -> str:
        return self.distribution.replace("-", "_")


def names_of(text: str, kind: Kind) -> Names:
    """The names after what somebody typed, with or without ``ctk-``. Raises UsageError with what would do instead."""
    name = text.removeprefix(PREFIX)
    if not re.fullmatch("[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        better = re.sub("[^a-z0-9]+", "-", re.sub("(?<=[a-z])(?=[A-Z])", "-", name).lower()).strip("-0123456789")
        raise UsageError(
            f"'{text}' is no name for a package: lower-case letters, digits and single hyphens, a letter first.",
            f"Try '{better}'." if better and better != text else "For example 'my-competition'.",
        )
    if len(name) > LONGEST:
        raise UsageError(f"'{text}' has {len(name)} letters; a name has {LONGEST} at most.", "Find a shorter one.")
    if name in {word.lower() for word in keyword.kwlist}:
        raise UsageError(f"'{text}' is a word of Python's own.", f"Try 'my-{name}'.")
    if yaml.safe_load(name) != name:
        raise UsageError(
            f"'{text}' is {yaml.safe_load(name)} in YAML, so no config could name it.", f"Try 'my-{name}'."
        )
    names = Names(name)
    _check_free(names, kind)
    return names


def _check_free(names: Names, kind: Kind) -> None:
    """Refuse what would get in the way of something installed."""
    from ctk.plugins import plugins

    try:
        version = importlib.metadata.version(names.distribution)
    except importlib.metadata.PackageNotFoundError:
        version = ""
    if version:
        raise UsageError(
            f"{names.distribution} {version} is installed already.",
            f"Choose another name, or take it out first: ctk uninstall {names.distribution}",
        )
    offered = plugins().known(kind.hook).get(names.name)
    if offered is not None:
        raise UsageError(
            f"There is a {kind.name} '{names.name}' already, of plugin '{offered.plugin}'.", "Choose another name."
        )
