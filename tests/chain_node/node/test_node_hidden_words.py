"""`fsck --deep` on luyad: the ledger's whole storage by CometBFT's RPC, and a word in it that no entry names."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from luyad_built import need_luyad
from node_support import Batches, settings

from chain_node.auditor.compare import position
from chain_node.engine import comet
from chain_node.engine.base import StorageOrder
from chain_node.engine.capabilities import capabilities
from chain_node.node.fsck import FsckResult, fsck
from chain_node.node.node import Node
from chain_node.rpc.client import to_bytes, to_hex
from chain_node.sending.transactions import Tx

STRANGER = position(3, int.from_bytes(b"\x66" * 20, "big"))
VALUE = 10**9


@pytest.fixture(scope="module")
def luyad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A ledger with records on luyad."""
    need_luyad()
    with Node.open(tmp_path_factory.mktemp("hidden"), settings=settings(engine="luyad", block_time=0.3)) as node:
        riders = list(node.registrar.enrol_many(1, [f"rider {n}" for n in range(5)]).values())
        batches = Batches(node)
        batches.send(batches.records(riders))
        node.catch_up()
        yield node


def comet_url(node: Node) -> str:
    url = comet.address(node.home.engine / "luyad")
    assert url is not None
    return url


def checked(node: Node, url: str | None, ledger: bytes = b"") -> FsckResult:
    manifest = node.manifest.changed(ledger=to_hex(ledger)) if ledger else node.manifest
    order = StorageOrder(node.rpc, node.home.root, manifest.chain_id, manifest.ledger_address, 0, url)
    return fsck(
        node.archive,
        log_key=manifest.log_key,
        chain=(node.rpc, manifest),
        deep=True,
        list_storage=lambda about: capabilities("luyad").list_storage(replace(order, about=about)),
    )


def stand_in(node: Node, words: dict[bytes, int]) -> bytes:
    """A contract with these words in its storage, that hands every question on to the ledger: where nothing but the
    ledger itself writes its storage, this is what it would look like with a word planted in it."""
    stores = b"".join(b"\x7f" + value.to_bytes(32, "big") + b"\x7f" + slot + b"\x55" for slot, value in words.items())
    # calldata → staticcall(ledger) → what it returned, or the revert
    ask = bytes.fromhex("365f5f375f5f365f73") + node.manifest.ledger_address + bytes.fromhex("5afa3d5f5f3e")
    code = ask + b"\x60" + bytes([len(ask) + 6]) + bytes.fromhex("573d5ffd5b3d5ff3")
    begin = stores + b"\x60" + bytes([len(code)]) + b"\x80\x61"
    init = begin + (len(begin) + 6).to_bytes(2, "big") + bytes.fromhex("5f395ff3") + code
    sender = node.sender("deployer")
    (receipt,) = sender.run([Tx(None, init, 1_000_000 + 25_000 * len(words), f"stand-in/{len(words)}")])
    node.release_sender("deployer")
    found = node.rpc.call("eth_getTransactionReceipt", receipt.tx_hash)
    return to_bytes(found["contractAddress"])


def test_all_words_of_a_ledger_are_looked_at(luyad: Node) -> None:
    result = checked(luyad, comet_url(luyad))
    assert result.ok, [str(one) for one in result.differences]
    assert result.storage_words is not None
    assert result.storage_words > 20


def test_a_word_that_no_entry_names_is_found(luyad: Node) -> None:
    url, manifest = comet_url(luyad), luyad.manifest
    words = comet.storage(url, manifest.chain_id, manifest.ledger_address, 0)
    assert words is not None
    whole, planted = stand_in(luyad, words), stand_in(luyad, words | {STRANGER: VALUE})
    assert checked(luyad, url, whole).ok
    result = checked(luyad, url, planted)
    assert result.storage_words == len(words) + 1
    found = [(one.what, one.key, one.found) for one in result.differences]
    assert found == [("storage word", f"0x{STRANGER.hex()}", hex(VALUE))]
    # by the keys of the entries nothing differs, and what was not listed is said not to have been
    result = checked(luyad, None, planted)
    assert (result.ok, result.storage_words) == (True, None)


def test_a_node_lists_its_ledgers_storage_by_what_its_engine_can(luyad: Node) -> None:
    words = luyad.list_storage(100)
    assert words
    assert words == luyad.list_storage(100, comet_url=comet_url(luyad))
    manifest = luyad.manifest
    reached = StorageOrder(luyad.rpc, luyad.home.engine, manifest.chain_id, manifest.ledger_address, 100)
    assert capabilities("rpc").list_storage(reached) is None
    assert capabilities("rpc").list_storage(replace(reached, comet_url=comet_url(luyad))) == words
    with Node.open(luyad.home.root, settings=settings(engine="luyad")) as attached:
        assert not attached.owner
        assert attached.list_storage(100) == words


def test_pages_come_to_the_same(luyad: Node) -> None:
    url, manifest = comet_url(luyad), luyad.manifest
    whole = comet.storage(url, manifest.chain_id, manifest.ledger_address, 0)
    assert whole
    assert comet.storage(url, manifest.chain_id, manifest.ledger_address, 100_000) == whole
    for slot in list(whole)[:20]:
        assert int(luyad.rpc.call("eth_getStorageAt", manifest.ledger, to_hex(slot), "latest"), 16) == whole[slot]


def test_another_chains_node_and_none_list_nothing(luyad: Node) -> None:
    manifest = luyad.manifest
    assert comet.storage(comet_url(luyad), manifest.chain_id + 1, manifest.ledger_address, 0) is None
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    assert comet.storage(f"http://127.0.0.1:{port}", manifest.chain_id, manifest.ledger_address, 0) is None
    assert comet.storage("file:///etc", manifest.chain_id, manifest.ledger_address, 0) is None
    assert comet.storage(luyad.engine.rpc_url, manifest.chain_id, manifest.ledger_address, 0) is None
    assert comet.address(luyad.home.root) is None
