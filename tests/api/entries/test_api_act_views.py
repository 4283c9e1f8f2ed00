"""An act's answer is made of its dataclass: bytes as hex, states by name, parts and tails by their fields."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import pytest
from kinds_script import HASH, WHO

from api.entries import decoded, schemas
from chain_node.protocol.kinds import BY_ENTRY, BY_TYPE
from chain_node.protocol.kinds.act import Act, AgentTail, Part, ResidentTail, SerialPart, act_kind
from chain_node.protocol.kinds.modules import ModuleChange


class Colour(IntEnum):
    """A state of two words."""

    DARK_RED = 2


@dataclass(frozen=True, slots=True)
class Painted(Act):
    """A resident's act with everything that a field may be."""

    account: bytes
    colour: Colour
    gift: bool
    small: int
    large: int
    text: bytes
    parts: tuple[Part, ...]
    tail: ResidentTail


@dataclass(frozen=True, slots=True)
class Looked(Act):
    """An agent's act without parts."""

    of: int
    tail: AgentTail


@dataclass(frozen=True, slots=True)
class Numbered(Act):
    """An act whose parts have serials, and a text of some width."""

    note: bytes
    parts: tuple[SerialPart, ...]


PAINTED = act_kind("resident's paint", 0x3E, Painted, "account:20s colour:B gift:B small:I large:Q text:32s")
LOOKED = act_kind("look", 0x3F, Looked, "of:Q")
NUMBERED = act_kind("numbered", 0x3D, Numbered, "note:3s")
SIGNATURE = bytes([4]) * 65
ACTS: list[tuple[Act, dict[str, object]]] = [
    (
        Painted(
            9, WHO, Colour.DARK_RED, True, 7, 1 << 60, HASH, (Part(2024, 3), Part(2025, 1 << 60)),
            ResidentTail(WHO, 5, 1 << 62, SIGNATURE),
        ),
        {
            "type": "residents-paint", "time": 9, "account": f"0x{WHO.hex()}", "colour": "dark-red", "gift": True,
            "small": 7, "large": str(1 << 60), "text": HASH.hex(),
            "parts": [{"vintage": 2024, "amount": 3}, {"vintage": 2025, "amount": str(1 << 60)}],
            "tail": {
                "signer": f"0x{WHO.hex()}", "nonce": 5, "deadline": str(1 << 62), "signature": SIGNATURE.hex(),
            },
        },
    ),
    (
        Looked(9, 77, AgentTail(WHO, SIGNATURE)),
        {
            "type": "look", "time": 9, "of": 77,
            "tail": {"signer": f"0x{WHO.hex()}", "signature": SIGNATURE.hex()},
        },
    ),
    (
        Numbered(9, b"abc", (SerialPart(2025, 0, 7, 1 << 60),)),
        {
            "type": "numbered", "time": 9, "note": b"abc".hex(),
            "parts": [{"vintage": 2025, "method": 0, "first": 7, "amount": str(1 << 60)}],
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("act", "wanted"), ACTS, ids=lambda one: type(one).__name__)
def test_every_field_is_answered(act: Act, wanted: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    kind = {Painted: PAINTED, Looked: LOOKED, Numbered: NUMBERED}[type(act)]
    monkeypatch.setitem(BY_TYPE, kind.types[0], kind)
    monkeypatch.setitem(BY_ENTRY, kind.entry, kind)
    monkeypatch.setitem(schemas.ACT_VIEWS, kind.entry, schemas._act_view(kind))
    shown = decoded.view(kind.encode(act))
    assert shown.model_dump(mode="json") == wanted
    # what it says of itself is what it answers
    model = type(shown)
    assert model.model_validate(wanted).model_dump(mode="json") == wanted
    assert model.model_json_schema()["properties"].keys() == wanted.keys()


def test_a_module_change_is_public_and_about_nobody() -> None:
    change = ModuleChange(9, 0x10, 0x13, WHO, HASH)
    shown = decoded.view(BY_ENTRY[ModuleChange].encode(change)).model_dump(mode="json")
    assert shown == {
        "type": "module-change", "time": 9, "first": 16, "last": 19, "module": f"0x{WHO.hex()}",
        "code_hash": HASH.hex(),
    }  # fmt: skip
    assert 0x50 in decoded.PUBLIC_TYPES
    assert change.accounts() == ()
