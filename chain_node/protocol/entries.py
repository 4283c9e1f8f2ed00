"""The bytes of the log's entries.

Every entry starts with `type u8 ‖ time u64` (block time, seconds UTC); integers are big-endian. An entry has one
spelling: `decode` refuses bytes that `encode` would not write. The types 0x10–0x2F and 0x45 have no form yet.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import pairwise

from chain_node.protocol.errors import CodecError
from chain_node.protocol.kinds import (
    ACCOUNT,
    CAMPAIGN,
    CAP_LIMIT,
    FEED,
    GROUP_CAPS,
    LOG_KEY,
    MAX_LATE_DAYS,
    METHOD,
    NO_ADDRESS,
    NO_HASH,
    OPEN_END,
    ORGANISATION,
    PAUSE,
    REDUCTION,
    REDUCTION_NULLIFIER,
    REFUSAL,
    REVOCATION,
    TRIAL_LATE_DAYS,
    WINDOW_NONE,
    Account,
    AccountState,
    Entry,
    EvidenceClass,
    Feed,
    GroupCaps,
    LogKey,
    Method,
    Organisation,
    Pause,
    Reduction,
    Refusal,
    Revocation,
    Standing,
)
from chain_node.protocol.records import ADDRESS_BYTES, HASH_BYTES, Record
from chain_node.protocol.rules import Rule

__all__ = [
    "ACCOUNT",
    "CAMPAIGN",
    "CAP_LIMIT",
    "FEED",
    "GROUP_CAPS",
    "LOG_KEY",
    "MAX_LATE_DAYS",
    "METHOD",
    "NO_ADDRESS",
    "NO_HASH",
    "OPEN_END",
    "ORGANISATION",
    "PAUSE",
    "REDUCTION",
    "REDUCTION_NULLIFIER",
    "REFUSAL",
    "REVOCATION",
    "TRIAL_LATE_DAYS",
    "WINDOW_NONE",
    "Account",
    "AccountState",
    "Entry",
    "EvidenceClass",
    "Feed",
    "GroupCaps",
    "LogKey",
    "Method",
    "Organisation",
    "Pause",
    "Reduction",
    "Refusal",
    "Revocation",
    "Standing",
    "decode",
    "encode",
    "type_of",
]

_HEAD = struct.Struct(">BQ")
_REDUCTION = struct.Struct(">BQHQ64sQQQ")
_REFUSAL = struct.Struct(">BQHQH")
_REVOCATION = struct.Struct(">BQQH32sBQQQQ")
_ACCOUNT = struct.Struct(">BQ20s32sHHB20s")
_ORGANISATION = struct.Struct(">BQH32sB")
_FEED_HEAD = struct.Struct(">BQHHIBB")
_FEED_MIDDLE = struct.Struct(">HQQ")
_METHOD_HEAD = struct.Struct(">BQHHBQQQQIIB")
_METHOD_TAIL = struct.Struct(">HHB32s")
_GROUP_CAPS = struct.Struct(">BQBQQ")
_PAUSE = struct.Struct(">BQBQ")
_LOG_KEY = struct.Struct(">BQB32s")


def type_of(data: bytes) -> int:
    """The type byte of an entry. Raises CodecError: too short for an entry."""
    if len(data) < _HEAD.size:
        raise CodecError(f"an entry has at least {_HEAD.size} bytes, not {len(data)}")
    return data[0]


def encode(entry: Entry) -> bytes:
    """The entry's bytes. Raises CodecError: a field outside its type's range, or fields that contradict each other."""
    _check(entry)
    try:
        return _ENCODERS[type(entry)](entry)
    except (struct.error, OverflowError) as error:
        raise CodecError(f"a field of {entry!r} is out of range: {error}") from None


def decode(data: bytes) -> Entry:
    """The entry in these bytes. Raises CodecError: no entry has these bytes."""
    kind = type_of(data)
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise CodecError(f"entry type 0x{kind:02x} is not assigned")
    try:
        entry = decoder(data)
    except (struct.error, ValueError, IndexError) as error:
        raise CodecError(f"entry of type 0x{kind:02x} with {len(data)} bytes: {error}") from None
    _check(entry)
    return entry


def _ascending(values: tuple[bytes, ...] | tuple[int, ...]) -> bool:
    return all(low < high for low, high in pairwise(values))  # type: ignore[operator]  # one kind in one tuple


def _require(holds: bool, entry: Entry, what: str) -> None:
    if not holds:
        raise CodecError(f"{what}: {entry!r}")


def _check(entry: Entry) -> None:
    """What no single field's type says."""
    match entry:
        case Reduction(nullifier=nullifier):
            _require(nullifier is None or len(nullifier) == HASH_BYTES, entry, "a nullifier has 32 bytes")
        case Revocation(reason_hash=reason_hash):
            _require(len(reason_hash) == HASH_BYTES, entry, "a reason's hash has 32 bytes")
        case Account():
            sizes = (len(entry.account), len(entry.nullifier), len(entry.successor))
            _require(sizes == (ADDRESS_BYTES, HASH_BYTES, ADDRESS_BYTES), entry, "an account's fields have 20, 32, 20")
        case Organisation(description=description):
            _require(len(description) == HASH_BYTES, entry, "a description's hash has 32 bytes")
        case Feed():
            _check_feed(entry)
        case Method():
            _check_method(entry)
        case GroupCaps():
            small = entry.credits_mg < CAP_LIMIT and entry.millipoints < CAP_LIMIT
            _require(small, entry, "group caps are below 2^30")
        case Pause(scope=scope):
            _require(scope == 0, entry, "the only scope of a pause is 0, recording")
        case LogKey():
            right = entry.key_type == 0x01 and len(entry.public_key) == HASH_BYTES
            _require(right, entry, "a log key is of type 1, Ed25519, with 32 bytes")


