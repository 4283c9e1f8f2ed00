"""The fast canonical JSON is the protocol's, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_node.protocol import records
from oracle.intake.canonical import canonical

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)


@given(st.dictionaries(TEXT, TEXT, max_size=8))
def test_it_is_rfc_8785(raw: dict[str, str]) -> None:
    assert canonical(raw) == records.canonical(raw)


def test_every_character_that_json_escapes_or_that_sorts_oddly() -> None:
    for code in [*range(0x100), 0x2028, 0x2029, 0xD7FF, 0xE000, 0xFB33, 0xFFFD, 0x10000, 0x1F600, 0x10FFFF]:
        raw = {chr(code): chr(code), "\ufb33": "a", "\U0001f600": "b", "é": "c"}
        assert canonical(raw) == records.canonical(raw), hex(code)


def test_half_a_surrogate_pair_has_no_form() -> None:
    for raw in ({"a": "\ud800"}, {"\udfff": "a"}):
        with pytest.raises(UnicodeEncodeError):
            canonical(raw)
