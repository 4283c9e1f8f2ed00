"""Staged rows become journaled ones, chunk by chunk, in order: refused, or accepted with account, salt, sequence."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Final, NamedTuple

from chain_node.protocol import slotword
from chain_node.protocol.records import Record, evidence
from chain_node.protocol.rules import Rule
from oracle.attest.batching import gas_of
from oracle.claims import Words
from oracle.config import FeedConfig
from oracle.intake.canonical import canonical
from oracle.law import FeedLaw
from oracle.store.journal import SALT_BYTES, Call, Journal, Kept

CHUNK: Final = 4_000


class Row(NamedTuple):
    """A staged row with what the journal knows of it. account: of its person, None where unknown; known: journaled."""

    id: int
    file: int
    row: int
    start: int
    key: bytes
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
    known: int | None


_COLUMNS: Final = ", ".join(f"s.{name}" for name in Row._fields[:-2])
_SELECT: Final = f"""
SELECT {_COLUMNS}, a.account, r.id FROM stage.staged s
LEFT JOIN temp.account a ON a.person = s.person LEFT JOIN record r ON r.key = s.key
"""  # noqa: S608 - constants only
_NEXT: Final = f"{_SELECT} WHERE (s.start, s.file, s.row) > (?, ?, ?) ORDER BY s.start, s.file, s.row LIMIT ?"
_ONE: Final = f"{_SELECT} WHERE s.id = ?"


def persons(journal: Journal, call: Call) -> Iterator[str]:
    """The persons of whom at least one new row passes what can be told from the row alone."""
    query = """
    SELECT DISTINCT s.person FROM stage.staged s LEFT JOIN record r ON r.key = s.key AND r.call != ?
    WHERE s.rule IS NULL AND s.method IS NOT NULL AND s.twin = 0 AND r.id IS NULL
    """
    for (person,) in journal.db.execute(query, (call.id,)):
        yield person


class Journaling:
    """Takes the rows of one call. `take` returns how many rows it went through, 0 at the end."""

    def __init__(self, journal: Journal, call: Call, config: FeedConfig, law: FeedLaw, words: Words) -> None:
        self._journal = journal
        self._call = call
        self._law = law
        self._words = words
        self._person_column = config.columns["person"]
        self._kept: list[Kept] = []
        self._openings: list[bytes] = []
        self._next_id = self._sequence = 0
        self._salts = b""

    def take(self) -> int:
        """Journal the next chunk, in the caller's transaction."""
        journal = self._journal
        rows = [Row(*row) for row in journal.db.execute(_NEXT, (*self._call.position, CHUNK))]
        if not rows:
            return 0
        self._kept, self._openings = [], []
        self._next_id, self._sequence = journal.next_id(), journal.next_sequence()
        # At most two rows are journaled for one that is taken: a trip's entry and its exit.
        self._salts = secrets.token_bytes(2 * SALT_BYTES * len(rows))
        self._exits: set[int] = set()
        wanted = [row for row in rows if not (row.twin or row.known)]
        self._words.load(
            slotword.key(row.account, self._law.methods[row.method].group, row.day)
            for row in wanted
            if row.rule is None and row.account is not None and row.method is not None
        )
        for row in wanted:
            if row.id not in self._exits:
                self._take(row)
        journal.keep(self._kept, self._openings)
        self._words.save()
        last = rows[-1]
        journal.advance(self._call, (last.start, last.file, last.row))
        return len(rows)

    def _take(self, row: Row) -> None:
        leave = self._exit_of(row)
        if row.lead is not None:
            # Another call took the entry since the two were paired, else this row would be journaled with it.
            self._keep(row, rule=Rule.EXIT_WITHOUT_ENTRY)
        elif row.exit is not None and leave is None:
            # Another call took the exit since the two were paired.
            self._keep(row, rule=Rule.ENTRY_WITHOUT_EXIT)
        elif row.rule is not None:
            self._keep(row, rule=Rule(row.rule), value=row.value)
        elif row.method is None:
            self._keep(row, rule=Rule.ENTRY_WITHOUT_EXIT)
        elif row.account is None:
            self._keep_with(row, leave, rule=Rule.UNKNOWN_PERSON, value=self._person_column)
        else:
            self._claim(row, leave, row.account, row.method)

    def _exit_of(self, row: Row) -> Row | None:
        if row.exit is None:
            return None
        leave = Row(*self._journal.db.execute(_ONE, (row.exit,)).fetchone())
        return None if leave.known else leave

    def _claim(self, row: Row, leave: Row | None, account: bytes, method_id: int) -> None:
        method = self._law.methods[method_id]
        claimed = self._words.claim(account, method, row.day, row.slot, row.slots, row.activity)
        if isinstance(claimed, Rule):
            self._keep_with(row, leave, rule=claimed, value=f"day {row.day} slots {row.slot}+{row.slots}")
            return
        raw = row.raw if leave is None else pair_json(row.raw, leave.raw)
        salt = self._salt()
        record = Record(account, method_id, row.day, row.slot, row.slots, 0, row.activity, evidence(salt, raw))
        self._keep_with(row, leave, body=record.encode(), gas=gas_of(claimed, b""), opening=salt + raw)

    def _salt(self) -> bytes:
        at = len(self._kept) * SALT_BYTES
        return self._salts[at : at + SALT_BYTES]

    def _keep_with(
        self,
        row: Row,
        leave: Row | None,
        *,
        rule: Rule | None = None,
        value: str = "",
        body: bytes | None = None,
        gas: int | None = None,
        opening: bytes | None = None,
    ) -> None:
        role = None if leave is None else "entry"
        entry = self._keep(row, rule=rule, value=value, role=role, body=body, gas=gas, opening=opening)
        if leave is not None:
            self._keep(leave, role="exit", lead=entry)
            self._exits.add(leave.id)

    def _keep(
        self,
        row: Row,
        *,
        rule: Rule | None = None,
        value: str = "",
        role: str | None = None,
        lead: int | None = None,
        body: bytes | None = None,
        gas: int | None = None,
        opening: bytes | None = None,
    ) -> int:
        identity, sequence = self._next_id, None
        state = None if lead is not None else "refused" if body is None else "accepted"
        if body is not None:
            sequence, self._sequence = self._sequence, self._sequence + 1
        self._openings.append(opening if opening is not None else self._salt() + row.raw)
        number = None if rule is None else int(rule)
        head = (identity, self._call.id, row.file, row.row, row.key, state, number, value, role, lead)
        self._kept.append(Kept(*head, sequence, body, None, gas))
        self._next_id += 1
        return identity


def pair_json(entry: bytes, leave: bytes) -> bytes:
    """The raw record of a metro trip: both swipes in one object, their names prefixed `entry.` and `exit.`."""
    both = {f"entry.{name}": text for name, text in json.loads(entry).items()}
    both.update({f"exit.{name}": text for name, text in json.loads(leave).items()})
    return canonical(both)
