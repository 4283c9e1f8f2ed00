"""The follower's word to a sender: woken, never missed, never held up, and ended cleanly."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chain_node.engine.anvil import AnvilEngine, AnvilSettings
from chain_node.engine.base import Finality, Limits
from chain_node.errors import SenderError
from chain_node.keys.keystore import ChainKey
from chain_node.protocol.attestation import address_of
from chain_node.rpc.client import JsonRpc
from chain_node.sending.confirmations import Confirmations
from chain_node.sending.sender import Receipt, Sender, Tx

CHAIN = 7_000_000_125
LONG = 60.0


class Counted(JsonRpc):
    """Counts the calls by method, and holds `eth_getTransactionCount` back while `held` is set."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked: dict[str, int] = {}
        self.held = threading.Event()
        self.held.set()

    def _patiently(self, calls: Any) -> list[Any]:
        for method, _ in calls:
            self.asked[method] = self.asked.get(method, 0) + 1
        if calls[0][0] == "eth_getTransactionCount":
            assert self.held.wait(LONG)
        return super()._patiently(calls)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A chain that makes a block once an hour: nothing is final unless the follower says so."""
    engine = AnvilEngine(tmp_path_factory.mktemp("chain"), AnvilSettings(chain_id=CHAIN, block_time=3_600))
    engine.start()
    yield engine.rpc_url
    engine.stop()


_numbers = iter(range(1, 1000))


@pytest.fixture
def rpc(url: str) -> Iterator[Counted]:
    with Counted(url) as counted:
        yield counted


@pytest.fixture
def key() -> ChainKey:
    secret = next(_numbers).to_bytes(32, "big")
    return ChainKey("test", secret, address_of(secret))


def make(folder: Path, rpc: JsonRpc, key: ChainKey) -> Sender:
    limits = Limits(max_in_flight=2)
    return Sender(folder, rpc, key, chain_id=CHAIN, genesis="g", finality=Finality("latest"), limits=limits)


@pytest.fixture
def sender(tmp_path: Path, rpc: Counted, key: ChainKey) -> Iterator[Sender]:
    with make(tmp_path, rpc, key) as made:
        yield made


def tx(name: str) -> Tx:
    return Tx(b"\x22" * 20, b"", 100_000, name)


class Waiting(threading.Thread):
    """Waits in a thread of its own: what came of it, and when it was over."""

    def __init__(self, wait: Any) -> None:
        super().__init__(daemon=True)
        self._wait = wait
        self.found: Any = None
        self.start()

    def run(self) -> None:
        try:
            self.found = self._wait()
        except SenderError as error:
            self.found = error

    def over(self) -> Any:
        self.join(LONG / 2)
        assert not self.is_alive()
        return self.found


def test_who_waits_for_a_key_is_woken_by_the_follower(sender: Sender, rpc: Counted) -> None:
    hashes = sender.send_many([tx("a"), tx("b")])
    waiting = Waiting(lambda: sender.wait(["a", "b"], LONG))
    sender.archived({hashes[0]: 7, "0x" + "00" * 32: 7})
    assert waiting.is_alive()
    sender.archived({hashes[1]: 8})
    assert waiting.over() == [Receipt("a", hashes[0], 7, 0), Receipt("b", hashes[1], 8, 0)]
    assert "eth_getBlockReceipts" not in rpc.asked
    assert sender.pending() == 0


def test_the_archives_growth_ends_an_advance_whoever_brought_it(sender: Sender) -> None:
    waiting = Waiting(lambda: sender.advance(LONG))
    sender.archived({})
    assert waiting.over() == []
    sender.archived({})  # between two calls: the next one sees it without waiting
    begun = time.monotonic()
    assert sender.advance(LONG) == []
    assert time.monotonic() - begun < LONG / 2
    assert sender.advance(0) == []


def test_what_is_confirmed_makes_room_for_what_waits(sender: Sender, rpc: Counted) -> None:
    hashes = sender.send_many([tx(f"{n}") for n in range(4)])
    assert rpc.asked["eth_sendRawTransaction"] == 2, "as many as the window holds"
    sender.archived(dict.fromkeys(hashes[:2], 5))
    assert sender.advance(LONG) == []
    assert rpc.asked["eth_sendRawTransaction"] == 4
    assert sender.pending() == 2


def test_the_follower_never_waits_for_a_sender_that_waits_for_its_endpoint(sender: Sender, rpc: Counted) -> None:
    hashes = sender.send_many([tx("a")])
    before = rpc.asked["eth_getTransactionCount"]
    rpc.held.clear()
    waiting = Waiting(lambda: sender.wait(["a"], LONG))
    while waiting.is_alive() and rpc.asked["eth_getTransactionCount"] == before:
        time.sleep(0.01)
    Waiting(lambda: sender.archived({hashes[0]: 9})).over()
    rpc.held.set()
    assert waiting.over()[0].block == 9


@pytest.mark.parametrize("way", ["wait", "advance"])
def test_closing_ends_whoever_waits(sender: Sender, way: str) -> None:
    sender.send_many([tx("a")])
    waiting = Waiting((lambda: sender.wait(["a"], LONG)) if way == "wait" else (lambda: sender.advance(LONG)))
    time.sleep(0.1)
    sender.close()
    assert "was closed" in str(waiting.over())


def test_what_an_earlier_session_sent_is_confirmed_too(tmp_path: Path, rpc: Counted, key: ChainKey) -> None:
    with make(tmp_path, rpc, key) as before:
        (tx_hash,) = before.send_many([tx("a")])
    with make(tmp_path, rpc, key) as again:
        again.archived({tx_hash: 3})
        assert again.wait(["a"], LONG)[0].block == 3


def test_what_is_told_between_looking_and_waiting_is_not_missed() -> None:
    confirmations = Confirmations([])
    for turn in range(100):
        confirmations.expect([f"{turn}"])
        seen = confirmations.turn
        assert confirmations.take() == {}
        Waiting(lambda turn=turn: confirmations.tell({f"{turn}": turn, "other": 0})).over()
        Waiting(lambda seen=seen: confirmations.wait(seen, LONG)).over()
        assert confirmations.take() == {f"{turn}": turn}


def test_only_what_is_expected_is_kept() -> None:
    confirmations = Confirmations(["a", "b"])
    confirmations.settle(["b"])
    confirmations.tell({"a": 1, "b": 2, "c": 3})
    confirmations.expect(["c"])
    assert confirmations.take() == {"a": 1}
    assert confirmations.take() == {}
