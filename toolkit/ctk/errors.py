"""The errors a user can cause. Each is one sentence of fact and one of help; never a traceback."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = [
    "CONTROLS",
    "HIDDEN",
    "CtkError",
    "DamagedError",
    "DataError",
    "NoScore",
    "OutOfTime",
    "PluginError",
    "Pruned",
    "SubmissionError",
    "UsageError",
    "hide_secrets",
    "near",
    "nearest",
    "visible",
    "without_secrets",
]

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What moves a terminal's cursor, colours or turns around what stands beside it, or cannot be written at all."""


HIDDEN = "***"
"""Stands for a secret of a URL."""
HARMLESS = (
    *("cache", "charset", "check_same_thread", "client_encoding", "connect_timeout", "driver", "host", "mode", "port"),
    *("sslmode", "timeout", "uri"),
)
"""Keys of a URL's query whose values may be seen."""
LONG = 8
"""Characters from which on a secret is looked for outside of its URL too."""
_URL = re.compile(r"""([A-Za-z][\w+.-]*://)([^\s'"?]*@)?([^\s'"?#]*)(\?[^\s'"#]*)?(#[^\s'"]*)?""")


class CtkError(Exception):
    """Something the user can mend. ``str(error)`` is what the terminal shows.

    problem   what is wrong, naming the file, key or row; secrets of URLs in it are hidden
    help      what to do next (may be empty)
    """

    exit_code = 1

    def __init__(self, problem: str, help: str = "") -> None:
        self.problem, self.help = visible(hide_secrets(str(problem))), visible(str(help))
        super().__init__(self.problem, self.help)

    def __str__(self) -> str:
        return f"{self.problem}\n{self.help}" if self.help else self.problem

    def _render_traceback_(self) -> list[str]:
        """What IPython shows of it: a user has caused it, and the way through the toolkit's code is no help."""
        return [f"{type(self).__name__}: {self}"]


class UsageError(CtkError):
    """A wrong command line or config: an unknown name, key or type. Exit code 2."""

    exit_code = 2


class DataError(CtkError):
    """A file of the competition's data that is missing, damaged or not in its layout."""


class DamagedError(CtkError):
    """A file of a run, or of a cache, that is missing, cannot be read, or is not what was written there."""


class SubmissionError(CtkError):
    """A submission that its competition would refuse; names the row and column."""


class NoScore(CtkError):
    """Rows that a metric has no score of, as auc of rows of one class; that of a fold, or an epoch, is then NaN."""


class PluginError(CtkError):
    """A plugin that is broken or missing, raised only when it is needed."""


class Pruned(CtkError):
    """A run that was ended because others did better by then; nothing is wrong with it."""


class OutOfTime(CtkError):
    """A fit that was given up because a run's time limit left it no more time; nothing is wrong with it."""


def visible(text: str) -> str:
    """Text with its control characters written out, an escape as ``\\x1b``; newlines and tabs stay.

    Names and words of strangers then do nothing to the terminal that shows them.
    """
    return CONTROLS.sub(lambda match: ascii(match[0])[1:-1], text)


def hide_secrets(text: str) -> str:
    """Return a text whose URLs carry no password, fragment or query value; those of harmless keys are left.

    Nor do they stand elsewhere in it, as where a library tells of a URL's path.
    """
    secrets: list[str] = []
    shown = _URL.sub(lambda url: _hide(url, secrets), text)
    for secret in sorted(secrets, key=len, reverse=True):
        shown = shown.replace(secret, HIDDEN)
    return shown


def without_secrets(value: Any) -> Any:
    """Copy a plain value, each text in it as ``hide_secrets`` shows it, at any depth."""
    if isinstance(value, str):
        return hide_secrets(value)
    if isinstance(value, Mapping):
        return {key: without_secrets(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_secrets(each) for each in value]
    return value


def _hide(url: re.Match[str], secrets: list[str]) -> str:
    """Hide what a URL carries; what is long enough to be no word of the text beside it is added to the secrets."""
    scheme, user, place, query, fragment = (each or "" for each in url.groups())
    name, colon, password = user.removesuffix("@").partition(":")
    if colon or (user and scheme.startswith("http")):  # where a name alone is a token
        user = f"{name}:{HIDDEN}@" if colon else f"{HIDDEN}@"
    values = query.split("&") if query else []
    hidden = [(pair, _hide_value(pair)) for pair in values]
    found = [
        password or (name if HIDDEN in user else ""),
        *(pair.partition("=")[2] for pair, shown in hidden if pair != shown),
    ]
    secrets += [each for each in found if len(each) >= LONG]
    query = "&".join(shown for _, shown in hidden)
    return f"{scheme}{user}{place}{query}{'#' + HIDDEN if fragment else ''}"


def _hide_value(pair: str) -> str:
    key, _, value = pair.partition("=")
    if not value:  # "?token" alone
        return "?" * pair.startswith("?") + HIDDEN
    return pair if key.removeprefix("?").lower() in HARMLESS else f"{key}={HIDDEN}"


def nearest(name: str, known: Iterable[str], what: str) -> str:
    """Help for a name that is not there: the nearest one, else all there are."""
    known = sorted(known)
    return near(name, known) or f"Known {what}: {', '.join(known) or 'none'}."


def near(name: str, known: Iterable[str]) -> str:
    """Half a sentence with the nearest of many names; empty if none is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"Did you mean '{close[0]}'?" if close else ""
