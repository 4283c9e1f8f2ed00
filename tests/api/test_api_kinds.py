"""Every registered kind goes through everything that reads entries, and an unassigned type through nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api.entries import decoded
from api.projection.rows import entry_values, law_key
from chain_node.auditor.changes import problem
from chain_node.auditor.tables import TABLES, line_of
from chain_node.errors import QueryError
from chain_node.protocol import entries as e
from chain_node.protocol.errors import CodecError, ReplayError
from chain_node.protocol.kinds import BY_TYPE
from chain_node.protocol.postings import Books, Given
from chain_node.protocol.records import Record
from chain_node.protocol.replay import State
from chain_node.protocol.rules import Rule
from chain_node.protocol.times import day_of

TIME = 1_780_000_000
HASH, WHO = bytes([7]) * 32, bytes([8]) * 20
PLAIN = e.Method(TIME, 1, 1, 1, 1, 10, 1, 100, 50_000, 0, (), 14_000, e.OPEN_END, False, e.EvidenceClass.MEASURED, HASH)
PHOTO = replace(PLAIN, id=2, behaviour=2, windows=None, needs_nullifier=True)
REDUCTION = e.Reduction(TIME, 1, 0, Record(WHO, 1, day_of(TIME), 3, 4, 0, 500, HASH), 50, 5)
SCRIPT: tuple[e.Entry, ...] = (
    e.LogKey(TIME, HASH),
    e.Pause(TIME, 0),
    e.GroupCaps(TIME, 1, 90_000, 90_000),
    PLAIN,
    PHOTO,
    e.Organisation(TIME, 1, HASH, e.Standing.ACTIVE),
    e.Feed(TIME, 1, 1, 1, 1, (bytes([1]) * 20,), 63, 10**9, 10**9, (1, 2), e.Standing.ACTIVE),
    e.Account(TIME, WHO, HASH, 502, 0, e.AccountState.ACTIVE),
    REDUCTION,
    replace(REDUCTION, sequence=1, record=replace(REDUCTION.record, method=2), nullifier=HASH),
    e.Refusal(TIME, 1, 2, Rule.OVERLAP),
    e.Revocation(TIME, 8, 1, HASH, True, 50, 5, 0, 0),
)
UNASSIGNED = sorted(set(range(256)) - set(BY_TYPE))


def test_the_script_has_every_type_that_is_registered() -> None:
    assert {e.encode(entry)[0] for entry in SCRIPT} == set(BY_TYPE)


def test_every_kind_goes_through_replay_tables_views_rows_and_postings() -> None:
    state, books = State(), Books()
    tables = set()
    for index, entry in enumerate(SCRIPT):
        body = e.encode(entry)
        assert e.decode(body) == entry
        assert problem(state, entry, imported=True) is None
        assert state.apply(body) == index
        books.post(e.postings(entry, books))
        if isinstance(entry, e.Reduction):
            books.remember(index, Given(WHO, 2026, entry.credits_mg, entry.millipoints))
        table, line = line_of(index, body)
        assert line.count(",") == TABLES[table].count(",")
        tables.add(table)
        row = entry_values(index, body, entry, bytes(32), None)
        assert (row.type, row.time, row.body) == (body[0], TIME, body)
        assert decoded.view(body).time == TIME
        if body[0] in decoded.LAW_TYPES:
            assert law_key(entry)[0] == body[0]  # type: ignore[arg-type]  # its type is of the law
    assert tables == set(TABLES) - {"base_call"}
    assert state.balances[WHO, 2026] == tuple(books.held(WHO, 2026, unit) for unit in (0, 1))  # type: ignore[arg-type]


@pytest.mark.parametrize("code", UNASSIGNED)
def test_an_unassigned_type_is_refused_by_name_everywhere(code: int) -> None:
    body = bytes([code]) + e.encode(SCRIPT[8])[1:]
    with pytest.raises(CodecError, match=f"0x{code:02x} is not assigned"):
        e.decode(body)
    with pytest.raises(ReplayError, match=f"0x{code:02x}"):
        State().apply(body)
    with pytest.raises(QueryError, match=f"type 0x{code:02x}"):
        line_of(4, body)
    with pytest.raises(CodecError, match=f"0x{code:02x}"):
        decoded.view(body)
