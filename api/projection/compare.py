"""Finds every place where the read model is not what the archive says; for `luya fsck`, which trusts nothing.

Balances, debts, accounts and totals are compared with a replay of the entries by the protocol; every row of `entry` and
`call`, and the law's history, with what the archive's bytes become; what is said of partners' rows, with the entries.
The read model's sums are never their own witness.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, assert_never

from sqlalchemy import Connection, Engine, select

from api.projection.rows import EntryValues, Target, call_values, entry_values, law_key, read
from api.projection.subjects import Sums, add, decides_on, subjects
from api.store.database import reading
from api.store.models import (
    PROJECTION_VERSION,
    AccountRow,
    BalanceRow,
    BucketTotalRow,
    CallRow,
    EntryRow,
    FeedTotalRow,
    LawRow,
    LedgerRow,
    MethodTotalRow,
    OutcomeRow,
    SubjectRow,
    SubjectTotalRow,
    VintageTotalRow,
)
from chain_node.archive.calls import Call
from chain_node.archive.reader import ArchiveReader
from chain_node.protocol.entries import (
    Account,
    Act,
    Feed,
    GroupCaps,
    LogKey,
    Method,
    Organisation,
    Pause,
    Reduction,
    Refusal,
    Revocation,
    time_of,
)
from chain_node.protocol.merkle import leaf_hash
from chain_node.protocol.replay import State

LIMIT = 1_000
"""Differences reported at most: a read model of another ledger differs everywhere."""
_CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the read model is wrong. `where`: table and key; expected and found: as texts."""

    where: str
    expected: str
    found: str


class _Report:
    """Collects differences up to LIMIT."""

    def __init__(self) -> None:
        self.differences: list[Difference] = []

    @property
    def full(self) -> bool:
        return len(self.differences) >= LIMIT

    def same(self, where: str, expected: object, found: object) -> None:
        if expected != found and not self.full:
            self.differences.append(Difference(where, _text(expected), _text(found)))

    def same_maps(self, table: str, expected: dict[Any, Any], found: dict[Any, Any]) -> None:
        for key in sorted(expected.keys() | found.keys()):
            if self.full:
                return
            if expected.get(key) != found.get(key):
                self.same(f"{table} {_text(key)}", expected.get(key), found.get(key))


def compare(
    engine: Engine,
    archive: ArchiveReader,
    state: State,
    progress: Callable[[int, int], None] | None = None,
) -> list[Difference]:
    """Compare the read model with the archive and its replay. Returns what differs, at most 1,000 places.

    Args:
        engine: a writer's engine; only read from.
        archive: the archive that `state` was replayed from.
        state: the replay of its first `state.size` entries, which must be the size the read model is to have.
        progress: called with (entries compared, entries).

    Raises:
        ProjectionError: the archive has an entry that this program does not know.
    """
    report = _Report()
    with reading(engine) as connection:
        ledger = connection.execute(select(LedgerRow.__table__)).mappings().first()
        if ledger is None:
            report.same("ledger size", state.size, 0)
            return report.differences
        report.same("ledger version", PROJECTION_VERSION, ledger["version"])
        report.same("ledger size", state.size, ledger["size"])
        report.same("ledger root", state.root(), ledger["root"])
        if ledger["size"] != state.size:
            return report.differences
        checkpoint = archive.checkpoint()
        report.same("ledger origin", checkpoint.origin if checkpoint else None, ledger["origin"])
        newest = time_of(archive.entry(state.size - 1)) if state.size else 0
        report.same("ledger time", newest, ledger["time"])
        report.same("ledger again_to", None, ledger["again_to"])
        _state(report, connection, state)
        _log(report, connection, archive, state.size, progress)
        _outcomes(report, connection, state)
    return report.differences


