"""Checkpoints as C2SP signed notes, verifier keys, and proof texts (c2sp.org/signed-note, tlog-checkpoint, tlog-proof).

A checkpoint's text is three lines: origin, decimal size, base64 root. Then an empty line and signature lines
`— name base64(keyID ‖ signature)`. keyID = first 4 bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from chain_node.protocol.errors import CheckpointError

ED25519: Final = 0x01
COSIGNATURE_V1: Final = 0x04
TLOG_PROOF_HEADER: Final = "c2sp.org/tlog-proof@v1"

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,19}")
_SIGNATURE_LINE = re.compile(r"— (\S+) (\S+)")
_MAX_SIZE = 1 << 63


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state of the log. origin: the log's name; size: its number of entries; root: RFC 6962 root of them."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """The note's text, each line ending in LF. Raises CheckpointError: no such checkpoint can be written."""
        if not _is_name(self.origin):
            raise CheckpointError(f"origin {self.origin!r} must be text without spaces and plus signs")
        if len(self.root) != 32 or not 0 <= self.size < _MAX_SIZE:
            raise CheckpointError(f"size {self.size}, root of {len(self.root)} bytes: wants a u63 and 32 bytes")
        return f"{self.origin}\n{self.size}\n{_encode64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """The checkpoint with this body. Raises CheckpointError: no checkpoint has it (extension lines neither)."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not _DECIMAL.fullmatch(lines[1]):
            raise CheckpointError("a checkpoint's text is origin, decimal size and root, a line each")
        checkpoint = cls(lines[0], int(lines[1]), _decode64(lines[2], "the root"))
        checkpoint.body()
        return checkpoint


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name. kind: 0x01 signs notes, 0x04 is a witness's that cosigns checkpoints."""

    name: str
    kind: int
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        digest = hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public_key)
        return digest.digest()[:4]

    def text(self) -> str:
        """`name+hex8(keyID)+base64(type ‖ key)`."""
        return f"{self.name}+{self.key_id.hex()}+{_encode64(bytes([self.kind]) + self.public_key)}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """The key with this text. Raises CheckpointError: malformed, of an unknown type, or its id is not its own."""
        parts = text.split("+", 2)
        if len(parts) != 3 or not _is_name(parts[0]):
            raise CheckpointError("a verifier key has the form name+keyid+base64")
        data = _decode64(parts[2], "the verifier key")
        if len(data) != 33 or data[0] not in (ED25519, COSIGNATURE_V1):
            raise CheckpointError("a verifier key is of type 1 or 4, with 32 bytes of Ed25519 key")
        key = cls(parts[0], data[0], data[1:])
        if key.key_id.hex() != parts[1]:
            raise CheckpointError(f"verifier key of {key.name!r}: its id is {key.key_id.hex()}, not {parts[1]!r}")
        return key

    def verify(self, signature: bytes, text: str) -> bool:
        """Whether `signature`, as it follows the key id in a signature line, signs the note's text."""
        message = text.encode()
        if self.kind == COSIGNATURE_V1:
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            message = b"cosignature/v1\ntime %d\n" % time + message
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A c2sp.org/tlog-proof@v1 text. proof: inclusion proof, leaf's sibling first; note: the checkpoint, verbatim."""

    index: int
    proof: tuple[bytes, ...]
    note: str
    extra: bytes | None = None


def verifier_key(name: str, public_key: Ed25519PublicKey | bytes) -> str:
    """The text of the verifier key of a log: `name+hex8(keyID)+base64(0x01 ‖ key)`."""
    raw = public_key if isinstance(public_key, bytes) else public_key.public_bytes_raw()
    return VerifierKey(name, ED25519, raw).text()


def sign(checkpoint: Checkpoint, name: str, private_key: Ed25519PrivateKey) -> str:
    """The signed note of a checkpoint."""
    body = checkpoint.body()
    key = VerifierKey(name, ED25519, private_key.public_key().public_bytes_raw())
    return f"{body}\n— {name} {_encode64(key.key_id + private_key.sign(body.encode()))}\n"


def cosign(note: str, name: str, private_key: Ed25519PrivateKey, time: int) -> str:
    """The note with a witness's cosignature line added. time: unix seconds."""
    text, _ = _split_note(note)
    key = VerifierKey(name, COSIGNATURE_V1, private_key.public_key().public_bytes_raw())
    signature = private_key.sign(f"cosignature/v1\ntime {time}\n{text}".encode())
    return f"{note}— {name} {_encode64(key.key_id + time.to_bytes(8, 'big') + signature)}\n"


