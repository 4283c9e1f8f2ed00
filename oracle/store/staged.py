"""A call's staging file beside the journal: its rows in the order of taking, with what the journal knows of each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from oracle.store.journal import IngestCall, Journal


class StagedRow(NamedTuple):
    """A staged row, the account of its person (None where unknown), and what the journal knows of its key.

    record: the id of the journal's row, None for a new one; own: this call has journaled it; attested: final, whatever
    comes; stale: judged under other settings or with other content; verdict: the rule that refused it; aside: no ledger
    took its record.
    """

    id: int
    file: int
    row: int
    line: int
    start: int
    key: bytes
    content: bytes | None
    raw: bytes
    rule: int | None
    value: str
    method: int | None
    day: int
    slot: int
    slots: int
    activity: int
    exit: int | None
    lead: int | None
    twin: int
    account: bytes | None
    record: int | None
    own: int | None
    attested: int
    stale: int
    verdict: int | None
    aside: int | None


_KNOWN: Final = 7
"""The fields of `StagedRow` that are no columns of the staging file."""
_COLUMNS: Final = ", ".join(f"s.{name}" for name in StagedRow._fields[:-_KNOWN])
_SELECT: Final = f"""
SELECT {_COLUMNS}, a.account, r.id, r.call = :call, COALESCE(l.sequence, r.sequence) IS NOT NULL,
  r.settings IS NOT :settings OR COALESCE(r.content != s.content, 0), COALESCE(l.rule, r.rule),
  COALESCE(l.state, r.state) = 'set-aside'
FROM stage.staged s
LEFT JOIN temp.account a ON a.person = s.person
LEFT JOIN record r ON r.key = s.key
LEFT JOIN record l ON l.id = r.lead
"""  # noqa: S608 - constants only
_NEXT: Final = f"""
{_SELECT} WHERE (s.start, s.file, s.row) > (:start, :file, :row) ORDER BY s.start, s.file, s.row LIMIT :limit
"""
_ONE: Final = f"{_SELECT} WHERE s.id = :id"

_OLD: Final = """
INSERT OR IGNORE INTO old SELECT {content}, r.key FROM record r LEFT JOIN record l ON l.id = r.lead
WHERE COALESCE(l.sequence, r.sequence) IS NOT NULL AND {which}
"""


@contextmanager
def attached(journal: Journal, path: Path) -> Iterator[None]:
    """The staging file stands beside the journal's tables, and no account is known yet.

    After an exception it stays there: what was read of it may be open still, and the journal is closed anyway.
    """
    db = journal.db
    db.execute("ATTACH ? AS stage", (str(path),))
    db.execute("CREATE TEMP TABLE account (person TEXT PRIMARY KEY, account BLOB NOT NULL) WITHOUT ROWID")
    yield
    db.execute("DROP TABLE temp.account")
    db.execute("DETACH stage")


def count(journal: Journal) -> int:
    """How many rows are staged."""
    return int(journal.db.execute("SELECT COUNT(*) FROM stage.staged").fetchone()[0])


def persons(journal: Journal, call: IngestCall) -> Iterator[str]:
    """The persons of whom at least one row may count yet and passes what can be told from the row alone."""
    query = """
    SELECT DISTINCT s.person FROM stage.staged s
    LEFT JOIN record r ON r.key = s.key AND r.call != ? LEFT JOIN record l ON l.id = r.lead
    WHERE s.rule IS NULL AND s.method IS NOT NULL AND s.twin = 0 AND COALESCE(l.sequence, r.sequence) IS NULL
    """
    for (person,) in journal.db.execute(query, (call.id,)):
        yield person


def know(journal: Journal, accounts: Mapping[str, bytes]) -> None:
    """These persons' accounts are known from now on."""
    with journal.transaction():
        journal.db.executemany("INSERT INTO temp.account VALUES (?, ?)", list(accounts.items()))


def following(journal: Journal, call: IngestCall, limit: int) -> list[StagedRow]:
    """The rows after the call's position, in the order of taking."""
    start, file, row = call.position
    named = {"call": call.id, "settings": call.settings, "start": start, "file": file, "row": row, "limit": limit}
    return [StagedRow(*found) for found in journal.db.execute(_NEXT, named)]


def one(journal: Journal, call: IngestCall, identity: int) -> StagedRow:
    """The staged row with this id."""
    named = {"call": call.id, "settings": call.settings, "id": identity}
    return StagedRow(*journal.db.execute(_ONE, named).fetchone())


def rekey(journal: Journal, record_ids: set[str | None]) -> None:
    """Where another column was the record id once: a row that was attested under its old key is staged under that.

    A row is attested once, whatever the settings call it. Told by the content of the row; the staging file is attached.
    record_ids: the columns that these settings name, None among them where rows go by their hash.
    """
    db = journal.db
    documents = [json.loads(text) for (text,) in db.execute("SELECT document FROM settings WHERE document != ''")]
    named = {style.get("record_id") for document in documents for style in _styles(document)} | record_ids
    if None not in named and _any(journal, "h"):
        named.add(None)
    if len(named) == 1:
        return
    with journal.transaction():
        db.execute("CREATE TEMP TABLE old (content BLOB PRIMARY KEY, key BLOB NOT NULL) WITHOUT ROWID")
        db.execute(_OLD.format(content="r.content", which="r.content IS NOT NULL"))
        db.execute(_OLD.format(content="substr(r.key, 2)", which="r.key >= x'68' AND r.key < x'69'"))
        db.execute(
            "UPDATE stage.staged SET key = old.key FROM old "
            "WHERE old.content = COALESCE(stage.staged.content, substr(stage.staged.key, 2))"
        )
        db.execute("DROP TABLE old")


def _styles(document: Any) -> list[Any]:
    return [document.get("columns", {}), *document.get("styles", {}).values()]


def _any(journal: Journal, letter: str) -> bool:
    """Whether there is an attested row whose key begins so."""
    first, after = letter.encode(), bytes([letter.encode()[0] + 1])
    query = "SELECT 1 FROM record WHERE key >= ? AND key < ? AND sequence IS NOT NULL LIMIT 1"
    return journal.db.execute(query, (first, after)).fetchone() is not None
