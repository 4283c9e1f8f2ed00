"""One ledger on one anvil for all tests of the gateway; a door in front of it for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from eth_account import Account
from gateway_support import Door, GatewayThread, World, let_in
from gateway_support import settings as gateway_settings
from node_support import FEED, Batches, settings

from chain_node.node.node import Node
from chain_node.rpc.client import to_bytes, to_hex
from chain_node.sending.signing import LegacySigner

RELAY = b"\x51" * 32


@pytest.fixture(scope="session")
def ledger_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A deployed ledger with some records on a real anvil."""
    with Node.open(tmp_path_factory.mktemp("gateway-ledger"), settings=settings(block_time=0.2)) as opened:
        yield opened


@pytest.fixture(scope="session")
def world(ledger_node: Node) -> World:
    node = ledger_node
    riders = list(node.registrar.enrol_many(1, [f"rider {n}" for n in range(8)]).values())
    batches = Batches(node)
    batches.send(batches.records(riders))
    node.catch_up()
    manifest = node.manifest
    signer = LegacySigner(RELAY, manifest.chain_id)
    relay = to_bytes(Account.from_key(RELAY).address)

    def nonce() -> int:
        return int(node.rpc.call("eth_getTransactionCount", to_hex(relay), "pending"), 16)

    def record_tx() -> str:
        tx = batches.tx(batches.records(riders[:2]))
        return to_hex(signer.sign(tx.to, tx.data, 900_000, nonce())[0])

    def other_tx() -> str:
        return to_hex(signer.sign(riders[0], b"", 21_000, nonce())[0])

    contracts = tuple((name, getattr(manifest, name)) for name in ("ledger", "law", "views", "authority"))
    return World(node.engine.rpc_url, manifest.chain_id, contracts, riders, relay, record_tx, other_tx)


@pytest.fixture(scope="module")
def door(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A door with a caller of each role."""
    folder = tmp_path_factory.mktemp("gateway")
    tokens = [
        let_in(folder, role="auditor", label="audit office")[1],
        let_in(folder, role="oracle", senders=("0x" + world.relay.hex(),), feeds=(FEED,))[1],
        let_in(folder, role="operator")[1],
    ]
    gateway = GatewayThread(gateway_settings(world, folder, siwe_domains=("door.example",)))
    try:
        yield Door(gateway, folder, *tokens)
    finally:
        gateway.stop()
