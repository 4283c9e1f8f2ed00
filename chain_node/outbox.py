"""The outbox: every signed transaction of one key, in SQLite, on disk before it is sent."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

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
  reason TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_pending ON outbox (nonce) WHERE state = 0;
"""


def open_outbox(path: Path) -> sqlite3.Connection:
    """The outbox at `path`; what is committed survives a power cut."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(_SCHEMA)
    return db
