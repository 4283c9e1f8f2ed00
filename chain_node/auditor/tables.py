"""The base tables of an auditor's database, and how one entry becomes one line of one of them.

Lines are CSV without quotes: numbers and hex digits only, so nothing needs escaping. Views for people are in `views`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final, assert_never

from chain_node.errors import QueryError
from chain_node.protocol.books import Books
from chain_node.protocol.entries import (
    ACCOUNT,
    FEED,
    GROUP_CAPS,
    KINDS,
    LOG_KEY,
    METHOD,
    ORGANISATION,
    PAUSE,
    REDUCTION,
    REDUCTION_NULLIFIER,
    REFUSAL,
    REVOCATION,
    UNROLLED_REDUCTION,
    Account,
    Act,
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
    layout_of,
    postings,
)
from chain_node.protocol.kinds import BY_ENTRY
from chain_node.protocol.kinds.act import AgentTail, ResidentTail, hints
from chain_node.protocol.kinds.kind import Kind

_TYPES: Final = {"B": "UTINYINT", "H": "USMALLINT", "I": "UINTEGER", "Q": "UBIGINT"}


def _table_of(kind: Kind[Any]) -> str:
    return f"base_{kind.name.replace(' ', '_')}"


def _columns_of(kind: Kind[Any]) -> str:
    """Of an act: every field of its bytes, numbers as numbers and bytes as hex; parts as `vintage:amount …`, with
    serials as `vintage:method:first:amount …`."""
    own = {**dict(kind.layout.fields), **{name: code for _, layout in kind.behind for name, code in layout.fields}}
    skipped = ("type", "time", "parts_count")
    columns = [f"{name} {_TYPES.get(code, 'VARCHAR')}" for name, code in own.items() if name not in skipped]
    return ", ".join(["idx BIGINT", "time BIGINT", *columns])


ACT_KINDS: Final = tuple(kind for kind in KINDS if issubclass(kind.entry, Act))
ACT_TABLES: Final = {kind.name: _table_of(kind) for kind in ACT_KINDS}
"""The table of each kind of acts, by the kind's name."""
TABLES: Final[dict[str, str]] = {
    "base_reduction": (
        "idx BIGINT, type UTINYINT, time BIGINT, feed USMALLINT, sequence BIGINT, account VARCHAR, method USMALLINT, "
        "day USMALLINT, slot UTINYINT, slots UTINYINT, campaign USMALLINT, activity BIGINT, evidence VARCHAR, "
        "credits_mg BIGINT, millipoints BIGINT, bonus_millipoints BIGINT, nullifier VARCHAR"
    ),
    "base_refusal": "idx BIGINT, time BIGINT, feed USMALLINT, sequence BIGINT, rule USMALLINT",
    "base_revocation": (
        "idx BIGINT, time BIGINT, target BIGINT, reason USMALLINT, reason_hash VARCHAR, release BOOLEAN, "
        "credits_burned BIGINT, millipoints_burned BIGINT, credits_owed BIGINT, millipoints_owed BIGINT"
    ),
    "base_account": (
        "idx BIGINT, time BIGINT, account VARCHAR, identity VARCHAR, district USMALLINT, epoch USMALLINT, "
        "state UTINYINT, successor VARCHAR"
    ),
    "base_organisation": "idx BIGINT, time BIGINT, organisation USMALLINT, description VARCHAR, state UTINYINT",
    "base_feed": (
        "idx BIGINT, time BIGINT, feed USMALLINT, organisation USMALLINT, version BIGINT, threshold UTINYINT, "
        "signers VARCHAR, late_days USMALLINT, credits_cap UBIGINT, millipoints_cap UBIGINT, methods VARCHAR, "
        "state UTINYINT"
    ),
    "base_method": (
        "idx BIGINT, time BIGINT, method USMALLINT, behaviour USMALLINT, exclusion_group UTINYINT, "
        "credit_num UBIGINT, credit_den UBIGINT, point_num UBIGINT, point_den UBIGINT, max_activity BIGINT, "
        "max_per_slot BIGINT, windows VARCHAR, valid_from USMALLINT, valid_to USMALLINT, nullifier BOOLEAN, "
        "evidence_class UTINYINT, text VARCHAR"
    ),
    "base_caps": "idx BIGINT, time BIGINT, exclusion_group UTINYINT, credits_mg BIGINT, millipoints BIGINT",
    "base_pause": "idx BIGINT, time BIGINT, until BIGINT",
    "base_log_key": "idx BIGINT, time BIGINT, public_key VARCHAR",
    **{_table_of(kind): _columns_of(kind) for kind in ACT_KINDS},
    "base_posting": (
        "idx BIGINT, unit UTINYINT, year USMALLINT, origin VARCHAR, target VARCHAR, amount UBIGINT, owner VARCHAR, "
        "receiver VARCHAR"
    ),
    "base_call": "first_idx BIGINT, count BIGINT, block BIGINT, transaction VARCHAR, signatures UTINYINT",
}
"""Filled from the entries (`base_call` from the archive's calls), by appending only. `base_posting`: what acts move, by
themselves alone."""

