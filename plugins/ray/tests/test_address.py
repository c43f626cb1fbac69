"""An address where no cluster answers is told in seconds, whatever is there instead."""

import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from ctk.errors import CtkError, UsageError
from ctk_ray.address import check_address, check_address_apart
from ctk_ray.executor import RayExecutor


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


@pytest.fixture
def serving():
    """A gRPC server on a port that it gives; called with what answers its calls, by their paths."""
    server = grpc.server(ThreadPoolExecutor(1))

    def start(**methods):
        handlers = {name: grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("ray.rpc.NodeInfoGcsService", handlers),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        return port

    yield start
    server.stop(None)


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
        RayExecutor.check(address=f"{scheme}127.0.0.1:{port}")
    assert time.monotonic() - begun < 10


def test_what_no_machine_can_be_called_is_told():
    with pytest.raises(CtkError, match=r"is reached at head\.\.example:6379: Misformatted domain name\."):
        check_address("head..example:6379")


@pytest.mark.parametrize("says", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["ssh", "http"])
def test_another_server_is_told_to_be_no_ray(answering, says):
    port = answering(says)
    with pytest.raises(CtkError, match="what answers there is no Ray, or another of its ports"):
        check_address(f"127.0.0.1:{port}")


def test_another_grpc_server_is_told_to_be_no_ray(serving):
    with pytest.raises(CtkError, match="what answers there is no Ray, or another of its ports"):
        check_address(f"ray://127.0.0.1:{serving()}")


def wants_a_token(request, context):
    context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")


def test_a_ray_that_wants_a_token_is_told_from_what_is_none(serving):
    with pytest.raises(CtkError, match=r"wants a token\.\nSet RAY_AUTH_MODE=token"):
        check_address_apart(f"127.0.0.1:{serving(CheckAlive=wants_a_token)}")


def test_where_ray_looks_for_the_token_itself_none_is_asked_for(serving):
    check_address(f"127.0.0.1:{serving(CheckAlive=wants_a_token)}", token=True)


def test_where_ray_was_told_of_a_token_it_gives_it_itself(serving, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    check_address(f"127.0.0.1:{serving(CheckAlive=wants_a_token)}")


def test_where_ray_was_told_of_a_handshake_it_makes_it_itself(answering, monkeypatch):
    monkeypatch.setenv("RAY_USE_TLS", "1")
    check_address(f"127.0.0.1:{answering(b'a handshake of its own')}")


def test_a_server_that_answers_the_call_is_taken_for_ray(serving):
    check_address(f"127.0.0.1:{serving(CheckAlive=lambda request, context: b'')}")


@pytest.mark.parametrize("address", ["head", "http://head:8265", "head:port", "ray://", "ray://head", ":6379"])
def test_what_is_no_address_is_refused_with_examples(address):
    with pytest.raises(UsageError, match=r"is no address of a Ray cluster\.\nFor example ray://head:10001"):
        check_address(address)
