"""A bundle verifies; changed in any byte outside its hints, it does not."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from protocol_world import (
    CONFIG_DIGEST,
    DOMAIN,
    FEED,
    NONCE,
    ORIGIN,
    SIGNERS,
    START,
    VKEY,
    World,
    account,
    attest,
    feed,
    law,
    nullifier,
    reduction,
    secret,
    sign_all,
)

from chain_node.protocol import bundle, checkpoint, merkle
from chain_node.protocol.attestation import CURVE_ORDER
from chain_node.protocol.bundle import Opening
from chain_node.protocol.entries import Reduction, encode
from chain_node.protocol.errors import BundleError
from chain_node.protocol.records import evidence

SALT = secret("opening")
RAW = {"bikeid": "24575", "starttime": "1/1/17 0:21", "end station name": "City Hall"}


@dataclass
class Case:
    """A ledger with one batch, of which the third record is to be proven."""

    world: World
    batch: list[Reduction]
    first: int
    size: int
    feed_at: int

    def payloads(self) -> list[bytes]:
        return [entry.record.encode() + (entry.nullifier or b"") for entry in self.batch]

    def build(self, *, which: int = 2, opening: bool = False, **changes: object) -> bytes:
        index = self.first + which
        method_at = next(
            at
            for at, data in enumerate(self.world.entries)
            if data[0] == 0x43 and int.from_bytes(data[9:11], "big") == self.batch[which].record.method
        )
        attested = attest(self.payloads(), self.batch[0].sequence)
        values: dict[str, object] = {
            "index": index,
            "entry": self.world.entries[index],
            "note": self.world.note(self.size),
            "proof": merkle.inclusion_proof(index, self.size, self.world.get_node),
            "method": self.world.law_entry(method_at, self.size),
            "feed": self.world.law_entry(self.feed_at, self.size),
            "attested": attested,
            "signatures": sign_all(attested),
            "payloads": self.payloads(),
            "domain": DOMAIN,
            "origin": ORIGIN,
            "genesis_nonce": NONCE,
            "evidence": Opening(SALT, RAW) if opening else None,
            "hints": {"block": 17, "transaction": "0x" + "ab" * 32},
        }
        return bundle.build(**(values | changes))  # type: ignore[arg-type]


def make(batch: list[Reduction], *, feeds: tuple[object, ...] = ()) -> Case:
    world = World()
    world.append(*law())
    feed_at = len(world.entries) - 1
    for changed in feeds:
        feed_at = world.append(changed)  # type: ignore[arg-type]
    world.append(*[account(number) for number in range(4)])
    first = world.append(*batch)
    size = len(world.entries)
    world.append(*[account(number) for number in range(4, 40)])
    return Case(world, batch, first, size, feed_at)


@pytest.fixture(scope="module")
def case() -> Case:
    batch = [reduction(sequence, who=sequence % 4, slot=10 + 5 * sequence) for sequence in range(7)]
    record = replace(batch[2].record, evidence=evidence(SALT, RAW))
    batch[2] = replace(batch[2], record=record)
    return make(batch)


def changed(data: bytes, path: str, value: object) -> bytes:
    """The bundle with one member replaced, canonical again."""
    document = json.loads(data)
    *parents, last = path.split(".")
    part = document
    for name in parents:
        part = part[name]
    part[last] = value
    return rfc8785.dumps(document) + b"\n"


def test_a_bundle_verifies(case: Case) -> None:
    verified = bundle.verify(case.build(opening=True), VKEY)
    assert verified.entry == case.batch[2]
    assert verified.index == case.first + 2
    assert (verified.vintage, verified.method.id, verified.feed.feed) == (2026, 101, FEED)
    assert verified.signers == SIGNERS[:2]
    assert verified.checkpoint.size == case.size
    assert verified.evidence == Opening(SALT, RAW)
    assert verified.attestation.config_digest == CONFIG_DIGEST
    assert verified.newest is None
    assert verified.hints["block"] == 17


def test_every_record_of_a_batch_verifies(case: Case) -> None:
    for which in range(len(case.batch)):
        assert bundle.verify(case.build(which=which), VKEY).entry == case.batch[which]


def test_a_bundle_with_a_nullifier_verifies() -> None:
    batch = [
        reduction(0),
        reduction(1, method=104, slot=0, slots=90, activity=1, once=nullifier("a photo")),
        reduction(2, who=1),
    ]
    data = make(batch).build(which=1)
    assert bundle.verify(data, VKEY).entry.nullifier == nullifier("a photo")


@pytest.mark.parametrize("bit", [0, 1, 5])
def test_any_changed_byte_outside_hints_fails(case: Case, bit: int) -> None:
    data = case.build(opening=True)
    hints = data.index(b'"hints":') + len(b'"hints":')
    end = data.index(b"}", hints) + 1
    for at in range(len(data)):
        if hints <= at < end:
            continue
        flipped = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
        with pytest.raises(BundleError, match=r"\w"):
            bundle.verify(flipped, VKEY)


def test_hints_are_not_checked(case: Case) -> None:
    data = changed(case.build(), "hints", {"anything": ["at", "all"]})
    assert bundle.verify(data, VKEY).hints == {"anything": ["at", "all"]}


@pytest.mark.parametrize(
    "spell",
    [
        lambda data: data[:-1],
        lambda data: data + b"\n",
        lambda data: b" " + data,
        lambda data: json.dumps(json.loads(data)).encode() + b"\n",
        lambda data: data.replace(b'"entry":"01', b'"entry":"\\u00301'),
        lambda data: data.replace(b'{"attestation"', b'{"attestation":1,"attestation"'),
        lambda data: data.replace(b'"block":17', b'"block":17.0'),
        lambda data: data.replace(b'"block":17', b'"block":NaN'),
        lambda data: data.replace(b'"block":17', b'"block":' + b"[" * 20_000),
        lambda data: b"\xff" + data,
        lambda data: b"[]\n",
        lambda data: b"",
        lambda data: b"1" * (1 << 21),
    ],
)
def test_another_spelling_is_refused(case: Case, spell: object) -> None:
    with pytest.raises(BundleError):
        bundle.verify(spell(case.build()), VKEY)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("format", "luya-bundle@v2", "format"),
        ("index", True, "integer"),
        ("index", -1, "integer"),
        ("index", 3, "proof text"),
        ("entry", "01", "inclusion"),
        ("entry", "0G", "hex"),
        ("entry", ["01"], "not text"),
        ("surplus", 1, "members"),
        ("hints", [], "hints"),
        ("evidence", None, "evidence"),
        ("evidence", {"raw": {}, "salt": "00" * 32}, "opening"),
        ("evidence", {"raw": {"a": 1}, "salt": "00" * 32}, "text"),
        ("evidence", {"raw": [], "salt": "00" * 32}, "object"),
        ("evidence", {"raw": {}, "salt": "00"}, "salt"),
        ("law", [], "members"),
        ("law.method.index", 1_000, "before"),
        ("law.method.proof", "", "hashes"),
        ("law.method.proof", "AAAA", "whole hashes"),
        ("law.method.proof", "A", "base64"),
        ("law.feed.index", 5, "proof"),
        ("attestation.feed", 2, "feed"),
        ("attestation.position", 1, "sequence"),
        ("attestation.first_sequence", 1, "sequence"),
        ("attestation.count", 8, "none of the feed's signers"),
        ("attestation.path", "", "records root"),
        ("attestation.config_digest", "00" * 32, "none of the feed's signers"),
        ("attestation.config_digest", "00", "32"),
        ("attestation.signatures", [], "threshold"),
        ("attestation.signatures", {}, "list"),
        ("attestation.signatures", ["00" * 65], "v is 27"),
        ("attestation.signatures", ["00" * 64 + "1b"], "no key"),
        ("attestation.signatures", ["00"], "65"),
        ("attestation.signatures", [1], "not text"),
        ("domain.chain_id", 1, "none of the feed's signers"),
        ("domain.chain_id", 1.5, "integer"),
        ("domain.ledger", "00" * 20, "none of the feed's signers"),
        ("domain.origin", "luya.test/other", "origin"),
        ("domain.genesis_nonce", "00" * 32, "salt"),
        ("domain.genesis_nonce", "00", "32"),
        ("domain.salt", "00" * 32, "salt"),
    ],
)
def test_another_content_is_refused(case: Case, path: str, value: object, reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        bundle.verify(changed(case.build(), path, value), VKEY)


def test_another_log_is_refused(case: Case) -> None:
    other = checkpoint.verifier_key(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([8]) * 32).public_key())
    with pytest.raises(BundleError, match="no given key"):
        bundle.verify(case.build(), other)
    named = checkpoint.verifier_key(
        "luya.test/elsewhere", Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32).public_key()
    )
    with pytest.raises(BundleError, match="no given key"):
        bundle.verify(case.build(), named)


def test_signatures_count_ascending_low_and_of_the_set(case: Case) -> None:
    attested = attest(case.payloads(), 0)
    one, two = sign_all(attested)
    s = int.from_bytes(one[32:64], "big")
    high = one[:32] + (CURVE_ORDER - s).to_bytes(32, "big") + bytes([55 - one[64]])
    for signatures, reason in (
        ([one], "threshold is 2"),
        ([two, one], "ascending"),
        ([one, one], "ascending"),
        ([high, two], "upper half"),
        ([one[:64] + bytes([one[64] - 27]), two], "27 or 28"),
    ):
        with pytest.raises(BundleError, match=reason):
            bundle.verify(case.build(signatures=signatures), VKEY)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"credits_mg": 47_999}, "makes 48000 mg"),
        ({"millipoints": 4_801}, "makes 48000 mg"),
        ({"bonus_millipoints": 1}, "makes 48000 mg"),
        ({"nullifier": bytes(32)}, "nullifier"),
        ({"time": START - 86_400}, "too-early"),
        ({"time": START + 70 * 86_400}, "too-late"),
        ({"time": START + 400 * 86_400}, "too-late"),
    ],
)
def test_an_entry_that_the_law_does_not_make_is_refused(change: dict[str, object], reason: str) -> None:
    """The log's operator can sign any entry: the verifier recomputes it."""
    data = make([replace(reduction(0), **change)]).build(which=0)  # type: ignore[arg-type]
    with pytest.raises(BundleError, match=reason):
        bundle.verify(data, VKEY)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"activity": 50_001}, "over-bound"),
        ({"activity": 20_000}, "over-slot-bound"),
        ({"slot": 179}, "malformed"),
        ({"campaign": 1}, "malformed"),
        ({"day": 13_878}, "not-in-force"),
        ({"activity": 0}, "zero-activity"),
    ],
)
def test_a_record_out_of_bounds_is_refused(change: dict[str, object], reason: str) -> None:
    entry = reduction(0)
    entry = replace(entry, record=replace(entry.record, **change))  # type: ignore[arg-type]
    with pytest.raises(BundleError, match=reason):
        bundle.verify(make([entry]).build(which=0), VKEY)