DERIVED: Final[dict[str, str]] = {
    "base_burn": "account VARCHAR, year USMALLINT, credits_mg BIGINT, millipoints BIGINT",
    "base_held": "account VARCHAR, year USMALLINT, credits_mg BIGINT, millipoints BIGINT",
    "base_debt": "account VARCHAR, credits_mg BIGINT, millipoints BIGINT",
    "base_rule": "rule USMALLINT, label VARCHAR, reason_zh VARCHAR, reason_en VARCHAR",
    "base_text": (
        "text VARCHAR, key VARCHAR, name_zh VARCHAR, name_en VARCHAR, unit_zh VARCHAR, unit_en VARCHAR, source VARCHAR"
    ),
}
"""Made anew at each load: what revocations and debts burned; what those hold who have more than records; and texts that
ship with the package."""

_REDUCTION = UNROLLED_REDUCTION.codes
_NULLIFIER_AT = UNROLLED_REDUCTION.end
_REFUSAL = layout_of(Refusal).codes
_REVOCATION = layout_of(Revocation).codes
_ACCOUNT = layout_of(Account).codes

Line = tuple[str, str]
"""(table, CSV line with its LF)."""


def line_of(index: int, data: bytes) -> Line:
    """The table and line of an entry.

    Raises:
        QueryError: it is none of the protocol's entries.
    """
    maker = _MAKERS.get(data[0] if data else -1)
    if maker is None:
        raise QueryError(f"entry {index} has the unknown type 0x{data[:1].hex()}: this package is older")
    try:
        return maker(index, data)
    except (struct.error, ValueError) as error:
        raise QueryError(f"entry {index} cannot be read: {error}") from error


def _reduction(index: int, data: bytes) -> Line:
    (
        kind, time, feed, sequence, account, method, day, slot, slots, campaign, activity, evidence, credits_mg, points,
        bonus,
    ) = _REDUCTION.unpack_from(data)  # fmt: skip
    nullifier = data[_NULLIFIER_AT:].hex()
    return "base_reduction", (
        f"{index},{kind},{time},{feed},{sequence},{account.hex()},{method},{day},{slot},{slots},{campaign},{activity},"
        f"{evidence.hex()},{credits_mg},{points},{bonus},{nullifier}\n"
    )


def _refusal(index: int, data: bytes) -> Line:
    _, time, feed, sequence, rule = _REFUSAL.unpack(data)
    return "base_refusal", f"{index},{time},{feed},{sequence},{rule}\n"


def _revocation(index: int, data: bytes) -> Line:
    _, time, target, reason, reason_hash, release, burned, points_burned, owed, points_owed = _REVOCATION.unpack(data)
    amounts = f"{burned},{points_burned},{owed},{points_owed}"
    return "base_revocation", f"{index},{time},{target},{reason},{reason_hash.hex()},{release},{amounts}\n"


