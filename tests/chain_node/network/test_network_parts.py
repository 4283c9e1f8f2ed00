"""Public parts, terms and charters: what they refuse, and that the same parts are the same network."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from network_support import part

from chain_node.errors import NetworkError
from chain_node.network.parts import (
    Charter,
    FoundingTerms,
    default_threshold,
    is_ed25519_key,
    load_charter,
    load_part,
    save,
    slug,
)

NOW = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"organisation": 0}, "number"),
        ({"organisation": 2**32}, "number"),
        ({"name": ""}, "1 … 32 bytes"),
        ({"name": " bank"}, "1 … 32 bytes"),
        ({"name": "银行银行银行银行银行银"}, "1 … 32 bytes"),
        ({"name": "a\0b"}, "NUL"),
        ({"member": "0x" + "A" * 40}, "lower case"),
        ({"member": "a" * 40}, "member"),
        ({"node_id": "a" * 39}, "node_id"),
        ({"validator_key": "0x" + "a" * 62}, "validator_key"),
        ({"endpoint": "127.0.0.1"}, "host:port"),
        ({"endpoint": "127.0.0.1:0"}, "host:port"),
        ({"endpoint": "127.0.0.1:65536"}, "host:port"),
        ({"endpoint": "a b:1"}, "host:port"),
        ({"power": 0}, "power"),
        ({"power": 1001}, "power"),
    ],
)
def test_a_part_is_whole(change: dict[str, Any], said: str) -> None:
    with pytest.raises(NetworkError, match=said):
        part(1, **change)


@pytest.mark.parametrize("endpoint", ["node.example.org:26656", "[::1]:26656", "10.0.0.1:1"])
def test_endpoints(endpoint: str) -> None:
    assert part(1, endpoint=endpoint).peer == f"{part(1).node_id}@{endpoint}"


@pytest.mark.parametrize("what", ["organisation", "name", "member", "node_id", "validator_key", "endpoint"])
def test_no_two_share_anything(what: str) -> None:
    twin = part(2, **{what: getattr(part(1), what)})
    with pytest.raises(NetworkError, match=f"same {what}"):
        Charter.of([part(1), twin], FoundingTerms(), now=NOW)


def test_the_same_parts_are_the_same_network() -> None:
    first = Charter.of([part(1), part(2)], FoundingTerms(), now=NOW)
    assert first == Charter.of([part(2), part(1)], FoundingTerms(), now=NOW)
    assert 2**32 <= first.chain_id < 2**53
    others = [
        Charter.of([part(1), part(2, power=11)], FoundingTerms(), now=NOW),
        Charter.of([part(1), part(2)], FoundingTerms(delay=1), now=NOW),
        Charter.of([part(1), part(2)], FoundingTerms(), now=datetime(2026, 2, 1, tzinfo=UTC)),
    ]
    assert len({first.chain_id, *(other.chain_id for other in others)}) == 4


def test_a_charter_survives_its_file(tmp_path: Path) -> None:
    terms = FoundingTerms(threshold=2, delay=3600, deployers=("0x" + "a" * 40,), senders=("0x" + "b" * 40,))
    charter = Charter.of([part(1), part(2)], terms, now=NOW)
    save(tmp_path / "charter.json", charter.to_json())
    assert load_charter(tmp_path / "charter.json") == charter


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"delay": 30 * 86_400 + 1}, "30 days"),
        ({"delay": 3600, "lifetime": 7199}, "lives an hour more"),
        ({"lifetime": 366 * 86_400}, "365 days"),
        ({"deployers": ("0x12",)}, "no address"),
        ({"senders": ("a" * 40,)}, "no address"),
    ],
)
def test_terms_are_bounded(terms: dict[str, Any], said: str) -> None:
    with pytest.raises(NetworkError, match=said):
        FoundingTerms(**terms)


def test_a_voting_key_creates_no_contracts() -> None:
    with pytest.raises(NetworkError, match="another key create"):
        Charter.of([part(1)], FoundingTerms(deployers=(part(1).member,)), now=NOW)


def test_the_default_threshold_is_two_thirds_and_more_than_half() -> None:
    assert [default_threshold(n) for n in range(1, 8)] == [1, 2, 2, 3, 4, 4, 5]
    assert all(n < 2 * default_threshold(n) and default_threshold(n) <= n for n in range(1, 65))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read"),
        ("[]", "expected a JSON object"),
        ("{}", "not what `luya network` writes"),
        (json.dumps({"organisation": "one"}), "not what"),
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "public.json"
    path.write_text(text)
    with pytest.raises(NetworkError, match=said):
        load_part(path)
    with pytest.raises(NetworkError, match=str(path)):
        load_charter(path)
    with pytest.raises(NetworkError, match="is not there"):
        load_part(tmp_path / "other.json")


def test_names_as_folders() -> None:
    assert [slug(name) for name in ("Green Bank", "地铁 集团", "../..", "a/b")] == [
        "green-bank",
        "地铁-集团",
        "organisation",
        "a-b",
    ]


def test_which_bytes_are_a_key() -> None:
    """RFC 8032, section 7.1: the public keys of its tests."""
    for text in (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    ):
        assert is_ed25519_key(bytes.fromhex(text))
    assert is_ed25519_key(b"\x01" + bytes(31)), "the neutral element"
    assert not is_ed25519_key(b"\x02" + bytes(31)), "x² is no square"
    assert not is_ed25519_key((2**255 - 19 + 1).to_bytes(32, "little")), "the neutral element, written another way"
    assert not is_ed25519_key(bytes(31))
