"""Acts: what residents, agents and modules do beyond recording. Each is a dataclass and one call of `act_kind`.

An act's bytes are, in this order: type and time; fields of fixed width; where it moves what somebody holds, its
*parts*; where somebody signs it, a *tail*. So that one table of fields says its codec, its place in Solidity, its view
and its column, and every reader has one arm for all acts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, Final, TypeVar, get_type_hints

from chain_node.protocol.kinds.kind import Kind, ascending, flag, require
from chain_node.protocol.layout import Layout
from chain_node.protocol.moves import check_moves
from chain_node.protocol.postings import Holdings, Posting, settled

MOST_PARTS: Final = 32

PART: Final = Layout("vintage:H amount:Q")
SERIAL_PART: Final = Layout("vintage:H method:H first:Q amount:Q")
RESIDENT_TAIL: Final = "signer:20s nonce:Q deadline:Q signature:65s"
AGENT_TAIL: Final = "signer:20s signature:65s"
_PARTS: Final = "parts_count:B parts:"


@dataclass(frozen=True, slots=True)
class Part:
    """What is taken of one vintage: mg CO2e or millipoints, as the act says."""

    vintage: int
    amount: int


@dataclass(frozen=True, slots=True)
class SerialPart:
    """A part whose milligrams have serials: first … first + amount − 1 of (vintage, method)."""

    vintage: int
    method: int
    first: int
    amount: int


AnyPart = Part | SerialPart


@dataclass(frozen=True, slots=True)
class ResidentTail:
    """Who signed for the account, with the next of the signer's nonces for it, and until when (unix seconds)."""

    signer: bytes
    nonce: int
    deadline: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class AgentTail:
    """Which agent signed."""

    signer: bytes
    signature: bytes


Tail = ResidentTail | AgentTail
_ROWS: Final[dict[Any, tuple[type, Layout]]] = {
    tuple[Part, ...]: (Part, PART),
    tuple[SerialPart, ...]: (SerialPart, SERIAL_PART),
}
_TAILS: Final[dict[type, str]] = {ResidentTail: RESIDENT_TAIL, AgentTail: AGENT_TAIL}


@dataclass(frozen=True, slots=True)
class Act:
    """The base of all acts. A subclass adds its fields in the order of their bytes; after those of fixed width, named
    as in its layout, `parts: tuple[Part, ...]` (or of `SerialPart`) and `tail: ResidentTail` or `tail: AgentTail`
    where it has them."""

    time: int

    def accounts(self) -> tuple[bytes, ...]:
        """The accounts that it is about."""
        account: bytes | None = getattr(self, "account", None)
        return () if account is None else (account,)


A = TypeVar("A", bound=Act)


_HINTS: Final[dict[type, dict[str, Any]]] = {}


def hints(entry: type[Any]) -> dict[str, Any]:
    """The types of an act's fields, in the order of its bytes."""
    found = _HINTS.get(entry)
    if found is None:
        known = get_type_hints(entry)
        found = _HINTS[entry] = {one.name: known[one.name] for one in fields(entry)}
    return found


def amount_of(parts: Sequence[AnyPart]) -> int:
    """All parts together."""
    return sum(part.amount for part in parts)


def pairs(parts: Sequence[AnyPart]) -> list[tuple[int, int]]:
    """[(vintage, amount), …]."""
    return [(part.vintage, part.amount) for part in parts]


def _moves_nothing(_act: Act) -> list[Posting]:
    return []


def _nothing_more(_act: Act) -> None:
    """Nothing that its fields' types do not say."""


def act_kind(
    name: str,
    code: int,
    entry: type[A],
    layout: str,
    *,
    check: Callable[[A], None] = _nothing_more,
    moves: Callable[[A], list[Posting]] = _moves_nothing,
    may_be_empty: bool = False,
    oldest_first: bool = False,
    public: bool = False,
) -> Kind[A]:
    """The kind of an act.

    Args:
        name: as documents and messages call it.
        code: its type byte.
        entry: its dataclass.
        layout: its own fields of fixed width, as `Layout` reads them: without type and time, parts and tail.
        check: what no single field's type says, by `require`.
        moves: what it moves, from the act alone; what of an inflow meets a debt is added.
        may_be_empty: its parts may be none.
        oldest_first: what it takes from an account is taken from the oldest vintage on (the replay asks).
        public: it is about nobody's affairs, so that every reader may see it.
    """
    codec = _Codec(code, entry, layout, may_be_empty)

    def checked(act: A) -> None:
        codec.check(act)
        check(act)

    def postings(act: A, books: Holdings) -> list[Posting]:
        posts = moves(act)
        check_moves(code, posts)
        return settled(posts, books)

    return Kind(
        name,
        (code,),
        entry,
        codec.fixed,
        codec.encode,
        codec.decode,
        checked,
        postings,
        behind=codec.behind,
        oldest_first=oldest_first,
        public=public,
    )


