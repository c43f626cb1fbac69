"""An address where no cluster answers is told in seconds, whatever is there instead."""

import socket
import subprocess
import sys
import threading
import time

import pytest

from ctk.errors import CtkError, UsageError
from ctk_ray.address import check_address


@pytest.fixture
def answering():
    """A server that takes a connection and sends what it is given; called with that, it gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def start(answer):
            def serve():
                connection, _ = server.accept()
                with connection:
                    connection.sendall(answer)
                    over.wait()

            threading.Thread(target=serve, daemon=True).start()
            return server.getsockname()[1]

        yield start
        over.set()


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_a_closed_port_is_told_at_once(scheme):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(CtkError, match=rf"is reached at {scheme}127\.0\.0\.1:{port}: Connection refused\."):
        check_address(f"{scheme}127.0.0.1:{port}")


def test_a_command_asks_before_it_imports_what_takes_longer_than_the_answer():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    given = ["run", "aml-retrieval", "--executor", "ray", "--address", f"127.0.0.1:{port}"]
    line = [sys.executable, "-X", "importtime", "-m", "ctk", *given]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "Connection refused" in done.stderr
    imported = {words[-1].strip() for words in (row.split("|") for row in done.stderr.splitlines()) if len(words) == 3}
    assert "ctk_ray.address" in imported
    assert not {"torch", "lightning", "ray"} & imported


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_a_port_that_says_nothing_is_told_within_ten_seconds(answering, scheme):
    port = answering(b"")
    begun = time.monotonic()
    with pytest.raises(CtkError, match="nothing answered within 3 seconds"):
        check_address(f"{scheme}127.0.0.1:{port}")
    assert time.monotonic() - begun < 10


def test_a_name_that_is_looked_up_for_ever_is_told_as_soon(monkeypatch):
    over = threading.Event()

    def lookup(*where):
        over.wait()
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    try:
        with pytest.raises(CtkError, match="nothing answered within 3 seconds"):
            check_address("head:6379")
    finally:
        over.set()


def test_what_no_machine_can_be_called_is_told():
    with pytest.raises(CtkError, match=r"'head\.\.example' cannot be a machine's name\."):
        check_address("head..example:6379")


def test_another_server_is_told_to_be_no_ray(answering):
    port = answering(b"SSH-2.0-OpenSSH_9.2\r\n")
    with pytest.raises(CtkError, match="what answers there is no Ray"):
        check_address(f"127.0.0.1:{port}")


def frame(kind, flags, body=b""):
    """Of HTTP/2, of its connection or its first stream."""
    return len(body).to_bytes(3) + bytes([kind, flags]) + (0 if kind == 4 else 1).to_bytes(4) + body


GREETING = frame(4, 0)
NOT_IMPLEMENTED = GREETING + frame(1, 5)
PAGE = GREETING + frame(1, 4) + frame(0, 1, b"<html>Not found</html>")
RESET = GREETING + frame(3, 0, bytes(4))
MESSAGE = GREETING + frame(1, 4) + frame(0, 0, bytes([0, 0, 0, 0, 2, 8, 1]))


@pytest.mark.parametrize("answer", [NOT_IMPLEMENTED, PAGE, RESET], ids=["error", "page", "reset"])
def test_another_http_server_is_told_to_be_no_ray(answering, answer):
    port = answering(answer)
    with pytest.raises(CtkError, match="what answers there is no Ray, or another of its ports"):
        check_address(f"ray://127.0.0.1:{port}")


WANTS_A_TOKEN = GREETING + frame(1, 5, b"\x88@\x0ccontent-type\x10application/grpc\x00\x0bgrpc-status\x0216")


def test_a_ray_that_wants_a_token_is_told_from_what_is_none(answering):
    with pytest.raises(CtkError, match=r"wants a token\.\nSet RAY_AUTH_MODE=token"):
        check_address(f"127.0.0.1:{answering(WANTS_A_TOKEN)}")


def test_where_ray_looks_for_the_token_itself_none_is_asked_for(answering):
    check_address(f"127.0.0.1:{answering(WANTS_A_TOKEN)}", token=True)


def test_where_ray_was_told_of_one_it_is_asked_nothing(answering, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    check_address(f"127.0.0.1:{answering(WANTS_A_TOKEN)}")


def test_a_server_that_answers_the_call_is_taken_for_ray(answering):
    check_address(f"127.0.0.1:{answering(MESSAGE)}")


@pytest.mark.parametrize("address", ["head", "http://head:8265", "head:port", "ray://", "ray://head", ":6379"])
def test_what_is_no_address_is_refused_with_examples(address):
    with pytest.raises(UsageError, match=r"is no address of a Ray cluster\.\nFor example ray://head:10001"):
        check_address(address)
