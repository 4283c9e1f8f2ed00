"""The registry of kinds, and the names of their fields' places."""

from __future__ import annotations

from typing import get_args

import pytest

from chain_node.protocol.entries import KINDS, Act, Entry, Pause, Reduction, Revocation, encode
from chain_node.protocol.kinds import BY_ENTRY, BY_TYPE
from chain_node.protocol.records import Record

RECORD = Record(bytes(range(20)), 1, 2, 3, 4, 0, 5, bytes(32))


def test_every_member_of_the_union_is_a_registered_kind_and_no_type_byte_has_two() -> None:
    assert {kind.entry for kind in KINDS} == set(BY_ENTRY)
    assert {Act if issubclass(kind.entry, Act) else kind.entry for kind in KINDS} == set(get_args(Entry))
    assert len(BY_TYPE) == sum(len(kind.types) for kind in KINDS)


@pytest.mark.parametrize(
    ("entry", "field", "after", "value"),
    [
        (Reduction(9, 7, 8, RECORD, 10, 11, 12), "feed", "sequence", (7).to_bytes(2, "big")),
        (Reduction(9, 7, 8, RECORD, 10, 11, 12), "record", "credits", RECORD.encode()),
        (Reduction(9, 7, 8, RECORD, 10, 11, 12, bytes(32)), "bonus", None, (12).to_bytes(8, "big")),
        (Revocation(9, 5, 2, bytes(32), True, 1, 2, 3, 4), "release", "credits_burned", b"\x01"),
        (Pause(9, 77), "until", None, (77).to_bytes(8, "big")),
    ],
)
def test_a_layout_names_the_place_of_a_field(entry: Entry, field: str, after: str | None, value: bytes) -> None:
    layout = BY_ENTRY[type(entry)].layout
    end = layout.end if after is None else layout.at[after]
    assert encode(entry)[layout.at[field] : end] == value
