"""The oracle's view of the ledger, on a real one: what it refuses comes back as what it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chain_node.contracts.handles import artefact
from chain_node.protocol.attestation import Attestation
from chain_node.protocol.records import Record, records_root
from chain_node.protocol.rules import Rule
from chain_node.sending.sender import Sender
from luya.home import LuyaHome
from luya.session import feeds
from luya.session.ledger_port import _IMPOSSIBLE, _KINDS, NodeLedger
from luya.session.session import Session, opened
from oracle.attest.signer import Quorum
from oracle.families.config import FeedConfig
from oracle.ports import Failure, FailureKind, SignedBatch

PATIENCE = 30.0
CONFIG = b"\x0c" * 32


@pytest.fixture
def session(deployed_home: Path) -> Iterator[Session]:
    with opened(LuyaHome(deployed_home), block_time=0.1) as opening:
        yield opening


@pytest.fixture
def feed(session: Session) -> FeedConfig:
    return feeds.find(session.home, "bike-share")


def sender(session: Session, feed: FeedConfig) -> Sender:
    return session.node.sender(f"feed-{feed.id}-submitter")


def batch(session: Session, feed: FeedConfig, records: list[Record], *, sequence: int = 0) -> SignedBatch:
    """Signed as an oracle does, whatever is in it."""
    payloads = [record.encode() for record in records]
    statement = Attestation(feed.id, sequence, len(records), records_root(payloads), CONFIG)
    keys = session.node.keystore
    quorum = Quorum(feeds.signers(keys, feed), feeds.feed_entry(feed, feeds.signer_addresses(keys, feed)))
    signatures = quorum.sign(session.node.manifest.domain, statement)
    key = f"batch/{sequence}/{statement.records_root.hex()}"
    return SignedBatch(key, feed.id, sequence, len(records), b"".join(payloads), b"", CONFIG, signatures, 2_000_000)


def rides(session: Session, feed: FeedConfig, many: int) -> list[Record]:
    accounts = session.node.registrar.enrol_many(feed.organisation.id, [f"rider {n}" for n in range(many)])
    session.node.release_sender("registrar")
    method = next(iter(feed.methods.values()))[0]
    return [
        Record(one, method, 20_000, 10 + 4 * n, 2, 0, 2_000, bytes([n]) * 32) for n, one in enumerate(accounts.values())
    ]


def failures(ledger: NodeLedger) -> list[Failure]:
    found: list[Failure] = []
    for _ in range(int(PATIENCE)):
        found += ledger.advance(1.0)
        if found:
            return found
    raise AssertionError("nothing failed")


def test_every_kind_is_an_error_of_the_ledger() -> None:
    names = {error.name for error in artefact("LuyaLedger").abi.errors.values()}
    assert {*_KINDS, _IMPOSSIBLE} <= names
    error = next(e for e in artefact("LuyaLedger").abi.errors.values() if e.name == _IMPOSSIBLE)
    assert error.names == ("position", "rule")


def test_a_refused_batch_names_its_record_and_rule_also_after_a_restart(session: Session, feed: FeedConfig) -> None:
    records = rides(session, feed, 3)
    records[2] = replace(records[2], activity=0)
    bad = batch(session, feed, records)
    gap = batch(session, feed, records[:2], sequence=5_000)
    ledger = NodeLedger(session.node, sender(session, feed))
    ledger.submit([bad])
    first = failures(ledger)
    assert [(one.key, one.kind, one.position, one.rule) for one in first] == [
        (bad.key, FailureKind.RECORD, 2, Rule.ZERO_ACTIVITY)
    ]
    assert first[0].message == f"LuyaLedgerImpossibleRecord(position=2, rule={Rule.ZERO_ACTIVITY.number})"
    ledger.submit([gap])
    assert [(one.key, one.kind) for one in failures(ledger)] == [(gap.key, FailureKind.SEQUENCE)]
    session.node.release_sender(f"feed-{feed.id}-submitter")
    path = next(session.home.outbox.glob(f"{sender(session, feed)._address}.sqlite"))
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM outbox WHERE revert IS NOT NULL AND reason = ''").fetchone() == (2,)
    db.close()
    again = NodeLedger(session.node, sender(session, feed))
    again.submit([bad])
    assert failures(again) == first
