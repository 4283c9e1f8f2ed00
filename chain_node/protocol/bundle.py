"""The proof bundle: one RFC 8785 JSON document by which anyone verifies one reduction, offline.

It holds the entry with its c2sp.org/tlog-proof@v1 text, the method and feed entries it relies on with their proofs at
the same size, the attestation with the record's path to the attested root, and for the owner the evidence opening.
Every byte but those of `hints` is checked: a document that is spelled otherwise, or says anything else, is refused.

What a verified bundle says: the log, as its key's holder signed it, has this reduction; a quorum of the feed's signers
attested this very record under this ledger's domain; and credits and points are what the method makes of the activity.
What it can't say, for an inclusion proof shows presence and never absence: that the feed and method entries are the
*newest* before the reduction (the signer set's version is in the entry, to compare with the feed's history), that the
reduction was not revoked later, and what depends on an account's state (overlaps, caps, a nullifier's first use).
Those a replay of the whole log shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chain_node.protocol import arithmetic, attestation, checkpoint, merkle, records, times
from chain_node.protocol import bundle_json as form
from chain_node.protocol.attestation import Attestation, Domain
from chain_node.protocol.checkpoint import Checkpoint
from chain_node.protocol.entries import Feed, Method, Reduction, Standing, decode
from chain_node.protocol.errors import BundleError, ProtocolError


@dataclass(frozen=True, slots=True)
class LawEntry:
    """An entry that a reduction relies on. proof: its inclusion proof at the bundle's size, leaf's sibling first."""

    index: int
    entry: bytes
    proof: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens the evidence commitment: the salt (32 bytes) and the raw record, texts by column."""

    salt: bytes
    raw: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class VerifiedReduction:
    """A reduction whose bundle verified. checkpoint: of the bundle; newest: the later one it was checked against.
    signers: addresses of the quorum, ascending. hints: unchecked."""

    index: int
    entry: Reduction
    vintage: int
    method: Method
    feed: Feed
    attestation: Attestation
    domain: Domain
    signers: tuple[bytes, ...]
    checkpoint: Checkpoint
    newest: Checkpoint | None
    evidence: Opening | None
    hints: Mapping[str, Any]


def build(
    *,
    index: int,
    entry: bytes,
    note: str,
    proof: Sequence[bytes],
    method: LawEntry,
    feed: LawEntry,
    attested: Attestation,
    signatures: Sequence[bytes],
    payloads: Sequence[bytes],
    domain: Domain,
    origin: str,
    genesis_nonce: bytes,
    evidence: Opening | None = None,
    hints: Mapping[str, Any] | None = None,
) -> bytes:
    """The bundle's bytes. It is not verified here.

    index, entry, proof: the reduction, its inclusion proof at the size of the signed checkpoint `note`. attested,
    signatures (r ‖ s ‖ v each), payloads (`records.payloads`): its batch. origin, genesis_nonce: what the domain's
    salt is made of, under which the batch was signed.

    Raises BundleError: the entry is no reduction of this batch, or a number is too large for JSON.
    """
    reduction = decode(entry)
    if not isinstance(reduction, Reduction) or not 0 <= reduction.sequence - attested.first_sequence < len(payloads):
        raise BundleError(f"entry {index} is not a reduction of the batch from sequence {attested.first_sequence} on")
    position = reduction.sequence - attested.first_sequence
    size = checkpoint.Checkpoint.parse(note.rpartition("\n\n")[0] + "\n").size
    known = dict(zip(merkle.inclusion_ranges(index, size), proof, strict=True))
    document: dict[str, Any] = {
        "format": form.FORMAT,
        "entry": entry.hex(),
        "index": index,
        "proof": checkpoint.build_tlog_proof(index, proof, note),
        "law": {"method": _law_part(method, size, known), "feed": _law_part(feed, size, known)},
        "attestation": {
            "feed": attested.feed,
            "first_sequence": attested.first_sequence,
            "count": attested.count,
            "records_root": attested.records_root.hex(),
            "config_digest": attested.config_digest.hex(),
            "position": position,
            "path": form.encode64(records.records_path(payloads, position)),
            "signatures": [signature.hex() for signature in signatures],
        },
        "domain": {
            "chain_id": domain.chain_id,
            "ledger": domain.ledger.hex(),
            "salt": domain.salt.hex(),
            "origin": origin,
            "genesis_nonce": genesis_nonce.hex(),
        },
        "hints": dict(hints or {}),
    }
    if evidence is not None:
        document["evidence"] = {"salt": evidence.salt.hex(), "raw": dict(evidence.raw)}
    return form.canonical(document)


