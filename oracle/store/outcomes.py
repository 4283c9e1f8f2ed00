"""What became of every row of a call, and the call's totals: read from the journal and the call's staging file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from chain_node.protocol.records import ADDRESS_BYTES
from chain_node.protocol.rules import Rule
from oracle.store.journal import IngestCall, Journal

Outcome = Literal["accepted", "refused", "already-known"]
State = Literal["accepted", "signed", "final", "refused", "set-aside"]


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of one input row.

    file: its place among the call's files; row: counted from 1 among its data rows; line: of the file, from 1; rule,
    value: of a refusal; index: of the log's entry, where there is one; credits_mg, millipoints: what the ledger
    recorded (of a metro trip: on the exit's row). An already-known row shows what its first sending came to.

    was: what the journal knew of an already-known row ('accepted', 'revoked', or the rule that refused it), or of one
    that was judged again before that ('' for a new row); corrected: it is known with other content, and attested so;
    settings: the digest of those that the verdict came from, empty where an older journal did not note it; state:
    where its record stands; start: unix seconds, −1 where the row has none.
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
    line: int = 0
    was: str = ""
    corrected: bool = False
    settings: bytes = b""
    start: int = -1


@dataclass(frozen=True, slots=True)
class CallTotals:
    """Of one call: rows = accepted + the sum of refused (by rule) + already_known.

    known: what the already-known rows were: accepted, revoked, or refused by a rule (set aside: likewise); corrected:
    how many of them came with other content and stay as they were attested; judged_again: how many of accepted and
    refused had an earlier verdict.
    """

    rows: int
    accepted: int
    refused: dict[str, int]
    already_known: int
    credits_mg: int
    millipoints: int
    known: dict[str, int]
    corrected: int
    judged_again: int


_JOINED: Final = """
FROM stage.staged s
JOIN record r ON r.key = s.key
LEFT JOIN record l ON l.id = r.lead
LEFT JOIN earlier e ON e.record = r.id AND e.replaced_by = :call
"""
_OWN: Final = "(r.call = :call AND r.file = s.file AND r.row = s.row)"
_STATE: Final = "COALESCE(l.state, r.state)"
_RULE: Final = "COALESCE(l.rule, r.rule)"
_REVOKED: Final = "COALESCE(l.revoked, r.revoked) IS NOT NULL"
_ATTESTED: Final = "COALESCE(l.sequence, r.sequence) IS NOT NULL"
_CORRECTED: Final = f"(NOT {_OWN} AND {_ATTESTED} AND COALESCE(r.content != s.content, 0))"
_CREDITS: Final = "CASE WHEN r.role = 'entry' THEN 0 ELSE COALESCE(l.credits_mg, r.credits_mg, 0) END"
_POINTS: Final = "CASE WHEN r.role = 'entry' THEN 0 ELSE COALESCE(l.millipoints, r.millipoints, 0) END"
_ROWS: Final = f"""
SELECT s.file, s.row, s.line, {_OWN}, {_STATE}, {_RULE}, {_REVOKED}, {_CORRECTED}, e.rule,
  CASE WHEN l.id IS NULL THEN r.value ELSE l.value END, COALESCE(l.log_index, r.log_index), {_CREDITS}, {_POINTS},
  r.key, COALESCE(l.body, r.body), COALESCE(l.sequence, r.sequence), g.digest, s.start
{_JOINED} LEFT JOIN settings g ON g.id = r.settings ORDER BY s.file, s.row
"""
_TOTALS: Final = f"""
SELECT {_OWN}, {_STATE}, {_RULE}, {_REVOKED}, {_CORRECTED}, e.record IS NOT NULL, COUNT(*), SUM({_CREDITS}),
  SUM({_POINTS}) {_JOINED} GROUP BY 1, 2, 3, 4, 5, 6
"""


def rows(journal: Journal, call: IngestCall) -> Iterator[RowOutcome]:
    """Every row of the call, by file and row. The call's staging file is attached as `stage`, all is final."""
    for found in journal.db.execute(_ROWS, {"call": call.id}):
        file, row, line, own, state, rule, revoked, corrected, earlier, value, index, *rest = found
        credits_mg, millipoints, key, body, sequence, settings, start = rest
        yield RowOutcome(
            file,
            row,
            _outcome(own, state),
            "" if rule is None else Rule(rule).label,
            value,
            index,
            credits_mg,
            millipoints,
            _key_text(key),
            None if body is None else body[:ADDRESS_BYTES],
            sequence,
            state,
            line,
            ("" if earlier is None else Rule(earlier).label) if own else _was(state, rule, revoked),
            bool(corrected),
            settings or b"",
            start,
        )


def _outcome(own: int, state: str) -> Outcome:
    return "already-known" if not own else "accepted" if state == "final" else "refused"


def _was(state: str, rule: int | None, revoked: int) -> str:
    """What the journal knows of a row: 'accepted', 'revoked', or the rule that refused it."""
    if revoked:
        return "revoked"
    return Rule(rule).label if rule is not None else "accepted" if state == "final" else state


def _key_text(key: bytes) -> str:
    """An idempotency key as partners know it: their record id (kept after an 'i'), or a hash (after another letter)."""
    return key[1:].decode() if key[:1] == b"i" else key[1:].hex()


def totals(journal: Journal, call: IngestCall) -> CallTotals:
    """The call's sums."""
    count = accepted = credits_mg = millipoints = corrected = again = 0
    refused: dict[Rule, int] = {}
    known: dict[str, int] = {}
    for found in journal.db.execute(_TOTALS, {"call": call.id}):
        own, state, rule, revoked, other_content, judged_again, number, some_credits, some_points = found
        count += number
        if not own:
            was = _was(state, rule, revoked)
            known[was] = known.get(was, 0) + number
            corrected += number * other_content
            continue
        again += number * judged_again
        if _outcome(own, state) == "accepted":
            accepted, credits_mg, millipoints = accepted + number, credits_mg + some_credits, millipoints + some_points
        else:
            refused[Rule(rule)] = refused.get(Rule(rule), 0) + number
    by_rule = {rule.label: refused[rule] for rule in sorted(refused)}
    known = {name: known[name] for name in sorted(known)}
    already = sum(known.values())
    return CallTotals(count, accepted, by_rule, already, credits_mg, millipoints, known, corrected, again)
