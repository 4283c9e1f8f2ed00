"""docs/protocol-vectors.json is what the code makes, and holds when checked with nothing but hashes."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import protocol_vectors
import pytest
from coincurve import PublicKey
from eth_hash.auto import keccak

from chain_node.protocol import bundle, entries
from chain_node.protocol.rules import Rule

DOCUMENT = protocol_vectors.PATH.parent / "protocol.md"


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    return json.loads(protocol_vectors.PATH.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def test_the_file_is_what_the_code_makes() -> None:
    assert protocol_vectors.PATH.read_text(encoding="utf-8") == protocol_vectors.text()


def test_leaves_roots_and_evidence_by_hand(vectors: dict[str, Any]) -> None:
    for entry in vectors["entries"]:
        data = bytes.fromhex(entry["bytes"])
        assert hashlib.sha256(b"\0" + data).hexdigest() == entry["leaf"]
        assert entries.encode(entries.decode(data)) == data
    one, two, three = (bytes.fromhex(leaf) for leaf in vectors["log"]["leaves"][:3])
    pair = hashlib.sha256(b"\1" + one + two).digest()
    assert vectors["log"]["roots"][:4] == [
        hashlib.sha256(b"").hexdigest(),
        one.hex(),
        pair.hex(),
        hashlib.sha256(b"\1" + pair + three).hexdigest(),
    ]
    evidence = vectors["evidence"]
    data = bytes.fromhex(evidence["salt"]) + bytes.fromhex(evidence["json"])
    assert hashlib.sha256(data).hexdigest() == evidence["hash"]
    assert json.loads(bytes.fromhex(evidence["json"])) == evidence["raw"]


def test_the_attestation_by_hand(vectors: dict[str, Any]) -> None:
    part = vectors["attestation"]
    nonce, salt = bytes.fromhex(part["genesis_nonce"]), bytes.fromhex(part["salt"])
    assert keccak(part["origin"].encode() + nonce) == salt
    kind = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
    words = [kind.encode(), b"LuyaLedger", b"1"]
    chain, ledger = int(part["chain_id"]).to_bytes(32, "big"), bytes(12) + bytes.fromhex(part["ledger"])
    separator = keccak(b"".join([*map(keccak, words), chain, ledger, salt]))
    assert separator.hex() == part["domain_separator"]
    assert hashlib.sha256(part["config_json"].encode()).hexdigest() == part["config_digest"]
    leaves = [keccak(b"\0" + bytes.fromhex(payload)) for payload in part["payloads"]]
    first, second = keccak(b"\1" + leaves[0] + leaves[1]), keccak(b"\1" + leaves[2] + leaves[3])
    assert keccak(b"\1" + keccak(b"\1" + first + second) + leaves[4]).hex() == part["records_root"]
    for signer, text in zip(part["signers"], part["signatures"], strict=True):
        signature = bytes.fromhex(text)
        recoverable = signature[:64] + bytes([signature[64] - 27])
        key = PublicKey.from_signature_and_message(recoverable, bytes.fromhex(part["digest"]), hasher=None)
        assert keccak(key.format(compressed=False)[1:])[12:].hex() == signer


def test_the_bundle_verifies(vectors: dict[str, Any]) -> None:
    part = vectors["bundle"]
    newer = {"checkpoint": part["checkpoint"], "consistency": part["consistency"]}
    verified = bundle.verify(part["bundle"].encode(), part["vkey"], **newer)
    assert verified.newest is not None
    assert verified.newest.size > verified.checkpoint.size
    assert len(part["bundle"].encode()) < 6_000


def test_the_document_names_every_rule_and_length(vectors: dict[str, Any]) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    table = re.findall(r"^\| (\d+) \| `([a-z-]+)` \|", text, flags=re.MULTILINE)
    assert [(int(number), label) for number, label in table] == [(rule.number, rule.label) for rule in Rule]
    lengths = {entry["name"]: len(entry["bytes"]) // 2 for entry in vectors["entries"]}
    for name in ("reduction", "reduction with nullifier", "refusal", "revocation", "account", "organisation", "pause"):
        assert re.search(rf"^### 0x.. {name} \({lengths[name]} bytes\)", text, flags=re.MULTILINE), name
