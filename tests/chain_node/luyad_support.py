"""A durable engine for tests: the built luyad, one validator, quick blocks. Skips, visibly, where none is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from luyad_built import need_luyad

from chain_node.engine.base import NodeIdentity
from chain_node.engine.luyad import LuyadEngine, LuyadSettings
from chain_node.network.genesis import solo_plan
from chain_node.protocol.attestation import address_of

CHAIN = 7_000_000_777
DEPLOYER = b"\x07" * 32
MEMBER = address_of(b"\x09" * 32)


def plan(identity: NodeIdentity) -> dict[str, Any]:
    """One validator; DEPLOYER may create contracts, everybody may send."""
    return solo_plan(
        CHAIN,
        node_id=identity.node_id,
        validator_key=identity.validator_key,
        member=MEMBER,
        deployers=[address_of(DEPLOYER)],
        open_sending=True,
    )


def make(folder: Path, **changes: Any) -> LuyadEngine:
    """An engine on this folder, not started."""
    values: dict[str, Any] = {"chain_id": CHAIN, "plan": plan, "block_time": 0.2, "binary": need_luyad()}
    return LuyadEngine(folder, LuyadSettings(**(values | changes)))
