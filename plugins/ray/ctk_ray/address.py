"""Where a cluster is, and whether anything that could be one answers there. Needs no Ray."""

from __future__ import annotations

import os
import queue
import socket
import threading
from urllib.parse import urlsplit

from ctk.errors import CtkError, UsageError
from ctk_ray.greeting import CLIENT_SERVER, HEAD, Answer, ask

PATIENCE = 3.0
"""Seconds within which a cluster must answer, its name looked up: ten less what a run from a config file imports."""
WORDS = ("auto", "local")
"""Addresses that are found out by Ray: a cluster that runs on this machine, or one that is started for the run."""


def check_address(address: str, token: bool = False) -> None:
    """Raise CtkError, within seconds, where nothing that speaks Ray's protocol answers; UsageError for no address.

    Ray's own attempt takes from half a minute to one and a half, and may end the process. ``token``: whether Ray will
    look for a token where one is wanted; to an address that it is given it sends one only if RAY_AUTH_MODE says so.
    """
    if address in WORDS:
        return
    host, port = _parts(address)
    call = CLIENT_SERVER if address.startswith("ray://") else HEAD
    answers: queue.SimpleQueue[Answer | OSError] = queue.SimpleQueue()
    # In a thread, since neither looking a name up nor trying all its addresses in turn has a limit of its own.
    threading.Thread(target=_ask, args=(host, port, call, answers), daemon=True).start()
    try:
        answer: Answer | OSError = answers.get(timeout=PATIENCE)
    except queue.Empty:
        answer = TimeoutError()
    if isinstance(answer, TimeoutError):
        raise _unreachable(address, f"nothing answered within {PATIENCE:.0f} seconds")
    if isinstance(answer, OSError):
        raise _unreachable(address, answer.strerror or str(answer))
    if answer is Answer.TOKEN and not token:
        raise CtkError(
            f"The Ray cluster at {address} wants a token.",
            "Set RAY_AUTH_MODE=token. Ray looks for the token in RAY_AUTH_TOKEN, in the file that RAY_AUTH_TOKEN_PATH "
            "names and in ~/.ray/auth_token.",
        )
    if answer is Answer.NONE:
        raise _unreachable(address, "what answers there is no Ray, or another of its ports")


def _ask(host: str, port: int, call: tuple[str, bytes], answers: queue.SimpleQueue[Answer | OSError]) -> None:
    """Put what answers there, or why nothing does."""
    try:
        with socket.create_connection((host, port), PATIENCE) as connection:
            answers.put(Answer.MESSAGE if _guarded() else ask(connection, call))
    except UnicodeError:  # of a label that is empty or too long
        answers.put(OSError(f"'{host}' cannot be a machine's name"))
    except OSError as error:
        answers.put(error)


def _guarded() -> bool:
    """Whether Ray was told of a handshake or a token, which are its own to make."""
    encrypted = os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true")
    return encrypted or os.environ.get("RAY_AUTH_MODE", "disabled").lower() != "disabled"


def _unreachable(address: str, why: str) -> CtkError:
    return CtkError(
        f"No Ray cluster is reached at {address}: {why}.",
        "`ray status` on its head shows whether it runs. From outside a cluster give ray://HEAD:10001, from one of its "
        "machines HEAD:6379, or leave --address out for Ray on this machine.",
    )


def _parts(address: str) -> tuple[str, int]:
    scheme, _, rest = address.rpartition("://")
    try:
        if scheme not in ("", "ray"):
            raise ValueError
        split = urlsplit(f"//{rest}")
        if split.hostname and split.port:
            return split.hostname, split.port
    except ValueError:
        pass
    raise UsageError(
        f"Config key 'executor.address': '{address}' is no address of a Ray cluster.",
        "For example ray://head:10001, 10.0.0.1:6379, auto or local.",
    )
