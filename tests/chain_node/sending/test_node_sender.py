"""The sender: on disk before it is sent, never twice, never a gap, also when it is killed in between."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chain_node.engine.anvil import AnvilEngine, AnvilSettings
from chain_node.engine.base import Finality, Limits
from chain_node.errors import LockError, Reverted, RevertReason, RpcUnavailable, SenderError
from chain_node.keys.keystore import ChainKey
from chain_node.protocol.attestation import address_of
from chain_node.rpc.client import JsonRpc, to_hex
from chain_node.sending.sender import Sender, Tx
from chain_node.sending.signing import LegacySigner, contract_address

CHAIN = 7_000_000_124
ECHO = bytes.fromhex("600b600c600039600b6000f3" + "3615600657005b600080fd")  # reverts without call data


@pytest.fixture(scope="module")
def rpc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JsonRpc]:
    engine = AnvilEngine(tmp_path_factory.mktemp("chain"), AnvilSettings(chain_id=CHAIN, block_time=0.1))
    engine.start()
    with JsonRpc(engine.rpc_url) as client:
        yield client
    engine.stop()


_numbers = iter(range(1, 1000))


@pytest.fixture
def key() -> ChainKey:
    secret = next(_numbers).to_bytes(32, "big")
    return ChainKey("test", secret, address_of(secret))


def make(folder: Path, rpc: JsonRpc, key: ChainKey, genesis: str = "g1", **more: Any) -> Sender:
    return Sender(folder, rpc, key, chain_id=CHAIN, genesis=genesis, finality=Finality("latest"), **more)


def tx(name: str, data: bytes = b"") -> Tx:
    return Tx(b"\x22" * 20, data, 100_000, name)


def count(rpc: JsonRpc, key: ChainKey) -> int:
    return int(rpc.call("eth_getTransactionCount", to_hex(key.address), "latest"), 16)


def test_same_key_same_transaction(tmp_path: Path, rpc: JsonRpc, key: ChainKey) -> None:
    with make(tmp_path, rpc, key) as sender:
        first = sender.send_many([tx("a"), tx("b")])
        assert sender.send_many([tx("b"), tx("a"), tx("c")]) == [first[1], first[0], sender.send_many([tx("c")])[0]]
        receipts = sender.wait(["a", "b", "c"])
        assert [receipt.ok for receipt in receipts] == [True] * 3
        assert sender.pending() == 0
        assert sender.knows("a")
        assert sender.receipt("zzz") is None
        with pytest.raises(SenderError, match="nothing was ever sent"):
            sender.wait(["zzz"])
    assert count(rpc, key) == 3
    with make(tmp_path, rpc, key) as sender:
        assert sender.run([tx("a")])[0] == receipts[0]
        sender.run([tx("d")])
    assert count(rpc, key) == 4


def test_creation_and_refusal(tmp_path: Path, rpc: JsonRpc, key: ChainKey) -> None:
    with make(tmp_path, rpc, key) as sender:
        created = sender.run([Tx(None, ECHO, 200_000, "create")])[0]
        assert created.contract == contract_address(key.address, 0)
        with pytest.raises(Reverted) as caught:
            sender.run([Tx(created.contract, b"", 100_000, "refused"), tx("after")])
        assert caught.value.key == "refused"
        assert caught.value.reason == RevertReason(note="execution reverted")
        assert sender.wait(["after"])[0].ok
    assert count(rpc, key) == 3


class Cut(JsonRpc):
    """An endpoint that fails at sending: before ('failed') or after ('persisted') the engine has it."""

    mode = "ok"

    def batch(self, calls: Any) -> list[Any]:
        sending = calls and calls[0][0] == "eth_sendRawTransaction"
        if sending and self.mode == "failed":
            raise RpcUnavailable("cut")
        answers = super().batch(calls)
        if sending and self.mode == "persisted":
            raise RpcUnavailable("cut")
        return answers


@pytest.mark.parametrize("mode", ["failed", "persisted"])
def test_a_cut_while_sending_is_resumed_with_the_same_bytes(
    tmp_path: Path, rpc: JsonRpc, key: ChainKey, mode: str
) -> None:
    with Cut(rpc.url) as cut:
        cut.mode = mode
        sender = make(tmp_path, cut, key)
        with pytest.raises(RpcUnavailable):
            sender.send_many([tx(f"{n}") for n in range(5)])
        stored = _stored(tmp_path, key)
        sender.close()  # as a kill would: nothing more is written
        assert [row[0] for row in stored] == [0, 1, 2, 3, 4]
    with make(tmp_path, rpc, key) as sender:
        hashes = sender.send_many([tx(f"{n}") for n in range(5)])
        assert hashes == [row[1] for row in stored]
        assert all(receipt.ok for receipt in sender.wait([f"{n}" for n in range(5)]))
    assert count(rpc, key) == 5


def _stored(folder: Path, key: ChainKey) -> list[tuple[int, str]]:
    with_db = sqlite3.connect(folder / f"{to_hex(key.address)}.sqlite")
    try:
        return with_db.execute("SELECT nonce, hash FROM outbox ORDER BY nonce").fetchall()
    finally:
        with_db.close()


def test_nothing_is_signed_when_one_is_beyond_the_limits(tmp_path: Path, rpc: JsonRpc, key: ChainKey) -> None:
    with make(tmp_path, rpc, key, limits=Limits(max_tx_gas=200_000, max_tx_bytes=1000)) as sender:
        with pytest.raises(SenderError, match="gas 300,000"):
            sender.send_many([tx("a"), Tx(b"\x22" * 20, b"", 300_000, "b")])
        with pytest.raises(SenderError, match="bytes"):
            sender.send_many([tx("a", bytes(1000))])
        assert not sender.knows("a")


def test_another_genesis_voids_the_outbox(tmp_path: Path, rpc: JsonRpc, key: ChainKey) -> None:
    with make(tmp_path, rpc, key) as sender:
        old = sender.send_many([tx("a")])
        sender.wait(["a"])
    with make(tmp_path, rpc, key, genesis="g2") as sender:
        assert not sender.knows("a")
        assert sender.first_nonce == 1
        assert sender.send_many([tx("a")]) != old
        sender.wait(["a"])
    assert count(rpc, key) == 2


def test_a_nonce_used_by_somebody_else_is_noticed(tmp_path: Path, rpc: JsonRpc, key: ChainKey) -> None:
    with make(tmp_path, rpc, key) as sender:
        sender.run([tx("a")])
        raw, _ = LegacySigner(key.private_key, CHAIN).sign(b"\x22" * 20, b"other", 100_000, 1)
        rpc.call("eth_sendRawTransaction", to_hex(raw))
        while count(rpc, key) < 2:
            pass
    with pytest.raises(SenderError, match="somebody else"):
        make(tmp_path, rpc, key)


def test_one_process_owns_a_nonce(tmp_path: Path, rpc: JsonRpc, key: ChainKey) -> None:
    with make(tmp_path, rpc, key), pytest.raises(LockError):
        make(tmp_path, rpc, key)


def test_window_keeps_order(tmp_path: Path, rpc: JsonRpc, key: ChainKey) -> None:
    with make(tmp_path, rpc, key, limits=Limits(max_in_flight=7)) as sender:
        names = [f"{n}" for n in range(40)]
        sender.send_many([tx(name) for name in names])
        blocks = [receipt.block for receipt in sender.wait(names)]
        assert blocks == sorted(blocks)
    assert count(rpc, key) == 40
