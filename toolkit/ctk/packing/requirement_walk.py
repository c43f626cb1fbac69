"""What an image lacks of some distributions and of all that they require: a walk along the metadata of wheels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ctk.errors import CtkError
from ctk.packing.target_image import TargetImage
from ctk.packing.wheel_file import WheelFile


def lacking_wheels(
    roots: Iterable[Requirement], image: TargetImage, find: Callable[[Requirement], WheelFile]
) -> dict[str, WheelFile]:
    """Find the wheels that make ``roots`` work in an image, by canonical name; what it has that will do is left out.

    ``find`` brings the wheel of a requirement. Raises CtkError where it finds none, naming who needs it, and where two
    of the requirements contradict each other.
    """
    found: dict[str, WheelFile] = {}
    asked: list[tuple[Requirement, str]] = [(root, "the run") for root in roots]
    seen: set[tuple[str, frozenset[str]]] = set()
    for wanted, who in asked:  # which grows meanwhile
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        lacking = name in found or not image.satisfies(name, wanted.specifier)
        if lacking and name not in found:
            try:
                found[name] = find(wanted)
            except CtkError as error:
                raise CtkError(f"{who} requires {wanted}. {error.problem}", error.help) from error
        if (name, extras) not in seen and (lacking or extras):
            seen.add((name, extras))
            further = found[name].requires if lacking else _known_requirements(name)
            whose = f"{wanted.name} {found[name].version if lacking else image.has[name]}"
            # Of what the image has, all but extras is there.
            asked += [
                (each, whose)
                for each in further
                if image.needs(each, extras) and (lacking or not image.needs(each, frozenset()))
            ]
    for wanted, who in asked:
        name = canonicalize_name(wanted.name)
        version = found[name].version if name in found else image.has[name]
        if not wanted.specifier.contains(version, prereleases=True):
            raise CtkError(
                f"{who} requires {wanted}, and {version} is packed.",
                "Give a wheel of a version that will do: --wheels.",
            )
    return found


def _known_requirements(name: str) -> list[Requirement]:
    try:
        return [Requirement(line) for line in requires(name) or ()]
    except PackageNotFoundError:
        return []
