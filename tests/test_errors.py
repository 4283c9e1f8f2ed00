"""Each package's tree of errors is the one drawn in its docstring."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest

TREES = {
    "chain_node.errors": "NodeError",
    "chain_node.protocol.errors": "ProtocolError",
    "oracle.errors": "OracleError",
    "api.errors": "ApiError",
    "luya.errors": "LuyaError",
}


def drawn(text: str, base: str) -> dict[str, str]:
    """Error → its parent, read from the lines of a drawn tree."""
    parents: dict[str, str] = {}
    open_at: list[tuple[int, str]] = [(-1, base)]
    for line in text.splitlines():
        if branch := re.match(r"^([ │]*)[├└]── (\w+)", line):
            depth = len(branch[1])
            while open_at[-1][0] >= depth:
                open_at.pop()
            parents[branch[2]] = open_at[-1][1]
            open_at.append((depth, branch[2]))
    return parents


@pytest.mark.parametrize(("module", "base"), TREES.items())
def test_the_docstring_draws_the_tree_there_is(module: str, base: str) -> None:
    loaded = importlib.import_module(module)
    made = {
        name: one.__bases__[0].__name__
        for name, one in inspect.getmembers(loaded, inspect.isclass)
        if issubclass(one, Exception) and one.__module__ == module and name != base
    }
    assert drawn(loaded.__doc__ or "", base) == made
