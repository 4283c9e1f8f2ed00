"""A node's metrics: read from memory and disk when they are asked for; a part that is missing hides no other."""

from __future__ import annotations

import os
import sqlite3
import time
import urllib.request
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from prometheus_client.parser import text_string_to_metric_families

from chain_node.archive.calls import Call
from chain_node.archive.writer import Archive
from chain_node.errors import PortInUse
from chain_node.node.metrics import NAMES, MetricsServer, MirrorState, NodeCollector, Sources
from chain_node.protocol import checkpoint
from chain_node.sending.outbox import count_resends, figures, first_unsigned, open_outbox

ORIGIN = "test.luya/metrics"


def samples(collector: NodeCollector) -> dict[str, float]:
    """Samples by name and labels."""
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in collector.collect()
        for sample in family.samples
    }


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    """One done, one refused, two pending; three were sent again."""
    folder = tmp_path / "outbox"
    folder.mkdir()
    db = open_outbox(folder / "0xabc.sqlite")
    db.execute("INSERT INTO meta VALUES ('first_nonce', '5')")
    rows = [(5, "a", "0x5", 1), (6, "b", "0x6", 2), (7, "c", "0x7", 0), (8, "d", "0x8", 0)]
    db.executemany("INSERT INTO outbox (nonce, key, hash, state) VALUES (?, ?, ?, ?)", rows)
    count_resends(db, 2)
    count_resends(db, 1)
    assert first_unsigned(db) == 9
    db.close()
    return folder


def test_senders(outbox: Path) -> None:
    assert figures(outbox / "0xabc.sqlite") == (2, 9, 1, 3)
    found = samples(NodeCollector(Sources(outbox=outbox)))
    assert found == {
        "luya_sender_pending[0xabc]": 2,
        "luya_sender_next_nonce[0xabc]": 9,
        "luya_sender_reverted[0xabc]": 1,
        "luya_sender_resends_total[0xabc]": 3,
    }
    empty = open_outbox(outbox / "0xdef.sqlite")
    assert first_unsigned(empty) == 0
    empty.execute("INSERT INTO meta VALUES ('first_nonce', '4')")
    empty.close()
    assert figures(outbox / "0xdef.sqlite") == (0, 4, 0, 0)


def test_an_outbox_of_an_earlier_version(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "old.sqlite")
    db.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT)")
    db.execute("CREATE TABLE outbox (nonce INTEGER PRIMARY KEY, state INTEGER)")
    db.commit()
    db.close()
    assert figures(tmp_path / "old.sqlite") == (0, 0, 0, 0)


def test_archive_and_mirrors(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive") as archive:
        archive.append([b"\x40" * 20] * 300, [Call(0, 300, "0x0", 1)])
        archive.publish(lambda one: checkpoint.sign(one, ORIGIN, Ed25519PrivateKey.generate()), ORIGIN)
        archive.append([b"\x40" * 20] * 5, [Call(300, 5, "0x0", 2)])
        os.utime(tmp_path / "archive" / "checkpoint", (time.time() - 60, time.time() - 60))
        states = [MirrorState("/far", 100, 200), MirrorState("/near", 0, 300, "no such disk")]

        class Following:
            size, next_block = archive.size, 9

        sources = Sources(archive=tmp_path / "archive", follower=Following(), mirrors=lambda: states)
        found = samples(NodeCollector(sources))
    assert found["luya_archive_size"] == 300
    assert found["luya_follower_size"] == 305
    assert 59 < found["luya_archive_checkpoint_age_seconds"] < 120
    assert (found["luya_archive_mirror_up[/far]"], found["luya_archive_mirror_up[/near]"]) == (1, 0)
    assert found["luya_archive_mirror_lag[/far]"] == 200


def test_what_cannot_be_read_hides_nothing_else(tmp_path: Path, outbox: Path) -> None:
    (outbox / "0xbad.sqlite").write_bytes(b"no database at all, only some text that is long enough")
    sources = Sources(
        info={"engine": "anvil"},
        archive=tmp_path / "none",
        outbox=outbox,
        mirrors=lambda: [MirrorState("/far", 1, 0)],
        extra=lambda: [("mirror-behind", "warning")],
    )
    found = samples(NodeCollector(sources))
    assert found["luya_ledger_info[anvil]"] == 1
    assert found["luya_supervisor_problem[mirror-behind][warning]"] == 1
    assert found["luya_archive_mirror_up[/far]"] == 1
    assert found["luya_sender_pending[0xabc]"] == 2


def test_served_on_loopback_as_prometheus_reads_it(outbox: Path) -> None:
    server = MetricsServer(Sources(outbox=outbox), 0)
    try:
        with urllib.request.urlopen(server.url, timeout=10) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        assert {family.name for family in families} >= {
            "luya_sender_pending",
            "luya_sender_resends",
            "process_open_fds",
        }
        assert all(family.documentation == NAMES.get(family.name, family.documentation) for family in families)
        port = int(server.url.split(":")[2].partition("/")[0])
        with pytest.raises(PortInUse, match=str(os.getpid())):
            MetricsServer(Sources(), port)
    finally:
        server.close()
    again = MetricsServer(Sources(), port)
    again.close()