def _law_part(law: LawEntry, size: int, known: dict[merkle.Range, bytes]) -> dict[str, Any]:
    """A law entry, whose proof leaves out the hashes that stand in the proofs before it (both know which)."""
    ranges = merkle.inclusion_ranges(law.index, size)
    new = [part for at, part in zip(ranges, law.proof, strict=True) if at not in known]
    known.update(zip(ranges, law.proof, strict=True))
    return {"entry": law.entry.hex(), "index": law.index, "proof": form.encode64(new)}


def verify(
    bundle: bytes,
    vkey: str,
    *,
    checkpoint: str | None = None,
    consistency: str | None = None,
    witnesses: Sequence[str] = (),
) -> VerifiedReduction:
    """Verify a bundle against the log's verifier key, whose name is the log's origin.

    checkpoint, consistency: a later signed note and the text of the proof from the bundle's size to it, so that a
    bundle of any age is checked against today's log; the proof may be left out where the sizes are equal.
    witnesses: verifier keys; cosignatures in the bundle must be theirs, for no byte may stay unchecked.

    Raises BundleError: it does not verify; the message says why.
    """
    try:
        return _verify(bundle, vkey, checkpoint, consistency, witnesses)
    except BundleError:
        raise
    except ProtocolError as error:
        raise BundleError(str(error)) from error


def _verify(
    bundle: bytes, vkey: str, newer: str | None, consistency: str | None, witnesses: Sequence[str]
) -> VerifiedReduction:
    document = form.parse(bundle)
    index, data = form.number(document, "index"), form.hexadecimal(document, "entry")
    noted, proof = _open_proof(document, index, vkey, witnesses)
    merkle.verify_inclusion(merkle.leaf_hash(data), index, noted.size, proof, noted.root)
    entry = decode(data)
    if not isinstance(entry, Reduction):
        raise BundleError(f"entry {index} is a {type(entry).__name__}, not a reduction")
    known = dict(zip(merkle.inclusion_ranges(index, noted.size), proof, strict=True))
    method = _open_law(document["law"], "method", index, noted, known)
    feed = _open_law(document["law"], "feed", index, noted, known)
    if not isinstance(method, Method) or not isinstance(feed, Feed):
        raise BundleError("the law entries are not a method and a feed")
    _check_law(entry, method, feed)
    attested, domain, signers = _check_attestation(document, entry, feed, noted)
    return VerifiedReduction(
        index=index,
        entry=entry,
        vintage=times.year_of(entry.record.day),
        method=method,
        feed=feed,
        attestation=attested,
        domain=domain,
        signers=signers,
        checkpoint=noted,
        newest=_check_newer(noted, vkey, newer, consistency),
        evidence=_check_evidence(document, entry),
        hints=document["hints"],
    )


def _open_proof(
    document: dict[str, Any], index: int, vkey: str, witnesses: Sequence[str]
) -> tuple[Checkpoint, tuple[bytes, ...]]:
    text = form.text(document, "proof")
    parsed = checkpoint.parse_tlog_proof(text)
    if parsed.extra is not None or checkpoint.build_tlog_proof(parsed.index, parsed.proof, parsed.note) != text:
        raise BundleError("the proof text has an extra line or is spelled otherwise than canonical")
    if parsed.index != index:
        raise BundleError(f"the proof text is of index {parsed.index}, the bundle of {index}")
    return checkpoint.open_note(parsed.note, vkey, witnesses=witnesses, strict=True), parsed.proof


def _open_law(
    law: dict[str, Any], name: str, before: int, noted: Checkpoint, known: dict[merkle.Range, bytes]
) -> object:
    """The law entry `name`, included before the reduction."""
    part = law[name]
    index, data, given = (
        form.number(part, "index"),
        form.hexadecimal(part, "entry"),
        form.decode64(part, "proof"),
    )
    if index >= before:
        raise BundleError(f"the {name} entry {index} does not stand before the reduction {before}")
    ranges = merkle.inclusion_ranges(index, noted.size)
    if len(given) != sum(at not in known for at in ranges):
        raise BundleError(f"the proof of the {name} entry {index} has {len(given)} hashes, which is not what it lacks")
    new = iter(given)
    proof = [known[at] if at in known else next(new) for at in ranges]
    known.update(zip(ranges, proof, strict=True))
    merkle.verify_inclusion(merkle.leaf_hash(data), index, noted.size, proof, noted.root)
    return decode(data)


