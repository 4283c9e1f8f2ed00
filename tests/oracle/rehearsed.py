"""The shipped law with one feed as a log in memory; what `check` needs of it, and a ledger that records for good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from insecure_ledger import JOURNAL_KEY, TIME, feed_entry

from chain_node import catalogue
from chain_node.protocol.entries import Entry, Organisation, Standing, encode
from chain_node.protocol.replay import State
from oracle.calls.check import CheckResult, check
from oracle.calls.ingest import IngestPorts, IngestResult, ingest
from oracle.calls.rehearsal import SIGNERS, Rehearsal
from oracle.families.config import FeedConfig
from oracle.store import peek
from oracle.store.journal import path_of


class Log:
    """Entries, and who is enrolled. `ingest` adds to them what a ledger would record."""

    def __init__(self, config: FeedConfig, home: Path) -> None:
        first = [
            *(group.caps for group in catalogue.load_groups()),
            *(method.method for method in catalogue.announced()),
            Organisation(0, config.organisation.id, bytes(32), Standing.ACTIVE),
            feed_entry(config),
        ]
        self.data = [encode(replace(entry, time=1)) for entry in first]
        self.enrolled: dict[str, bytes] = {}
        self.home = home

    def append(self, entry: Entry) -> None:
        self.data.append(encode(entry))

    def rehearsal(self) -> Rehearsal:
        state = State()
        for data in self.data:
            state.apply(data)
        return Rehearsal(state, self._entries, self._lookup, TIME)

    def _entries(self, start: int, stop: int) -> Iterator[bytes]:
        yield from self.data[start:stop]

    def _lookup(self, _organisation: int, ids: Sequence[str]) -> Mapping[str, bytes]:
        return {person: self.enrolled[person] for person in ids if person in self.enrolled}

    def ingest(self, config: FeedConfig, *files: Path, enrol: Sequence[str] = ()) -> IngestResult:
        """In earnest: the journal stays, the log has grown, and these persons are enrolled for good."""
        ledger = self.rehearsal()
        self.enrolled |= ledger.enrol_many(config.organisation.id, enrol)
        world = IngestPorts(self.home, ledger, ledger, ledger, SIGNERS, JOURNAL_KEY)
        result = ingest(files, config, world, anyway=True)
        self.data += ledger.entries(len(self.data), ledger.size)
        return result

    def check(
        self,
        config: FeedConfig,
        folder: Path,
        *files: Path,
        report: Path | None = None,
        enrol_unknown: bool = False,
        anyway: bool = True,
    ) -> CheckResult:
        """As `luya oracle check` composes it. folder: an empty one."""
        journal, copied = path_of(self.home, config.name), path_of(folder, config.name)
        if journal.exists():
            copied.parent.mkdir(parents=True)
            peek.copy(journal, copied)
        rehearsal = self.rehearsal()
        return check(
            files,
            config,
            folder,
            JOURNAL_KEY,
            rehearsal,
            report=report,
            enrol_unknown=enrol_unknown,
            anyway=anyway,
        )
