"""Delivery on bad days: a pool that forgets, refuses, or is new; each fault twice, failed and persisted."""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chain_node.engine.anvil import AnvilEngine, AnvilSettings
from chain_node.engine.base import Finality, Limits
from chain_node.errors import ChainHalted, RpcError, RpcUnavailable, SenderError
from chain_node.keys.keystore import ChainKey
from chain_node.protocol.attestation import address_of
from chain_node.rpc.client import JsonRpc, to_hex
from chain_node.rpc.failover import FailoverRpc
from chain_node.sending.delivery import RESEND_AFTER, Delivery
from chain_node.sending.outbox import open_outbox
from chain_node.sending.sender import Sender, Tx

CHAIN = 7_000_000_125
_numbers = itertools.count(5_000)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnvilEngine]:
    made = AnvilEngine(tmp_path_factory.mktemp("chain"), AnvilSettings(chain_id=CHAIN, block_time=0.1))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def key() -> ChainKey:
    secret = next(_numbers).to_bytes(32, "big")
    return ChainKey("test", secret, address_of(secret))


def make(folder: Path, rpc: JsonRpc, key: ChainKey, genesis: str = "g1", **more: Any) -> Sender:
    return Sender(folder, rpc, key, chain_id=CHAIN, genesis=genesis, finality=Finality("latest"), **more)


def txs(many: int, first: int = 0) -> list[Tx]:
    return [Tx(b"\x22" * 20, b"", 100_000, f"{at}") for at in range(first, first + many)]


def count(rpc: JsonRpc, key: ChainKey, tag: str = "latest") -> int:
    return int(rpc.call("eth_getTransactionCount", to_hex(key.address), tag), 16)


class Faulty(JsonRpc):
    """While `fault` says so, it loses or refuses what is sent; `persisted`: the engine has it even so."""

    fault = ""
    persisted = False
    sent = 0

    def batch(self, calls: Any) -> list[Any]:
        if not (calls and calls[0][0] == "eth_sendRawTransaction" and self.fault):
            return super().batch(calls)
        self.sent += len(calls)
        if self.persisted:
            super().batch(calls)
        if self.fault == "away":
            raise RpcUnavailable("cut")
        if self.fault == "forgets":
            return ["0x" + "00" * 32 for _ in calls]
        return [RpcError("eth_sendRawTransaction", -32000, self.fault) for _ in calls]


@pytest.mark.parametrize("persisted", [False, True])
@pytest.mark.parametrize("fault", ["exceeds block gas limit", "txpool is full", "tx nonce too high", "no comet block"])
def test_a_refusal_that_passes_is_not_an_error(
    tmp_path: Path, engine: AnvilEngine, key: ChainKey, fault: str, persisted: bool
) -> None:
    with Faulty(engine.rpc_url) as rpc, make(tmp_path, rpc, key) as sender:
        rpc.fault, rpc.persisted = fault, persisted
        if fault == "no comet block":
            with pytest.raises(SenderError, match="no comet block"):  # no word of ours: told at once
                sender.send_many(txs(3))
        else:
            sender.send_many(txs(3))
            assert sender.state().refusal == fault
        assert sender.pending() == 3
        rpc.fault = ""
        assert [receipt.ok for receipt in sender.wait(["0", "1", "2"])] == [True] * 3
        assert sender.state().refusal == ""
        assert count(rpc, key) == 3


