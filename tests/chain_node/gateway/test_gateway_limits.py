"""Budgets and bounds: what a caller may ask, how much at once, how often."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from gateway_support import GatewayThread, World, let_in, refused, wait_until
from gateway_support import settings as gateway_settings
from hypothesis import given
from hypothesis import strategies as st
from relay import Relay

from chain_node.errors import CallRefused
from chain_node.gateway.budgets import Budgets, Rates
from chain_node.gateway.policy import Role
from chain_node.gateway.settings import UpstreamSettings

OK = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}


@given(
    st.floats(0.1, 1000),
    st.floats(0.1, 1000),
    st.lists(st.tuples(st.floats(0, 2), st.integers(1, 300)), max_size=80),
)
def test_over_any_time_no_more_than_the_budget_is_let_through(
    calls: float, units: float, steps: list[tuple[float, int]]
) -> None:
    now = 0.0
    budgets = Budgets(10, clock=lambda: now)
    rates = Rates(calls, units, burst=2.0)
    let_through = spent = 0
    largest = 0
    for wait, cost in steps:
        now += wait
        try:
            budgets.take("someone", rates, cost)
        except CallRefused:
            continue
        let_through += 1
        spent += cost
        largest = max(largest, cost)
    assert let_through <= max(1.0, calls * 2) + calls * now + 1e-6
    assert spent <= units * 2 + units * now + largest + 1e-6


def test_whoever_waits_as_told_is_let_through() -> None:
    now = 0.0
    budgets = Budgets(10, clock=lambda: now)
    rates = Rates(2.0, 10.0, burst=1.0)
    for cost in (1, 9, 200, 5):
        while True:
            try:
                budgets.take("someone", rates, cost)
            except CallRefused as refusal:
                now += retry_after(refusal) + 0.001
            else:
                break
    assert now < 60


def retry_after(refusal: CallRefused) -> float:
    assert (refusal.code, refusal.status) == (-32005, 429)
    assert isinstance(refusal.data, dict)
    return float(refusal.data["retry_after_s"])


def test_callers_have_budgets_of_their_own_and_few_are_remembered() -> None:
    budgets = Budgets(1)
    rates = Rates(1.0, 1.0, burst=1.0)
    budgets.take("a", rates, 1)
    budgets.take("b", rates, 1)
    assert refused(lambda: budgets.take("a", rates, 1)).status == 429
    budgets.enter("a")
    assert refused(lambda: budgets.enter("a")).status == 429
    for number in range(30_000):
        budgets.take(f"c{number}", rates, 1)
    assert len(budgets._buckets) <= 20_000
    assert refused(lambda: budgets.enter("a")).status == 429  # who has a call under way is not forgotten


@pytest.fixture
def small(world: World, tmp_path: Path) -> Iterator[GatewayThread]:
    """A door with small budgets."""
    rates = {role: Rates(5, 20, burst=1.0) for role in Role} | {Role.AUDITOR: Rates(1e6, 100, burst=1.0)}
    made = gateway_settings(
        world,
        tmp_path,
        rates=tuple(rates.items()),
        max_batch=20,
        max_body=10_000,
        max_connections=3,
        max_caller_connections=2,
        max_subscriptions=3,
        logs_blocks=1,
    )
    gateway = GatewayThread(made)
    try:
        yield gateway
    finally:
        gateway.stop()


def test_a_spent_budget_is_429_and_says_for_how_long(small: GatewayThread, tmp_path: Path) -> None:
    answers = [small.post(OK) for _ in range(12)]
    refusals = [(answer, headers) for status, answer, headers in answers if status == 429]
    assert refusals
    answer, headers = refusals[0]
    assert answer["error"]["code"] == -32005
    assert 0 < answer["error"]["data"]["retry_after_s"] <= 1
    assert int(headers["Retry-After"]) >= 1
    # a batch: each call for itself; whole refused it is 429 too
    _, answers_of_batch, _ = small.post([OK] * 20)
    assert {answer["error"]["code"] for answer in answers_of_batch if "error" in answer} == {-32005}
    # another caller is not concerned
    token = let_in(tmp_path, role="auditor")[1]
    wait_until(lambda: small.post(OK, token)[0] == 200)


def test_a_wide_range_costs_more(small: GatewayThread, world: World, tmp_path: Path) -> None:
    token = let_in(tmp_path, role="auditor", calls_per_s=1e6)[1]
    wait_until(lambda: small.post(OK, token)[0] == 200)
    error = None
    for _ in range(8):
        try:
            small.call("eth_getLogs", {"fromBlock": "0x0"}, token=token)
        except CallRefused as refusal:
            error = refusal
    assert error is not None
    assert error.code == -32005


def test_guessing_tokens_is_not_free(small: GatewayThread) -> None:
    codes = [small.post(OK, f"luyagw_aaaaaaaa_{'x' * 43}")[0] for _ in range(6)]
    assert codes[0] == 401
    assert 429 in codes


def test_what_is_paid_before_counts() -> None:
    """A call paid in two parts costs what it costs in one."""
    budgets = Budgets(10, clock=lambda: 0.0)
    rates = Rates(5.0, 20.0, burst=1.0)
    budgets.take("a", rates, 3)
    budgets.take("a", rates, 7, paid=3)
    assert (budgets._buckets["a"].calls, budgets._buckets["a"].units) == (4, 13)
    budgets.take("b", rates, 50)  # beyond what can be saved up: from a full bucket, with a debt
    budgets.take("b", rates, 54, paid=50)
    assert budgets._buckets["b"].units == 20 - 54
    refusal = refused(lambda: budgets.take("a", rates, 20, paid=3))
    assert refusal.data == {"retry_after_s": 0.35}  # from where all of it can be paid again


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"1", json.dumps([OK] * 21).encode(), json.dumps(OK | {"method": 5}).encode(), b"[1,1,1]"],
)
def test_what_is_no_call_is_not_free(small: GatewayThread, body: bytes) -> None:
    found = json.dumps([small.post(body)[1] for _ in range(12)])
    assert '"code": -32005' in found


def test_websockets_pay_for_what_is_no_call_too(small: GatewayThread) -> None:
    async def codes() -> set[int]:
        async with aiohttp.ClientSession() as session, session.ws_connect(small.ws_url) as socket:
            for _ in range(12):
                await socket.send_str("{")
            return {json.loads((await socket.receive(timeout=10)).data)["error"]["code"] for _ in range(12)}

    assert asyncio.run(codes()) == {-32700, -32005}


def test_a_large_body_is_charged_before_it_is_read(world: World, tmp_path: Path) -> None:
    gateway = GatewayThread(gateway_settings(world, tmp_path, rates=tuple((role, Rates(100, 100)) for role in Role)))
    body = b'{"a":"' + b"x" * 2_000_000  # no JSON
    try:
        assert gateway.post(body)[0] == 400
        status, answer, headers = gateway.post(body)
        assert (status, answer["error"]["code"]) == (429, -32005)
        assert int(headers["Retry-After"]) >= 1
    finally:
        gateway.stop()


def test_bodies_and_batches_are_bounded(small: GatewayThread) -> None:
    assert small.post(b" " * 10_001)[0] == 413
    status, answer, _ = small.post([OK] * 21)
    assert (status, answer["error"]["code"]) == (200, -32600)


def test_websockets_are_bounded(small: GatewayThread) -> None:
    asyncio.run(_sockets(small))


async def _sockets(small: GatewayThread) -> None:
    async with aiohttp.ClientSession() as session:
        first = await session.ws_connect(small.ws_url)
        second = await session.ws_connect(small.ws_url)
        with pytest.raises(aiohttp.WSServerHandshakeError) as error:
            await session.ws_connect(small.ws_url)
        assert error.value.status == 503
        await second.close()
        answers: list[Any] = []
        for number in range(5):
            await asyncio.sleep(0.6)  # within the budget of calls and units
            await first.send_json({"jsonrpc": "2.0", "id": number, "method": "eth_subscribe", "params": ["newHeads"]})
            while True:
                message = json.loads((await first.receive(timeout=10)).data)
                if "id" in message:
                    answers.append(message)
                    break
        assert ["error" in answer for answer in answers] == [False, False, False, True, True]
        assert answers[3]["error"]["code"] == -32005
        await first.send_str("x" * 20_000)
        while not (message := await first.receive(timeout=10)).type.value >= 8:
            pass
        assert first.close_code == 1009


def test_websockets_speak_json_rpc_too(world: World, tmp_path: Path) -> None:
    token = let_in(tmp_path, role="auditor")[1]
    gateway = GatewayThread(gateway_settings(world, tmp_path))
    try:
        asyncio.run(_speak(gateway, token))
    finally:
        gateway.stop()


async def _speak(gateway: GatewayThread, token: str) -> None:
    async with aiohttp.ClientSession() as session:
        for url in (f"{gateway.ws_url}/t/wrong", f"{gateway.ws_url}/t/{token}x"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as error:
                await session.ws_connect(url)
            assert error.value.status == 401
        with pytest.raises(aiohttp.WSServerHandshakeError) as error:
            await session.ws_connect(gateway.ws_url, origin="https://evil.example")
        assert error.value.status == 403
        async with session.ws_connect(f"{gateway.ws_url}/t/{token}") as socket:
            for body, code in (("{", -32700), ("[]", -32600), ('{"id":1}', -32600), ("[1,2]", -32600)):
                await socket.send_str(body)
                answer = json.loads((await socket.receive(timeout=10)).data)
                found = answer if isinstance(answer, list) else [answer]
                assert {one["error"]["code"] for one in found} == {code}
            await socket.send_bytes(json.dumps(OK).encode())
            assert json.loads((await socket.receive(timeout=10)).data)["result"]
            await socket.send_json([OK, OK | {"id": 2}])
            assert [one["id"] for one in json.loads((await socket.receive(timeout=10)).data)] == [1, 2]
            await socket.send_json(OK | {"method": "eth_subscribe", "params": ["newPendingTransactions"]})
            assert json.loads((await socket.receive(timeout=10)).data)["error"]["code"] == -32602
            await socket.send_json(OK | {"method": "eth_unsubscribe", "params": ["0x1"]})
            assert json.loads((await socket.receive(timeout=10)).data)["result"] is False
        async with session.ws_connect(gateway.ws_url) as socket:  # the public: heads, without their Bloom filter
            await socket.send_json(OK | {"method": "eth_subscribe", "params": ["logs", {}]})
            assert json.loads((await socket.receive(timeout=10)).data)["error"]["code"] == 4100
            await socket.send_json(OK | {"method": "eth_subscribe", "params": ["newHeads"]})
            answer = json.loads((await socket.receive(timeout=10)).data)
            told = json.loads((await socket.receive(timeout=10)).data)["params"]
            assert told["subscription"] == answer["result"]
            assert told["result"]["logsBloom"] == "0x" + "ff" * 256
            assert "transactions" not in told["result"]


def test_who_is_revoked_is_shown_out(world: World, tmp_path: Path) -> None:
    from chain_node.gateway.callers import CallerStore

    entry, token = let_in(tmp_path, role="auditor")
    gateway = GatewayThread(gateway_settings(world, tmp_path))

    async def until_closed() -> int | None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{gateway.ws_url}/t/{token}") as socket:
            store = CallerStore(tmp_path / "callers.sqlite")
            store.revoke(entry.id)
            store.close()
            await socket.receive(timeout=10)
            return socket.close_code

    try:
        assert asyncio.run(until_closed()) == 1008
        assert gateway.post(OK, token)[0] == 401
    finally:
        gateway.stop()


def test_calls_under_way_are_bounded(world: World, tmp_path: Path) -> None:
    relay = Relay(world.rpc_url)
    token = let_in(tmp_path, role="auditor")[1]
    nodes = (UpstreamSettings("slow", relay.url),)
    gateway = GatewayThread(gateway_settings(world, tmp_path, nodes=nodes, in_flight=4, poll_seconds=60))
    try:
        relay.silent = True
        asyncio.run(_crowd(gateway, token))
    finally:
        gateway.stop()
        relay.stop()


async def _crowd(gateway: GatewayThread, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        slow = [asyncio.create_task(session.post(gateway.url, json=OK | {"method": "eth_gasPrice"})) for _ in range(4)]
        await asyncio.sleep(0.5)
        async with session.post(gateway.url, json=OK | {"method": "eth_gasPrice"}) as answer:
            assert answer.status == 429
            assert (await answer.json())["error"]["code"] == -32005
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
