"""What became of every row of a call, and the call's totals: read from the journal and the call's staging file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from chain_node.protocol.records import ADDRESS_BYTES
from chain_node.protocol.rules import Rule
from oracle.store.journal import Call, Journal

Outcome = Literal["accepted", "refused", "already-known"]
State = Literal["accepted", "signed", "final", "refused", "set-aside"]


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of one input row.

    file: its place among the call's files; row: counted from 1 among its data rows; rule, value: of a refusal; index:
    of the log's entry, where there is one; credits_mg, millipoints: what the ledger recorded (of a metro trip: on the
    exit's row). An already-known row shows what its first sending came to. state: where its record stands.
    """

    file: int
    row: int
    outcome: Outcome
    rule: str
    value: str
    index: int | None
    credits_mg: int
    millipoints: int
    key: str = ""
    account: bytes | None = None
    sequence: int | None = None
    state: State = "final"


@dataclass(frozen=True, slots=True)
class Totals:
    """Of one call: rows = accepted + the sum of refused (by rule) + already_known."""

    rows: int
    accepted: int
    refused: dict[str, int]
    already_known: int
    credits_mg: int
    millipoints: int


_JOINED: Final = """
FROM stage.staged s
JOIN record r ON r.key = s.key
LEFT JOIN record l ON l.id = r.lead
"""
_OWN: Final = "(r.call = :call AND r.file = s.file AND r.row = s.row)"
_STATE: Final = "COALESCE(l.state, r.state)"
_CREDITS: Final = "CASE WHEN r.role = 'entry' THEN 0 ELSE COALESCE(l.credits_mg, r.credits_mg, 0) END"
_POINTS: Final = "CASE WHEN r.role = 'entry' THEN 0 ELSE COALESCE(l.millipoints, r.millipoints, 0) END"


def rows(journal: Journal, call: Call) -> Iterator[RowOutcome]:
    """Every row of the call, by file and row. The call's staging file is attached as `stage`, all is final."""
    query = (
        f"SELECT s.file, s.row, {_OWN}, {_STATE}, COALESCE(l.rule, r.rule), "
        f"CASE WHEN l.id IS NULL THEN r.value ELSE l.value END, COALESCE(l.log_index, r.log_index), {_CREDITS}, "
        f"{_POINTS}, r.key, COALESCE(l.body, r.body), COALESCE(l.sequence, r.sequence) {_JOINED} ORDER BY s.file, s.row"
    )
    for file, row, own, state, rule, value, index, credits_mg, millipoints, key, body, sequence in journal.db.execute(
        query, {"call": call.id}
    ):
        outcome: Outcome = "already-known" if not own else "accepted" if state == "final" else "refused"
        yield RowOutcome(
            file,
            row,
            outcome,
            "" if rule is None else Rule(rule).label,
            value,
            index,
            credits_mg,
            millipoints,
            _key_text(key),
            None if body is None else body[:ADDRESS_BYTES],
            sequence,
            state,
        )


def _key_text(key: bytes) -> str:
    """An idempotency key as partners know it: their record id (kept after an 'i'), or the row's hash (after an 'h')."""
    return key[1:].decode() if key[:1] == b"i" else key[1:].hex()


def totals(journal: Journal, call: Call) -> Totals:
    """The call's sums."""
    query = (
        f"SELECT {_OWN}, {_STATE}, COALESCE(l.rule, r.rule), COUNT(*), "
        f"SUM({_CREDITS}), SUM({_POINTS}) {_JOINED} GROUP BY 1, 2, 3"
    )
    count = accepted = known = credits_mg = millipoints = 0
    refused: dict[Rule, int] = {}
    for own, state, rule, number, some_credits, some_points in journal.db.execute(query, {"call": call.id}):
        count += number
        if not own:
            known += number
        elif state == "final":
            accepted, credits_mg, millipoints = accepted + number, credits_mg + some_credits, millipoints + some_points
        else:
            refused[Rule(rule)] = refused.get(Rule(rule), 0) + number
    by_rule = {rule.label: refused[rule] for rule in sorted(refused)}
    return Totals(count, accepted, by_rule, known, credits_mg, millipoints)
