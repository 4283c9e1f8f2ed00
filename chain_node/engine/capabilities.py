"""What each engine is, stated once: consumers ask for a capability, never for a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from chain_node.engine.anvil import AnvilEngine
from chain_node.engine.base import Limits
from chain_node.engine.luyad import LuyadEngine
from chain_node.engine.rpc import PORTABLE, RpcEngine
from chain_node.errors import EngineError


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What may be relied on with one engine.

    Attributes:
        name: as settings, manifests and `--engine` have it.
        owned: a home starts and stops it; else somebody else runs it, decides its pace and finality, and watches it.
        keeps_chain: everything that was in its chain stays there over any stop, so a lost archive is read again.
        instant_finality: its newest block is final.
        mends_itself: it may be restarted in place on the chain it has, and stopped before its disk is full.
        limits: what one transaction may hold, as far as the name alone tells.
    """

    name: str
    owned: bool
    keeps_chain: bool
    instant_finality: bool
    mends_itself: bool
    limits: Limits


ENGINES: Final[Mapping[str, Capabilities]] = MappingProxyType(
    {
        one.name: one
        for one in (
            Capabilities(AnvilEngine.name, True, False, True, False, AnvilEngine.limits),
            Capabilities(LuyadEngine.name, True, True, True, True, LuyadEngine.limits),
            Capabilities(RpcEngine.name, False, True, False, False, PORTABLE),
        )
    }
)
NAMES: Final = tuple(ENGINES)


def capabilities(name: str) -> Capabilities:
    """Those of the engine of this name.

    Raises:
        EngineError: there is none of this name.
    """
    try:
        return ENGINES[name]
    except KeyError:
        raise EngineError(f"unknown engine {name!r}: expected one of {', '.join(NAMES)}") from None
