"""An open home with everything that a command needs: node, follower, oracles, read model. Composition only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from api.projection.projector import Projector
from api.store import migrate
from api.store.database import writer
from chain_node.node.node import Node
from chain_node.node.settings import NodeSettings
from chain_node.protocol.rules import Rule
from chain_node.sending.sender import Sender
from chain_node.storage import disk_space
from luya.engine.choice import NOTHING_ASKED, EngineOptions, with_engine
from luya.home import LuyaHome
from luya.session import feeds as home_feeds
from luya.session import outcomes
from luya.session.ledger_port import NodeLedger
from oracle.calls import rejudge
from oracle.calls.ingest import FinishedCall, IngestPorts, IngestResult, Progress, Watcher, ingest
from oracle.families.config import FeedConfig

Advance = Callable[[str, int, int], None]
_PROJECT_EVERY: Final = 0.25


def silent(_stage: str, _done: int, _total: int) -> None:
    """Nobody watches."""


@dataclass(slots=True)
class Session:
    """What is open.

    Attributes:
        home: the home.
        node: its node, followed in the background when this process owns it.
        database: the read model's writer.
        projected: somebody projects in the background: this process, or that of `luya up`.
        failure: what ended the projection in this process's background.
    """

    home: LuyaHome
    node: Node
    database: Engine
    projected: bool = False
    failure: Exception | None = None

    def check(self) -> None:
        """Raise what ended the background's work.

        Raises:
            NodeError: engine, follower or archive.
            ApiError, DBAPIError: the read model.
        """
        self.node.check()
        if self.failure is not None:
            raise self.failure

    def project(self, advance: Advance = silent) -> int:
        """Brings the read model to the archive's size; returns it."""
        projector = Projector(self.database, self.node.archive)
        return projector.catch_up(lambda done, total: advance("read model", done, total))

    def ingest(
        self,
        files: Sequence[Path],
        feed: FeedConfig,
        *,
        enrol_unknown: bool = False,
        report: Path | None = None,
        advance: Advance = silent,
        hold: bool = False,
        anyway: bool = False,
    ) -> IngestResult:
        """Takes a partner's files the whole way; all is final and in the read model when it returns.

        hold: leave the call open for `calls.ingest.close_held`: until then the same call comes to the same result.
        anyway: also files of which most rows are malformed.
        """

        with self._ports(feed) as (ports, sender):
            return ingest(
                files,
                feed,
                ports,
                enrol_unknown=enrol_unknown,
                report=report,
                progress=self._watcher(advance),
                deliver=self._deliverer(feed, sender),
                hold=hold,
                anyway=anyway,
            )

    def retry(
        self,
        feed: FeedConfig,
        rule: Rule | None,
        *,
        enrol_unknown: bool = False,
        report: Path | None = None,
        advance: Advance = silent,
        hold: bool = False,
    ) -> IngestResult:
        """Judges the feed's unattested rows again, without their files; as `ingest`."""
        with self._ports(feed) as (ports, sender):
            return rejudge.retry(
                feed,
                ports,
                rule=rule,
                enrol_unknown=enrol_unknown,
                report=report,
                progress=self._watcher(advance),
                deliver=self._deliverer(feed, sender),
                hold=hold,
            )

    def retry_other_settings(
        self, feed: FeedConfig, *, enrol_unknown: bool, advance: Advance, hold: bool
    ) -> IngestResult | None:
        """Judges the rows again that other settings refused; None where there are none. As `ingest`."""
        with self._ports(feed) as (ports, sender):
            return rejudge.under_other_settings(
                feed,
                ports,
                enrol_unknown=enrol_unknown,
                progress=self._watcher(advance),
                deliver=self._deliverer(feed, sender),
                hold=hold,
            )

    def _watcher(self, advance: Advance) -> Watcher:
        def watch(progress: Progress) -> None:
            if progress.stage != "settle":
                disk_space.require(self.home.root)
            elif not disk_space.enough(self.home.root):  # what has been sent is final, and archived when there is room
                advance("waiting for room on the disk", 0, 0)
            advance(progress.stage, progress.done, progress.total or 0)
            if progress.stage == "settle" and not self.projected:
                self.project()  # while the next block is waited for anyway, so that little is left for the end

        return watch

    def _deliverer(self, feed: FeedConfig, sender: Sender) -> Callable[[FinishedCall], None]:
        def deliver(delivery: FinishedCall) -> None:
            self.node.catch_up()
            self.project()
            outcomes.hand_over(self.database, feed, delivery)
            sender.poll()  # all is final by now: the outbox shall say so too

        return deliver

    @contextmanager
    def _ports(self, feed: FeedConfig) -> Iterator[tuple[IngestPorts, Sender]]:
        name = f"feed-{feed.id}-submitter"
        keys = self.node.keystore
        sender = self.node.sender(name)
        try:
            ports = IngestPorts(
                home=self.home.oracle,
                ledger=NodeLedger(self.node, sender),
                archive=self.node.archive,
                registrar=_Registrar(self.node),
                signers=home_feeds.signers(keys, feed),
                key=home_feeds.journal_key(keys, feed),
            )
            yield ports, sender
        finally:
            self.node.release_sender(name)


