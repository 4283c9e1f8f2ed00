"""The registry of engines: consumers ask it for a capability or an engine, and never compare a name.

Every module of this folder that states `CAPABILITIES` is an engine; adding one is that file and its test.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from chain_node import engine
from chain_node.engine.base import Capabilities
from chain_node.errors import EngineError

_engines: Final[dict[str, Capabilities]] = {}
ENGINES: Final[Mapping[str, Capabilities]] = MappingProxyType(_engines)
"""Each engine by its name."""


def register(one: Capabilities) -> None:
    """From now on there is this engine, too.

    Raises:
        EngineError: there is another one of its name.
    """
    if _engines.setdefault(one.name, one) is not one:
        raise EngineError(f"there is an engine {one.name!r} already: give this one another name")


def capabilities(name: str) -> Capabilities:
    """Those of the engine of this name.

    Raises:
        EngineError: there is none of this name.
    """
    try:
        return ENGINES[name]
    except KeyError:
        raise EngineError(f"unknown engine {name!r}: expected one of {', '.join(ENGINES)}") from None


def default() -> Capabilities:
    """What a new home runs on: of those that can begin here, one that keeps its chain.

    Raises:
        EngineError: none can.
    """
    found = [one for one in ENGINES.values() if one.available()]
    if not found:
        raise EngineError(f"no engine can begin on this machine: name one of {', '.join(ENGINES)}")
    return max(found, key=lambda one: one.keeps_chain)


def reached() -> Capabilities:
    """The one for endpoints that somebody else runs."""
    return next(one for one in ENGINES.values() if not one.owned)


def _shipped() -> Iterator[Capabilities]:
    for found in pkgutil.iter_modules(engine.__path__):
        module = importlib.import_module(f"{engine.__name__}.{found.name}")
        if isinstance(one := getattr(module, "CAPABILITIES", None), Capabilities):
            yield one


for _one in _shipped():
    register(_one)
