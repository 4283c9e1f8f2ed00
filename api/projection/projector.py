"""Reads new entries from the archive and writes what they change, with the cursor, in one transaction.

Killed at any instant, it goes on where the last transaction ended. Every chunk is checked against the archive's tree:
the read model's root must be the archive's root at its size, before and after. It may run in any process, and twice:
the second waits for the database's lock and finds nothing to do.

A read model of an older projection version is begun again: one transaction clears what is derived and keeps the rest,
then chunks follow as for a fresh one, so that a killed one goes on in the same way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from sqlalchemy import Connection, Engine, delete, select, text

from api.errors import ProjectionError
from api.projection import tables
from api.projection.effects import Minted
from api.projection.rows import EntryValues, Target, call_values, entry_values, law_key, read
from api.projection.subjects import decides_on
from api.store.database import reading
from api.store.migrate import refuse_newer
from api.store.models import DERIVED, PROJECTION_VERSION, LedgerRow
from chain_node.archive.calls import Call
from chain_node.archive.reader import ArchiveReader
from chain_node.protocol.entries import (
    Account,
    Act,
    Entry,
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
from chain_node.protocol.merkle import EMPTY_ROOT, Tree, full_subtrees, leaf_hash

CHUNK = 5_000
"""Entries per transaction: long enough that the commit's fsync is nothing, short enough to keep readers current."""
_LOCK = 0x6C757970
"""PostgreSQL advisory lock: one projector writes at a time (SQLite: BEGIN IMMEDIATE)."""
_LEDGER: Any = LedgerRow.__table__


@dataclass(slots=True)
class _Chunk:
    """Decoded entries of one transaction, and the calls they came by."""

    start: int
    bodies: list[bytes]
    entries: list[Entry]
    leaves: list[bytes]
    calls: list[Call] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.start + len(self.bodies)


