"""Where a cluster is, and whether anything that could be one answers there. Needs no Ray."""

from __future__ import annotations

import os
import queue
import socket
import threading
from urllib.parse import urlsplit

from ctk.errors import CtkError, UsageError

PATIENCE = 3.0
"""Seconds within which a cluster must answer, looking its name up included: ten less what importing plugins takes."""
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""How an HTTP/2 client begins: the preface and empty SETTINGS; a server answers with SETTINGS (RFC 9113, 3.4)."""
SETTINGS = 4
"""The type of that frame, its fourth byte."""
WORDS = ("auto", "local")
"""Addresses that are found out by Ray: a cluster that runs on this machine, or one that is started for the run."""


def check_address(address: str) -> None:
    """Raise CtkError, within seconds, where nothing that speaks Ray's protocol answers; UsageError for no address.

    Ray's own attempt takes from half a minute to one and a half, and may end the process.
    """
    if address in WORDS:
        return
    host, port = _parts(address)
    answers: queue.SimpleQueue[bytes | OSError] = queue.SimpleQueue()
    # In a thread, since neither looking a name up nor trying all its addresses in turn has a limit of its own.
    threading.Thread(target=_ask, args=(host, port, answers), daemon=True).start()
    try:
        answer = answers.get(timeout=PATIENCE)
    except queue.Empty:
        answer = TimeoutError()
    if isinstance(answer, TimeoutError):
        raise _unreachable(address, f"nothing answered within {PATIENCE:.0f} seconds")
    if isinstance(answer, OSError):
        raise _unreachable(address, answer.strerror or str(answer))
    if len(answer) < 4 or answer[3] != SETTINGS:
        raise _unreachable(address, "what answers there is no Ray")


def _ask(host: str, port: int, answers: queue.SimpleQueue[bytes | OSError]) -> None:
    """Put what answers a greeting there, or why nothing does."""
    try:
        with socket.create_connection((host, port), PATIENCE) as connection:
            if _encrypted():  # it would not answer before the handshake, which is Ray's to make
                answers.put(bytes([0, 0, 0, SETTINGS]))
                return
            connection.sendall(PREFACE)
            answers.put(connection.recv(9))
    except UnicodeError:  # of a label that is empty or too long
        answers.put(OSError(f"'{host}' cannot be a machine's name"))
    except OSError as error:
        answers.put(error)


def _encrypted() -> bool:
    return os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true")


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
