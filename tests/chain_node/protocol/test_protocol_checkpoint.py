"""Signed notes and proof texts: C2SP's and Go's vectors, and one spelling each."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from protocol_world import LOG_KEY, ORIGIN, START, VKEY

from chain_node.protocol import checkpoint as cp
from chain_node.protocol.errors import CheckpointError

# The example of golang.org/x/mod/sumdb/note, where the C2SP signed-note format comes from.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_SIGNATURE = base64.b64decode(
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)
CHECKPOINT = cp.Checkpoint(ORIGIN, 42, bytes(range(32)))


def test_key_ids_and_signature_of_go_note() -> None:
    key = cp.VerifierKey.parse(GO_VKEY)
    assert key.key_id.hex() == "c74f20a3"
    assert key.text() == GO_VKEY == cp.verifier_key("PeterNeumann", key.public_key)
    assert GO_SIGNATURE[:4] == key.key_id
    assert key.verify(GO_SIGNATURE[4:], GO_TEXT)
    assert not key.verify(GO_SIGNATURE[4:], GO_TEXT + "!")
    assert Ed25519PrivateKey.from_private_bytes(GO_SEED).sign(GO_TEXT.encode()) == GO_SIGNATURE[4:]


@pytest.mark.parametrize(
    "text",
    [
        "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop",
        "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
        "TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
    ],
)
def test_verifier_keys_of_other_implementations(text: str) -> None:
    assert cp.VerifierKey.parse(text).text() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumanN+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AhpC",
        "PeterNeumann+c74f20a3+",
        " +c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_bad_verifier_keys_are_refused(text: str) -> None:
    with pytest.raises(CheckpointError):
        cp.VerifierKey.parse(text)


def test_a_signed_checkpoint_opens() -> None:
    note = cp.sign(CHECKPOINT, ORIGIN, LOG_KEY)
    assert note.startswith(f"{ORIGIN}\n42\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n— {ORIGIN} ")
    assert cp.open_note(note, VKEY) == CHECKPOINT
    assert cp.open_note(note, VKEY, strict=True) == CHECKPOINT


def test_every_changed_byte_of_a_note_is_refused() -> None:
    note = cp.sign(CHECKPOINT, ORIGIN, LOG_KEY).encode()
    for at in range(len(note)):
        changed = note[:at] + bytes([note[at] ^ 2]) + note[at + 1 :]
        with pytest.raises((CheckpointError, UnicodeDecodeError)):
            cp.open_note(changed.decode(), VKEY)


@pytest.mark.parametrize(
    "body",
    [
        f"{ORIGIN}\n042\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        f"{ORIGIN}\n-1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        f"{ORIGIN}\n42\nAAEC\n",
        f"{ORIGIN}\n42\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n",
        f"{ORIGIN}\n42\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nextension\n",
        "\n42\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        f"{ORIGIN}\n9223372036854775808\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        f"{ORIGIN}\n42\n",
        "",
    ],
)
def test_no_other_form_of_a_checkpoint(body: str) -> None:
    with pytest.raises(CheckpointError):
        cp.Checkpoint.parse(body)


def test_notes_without_the_right_signature_are_refused() -> None:
    note = cp.sign(CHECKPOINT, ORIGIN, LOG_KEY)
    line = note.split("\n")[-2]
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    foreign = cp.sign(CHECKPOINT, "elsewhere.test", other).split("\n")[-2]
    assert cp.open_note(note + foreign + "\n", VKEY) == CHECKPOINT  # C2SP: unknown keys are ignored
    for bad, reason in (
        (note + foreign + "\n", "no given key"),
        (note + line + "\n", "two signatures"),
        (cp.sign(CHECKPOINT, ORIGIN, other), "no given key"),
        (note[:-1], "LF"),
        (note.replace("— ", "- "), "signature line"),
        (CHECKPOINT.body(), "empty line"),
        (note.replace(line, f"— {ORIGIN} AAAA"), "too short"),
    ):
        with pytest.raises(CheckpointError, match=reason):
            cp.open_note(bad, VKEY, strict=True)
    with pytest.raises(CheckpointError, match="not signed by"):
        cp.open_note(cp.sign(CHECKPOINT, ORIGIN, other), VKEY)
    elsewhere = cp.Checkpoint("elsewhere.test", 1, bytes(32))
    with pytest.raises(CheckpointError, match="of the log"):
        cp.open_note(cp.sign(elsewhere, ORIGIN, LOG_KEY), VKEY)


def test_cosignatures() -> None:
    witness = Ed25519PrivateKey.from_private_bytes(bytes([5]) * 32)
    key = cp.VerifierKey("witness.test", cp.COSIGNATURE_V1, witness.public_key().public_bytes_raw())
    note = cp.cosign(cp.sign(CHECKPOINT, ORIGIN, LOG_KEY), "witness.test", witness, START)
    assert cp.open_note(note, VKEY, witnesses=[key.text()], strict=True) == CHECKPOINT
    signature = base64.b64decode(note.split(" ")[-1])
    assert signature[:4] == key.key_id
    assert int.from_bytes(signature[4:12], "big") == START
    witness.public_key().verify(signature[12:], f"cosignature/v1\ntime {START}\n{CHECKPOINT.body()}".encode())
    with pytest.raises(CheckpointError, match="witness's key"):
        cp.open_note(note, key.text())


def test_proof_texts() -> None:
    """The form of c2sp.org/tlog-proof@v1."""
    note = cp.sign(CHECKPOINT, ORIGIN, LOG_KEY)
    text = cp.build_tlog_proof(7, [b"\1" * 32, b"\2" * 32], note)
    assert text == f"c2sp.org/tlog-proof@v1\nindex 7\n{'AQEB' * 10}AQE=\n{'AgIC' * 10}AgI=\n\n{note}"
    assert cp.parse_tlog_proof(text) == cp.TlogProof(7, (b"\1" * 32, b"\2" * 32), note)
    single = cp.build_tlog_proof(0, [], note, extra=b"more")
    assert single == f"c2sp.org/tlog-proof@v1\nextra bW9yZQ==\nindex 0\n\n{note}"
    assert cp.parse_tlog_proof(single) == cp.TlogProof(0, (), note, b"more")
    for bad in (
        text.replace("@v1", "@v2"),
        text.replace("index 7", "index 07"),
        text.replace("index 7", "index"),
        text.replace("index 7\n", ""),
        text.replace("AQE=", "AQF="),
        text.replace("AQEB" * 10 + "AQE=", "AQEB"),
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v1\n\n",
    ):
        with pytest.raises(CheckpointError):
            cp.parse_tlog_proof(bad)


def test_consistency_texts() -> None:
    text = cp.build_consistency(3, [b"\1" * 32])
    assert text == f"old 3\n{'AQEB' * 10}AQE=\n"
    assert cp.parse_consistency(text) == (3, [b"\1" * 32])
    assert cp.parse_consistency("old 3\n") == (3, [])
    for bad in ("", "old 3", "old 03\n", "3\n", "old 3\nAQEB\n", "old 3\n\n"):
        with pytest.raises(CheckpointError):
            cp.parse_consistency(bad)