def _account(index: int, data: bytes) -> Line:
    _, time, account, identity, district, epoch, state, successor = _ACCOUNT.unpack(data)
    after = successor.hex() if any(successor) else ""
    return "base_account", f"{index},{time},{account.hex()},{identity.hex()},{district},{epoch},{state},{after}\n"


def _law(index: int, data: bytes) -> Line:
    """The law's entries are few: by way of their dataclasses."""
    entry = decode(data)
    head = f"{index},{entry.time}"
    match entry:
        case Organisation():
            return "base_organisation", f"{head},{entry.id},{entry.description.hex()},{int(entry.state)}\n"
        case Feed():
            signers = " ".join(signer.hex() for signer in entry.signers)
            methods = " ".join(map(str, entry.methods))
            terms = f"{entry.late_days},{entry.credits_cap},{entry.millipoints_cap},{methods},{int(entry.state)}"
            who = f"{entry.feed},{entry.organisation},{entry.version},{entry.threshold},{signers}"
            return "base_feed", f"{head},{who},{terms}\n"
        case Method():
            return "base_method", f"{head},{_method(entry)}\n"
        case GroupCaps():
            return "base_caps", f"{head},{entry.group},{entry.credits_mg},{entry.millipoints}\n"
        case Pause():
            return "base_pause", f"{head},{entry.until}\n"
        case LogKey():
            return "base_log_key", f"{head},{entry.public_key.hex()}\n"
        case Reduction() | Refusal() | Revocation() | Account() | Act():
            raise QueryError(f"entry {index} is made into a line without its dataclass")
        case _:
            assert_never(entry)


def _act(index: int, data: bytes) -> Line:
    """Any act, by its own fields."""
    entry = decode(data)
    assert isinstance(entry, Act)
    values = [text for name in hints(type(entry)) for text in _texts(getattr(entry, name))]
    return _table_of(BY_ENTRY[type(entry)]), ",".join([str(index), *values]) + "\n"


def posting_lines(index: int, data: bytes) -> list[str]:
    """What an act moves, from itself alone: what of it meets a debt depends on the entries before it."""
    entry = decode(data)
    return [
        f"{index},{int(unit)},{vintage},{origin.name.lower()},{target.name.lower()},{amount},{owner.hex()},{to.hex()}\n"
        for unit, vintage, origin, target, amount, owner, to in postings(entry, Books())
    ]


def _texts(value: Any) -> list[str]:
    """A field as the columns that it is: a tail has several."""
    if isinstance(value, bytes):
        return [value.hex()]
    if isinstance(value, tuple):
        return [" ".join(":".join(str(getattr(part, one.name)) for one in fields(part)) for part in value)]
    if isinstance(value, ResidentTail | AgentTail):
        return [text for one in fields(value) for text in _texts(getattr(value, one.name))]
    return [str(int(value))]


def _method(entry: Method) -> str:
    windows = "none" if entry.windows is None else " ".join(f"{a}+{n}" for a, n in entry.windows) or "free"
    fractions = f"{entry.credit_num},{entry.credit_den},{entry.point_num},{entry.point_den}"
    bounds = f"{entry.max_activity},{entry.max_per_slot},{windows},{entry.valid_from},{entry.valid_to}"
    rest = f"{int(entry.needs_nullifier)},{int(entry.evidence_class)},{entry.text.hex()}"
    return f"{entry.id},{entry.behaviour},{entry.group},{fractions},{bounds},{rest}"


ACT_TYPES: Final = frozenset(code for kind in ACT_KINDS for code in kind.types)
_MAKERS: dict[int, Callable[[int, bytes], Line]] = {
    REDUCTION: _reduction,
    REDUCTION_NULLIFIER: _reduction,
    REFUSAL: _refusal,
    REVOCATION: _revocation,
    ACCOUNT: _account,
    ORGANISATION: _law,
    FEED: _law,
    METHOD: _law,
    GROUP_CAPS: _law,
    PAUSE: _law,
    LOG_KEY: _law,
    **dict.fromkeys(ACT_TYPES, _act),
}
