"""What every kind of acts has for nothing: codec, places, checks, and postings that its type may make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import pytest

from chain_node.protocol.books import Books
from chain_node.protocol.entries import decode, encode
from chain_node.protocol.errors import CodecError, PostingError
from chain_node.protocol.kinds import BY_ENTRY, BY_TYPE
from chain_node.protocol.kinds.act import Act, AgentTail, Part, ResidentTail, act_kind, amount_of, pairs
from chain_node.protocol.kinds.modules import MODULE_CHANGES, ModuleChange
from chain_node.protocol.moves import MoveKind, posted
from chain_node.protocol.postings import Posting, Unit, mint

WHO, HASH = bytes([1]) * 20, bytes([2]) * 32
RESIDENT = ResidentTail(bytes([3]) * 20, 7, 1_900_000_000, bytes([4]) * 65)
AGENT = AgentTail(bytes([5]) * 20, bytes([6]) * 65)


class Shade(IntEnum):
    """What a field may be."""

    LIGHT = 1
    DARK = 2


@dataclass(frozen=True, slots=True)
class Buy(Act):
    """As an order: with an account, parts, and a resident's tail."""

    account: bytes
    shade: Shade
    gift: bool
    parts: tuple[Part, ...]
    tail: ResidentTail


@dataclass(frozen=True, slots=True)
class Undo(Act):
    """With parts that may be none, and an agent's tail."""

    of: int
    parts: tuple[Part, ...]
    tail: AgentTail


@dataclass(frozen=True, slots=True)
class Sign(Act):
    """With a tail and no parts."""

    of: int
    tail: AgentTail


def spends(act: Buy) -> list[Posting]:
    return posted(MoveKind.REDEEM, Unit.MILLIPOINTS, pairs(act.parts), act.account)


BUYS = act_kind("buy", 0x11, Buy, "account:20s shade:B gift:B", moves=spends, oldest_first=True)
UNDOS = act_kind("undo", 0x13, Undo, "of:Q", may_be_empty=True)
SIGNS = act_kind("sign", 0x12, Sign, "of:Q")
BUY = Buy(9, WHO, Shade.DARK, True, (Part(2024, 3), Part(2025, 1 << 63)), RESIDENT)
UNDO = Undo(9, 77, (), AGENT)
SIGN = Sign(9, 77, AGENT)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (BUYS, UNDOS, SIGNS):
        monkeypatch.setitem(BY_TYPE, kind.types[0], kind)
        monkeypatch.setitem(BY_ENTRY, kind.entry, kind)


def u64(value: int) -> bytes:
    return value.to_bytes(8, "big")


def test_bytes_are_fields_then_parts_then_tail() -> None:
    tail = RESIDENT.signer + u64(7) + u64(1_900_000_000) + RESIDENT.signature
    parts = (2024).to_bytes(2, "big") + u64(3) + (2025).to_bytes(2, "big") + u64(1 << 63)
    assert encode(BUY) == b"\x11" + u64(9) + WHO + b"\x02\x01\x02" + parts + tail
    assert encode(UNDO) == b"\x13" + u64(9) + u64(77) + b"\x00" + AGENT.signer + AGENT.signature
    assert (amount_of(BUY.parts), pairs(BUY.parts)) == (3 + (1 << 63), [(2024, 3), (2025, 1 << 63)])


@pytest.mark.parametrize("act", [BUY, UNDO, SIGN, replace(BUY, gift=False, shade=Shade.LIGHT)])
def test_an_act_is_read_as_it_was_written_and_in_no_other_spelling(act: Act) -> None:
    data = encode(act)
    assert decode(data) == act
    for wrong in (data[:-1], data + b"\0", data[:30]):
        with pytest.raises(CodecError):
            decode(wrong)


def test_places_of_fields_are_in_the_layout() -> None:
    assert BUYS.layout.at == {
        "type": 0, "time": 1, "account": 9, "shade": 29, "gift": 30, "parts_count": 31, "parts": 32,
    }  # fmt: skip
    assert BUYS.behind[0][1].at == {"signer": 0, "nonce": 20, "deadline": 28, "signature": 36}
    assert (SIGNS.layout.at["signer"], SIGNS.layout.at["signature"], SIGNS.layout.end) == (17, 37, 102)
    assert encode(SIGN)[SIGNS.layout.place["signature"]] == AGENT.signature


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (replace(BUY, parts=()), "1 to 32"),
        (replace(BUY, parts=tuple(Part(2008 + year, 1) for year in range(33))), "1 to 32"),
        (replace(BUY, parts=(Part(2025, 1), Part(2025, 1))), "ascending"),
        (replace(BUY, parts=(Part(2025, 1), Part(2024, 1))), "ascending"),
        (replace(BUY, parts=(Part(2025, 0),)), "more than nothing"),
        (replace(BUY, parts=(Part(2025, 1 << 64),)), "out of range"),
        (replace(BUY, account=WHO[:19]), "account has 20 bytes"),
        (replace(BUY, tail=replace(RESIDENT, signature=bytes(64))), "20 and 65"),
        (replace(BUY, tail=replace(RESIDENT, signer=bytes(21))), "20 and 65"),
        (replace(BUY, time=-1), "out of range"),
        (ModuleChange(9, 0x12, 0x11, WHO, HASH), "not after its last"),
        (ModuleChange(9, 0x10, 0x11, bytes(20), HASH), "an address and code"),
        (ModuleChange(9, 0x10, 0x11, WHO, bytes(32)), "an address and code"),
    ],
)
def test_an_act_that_contradicts_itself_is_not_written(wrong: Act, what: str) -> None:
    with pytest.raises(CodecError, match=what):
        encode(wrong)


@pytest.mark.parametrize(("at", "value"), [(29, 3), (29, 0), (30, 2), (31, 0), (31, 3), (31, 255)])
def test_bytes_that_no_act_has_are_not_read(at: int, value: int) -> None:
    data = bytearray(encode(BUY))
    data[at] = value
    with pytest.raises(CodecError):
        decode(bytes(data))


def test_an_act_moves_what_its_type_may_and_says_whom_it_is_about() -> None:
    books = Books()
    books.post(mint(books, WHO, 2025, 0, 10))
    assert BUYS.postings(replace(BUY, parts=(Part(2025, 4),)), books) == spends(replace(BUY, parts=(Part(2025, 4),)))
    assert (BUY.accounts(), UNDO.accounts()) == ((WHO,), ())
    wrong = act_kind("sign", 0x12, Buy, "account:20s shade:B gift:B", moves=spends)
    with pytest.raises(PostingError, match="0x12 moves nothing from HELD to REDEEMED"):
        wrong.postings(BUY, books)


def test_a_dataclass_whose_fields_are_not_its_bytes_is_no_kind() -> None:
    with pytest.raises(TypeError, match="shade"):
        act_kind("buy", 0x11, Buy, "account:20s gift:B shade:B")
    assert MODULE_CHANGES.layout.end == 63
