"""Assembles a reduction's proof bundle from the archive alone: what `luya bundle` and the API both call.

What an entry relies on are the method and the feed as the last entries before it set them. Who has an index of the law
(the API's read model) names those entries; without one, the archive's own calls are searched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from chain_node.archive.calls import CALL
from chain_node.archive.domains import nonces
from chain_node.archive.reader import ArchiveReader, parse_note
from chain_node.errors import ArchiveError
from chain_node.protocol import bundle
from chain_node.protocol.entries import FEED, METHOD, Feed, Method, Reduction, decode, layout_of

_ID: Final = {METHOD: layout_of(Method).place["id"], FEED: layout_of(Feed).place["feed"]}


@dataclass(frozen=True, slots=True)
class LawIndexes:
    """Indexes of the entries that set a reduction's method and feed; None where the asker does not know."""

    method: int | None = None
    feed: int | None = None


def assemble(
    archive: ArchiveReader,
    index: int,
    law: LawIndexes | None = None,
    *,
    evidence: bundle.Opening | None = None,
    domains: Mapping[bytes, bytes] | None = None,
) -> bytes:
    """The bundle of the reduction at `index`, at the newest checkpoint.

    Args:
        archive: where everything is read from.
        index: the reduction's.
        law: where its method and feed were set; found in the archive where it is not given.
        evidence: the opening, for the owner's own copy.
        domains: domain salt → genesis nonce; by default what the archive remembers.

    Raises:
        ArchiveError: no such entry, no reduction, or the archive lacks a part; the text says which.
        BundleError: the parts contradict each other.
    """
    note = archive.checkpoint_note()
    if note is None:
        raise ArchiveError("the archive has no checkpoint yet: nothing can be proven before the first is signed")
    size = parse_note(note).size
    if not 0 <= index < size:
        raise ArchiveError(f"entry {index} is not under the newest checkpoint, of {size} entries")
    body = archive.entry(index)
    entry = decode(body)
    if not isinstance(entry, Reduction):
        raise ArchiveError(f"entry {index} is a {type(entry).__name__.lower()}: only reductions have bundles")
    call = archive.call_of(index)
    if call is None or call.batch is None:
        raise ArchiveError(f"the archive does not know by which batch entry {index} came, so nobody's signature")
    signed = call.batch
    known = nonces(archive.folder) if domains is None else domains
    nonce = known.get(signed.domain.salt)
    if nonce is None:
        raise ArchiveError(
            f"the archive does not know the genesis nonce of the ledger that entry {index} was signed for: copy its "
            "line into the archive's file 'domains' from another copy, or from that deployment's manifest"
        )
    found = _law(archive, index, entry, law)
    return bundle.build(
        index=index,
        entry=body,
        note=note,
        proof=archive.inclusion(index, size),
        method=_part(archive, found.method, size, f"method {entry.record.method}", index),
        feed=_part(archive, found.feed, size, f"feed {entry.feed}", index),
        attested=signed.attestation,
        signatures=signed.signatures,
        payloads=archive.payloads(call),
        domain=signed.domain,
        origin=parse_note(note).origin,
        genesis_nonce=nonce,
        evidence=evidence,
        hints={"block": call.block, "transaction": call.tx_hash},
    )


def law_before(archive: ArchiveReader, index: int, method: int, feed: int) -> LawIndexes:
    """Where this method and this feed were last set before entry `index`, found by reading the archive."""
    wanted = {METHOD: method, FEED: feed}
    found: dict[int, int] = {}
    for start, stop in outside_batches(archive, index):
        for at, body in enumerate(archive.entries(start, stop), start):
            if body[0] in wanted and int.from_bytes(body[_ID[body[0]]], "big") == wanted[body[0]]:
                found[body[0]] = at
    return LawIndexes(found.get(METHOD), found.get(FEED))


def outside_batches(archive: ArchiveReader, end: int) -> Iterator[tuple[int, int]]:
    """Ranges of entries below `end` that did not come by a batch: only there can the law be."""
    at = 0
    for row in archive.call_rows():
        if row.first_index >= end:
            break
        if row.kind == CALL:
            continue
        if row.first_index > at:
            yield at, row.first_index
        at = row.first_index + row.count
    if at < end:
        yield at, end


def _law(archive: ArchiveReader, index: int, entry: Reduction, law: LawIndexes | None) -> LawIndexes:
    if law is not None and law.method is not None and law.feed is not None:
        return law
    return law_before(archive, index, entry.record.method, entry.feed)


def _part(archive: ArchiveReader, at: int | None, size: int, what: str, index: int) -> bundle.LawEntry:
    if at is None:
        raise ArchiveError(f"the archive has no entry that sets {what} before entry {index}")
    return bundle.LawEntry(at, archive.entry(at), archive.inclusion(at, size))