def test_a_feed_that_may_not_is_refused() -> None:
    for changes, reason in (
        ({"methods": (1, 2)}, "may not use"),
        ({"state": 2}, "disabled"),
        ({"feed": 9}, "feed 9"),
        ({"threshold": 3}, "threshold is 3"),
        ({"time": START + 1}, "too-early"),
    ):
        case = make([reduction(0)], feeds=(feed(**changes),))
        with pytest.raises(BundleError, match=reason):
            bundle.verify(case.build(which=0), VKEY)


def test_the_law_stands_before_the_reduction(case: Case) -> None:
    later = case.world.law_entry(case.first + 3, case.size)
    with pytest.raises(BundleError, match="does not stand before"):
        bundle.verify(case.build(feed=later), VKEY)
    with pytest.raises(BundleError, match="not a method and a feed"):
        bundle.verify(case.build(feed=case.world.law_entry(0, case.size)), VKEY)


def test_only_a_reduction_has_a_bundle(case: Case) -> None:
    with pytest.raises(BundleError, match="not a reduction"):
        case.build(entry=case.world.entries[0])


def test_against_todays_checkpoint(case: Case) -> None:
    """A bundle made at a smaller size verifies by a consistency proof."""
    data, world = case.build(), case.world
    today = len(world.entries)
    verified = bundle.verify(data, VKEY, checkpoint=world.note(), consistency=world.consistency(case.size, today))
    assert verified.newest is not None
    assert verified.newest.size == today
    assert bundle.verify(data, VKEY, checkpoint=world.note(case.size)).newest == verified.checkpoint
    for note, proof, reason in (
        (world.note(), None, "need a consistency proof"),
        (None, world.consistency(case.size, today), "needs the checkpoint"),
        (world.note(case.size - 1), None, "older"),
        (world.note(), world.consistency(case.size - 1, today), "from size"),
        (world.note(), checkpoint.build_consistency(case.size, []), "consistency proof does not lead"),
        (world.note().replace(str(today), str(today + 1)), world.consistency(case.size, today), "does not hold"),
        (world.note(), "old 1", "LF"),
    ):
        with pytest.raises(BundleError, match=reason):
            bundle.verify(data, VKEY, checkpoint=note, consistency=proof)


