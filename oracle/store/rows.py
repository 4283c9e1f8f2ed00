"""The journal's rows: kept when they are new, replaced when they are judged again; never once they are attested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from oracle.errors import JournalError
from oracle.store.journal import IngestCall, Journal
from oracle.store.openings import SALT_BYTES, unpaired


class Kept(NamedTuple):
    """A row as it is journaled. role: entry or exit of a pair; lead: the id of an exit's record.

    again: a row with this id and key is there, unattested; this verdict replaces its verdict.
    """

    id: int
    again: bool
    file: int
    row: int
    line: int
    key: bytes
    content: bytes | None
    state: str | None
    rule: int | None
    value: str
    role: str | None
    lead: int | None
    sequence: int | None
    body: bytes | None
    gas: int | None


_COLUMNS: Final = "call, file, row, line, content, state, rule, value, role, lead, sequence, body, gas, settings"
_MARKS: Final = ", ".join("?" * len(_COLUMNS.split(", ")))
_KEEP: Final = f"INSERT INTO record ({_COLUMNS}, id, key) VALUES ({_MARKS}, ?, ?)"  # noqa: S608 - constants only
_REPLACE: Final = f"""
UPDATE record SET ({_COLUMNS}) = ({_MARKS}), nullifier = NULL, log_index = NULL, credits_mg = NULL, millipoints = NULL
WHERE id = ? AND key = ? AND sequence IS NULL
  AND NOT EXISTS (SELECT 1 FROM record l WHERE l.id = record.lead AND l.sequence IS NOT NULL)
"""  # noqa: S608 - constants only
_EARLIER: Final = """
INSERT INTO earlier
SELECT r.id, ?, r.call, r.file, r.row, r.line, COALESCE(l.state, r.state), COALESCE(l.rule, r.rule),
  CASE WHEN l.id IS NULL THEN r.value ELSE l.value END, r.settings
FROM record r LEFT JOIN record l ON l.id = r.lead WHERE r.id = ?
"""
_PART: Final = """
UPDATE record SET lead = NULL, role = NULL, state = l.state, rule = l.rule, value = l.value
FROM record l WHERE l.id = record.lead AND record.lead = ?
"""
"""The exits of an entry that is judged again stand alone, with the verdict that was theirs."""


def next_id(journal: Journal) -> int:
    """The id of the next new row."""
    return int(journal.db.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM record").fetchone()[0])


def keep(journal: Journal, call: IngestCall, rows: Sequence[Kept], openings: Sequence[bytes]) -> None:
    """Journal these rows of a call with their openings (salt ‖ raw), in the same order. In the caller's transaction.

    Raises JournalError: a verdict would replace that of an attested row; nothing of it may be committed then.
    """
    db = journal.db
    again = [(row.id,) for row in rows if row.again]
    if again:
        db.executemany(_EARLIER, [(call.id, *one) for one in again])
        db.executemany(_PART, again)
    sealed = journal.sealed_all([(opening, row.key) for row, opening in zip(rows, openings, strict=True)])
    replaced = db.executemany(_REPLACE, [_values(call, row) for row in rows if row.again]).rowcount if again else 0
    if replaced != len(again):
        raise JournalError(f"{journal.path}: {len(again) - replaced} rows that are judged again are attested by now")
    db.executemany(_KEEP, [_values(call, row) for row in rows if not row.again])
    db.executemany(
        "INSERT INTO opening VALUES (?, ?) ON CONFLICT DO UPDATE SET sealed = excluded.sealed",
        [(row.id, one) for row, one in zip(rows, sealed, strict=True)],
    )


def _values(call: IngestCall, row: Kept) -> tuple[object, ...]:
    verdict = (row.state, row.rule, row.value, row.role, row.lead, row.sequence, row.body, row.gas)
    return (call.id, row.file, row.row, row.line, row.content, *verdict, call.settings, row.id, row.key)


class Journaled(NamedTuple):
    """A row as the journal holds it: its record, the file that it came in (name, SHA-256) and its place there.

    wanted: it is to be judged again; else it tells what stood around the others.
    """

    record: int
    name: str
    digest: bytes
    row: int
    line: int
    key: bytes
    raw: bytes
    wanted: bool


@dataclass(frozen=True, slots=True)
class Which:
    """Which of the unattested rows: all, those that a rule refused, or those judged by other settings than these.

    rules: one or two, none for all.
    """

    rules: tuple[int, ...] = ()
    other_than: int | None = None


_WANTED: Final = """
(COALESCE(l.sequence, r.sequence) IS NULL AND COALESCE(l.state, r.state) IN ('refused', 'set-aside')
 AND (:first IS NULL OR COALESCE(l.rule, r.rule) IN (:first, :second))
 AND (:settings IS NULL OR r.settings IS NOT :settings))
"""
_JOURNALED: Final = f"""
SELECT r.id, f.name, f.digest, r.row, r.line, r.key, o.sealed, {_WANTED}, r.role
FROM record r JOIN opening o ON o.record = r.id JOIN call_file f ON f.call = r.call AND f.number = r.file
LEFT JOIN record l ON l.id = r.lead
WHERE r.key NOT BETWEEN x'75' AND x'76' AND ({_WANTED} OR :around) AND r.state IS NOT 'superseded' ORDER BY r.id
"""  # noqa: S608 - constants only
"""Rows that were never parted into fields (their keys begin with 'u') can be judged in their file only."""


def journaled(journal: Journal, which: Which, *, around: bool) -> Iterator[Journaled]:
    """The rows to be judged again; around: and all others."""
    first, *_, second = (*which.rules, *which.rules) if which.rules else (None, None)
    named = {"first": first, "second": second, "settings": which.other_than, "around": around}
    for record, name, digest, row, line, key, sealed, wanted, role in journal.db.execute(_JOURNALED, named):
        raw = journal.unsealed(sealed, key)[SALT_BYTES:]
        yield Journaled(record, name, digest, row, line, key, unpaired(raw) if role == "entry" else raw, bool(wanted))


def known(journal: Journal, key: bytes) -> bool:
    """Whether a row with this key is journaled."""
    return journal.db.execute("SELECT 1 FROM record WHERE key = ?", (key,)).fetchone() is not None


def supersede(journal: Journal, records: Sequence[int]) -> None:
    """These rows go on under other keys: nobody asks for them under theirs any more."""
    with journal.transaction():
        journal.db.executemany(
            "UPDATE record SET state = 'superseded', lead = NULL WHERE id = ? AND sequence IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM record l WHERE l.id = record.lead AND l.sequence IS NOT NULL)",
            [(record,) for record in records],
        )


def judged_otherwise(journal: Journal, settings: int) -> int:
    """How many rows were refused under other settings than these, and can be judged again without their files."""
    query = """
    SELECT COUNT(*) FROM record WHERE sequence IS NULL AND lead IS NULL AND state = 'refused' AND settings IS NOT ?
    AND key NOT BETWEEN x'75' AND x'76'
    """
    return int(journal.db.execute(query, (settings,)).fetchone()[0])
