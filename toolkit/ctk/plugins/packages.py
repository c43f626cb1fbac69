"""Installing distributions into this environment and taking them out of it, with the pip or uv that it has.

No plugin is imported here: what is there before and after is told by ``ctk plugins`` in a process of its own.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Mapping, Sequence
from configparser import ConfigParser
from importlib.metadata import PackageNotFoundError, distribution, requires
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ctk.errors import CtkError, UsageError, nearest

CORE = "competition-toolkit"
CREDENTIALS = re.compile(r"(?P<scheme>[\w+.-]+)://(?P<user>[^/?#\s]*)@", re.ASCII)
SECRET = re.compile(r"([?&#][\w-]*(?:token|password|secret|key|auth)[\w-]*=)[^&#\s]+", re.IGNORECASE)
NAME = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.IGNORECASE | re.ASCII)
"""A distribution's name (packaging.python.org, "Names and normalization")."""

Row = Mapping[str, Any]
"""A plugin as ``ctk plugins --json`` prints it."""


# What may be asked for ------------------------------------------------------------------------------------------------


def check_words(text: str, verb: str = "install") -> None:
    """Raise UsageError for what pip would read as an option, what holds a secret, and what cannot be printed."""
    if not text.strip():
        raise UsageError("The name of a package is empty.", "Give a distribution, a wheel or a folder.")
    if not text.isprintable():
        raise UsageError(f"{text!a} holds characters that cannot be printed.", "Was it copied? Type it by hand.")
    shown = SECRET.sub(r"\1***", CREDENTIALS.sub(_without_user, text))
    if shown != text:
        raise UsageError(
            f"{shown}: this URL holds credentials, and commands are seen by others and kept in histories.",
            "Put them into ~/.netrc or a keyring, where pip and uv look, and give the URL without them.",
        )
    if any(word.startswith("-") for word in text.split()):
        raise UsageError(
            f"'{text}' looks like an option, not like a package.",
            f"Options of pip are not passed on; call it yourself: {quote_command([*_python('pip'), verb, text])}",
        )


def check_package(text: str) -> None:
    """Raise UsageError for all but a name with extras and versions, a URL, a wheel and a folder."""
    check_words(text)
    if _is_path(text):
        if not Path(text).exists():
            raise UsageError(f"{text}: there is no such file or folder.", "Give the path of a wheel or of a project.")
    elif "://" not in text:
        try:
            Requirement(text)
        except InvalidRequirement:
            raise UsageError(
                f"'{text}' names no package.", "For example ctk-mine, 'ctk-mine[extra]>=1.2', a wheel or a folder."
            ) from None


def check_project(folder: Path) -> None:
    """Raise UsageError for a folder that cannot be installed with -e."""
    check_words(str(folder))
    if not folder.is_dir():
        raise UsageError(f"-e {folder}: there is no such folder.", "Give the folder that holds a pyproject.toml.")
    if not any((folder / name).is_file() for name in ("pyproject.toml", "setup.py")):
        raise UsageError(
            f"-e {folder}: there is no pyproject.toml and no setup.py in it.",
            "`ctk new plugin NAME --component KIND` makes a project that can be installed.",
        )


def check_name(text: str) -> None:
    """Raise UsageError for what is no name of an installed distribution, and for the toolkit itself."""
    check_words(text, "uninstall")
    if not NAME.fullmatch(text):
        raise UsageError(f"'{text}' is no name of a distribution.", "`ctk plugins` shows them: ctk uninstall NAME")
    if canonicalize_name(text) == CORE:
        raise UsageError(
            f"{CORE} is ctk itself.", f"If that is what you want: {quote_command([*_python('pip'), 'uninstall', CORE])}"
        )


