"""The outbox on disk: what earlier versions left behind is taken over."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from chain_node.contracts.handles import all_errors
from chain_node.sending.outbox import REVERTED, open_outbox

OLD = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE outbox (
  nonce INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, hash TEXT NOT NULL, raw BLOB, state INTEGER NOT NULL DEFAULT 0,
  block INTEGER, gas_used INTEGER, address TEXT, reason TEXT
) STRICT;
"""
TEXTS = {
    "LuyaLedgerImpossibleRecord(position=3, rule=7)": {"position": 3, "rule": 7},
    "LuyaLedgerNotSealed()": {},
    f"AccessManagedUnauthorized(caller=0x{'ab' * 20})": {"caller": "0x" + "ab" * 20},
    f"LuyaLedgerIdentityNotNew(position=0, identity=0x{'0c' * 32})": {"position": 0, "identity": b"\x0c" * 32},
}
WORDS = ("out of gas: all of 100,000 was used", "panic 0x11 (arithmetic overflow)", "LuyaLedgerPaused(until=soon)", "")


def test_refusals_kept_as_text_become_data(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    db = sqlite3.connect(path)
    db.executescript(OLD)
    texts = [*TEXTS, *WORDS]
    rows = [(nonce, f"k{nonce}", "0x", REVERTED, text) for nonce, text in enumerate(texts)]
    db.executemany("INSERT INTO outbox (nonce, key, hash, state, reason) VALUES (?, ?, ?, ?, ?)", rows)
    db.execute("INSERT INTO outbox (nonce, key, hash) VALUES (99, 'pending', '0x')")
    db.commit()
    db.close()
    for _ in range(2):
        db = open_outbox(path)
        found = db.execute("SELECT revert, reason FROM outbox WHERE state = 2 ORDER BY nonce").fetchall()
        assert db.execute("SELECT revert, reason, since FROM outbox WHERE nonce = 99").fetchone() == (None, None, 0)
        db.close()
        for (data, text), (shown, arguments) in zip(found, TEXTS.items(), strict=False):
            reason = all_errors().decode_error(data)
            assert (str(reason), reason.arguments, text) == (shown, arguments, "")
        assert found[len(TEXTS) :] == [(None, words) for words in WORDS]