def _check_law(entry: Reduction, method: Method, feed: Feed) -> None:
    """What the ledger computed and checked from method and feed alone."""
    record, day = entry.record, times.day_of(entry.time)
    if method.id != record.method or feed.feed != entry.feed:
        raise BundleError(
            f"the law entries are of method {method.id} and feed {feed.feed}, "
            f"the reduction of {record.method} and {entry.feed}"
        )
    if feed.state is not Standing.ACTIVE or method.id not in feed.methods:
        raise BundleError(f"not-in-force: feed {feed.feed} is disabled or may not use method {method.id}")
    broken = arithmetic.check_record(method, record)
    if broken is not None:
        raise BundleError(f"{broken.label}: the record breaks a bound of method {method.id}")
    if (entry.nullifier is not None) is not method.needs_nullifier:
        raise BundleError("the entry has a nullifier, or lacks it, against its method")
    worth = arithmetic.worth(method, record.activity)
    if (entry.credits_mg, entry.millipoints) != worth or entry.bonus_millipoints:
        said = f"{entry.credits_mg} mg, {entry.millipoints} and {entry.bonus_millipoints} millipoints"
        raise BundleError(f"the entry says {said}; method {method.id} makes {worth[0]} mg, {worth[1]} and 0")
    if max(method.time, feed.time) > entry.time or record.day > day:
        raise BundleError("too-early: the law or the record's day lies after the reduction")
    closed = day >= times.closing_day(times.year_of(record.day))
    if not feed.trial and (record.day < day - feed.late_days or closed):
        raise BundleError(f"too-late: the record is of day {record.day}, recorded on {day}")


def _check_attestation(
    document: dict[str, Any], entry: Reduction, feed: Feed, noted: Checkpoint
) -> tuple[Attestation, Domain, tuple[bytes, ...]]:
    part, place = document["attestation"], document["domain"]
    numbers = (
        form.number(part, "feed"),
        form.number(part, "first_sequence"),
        form.number(part, "count"),
    )
    attested = Attestation(*numbers, form.hexadecimal(part, "records_root"), form.hexadecimal(part, "config_digest"))
    domain = Domain(
        form.number(place, "chain_id"),
        form.hexadecimal(place, "ledger"),
        form.hexadecimal(place, "salt"),
    )
    position = form.number(part, "position")
    if attested.feed != entry.feed or attested.first_sequence + position != entry.sequence:
        raise BundleError(
            f"the attestation's feed {attested.feed} and sequence {attested.first_sequence}+{position} are not the "
            f"entry's, {entry.feed} and {entry.sequence}"
        )
    if form.text(place, "origin") != noted.origin:
        raise BundleError(f"the domain's origin {place['origin']!r} is not the checkpoint's, {noted.origin!r}")
    if attestation.domain_salt(noted.origin, form.hexadecimal(place, "genesis_nonce")) != domain.salt:
        raise BundleError("the domain's salt is not made of its origin and genesis nonce")
    payload = entry.record.encode() + (entry.nullifier or b"")
    path = form.decode64(part, "path")
    records.verify_records_path(payload, position, attested.count, path, attested.records_root)
    given = part["signatures"]
    if not isinstance(given, list):
        raise BundleError("attestation.signatures is not a list")
    signatures = [form.hexadecimal({"signature": signature}, "signature") for signature in given]
    digest = attestation.digest(domain, attested)
    return attested, domain, tuple(attestation.check_quorum(digest, signatures, feed.signers, feed.threshold))


def _check_evidence(document: dict[str, Any], entry: Reduction) -> Opening | None:
    part = document.get("evidence")
    if part is None:
        return None
    raw = part["raw"]
    if not isinstance(raw, dict):
        raise BundleError("evidence.raw is not an object")
    opening = Opening(form.hexadecimal(part, "salt"), raw)
    if records.evidence(opening.salt, raw) != entry.record.evidence:
        raise BundleError("the evidence opening is not what the record commits to")
    return opening


def _check_newer(noted: Checkpoint, vkey: str, newer: str | None, consistency: str | None) -> Checkpoint | None:
    """The later checkpoint, where one is given and extends the bundle's."""
    if newer is None:
        if consistency is not None:
            raise BundleError("a consistency proof needs the checkpoint it leads to")
        return None
    newest = checkpoint.open_note(newer, vkey)
    if newest.size < noted.size:
        raise BundleError(f"the given checkpoint of size {newest.size} is older than the bundle's, of {noted.size}")
    if consistency is None and newest.size != noted.size:
        raise BundleError(f"sizes {noted.size} and {newest.size} need a consistency proof")
    old, proof = (noted.size, []) if consistency is None else checkpoint.parse_consistency(consistency)
    if old != noted.size:
        raise BundleError(f"the consistency proof is from size {old}, the bundle's is {noted.size}")
    merkle.verify_consistency(noted.size, newest.size, proof, noted.root, newest.root)
    return newest
