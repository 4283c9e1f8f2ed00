"""A log of rides, refusals and revocations that the replay accepts, archived, to be asked by the auditor's SQL."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from pathlib import Path

from chain_node.archive.calls import Call
from chain_node.archive.writer import Archive
from chain_node.auditor.query import ask, opened
from chain_node.catalogue import by_id
from chain_node.protocol.arithmetic import worth
from chain_node.protocol.entries import (
    Account,
    AccountState,
    Entry,
    Feed,
    GroupCaps,
    LogKey,
    Organisation,
    Reduction,
    Refusal,
    Revocation,
    Standing,
    encode,
)
from chain_node.protocol.records import Record
from chain_node.protocol.replay import State
from chain_node.protocol.rules import Rule

TIME = 1_800_000_000
RIDE = by_id(101)
METHOD = RIDE.method
MOST = min(METHOD.max_activity, 2 * METHOD.max_per_slot or METHOD.max_activity)
DAY = 19_900


class World:
    """A log that the replay accepts, grown by whoever asks."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.state = State()
        self.sequence = {1: 0, 2: 0}
        self.accounts = [hashlib.sha256(b"account %d" % n).digest()[:20] for n in range(30)]

    def add(self, entry: Entry) -> int:
        data = encode(entry)
        index = self.state.apply(data)
        self.entries.append(data)
        return index

    def law(self) -> None:
        self.add(LogKey(TIME, b"\x07" * 32))
        for organisation in (1, 2):
            self.add(Organisation(TIME, organisation, bytes([organisation]) * 32, Standing.ACTIVE))
        self.add(GroupCaps(TIME, METHOD.group, 2**30 - 1, 2**30 - 1))
        self.add(replace(METHOD, time=TIME))
        for feed in (1, 2):
            caps = (2**63, 2**63)
            self.add(Feed(TIME, feed, feed, 1, 1, (bytes([feed]) * 20,), 65535, *caps, (METHOD.id,), Standing.ACTIVE))
        for number, account in enumerate(self.accounts):
            identity = hashlib.sha256(account).digest()
            self.add(Account(TIME, account, identity, 510502 % 65536 + number % 3, 0, AccountState.ACTIVE))

    def ride(self, feed: int, account: bytes, day: int, slot: int, activity: int) -> int:
        record = Record(account, METHOD.id, day, slot, 1, 0, activity, bytes(32))
        sequence, self.sequence[feed] = self.sequence[feed], self.sequence[feed] + 1
        return self.add(Reduction(TIME, feed, sequence, record, *worth(METHOD, activity)))

    def refuse(self, feed: int) -> int:
        sequence, self.sequence[feed] = self.sequence[feed], self.sequence[feed] + 1
        return self.add(Refusal(TIME, feed, sequence, Rule.OVERLAP))

    def revoke(self, target: int, *, release: bool = False) -> None:
        """With the amounts that the replay asks for: they are in its error until they are right."""
        import re

        from chain_node.protocol.errors import ReplayError

        try:
            self.add(Revocation(TIME, target, 1, bytes(32), release, 0, 0, 0, 0))
        except ReplayError as error:
            found = re.search(r"burns and owes \((\d+), (\d+), (\d+), (\d+)\)", str(error))
            if found is None:
                raise
            self.add(Revocation(TIME, target, 1, bytes(32), release, *map(int, found.groups())))


def history(world: World, records: int, seed: int) -> None:
    """Rides over three vintages, refusals, revocations with and without debt."""
    chance = random.Random(seed)
    used: set[tuple[bytes, int, int]] = set()
    made: list[int] = []
    day_of_account: dict[bytes, int] = {}
    while len(made) < records:
        account = chance.choice(world.accounts)
        day = day_of_account.get(account, DAY) + chance.choice((0, 0, 0, 1, 1, 30))
        day = day_of_account[account] = min(day, DAY + 900)
        slot = chance.randrange(180)
        if (account, day, slot) in used:
            continue
        used.add((account, day, slot))
        made.append(world.ride(chance.choice((1, 2)), account, day, slot, chance.randrange(1, MOST)))
        if chance.random() < 0.05:
            world.refuse(1)
        if chance.random() < 0.1:
            target = made.pop(chance.randrange(len(made)))
            if target not in world.state.revoked:
                world.revoke(target, release=chance.random() < 0.5)


def archived(world: World, folder: Path, start: int = 0) -> None:
    with Archive(folder) as archive:
        entries = world.entries[start:]
        archive.append(entries, [Call(start, len(entries), "0x" + "ab" * 32, 7)])
        archive.publish(lambda checkpoint: checkpoint.body() + "\n— t AAAAAAA=\n", "luya.test/1")


def rows(archive: Path, sql: str, database: Path | None = None) -> list[tuple[object, ...]]:
    with opened(archive, database) as (connection, _, _):
        return list(ask(connection, sql).rows())
