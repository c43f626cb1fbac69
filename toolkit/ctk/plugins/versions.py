"""Whether a plugin was made for this version of the toolkit, before it is imported."""

from __future__ import annotations

from collections.abc import Iterable

from ctk.plugins.plugin import BUILT_IN, Plugin, is_file


def required_versions(distribution_requires: Iterable[str]) -> str:
    """The versions of the toolkit that a distribution's metadata asks for; empty for any."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    for line in distribution_requires:
        if not line.lower().startswith("competition"):  # parsing every line of every plugin takes milliseconds
            continue
        try:
            wanted = Requirement(line)
        except InvalidRequirement:
            continue
        if canonicalize_name(wanted.name) == BUILT_IN and (wanted.marker is None or wanted.marker.evaluate()):
            return str(wanted.specifier)
    return ""


def mismatch(plugin: Plugin, version: str) -> str:
    """Half a sentence on why ``version`` of the toolkit will not do, and what to upgrade; empty if it will."""
    if not plugin.requires:
        return ""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import Version

    try:
        wanted = SpecifierSet(plugin.requires)
    except InvalidSpecifier:
        return f"its requires_ctk is {plugin.requires!r}, which is no range of versions such as '>=0.1,<0.2'"
    if wanted.contains(version, prereleases=True):
        return ""
    problem = f"it is made for competition-toolkit {wanted}, and this is {version}"
    older = any(each.operator in (">=", ">", "==", "~=", "===") and _below(version, each.version) for each in wanted)
    if older or Version(version).is_prerelease:
        return f"{problem}: upgrade the toolkit with `ctk install -U '{BUILT_IN}{wanted}'`"
    if is_file(plugin.distribution):
        return f"{problem}: mend the file, and its requires_ctk"
    return f"{problem}: upgrade the plugin with `ctk install -U {plugin.distribution}`"


def _below(version: str, bound: str) -> bool:
    from packaging.version import Version

    return Version(version) < Version(bound.removesuffix(".*"))