@pytest.mark.parametrize("persisted", [False, True])
def test_a_pool_that_forgets_gets_the_same_bytes_again(
    tmp_path: Path, engine: AnvilEngine, key: ChainKey, persisted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chain_node.sending.delivery.RESEND_AFTER", 0.3)
    with Faulty(engine.rpc_url) as rpc, make(tmp_path, rpc, key) as sender:
        rpc.fault, rpc.persisted = "forgets", persisted
        hashes = sender.send_many(txs(4))
        rpc.fault = ""
        receipts = sender.wait([f"{at}" for at in range(4)], timeout=20)
        assert [receipt.tx_hash for receipt in receipts] == hashes
        assert count(rpc, key) == 4


@pytest.mark.parametrize("persisted", [False, True])
def test_an_endpoint_that_is_away_for_a_moment(
    tmp_path: Path, engine: AnvilEngine, key: ChainKey, persisted: bool
) -> None:
    with Faulty(engine.rpc_url) as rpc, make(tmp_path, rpc, key) as sender:
        rpc.fault, rpc.persisted = "away", persisted
        with pytest.raises(RpcUnavailable):
            sender.send_many(txs(4))
        if not persisted:
            with pytest.raises(RpcUnavailable):
                sender.wait(["0"], timeout=0.4)
        rpc.fault = ""
        assert all(receipt.ok for receipt in sender.wait([f"{at}" for at in range(4)]))
        assert count(rpc, key) == 4


def test_a_refusal_for_good_is_told_and_nothing_is_skipped(tmp_path: Path, engine: AnvilEngine, key: ChainKey) -> None:
    with Faulty(engine.rpc_url) as rpc, make(tmp_path, rpc, key) as sender:
        rpc.fault = "0x12 may not send transactions: the Permissions contract does not list it"
        with pytest.raises(SenderError, match=r"may not send transactions.*stays in the outbox"):
            sender.send_many(txs(2))
        rpc.fault = ""
        sender.run(txs(3))
        assert count(rpc, key) == 3


def test_another_node_takes_over_with_an_empty_pool(tmp_path: Path, engine: AnvilEngine, key: ChainKey) -> None:
    """The first node takes everything and dies; the second, which never saw it, gets it all, without waiting."""

    class Dying(JsonRpc):
        dead = False

        def _post(self, payload: Any) -> Any:
            if self.dead:
                raise RpcUnavailable("dead")
            calls = payload if isinstance(payload, list) else [payload]
            if calls[0]["method"] == "eth_sendRawTransaction":
                return [{"id": call["id"], "result": "0x"} for call in calls]
            return super()._post(payload)

    with FailoverRpc([engine.rpc_url, engine.rpc_url]) as rpc:
        first, second = Dying(engine.rpc_url), rpc._endpoints[1]
        rpc._endpoints[0].close()
        rpc._endpoints[0] = first
        second_batch = second.batch
        second.batch = lambda calls: []  # type: ignore[method-assign]  # it never heard of them
        with make(tmp_path, rpc, key) as sender:
            sender.send_many(txs(5))
            second.batch = second_batch  # type: ignore[method-assign]
            time.sleep(0.3)
            assert count(rpc, key) == 0
            first.dead = True
            begun = time.monotonic()
            assert all(receipt.ok for receipt in sender.wait([f"{at}" for at in range(5)]))
            assert time.monotonic() - begun < RESEND_AFTER
            assert rpc.generation == 1


def test_a_new_account_goes_alone_first(tmp_path: Path, engine: AnvilEngine, key: ChainKey) -> None:
    sizes: list[int] = []

    class Counting(JsonRpc):
        def batch(self, calls: Any) -> list[Any]:
            if calls and calls[0][0] == "eth_sendRawTransaction":
                sizes.append(len(calls))
            return super().batch(calls)

    with (
        Counting(engine.rpc_url) as rpc,
        make(tmp_path, rpc, key, limits=Limits(lone_first=True, max_in_flight=4)) as sender,
    ):
        sender.run(txs(9))
        assert sizes[0] == 1
        assert max(sizes) <= 4
        assert sum(sizes) == 9


def test_a_halted_chain_is_said(tmp_path: Path, key: ChainKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain_node.sending.sender.HALTED_AFTER", 0.5)
    engine = AnvilEngine(tmp_path / "chain", AnvilSettings(chain_id=CHAIN, block_time=0.1))
    engine.start()
    with JsonRpc(engine.rpc_url) as rpc, make(tmp_path / "outbox", rpc, key) as sender:
        sender.run(txs(1))
        rpc.call("evm_setIntervalMining", 0)
        sender.send_many(txs(2, 1))
        with pytest.raises(ChainHalted, match="2 signed transactions wait"):
            sender.wait(["1", "2"], timeout=1.5)
        state = sender.state()
        assert state.halted
        assert state.pending == 2
        assert state.final_age > 0.5
        rpc.call("evm_setIntervalMining", 1)
        assert all(receipt.ok for receipt in sender.wait(["1", "2"]))
        assert not sender.state().halted
    engine.stop()


def test_a_pool_with_somebodys_transactions_is_waited_for(
    tmp_path: Path, engine: AnvilEngine, key: ChainKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new outbox neither clashes with what the pool holds of its key, nor leaves a gap when that vanishes."""
    with JsonRpc(engine.rpc_url) as rpc:
        rpc.call("evm_setIntervalMining", 0)
        try:
            with make(tmp_path / "old", rpc, key) as sender:
                sender.send_many(txs(3))
                assert count(rpc, key, "pending") == 3
            monkeypatch.setattr("chain_node.sending.nonces._POOL_PATIENCE", 0.3)
            with pytest.raises(SenderError, match="3 transactions in the pool"):
                make(tmp_path / "new", rpc, key)
            monkeypatch.setattr("chain_node.sending.nonces._POOL_PATIENCE", 20.0)
        finally:
            rpc.call("evm_setIntervalMining", 1)
        with make(tmp_path / "new", rpc, key) as sender:
            assert sender.first_nonce == 3
            sender.run(txs(1))
        assert count(rpc, key) == 4


# --- the clock's part, without an engine


class Pool(JsonRpc):
    """Takes everything and mines nothing."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1")
        self.batches: list[int] = []
        self.reconsidered = 0
        self.number = 0

    @property
    def generation(self) -> int:
        return self.number

    def broadcast(self, calls: Any) -> list[Any]:
        self.batches.append(len(calls))
        return ["0x"] * len(calls)

    def reconsider(self) -> bool:
        self.reconsidered += 1
        return False


def fill(path: Path, many: int) -> sqlite3.Connection:
    db = open_outbox(path)
    rows = [(nonce, f"{nonce}", f"0x{nonce}", b"raw") for nonce in range(1, many + 1)]
    db.executemany("INSERT INTO outbox (nonce, key, hash, raw) VALUES (?, ?, ?, ?)", rows)
    return db


def test_a_stall_sends_all_again_less_and_less_often(tmp_path: Path) -> None:
    now = [0.0]
    pool, db = Pool(), fill(tmp_path / "outbox.sqlite", 10)
    delivery = Delivery(db, pool, Limits(), clock=lambda: now[0])
    times = []
    while now[0] < 300:
        before = len(pool.batches)
        delivery.pump()
        if len(pool.batches) > before:
            times.append(now[0])
        now[0] += 1
    assert times == [0, 9, 26, 59, 120, 181, 242]
    assert set(pool.batches) == {10}
    assert pool.reconsidered == len(times) - 1
    db.execute("UPDATE outbox SET state = 1 WHERE nonce = 1")
    pool.number += 1  # another endpoint: at once
    delivery.pump()
    assert pool.batches[-1] == 9
    db.close()


def test_an_outbox_of_version_0_1_is_taken_over(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "outbox.sqlite")
    db.execute(
        "CREATE TABLE outbox (nonce INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, hash TEXT NOT NULL, raw BLOB, "
        "state INTEGER NOT NULL DEFAULT 0, block INTEGER, gas_used INTEGER, address TEXT, reason TEXT) STRICT"
    )
    db.execute("INSERT INTO outbox (nonce, key, hash) VALUES (3, 'k', '0x')")
    db.commit()
    db.close()
    taken = open_outbox(tmp_path / "outbox.sqlite")
    assert taken.execute("SELECT since FROM outbox").fetchone() == (0,)
    taken.close()
