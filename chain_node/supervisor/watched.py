"""How a supervisor starts an engine."""

from __future__ import annotations

import logging

from chain_node.engine.base import Watched

_log = logging.getLogger("luya.supervisor")


def start_mending(engine: Watched) -> bool:
    """Start an engine; True where it had to be mended first (a commit that a crash had torn was rolled back).

    Raises:
        EngineError: it cannot be started, nor mended.
    """
    engine.start()
    if engine.mended:
        _log.warning("mended at the start", extra={"engine": engine.name, "mended": engine.mended})
    return bool(engine.mended)
