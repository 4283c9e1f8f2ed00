"""A journal of an earlier version becomes one of this version, in one transaction: wholly, or not at all.

What version 1 did not write down is told apart from what it did: a refused row's settings stay unknown (so it is judged
again when it is sent again), an attested row's are those of its batch. Calls that version 1 left unfinished are closed:
their rows are known from then on, and the same command makes a call of its own out of the rest.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from typing import Final

from oracle.errors import JournalError
from oracle.store.openings import SALT_BYTES, unpaired
from oracle.store.schema import TO_2, VERSION

Unsealed = Callable[[bytes, bytes], bytes]
"""(sealed, key of the record) → salt ‖ raw record."""
_AT_ONCE: Final = 10_000


def migrate(db: sqlite3.Connection, version: int, unsealed: Unsealed) -> None:
    """Within the caller's transaction. Raises JournalError: the journal is of a later program's."""
    if version > VERSION:
        raise JournalError(f"it is of version {version}, this program knows {VERSION}: use the program that wrote it")
    if version < 2:
        _to_2(db, unsealed)


def _to_2(db: sqlite3.Connection, unsealed: Unsealed) -> None:
    for statement in TO_2.split(";"):
        db.execute(statement)
    db.execute("INSERT INTO settings (digest, document) SELECT DISTINCT config_digest, '' FROM batch")
    db.execute(
        "UPDATE record SET settings = s.id FROM batch b JOIN settings s ON s.digest = b.config_digest "
        "WHERE b.state IN ('signed', 'final') AND record.sequence >= b.first_sequence "
        "AND record.sequence < b.first_sequence + b.count"
    )
    _contents(db, unsealed)
    db.execute("UPDATE call SET state = 'done' WHERE state != 'done'")
    # Revocations that were settled before anybody noted them: the outbox reads these entries once more.
    db.execute("INSERT INTO meta SELECT 'rescan', value FROM meta WHERE name = 'cursor'")
    db.execute("UPDATE meta SET value = 2 WHERE name = 'version'")


def _contents(db: sqlite3.Connection, unsealed: Unsealed) -> None:
    """The content's digest of every row whose key is the partner's record id: from what was sealed with it."""
    query = (
        "SELECT r.id, r.key, r.role, o.sealed FROM record r JOIN opening o ON o.record = r.id "
        "WHERE r.id > ? AND substr(r.key, 1, 1) = x'69' ORDER BY r.id LIMIT ?"
    )
    last = 0
    while found := db.execute(query, (last, _AT_ONCE)).fetchall():
        last = found[-1][0]
        digests = []
        for record, key, role, sealed in found:
            raw = unsealed(sealed, key)[SALT_BYTES:]
            if role == "entry":
                raw = unpaired(raw)
            digests.append((hashlib.sha256(raw).digest(), record))
        db.executemany("UPDATE record SET content = ? WHERE id = ?", digests)
