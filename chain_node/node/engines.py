"""The engine of a home, made from the node's settings."""

from __future__ import annotations

from typing import Any

from chain_node.engine.base import Engine, EngineOrder, NodeIdentity, Progress
from chain_node.engine.capabilities import capabilities
from chain_node.keys.keystore import Keystore
from chain_node.network.genesis import solo_plan
from chain_node.node.home import Home, Network
from chain_node.node.settings import NodeSettings


def make_engine(home: Home, network: Network, keystore: Keystore, settings: NodeSettings, progress: Progress) -> Engine:
    """The engine that the settings ask for, not started yet.

    Raises:
        EngineError: there is none of this name, or an address is missing.
    """
    order = EngineOrder(
        folder=home.engine,
        chain_id=network.chain_id,
        plan=lambda identity: _plan(network, identity, keystore),
        block_time=settings.block_time,
        port=settings.port,
        keep_blocks=settings.keep_blocks,
        rpc_urls=settings.rpc_urls,
        finality=settings.finality,
        wipe=settings.rebuild,
        progress=progress,
    )
    return capabilities(settings.engine).make(order)


def _plan(network: Network, identity: NodeIdentity, keystore: Keystore) -> dict[str, Any]:
    """A chain of one validator: the home's deployer may create contracts, and whoever reaches it may send."""
    return solo_plan(
        network.chain_id,
        node_id=identity.node_id,
        validator_key=identity.validator_key,
        member=keystore.chain_key("council").address,
        deployers=[keystore.chain_key("deployer").address],
        open_sending=True,
    )
