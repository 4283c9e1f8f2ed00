"""A feed's home whose rows are judged more than once, checked when the test is over: exactly once, all words add up."""

from __future__ import annotations

import contextlib
import csv
import json
import sqlite3
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import partner_files
import pytest
from insecure_ledger import InsecureLedger, small, world
from partner_files import DAY, trip

from chain_node.protocol import slotword
from chain_node.protocol.entries import Reduction, decode
from chain_node.protocol.records import evidence
from oracle.calls import ingest, rejudge
from oracle.calls.ingest import IngestResult
from oracle.families.config import FeedConfig
from oracle.feeds import toml_files
from oracle.store.journal import Journal, path_of

BIKES = toml_files.shipped()["bike-share"]
ORDERS = toml_files.parse(
    (toml_files.SHIPPED / "bike-share.toml").read_text("utf-8").replace("[columns]", '[columns]\nrecord_id = "order"')
)
WRONG = small(BIKES, times=replace(BIKES.times, format="%d/%m/%y %H:%M"))
"""Day and month confused: of a month's days after the 12th, none can be read."""
CARDS = toml_files.shipped()["transit-card"]


class Home:
    """A feed's home; `ingest` under the settings that it is given."""

    def __init__(self, folder: Path, feed: FeedConfig, **options: Any) -> None:
        self.folder, self.feed = folder, feed
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.ledger = InsecureLedger(folder / "ledger.db", feed, **options)

    def ingest(
        self, *files: Path, feed: FeedConfig | None = None, enrol: bool = True, report: Path | None = None
    ) -> IngestResult:
        used = feed or self.feed
        there = world(self.folder, self.ledger)
        return ingest.ingest(files, used, there, enrol_unknown=enrol, report=report, anyway=True)

    def retry(self, feed: FeedConfig | None = None, **options: Any) -> IngestResult:
        return rejudge.retry(feed or self.feed, world(self.folder, self.ledger), **options)

    def under_other_settings(self, feed: FeedConfig | None = None) -> IngestResult | None:
        used = feed or WRONG
        return rejudge.under_other_settings(used, world(self.folder, self.ledger), enrol_unknown=True)

    def lines(self, *files: Path, feed: FeedConfig | None = None, enrol: bool = True) -> list[dict[str, str]]:
        report = self.folder / "report.csv"
        self.ingest(*files, feed=feed, enrol=enrol, report=report)
        with report.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def reductions(self) -> list[Reduction]:
        found = (decode(data) for data in self.ledger.entries(0, self.ledger.size))
        return [entry for entry in found if isinstance(entry, Reduction)]

    def check(self) -> None:
        """Exactly once: sequences without gap, one record for each, every one opens to its evidence, words add up."""
        made = self.reductions()
        assert [entry.sequence for entry in made] == list(range(len(made)))
        journal = Journal(path_of(self.folder / "oracle", self.feed.name), self.feed.id, b"k" * 32)
        openings = [journal.opening_of(entry.sequence) for entry in made]
        journal.close()
        assert [evidence(*one) for one in openings] == [entry.record.evidence for entry in made]
        assert len({raw for _, raw in openings}) == len(made)
        words: dict[tuple[int, int], int] = {}
        for entry in made:
            method = self.ledger.methods[entry.record.method]
            if method.claims_slots:
                day = entry.record.day
                key = slotword.key(entry.record.account, method.group, day), day
                mask = slotword.mask(entry.record.slot, entry.record.slots)
                assert not words.get(key, 0) & mask, "two records claim the same time"
                words[key] = words.get(key, 0) | mask


def at(hours: int) -> Any:
    return DAY + timedelta(hours=hours)


def month(path: Path, count: int = 60) -> Path:
    """A month's trips, on its days from the 13th."""
    rows = [trip(start=at(24 * (12 + n % 18) + n // 18), bike=f"b{n % 7}", there=0.01 + n * 1e-4) for n in range(count)]
    return partner_files.write_trips(path, rows)


def page(path: Path, *rows: dict[str, str]) -> Path:
    path.write_text(json.dumps({"data": rows}, ensure_ascii=False), encoding="utf-8")
    return path


def verdicts(folder: Path, feed: str) -> list[tuple[Any, ...]]:
    """Each replaced verdict, (rule, digest of its settings), and what stands now."""
    db = sqlite3.connect(path_of(folder / "oracle", feed))
    found = db.execute(
        "SELECT e.rule, s.digest, r.state, r.rule, n.digest FROM earlier e JOIN record r ON r.id = e.record "
        "LEFT JOIN settings s ON s.id = e.settings JOIN settings n ON n.id = r.settings ORDER BY e.record"
    ).fetchall()
    db.close()
    return found


class Killed(BaseException):
    """The process ends here."""


@contextlib.contextmanager
def killed_at_submit(monkeypatch: pytest.MonkeyPatch, moment: int) -> Iterator[None]:
    """What goes on inside dies at submit number `moment // 2` from 0: before the ledger has the batches, or, where
    `moment` is odd, after."""
    submits, submit = 0, InsecureLedger.submit

    def dying(self: InsecureLedger, batches: Any) -> None:
        nonlocal submits
        submits += 1
        if submits > moment // 2:
            if moment % 2:
                submit(self, batches)
            raise Killed
        submit(self, batches)

    with monkeypatch.context() as patch:
        patch.setattr(InsecureLedger, "submit", dying)
        with pytest.raises(Killed):
            yield
