"""A bundle's JSON has one spelling; a member that is not what it should be is named."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_node.protocol import bundle_json as form
from chain_node.protocol.errors import BundleError

WHOLE: dict[str, Any] = {
    "attestation": {
        "config_digest": "",
        "count": 1,
        "feed": 1,
        "first_sequence": 0,
        "path": "",
        "position": 0,
        "records_root": "",
        "signatures": [],
    },
    "domain": {"chain_id": 1, "genesis_nonce": "", "ledger": "", "origin": "", "salt": ""},
    "entry": "",
    "format": form.FORMAT,
    "hints": {},
    "index": 0,
    "law": {"feed": {"entry": "", "index": 0, "proof": ""}, "method": {"entry": "", "index": 0, "proof": ""}},
    "proof": "",
}


def test_what_is_written_is_read() -> None:
    assert form.parse(form.canonical(WHOLE)) == WHOLE
    opened = {**WHOLE, "evidence": {"raw": {}, "salt": ""}}
    assert form.parse(form.canonical(opened)) == opened


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b" " * (form.MAX_BYTES + 1), "at most 1048576 bytes"),
        (b"\xff", "not a JSON document"),
        (b"[" * 200_000, "nested more than 64 deep"),
        (b'{"a":' * 100_000, "nested more than 64 deep"),
        (b'"\\"' * 100_000 + b"[" * 100_000, "nested more than 64 deep|not a JSON document"),
        (b"[]\n", "format is not"),
        (form.canonical({**WHOLE, "format": "luya-bundle@v2"}), "format is not"),
        (json.dumps(WHOLE).encode(), "not in canonical form"),
        (form.canonical(WHOLE)[:-1], "not in canonical form"),
        (form.canonical({**WHOLE, "more": 1}), "the document does not have exactly the members attestation, domain"),
        (form.canonical({**WHOLE, "law": {"feed": {}}}), "law does not have exactly the members feed, method"),
        (form.canonical({**WHOLE, "evidence": {"salt": ""}}), "evidence does not have exactly the members raw, salt"),
        (form.canonical({**WHOLE, "domain": []}), "domain does not have exactly"),
        (form.canonical({**WHOLE, "hints": None}), "hints is not an object"),
    ],
)
def test_another_document_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        form.parse(data)


@pytest.mark.parametrize(("depth", "passes"), [(62, True), (63, False), (200, False)])
def test_hints_may_nest_but_not_without_end(depth: int, passes: bool) -> None:
    """Where a library has raised the recursion limit, too; brackets in texts and beside each other don't count."""
    deep: list[Any] = []
    for _ in range(depth - 1):
        deep = [deep]
    data = form.canonical({**WHOLE, "hints": {"many": "[" * 1_000}, "domain": {**WHOLE["domain"], "origin": ']\\"['}})
    assert form.parse(data)
    data = form.canonical({**WHOLE, "hints": {"deep": deep, "flat": [[]] * 1_000}})
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)  # as py_ecc does
    try:
        if passes:
            assert form.parse(data)["hints"]["deep"] == deep
        else:
            with pytest.raises(BundleError, match="nested more than 64 deep"):
                form.parse(data)
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize("value", [-1, 1.0, True, "1", None])
def test_a_number_is_an_integer_of_0_or_more(value: object) -> None:
    with pytest.raises(BundleError, match="count is not a non-negative integer"):
        form.number({"count": value}, "count")


@pytest.mark.parametrize("value", ["A0", "0", "0x00", "00 ", "０0", 7])
def test_hex_is_lower_case_and_whole(value: object) -> None:
    with pytest.raises(BundleError, match=r"salt is not (lower-case hex|text)"):
        form.hexadecimal({"salt": value}, "salt")


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=5))
def test_hashes_go_there_and_back(hashes: list[bytes]) -> None:
    assert form.decode64({"path": form.encode64(hashes)}, "path") == hashes


@pytest.mark.parametrize("value", ["!", "AAA", "AAAA", "QUI=", form.encode64([bytes(32)]) + "\n"])
def test_what_is_no_whole_hashes_in_their_one_spelling_is_refused(value: str) -> None:
    with pytest.raises(BundleError, match=r"path is not (canonical )?base64"):
        form.decode64({"path": value}, "path")
