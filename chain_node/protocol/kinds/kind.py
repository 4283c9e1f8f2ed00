"""What a kind of entry is: its type bytes, its dataclass, its codec, its check and where its fields are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Generic, TypeVar

from chain_node.protocol.errors import CodecError
from chain_node.protocol.layout import Layout
from chain_node.protocol.postings import Holdings, Posting
from chain_node.protocol.records import ADDRESS_BYTES, HASH_BYTES

E = TypeVar("E")

NO_HASH: Final = bytes(HASH_BYTES)
NO_ADDRESS: Final = bytes(ADDRESS_BYTES)


HEAD: Final = Layout("type:B time:Q")
"""How every entry begins; time: the block's, unix seconds."""


def no_postings(_entry: object, _books: Holdings) -> list[Posting]:
    """The entry moves nothing."""
    return []


@dataclass(frozen=True, slots=True)
class Kind(Generic[E]):
    """One kind of entry.

    name: as documents and messages call it. types: its type bytes. entry: its dataclass. layout: its fields of
    fixed width, from the entry's start. longer: for each type byte but the first, what that form is called and the
    fields that it has behind `layout`. behind: parts that follow something of variable length, by name, each
    counted from its own start. encode: the bytes of an entry that `check` has passed. decode: raises struct.error,
    ValueError or IndexError where no entry has these bytes. check: what no single field's type says, by CodecError.
    postings: what the entry moves after the books before it; raises PostingError. oldest_first: what it takes from
    an account is that account's oldest. public: an act that is about nobody's affairs, for every reader.
    """

    name: str
    types: tuple[int, ...]
    entry: type[E]
    layout: Layout
    encode: Callable[[E], bytes]
    decode: Callable[[bytes], E]
    check: Callable[[E], None]
    postings: Callable[[E, Holdings], list[Posting]] = no_postings
    longer: tuple[tuple[str, Layout], ...] = ()
    behind: tuple[tuple[str, Layout], ...] = ()
    oldest_first: bool = False
    public: bool = False


def require(holds: bool, entry: Any, what: str) -> None:
    """Raises CodecError: it does not hold."""
    if not holds:
        raise CodecError(f"{what}: {entry!r}")


def flag(value: int) -> bool:
    """A byte that is 0 or 1. Raises ValueError: another."""
    if value > 1:
        raise ValueError(f"a flag is 0 or 1, not {value}")
    return value == 1


def ascending(values: tuple[bytes, ...] | tuple[int, ...]) -> bool:
    """Strictly ascending."""
    return all(low < high for low, high in pairwise(values))  # type: ignore[operator]  # one kind in one tuple
