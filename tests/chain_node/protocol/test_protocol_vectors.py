"""docs/protocol-vectors.json is what the code makes, and holds when checked with nothing but hashes."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date, timedelta
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


def held_of(case: dict[str, Any], unit: str) -> dict[int, int]:
    return {int(one["vintage"]): int(one["amount"]) for one in case["before"]["held"] if one["unit"] == unit}


def owed_of(case: dict[str, Any], unit: str) -> int:
    return sum(int(one["amount"]) for one in case["before"]["owed"] if one["unit"] == unit)


ACTS_BY_HAND = {
    0x19: (57, "held", "pledged"),
    0x1B: (54, "pledged", "redeemed"),
    0x1D: (45, "pledged", "held"),
    0x11: (107, "held", "redeemed"),
    0x13: (38, "redeemed", "held"),
}
"""Type → where its parts begin, from which bucket and to which they go."""


def moves_by_hand(case: dict[str, Any]) -> list[tuple[str, int, str, str, int]]:
    """(unit, vintage, from, to, amount) by section 8, from the bytes and the books before alone."""
    data, moves = bytes.fromhex(case["bytes"]), []
    if data[0] in (1, 2):
        day = int.from_bytes(data[41:43], "big")
        vintage = (date(1970, 1, 1) + timedelta(days=day)).year
        amounts = [int.from_bytes(data[at : at + 8], "big") for at in (83, 91, 99)]
        named = (("credits", "issued"), ("millipoints", "issued"), ("millipoints", "bonus"))
        for (unit, source), amount in zip(named, amounts, strict=True):
            if amount:
                moves.append((unit, vintage, source, "held", amount))
        for unit, inflow in (("credits", amounts[0]), ("millipoints", amounts[1] + amounts[2])):
            if met := min(inflow, owed_of(case, unit)):
                moves += [(unit, vintage, "held", "revoked", met), (unit, 0, "owed", "met", met)]
    elif data[0] == 4:
        own = int(case["given"]["vintage"])
        for unit, name in (("credits", "credits_mg"), ("millipoints", "millipoints")):
            held, rest = held_of(case, unit), int(case["given"][name])
            for vintage in [own, *sorted(set(held) - {own}, reverse=True)]:
                if part := min(rest, held.get(vintage, 0)):
                    moves.append((unit, vintage, "held", "revoked", part))
                    rest -= part
            if rest:
                moves.append((unit, 0, "booked", "owed", rest))
    elif data[0] in ACTS_BY_HAND:
        at, origin, target = ACTS_BY_HAND[data[0]]
        owed, settled = owed_of(case, "millipoints"), list[tuple[str, int, str, str, int]]()
        for part in range(at + 1, at + 1 + 10 * data[at], 10):
            vintage, amount = (int.from_bytes(data[part + i : part + j], "big") for i, j in ((0, 2), (2, 10)))
            moves.append(("millipoints", vintage, origin, target, amount))
            if target == "held" and (met := min(amount, owed)):
                owed -= met
                settled += [("millipoints", vintage, "held", "revoked", met), ("millipoints", 0, "owed", "met", met)]
        moves += settled
    elif data[0] == 0x28:
        for part in range(264, 264 + 20 * data[263], 20):
            vintage, amount = (int.from_bytes(data[part + i : part + j], "big") for i, j in ((0, 2), (12, 20)))
            moves.append(("credits", vintage, "held", "retired", amount))
    return moves


def test_postings_by_hand(vectors: dict[str, Any]) -> None:
    for case in vectors["postings"]:
        found = [
            (one["unit"], int(one["vintage"]), one["from"], one["to"], int(one["amount"])) for one in case["postings"]
        ]
        assert found == moves_by_hand(case), case["name"]
        for one in case["postings"]:
            for bucket, owner in ((one["from"], one["giver"]), (one["to"], one["taker"])):
                assert (owner != "") == (bucket in ("held", "owed")), case["name"]
    types = {bytes.fromhex(case["bytes"])[0] for case in vectors["postings"]}
    assert types == {code for kind in entries.KINDS for code in kind.types}


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
