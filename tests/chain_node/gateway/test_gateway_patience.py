"""Requests that never arrive: half-sent heads and bodies are bounded in time, size and number; others are served."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from gateway_support import GatewayThread, World, let_in
from gateway_support import settings as gateway_settings
from sockets import answer, connected, pushed, sent
from test_gateway_callers import Authority

from chain_node.errors import GatewaySettingsError
from chain_node.gateway.listener import listen
from chain_node.serving.arrivals import HEAD_BYTES, Arrivals

HALF_HEAD = b"POST / HTTP/1.1\r\nHost: door.example\r\nContent-Type: appl"
HEAD = b"POST / HTTP/1.1\r\nHost: door.example\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
CALL = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'
FLOOD = 100


@contextlib.contextmanager
def door(world: World, folder: Path, **changes: object) -> Iterator[GatewayThread]:
    gateway = GatewayThread(gateway_settings(world, folder, **changes))
    try:
        yield gateway
    finally:
        gateway.stop()


def test_half_sent_heads_are_closed_while_others_are_served(world: World, tmp_path: Path) -> None:
    with door(world, tmp_path, head_seconds=1.0) as gateway:
        flood = [sent(gateway.url, HALF_HEAD) for _ in range(FLOOD)]
        silent = connected(gateway.url)
        for _ in range(10):
            assert gateway.call("eth_chainId") == hex(world.chain_id)
        second = sent(gateway.url, HEAD % len(CALL) + CALL)  # a good request, then half a head
        assert second.recv(65_536).startswith(b"HTTP/1.1 200")
        second.sendall(HALF_HEAD)
        assert [answer(connection) for connection in (*flood, silent, second)] == [b""] * (FLOOD + 2)
        assert gateway.call("eth_chainId") == hex(world.chain_id)


def test_a_connection_between_two_requests_is_kept(world: World, tmp_path: Path) -> None:
    with door(world, tmp_path, head_seconds=0.2) as gateway, sent(gateway.url, HEAD % len(CALL) + CALL) as kept:
        assert kept.recv(65_536).startswith(b"HTTP/1.1 200")
        answer(sent(gateway.url, HALF_HEAD))  # cut off: longer than a head may take has passed
        kept.sendall(HEAD % len(CALL) + CALL)
        assert kept.recv(65_536).startswith(b"HTTP/1.1 200")


def test_a_head_without_end_is_cut_off(world: World, tmp_path: Path) -> None:
    with door(world, tmp_path, head_seconds=600.0) as gateway:
        taken = pushed(gateway.url, b"POST / HTTP/1.1\r\n", b"X-More: " + b"x" * 4_000 + b"\r\n", 1_000_000)
        assert HEAD_BYTES < taken < 8 * HEAD_BYTES
        assert gateway.call("eth_chainId") == hex(world.chain_id)


def test_a_head_begun_behind_a_long_body_is_waited_for(world: World, tmp_path: Path) -> None:
    token = let_in(tmp_path, role="auditor")[1].encode()
    head = HEAD.replace(b"Host:", b"Authorization: Bearer " + token + b"\r\nHost:")
    body = b" " * (HEAD_BYTES + 8_192) + CALL
    with door(world, tmp_path, head_seconds=600.0) as gateway:
        last = head.replace(b"Host:", b"Connection: close\r\nHost:") % len(CALL) + CALL
        with sent(gateway.url, head % (len(body) + 1) + b" ") as connection:
            connection.sendall(body + last[:30])
            assert gateway.call("eth_chainId") == hex(world.chain_id)  # it has read both by now
            connection.sendall(last[30:])
            assert answer(connection).count(b"HTTP/1.1 200") == 2


def test_of_too_many_half_sent_heads_the_oldest_goes() -> None:
    async def run() -> tuple[list[bytes], bytes, int]:
        async def ok(_request: web.BaseRequest) -> web.Response:
            return web.Response(text="ok")

        runner, url = await listen(ok, "127.0.0.1", 0, arrivals=Arrivals(600.0, 600.0, heads=8))
        port = int(url.rpartition(":")[2])
        try:
            slow = []
            for _ in range(20):
                slow.append(await asyncio.open_connection("127.0.0.1", port))
                slow[-1][1].write(HALF_HEAD)
            cut = [await asyncio.wait_for(reader.read(), 30) for reader, _ in slow[:12]]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)  # pushes a further one out
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            whole = await asyncio.wait_for(reader.read(), 30)
            still = sum(not reader.at_eof() for reader, _ in slow)
            for one in (*(writer for _, writer in slow), writer):
                one.close()
                with contextlib.suppress(ConnectionError):
                    await one.wait_closed()
            return cut, whole, still
        finally:
            await runner.cleanup()

    cut, whole, still = asyncio.run(run())
    assert cut == [b""] * 12
    assert whole.startswith(b"HTTP/1.1 200")
    assert still >= 7


def test_a_tls_handshake_that_never_comes_is_not_waited_for(world: World, tmp_path: Path) -> None:
    certificate, key, _ = Authority(tmp_path, "ours").issue("door.example")
    with door(world, tmp_path, head_seconds=0.5, tls_certificate=certificate, tls_key=key) as gateway:
        began = time.monotonic()
        assert answer(connected(gateway.url)) == b""
        assert time.monotonic() - began < 30  # asyncio would wait for 60 s


def test_half_sent_bodies_are_answered_while_others_are_served(world: World, tmp_path: Path) -> None:
    with door(world, tmp_path, body_seconds=1.0) as gateway:
        slow = [sent(gateway.url, HEAD % len(CALL) + CALL[:-1]) for _ in range(FLOOD)]
        for _ in range(10):
            assert gateway.call("eth_chainId") == hex(world.chain_id)
        assert {answer(connection)[:12] for connection in slow} == {b"HTTP/1.1 408"}


def test_bodies_under_way_share_a_bound(world: World, tmp_path: Path) -> None:
    size = 2 * 1024 * 1024
    token = let_in(tmp_path, role="auditor")[1]
    with door(world, tmp_path, body_seconds=60.0, total_body=size + 100_000) as gateway:
        with sent(gateway.url, HEAD % size + b" " * (size - 1)) as slow:
            deadline = time.monotonic() + 60
            while (found := gateway.post(b" " * 200_000 + CALL, token))[0] == 200:  # until the other has arrived
                assert time.monotonic() < deadline
            assert found[0] == 503
            assert "too many large requests" in found[1]["error"]["message"]
            assert gateway.call("eth_chainId") == hex(world.chain_id)  # small ones pass
            slow.sendall(b" ")
            assert slow.recv(65_536).startswith(b"HTTP/1.1 400")
        assert gateway.post(b" " * 200_000 + CALL, token)[0] == 200


def test_no_patience_at_all_is_no_setting(world: World, tmp_path: Path) -> None:
    for changes in ({"head_seconds": 0.0}, {"body_seconds": -1.0}, {"total_body": 5}):
        with pytest.raises(GatewaySettingsError):
            gateway_settings(world, tmp_path, **changes)