def test_a_rewritten_log_is_seen(case: Case) -> None:
    """The same key signs a later log in which an earlier entry was exchanged."""
    forged = World(list(case.world.entries), list(case.world.leaves))
    forged.leaves[3] = merkle.leaf_hash(b"something else")
    with pytest.raises(BundleError, match="consistency"):
        bundle.verify(
            case.build(), VKEY, checkpoint=forged.note(), consistency=forged.consistency(case.size, len(forged.leaves))
        )


def test_cosignatures_are_checked_or_refused(case: Case) -> None:
    witness = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
    key = checkpoint.VerifierKey("witness.test", 0x04, witness.public_key().public_bytes_raw()).text()
    note = checkpoint.cosign(case.world.note(case.size), "witness.test", witness, START)
    data = case.build(note=note)
    with pytest.raises(BundleError, match=r"witness\.test"):
        bundle.verify(data, VKEY)
    assert bundle.verify(data, VKEY, witnesses=[key]).checkpoint.size == case.size
    bad = checkpoint.cosign(case.world.note(case.size - 1), "witness.test", witness, START).split("\n")[-2]
    with pytest.raises(BundleError, match="does not hold"):
        bundle.verify(case.build(note=case.world.note(case.size) + bad + "\n"), VKEY, witnesses=[key])