def _check_feed(feed: Feed) -> None:
    count = len(feed.signers)
    _require(all(len(signer) == ADDRESS_BYTES for signer in feed.signers), feed, "a signer has 20 bytes")
    _require(_ascending(feed.signers), feed, "signers are strictly ascending")
    _require(_ascending(feed.methods), feed, "methods are strictly ascending")
    _require(feed.late_days <= MAX_LATE_DAYS or feed.trial, feed, "late days are at most 63, or 65535 for a trial feed")
    # A signer that was disabled may leave fewer than the threshold: such a feed mints nothing, and is no error.
    _require(feed.threshold > 0 and 2 * feed.threshold > count, feed, "a threshold is more than half of the signers")


def _check_method(method: Method) -> None:
    _require(method.credit_den > 0 and method.point_den > 0, method, "a denominator is not 0")
    _require(len(method.text) == HASH_BYTES, method, "a text's hash has 32 bytes")
    if method.windows is None:
        _require(method.needs_nullifier, method, "a method without slots needs a nullifier")
    else:
        _require(len(method.windows) <= 8, method, "a method has at most 8 windows")
        inside = all(count >= 1 and first + count <= 180 for first, count in method.windows)
        _require(inside, method, "a window has at least one slot and ends within the day")


def _encode_reduction(e: Reduction) -> bytes:
    kind = REDUCTION if e.nullifier is None else REDUCTION_NULLIFIER
    amounts = (e.credits_mg, e.millipoints, e.bonus_millipoints)
    return _REDUCTION.pack(kind, e.time, e.feed, e.sequence, e.record.encode(), *amounts) + (e.nullifier or b"")


def _decode_reduction(data: bytes) -> Reduction:
    body, nullifier = (data, None) if data[0] == REDUCTION else (data[:-HASH_BYTES], data[-HASH_BYTES:])
    _, time, feed, sequence, record, credits_mg, millipoints, bonus = _REDUCTION.unpack(body)
    return Reduction(time, feed, sequence, Record.decode(record), credits_mg, millipoints, bonus, nullifier)


def _encode_refusal(e: Refusal) -> bytes:
    return _REFUSAL.pack(REFUSAL, e.time, e.feed, e.sequence, e.rule)


def _decode_refusal(data: bytes) -> Refusal:
    _, time, feed, sequence, rule = _REFUSAL.unpack(data)
    return Refusal(time, feed, sequence, Rule(rule))


def _encode_revocation(e: Revocation) -> bytes:
    amounts = (e.credits_burned, e.millipoints_burned, e.credits_owed, e.millipoints_owed)
    return _REVOCATION.pack(REVOCATION, e.time, e.index, e.reason, e.reason_hash, e.release, *amounts)


def _decode_revocation(data: bytes) -> Revocation:
    _, time, index, reason, reason_hash, release, *amounts = _REVOCATION.unpack(data)
    return Revocation(time, index, reason, reason_hash, _flag(release), *amounts)


def _flag(value: int) -> bool:
    if value > 1:
        raise ValueError(f"a flag is 0 or 1, not {value}")
    return value == 1


def _encode_account(e: Account) -> bytes:
    return _ACCOUNT.pack(ACCOUNT, e.time, e.account, e.nullifier, e.district, e.epoch, e.state, e.successor)


def _decode_account(data: bytes) -> Account:
    _, time, account, nullifier, district, epoch, state, successor = _ACCOUNT.unpack(data)
    return Account(time, account, nullifier, district, epoch, AccountState(state), successor)


def _encode_organisation(e: Organisation) -> bytes:
    return _ORGANISATION.pack(ORGANISATION, e.time, e.id, e.description, e.state)


def _decode_organisation(data: bytes) -> Organisation:
    _, time, identity, description, state = _ORGANISATION.unpack(data)
    return Organisation(time, identity, description, Standing(state))


