"""The ledger's tables of moves and buckets are the program's: `contracts/libraries/Moves.sol`, `Buckets.sol`."""

from __future__ import annotations

import re
from pathlib import Path

from chain_node.protocol.moves import BY_TYPE, WAYS, MoveKind
from chain_node.protocol.postings import Bucket, Side, Unit

LIBRARIES = Path(__file__).parents[2] / "contracts" / "libraries"
MOVES = (LIBRARIES / "Moves.sol").read_text("utf-8")
BUCKETS = list(Bucket)
"""In the order of their numbers."""


def constants(text: str) -> dict[str, int]:
    return {name: int(value) for name, value in re.findall(r"uint256 internal constant (\w+) = (\d+);", text)}


def bits(text: str) -> frozenset[MoveKind]:
    return frozenset(MoveKind[name] for name in re.findall(r"1 << (\w+)", text))


def test_moves_units_and_buckets_have_one_number() -> None:
    assert constants(MOVES) == {one.name: int(one) for one in (*Unit, *MoveKind)}
    found = constants((LIBRARIES / "Buckets.sol").read_text("utf-8"))
    assert found == {bucket.name: number for number, bucket in enumerate(BUCKETS)}


def test_a_move_goes_the_same_way() -> None:
    for name, side in (("_ORIGINS", 0), ("_TARGETS", 1)):
        table = re.search(rf'{name} = hex"([0-9a-f_]+)"', MOVES)
        assert table
        numbers = bytes.fromhex(table[1].replace("_", ""))
        assert numbers[0] == 0xFF
        assert {kind: BUCKETS[numbers[kind]] for kind in MoveKind} == {kind: way[side] for kind, way in WAYS.items()}
    sources = re.search(r"SOURCES = (.*);", MOVES)
    assert sources
    assert bits(sources[1]) == {
        kind for kind, (origin, _) in WAYS.items() if origin.side is Side.SOURCE and origin is not Bucket.BOOKED
    }


def test_a_type_may_make_the_same_moves() -> None:
    found = {
        int(code, 16): bits(moves)
        for code, moves in re.findall(r"if \(entryType == (0x[0-9A-F]{2})\) return (.*);", MOVES)
    }
    spans = re.findall(r"if \(entryType >= (0x\w\w) && entryType <= (0x\w\w)\) return (.*);", MOVES)
    for first, last, moves in spans:
        found |= dict.fromkeys(range(int(first, 16), int(last, 16) + 1), bits(moves))
    assert found == BY_TYPE
    body = MOVES[MOVES.index("function allowed") : MOVES.index("a posting's word")]
    assert body.count(" return ") == len(found) - sum(int(last, 16) - int(first, 16) for first, last, _ in spans)
