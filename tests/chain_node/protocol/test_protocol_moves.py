"""The moves and who may make them: the table in docs/protocol.md is the program's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chain_node.protocol.books import check_posting
from chain_node.protocol.errors import PostingError
from chain_node.protocol.kinds import KINDS
from chain_node.protocol.kinds.act import Act
from chain_node.protocol.moves import BY_TYPE, NUMBER, WAYS, MoveKind, check_moves, posted
from chain_node.protocol.postings import DEBT, NOBODY, Bucket, Posting, Side, Unit

DOCUMENT = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text("utf-8")
WHO = bytes([1]) * 20


def name(kind: MoveKind) -> str:
    return kind.name.lower().replace("_", " ")


def test_the_document_has_every_move_with_its_number() -> None:
    cells = re.findall(r"\| (\d+) \| ([a-z ]+) \| ([a-z_]+) → ([a-z_]+) (?=\|)", DOCUMENT)
    found = {int(number): (what, origin, target) for number, what, origin, target in cells}
    wanted = {int(kind): (name(kind), *(bucket.name.lower() for bucket in WAYS[kind])) for kind in MoveKind}
    assert found == wanted
    assert sorted(found) == list(range(1, 32))


def test_the_document_says_which_types_make_which_moves() -> None:
    found: dict[int, set[str]] = {}
    for first, last, moves in re.findall(r"\| (0x[0-9A-F]{2})(?: – (0x[0-9A-F]{2}))? \| ([a-z, ]+) (?=\|)", DOCUMENT):
        for code in range(int(first, 16), int(last or first, 16) + 1):
            found[code] = set(moves.split(", "))
    assert found == {code: {name(kind) for kind in kinds} for code, kinds in BY_TYPE.items()}


def test_no_two_moves_go_the_same_way_and_a_refund_alone_takes_from_a_sink() -> None:
    assert len(NUMBER) == len(WAYS) == len(MoveKind)
    assert [kind for kind, (origin, _) in WAYS.items() if origin.side is Side.SINK] == [MoveKind.REFUND]
    assert not [kind for kind, (_, target) in WAYS.items() if target.side is Side.SOURCE]


@pytest.mark.parametrize("kind", MoveKind)
def test_a_type_makes_its_own_moves_alone(kind: MoveKind) -> None:
    vintage = DEBT if kind in (MoveKind.BOOK, MoveKind.WAIVE) else 2025
    posts = posted(kind, Unit.CREDITS, [(vintage, 5)], WHO, WHO)
    assert posts == [Posting(Unit.CREDITS, vintage, *WAYS[kind], 5, WHO, WHO)]
    check_posting(posts[0])
    for code in range(256):
        if kind in BY_TYPE.get(code, ()):
            check_moves(code, posts)
        else:
            with pytest.raises(PostingError, match=f"0x{code:02x} moves nothing from {WAYS[kind][0].name}"):
                check_moves(code, posts)


def test_no_act_meets_a_debt_by_itself_or_mints() -> None:
    assert not BY_TYPE.keys() & {code for kind in KINDS if not issubclass(kind.entry, Act) for code in kind.types}
    minting = {MoveKind.ISSUE, MoveKind.BONUS, MoveKind.REVOKE, MoveKind.BOOK}
    assert not minting & {kind for kinds in BY_TYPE.values() for kind in kinds}
    with pytest.raises(PostingError):
        check_moves(0x52, [Posting(Unit.CREDITS, DEBT, Bucket.OWED, Bucket.MET, 1, WHO, NOBODY)])
