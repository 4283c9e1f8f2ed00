"""The engine of a home, made from the node's settings."""

from __future__ import annotations

from typing import Any

from chain_node.engine.anvil import AnvilEngine, AnvilSettings
from chain_node.engine.base import Engine, Finality, Progress
from chain_node.engine.capabilities import capabilities
from chain_node.engine.luyad import LuyadEngine, LuyadSettings, NodeIdentity
from chain_node.engine.rpc import RpcEngine
from chain_node.keys.keystore import Keystore
from chain_node.network.genesis import solo_plan
from chain_node.node.home import Home, Network
from chain_node.node.settings import NodeSettings


def make_engine(home: Home, network: Network, keystore: Keystore, settings: NodeSettings, progress: Progress) -> Engine:
    """The engine that the settings ask for, not started yet.

    Raises:
        EngineError: there is none of this name, or an address is missing.
    """
    name = capabilities(settings.engine).name
    if name == AnvilEngine.name:
        anvil = AnvilSettings(
            chain_id=network.chain_id,
            block_time=settings.block_time,
            port=settings.port,
            keep_blocks=settings.keep_blocks,
            wipe=settings.rebuild,
        )
        return AnvilEngine(home.engine, anvil, progress=progress)
    if name == LuyadEngine.name:
        luyad = LuyadSettings(
            chain_id=network.chain_id,
            plan=lambda identity: _plan(network, identity, keystore),
            block_time=settings.block_time,
            port=settings.port,
            wipe=settings.rebuild,
        )
        return LuyadEngine(home.engine / "luyad", luyad, progress=progress)
    assert name == RpcEngine.name
    return RpcEngine(settings.rpc_urls, Finality.parse(settings.finality), chain_id=network.chain_id)


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
