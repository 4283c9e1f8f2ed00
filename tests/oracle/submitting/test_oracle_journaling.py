"""A refusal off the chain is a verdict under a configuration: a row is judged again; what is attested is final."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import partner_files
import pytest
from insecure_ledger import InsecureRegistrar, small
from partner_files import DAY, swipe, trip
from rejudged_home import BIKES, CARDS, ORDERS, WRONG, Home, at, killed_at_submit, month, page, verdicts

from chain_node.protocol import slotword
from chain_node.protocol.entries import Revocation, encode
from chain_node.protocol.rules import Rule
from oracle.errors import LedgerBlocked
from oracle.ports import BatchLimits
from oracle.store.journal import path_of
from oracle.submitting import journaling


def test_a_month_under_a_wrong_time_format_counts_once_it_is_mended(home: Callable[..., Home], tmp_path: Path) -> None:
    bikes, file = home(BIKES), month(tmp_path / "month.csv")
    assert bikes.ingest(file, feed=WRONG).refused == {"malformed": 60}
    again = bikes.ingest(file, feed=WRONG)
    assert (again.already_known, again.known, again.judged_again) == (60, {"malformed": 60}, 0)
    lines = bikes.lines(file)
    assert {(line["outcome"], line["was"]) for line in lines} == {("accepted", "malformed")}
    assert {line["settings"] for line in lines} == {BIKES.digest.hex()[:16]}
    assert verdicts(tmp_path, "bike-share") == [(Rule.MALFORMED, WRONG.digest, "final", None, BIKES.digest)] * 60
    again = bikes.ingest(file)
    assert (again.accepted, again.known) == (0, {"accepted": 60})
    assert bikes.ingest(file, feed=WRONG).known == {"accepted": 60}, "what is attested stays so, under any settings"


def test_an_unknown_person_counts_after_enrolment(home: Callable[..., Home], tmp_path: Path) -> None:
    bikes = home(BIKES)
    file = partner_files.write_trips(tmp_path / "a.csv", [trip(bike="x"), trip(start=at(1), bike="y")])
    assert bikes.ingest(file, enrol=False).refused == {"unknown-person": 2}
    InsecureRegistrar(bikes.ledger).enrol_many(1, ["stand-in:x"])
    result = bikes.ingest(file, enrol=False)
    assert (result.accepted, result.judged_again, result.known) == (1, 1, {"unknown-person": 1})
    assert bikes.ingest(file).accepted == 1, "and with the flag, for whom there is no account yet"


def test_a_row_that_was_corrected_under_its_id_is_judged_anew(home: Callable[..., Home], tmp_path: Path) -> None:
    bikes = home(ORDERS)
    first = partner_files.write_trips(
        tmp_path / "a.csv", [[*trip(seconds=5), "A"], [*trip(start=at(1)), "B"]], ["order"]
    )
    right = partner_files.write_trips(tmp_path / "b.csv", [[*trip(), "A"], [*trip(start=at(2)), "B"]], ["order"])
    result = bikes.ingest(first)
    assert (result.accepted, result.refused) == (1, {"too-short": 1})
    lines = bikes.lines(right)
    assert [(line["outcome"], line["was"], line["corrected"]) for line in lines] == [
        ("accepted", "too-short", ""),
        ("already-known", "accepted", "yes"),
    ]
    assert "stays as it was" in lines[1]["remedy_en"]
    assert "原内容" in lines[1]["remedy_zh"]
    again = bikes.ingest(right)
    assert (again.already_known, again.corrected) == (2, 1)
    assert bikes.ingest(first).corrected == 1, "and now it is the old file that says otherwise of A"
    assert sorted(entry.record.slot for entry in bikes.reductions()) == sorted({0, 7})


def test_an_entry_finds_the_exit_that_comes_later(home: Callable[..., Home], tmp_path: Path) -> None:
    cards = home(CARDS)
    come, go = swipe(DAY, "c", "entry", "x"), swipe(at(1), "c", "exit", "y")
    assert cards.ingest(page(tmp_path / "a.json", come)).refused == {"entry-without-exit": 1}
    assert cards.ingest(page(tmp_path / "b.json", go)).refused == {"exit-without-entry": 1}
    both = page(tmp_path / "c.json", come, go)
    result = cards.ingest(both)
    assert (result.accepted, result.judged_again, len(cards.reductions())) == (2, 2, 1)
    assert cards.ingest(both).known == {"accepted": 2}


def test_a_pair_parts_when_its_entry_is_judged_with_another_exit(home: Callable[..., Home], tmp_path: Path) -> None:
    cards = home(CARDS)
    come, go, other = swipe(DAY, "c", "entry", "x"), swipe(at(2), "c", "exit", "y"), swipe(at(1), "c", "exit", "z")
    both = page(tmp_path / "a.json", come, go)
    assert cards.ingest(both, enrol=False).refused == {"unknown-person": 2}
    assert cards.ingest(page(tmp_path / "b.json", come, other)).accepted == 2
    lines = cards.lines(both)
    assert [(line["outcome"], line["rule"]) for line in lines] == [
        ("already-known", ""),
        ("refused", "exit-without-entry"),
    ]
    assert [line["credits_mg"] for line in lines] == ["0", "0"], "the trip's credits are on the exit that was paired"


def test_a_day_that_has_come_and_slots_that_were_freed(home: Callable[..., Home], tmp_path: Path) -> None:
    bikes = home(BIKES)
    bikes.ledger.today = 20_208  # the day before the trip's
    first = partner_files.write_trips(tmp_path / "a.csv", [trip(bike="x")])
    assert bikes.ingest(first).refused == {"too-early": 1}
    bikes.ledger.today = 20_800
    assert bikes.ingest(first).accepted == 1
    late = partner_files.write_trips(tmp_path / "b.csv", [trip(bike="x", there=0.02)])
    assert bikes.ingest(late).refused == {"overlap": 1}
    assert bikes.ingest(late).known == {"overlap": 1}
    gone = bikes.reductions()[0]
    revocation = Revocation(gone.time, 0, 1, bytes(32), True, gone.credits_mg, gone.millipoints, 0, 0)
    bikes.ledger.db.execute("INSERT INTO entry (data) VALUES (?)", (encode(revocation),))
    bikes.ledger.db.execute("DELETE FROM word")
    lines = bikes.lines(first, late)
    assert [(line["outcome"], line["was"]) for line in lines] == [("already-known", "revoked"), ("accepted", "overlap")]
    assert bikes.ingest(first).known == {"revoked": 1}
    bikes.check = lambda: None  # type: ignore[method-assign]  # of one time twice: that is the point


def test_an_overlap_stays_one_when_its_day_is_long_past(home: Callable[..., Home], tmp_path: Path) -> None:
    bikes = home(BIKES)
    file = partner_files.write_trips(tmp_path / "a.csv", [trip(), trip(there=0.02)])
    assert bikes.ingest(file).refused == {"overlap": 1}
    days = slotword.RING_DAYS
    assert bikes.ingest(partner_files.write_trips(tmp_path / "b.csv", [trip(start=at(24 * days))])).accepted == 1
    assert bikes.ingest(file).known == {"accepted": 1, "overlap": 1}, "not 'too-late', which says nothing of it"


def test_what_the_ledger_refused_stays_refused(home: Callable[..., Home], tmp_path: Path) -> None:
    bikes = home(BIKES)
    file = partner_files.write_trips(tmp_path / "a.csv", [trip()])
    bikes.ledger.refuse = lambda record: Rule.FROZEN
    assert bikes.ingest(file).refused == {"frozen": 1}
    bikes.ledger.refuse = lambda record: None
    changed = small(BIKES, rules={**BIKES.rules, "max_kmh": 36})
    lines = bikes.lines(file, feed=changed)
    assert [(line["outcome"], line["rule"], line["was"]) for line in lines] == [("already-known", "frozen", "frozen")]
    assert "sending the same record again does not change that" in lines[0]["remedy_en"]
    assert bikes.ledger.size == 1


def test_what_was_set_aside_is_tried_again_under_other_settings_only(home: Callable[..., Home], tmp_path: Path) -> None:
    bikes = home(BIKES)
    file = partner_files.write_trips(tmp_path / "a.csv", [trip(), trip(start=at(1))])
    tried: list[int] = []

    def revert(record: Any) -> Rule | None:
        if record.slot == 0:
            tried.append(record.slot)
            return Rule.OVER_BOUND
        return None

    bikes.ledger.revert = revert
    assert bikes.ingest(file).refused == {"over-bound": 1}
    count = len(tried)
    assert bikes.ingest(file).known == {"accepted": 1, "over-bound": 1}
    assert len(tried) == count
    bikes.ledger.revert = lambda record: None
    assert bikes.ingest(file, feed=small(BIKES, rules={**BIKES.rules, "max_kmh": 36})).accepted == 1


def test_a_batch_says_by_which_settings_its_rows_were_judged(home: Callable[..., Home], tmp_path: Path) -> None:
    bikes = home(BIKES)
    changed = small(BIKES, rules={**BIKES.rules, "max_kmh": 36})
    bikes.ledger.blocked = "paused"
    with pytest.raises(LedgerBlocked):
        bikes.ingest(partner_files.write_trips(tmp_path / "a.csv", [trip()]))
    bikes.ledger.blocked = ""
    bikes.ingest(partner_files.write_trips(tmp_path / "b.csv", [trip(start=at(1))]), feed=changed)
    mined = bikes.ledger.db.execute(
        "SELECT first, count, config FROM tx WHERE state = 'mined' ORDER BY first"
    ).fetchall()
    assert mined == [(0, 1, BIKES.digest), (1, 1, changed.digest)]


def test_another_record_id_makes_no_second_record(home: Callable[..., Home], tmp_path: Path) -> None:
    bikes, rows = home(BIKES), [[*trip(start=at(n)), f"O{n}"] for n in range(6)]
    rows[5][0] = "5"
    file = partner_files.write_trips(tmp_path / "a.csv", rows, ["order"])
    assert bikes.ingest(file).accepted == 5
    bikes.ledger.db.execute("DELETE FROM word")  # so that nothing but the row's identity could refuse it
    db = sqlite3.connect(path_of(tmp_path / "oracle", "bike-share"))
    db.execute("DELETE FROM word")
    db.commit()
    db.close()
    by_id = bikes.ingest(file, feed=ORDERS)
    assert (by_id.known, by_id.refused) == ({"accepted": 5}, {"too-short": 1})
    assert bikes.ingest(file).known["accepted"] == 5, "and back"


def test_a_trip_that_is_attested_stands_between_the_swipes_around_it(home: Callable[..., Home], tmp_path: Path) -> None:
    cards = home(CARDS)
    kinds = [("entry", "x"), ("entry", "y"), ("exit", "z"), ("exit", "x")]
    rows = [swipe(at(hour), "c", kind, station) for hour, (kind, station) in enumerate(kinds)]
    file = page(tmp_path / "a.json", *rows)
    first = cards.ingest(file)
    assert (first.accepted, first.refused) == (2, {"entry-without-exit": 1, "exit-without-entry": 1})
    assert cards.ingest(file).known == {"accepted": 2, **first.refused}, "the first entry and the last exit are no trip"


@pytest.mark.parametrize("moment", range(10))
def test_a_kill_at_any_commit_while_rows_are_judged_again(
    home: Callable[..., Home], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    monkeypatch.setattr(journaling, "CHUNK", 15)
    bikes, file = home(BIKES, limits=BatchLimits(max_records=7)), month(tmp_path / "month.csv")
    more = partner_files.write_trips(tmp_path / "more.csv", [trip(bike="new"), trip(seconds=5)])
    assert bikes.ingest(file, feed=WRONG).refused == {"malformed": 60}
    with killed_at_submit(monkeypatch, moment):
        bikes.ingest(more, file)
    if moment % 3 == 0:  # another call comes between, under the settings that were wrong
        assert bikes.ingest(file, feed=WRONG).accepted == 0
    result = bikes.ingest(more, file)
    assert (result.accepted, result.refused) == (61, {"too-short": 1})
    assert len(bikes.reductions()) == 61
    assert bikes.ingest(more, file).known == {"accepted": 61, "too-short": 1}


def test_a_verdict_never_replaces_what_is_attested(home: Callable[..., Home], tmp_path: Path) -> None:
    bikes, file = home(BIKES), month(tmp_path / "month.csv", 10)
    bikes.ingest(file, feed=WRONG)
    bikes.ledger.blocked = "paused"
    with pytest.raises(LedgerBlocked):
        bikes.ingest(file)  # judged again, accepted, signed, not recorded
    bikes.ledger.blocked = ""
    other = small(BIKES, rules={**BIKES.rules, "max_kmh": 1})  # by which they would all be too fast
    assert bikes.ingest(file, feed=other).known == {"accepted": 10}
    assert len(bikes.reductions()) == 10