class _Registrar:
    """The node's registrar; who is returned is registered and final."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def lookup_many(self, organisation: int, ids: Sequence[str]) -> Mapping[str, bytes]:
        try:
            self._node.registrar.register_pending()  # whom a call that was killed has enrolled and not registered
        finally:
            self._node.release_sender("registrar")
        return self._node.registrar.lookup_many(organisation, ids)

    def enrol_many(self, organisation: int, ids: Sequence[str]) -> Mapping[str, bytes]:
        try:
            return self._node.registrar.enrol_many(organisation, ids)
        finally:
            self._node.release_sender("registrar")


class Projection:
    """Projects in the background while a node runs."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._session.projected = True
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="luya-projection", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        projected = -1
        try:
            while not self._stop.wait(_PROJECT_EVERY):
                if projected != self._session.node.archive.size:
                    projected = self._session.project()
        except Exception as error:  # whatever it was: `check` raises it, for nobody sees a thread end
            self._session.failure = error

    def stop(self) -> None:
        """Stops where it is; idempotent."""
        self._stop.set()
        self._thread.join()
        self._session.projected = False

    def close(self) -> None:
        """Stops; what is published is projected."""
        self.stop()
        if self._session.failure is None:
            self._session.project()


@contextmanager
def opened(
    home: LuyaHome,
    *,
    advance: Advance = silent,
    rebuild: bool = False,
    follow: bool = True,
    keep_blocks: int | None = None,
    block_time: float | None = None,
    linger: bool = True,
    silence: float | None = None,
    asked: EngineOptions = NOTHING_ASKED,
) -> Iterator[Session]:
    """Opens a home: deployed with all shipped methods and the home's feeds when it has no ledger yet.

    keep_blocks, block_time: see NodeSettings; a benchmark keeps few, a small job has quick ones. linger: when all went
    well, wait for other commands that have attached to this node before it ends; what runs until it is stopped does
    not. silence: see NodeSettings; who wants an answer soon does not wait for a node that hangs. asked: which engine,
    where the command line says so.
    """
    with ExitStack() as stack:
        home.make()
        home_feeds.install(home)
        settings = with_engine(_settings(home, rebuild), home, asked)
        if keep_blocks is not None:
            settings = replace(settings, keep_blocks=keep_blocks)
        if block_time is not None:
            settings = replace(settings, block_time=block_time)
        if silence is not None:
            settings = replace(settings, silence=silence)
        node = stack.enter_context(Node.open(home.root, settings=settings, progress=advance))
        if follow:
            node.follow()
        database = writer(home.read_model)
        stack.callback(database.dispose)
        migrate.upgrade(database)
        yield Session(home, node, database, projected=not node.owner)
        if linger:
            node.wait_until_alone()


def _settings(home: LuyaHome, rebuild: bool) -> NodeSettings:
    if home.manifest.exists():  # the law stands in the log already
        return NodeSettings(rebuild=rebuild)
    from chain_node.keys.keystore import Keystore

    keys = Keystore(home.root)
    feeds = sorted(home_feeds.of_home(home).values(), key=lambda feed: feed.id)
    organisations = {feed.organisation.id: home_feeds.organisation_entry(feed) for feed in feeds}
    return NodeSettings(
        organisations=tuple(organisations[number] for number in sorted(organisations)),
        feeds=tuple(home_feeds.feed_entry(feed, home_feeds.signer_addresses(keys, feed)) for feed in feeds),
    )
