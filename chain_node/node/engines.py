"""The engine of a home, made from the node's settings."""

from __future__ import annotations

from typing import Any

from chain_node.engine.anvil import AnvilEngine, AnvilSettings
from chain_node.engine.base import Engine, Finality, Limits, Progress
from chain_node.engine.luyad import LIMITS, LuyadEngine, LuyadSettings, NodeIdentity
from chain_node.engine.rpc import PORTABLE, RpcEngine
from chain_node.errors import EngineError
from chain_node.keys.keystore import Keystore
from chain_node.network.genesis import solo_plan
from chain_node.node.home import Home, Network
from chain_node.node.settings import NodeSettings

NAMES = ("anvil", "luyad", "rpc")


def make_engine(home: Home, network: Network, keystore: Keystore, settings: NodeSettings, progress: Progress) -> Engine:
    """The engine that the settings ask for, not started yet.

    Raises:
        EngineError: there is none of this name, or an address is missing.
    """
    if settings.engine == "anvil":
        anvil = AnvilSettings(
            chain_id=network.chain_id,
            block_time=settings.block_time,
            port=settings.port,
            keep_blocks=settings.keep_blocks,
            wipe=settings.rebuild,
        )
        return AnvilEngine(home.engine, anvil, progress=progress)
    if settings.engine == "luyad":
        luyad = LuyadSettings(
            chain_id=network.chain_id,
            plan=lambda identity: _plan(network, identity, keystore),
            block_time=settings.block_time,
            port=settings.port,
            wipe=settings.rebuild,
        )
        return LuyadEngine(home.engine / "luyad", luyad, progress=progress)
    if settings.engine == "rpc":
        return RpcEngine(settings.rpc_urls, Finality.parse(settings.finality), chain_id=network.chain_id)
    raise EngineError(f"unknown engine {settings.engine!r}: expected one of {', '.join(NAMES)}")


def limits_of(engine: str) -> Limits:
    """What one transaction may hold on an engine of this name."""
    return {"anvil": AnvilEngine.limits, "luyad": LIMITS}.get(engine, PORTABLE)


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
