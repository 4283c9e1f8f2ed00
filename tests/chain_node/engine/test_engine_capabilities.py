"""The registry of engines: what each is, and that nobody compares names beside it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from chain_node.engine.capabilities import ENGINES, NAMES, capabilities
from chain_node.errors import EngineError

ROOT = Path(__file__).parents[3]


def test_each_engine_states_what_it_is() -> None:
    stated = {
        name: (one.owned, one.keeps_chain, one.instant_finality, one.mends_itself) for name, one in ENGINES.items()
    }
    assert stated == {
        "anvil": (True, False, True, False),
        "luyad": (True, True, True, True),
        "rpc": (False, True, False, False),
    }


def test_an_unknown_engine_is_refused_by_name() -> None:
    with pytest.raises(EngineError, match="unknown engine 'geth': expected one of anvil, luyad, rpc"):
        capabilities("geth")


def test_nobody_compares_an_engines_name() -> None:
    """Demo and bench are about one engine each; all else asks the registry."""
    found = []
    for path in [*ROOT.glob("chain_node/**/*.py"), *ROOT.glob("luya/**/*.py")]:
        place = path.relative_to(ROOT)
        if place.parts[:2] in (("luya", "demo"), ("luya", "bench")):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Compare):
                words = {one.value for one in ast.walk(node) if isinstance(one, ast.Constant)}
                if words & set(NAMES):
                    found.append(f"{place}:{node.lineno}")
    assert not found
