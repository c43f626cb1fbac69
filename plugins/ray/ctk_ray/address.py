"""Where a cluster is, and whether anything that could be one answers there. Needs no more of Ray than its gRPC."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from urllib.parse import urlsplit

from ctk.errors import CtkError, UsageError

PATIENCE = 3.0
"""Seconds within which a cluster must answer, its name looked up: ten less what a run from a config file imports."""
WORDS = ("auto", "local")
"""Addresses that are found out by Ray: a cluster that runs on this machine, or one that is started for the run."""
HEAD = ("/ray.rpc.NodeInfoGcsService/CheckAlive", b"")
CLIENT_SERVER = ("/ray.rpc.RayletDriver/ClusterInfo", b"\x08\x06")
"""Calls that change nothing, with their requests: of a cluster's head, and a ping of the server for ``ray://``."""


def check_address_apart(address: str) -> None:
    """``check_address`` in a process of its own: gRPC starts threads, and the process of ``ctk run`` forks."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(check_address, address).result()


def check_address(address: str, token: bool = False) -> None:
    """Raise CtkError, within seconds, where nothing that speaks Ray's protocol answers; UsageError for no address.

    Ray's own attempt takes from half a minute to one and a half, and may end the process. ``token``: whether Ray will
    look for a token where one is wanted; to an address that it is given it sends one only if RAY_AUTH_MODE says so.
    """
    if address in WORDS:
        return
    target = _target(address)
    import grpc  # Ray brings it; whoever has no Ray is told so

    path, request = CLIENT_SERVER if address.startswith("ray://") else HEAD
    with grpc.insecure_channel(target, [("grpc.enable_http_proxy", 0)]) as channel:  # as Ray's own
        try:
            channel.unary_unary(path)(request, timeout=PATIENCE)
            return
        except grpc.RpcError as error:
            code, details = error.code(), error.details() or ""
    if code is grpc.StatusCode.UNAUTHENTICATED:
        if token or os.environ.get("RAY_AUTH_MODE", "disabled").lower() != "disabled":
            return
        raise CtkError(
            f"The Ray cluster at {address} wants a token.",
            "Set RAY_AUTH_MODE=token. Ray looks for the token in RAY_AUTH_TOKEN, in the file that RAY_AUTH_TOKEN_PATH "
            "names and in ~/.ray/auth_token.",
        )
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        raise _unreachable(address, f"nothing answered within {PATIENCE:.0f} seconds")
    if code is grpc.StatusCode.UNAVAILABLE and ("remote host" in details or "lookup" in details):
        raise _unreachable(address, details.rpartition(": ")[2].rstrip("]"))
    if os.environ.get("RAY_USE_TLS", "0").lower() not in ("1", "true"):  # with it, the handshake is Ray's own to make
        raise _unreachable(address, "what answers there is no Ray, or another of its ports")


def _unreachable(address: str, why: str) -> CtkError:
    return CtkError(
        f"No Ray cluster is reached at {address}: {why}.",
        "`ray status` on its head shows whether it runs. From outside a cluster give ray://HEAD:10001, from one of its "
        "machines HEAD:6379, or leave --address out for Ray on this machine.",
    )


def _target(address: str) -> str:
    """Machine and port, as gRPC takes them."""
    scheme, _, rest = address.rpartition("://")
    try:
        split = urlsplit(f"//{rest}")
        if scheme in ("", "ray") and split.hostname and split.port:
            return split.netloc
    except ValueError:
        pass
    raise UsageError(
        f"Config key 'executor.address': '{address}' is no address of a Ray cluster.",
        "For example ray://head:10001, 10.0.0.1:6379, auto or local.",
    )
