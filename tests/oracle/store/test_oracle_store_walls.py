"""The journal's tables are its store's own: nobody else opens the file, takes its connection or writes SQL on them."""

from __future__ import annotations

import ast
import re
import sqlite3
from functools import cache
from pathlib import Path

import pytest

from oracle.errors import JournalError
from oracle.store import peek
from oracle.store.journal import Journal, path_of
from oracle.store.schema import TABLES

ROOT = Path(__file__).parents[3]
STORES = {"oracle/store": TABLES, "chain_node/sending": "CREATE TABLE outbox ("}
"""Rooms that own tables, and what makes these."""
COMMON = {"meta", "settings"}
"""Names of tables that other stores have too."""


@cache
def modules() -> list[tuple[str, ast.Module, str]]:
    """(path, tree, all text but docstrings) of every module."""
    found = []
    for room in ("chain_node", "oracle", "api", "luya"):
        for path in sorted((ROOT / room).rglob("*.py")):
            module = ast.parse(path.read_text("utf-8"))
            found.append((path.relative_to(ROOT).as_posix(), module, texts(module)))
    return found


def texts(module: ast.Module) -> str:
    """All text in a module, docstrings left out."""
    nodes = list(ast.walk(module))
    owners = [node for node in nodes if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))]
    said = {id(n.body[0].value) for n in owners if n.body and isinstance(n.body[0], ast.Expr)}
    constants = [n for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return "\n".join(str(n.value) for n in constants if id(n) not in said)


@pytest.mark.parametrize("store", STORES)
def test_nobody_else_writes_sql_on_its_tables(store: str) -> None:
    tables = set(re.findall(r"CREATE TABLE (\w+)", STORES[store])) - COMMON
    query = re.compile(rf"\b(FROM|INTO|UPDATE|JOIN)\s+({'|'.join(sorted(tables))})\b")
    found = [name for name, _, text in modules() if not name.startswith(store) and query.search(text)]
    assert tables
    assert not found
    assert any(query.search(text) for name, _, text in modules() if name.startswith(store))


def test_nobody_else_names_the_file_or_takes_its_connection() -> None:
    for name, module, text in modules():
        if name.startswith("oracle/store"):
            continue
        assert "journal.db" not in text, name
        taken = [
            ast.unparse(node)
            for node in ast.walk(module)
            if isinstance(node, ast.Attribute) and node.attr == "db" and "journal" in ast.unparse(node.value)
        ]
        assert not taken, name


def test_a_journal_tells_what_waits_while_it_is_held(tmp_path: Path) -> None:
    path = path_of(tmp_path, "bike-share")
    journal = Journal(path, 1, b"k" * 32)
    journal.set_cursor(7)
    assert peek.journals(tmp_path) == {"bike-share": path}
    assert peek.waiting(path) == 0
    database = sqlite3.connect(path)
    assert peek.moment(database) == peek.Moment(1, 7, 0)
    database.execute("INSERT INTO record (call, file, row, key, state, sequence) VALUES (1, 0, 1, x'68', 'signed', 4)")
    database.commit()
    assert (peek.waiting(path), peek.moment(database)) == (1, peek.Moment(1, 7, 5))
    assert peek.moment_of(path, database) == peek.Moment(1, 7, 5)
    assert peek.moment_of(path.with_suffix(".lock"), database) is None
    database.close()
    journal.close()
    path.write_bytes(b"no database" * 100)
    with pytest.raises(JournalError, match="not a database"):
        peek.waiting(path)
