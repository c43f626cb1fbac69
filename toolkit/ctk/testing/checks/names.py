"""Names can stand in a config and be a folder, each is given once, and nobody else has it."""

from __future__ import annotations

from ctk.files import is_folder_name
from ctk.plugins import plugins
from ctk.testing.case import Case
from ctk.testing.subject import Offer


def look(case: Case) -> None:
    """Every name that is registered."""
    seen: set[tuple[str, str]] = set()
    for offer in case.subject.offers:
        if not isinstance(offer.name, str) or not is_folder_name(offer.name):
            case.wrong(
                f"{offer.name!r} is no name ({offer.where})",
                "Names stand in configs and folders: letters, digits, '-', '_' and '.', the first no '-' or '.'.",
            )
            continue
        case.saw(offer.title)
        if (offer.kind, offer.name) in seen:
            case.wrong(f"the {offer.title} is registered twice ({offer.where})", "Give each a name of its own.")
        seen.add((offer.kind, offer.name))
        _others(case, offer)
        if offer.kind == "competitions" and (offer.kind, offer.name) not in case.broken:
            id = getattr(offer.load(), "id", None)
            if id != offer.name:
                case.wrong(f"the {offer.title} has id = {id!r}", "Register a competition under its id.")


def _others(case: Case, offer: Offer) -> None:
    own = case.subject.plugin
    for other in plugins().plugins:
        if (other.name, other.distribution) == (own.name, own.distribution) or other.disabled:
            continue
        if any(theirs.kind == offer.kind and theirs.name == offer.name for theirs in other.offers):
            case.wrong(
                f"the {offer.title} is registered by plugin '{other.name}' ({other.distribution}) too",
                "Users of both would have to write distribution:name; choose another name.",
            )
