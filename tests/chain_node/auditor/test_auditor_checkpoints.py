"""The operator's signed word against the own log: signatures, roots, consistency, witnesses, contradictions."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain_node.archive.calls import Call
from chain_node.archive.reader import ArchiveReader
from chain_node.archive.writer import Archive
from chain_node.auditor.checkpoints import Checkpoints
from chain_node.auditor.notes import Notes
from chain_node.errors import AuditorError, Discrepancy
from chain_node.protocol.checkpoint import COSIGNATURE_V1, Checkpoint, VerifierKey, cosign, sign, verifier_key
from chain_node.protocol.entries import Organisation, Standing, encode
from chain_node.protocol.merkle import Tree, leaf_hash

ORIGIN = "luya.test/1"
KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
VKEY = verifier_key(ORIGIN, KEY.public_key())
WITNESS = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
WITNESS_KEY = VerifierKey("witness.test", COSIGNATURE_V1, WITNESS.public_key().public_bytes_raw()).text()
ENTRIES = [encode(Organisation(1, 1 + n, hashlib.sha256(b"%d" % n).digest(), Standing.ACTIVE)) for n in range(600)]


def archive(folder: Path, size: int, entries: list[bytes] = ENTRIES) -> ArchiveReader:
    with Archive(folder) as writer:
        writer.append(entries[:size], [Call(0, size, "0x" + "00" * 32, 1)])
        writer.publish(lambda checkpoint: sign(checkpoint, ORIGIN, KEY), ORIGIN)
    return ArchiveReader(folder)


def note(size: int, entries: list[bytes] = ENTRIES, key: Ed25519PrivateKey = KEY) -> str:
    tree = Tree()
    for entry in entries[:size]:
        tree.append(leaf_hash(entry))
    return sign(Checkpoint(ORIGIN, size, tree.root()), ORIGIN, key)


def watch(tmp_path: Path, text: str, **more: object) -> Checkpoints:
    path = tmp_path / "note"
    path.write_text(text, "utf-8")
    return Checkpoints(str(path), Notes(VKEY, tmp_path / "seen"), **more)  # type: ignore[arg-type]


OTHER = [*ENTRIES[:299], ENTRIES[599], *ENTRIES[300:599]]


def test_behind_equal_and_ahead(tmp_path: Path) -> None:
    own = archive(tmp_path / "own", 300)
    for size in (1, 256, 300):
        assert watch(tmp_path, note(size)).check(300, own.root_at) is not None
    ahead = watch(tmp_path, note(400))
    ahead.check(300, own.root_at)
    later = archive(tmp_path / "later", 450)
    ahead.check(450, later.root_at)
    assert ahead.checked == 400
    assert len(list((tmp_path / "seen").iterdir())) == 4


def test_another_root(tmp_path: Path) -> None:
    own = archive(tmp_path / "own", 300)
    with pytest.raises(Discrepancy) as caught:
        watch(tmp_path, note(300, OTHER)).check(300, own.root_at)
    assert (caught.value.index, caught.value.rule) == (299, "checkpoint/root")
    assert own.root_at(300).hex() in caught.value.expected


def test_ahead_and_wrong_is_found_when_the_own_log_gets_there(tmp_path: Path) -> None:
    watched = watch(tmp_path, note(400, OTHER))
    watched.check(299, archive(tmp_path / "own", 299).root_at)
    with pytest.raises(Discrepancy, match="checkpoint/root"):
        watched.check(450, archive(tmp_path / "later", 450).root_at)


def test_ahead_and_wrong_is_found_at_once_by_the_operators_tiles(tmp_path: Path) -> None:
    own = archive(tmp_path / "own", 310)
    archive(tmp_path / "theirs", 500)
    Checkpoints(str(tmp_path / "theirs"), Notes(VKEY)).check(310, own.root_at)
    archive(tmp_path / "wrong", 500, OTHER)
    with pytest.raises(Discrepancy, match="does not extend"):
        Checkpoints(str(tmp_path / "wrong"), Notes(VKEY)).check(310, own.root_at)


def test_two_roots_of_one_size(tmp_path: Path) -> None:
    own = archive(tmp_path / "own", 100)
    watched = watch(tmp_path, note(400))
    watched.check(100, own.root_at)
    (tmp_path / "note").write_text(note(400, OTHER), "utf-8")
    with pytest.raises(Discrepancy, match="two roots"):
        watched.check(100, own.root_at)
    assert len(list((tmp_path / "seen").iterdir())) == 2, "both are kept as evidence"


def test_signed_by_another(tmp_path: Path) -> None:
    own = archive(tmp_path / "own", 300)
    with pytest.raises(Discrepancy) as caught:
        watch(tmp_path, note(300, key=WITNESS)).check(300, own.root_at)
    assert caught.value.rule == "checkpoint/signature"
    with pytest.raises(Discrepancy, match="checkpoint/signature"):
        watch(tmp_path, "nonsense").check(300, own.root_at)


def test_witnesses(tmp_path: Path) -> None:
    own = archive(tmp_path / "own", 300)
    plain = note(300)
    signed = cosign(plain, "witness.test", WITNESS, 1_800_000_000)
    watch(tmp_path, signed, witnesses=[WITNESS_KEY], quorum=1).check(300, own.root_at)
    watch(tmp_path, plain, witnesses=[WITNESS_KEY]).check(300, own.root_at)
    with pytest.raises(Discrepancy, match="checkpoint/witnesses"):
        watch(tmp_path, plain, witnesses=[WITNESS_KEY], quorum=1).check(300, own.root_at)
    stranger = cosign(plain, "witness.test", Ed25519PrivateKey.from_private_bytes(b"\x03" * 32), 1_800_000_000)
    with pytest.raises(Discrepancy, match="checkpoint/witnesses"):
        watch(tmp_path, stranger, witnesses=[WITNESS_KEY], quorum=1).check(300, own.root_at)
    line = signed.splitlines()[-1]
    forged = signed.replace(line, line[:-12] + ("A" if line[-12] != "A" else "B") + line[-11:])
    with pytest.raises(Discrepancy, match="checkpoint/signature"):
        watch(tmp_path, forged, witnesses=[WITNESS_KEY]).check(300, own.root_at)


def test_over_http(tmp_path: Path) -> None:
    own = archive(tmp_path / "own", 300)
    answers = {"/checkpoint": note(300).encode(), "/long": b"x" * 100_000, "/binary": b"\xff\xfe"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = answers.get(self.path)
            self.send_response(200 if data is not None else 404)
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    base = f"http://127.0.0.1:{server.server_port}"
    try:
        Checkpoints(f"{base}/checkpoint", Notes(VKEY)).check(300, own.root_at)
        for path, text in (("long", "longer"), ("binary", "no text"), ("none", "cannot be fetched")):
            with pytest.raises(AuditorError, match=text) as caught:
                Checkpoints(f"{base}/{path}", Notes(VKEY)).check(300, own.root_at)
            assert not isinstance(caught.value, Discrepancy), "away is not a difference"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_missing_file_is_no_alarm(tmp_path: Path) -> None:
    with pytest.raises(AuditorError, match="cannot be read") as caught:
        Checkpoints(str(tmp_path / "none"), Notes(VKEY)).check(0, lambda _: b"")
    assert not isinstance(caught.value, Discrepancy)


def test_two_roots_of_one_size_over_a_restart(tmp_path: Path) -> None:
    own = archive(tmp_path / "own", 100)
    watch(tmp_path, note(400)).check(100, own.root_at)
    with pytest.raises(Discrepancy, match="two roots"):
        watch(tmp_path, note(400, OTHER)).check(100, own.root_at)
    with pytest.raises(Discrepancy, match="two roots"):
        Notes(VKEY, tmp_path / "seen").check(100, own.root_at)


def test_of_two_sources(tmp_path: Path) -> None:
    own = archive(tmp_path / "own", 100)
    notes = Notes(VKEY)
    for number, entries in enumerate((ENTRIES, OTHER)):
        (tmp_path / str(number)).write_text(note(400, entries), "utf-8")
    Checkpoints(str(tmp_path / "0"), notes).check(100, own.root_at)
    with pytest.raises(Discrepancy, match="two roots"):
        Checkpoints(str(tmp_path / "1"), notes).check(100, own.root_at)


def test_ahead_and_wrong_is_found_after_a_restart(tmp_path: Path) -> None:
    watch(tmp_path, note(400, OTHER)).check(299, archive(tmp_path / "own", 299).root_at)
    later = archive(tmp_path / "later", 450)
    with pytest.raises(Discrepancy, match="not that of the replayed entries"):
        Notes(VKEY, tmp_path / "seen").check(450, later.root_at)


def test_what_stays_ahead_is_told_once(tmp_path: Path) -> None:
    own = archive(tmp_path / "own", 100)
    watch(tmp_path, note(400)).check(100, own.root_at)
    kept = next((tmp_path / "seen").iterdir())
    hours_ago = time.time() - 7_300
    os.utime(kept, (hours_ago, hours_ago))
    watch(tmp_path, note(400)).check(100, own.root_at)
    (tmp_path / "seen" / "half").write_text("half a no", "utf-8")
    told: list[str] = []
    notes = Notes(VKEY, tmp_path / "seen", told.append)
    for _ in range(3):
        notes.check(100, own.root_at)
    assert len(told) == 2
    assert "1 notes do not open" in told[0]
    assert "signed 400 entries 2.0 hours ago, and the endpoint shows 100" in told[1]
