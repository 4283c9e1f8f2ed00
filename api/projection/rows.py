"""The rows that one entry or call becomes in the read model: pure, the same for the projector and the comparison."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple, assert_never

from api.errors import ProjectionError
from chain_node.archive.calls import BatchFields, Call
from chain_node.protocol import attestation
from chain_node.protocol.entries import (
    FEED,
    GROUP_CAPS,
    LOG_KEY,
    METHOD,
    ORGANISATION,
    PAUSE,
    Account,
    Act,
    Entry,
    Feed,
    GroupCaps,
    LogKey,
    Method,
    Organisation,
    Pause,
    Reduction,
    Refusal,
    Revocation,
    decode,
)
from chain_node.protocol.errors import AttestationError, CodecError
from chain_node.protocol.records import Record

_KEY = struct.Struct(">q")
_NOTHING = (None,) * 10
Law = Organisation | Feed | Method | GroupCaps | Pause | LogKey
"""Entries that set the law or how the log is run."""


class EntryValues(NamedTuple):
    """A row of `entry`, in the order and under the names of its columns."""

    idx: int
    type: int
    time: int
    call: int | None
    account: bytes | None
    feed: int | None
    sequence: int | None
    method: int | None
    day: int | None
    credits_mg: int | None
    millipoints: int | None
    bonus_millipoints: int | None
    rule: int | None
    target: int | None
    revoked_by: int | None
    leaf_key: int
    body: bytes


class Target(NamedTuple):
    """Of a reduction, what the row of its revocation repeats."""

    account: bytes
    feed: int
    method: int
    day: int

    @classmethod
    def of(cls, entry: Reduction) -> Target:
        """The target that a reduction is."""
        return cls(entry.record.account, entry.feed, entry.record.method, entry.record.day)


def read(index: int, body: bytes) -> Entry:
    """The entry at `index`. Raises ProjectionError: this program knows none with these bytes."""
    try:
        return decode(body)
    except CodecError as error:
        raise ProjectionError(
            f"entry {index} of the archive cannot be read: {error}. Nothing from its transaction on is projected: "
            "run the program that wrote it, or where `luya archive verify` finds it changed, restore it from a copy"
        ) from error


def leaf_key(leaf: bytes) -> int:
    """The first 8 bytes of a leaf hash as the signed integer that is indexed."""
    key: int = _KEY.unpack_from(leaf)[0]
    return key


def entry_values(
    index: int, body: bytes, entry: Entry, leaf: bytes, call: Call | None, target: Target | None = None
) -> EntryValues:
    """The row of an entry. `target`: for a revocation; None where what it revokes is no reduction."""
    first = None if call is None else call.first_index
    key = leaf_key(leaf)
    match entry:
        case Reduction(time, feed, sequence, record, credits_mg, millipoints, bonus, _):
            return EntryValues(
                index, body[0], time, first, record.account, feed, sequence, record.method, record.day,
                credits_mg, millipoints, bonus, None, None, None, key, body,
            )  # fmt: skip
        case Refusal(time, feed, sequence, rule):
            record_ = refused_record(call, index)
            named = (None, None, None) if record_ is None else (record_.account, record_.method, record_.day)
            return EntryValues(
                index, body[0], time, first, named[0], feed, sequence, named[1], named[2],
                None, None, None, int(rule), None, None, key, body,
            )  # fmt: skip
        case Revocation(time, index=of):
            whose = (None, None, None, None) if target is None else target
            return EntryValues(
                index, body[0], time, first, whose[0], whose[1], None, whose[2], whose[3],
                None, None, None, None, of, None, key, body,
            )  # fmt: skip
        case Account(time, account):
            return EntryValues(index, body[0], time, first, account, *_NOTHING, key, body)
        case Act():
            return EntryValues(index, body[0], entry.time, first, _account_of(index, entry), *_NOTHING, key, body)
        case Organisation() | Feed() | Method() | GroupCaps() | Pause() | LogKey():
            return EntryValues(index, body[0], entry.time, first, None, *_NOTHING, key, body)
        case _:
            assert_never(entry)


def _account_of(index: int, act: Act) -> bytes | None:
    """The account that an act is about. Raises ProjectionError: it has several, and the row has a place for one."""
    accounts = act.accounts()
    if len(accounts) > 1:
        raise ProjectionError(f"entry {index} is about {len(accounts)} accounts, and the read model keeps one")
    return accounts[0] if accounts else None


def refused_record(call: Call | None, index: int) -> Record | None:
    """The record that the refusal at `index` skipped, where the call kept it."""
    if call is None or call.batch is None:
        return None
    position = index - call.first_index
    for refused in call.batch.refused:
        if refused.position == position:
            return Record.decode(refused.record)
    return None


def law_key(entry: Law) -> tuple[int, int]:
    """(type, id) under which an entry is part of the law's history."""
    match entry:
        case Organisation(id=identity):
            return ORGANISATION, identity
        case Feed(feed=identity):
            return FEED, identity
        case Method(id=identity):
            return METHOD, identity
        case GroupCaps(group=identity):
            return GROUP_CAPS, identity
        case Pause(scope=identity):
            return PAUSE, identity
        case LogKey():
            return LOG_KEY, 0
        case _:
            assert_never(entry)


def call_values(call: Call) -> tuple[Any, ...]:
    """The row of a call, in the order of its columns.

    The signers are recovered here, once, so that reading provenance costs no cryptography.
    """
    batch = call.batch
    head = (call.first_index, call.count, call.kind, _hash(call.tx_hash), call.block)
    if batch is None:
        return (*head, None, None, None, None, None)
    signed = batch.attestation
    return (*head, signed.feed, signed.first_sequence, signed.records_root, signed.config_digest, signers(batch))


def signers(batch: BatchFields) -> bytes:
    """Addresses (20 bytes each) of those who signed a batch, in the order of their signatures.

    A signature that recovers to nobody is left out: the contract would have refused it, so the archive was changed, and
    fsck says so; reading must go on.
    """
    digest = attestation.digest(batch.domain, batch.attestation)
    found = []
    for signature in batch.signatures:
        try:
            found.append(attestation.recover(digest, signature))
        except AttestationError:
            continue
    return b"".join(found)


def _hash(text: str) -> bytes | None:
    """The bytes of a transaction hash; None where there is none."""
    digits = text.removeprefix("0x")
    return bytes.fromhex(digits) if len(digits) == 64 else None