def check_installed(name: str, rows: Sequence[Row]) -> None:
    """Raise UsageError for a distribution that is not here, CtkError for one whose metadata pip and uv cannot read."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        raise not_installed(name, rows) from None
    try:
        readable = bool(found.metadata["Name"] and found.metadata["Version"] and found.files)
        ConfigParser(delimiters="=", interpolation=None, strict=False).read_string(
            found.read_text("entry_points.txt") or ""
        )
    except Exception:  # no text, no file, no such list
        readable = False
    if not readable:
        folder = getattr(found, "_path", "its metadata")
        raise CtkError(
            f"The metadata of {name} is damaged: neither pip nor uv could take it out.",
            f"Remove it by hand: delete {folder}, and what the package has beside it.",
        )


def needed_by_core(name: str) -> bool:
    """Whether the toolkit itself requires a distribution."""
    wanted = {canonicalize_name(Requirement(line).name) for line in requires(CORE) or ()}
    return canonicalize_name(name) in wanted


def requested_names(packages: Sequence[str], projects: Sequence[Path]) -> set[str]:
    """The names of the distributions that were asked for, as far as they can be told beforehand."""
    found = set()
    for text in packages:
        path = Path(text)
        if path.suffix == ".whl":
            found.add(path.name.partition("-")[0])
        elif path.is_dir() and _is_path(text):
            found.add(_project_name(path))
        elif start := re.match(r"[\w.-]+", text, re.ASCII):
            found.add(start[0])
    found |= {_project_name(folder) for folder in projects}
    return {canonicalize_name(name) for name in found if name}


# What does it ---------------------------------------------------------------------------------------------------------


def install_command(
    packages: Sequence[str], projects: Sequence[Path], upgrade: bool, offline: bool = False
) -> list[str]:
    """The command that installs into this environment. Raises CtkError where there is neither pip nor uv.

    ``offline`` takes what the environment has for dependencies and for building, so that nothing is fetched.
    """
    editable = [part for folder in projects for part in ("-e", str(folder))]
    return [
        *_installer("install"),
        *(["--upgrade"] if upgrade else []),
        *(["--no-deps", "--no-build-isolation"] if offline else []),
        *editable,
        *packages,
    ]


def uninstall_command(packages: Sequence[str]) -> list[str]:
    """The command that takes distributions out of this environment without asking. Raises CtkError."""
    command = _installer("uninstall")
    return [*command, *([] if "--python" in command else ["--yes"]), *packages]


def run_installer(command: Sequence[str]) -> None:
    """Run a command of pip or uv; of what it says, warnings are shown, and all of it where it fails.

    Raises CtkError, with its exit code, where it fails.
    """
    what = "uv" if "--python" in command else "pip"
    # Nobody would see what it asks for.
    environment = {**os.environ, "PIP_NO_INPUT": "1"}
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment)
    code = done.returncode
    if code == 0:
        if what == "pip":  # uv tells its progress there as well
            sys.stderr.write(done.stderr)
        return
    sys.stderr.write(done.stdout + done.stderr)
    failed = CtkError(f"{what} failed with exit code {code}; what it says is above.", _managed())
    failed.exit_code = code if code > 0 else 128 - code
    raise failed


def quote_command(command: Sequence[str]) -> str:
    """A command as it can be pasted into a shell."""
    return shlex.join(command)


# What there is --------------------------------------------------------------------------------------------------------


def list_rows() -> list[Row] | None:
    """Every plugin there is now, seen by a new process that imports none of them. None where that fails."""
    return _rows("--all")


def recheck(rows: Sequence[Row]) -> list[Row]:
    """Return the rows after each plugin was imported in a process of its own; some are broken then."""
    if not rows:
        return []
    told = _rows("--check", *sorted({str(row["distribution"]) for row in rows}))
    found = {row_key(row): row for row in told or ()}
    return [found.get(row_key(row), row) for row in rows]


def row_key(row: Row) -> tuple[str, str]:
    """The distribution and name of a row, which tell one plugin from the others."""
    return str(row["distribution"]), str(row["name"])


def not_installed(name: str, rows: Sequence[Row]) -> UsageError:
    """The error for a distribution that is not installed: the nearest that is, or whose plugin has the name."""
    others = sorted({str(row["distribution"]) for row in rows if row["distribution"] != CORE})
    of = next((row["distribution"] for row in rows if canonicalize_name(row["name"]) == canonicalize_name(name)), None)
    help = f"Plugin '{name}' is of {of}: ctk uninstall {of}" if of else nearest(name, others, "distributions")
    return UsageError(f"No distribution '{name}' is installed here.", help)


def _rows(*arguments: str) -> list[Row] | None:
    environment = {key: value for key, value in os.environ.items() if key != "CTK_STRICT_PLUGINS"}
    command = [*_python("ctk"), "plugins", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL)
    try:
        return list(json.loads(done.stdout))
    except ValueError:
        return None


def _installer(verb: str) -> list[str]:
    if not sys.executable:
        raise CtkError("This Python does not know where it is.", "Call `python -m pip` of your environment.")
    if find_spec("pip") is not None:
        return [*_python("pip"), verb, "--disable-pip-version-check"]
    if (uv := shutil.which("uv")) is not None:
        return [uv, "pip", verb, "--python", sys.executable]
    if find_spec("uv") is not None:
        return [*_python("uv"), "pip", verb, "--python", sys.executable]
    raise CtkError("This environment has neither pip nor uv.", f"Give it pip: {quote_command(_python('ensurepip'))}")


def _python(module: str) -> list[str]:
    """A module of this environment as a program, whatever lies in the current folder (-P)."""
    return [sys.executable, "-P", "-m", module]


def _managed() -> str:
    """Help where the operating system keeps this Python's packages (PEP 668); else none."""
    if sys.prefix != sys.base_prefix or not (Path(sysconfig.get_path("stdlib")) / "EXTERNALLY-MANAGED").is_file():
        return ""
    return (
        f"The system's package manager keeps the packages of {sys.executable} (PEP 668). Make an environment of your "
        "own, and install the toolkit and its plugins there: python3 -m venv .venv"
    )


def _is_path(text: str) -> bool:
    if "://" in text or "@" in text:
        return False
    return os.sep in text or text.endswith(".whl") or text in (".", "..")


def _project_name(folder: Path) -> str:
    try:
        return str(tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def _without_user(url: re.Match[str]) -> str:
    """The URL without who asks; the user that ssh logs in as is no secret."""
    login = url["scheme"].endswith("ssh") and ":" not in url["user"]
    return url[0] if login else f"{url['scheme']}://***@"
