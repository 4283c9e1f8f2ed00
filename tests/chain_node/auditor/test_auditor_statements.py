"""A statement out of an archive: its closing is the replay's balances, whoever asks and from whatever day on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from query_world import TIME, World, archived, history, rows

from chain_node.archive.reader import ArchiveReader
from chain_node.auditor.statements import of_account
from chain_node.errors import QueryError
from chain_node.protocol.entries import Account, Reduction, Revocation, decode, encode
from chain_node.protocol.postings import DEBT, Bucket, Unit
from chain_node.protocol.times import DAY_SECONDS


@pytest.fixture(scope="module")
def world() -> World:
    made = World()
    made.law()
    history(made, 300, 11)
    return made


@pytest.fixture(scope="module")
def reader(world: World, tmp_path_factory: pytest.TempPathFactory) -> ArchiveReader:
    folder = tmp_path_factory.mktemp("archive")
    archived(world, folder)
    return ArchiveReader(folder)


def test_every_accounts_closing_is_its_balances(world: World, reader: ArchiveReader) -> None:
    assert world.state.revoked
    for account, view in world.state.accounts.items():
        found = of_account(reader, account)
        assert (found.size, found.root) == (world.state.size, world.state.root())
        right = {
            (unit, year, Bucket.HELD): pair[unit]
            for (who, year), pair in world.state.balances.items()
            for unit in Unit
            if who == account and pair[unit]
        }
        owed = ((Unit.CREDITS, view.credits_debt), (Unit.MILLIPOINTS, view.millipoints_debt))
        right |= {(unit, DEBT, Bucket.OWED): amount for unit, amount in owed if amount}
        assert found.statement.closing == right
        assert found.statement.opening == {}
        assert {line.index for line in found.statement.lines} == set(found.times) == set(found.about)


def test_a_day_parts_it_into_opening_lines_and_rest(tmp_path: Path) -> None:
    """The entries' times rise by a day each: what lies before is the opening, what lies after is not there."""
    made = World()
    made.law()
    who = made.accounts[0]
    first = made.ride(1, who, 19_900, 5, 3_000)
    made.ride(1, who, 19_900, 7, 1_000)
    made.revoke(first)
    made.ride(2, who, 19_901, 7, 500)
    log = [decode(body) for body in made.entries]
    for place, index in enumerate(range(first, len(log))):
        log[index] = replace(log[index], time=TIME + place * DAY_SECONDS)
    made.entries = [encode(entry) for entry in log]
    archived(made, tmp_path)
    reader = ArchiveReader(tmp_path)
    whole = of_account(reader, who).statement
    parts = []
    opening = whole.opening
    for place in range(4):
        one = of_account(reader, who, since=TIME + place * DAY_SECONDS, until=TIME + (place + 1) * DAY_SECONDS)
        assert one.statement.opening == opening
        assert {line.index for line in one.statement.lines} == {first + place}
        opening = one.statement.closing
        parts += one.statement.lines
    assert (tuple(parts), opening) == (whole.lines, whole.closing)
    assert of_account(reader, who, until=TIME).statement.closing == {}
    about = of_account(reader, who).about
    assert about[first] == about[first + 2], "a revocation is about its record"
    assert (about[first].feed, about[first + 3].feed) == (1, 2)


def test_it_agrees_with_the_views(world: World, reader: ArchiveReader) -> None:
    account = next(account for account in world.accounts if world.state.balances.get((account, 2024)))
    lines = of_account(reader, account).statement.lines
    minted = sum(line.change for line in lines if line.counterpart is Bucket.ISSUED and line.unit is Unit.CREDITS)
    sql = f"SELECT CAST(sum(credits_mg) AS BIGINT) FROM reductions WHERE account = '{account.hex()}'"
    assert rows(reader.folder, sql) == [(minted,)]


def test_what_does_not_hold_together_is_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="no archive"):
        of_account(ArchiveReader(tmp_path / "none"), bytes(20))
    log = [decode(body) for body in world.entries]
    archived(world, tmp_path / "right")
    with pytest.raises(QueryError, match="no entry registers the account 0x1111"):
        of_account(ArchiveReader(tmp_path / "right"), b"\x11" * 20)
    target = next(index for index, entry in enumerate(log) if isinstance(entry, Revocation))
    revocation = log[target]
    assert isinstance(revocation, Revocation)
    owner = log[revocation.index]
    assert isinstance(owner, Reduction)
    wrong = World()
    wrong.entries = list(world.entries)
    wrong.entries[target] = encode(replace(revocation, credits_burned=revocation.credits_burned + 1))
    archived(wrong, tmp_path / "wrong")
    with pytest.raises(QueryError, match=rf"entry {target}: .*burns and owes"):
        of_account(ArchiveReader(tmp_path / "wrong"), owner.record.account)
    other = next(entry.account for entry in log if isinstance(entry, Account) and entry.account != owner.record.account)
    assert of_account(ArchiveReader(tmp_path / "wrong"), other).statement.lines, "another's statement stands"
    wrong.entries[target] = b"\x45" + world.entries[target][1:]
    archived(wrong, tmp_path / "unassigned")
    with pytest.raises(QueryError, match=rf"entry {target}: entry type 0x45 is not assigned"):
        of_account(ArchiveReader(tmp_path / "unassigned"), other)


def test_changed_bytes_are_refused(world: World, tmp_path: Path) -> None:
    archived(world, tmp_path)
    path = next((tmp_path / "tile" / "entries").glob("000"))
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(QueryError, match="restore it from a copy"):
        of_account(ArchiveReader(tmp_path), world.accounts[0])
