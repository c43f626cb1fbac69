"""Asking a server whether it is Ray, in the few bytes of HTTP/2 that a gRPC call takes.

Ray's own attempt takes from half a minute to one and a half where another server answers, or Ray at another of its
ports; grpcio would start threads in the process of ``ctk run``, and that process forks.
"""

from __future__ import annotations

import socket
import struct
from enum import Enum

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""How an HTTP/2 client begins (RFC 9113, 3.4)."""
DATA, HEADERS, RESET, SETTINGS, AWAY = 0, 1, 3, 4, 7
"""Types of frames (RFC 9113, 6)."""
END_STREAM, END_HEADERS = 1, 4
"""Flags of frames."""
LONGEST = 16_384
"""Bytes in a frame, as long as nothing else was agreed on."""
HEAD = ("/ray.rpc.NodeInfoGcsService/CheckAlive", b"")
CLIENT_SERVER = ("/ray.rpc.RayletDriver/ClusterInfo", b"\x08\x06")
"""Calls that change nothing, with their requests: of a cluster's head, and a ping of the server for ``ray://``."""
UNAUTHENTICATED = b"\x0bgrpc-status\x0216"
"""In the headers of an error: the server has the call, and wants a token first. gRPC writes names and values as they
are (RFC 7541, 5.2); the number is in its list of status codes."""


class Answer(Enum):
    """What a server says to a call: a message, that it wants a token first, or nothing that Ray would."""

    MESSAGE = "message"
    TOKEN = "token"
    NONE = "none"


def ask(connection: socket.socket, call: tuple[str, bytes]) -> Answer:
    """Call what is at the other end. Raises OSError."""
    path, request = call
    names = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "ctk"}
    names |= {"content-type": "application/grpc", "te": "trailers"}
    connection.sendall(
        PREFACE
        + _frame(SETTINGS, 0, 0, b"")
        + _frame(HEADERS, END_HEADERS, 1, b"".join(_field(*each) for each in names.items()))
        + _frame(DATA, END_STREAM, 1, _message(request))
    )
    with connection.makefile("rb") as answer:
        expected = {SETTINGS}
        while len(head := answer.read(9)) == 9:
            length, kind, flags = int.from_bytes(head[:3]), head[3], head[4]
            if length > LONGEST or kind not in expected:
                return Answer.NONE
            body = answer.read(length)
            if kind == DATA and body:
                # A page that says "not found" is data too.
                return Answer.MESSAGE if body[:1] == b"\0" and len(body) >= 5 else Answer.NONE
            if kind == HEADERS and flags & END_STREAM:  # an error
                return Answer.TOKEN if UNAUTHENTICATED in body else Answer.NONE
            expected = set(range(256)) - {RESET, AWAY}
    return Answer.NONE


def _message(content: bytes) -> bytes:
    """As gRPC sends it: not compressed, its length, itself."""
    return struct.pack(">BI", 0, len(content)) + content


def _frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return len(body).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + body


def _field(name: str, value: str) -> bytes:
    """A header that nobody indexes or compresses (RFC 7541, 6.2.2); all are shorter than 127 bytes."""
    return b"\0" + b"".join(bytes([len(each)]) + each.encode() for each in (name, value))