def _state(report: _Report, connection: Connection, state: State) -> None:
    """Accounts, balances, debts and totals against the replay."""
    balances: Any = BalanceRow.__table__
    found = {(row[0], row[1]): (row[2], row[3]) for row in connection.execute(select(balances)) if row[2] or row[3]}
    report.same_maps("balance", {key: tuple(pair) for key, pair in state.balances.items() if any(pair)}, found)
    accounts: Any = AccountRow.__table__
    known = {row.address: row for row in connection.execute(select(accounts))}
    expected = {
        address: (view.state, view.epoch, view.credits_debt, view.millipoints_debt)
        for address, view in state.accounts.items()
    }
    facts = {address: (row.state, row.epoch, row.credits_debt, row.millipoints_debt) for address, row in known.items()}
    report.same_maps("account", expected, facts)
    vintages: Any = VintageTotalRow.__table__
    totals = {row[0]: tuple(row[1:]) for row in connection.execute(select(vintages)) if any(row[1:])}
    minted = {year: tuple(total) for year, total in state.totals.items() if any(total)}
    report.same_maps("vintage_total", minted, totals)
    methods: Any = MethodTotalRow.__table__
    by_method = {(row[0], row[1]): tuple(row[2:]) for row in connection.execute(select(methods))}
    replayed = {
        key: (
            total.records, total.activity, total.credits_mg, total.millipoints, total.revoked_records,
            total.revoked_activity, total.revoked_credits_mg, total.revoked_millipoints,
        )
        for key, total in state.totals_by_method.items()
    }  # fmt: skip
    report.same_maps("method_total", replayed, by_method)
    buckets: Any = BucketTotalRow.__table__
    by_bucket = {(row[0], row[1]): (row[2], row[3]) for row in connection.execute(select(buckets)) if row[2] or row[3]}
    lying: dict[tuple[int, str], list[int]] = {}
    for (unit, vintage, bucket), amount in state.bucket_totals.items():
        lying.setdefault((vintage, bucket.name.lower()), [0, 0])[unit] = amount
    report.same_maps("bucket_total", {key: tuple(pair) for key, pair in lying.items() if any(pair)}, by_bucket)


