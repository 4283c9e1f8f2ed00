"""Which engine a home runs on: what was asked for, else what it began with, else the durable one where it is built."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Final

from chain_node.engine.base import Finality
from chain_node.engine.capabilities import ENGINES, capabilities, default, reached
from chain_node.node.home import EngineChoice
from chain_node.node.settings import NodeSettings
from luya.endpoints import parse_endpoints
from luya.errors import HomeError, UsageError
from luya.home import LuyaHome

EVALUATION: Final = (
    "[yellow]内置引擎 anvil 仅供试用：内存与状态有限，不适合长期运行。[/yellow] "
    "The embedded engine (anvil) is for evaluation only: it keeps its chain in memory and slows as it grows. For a "
    "ledger that lasts, build the durable one once (`luya engine build`), then `luya rebuild --engine luyad`."
)


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What the command line says of the engine.

    Attributes:
        engine: its name in the registry, or None.
        rpc: endpoints, for 'rpc'.
        finality: their rule, for 'rpc'.
    """

    engine: str | None = None
    rpc: tuple[str, ...] = ()
    finality: str | None = None

    @staticmethod
    def of(engine: str | None, rpc: list[str] | None, finality: str | None) -> EngineOptions:
        """The options of a command, checked as far as they can be by themselves.

        Raises:
            UsageError: no such engine, addresses without the engine that uses them, an empty or a doubled one.
            EngineError: no such finality rule.
        """
        if engine is not None and engine not in ENGINES:
            raise UsageError(f"there is no engine {engine!r}: give --engine one of {', '.join(ENGINES)}")
        if (rpc or finality) and engine is not None and capabilities(engine).owned:
            raise UsageError(f"--rpc and --finality are for the engine {reached().name}, not for {engine}")
        if finality is not None:
            Finality.parse(finality)
        return EngineOptions(engine or (reached().name if rpc else None), parse_endpoints(rpc or (), "--rpc"), finality)


NOTHING_ASKED: Final = EngineOptions()


def with_engine(settings: NodeSettings, home: LuyaHome, asked: EngineOptions) -> NodeSettings:
    """The settings with the engine that this home is opened with.

    Raises:
        HomeError: another engine than the one that holds the home's ledger was asked for.
        UsageError: the rpc engine without an address.
    """
    kept = EngineChoice.read(home)
    if kept is not None and not settings.rebuild:
        if asked.engine not in (None, kept.engine):
            raise HomeError(
                f"the ledger of {home.root} is on {kept.engine}: to move it to {asked.engine}, from its archive and "
                f"sealed at the same root, run `luya rebuild --engine {asked.engine} --home {home.root}`"
            )
        name = kept.engine
    else:
        name = asked.engine or (kept.engine if kept else None) or _default()
    if capabilities(name).owned:
        return replace(settings, engine=name)
    urls = asked.rpc or _configured() or (kept.rpc_urls if kept else ())
    if not urls:
        raise UsageError(f"the engine {name} needs an endpoint: --rpc http://HOST:PORT (several times for failover)")
    finality = asked.finality or os.environ.get("LUYA_FINALITY") or (kept.finality if kept else "") or "finalized"
    return replace(settings, engine=name, rpc_urls=urls, finality=finality)


def warning(engine: str, asked: EngineOptions) -> str | None:
    """What to say of an engine that nobody has asked for; None where there is nothing to say."""
    chosen = asked.engine is not None or bool(os.environ.get("LUYA_ENGINE"))
    return EVALUATION if not capabilities(engine).keeps_chain and not chosen else None


def _configured() -> tuple[str, ...]:
    text = os.environ.get("LUYA_RPC")
    return parse_endpoints((text,), "LUYA_RPC") if text else ()


def _default() -> str:
    """For a new home: `LUYA_ENGINE`, else the durable one where it is built, else the one for a first look."""
    configured = os.environ.get("LUYA_ENGINE")
    if configured:
        if configured not in ENGINES:
            raise UsageError(f"LUYA_ENGINE is {configured!r}: expected one of {', '.join(ENGINES)}")
        return configured
    return default().name
