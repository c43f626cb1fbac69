"""What of this machine the official client stumbles over, or takes for no token: told before anything is asked."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from ctk.errors import CtkError
from ctk_kaggle.problems import TOKEN

PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
KEY_OF_ENVIRONMENT = ("KAGGLE_USERNAME", "KAGGLE_KEY")


def check_surroundings(key_file: Path) -> None:
    """Raise CtkError for a proxy, certificates or a token that cannot be used; ``key_file`` is kaggle.json's place."""
    for name in PROXIES:
        for variable in (name, name.lower()):
            if value := os.environ.get(variable):
                _check_proxy(variable, value)
    for variable in BUNDLES:
        if (value := os.environ.get(variable)) and not Path(value).exists():
            raise CtkError(f"{variable}: there is no {value}.", "Name a file of certificates, or unset it.")
    for path in _token_files():
        _read(path)
    text = _read(key_file)
    if text is not None and not all(os.environ.get(name) for name in KEY_OF_ENVIRONMENT):
        _check_key(key_file, text)


def _check_proxy(variable: str, value: str) -> None:
    """Nothing of the value is shown: it may hold a password."""
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        fine = parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise CtkError(f"{variable} names no proxy: its host or its port is wrong.", "For example http://proxy:3128.")
    if parts.scheme.startswith("socks") and find_spec("socks") is None:
        raise CtkError(
            f"{variable} names a SOCKS proxy, which needs a library that is not here.", "pip install 'requests[socks]'"
        )


def _token_files() -> Iterator[Path]:
    for name in ("access_token", "access_token.txt"):
        yield Path(os.path.expanduser(f"~/.kaggle/{name}"))
    if value := os.environ.get("KAGGLE_API_TOKEN"):
        yield Path(value)  # a token, or the path of a file with one


def _read(path: Path) -> str | None:
    """The text of a file of credentials, None where there is none."""
    try:
        if not path.exists():
            return None
        if not path.is_file():
            raise CtkError(
                f"{path}: is no file, and Kaggle's token belongs into one.",
                "Docker makes a folder where a file that it mounts is not there: remove it, and put the file there.",
            )
        content = path.read_bytes()
    except OSError as error:
        raise CtkError(f"{path}: cannot be read ({error.strerror}).", TOKEN) from None
    if content.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")) or b"\0" in content:
        raise CtkError(
            f"{path}: is not plain UTF-8, which is what Kaggle's client reads.",
            "PowerShell writes UTF-16, some editors a byte-order mark: save it as UTF-8 without one.",
        )
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise CtkError(f"{path}: is no text.", TOKEN) from None


def _check_key(path: Path, text: str) -> None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise CtkError(f"{path}: is no whole JSON file.", "It was cut: download it again. " + TOKEN) from None
    if not isinstance(found, dict) or not all(isinstance(found.get(key), str) for key in ("username", "key")):
        raise CtkError(f"{path}: has no 'username' and 'key', both text.", "Download it again. " + TOKEN)
