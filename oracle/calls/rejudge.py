"""Rows that the journal holds and no ledger has, judged again without their files: the journal kept them, sealed.

What can be judged so is what was parted into fields; a file that could not be read at all comes again as a file.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Final

from chain_node.protocol.rules import Rule
from oracle.calls import report as reports
from oracle.calls.ingest import FinishedCall, IngestPorts, IngestResult, Run, Watcher, silent
from oracle.families import family_of
from oracle.families.config import FeedConfig
from oracle.intake.rows import UNREAD, RawRow
from oracle.judging import staging
from oracle.judging.staging import InputFile
from oracle.store import rows as store
from oracle.store.journal import IngestCall, Journal, path_of
from oracle.store.rows import Journaled, Which

CHUNK: Final = 2_000
LONELY: Final = (Rule.ENTRY_WITHOUT_EXIT, Rule.EXIT_WITHOUT_ENTRY)
_LONELY: Final = """
UPDATE staged SET rule = :rule, method = NULL, day = NULL, slot = NULL, slots = NULL, activity = NULL,
  exit = NULL, lead = NULL
WHERE id <= :last AND {other} > :last
"""


def retry(
    feed: FeedConfig,
    ports: IngestPorts,
    *,
    rule: Rule | None = None,
    enrol_unknown: bool = False,
    report: Path | None = None,
    progress: Watcher | None = None,
    deliver: Callable[[FinishedCall], None] | None = None,
    hold: bool = False,
) -> IngestResult:
    """Judge all rows again that were never attested; rule: those only that it refused. The rest as `ingest.ingest`.

    One whose verdict stands is already known. What was set aside is tried once more. Killed, the same call goes on.
    """
    if report is not None:
        reports.check(report)
    journal = Journal(path_of(ports.home, feed.name), feed.id, ports.key)
    try:
        run = Run(journal, feed, ports, enrol_unknown, progress or silent)
        asked = hashlib.sha256(b"retry" + feed.digest + bytes([enrol_unknown, rule or 0])).digest()
        # An entry and its exit were refused by a rule each: they are looked for together.
        rules = LONELY if rule in LONELY else () if rule is None else (rule,)
        return _go(run, asked, lambda call: Which(rules=rules), report, deliver, hold)
    finally:
        journal.close()


def under_other_settings(
    feed: FeedConfig,
    ports: IngestPorts,
    *,
    enrol_unknown: bool = False,
    progress: Watcher | None = None,
    deliver: Callable[[FinishedCall], None] | None = None,
    hold: bool = False,
) -> IngestResult | None:
    """Judge the rows again that other settings refused; None where there are none. As `ingest.ingest`."""
    journal = Journal(path_of(ports.home, feed.name), feed.id, ports.key)
    try:
        asked = hashlib.sha256(b"settings" + feed.digest + bytes([enrol_unknown])).digest()
        settings = journal.settings(feed.digest, feed.settings)
        if not journal.begun(asked) and not store.judged_otherwise(journal, settings):
            return None
        run = Run(journal, feed, ports, enrol_unknown, progress or silent)
        return _go(run, asked, lambda call: Which(other_than=call.settings), None, deliver, hold)
    finally:
        journal.close()


def _go(
    run: Run,
    asked: bytes,
    which: Callable[[IngestCall], Which],
    report: Path | None,
    deliver: Callable[[FinishedCall], None] | None,
    hold: bool,
) -> IngestResult:
    run.catch_up()
    call = run.begin(asked, [])
    staged = run.journal.staging(call.id)
    superseded: list[int] = []
    if not staged.exists():
        superseded = _build(run, call, which(call), staged)
    names = [name for name, _ in run.journal.files(call)]
    result = run.finish(call, staged, names, report, deliver, hold, asked=True)
    # Last, when the rows stand under their new keys. Not reached: the next call finds both, and says so then.
    if superseded:
        store.supersede(run.journal, superseded)
    return result


def _build(run: Run, call: IngestCall, which: Which, target: Path) -> list[int]:
    """Stage the rows; returns the records of those that go by another key under these settings."""
    journal, feed = run.journal, run.feed
    pairs = family_of(feed).pairing is not None
    numbers = {file: number for number, file in enumerate(journal.files(call))}
    superseded: list[int] = []
    last = 0

    def put(db: sqlite3.Connection, judge: staging.RowJudge, found: Iterator[Journaled]) -> None:
        for (name, digest), of_file in groupby(found, lambda one: (one.name, one.digest)):
            if (name, digest) not in numbers:
                numbers[name, digest] = len(numbers)
                journal.add_file(call, numbers[name, digest], name, digest)
            file = InputFile(numbers[name, digest], Path(name), digest, 0)
            while chunk := list(islice(of_file, CHUNK)):
                staging.stage(db, [_raw(one) for one in chunk], file, feed, judge)

    def fill(db: sqlite3.Connection, judge: staging.RowJudge) -> None:
        nonlocal last
        put(db, judge, _once(journal, feed, which, superseded))
        last = int(db.execute("SELECT COALESCE(MAX(id), 0) FROM staged").fetchone()[0])
        if pairs:  # a swipe is judged among all that its card did
            put(db, judge, (one for one in store.journaled(journal, which, around=True) if not one.wanted))

    def tidy(db: sqlite3.Connection) -> None:
        """What stood around has told what it knows: who was paired with it stands alone."""
        db.execute(_LONELY.format(other="exit"), {"rule": int(Rule.ENTRY_WITHOUT_EXIT), "last": last})
        db.execute(_LONELY.format(other="lead"), {"rule": int(Rule.EXIT_WITHOUT_ENTRY), "last": last})
        db.execute("DELETE FROM staged WHERE id > ?", (last,))

    staging.write(target, feed, run.law, fill, tidy)
    return superseded


def _once(journal: Journal, feed: FeedConfig, which: Which, superseded: list[int]) -> Iterator[Journaled]:
    """The wanted rows, each under one key: that which these settings give it."""
    seen: set[bytes] = set()
    headers = family_of(feed).headers(feed)
    for one in store.journaled(journal, which, around=False):
        key = staging.key_in_any_case(_raw(one), one.raw, one.digest, headers)
        if key != one.key:
            superseded.append(one.record)
            if key in seen or store.known(journal, key):
                continue
            seen.add(key)
        yield one


def _raw(one: Journaled) -> RawRow:
    fields = json.loads(one.raw)
    problem = "it could not be parted into fields: send its file again" if UNREAD in fields else None
    return RawRow(one.row, fields, problem, one.line)
