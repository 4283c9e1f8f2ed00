"""Staged rows become journaled ones, chunk by chunk, in order: refused, or accepted with account, salt, sequence.

A row that is known and not attested is judged again. Where nothing it was judged by has changed (settings, content) and
the same rule refuses it, its verdict stays as it is: it is known already. Else the verdict is this call's, and replaces
the earlier one, in the transaction that claims its slots and gives it a sequence.
"""

from __future__ import annotations

import secrets
from typing import Final

from chain_node.protocol import slotword
from chain_node.protocol.records import Record, evidence
from chain_node.protocol.rules import Rule
from oracle.attest.batching import gas_of
from oracle.families.config import FeedConfig
from oracle.families.verdict import day_text
from oracle.ports import FeedLaw
from oracle.store import rows as store
from oracle.store import staged
from oracle.store.journal import IngestCall, Journal
from oracle.store.openings import SALT_BYTES, paired
from oracle.store.rows import Kept
from oracle.store.staged import StagedRow
from oracle.submitting.claims import Words

CHUNK: Final = 4_000
_BY_SLOTS: Final = (Rule.OVERLAP, Rule.OVER_CAP)


class Journaling:
    """Takes the rows of one call. `take` returns how many rows it went through, 0 at the end.

    asked: somebody asks for these rows to be judged again, so what was set aside is tried once more too.
    """

    def __init__(
        self, journal: Journal, call: IngestCall, config: FeedConfig, law: FeedLaw, words: Words, *, asked: bool = False
    ) -> None:
        self._journal = journal
        self._call = call
        self._law = law
        self._words = words
        self._asked = asked
        self._person_column = config.person_columns
        self._kept: list[Kept] = []
        self._openings: list[bytes] = []
        self._next_id = self._sequence = 0
        self._salts = b""

    def take(self) -> int:
        """Journal the next chunk, in the caller's transaction."""
        journal = self._journal
        rows = staged.following(journal, self._call, CHUNK)
        if not rows:
            return 0
        self._kept, self._openings = [], []
        self._next_id, self._sequence = store.next_id(journal), journal.next_sequence()
        # At most two rows are journaled for one that is taken: a trip's entry and its exit.
        self._salts = secrets.token_bytes(2 * SALT_BYTES * len(rows))
        self._exits: set[int] = set()
        wanted = [row for row in rows if not (row.twin or row.attested or row.own)]
        self._words.load(
            slotword.key(row.account, self._law.methods[row.method].group, row.day)
            for row in wanted
            if row.rule is None and row.account is not None and row.method is not None
        )
        for row in wanted:
            if row.id not in self._exits:
                self._take(row)
        store.keep(journal, self._call, self._kept, self._openings)
        self._words.save()
        last = rows[-1]
        journal.advance(self._call, (last.start, last.file, last.row))
        return len(rows)

    def _take(self, row: StagedRow) -> None:
        leave = self._exit_of(row)
        if row.lead is not None:
            if staged.one(self._journal, self._call, row.lead).attested:
                # Another call took the entry since the two were paired, else this row would be journaled with it.
                self._refuse(row, None, Rule.EXIT_WITHOUT_ENTRY)
        elif row.exit is not None and leave is None:
            # Another call took the exit since the two were paired.
            self._refuse(row, None, Rule.ENTRY_WITHOUT_EXIT)
        elif row.aside and not self._asked and not _stale(row, leave):
            return  # it passes our rules, and no ledger took it: nothing has changed
        elif row.rule is not None:
            self._refuse(row, None, Rule(row.rule), row.value)
        elif row.method is None:
            self._refuse(row, None, Rule.ENTRY_WITHOUT_EXIT)
        elif row.account is None:
            self._refuse(row, leave, Rule.UNKNOWN_PERSON, self._person_column)
        else:
            self._claim(row, leave, row.account, row.method)

    def _exit_of(self, row: StagedRow) -> StagedRow | None:
        if row.exit is None:
            return None
        leave = staged.one(self._journal, self._call, row.exit)
        return None if leave.attested else leave

    def _claim(self, row: StagedRow, leave: StagedRow | None, account: bytes, method_id: int) -> None:
        method = self._law.methods[method_id]
        claimed = self._words.claim(account, method, row.day, row.slot, row.slots, row.activity)
        if isinstance(claimed, Rule):
            self._refuse(row, leave, claimed, f"{day_text(row.day)} slots {row.slot}+{row.slots}")
            return
        raw = row.raw if leave is None else paired(row.raw, leave.raw)
        salt = self._salt()
        record = Record(account, method_id, row.day, row.slot, row.slots, 0, row.activity, evidence(salt, raw))
        self._keep_with(row, leave, body=record.encode(), gas=gas_of(claimed, b""), opening=salt + raw)

    def _salt(self) -> bytes:
        at = len(self._kept) * SALT_BYTES
        return self._salts[at : at + SALT_BYTES]

    def _refuse(self, row: StagedRow, leave: StagedRow | None, rule: Rule, value: str = "") -> None:
        if not _stale(row, leave) and all(_stands(one, rule) for one in (row, leave) if one is not None):
            return
        self._keep_with(row, leave, rule=rule, value=value)

    def _keep_with(
        self,
        row: StagedRow,
        leave: StagedRow | None,
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
        row: StagedRow,
        *,
        rule: Rule | None = None,
        value: str = "",
        role: str | None = None,
        lead: int | None = None,
        body: bytes | None = None,
        gas: int | None = None,
        opening: bytes | None = None,
    ) -> int:
        again = row.record is not None
        identity = self._next_id if row.record is None else row.record
        sequence = None
        state = None if lead is not None else "refused" if body is None else "accepted"
        if body is not None:
            sequence, self._sequence = self._sequence, self._sequence + 1
        self._openings.append(opening if opening is not None else self._salt() + row.raw)
        number = None if rule is None else int(rule)
        head = (identity, again, row.file, row.row, row.line, row.key, row.content)
        self._kept.append(Kept(*head, state, number, value, role, lead, sequence, body, gas))
        self._next_id += not again
        return identity


def _stands(row: StagedRow, rule: Rule) -> bool:
    """Whether the row's verdict is as good as this rule: the same, or what the slot's word could tell when it came.

    A word remembers the newest of its days: an overlap that is sent again after that would be too late.
    """
    return not row.aside and (row.verdict == rule or (rule is Rule.TOO_LATE and row.verdict in _BY_SLOTS))


def _stale(row: StagedRow, leave: StagedRow | None) -> bool:
    """Whether one of the two is new, or was judged by other settings or with other content."""
    return any(one.record is None or bool(one.stale) for one in (row, leave) if one is not None)