def test_a_bundle_is_small_in_a_large_log() -> None:
    """≤ 6 KB without the opening, in a log of 2^24 entries, with five signers and a nullifier."""
    size, index, method_at, feed_at = (1 << 24) + 12_345, 9_876_543, 17, 431
    entry = reduction(5, method=104, slot=0, slots=90, activity=1, once=nullifier("a photo"))
    signers = tuple(sorted(secret(str(number))[:20] for number in range(5)))
    law_of = {17: law()[12], 431: feed(signers=signers, threshold=3, methods=tuple(range(101, 109)))}
    proofs = {at: [b"\xaa" * 32] * len(merkle.inclusion_ranges(at, size)) for at in (index, method_at, feed_at)}
    attested = attest([bytes(64)] * 200, 0)
    note = checkpoint.sign(checkpoint.Checkpoint(ORIGIN, size, bytes(32)), ORIGIN, Ed25519PrivateKey.generate())
    data = bundle.build(
        index=index,
        entry=encode(entry),
        note=note,
        proof=proofs[index],
        method=bundle.LawEntry(method_at, encode(law_of[17]), proofs[method_at]),
        feed=bundle.LawEntry(feed_at, encode(law_of[431]), proofs[feed_at]),
        attested=attested,
        signatures=[bytes(65)] * 3,
        payloads=[bytes(96)] * 200,
        domain=DOMAIN,
        origin=ORIGIN,
        genesis_nonce=NONCE,
        hints={"block": 1_234_567, "transaction": "0x" + "ab" * 32},
    )
    assert len(data) <= 6_000, len(data)
