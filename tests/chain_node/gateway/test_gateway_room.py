"""What all callers share: memory for answers, places for requests and connections."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from gateway_support import GatewayThread, World, let_in, refused, wait_until
from gateway_support import settings as gateway_settings
from relay import Relay

from chain_node.errors import CallRefused
from chain_node.gateway.callers import Caller
from chain_node.gateway.filters import Filters
from chain_node.gateway.policy import Role
from chain_node.gateway.room import SMALL, Hold, Places, Room
from chain_node.gateway.settings import UpstreamSettings

OK = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
BIG = OK | {"method": "debug_getRawBlock", "params": ["latest"]}
SIZE = 8_000_000


def test_a_full_room_stops_large_answers_only() -> None:
    room = Room(3 * SMALL)
    large, other, small = Hold(room), Hold(room), Hold(room)
    large.take(2 * SMALL)
    with pytest.raises(CallRefused):
        other.take(2 * SMALL)
    assert room.used == 2 * SMALL
    other.take(SMALL)
    small.take(SMALL)
    with pytest.raises(CallRefused):
        small.take(1)
    large.release()
    small.take(1)
    small.release()
    other.give(SMALL)
    assert room.used == 0


def caller(role: Role, key: str) -> Caller:
    return Caller("x", role, "token", key)


def test_a_quarter_is_kept_for_callers_with_an_entry() -> None:
    places = Places(8, 7)
    assert all(places.enter(caller(Role.PUBLIC, f"ip:{number}")) for number in range(6))
    assert not places.enter(caller(Role.PUBLIC, "ip:new"))
    assert not places.enter(caller(Role.OWNER, "ip:new"))
    assert places.enter(caller(Role.AUDITOR, "a"))
    places.leave(caller(Role.AUDITOR, "a"))
    places.leave(caller(Role.PUBLIC, "ip:0"))
    assert places.enter(caller(Role.PUBLIC, "ip:new"))
    one = Places(100, 2)
    assert [one.enter(caller(Role.AUDITOR, "a")) for _ in range(3)] == [True, True, False]
    assert one.enter(caller(Role.AUDITOR, "b"))


def test_anonymous_addresses_do_not_use_up_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain_node.gateway.filters._ALL", 8)
    filters = Filters(10)
    for number in range(6):
        filters.add(caller(Role.PUBLIC, f"ip:{number}"), None, 1)
    assert refused(lambda: filters.add(caller(Role.PUBLIC, "ip:new"), None, 1)).code == -32005
    assert filters.add(caller(Role.AUDITOR, "a"), None, 1)


@pytest.fixture
def large(world: World, tmp_path: Path) -> Iterator[tuple[GatewayThread, Relay, str]]:
    """A door whose room holds two large answers, in front of a node that gives one to each call of a raw block."""
    relay = Relay(world.rpc_url)
    relay.replies["debug_getRawBlock"] = {"result": "0x" + "00" * (SIZE // 2)}
    token = let_in(tmp_path, role="auditor")[1]
    nodes = (UpstreamSettings("one", relay.url),)
    changes: dict[str, Any] = {"total_answer": 2 * SIZE + 10_000, "max_requests": 4, "max_caller_requests": 3}
    made = gateway_settings(world, tmp_path, nodes=nodes, max_answer=SIZE + 100, poll_seconds=60, **changes)
    gateway = GatewayThread(made)
    try:
        yield gateway, relay, token
    finally:
        gateway.stop()
        relay.stop()


def used(gateway: GatewayThread) -> float:
    line = next(line for line in gateway.metrics().splitlines() if line.startswith("luya_gateway_answer_bytes "))
    return float(line.split()[1])


def test_a_batch_is_bounded_by_what_it_holds(large: tuple[GatewayThread, Relay, str]) -> None:
    """Sixteen calls run at once: none of them saw the others' answers."""
    gateway, _, token = large
    answers = gateway.post([BIG] * 10, token)[1]
    assert sum("result" in one for one in answers) <= 1
    assert {one["error"]["code"] for one in answers if "error" in one} == {-32005}
    assert len(gateway.call("debug_getRawBlock", "latest", token=token)) == SIZE + 2
    assert used(gateway) == 0


def test_answers_that_are_not_read_fill_the_room(large: tuple[GatewayThread, Relay, str]) -> None:
    """Small answers pass all the same; when those who do not read are gone, so is what was kept for them."""
    gateway, relay, token = large
    relay.replies["debug_getRawBlock"] = {"result": "0x" + "00" * (SIZE // 2 - 2_000)}
    body = json.dumps(BIG).encode()
    head = f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    silent = []
    try:
        for number in (1, 2):
            silent.append(socket.create_connection(("127.0.0.1", int(gateway.url.rpartition(":")[2]))))
            silent[-1].sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            wait_until(lambda n=number: used(gateway) >= n * (SIZE - 5_000))
        error = refused(lambda: gateway.call("debug_getRawBlock", "latest", token=token))
        assert error.code == -32005
        assert gateway.call("eth_chainId", token=token)
        assert int(gateway.call("eth_blockNumber", token=token), 16) > 0
    finally:
        for one in silent:
            one.close()
    wait_until(lambda: used(gateway) == 0)
    assert gateway.call("debug_getRawBlock", "latest", token=token)


def test_what_a_socket_does_not_read_is_counted(large: tuple[GatewayThread, Relay, str]) -> None:
    gateway, _, token = large

    async def run() -> None:
        url = f"{gateway.ws_url}/t/{token}"
        async with aiohttp.ClientSession() as session, session.ws_connect(url, max_msg_size=0) as held:
            for _ in range(3):  # the first ones find place in the system's buffers
                await held.send_json(BIG)
                await asyncio.sleep(1)
            await asyncio.to_thread(wait_until, lambda: used(gateway) >= SIZE)
            await asyncio.sleep(0.2)
            assert await asyncio.to_thread(used, gateway) >= SIZE

    asyncio.run(run())
    wait_until(lambda: used(gateway) == 0)


def test_requests_at_once_are_bounded(large: tuple[GatewayThread, Relay, str]) -> None:
    gateway, relay, token = large
    relay.silent = True

    async def run() -> None:
        async with aiohttp.ClientSession() as session:
            call = OK | {"method": "eth_gasPrice"}
            tasks = [asyncio.create_task(session.post(gateway.url, json=call)) for _ in range(3)]
            await asyncio.sleep(0.5)
            async with session.post(gateway.url, json=OK) as answer:
                assert answer.status == 503
                assert (await answer.json())["error"]["code"] == -32005
            async with session.post(gateway.url, json=OK, headers={"Authorization": f"Bearer {token}"}) as answer:
                assert answer.status == 200
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())