def _log(
    report: _Report,
    connection: Connection,
    archive: ArchiveReader,
    size: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Entries, calls, law history and feed totals against the archive's bytes."""
    scan = _Scan(archive, size)
    table: Any = EntryRow.__table__
    expected = iter(scan.rows())
    for start in range(0, size, _CHUNK):
        query = select(table).where(table.c.idx >= start, table.c.idx < start + _CHUNK).order_by(table.c.idx)
        found = {row[0]: tuple(row) for row in connection.execute(query)}
        for index in range(start, min(start + _CHUNK, size)):
            wanted = next(expected)
            have = found.pop(index, None)
            # whether a later entry revokes this one is only known at the end
            if have is None or wanted != EntryValues._make(have)._replace(revoked_by=None):
                report.same(f"entry {index}", wanted, have)
            elif have[_REVOKED_BY] is not None:
                scan.found_revoked[index] = have[_REVOKED_BY]
            if report.full:
                return
        if progress is not None:
            progress(min(start + _CHUNK, size), size)
    extra = connection.execute(select(table.c.idx).where((table.c.idx >= size) | (table.c.idx < 0)).limit(10)).all()
    report.same("entries beyond the log", [], [row[0] for row in extra])
    report.same_maps("entry revoked_by", scan.revoked, scan.found_revoked)
    law: Any = LawRow.__table__
    report.same_maps(
        "law", dict.fromkeys(scan.law, True), {tuple(row): True for row in connection.execute(select(law))}
    )
    about: Any = SubjectRow.__table__
    found_about = {tuple(row[:4]): tuple(row[4:]) for row in connection.execute(select(about))}
    report.same_maps("subject", scan.subjects, found_about)
    sums: Any = SubjectTotalRow.__table__
    found_sums = {tuple(row[:4]): list(row[4:]) for row in connection.execute(select(sums))}
    report.same_maps("subject_total", scan.sums, found_sums)
    feeds: Any = FeedTotalRow.__table__
    report.same_maps("feed_total", scan.feeds, {(row[0], row[1]): row[2] for row in connection.execute(select(feeds))})
    calls: Any = CallRow.__table__
    accounts: Any = AccountRow.__table__.c
    columns = (accounts.address, accounts.district, accounts.successor, accounts.idx)
    described = {row[0]: tuple(row[1:]) for row in connection.execute(select(*columns))}
    report.same_maps("account description", scan.accounts, described)
    report.same_maps("call", scan.calls, {row[0]: tuple(row) for row in connection.execute(select(calls))})


def _outcomes(report: _Report, connection: Connection, state: State) -> None:
    """What is said of partners' rows, as far as the ledger can witness it: which records it took, and which it refused.

    What became of a row before it was attested only its oracle's journal knows.
    """
    row: Any = OutcomeRow.__table__.c
    entry: Any = EntryRow.__table__.c
    joined = OutcomeRow.__table__.outerjoin(
        EntryRow.__table__, (entry.feed == row.feed) & (entry.sequence == row.sequence)
    )
    query = select(
        row.feed, row.file, row.line, row.state, row.rule, row.account, row.sequence, entry.rule, entry.account,
        entry.idx,
    ).select_from(joined)  # fmt: skip
    for feed, file, line, said, rule, account, sequence, refused, recorded, index in connection.execute(query):
        found = (said, rule, account)
        if sequence is None:
            expected = (said if said not in ("signed", "final") else "accepted", rule, account)
        elif index is None:  # signed, and not on the ledger (yet)
            waiting = sequence >= state.next_sequence.get(feed, 0)
            expected = (said if waiting and said != "final" else "signed", rule, account)
        elif refused is not None:
            expected = ("refused", refused, recorded if recorded is not None else account)
        else:
            expected = (said if said in ("accepted", "signed") else "final", None, recorded)
        report.same(f"row_outcome {feed} {file}:{line}", expected, found)
        if report.full:
            return


_REVOKED_BY = EntryValues._fields.index("revoked_by")


class _Scan:
    """Goes through the archive once and says what the rows must be."""

    def __init__(self, archive: ArchiveReader, size: int) -> None:
        self._archive = archive
        self._size = size
        self.revoked: dict[int, int] = {}
        self.found_revoked: dict[int, int] = {}
        self.law: list[tuple[int, int, int]] = []
        self.feeds: dict[tuple[int, int], int] = {}
        self.calls: dict[int, tuple[Any, ...]] = {}
        self.subjects: dict[tuple[int, ...], tuple[int | None, ...]] = {}
        self.sums: Sums = {}
        self.accounts: dict[bytes, tuple[int, bytes, int]] = {}

    def rows(self) -> Iterator[EntryValues]:
        """The expected rows of `entry`, in order, without `revoked_by`."""
        call: Call | None = None
        for index, body in enumerate(self._archive.entries(0, self._size)):
            if call is None or index >= call.first_index + call.count:
                call = self._archive.call_of(index)
                if call is not None:
                    self.calls[call.first_index] = call_values(call)
            entry = read(index, body)
            target = None
            match entry:
                case Reduction():
                    self._count(entry.feed, 0)
                case Refusal():
                    self._count(entry.feed, int(entry.rule))
                case Revocation():
                    self.revoked[entry.index] = index
                    revoked = read(entry.index, self._archive.entry(entry.index))
                    target = Target.of(revoked) if isinstance(revoked, Reduction) else None
                case Account():
                    self.accounts[entry.account] = (entry.district, entry.successor, index)
                case Act():
                    self._about(index, entry)
                case Organisation() | Feed() | Method() | GroupCaps() | Pause() | LogKey():
                    self.law.append((*law_key(entry), index))
                case _:
                    assert_never(entry)
            yield entry_values(index, body, entry, leaf_hash(body), call, target)

    def _about(self, index: int, act: Act) -> None:
        of = decides_on(act)
        earlier = None if of is None or of >= index else read(of, self._archive.entry(of))
        rows = subjects(index, act, earlier if isinstance(earlier, Act) else None)
        self.subjects.update({tuple(row[:4]): tuple(row[4:]) for row in rows})
        add(self.sums, rows)

    def _count(self, feed: int, rule: int) -> None:
        self.feeds[feed, rule] = self.feeds.get((feed, rule), 0) + 1


def _text(value: object) -> str:
    """A value for a person to read: bytes as hex."""
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, tuple | list):
        return "(" + ", ".join(_text(item) for item in value) + ")"
    return str(value)
