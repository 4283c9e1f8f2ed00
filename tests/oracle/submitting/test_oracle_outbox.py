"""The outbox when the ledger refuses, reverts, is paused, is rebuilt: nothing lost, nothing twice, the rest goes on."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import partner_files
import pytest
from insecure_ledger import InsecureLedger, world
from partner_files import DAY, trip

from chain_node.protocol.entries import Reduction, Revocation, decode, encode
from chain_node.protocol.kinds import BY_TYPE
from chain_node.protocol.records import Record
from chain_node.protocol.rules import Rule
from oracle.calls.ingest import IngestResult, Run, ingest, silent
from oracle.errors import JournalError, LedgerBlocked, SubmissionError
from oracle.feeds import toml_files
from oracle.ports import BatchLimits
from oracle.store.journal import Journal, path_of
from oracle.store.outcomes import RowOutcome
from oracle.submitting import outbox

FEED = toml_files.shipped()["bike-share"]
LIMITS = BatchLimits(max_records=16)


def opened(folder: Path, **options: Any) -> InsecureLedger:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return InsecureLedger(folder / "ledger.db", FEED, limits=options.pop("limits", LIMITS), **options)


def call(folder: Path, ledger: InsecureLedger, *files: Path) -> IngestResult:
    return ingest(files, FEED, world(folder, ledger), enrol_unknown=True)


def settle_pending(folder: Path, ledger: InsecureLedger) -> int:
    """What a new process does before its own rows: brings to an end what earlier calls have journaled."""
    ports = world(folder, ledger)
    journal = Journal(path_of(ports.home, FEED.name), FEED.id, ports.key)
    try:
        run = Run(journal, FEED, ports, False, silent)
        run.catch_up()
        return list(run.outbox.drain())[-1]
    finally:
        journal.close()


def hundred(folder: Path) -> Path:
    rows = [trip(start=DAY + timedelta(minutes=30 * n), bike=f"b{n % 7}", there=0.01 + n * 1e-5) for n in range(100)]
    return partner_files.write_trips(folder / "hundred.csv", rows)


def activities(ledger: InsecureLedger) -> list[int]:
    found = [decode(data) for data in ledger.entries(0, ledger.size)]
    return [entry.record.activity for entry in found if isinstance(entry, Reduction)]


def states(folder: Path) -> dict[str, int]:
    db = sqlite3.connect(folder / "oracle" / "bike-share" / "journal.db")
    found = dict(db.execute("SELECT state, COUNT(*) FROM record GROUP BY state").fetchall())
    db.close()
    return found


def chosen(ledger: InsecureLedger, wanted: list[int], rule: Rule) -> Callable[[Record], Rule | None]:
    return lambda record: rule if record.activity in wanted else None


@pytest.mark.parametrize("names_record", [True, False])
@pytest.mark.parametrize("places", [[0], [15], [40], [99], [3, 4, 60]])
def test_a_record_that_reverts_is_set_aside_and_the_rest_goes_on(
    places: list[int], names_record: bool, tmp_path: Path
) -> None:
    (tmp_path / "all").mkdir()
    everything = opened(tmp_path / "all")
    call(tmp_path / "all", everything, hundred(tmp_path))
    amounts = activities(everything)
    bad = [amounts[place] for place in places]
    ledger = opened(tmp_path, names_record=names_record)
    ledger.revert = chosen(ledger, bad, Rule.OVER_BOUND)
    result = call(tmp_path, ledger, hundred(tmp_path))
    rule = "over-bound" if names_record else "malformed"
    assert (result.accepted, result.refused) == (100 - len(bad), {rule: len(bad)})
    assert activities(ledger) == [amount for amount in amounts if amount not in bad]
    assert states(tmp_path) == {"final": 100 - len(bad), "set-aside": len(bad)}
    handed: list[RowOutcome] = []
    again = ingest(
        [hundred(tmp_path)], FEED, world(tmp_path, ledger), deliver=lambda delivery: handed.extend(delivery.outcomes())
    )
    assert again.already_known == 100
    assert sorted(row.state for row in handed) == ["final"] * (100 - len(bad)) + ["set-aside"] * len(bad)
    ledger.close()
    everything.close()


def test_what_the_ledger_refuses_is_refused_and_its_slots_are_free_again(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    ledger.refuse = lambda record: Rule.FROZEN
    result = call(tmp_path, ledger, partner_files.write_trips(tmp_path / "a.csv", [trip()]))
    assert (result.accepted, result.refused) == (0, {"frozen": 1})
    ledger.refuse = lambda record: None
    result = call(tmp_path, ledger, partner_files.write_trips(tmp_path / "b.csv", [trip(there=0.02)]))
    assert result.accepted == 1
    ledger.close()


def test_what_a_revocation_frees_may_be_claimed_again(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    call(tmp_path, ledger, partner_files.write_trips(tmp_path / "a.csv", [trip()]))
    gone = decode(next(ledger.entries(0, 1)))
    assert isinstance(gone, Reduction)
    revocation = Revocation(gone.time, 0, 1, bytes(32), True, gone.credits_mg, gone.millipoints, 0, 0)
    ledger.db.execute("INSERT INTO entry (data) VALUES (?)", (encode(revocation),))
    ledger.db.execute("DELETE FROM word")
    result = call(tmp_path, ledger, partner_files.write_trips(tmp_path / "b.csv", [trip(there=0.02)]))
    assert (result.accepted, result.refused) == (1, {})
    ledger.close()


def test_a_lone_record_that_failed_for_a_passing_reason_is_not_lost(tmp_path: Path) -> None:
    ledger = opened(tmp_path, names_record=False)
    passing = iter([Rule.PAUSED])
    ledger.revert = lambda record: next(passing, None)
    result = call(tmp_path, ledger, partner_files.write_trips(tmp_path / "a.csv", [trip()]))
    assert (result.accepted, result.refused) == (1, {})
    ledger.close()


def test_another_feeds_claim_is_seen_beforehand(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    call(tmp_path, ledger, partner_files.write_trips(tmp_path / "a.csv", [trip()]))
    db = sqlite3.connect(tmp_path / "oracle" / "bike-share" / "journal.db")
    db.execute("DELETE FROM word")
    db.commit()
    db.close()
    result = call(tmp_path, ledger, partner_files.write_trips(tmp_path / "b.csv", [trip(there=0.02)]))
    assert result.refused == {"overlap": 1}
    assert ledger.size == 1, "not even sent"
    ledger.close()


def test_a_full_cap_is_told_beforehand(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    ledger.caps = {1: replace(ledger.caps[1], credits_mg=100_000)}
    rows = [trip(start=DAY + timedelta(hours=n)) for n in range(3)]
    result = call(tmp_path, ledger, partner_files.write_trips(tmp_path / "a.csv", rows))
    assert (result.accepted, result.refused) == (1, {"over-cap": 2})
    ledger.close()


def test_a_pause_ends_the_call_and_the_next_goes_on(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    ledger.blocked = "recording is paused until 2026-12-01"
    with pytest.raises(LedgerBlocked, match="paused until"):
        call(tmp_path, ledger, hundred(tmp_path))
    assert states(tmp_path) == {"accepted": 100}
    with pytest.raises(LedgerBlocked, match="paused until"):
        settle_pending(tmp_path, ledger)
    ledger.blocked = ""
    assert call(tmp_path, ledger, hundred(tmp_path)).accepted == 100
    assert len(activities(ledger)) == 100
    ledger.close()


def test_signatures_for_a_ledger_that_was_rebuilt_are_made_again(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    call(tmp_path, ledger, partner_files.write_trips(tmp_path / "a.csv", [trip(bike="first")]))
    ledger.blocked = "paused"
    with pytest.raises(LedgerBlocked):
        call(tmp_path, ledger, hundred(tmp_path))
    ledger.blocked = ""
    ledger.rebuild()
    assert call(tmp_path, ledger, hundred(tmp_path)).accepted == 100
    assert len(activities(ledger)) == 101
    db = sqlite3.connect(tmp_path / "oracle" / "bike-share" / "journal.db")
    kept = dict(db.execute("SELECT state, COUNT(*) FROM batch GROUP BY state").fetchall())
    db.close()
    assert kept["final"] == 8
    assert kept["void"] == 13, "two tries of the six full batches, and the small one: kept, and said to be void"
    ledger.close()


def test_pending_records_settle_without_their_files(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    ledger.blocked = "paused"
    with pytest.raises(LedgerBlocked):
        call(tmp_path, ledger, hundred(tmp_path))
    ledger.blocked = ""
    assert settle_pending(tmp_path, ledger) == 100
    result = call(tmp_path, ledger, hundred(tmp_path))
    assert (result.accepted, result.already_known) == (100, 0), "the call goes on, and counts its rows"
    ledger.close()


@pytest.mark.parametrize("code", sorted(BY_TYPE))
def test_every_registered_type_is_known(code: int) -> None:
    """One that is forgotten would stop every oracle at the first entry of it."""
    assert outbox._kind(0, bytes([code]) + bytes(20)) == code


@pytest.mark.parametrize("code", [0x00, 0x3F, 0x7E])
def test_an_entry_of_an_unknown_type_stops_the_journal_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """0x7e is registered and the outbox has forgotten it; the others are assigned to nothing."""
    if code == 0x7E:
        monkeypatch.setitem(BY_TYPE, code, BY_TYPE[0x46])
    ledger = opened(tmp_path)
    call(tmp_path, ledger, hundred(tmp_path))
    ledger.db.execute("INSERT INTO entry (data) VALUES (?)", (bytes([code]) + bytes(20),))
    more = partner_files.write_trips(tmp_path / "more.csv", [trip(start=DAY + timedelta(hours=60), bike="late")])
    for _ in range(2):
        with pytest.raises(JournalError, match=rf"entry 100 of the archive.*0x{code:02x}"):
            call(tmp_path, ledger, more)
    db = sqlite3.connect(tmp_path / "oracle" / "bike-share" / "journal.db")
    assert db.execute("SELECT value FROM meta WHERE name = 'cursor'").fetchone()[0] in (100, "100")
    db.close()
    ledger.close()


def test_a_ledger_that_refuses_for_its_own_reasons_is_no_records_fault(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    ledger.feed = replace(ledger.feed, signers=(b"\1" * 20, *ledger.feed.signers))
    law = ledger.law(1)
    ledger.feed = replace(ledger.feed, signers=(b"\1" * 20,))
    ledger.law = lambda feed: law  # type: ignore[method-assign]  # the law changed after it was read
    with pytest.raises(SubmissionError, match="the ledger refuses its batches"):
        call(tmp_path, ledger, hundred(tmp_path))
    assert states(tmp_path) == {"accepted": 100}
    ledger.close()


def test_a_ledger_that_reverts_everything_sets_few_aside(tmp_path: Path) -> None:
    ledger = opened(tmp_path, names_record=False)
    ledger.revert = lambda record: Rule.WINDOW
    with pytest.raises(SubmissionError, match="keep failing"):
        call(tmp_path, ledger, hundred(tmp_path))
    assert states(tmp_path)["set-aside"] < 10
    ledger.close()


def test_a_journal_that_was_lost_is_told(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    call(tmp_path, ledger, hundred(tmp_path))
    for path in (tmp_path / "oracle" / "bike-share").glob("journal.db*"):
        path.unlink()
    with pytest.raises(JournalError, match="not this feed's newest journal"):
        call(tmp_path, ledger, hundred(tmp_path))
    ledger.close()


def test_a_ledger_behind_the_journal_is_told(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    call(tmp_path, ledger, hundred(tmp_path))
    ledger.db.execute("UPDATE next SET sequence = 50")
    with pytest.raises(JournalError, match="rebuild it from the archive"):
        call(tmp_path, ledger, hundred(tmp_path))
    ledger.close()
