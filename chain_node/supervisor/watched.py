"""What a supervisor needs of an engine, and how it starts one."""

from __future__ import annotations

import logging
from typing import Protocol

from chain_node.engine.base import Finality

_log = logging.getLogger("luya.supervisor")


class Watched(Protocol):
    """What a supervisor needs of an engine; see `Engine`. Some have a `pid`, and say what a start has `mended`."""

    @property
    def name(self) -> str: ...
    @property
    def finality(self) -> Finality: ...
    @property
    def fresh(self) -> bool: ...
    @property
    def rpc_url(self) -> str: ...
    @property
    def rpc_urls(self) -> tuple[str, ...]: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


def start_mending(engine: Watched) -> bool:
    """Start an engine; True where it had to be mended first (a commit that a crash had torn was rolled back).

    Raises:
        EngineError: it cannot be started, nor mended.
    """
    engine.start()
    mended = mended_of(engine)
    if mended:
        _log.warning("mended at the start", extra={"engine": engine.name, "mended": mended})
    return bool(mended)


def mended_of(engine: Watched) -> str:
    """What an engine's last start found broken and mended; "" where nothing was, or it never mends."""
    return str(getattr(engine, "mended", ""))