class _Codec:
    """Bytes ↔ one kind of act, by the types of its dataclass's fields."""

    def __init__(self, code: int, entry: type[Act], layout: str, may_be_empty: bool) -> None:
        known = hints(entry)
        self._code, self._entry = code, entry
        self._least = 0 if may_be_empty else 1
        self._tail: type | None = known.get("tail")
        self._has_parts = "parts" in known
        self._row, self._part = _ROWS[known["parts"]] if self._has_parts else (Part, PART)
        names = [one.split(":")[0] for one in layout.split()]
        last = [name for name in ("parts", "tail") if name in known]
        if list(known) != ["time", *names, *last]:
            raise TypeError(f"{entry.__name__} has the fields {list(known)}, its bytes {['time', *names, *last]}")
        self._readers = [_reader(known[name]) for name in names]
        self._names = names
        tail = "" if self._tail is None else _TAILS[self._tail]
        self.behind: tuple[tuple[str, Layout], ...] = ()
        self._own = Layout(f"type:B time:Q {layout}")
        if self._has_parts:
            self.fixed = Layout(f"type:B time:Q {layout} {_PARTS}")
            self.behind = (("tail", Layout(tail)),) if tail else ()
        else:
            self.fixed = Layout(f"type:B time:Q {layout} {tail}")
        self._tail_codes = Layout(tail).codes
        self._widths = {name: place.stop - place.start for name, place in self._own.place.items()}

    def encode(self, act: Any) -> bytes:
        made = self._own.codes.pack(self._code, act.time, *(getattr(act, name) for name in self._names))
        if self._has_parts:
            made += bytes([len(act.parts)]) + b"".join(map(self._packed, act.parts))
        if self._tail is not None:
            made += self._tail_codes.pack(*(getattr(act.tail, one.name) for one in fields(act.tail)))
        return made

    def decode(self, data: bytes) -> Any:
        end = self._own.end
        _, time, *values = self._own.codes.unpack(data[:end])
        own = [reader(value) for reader, value in zip(self._readers, values, strict=True)]
        more: list[Any] = []
        if self._has_parts:
            count, begin = data[end], end + 1
            end = begin + count * self._part.end
            more.append(tuple(self._row(*found) for found in self._part.codes.iter_unpack(data[begin:end])))
            if len(more[0]) != count:
                raise ValueError(f"{count} parts are said, {len(more[0])} are there")
        rest = self._tail_codes.unpack(data[end:])
        if self._tail is not None:
            more.append(self._tail(*rest))
        return self._entry(time, *own, *more)

    def _packed(self, part: AnyPart) -> bytes:
        return self._part.codes.pack(*(getattr(part, name) for name, _ in self._part.fields))

    def check(self, act: Any) -> None:
        for name in self._names:
            value = getattr(act, name)
            if isinstance(value, bytes):
                require(len(value) == self._widths[name], act, f"{name} has {self._widths[name]} bytes")
        if self._has_parts:
            parts = act.parts
            require(self._least <= len(parts) <= MOST_PARTS, act, f"parts are {self._least} to {MOST_PARTS}")
            require(ascending(tuple(part.vintage for part in parts)), act, "vintages of parts are strictly ascending")
            require(all(part.amount > 0 for part in parts), act, "a part is more than nothing")
        if self._tail is not None:
            require(len(act.tail.signer) == 20 and len(act.tail.signature) == 65, act, "a tail's fields have 20 and 65")


def _reader(wanted: Any) -> Callable[[Any], Any]:
    """How a number of the bytes becomes a field of this type."""
    if wanted is bool:
        return flag
    if isinstance(wanted, type) and issubclass(wanted, IntEnum):
        return wanted
    if wanted in (int, bytes):
        return lambda value: value
    raise TypeError(f"an act has no fields of {wanted}")