class Projector:
    """Keeps one read model at the archive's published size.

    Args:
        engine: a writer's engine (`api.store.database.writer`), migrated.
        archive: the reader of the archive.
        chunk: entries per transaction.
    """

    def __init__(self, engine: Engine, archive: ArchiveReader, chunk: int = CHUNK) -> None:
        self._engine = engine
        self._archive = archive
        self._chunk = chunk

    def size(self) -> int:
        """Entries projected so far."""
        with reading(self._engine) as connection:
            row = connection.execute(select(_LEDGER.c.size)).first()
        return int(row[0]) if row else 0

    def catch_up(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Project all that is published. Returns the size reached.

        Args:
            progress: called with (projected, published) after each transaction.

        Raises:
            ProjectionError: the read model is not of this archive, or an entry contradicts those before it.
            StoreError: a newer program has projected it.
        """
        while True:
            reached = self.step()
            if progress is not None:
                progress(reached, max(self._archive.size, reached))
            if reached >= self._archive.size:
                return reached

    def follow(self, stop: threading.Event, interval: float = 0.2) -> None:
        """Keep up with the archive until `stop` is set. `interval`: seconds between looks.

        Raises:
            ProjectionError: as `catch_up`.
        """
        while not stop.is_set():
            self.catch_up()
            stop.wait(interval)

    def step(self) -> int:
        """Project one chunk, or nothing where there is nothing new, or clear what is of an older version. Returns the
        size reached.

        Raises:
            ProjectionError: as `catch_up`.
        """
        checkpoint = self._archive.checkpoint()
        if checkpoint is None:
            return self.size()
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            ledger = connection.execute(select(_LEDGER)).mappings().first()
            size = ledger["size"] if ledger else 0
            if ledger is not None:
                refuse_newer(ledger["version"])
                self._check_ours(ledger["origin"], checkpoint.origin, size, ledger["root"], checkpoint.size)
                if ledger["version"] < PROJECTION_VERSION:
                    _begin_again(connection, checkpoint.origin, max(size, ledger["again_to"] or 0))
                    return 0
            end = min(size + self._chunk, checkpoint.size)
            if end > size or ledger is None:
                chunk = self._read(size, end)
                root = self._root(chunk)
                self._apply(connection, chunk)
                time = time_of(chunk.bodies[-1]) if chunk.bodies else 0
                again_to = ledger["again_to"] if ledger is not None and end < checkpoint.size else None
                again_to = None if again_to is None or end >= again_to else again_to
                row = (1, checkpoint.origin, end, root, time, PROJECTION_VERSION, again_to)
                tables.put(connection, _LEDGER, [row])
        return end

    def _check_ours(self, known: str, origin: str, size: int, root: bytes, published: int) -> None:
        """The read model is a prefix of this archive."""
        if known != origin:
            raise ProjectionError(f"the read model is of the log {known!r}, the archive of {origin!r}: use one per log")
        if size > published:
            raise ProjectionError(
                f"the read model has {size} entries, the archive only {published}: restore the archive from a copy, "
                "or project into a fresh database"
            )
        found = self._archive.root_at(size)
        if found != root:
            raise ProjectionError(
                f"at {size} entries the read model has root {root.hex()}, the archive {found.hex()}: one of them was "
                "changed; `luya fsck` says which, then project into a fresh database"
            )

    def _read(self, start: int, end: int) -> _Chunk:
        bodies = list(self._archive.entries(start, end))
        entries = [read(index, body) for index, body in enumerate(bodies, start)]
        return _Chunk(start, bodies, entries, [leaf_hash(body) for body in bodies], self._calls(start, end))

    def _calls(self, start: int, end: int) -> list[Call]:
        calls = []
        at = start
        while at < end:
            call = self._archive.call_of(at)
            if call is None:
                at += 1
                continue
            calls.append(call)
            at = call.first_index + call.count
        return calls

    def _root(self, chunk: _Chunk) -> bytes:
        """The root after the chunk, grown from the entries themselves. Raises ProjectionError: the tiles differ."""
        edge = [self._archive.get_node(level, index) for level, index in full_subtrees(0, chunk.start)]
        tree = Tree(chunk.start, edge)
        for leaf in chunk.leaves:
            tree.append(leaf)
        root = tree.root() if chunk.end else EMPTY_ROOT
        if root != self._archive.root_at(chunk.end):
            raise ProjectionError(
                f"entries {chunk.start} to {chunk.end} of the archive do not give its own tree's root: it was changed; "
                "restore it from a copy"
            )
        return root

    def _apply(self, connection: Connection, chunk: _Chunk) -> None:
        targets = tables.targets(connection, _revoked_before(chunk))
        effects = tables.load(connection, _touched(chunk, targets), {i: t[0] for i, t in targets.items()})
        decided = tables.acts(connection, _decided_before(chunk))
        sources = {index: source for index, (_, source) in targets.items()}
        entry_rows: list[EntryValues] = []
        law_rows: list[tuple[int, int, int]] = []
        calls = iter(chunk.calls)
        call = next(calls, None)
        for offset, (body, entry, leaf) in enumerate(zip(chunk.bodies, chunk.entries, chunk.leaves, strict=True)):
            index = chunk.start + offset
            while call is not None and index >= call.first_index + call.count:
                call = next(calls, None)
            inside = call if call is not None and index >= call.first_index else None
            target = None
            match entry:
                case Reduction():
                    effects.reduction(index, entry)
                case Refusal():
                    effects.refusal(entry)
                case Revocation():
                    effects.revocation(index, entry)
                    minted = effects.minted.get(entry.index)
                    target = sources[entry.index] if minted is None else Target.of(minted)
                case Account():
                    effects.account(index, entry)
                case Act():
                    effects.act(index, entry, _decided(chunk, index, entry, decided))
                case Organisation() | Feed() | Method() | GroupCaps() | Pause() | LogKey():
                    law_rows.append((*law_key(entry), index))
                case _:
                    assert_never(entry)
            entry_rows.append(entry_values(index, body, entry, leaf, inside, target))
        # a call that began in the chunk before is there already
        new_calls = [call_values(call) for call in chunk.calls if call.first_index >= chunk.start]
        tables.write(connection, effects, entry_rows, law_rows, new_calls)


def _begin_again(connection: Connection, origin: str, again_to: int) -> None:
    """Nothing is projected any more; what no archive holds is kept."""
    for table in DERIVED:
        connection.execute(delete(table))
    tables.put(connection, _LEDGER, [(1, origin, 0, EMPTY_ROOT, 0, PROJECTION_VERSION, again_to)])


def _revoked_before(chunk: _Chunk) -> list[int]:
    """Indexes that the chunk revokes and that lie before it."""
    found = {entry.index for entry in chunk.entries if isinstance(entry, Revocation)}
    return sorted(index for index in found if index < chunk.start)


def _decided_before(chunk: _Chunk) -> list[int]:
    """Indexes of acts that acts of the chunk decide on and that lie before it."""
    found = {decides_on(entry) for entry in chunk.entries if isinstance(entry, Act)} - {None}
    return sorted(index for index in found if index is not None and index < chunk.start)


def _decided(chunk: _Chunk, index: int, act: Act, before: dict[int, Act]) -> Act | None:
    """The act that `act`, the entry `index`, decides on."""
    of = decides_on(act)
    if of is None or not chunk.start <= of < index:
        return None if of is None else before.get(of)
    earlier = chunk.entries[of - chunk.start]
    return earlier if isinstance(earlier, Act) else None


def _touched(chunk: _Chunk, targets: dict[int, tuple[Minted, Target]]) -> Sequence[bytes]:
    """Accounts whose balances or debts the chunk may change."""
    found = {target.account for target, _ in targets.values()}
    for entry in chunk.entries:
        if isinstance(entry, Reduction):
            found.add(entry.record.account)
        elif isinstance(entry, Account):
            found.add(entry.account)
        elif isinstance(entry, Act):
            found.update(entry.accounts())
    return sorted(found)