def open_note(note: str, vkey: str, *, witnesses: Sequence[str] = (), strict: bool = False) -> Checkpoint:
    """The checkpoint in a note that `vkey`, whose name is the log's origin, has signed.

    Signatures of `witnesses` (verifier keys) must hold where they are there. Lines of other keys are ignored, as C2SP
    asks; with `strict` they are an error, so that no byte of the note stays unchecked.

    Raises CheckpointError: malformed, not signed by the key, or by one that signs for another origin.
    """
    text, signatures = _split_note(note)
    log = VerifierKey.parse(vkey)
    if log.kind != ED25519:
        raise CheckpointError(f"{log.name!r} is a witness's key; a log's is of type 1")
    known = {(key.name, key.key_id): key for key in (log, *map(VerifierKey.parse, witnesses))}
    seen: set[tuple[str, bytes]] = set()
    for name, data in signatures:
        identity = (name, data[:4])
        key = known.get(identity)
        if key is None:
            if strict:
                raise CheckpointError(f"the note has a signature of {name!r} that no given key can check")
            continue
        if identity in seen:
            raise CheckpointError(f"the note has two signatures of {name!r}")
        if not key.verify(data[4:], text):
            raise CheckpointError(f"the signature of {name!r} does not hold")
        seen.add(identity)
    if (log.name, log.key_id) not in seen:
        raise CheckpointError(f"the note is not signed by {log.name!r} with key {log.key_id.hex()}")
    checkpoint = Checkpoint.parse(text)
    if checkpoint.origin != log.name:
        raise CheckpointError(f"the note is of the log {checkpoint.origin!r}, the key of {log.name!r}")
    return checkpoint


def build_tlog_proof(index: int, proof: Sequence[bytes], note: str, extra: bytes | None = None) -> str:
    """The c2sp.org/tlog-proof@v1 text: header, optional extra line, index, hashes, empty line, checkpoint."""
    head = [TLOG_PROOF_HEADER, *([] if extra is None else [f"extra {_encode64(extra)}"]), f"index {index}"]
    return "\n".join([*head, *map(_encode64, proof), "", note])


def parse_tlog_proof(text: str) -> TlogProof:
    """The parts of a tlog-proof text. Raises CheckpointError: malformed."""
    head, separator, note = text.partition("\n\n")
    lines = head.split("\n")
    if not separator or lines.pop(0) != TLOG_PROOF_HEADER:
        raise CheckpointError(f"a proof text begins with the line {TLOG_PROOF_HEADER} and has a checkpoint")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = _decode64(lines.pop(0)[6:], "the extra line")
    index = lines.pop(0).removeprefix("index ") if lines and lines[0].startswith("index ") else ""
    if not _DECIMAL.fullmatch(index):
        raise CheckpointError("a proof text names its index in decimal, without leading zeros")
    return TlogProof(int(index), tuple(_hash64(line, "a proof's hash") for line in lines), note, extra)


def build_consistency(old: int, proof: Sequence[bytes]) -> str:
    """The text of a consistency proof: `old <size>`, then a base64 hash a line; as in tlog-witness's requests."""
    return "".join(f"{line}\n" for line in [f"old {old}", *map(_encode64, proof)])


def parse_consistency(text: str) -> tuple[int, list[bytes]]:
    """(old size, proof) of a consistency text. Raises CheckpointError: malformed."""
    lines = text.split("\n")
    old = lines[0].removeprefix("old ")
    if not lines[0].startswith("old ") or not _DECIMAL.fullmatch(old) or lines[-1]:
        raise CheckpointError("a consistency proof is `old <size>`, then a hash a line, each ending in LF")
    return int(old), [_hash64(line, "a proof's hash") for line in lines[1:-1]]


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(char.isspace() or ord(char) < 0x20 for char in name)


def _split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The note's text and its signatures (name, keyID ‖ signature)."""
    text, separator, block = note.rpartition("\n\n")
    if not separator or not block.endswith("\n"):
        raise CheckpointError("a signed note is text, an empty line, and signature lines, each ending in LF")
    signatures = []
    for line in block[:-1].split("\n"):
        match = _SIGNATURE_LINE.fullmatch(line)
        if not match or not _is_name(match[1]):
            raise CheckpointError(f"not a signature line: {line!r}")
        data = _decode64(match[2], "a signature")
        if len(data) < 5:
            raise CheckpointError(f"the signature of {match[1]!r} is too short")
        signatures.append((match[1], data))
    return text + "\n", signatures


def _encode64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode64(text: str, what: str) -> bytes:
    """Standard base64, in its one canonical spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or _encode64(data) != text:
        raise CheckpointError(f"{what} is not canonical base64: {text!r}")
    return data


def _hash64(text: str, what: str) -> bytes:
    data = _decode64(text, what)
    if len(data) != 32:
        raise CheckpointError(f"{what} has {len(data)} bytes, not 32")
    return data
