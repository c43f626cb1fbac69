"""What a plugin registers, looked at without running it: its hooks, names, required versions and imports."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from ctk import __version__, hookspecs
from ctk.errors import nearest
from ctk.files import is_folder_name
from ctk.plugins import KINDS, plugins, versions
from ctk.testing.findings import Examination
from ctk.testing.heavy import HEAVY
from ctk.testing.subject import MARK, Offer, locate_error

KNOWN = {name: value for name, value in vars(hookspecs).items() if name.startswith("ctk_")}


def check_hooks(exam: Examination) -> None:
    """Check that hooks and their arguments exist, and that what they register says what it is and loads."""
    found = dict(exam.subject.hooks())
    if not found:
        exam.wrong("it implements no hook", "Mark functions with @ctk.hookimpl; ctk.hookspecs lists the hooks.")
    for name, hook in found.items():
        exam.saw(name)
        _hook(exam, name, hook)
    for name, error in exam.subject.failures.items():
        exam.wrong(f"{name} fails: {locate_error(error)}", "A hook registers and does nothing else; import late.")
    for offer in exam.subject.offers:
        exam.saw(offer.title)
        _offer(exam, offer)
    if not exam.subject.offers and found and all(name in KNOWN and name.startswith("ctk_register_") for name in found):
        exam.wrong("its hooks register nothing", 'Call register(name, "module:attribute", "one line about it").')


def _hook(exam: Examination, name: str, hook: Callable[..., Any]) -> None:
    if name not in KNOWN:
        exam.wrong(f"there is no hook '{name}'", nearest(name, KNOWN, "hooks"))
        return
    if not hasattr(hook, MARK):
        exam.wrong(f"{name} is no hook: it is not marked", "Put @ctk.hookimpl above it.")
    arguments, known = list(inspect.signature(hook).parameters), list(inspect.signature(KNOWN[name]).parameters)
    for argument in arguments:
        if argument not in known:
            exam.wrong(f"{name} has no argument '{argument}'", nearest(argument, known, "arguments"))
    if name.startswith("ctk_register_") and "register" not in arguments:
        exam.wrong(f"{name} does not take 'register'", f"def {name}(register): ...")


def _offer(exam: Examination, offer: Offer) -> None:
    if not isinstance(offer.about, str) or not offer.about.strip() or "\n" in offer.about:
        exam.wrong(
            f"the {offer.title} has no line about it ({offer.where})",
            'register(name, thing, "one line"): it is what `ctk list` and `ctk plugins` show.',
        )
    if isinstance(offer.thing, str) and not all(_dotted(part) for part in (offer.thing + ":").split(":")[:2]):
        exam.wrong(
            f'the {offer.title} is {offer.thing!r} ({offer.where}), which is no "module:attribute"',
            'For example "my_plugin.loss:Focal".',
        )
        exam.broken.add((offer.kind, offer.name))
        return
    try:
        thing = offer.load()
    except (Exception, SystemExit) as error:
        exam.wrong(
            f"the {offer.title} does not load ({offer.where}): {locate_error(error)}", "Mend the name or the module."
        )
        exam.broken.add((offer.kind, offer.name))
        return
    if thing is None:
        exam.wrong(f"the {offer.title} is None ({offer.where})", f"Register a {KINDS[offer.kind]}.")
        exam.broken.add((offer.kind, offer.name))


def _dotted(text: str) -> bool:
    return bool(text) and all(part.isidentifier() for part in text.split("."))


def _without_number(offer: Offer) -> str:
    """The name, a metric's without the number behind an '@' that it may end in: no folder is called by a metric."""
    return re.sub(r"@[0-9.]+$", "", offer.name) if offer.kind == "metrics" else offer.name


def check_names(exam: Examination) -> None:
    """Check that names can stand in a config and be a folder, are given once, and are nobody else's."""
    seen: set[tuple[str, str]] = set()
    for offer in exam.subject.offers:
        if not isinstance(offer.name, str) or not is_folder_name(_without_number(offer)):
            exam.wrong(
                f"{offer.name!r} is no name ({offer.where})",
                "Names stand in configs and folders: letters, digits, '-', '_' and '.', the first no '-' or '.'; and a"
                " metric's may end in a number behind '@', as map@3.",
            )
            continue
        exam.saw(offer.title)
        if (offer.kind, offer.name) in seen:
            exam.wrong(f"the {offer.title} is registered twice ({offer.where})", "Give each a name of its own.")
        seen.add((offer.kind, offer.name))
        _check_others(exam, offer)
        if offer.kind == "competitions" and (offer.kind, offer.name) not in exam.broken:
            id = getattr(offer.load(), "id", None)
            if id != offer.name:
                exam.wrong(f"the {offer.title} has id = {id!r}", "Register a competition under its id.")


def _check_others(exam: Examination, offer: Offer) -> None:
    own = exam.subject.plugin
    for other in plugins().plugins:
        if (other.name, other.distribution) == (own.name, own.distribution) or other.disabled:
            continue
        if any(theirs.kind == offer.kind and theirs.name == offer.name for theirs in other.offers):
            exam.wrong(
                f"the {offer.title} is registered by plugin '{other.name}' ({other.distribution}) too",
                "Users of both would have to write distribution:name; choose another name.",
            )


def check_requires(exam: Examination) -> None:
    """Check that the versions of the toolkit that a plugin asks for are a range, and that this one is in it."""
    own = getattr(exam.subject.module, "requires_ctk", "")
    if own and own != exam.subject.plugin.requires:
        exam.wrong(
            f"requires_ctk is {own!r}, which is not written as a string in the plugin's module",
            'It is read without importing: requires_ctk = ">=0.1,<0.2".',
        )
    if problem := versions.mismatch(exam.subject.plugin, __version__):
        exam.wrong(problem)
    if exam.subject.plugin.requires:
        exam.saw(exam.subject.plugin.requires)


def check_imports(exam: Examination) -> None:
    """Check in a process of its own that loading the plugin imports no heavy library: every command would wait."""
    plugin = exam.subject.plugin
    code = "from ctk.testing.heavy import print_heavy_imports; print_heavy_imports()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    answer = subprocess.run(
        [sys.executable, "-c", code, plugin.module], env=environment, capture_output=True, text=True, check=False
    )
    exam.saw(f"{plugin.module}, of {len(HEAVY)} heavy libraries")
    if answer.returncode != 0:
        reason = (answer.stderr.strip() or "without a word").splitlines()[-1]
        exam.wrong(f"in a fresh process it cannot be imported: {reason}", "Did it rely on what others had imported?")
        return
    for library, where in json.loads(answer.stdout.splitlines()[-1]).items():
        exam.wrong(
            f"loading it imports {library} ({where})",
            'Register "module:attribute" and import heavy libraries there, or inside functions.',
        )