def _encode_feed(e: Feed) -> bytes:
    head = _FEED_HEAD.pack(FEED, e.time, e.feed, e.organisation, e.version, e.threshold, len(e.signers))
    middle = _FEED_MIDDLE.pack(e.late_days, e.credits_cap, e.millipoints_cap)
    methods = struct.pack(f">{len(e.methods)}H", *e.methods)
    return head + b"".join(e.signers) + middle + methods + bytes([e.state])


def _decode_feed(data: bytes) -> Feed:
    _, time, feed, organisation, version, threshold, count = _FEED_HEAD.unpack_from(data)
    middle_at = _FEED_HEAD.size + ADDRESS_BYTES * count
    signers = tuple(data[at : at + ADDRESS_BYTES] for at in range(_FEED_HEAD.size, middle_at, ADDRESS_BYTES))
    late_days, credits_cap, millipoints_cap = _FEED_MIDDLE.unpack_from(data, middle_at)
    methods_at = middle_at + _FEED_MIDDLE.size
    methods = struct.unpack(f">{(len(data) - 1 - methods_at) // 2}H", data[methods_at:-1])
    state = Standing(data[-1])
    caps = (credits_cap, millipoints_cap)
    return Feed(time, feed, organisation, version, threshold, signers, late_days, *caps, methods, state)


def _encode_method(e: Method) -> bytes:
    fractions = (e.credit_num, e.credit_den, e.point_num, e.point_den)
    window = WINDOW_NONE if e.windows is None else len(e.windows)
    bounds = (e.max_activity, e.max_per_slot)
    head = _METHOD_HEAD.pack(METHOD, e.time, e.id, e.behaviour, e.group, *fractions, *bounds, window)
    pairs = bytes(number for pair in e.windows or () for number in pair)
    return head + pairs + _METHOD_TAIL.pack(e.valid_from, e.valid_to, e.flags, e.text)


def _decode_method(data: bytes) -> Method:
    _, time, identity, behaviour, group, cn, cd, pn, pd, most, per_slot, window = _METHOD_HEAD.unpack_from(data)
    windows: tuple[tuple[int, int], ...] | None = None
    tail_at = _METHOD_HEAD.size
    if window != WINDOW_NONE:
        pairs = data[tail_at : tail_at + 2 * window]
        windows = tuple(zip(pairs[::2], pairs[1::2], strict=True))
        tail_at += 2 * window
    valid_from, valid_to, flags, text = _METHOD_TAIL.unpack(data[tail_at:])
    if flags > 0b111:
        raise ValueError(f"flags {flags:#x} have unknown bits")
    law = (bool(flags & 1), EvidenceClass(flags >> 1), text)
    fractions = (cn, cd, pn, pd)
    return Method(time, identity, behaviour, group, *fractions, most, per_slot, windows, valid_from, valid_to, *law)


def _encode_group_caps(e: GroupCaps) -> bytes:
    return _GROUP_CAPS.pack(GROUP_CAPS, e.time, e.group, e.credits_mg, e.millipoints)


def _decode_group_caps(data: bytes) -> GroupCaps:
    return GroupCaps(*_GROUP_CAPS.unpack(data)[1:])


def _encode_pause(e: Pause) -> bytes:
    return _PAUSE.pack(PAUSE, e.time, e.scope, e.until)


def _decode_pause(data: bytes) -> Pause:
    _, time, scope, until = _PAUSE.unpack(data)
    return Pause(time, until, scope)


def _encode_log_key(e: LogKey) -> bytes:
    return _LOG_KEY.pack(LOG_KEY, e.time, e.key_type, e.public_key)


def _decode_log_key(data: bytes) -> LogKey:
    _, time, key_type, public_key = _LOG_KEY.unpack(data)
    return LogKey(time, public_key, key_type)


_ENCODERS: dict[type, Callable[..., bytes]] = {
    Reduction: _encode_reduction,
    Refusal: _encode_refusal,
    Revocation: _encode_revocation,
    Account: _encode_account,
    Organisation: _encode_organisation,
    Feed: _encode_feed,
    Method: _encode_method,
    GroupCaps: _encode_group_caps,
    Pause: _encode_pause,
    LogKey: _encode_log_key,
}

_DECODERS: dict[int, Callable[[bytes], Entry]] = {
    REDUCTION: _decode_reduction,
    REDUCTION_NULLIFIER: _decode_reduction,
    REFUSAL: _decode_refusal,
    REVOCATION: _decode_revocation,
    ACCOUNT: _decode_account,
    ORGANISATION: _decode_organisation,
    FEED: _decode_feed,
    METHOD: _decode_method,
    GROUP_CAPS: _decode_group_caps,
    PAUSE: _decode_pause,
    LOG_KEY: _decode_log_key,
}
