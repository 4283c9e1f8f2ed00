"""Counts which room of a package imports which: `uv run python scripts/count_arrows.py [chain_node luya …]`.

A room is a folder or a loose module of the package. Prints arrows (pairs of rooms), and those that go both ways.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path


def arrows(package: Path) -> set[tuple[str, str]]:
    """(importing room, imported room), each pair once."""
    found = set()
    for path in package.rglob("*.py"):
        room = path.relative_to(package).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package.name}."):
                found.add((room, str(node.module).split(".")[1]))
    return {(a, b) for a, b in found if a != b}


if __name__ == "__main__":
    for name in sys.argv[1:] or ["chain_node", "oracle", "api", "luya"]:
        every = arrows(Path(name))
        both = sorted((a, b) for a, b in every if (b, a) in every and a < b)
        print(f"{name}: {len(every)} arrows, both ways: {both or 'none'}")
