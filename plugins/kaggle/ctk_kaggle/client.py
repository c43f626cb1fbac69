"""The official client without its habits: it signs in and prints when imported, waits for ever, exits the process."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import requests
from kagglesdk.kaggle_env import get_access_token_from_env
from urllib3.util import Retry

from ctk.errors import CtkError
from ctk_kaggle import problems
from ctk_kaggle.sessions import patient
from ctk_kaggle.surroundings import check_surroundings

PAGE = 200
"""Rows to ask for at a time."""


def _official() -> Any:
    """The client's class and how it says that an upload went well, imported without its package's ``__init__``.

    That one signs in at once: over the network, without a timeout, printing. A stand-in for the package lets the module
    be imported alone; it is taken away again so that whoever imports ``kaggle`` himself gets the real one. The client's
    VERBOSE is not heeded either: it prints every request with its headers, and so the token.
    """
    name = "kaggle.api.kaggle_api_extended"
    hidden = {key: os.environ.pop(key) for key in ("VERBOSE", "VERBOSE_OUTPUT") if key in os.environ}
    try:
        if name not in sys.modules:
            if (spec := find_spec("kaggle")) is None:
                raise ModuleNotFoundError("No module named 'kaggle'")
            stand_in: Any = ModuleType("kaggle")
            stand_in.__path__ = spec.submodule_search_locations
            stand_in.__version__ = version("kaggle")
            sys.modules["kaggle"] = stand_in
            try:
                importlib.import_module(name)
            finally:
                del sys.modules["kaggle"]
        module: Any = sys.modules[name]
        return module.KaggleApi, module.ResumableUploadResult
    except OSError as error:  # it makes its folder for credentials when imported
        raise CtkError(
            f"{error.filename}: Kaggle's client cannot make its folder ({error.strerror}).",
            "Name one in KAGGLE_CONFIG_DIR.",
        ) from error
    finally:
        os.environ.update(hidden)


if TYPE_CHECKING:
    from kaggle.api.kaggle_api_extended import KaggleApi, ResumableUploadResult
else:
    KaggleApi, ResumableUploadResult = _official()


class Client(KaggleApi):  # type: ignore[misc]  # it has no types
    """The official client, every request of which has a timeout and none of which is printed."""

    # Whoever imported it before us may have had VERBOSE.
    args: ClassVar[list[str]] = [each for each in KaggleApi.args if each != "--verbose"]

    def ask(self, slug: str, method: str, request: Any) -> Any:
        """Call a method of Kaggle's competition service. Raises CtkError."""
        request.competition_name = slug
        with listening(), problems.kaggle_errors(slug), self.build_kaggle_client() as kaggle:
            return getattr(kaggle.competitions.competition_api_client, method)(request)

    def pages(self, slug: str, method: str, request: Any, rows: str) -> Iterator[Any]:
        """The rows of every page of a list."""
        request.page_size, request.page_token = PAGE, ""
        while True:
            answer = self.ask(slug, method, request)
            found = getattr(answer, rows)
            yield from found
            if not found or answer.next_page_token in (None, "", request.page_token):
                return
            request.page_token = answer.next_page_token

    def hand_in(self, slug: str, file: Path, message: str) -> str:
        """Upload a submission and hand it in; returns Kaggle's answer. Raises CtkError."""
        with listening(), problems.kaggle_errors(slug):
            return str(self.competition_submit(str(file), message, slug, quiet=True).message)

    def build_kaggle_client(self) -> Any:
        """As the base class does. The session is made lazily, and not public."""
        client = super().build_kaggle_client()
        transport = client.http_client()
        transport._init_session()
        patient(transport._session)
        return client

    def upload_complete(self, path: str, url: str, quiet: bool, resume: bool = False) -> Any:
        """Put a file where Kaggle said. The base class waits for ever, and prints what went wrong, not raising it."""
        with open(path, "rb") as file, patient(requests.Session(), Retry(3, backoff_factor=1.0)) as session:
            session.put(url, data=file).raise_for_status()
        return ResumableUploadResult.COMPLETE


@contextmanager
def listening() -> Iterator[io.StringIO]:
    """Keep what the client prints away from stdout, which may be read by programs; its warnings go to stderr."""
    heard = io.StringIO()
    try:
        with redirect_stdout(heard):
            yield heard
    finally:
        for line in heard.getvalue().splitlines():
            if line.startswith("Warning"):
                print(line, file=sys.stderr)


def sign_in() -> Client:
    """The client with the user's credentials, found and checked as the official one does.

    An access token and a log-in are checked now, a key by the first request. Raises CtkError.
    """
    client = Client()
    check_surroundings(Path(client.config))
    with listening() as heard, problems.kaggle_errors("your account"):
        try:
            client.authenticate()
            return client
        except SystemExit:  # after printing a page of help
            refused = "Invalid credentials" in heard.getvalue() or get_access_token_from_env()[0]
    if refused:
        raise problems.wrong_token()
    raise CtkError("There is no Kaggle token.", problems.TOKEN)
