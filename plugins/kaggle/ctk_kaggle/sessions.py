"""HTTP sessions that do not wait for ever."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

CONNECT, READ = 10.0, 60.0
"""Seconds to wait for a connection, and for the next bytes of an answer."""


class Patience(HTTPAdapter):
    """Gives every request that has no timeout one."""

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """As the base class does."""
        kwargs["timeout"] = kwargs.get("timeout") or (CONNECT, READ)
        return super().send(request, *args, **kwargs)


def patient(session: requests.Session, retries: Retry | int = 0) -> requests.Session:
    """The same session, with timeouts, and asking for files as they are: a packed body has another length."""
    for scheme in ("https://", "http://"):
        session.mount(scheme, Patience(max_retries=retries))
    session.headers["Accept-Encoding"] = "identity"
    return session
