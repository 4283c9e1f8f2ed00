"""A client that looks whether a slow endpoint lives: one that hangs is given up soon, one that works is waited for."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chain_node.errors import RpcUnavailable
from chain_node.rpc.client import JsonRpc
from chain_node.rpc.failover import connect


class Server:
    """A socket that answers as JSON-RPC, and hangs as it is told.

    Attributes:
        hangs: it takes every question and answers none.
        slow: seconds that it takes for `eth_call`.
        half: it sends half of each answer only.
    """

    def __init__(self) -> None:
        self.hangs = self.half = False
        self.slow = 0.0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection.makefile("rb") as lines:
                while line := lines.readline():
                    size = 0
                    while line not in (b"\r\n", b""):
                        if line.lower().startswith(b"content-length:"):
                            size = int(line.split(b":")[1])
                        line = lines.readline()
                    call: dict[str, Any] = json.loads(lines.read(size))
                    if self.hangs:
                        continue
                    if call["method"] == "eth_call":
                        time.sleep(self.slow)
                    body = json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": "0x7"}).encode()
                    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
                    connection.sendall(head + (body[: len(body) // 2] if self.half else body))
        except (OSError, ValueError):
            return


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.stop()


@contextmanager
def at_once() -> Iterator[None]:
    """Far less than the 60 s that an answer may take."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < 30


def test_one_that_hangs_is_given_up_and_not_asked_again(server: Server) -> None:
    with JsonRpc(server.url, silence=1.0) as rpc, at_once():
        assert rpc.call("eth_call") == "0x7"
        server.hangs = True
        with pytest.raises(RpcUnavailable, match="no sign of life"):
            rpc.call("eth_call")
        for _ in range(100):
            with pytest.raises(RpcUnavailable, match="has stopped answering"):
                rpc.call("eth_call")


def test_one_that_hangs_in_an_answer_is_given_up(server: Server) -> None:
    server.half = True
    with JsonRpc(server.url, silence=1.0) as rpc, at_once(), pytest.raises(RpcUnavailable):
        rpc.call("eth_chainId")


def test_one_that_works_on_is_waited_for(server: Server) -> None:
    server.slow = 2.5
    with JsonRpc(server.url, silence=1.0) as rpc:
        assert rpc.call("eth_call") == "0x7"


def test_even_a_living_one_has_its_time(server: Server) -> None:
    server.slow = 20.0
    with JsonRpc(server.url, timeout=2.0, silence=1.0) as rpc, at_once(), pytest.raises(RpcUnavailable):
        rpc.call("eth_call")


def test_the_next_of_several_takes_over(server: Server) -> None:
    other = Server()
    server.hangs = True
    try:
        with connect([server.url, other.url], chain_id=7, silence=2.0) as rpc, at_once():
            assert rpc.call("eth_call") == "0x7"
    finally:
        other.stop()
