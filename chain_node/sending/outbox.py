"""The outbox: every signed transaction of one key, in SQLite, on disk before it is sent."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from chain_node.contracts.handles import all_errors
from chain_node.errors import ContractError, RevertReason, SenderError
from chain_node.rpc.client import to_bytes
from chain_node.sending.transactions import Receipt

PENDING: Final = 0
DONE: Final = 1
REVERTED: Final = 2

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS outbox (
  nonce INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  hash TEXT NOT NULL,
  raw BLOB,
  state INTEGER NOT NULL DEFAULT 0,
  block INTEGER,
  gas_used INTEGER,
  address TEXT,
  revert BLOB,
  reason TEXT,
  since INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_pending ON outbox (nonce) WHERE state = 0;
"""


def open_outbox(path: Path) -> sqlite3.Connection:
    """The outbox at `path`; what is committed survives a power cut."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(_SCHEMA)
    columns = {row[1] for row in db.execute("PRAGMA table_info(outbox)")}
    if "since" not in columns:  # made by 0.1: its transactions are looked for from the first block on
        db.execute("ALTER TABLE outbox ADD COLUMN since INTEGER NOT NULL DEFAULT 0")
    if "revert" not in columns:
        _keep_data(db)
    return db


def _keep_data(db: sqlite3.Connection) -> None:
    """Until 0.1 a refusal was kept as its text alone: what that was written from is kept from now on."""
    db.execute("BEGIN IMMEDIATE")
    with db:
        db.execute("ALTER TABLE outbox ADD COLUMN revert BLOB")
        for nonce, text in db.execute("SELECT nonce, reason FROM outbox WHERE state = ?", (REVERTED,)).fetchall():
            data = _data_behind(text or "")
            if data is not None:
                db.execute("UPDATE outbox SET revert = ?, reason = '' WHERE nonce = ?", (data, nonce))


def _data_behind(text: str) -> bytes | None:
    """`Name(label=value, …)`, as 0.1 wrote it → revert data; None for text that was not of a custom error."""
    name, _, rest = text.partition("(")
    error = next((error for error in all_errors().errors.values() if error.name == name), None)
    values = [part.partition("=")[2] for part in rest.removesuffix(")").split(", ") if part]
    if error is None or len(values) != len(error.inputs):
        return None
    try:
        return error.data(*(_value(kind, shown) for kind, shown in zip(error.inputs, values, strict=True)))
    except (ContractError, ValueError):
        return None


def _value(kind: str, shown: str) -> Any:
    if kind.startswith("uint"):
        return int(shown)
    return bytes.fromhex(shown[2:]) if kind.startswith("bytes") else shown


def receipts(db: sqlite3.Connection, keys: Iterable[str]) -> list[Receipt] | None:
    """The receipts of these keys, in their order; None while one of them is not final.

    Raises:
        SenderError: an unknown key.
    """
    found = []
    for key in keys:
        row = db.execute(
            "SELECT hash, state, block, gas_used, address, revert, reason FROM outbox WHERE key = ?", (key,)
        ).fetchone()
        if row is None:
            raise SenderError(f"nothing was ever sent with key {key!r}")
        tx_hash, state, block, gas_used, address, data, note = row
        if state == PENDING:
            return None
        reason = None
        if state == REVERTED:
            reason = all_errors().decode_error(data) if data else RevertReason(note=note or "")
        found.append(Receipt(key, tx_hash, block, gas_used or 0, reason, to_bytes(address) if address else None))
    return found


def confirm(db: sqlite3.Connection, blocks: Mapping[str, int]) -> None:
    """Mark these (hash → block) as done, where they were pending."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        db.executemany(
            "UPDATE outbox SET state = ?, block = ?, raw = NULL WHERE hash = ? AND state = 0",
            [(DONE, block, tx_hash) for tx_hash, block in blocks.items()],
        )


def pending_hashes(db: sqlite3.Connection) -> list[str]:
    """The hashes of what is not final."""
    return [row[0] for row in db.execute("SELECT hash FROM outbox WHERE state = 0").fetchall()]


def pending_count(db: sqlite3.Connection) -> int:
    """How many are not final."""
    return int(db.execute("SELECT count(*) FROM outbox WHERE state = 0").fetchone()[0])


def oldest_pending(db: sqlite3.Connection) -> int | None:
    """The lowest nonce that is not final; None where all are."""
    found: int | None = db.execute("SELECT min(nonce) FROM outbox WHERE state = 0").fetchone()[0]
    return found


def pending_since(db: sqlite3.Connection) -> int | None:
    """The newest final block when the first of what is pending was signed; None where nothing is."""
    found: int | None = db.execute("SELECT min(since) FROM outbox WHERE state = 0").fetchone()[0]
    return found


def first_unsigned(db: sqlite3.Connection) -> int:
    """The nonce after the highest one that was ever signed here; 0 where none was."""
    highest = db.execute("SELECT max(nonce) FROM outbox").fetchone()[0]
    return 0 if highest is None else int(highest) + 1


def count_resends(db: sqlite3.Connection, more: int) -> None:
    """Remember that so many transactions were sent again: metrics tell it, whichever process sends."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        db.execute(
            "INSERT INTO meta VALUES ('resends', ?) "
            "ON CONFLICT (name) DO UPDATE SET value = CAST(value + excluded.value AS TEXT)",
            (str(more),),
        )


# --- read by others, whoever has it open


class Figures(NamedTuple):
    """What an outbox holds. following: the next nonce; resends: how often a transaction was sent again."""

    pending: int
    following: int
    reverted: int
    resends: int


def figures(path: Path) -> Figures:
    """The figures of the outbox in this file. Raises sqlite3.Error: it cannot be read."""
    with _reading(path) as db:
        meta: dict[str, str] = dict(db.execute("SELECT name, value FROM meta").fetchall())
        states: dict[int, int] = dict(db.execute("SELECT state, count(*) FROM outbox GROUP BY state").fetchall())
        signed = first_unsigned(db)
    following = signed or int(meta.get("first_nonce", "0"))
    return Figures(states.get(PENDING, 0), following, states.get(REVERTED, 0), int(meta.get("resends", "0")))


def waiting(path: Path, since: int | None = None) -> int:
    """How many transactions wait; since: those signed before this block. Raises sqlite3.Error: it cannot be read."""
    query = "SELECT count(*) FROM outbox WHERE state = 0 AND (:since IS NULL OR since < :since)"
    with _reading(path) as db:
        return int(db.execute(query, {"since": since}).fetchone()[0])


def _reading(path: Path) -> contextlib.closing[sqlite3.Connection]:
    return contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1.0))
