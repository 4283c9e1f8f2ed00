"""The Solidity offsets are the Python kinds', and nobody else keeps offsets of his own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from chain_node.protocol.entries import LOG_KEY, PAUSE, layout_of
from chain_node.protocol.kinds import BY_TYPE
from chain_node.protocol.kinds.accounts import Account
from chain_node.protocol.layout import Layout

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "contracts" / "libraries" / "EntryLayout.sol"
GENERATOR = [sys.executable, str(ROOT / "scripts" / "entry_layout.py")]
READ_BY_NUMBER = re.compile(
    r"\.(?:u8|u16|u32|u64|addr|word)\(\d+\)|\b(?:mload|mstore8?|calldatacopy)\(add\(\w+, (?!32\)|0x20\))(?:\d|0x)"
)
"""A field read or written at a bare number, in Solidity or in its assembly."""
SLICED_BY_NUMBER = re.compile(r"\b(?:entry|own|body|record|target|leaf)\[(?:\d*:\d+|\d+:)\]")
LAYOUT_CODES = re.compile(r'Struct\(">BQ')


def test_the_library_is_what_the_kinds_say() -> None:
    done = subprocess.run([*GENERATOR, "--check"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_library_that_says_something_else_is_found(tmp_path: Path) -> None:
    other = tmp_path / "EntryLayout.sol"
    other.write_text(
        LIBRARY.read_text("utf-8").replace("REDUCTION_RECORD_AT = 19", "REDUCTION_RECORD_AT = 20"), "utf-8"
    )
    command = [*GENERATOR, "--check", "--file", str(other)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "scripts/entry_layout.py" in done.stderr
    subprocess.run([*GENERATOR, "--file", str(other)], cwd=ROOT, check=True, timeout=60)
    assert other.read_bytes() == LIBRARY.read_bytes()


def test_the_library_has_the_protocols_numbers() -> None:
    """A few, from docs/protocol.md by hand: the generator and the kinds could be wrong together."""
    text = LIBRARY.read_text("utf-8")
    found = dict(re.findall(r"constant (\w+) = (\w+);", text))
    wanted = {
        "REDUCTION_BYTES": 107, "REDUCTION_WITH_NULLIFIER_BYTES": 139, "REDUCTION_CREDITS_AT": 83,
        "REDUCTION_NULLIFIER_AT": 107, "REFUSAL_RULE_SHIFT": 88, "REVOCATION_MILLIPOINTS_OWED_AT": 76,
        "FEED_SIGNERS_AT": 19, "FEED_BOUNDS_METHODS_AT": 18, "METHOD_PAIRS_AT": 55, "METHOD_TAIL_TEXT_AT": 5,
        "PAUSE_BYTES": 18, "LOG_KEY_BYTES": 42, "RECORD_DAY_SHIFT": 64,
    }  # fmt: skip
    assert {name: int(found[name], 0) for name in wanted} == wanted
    assert {code: int(found[BY_TYPE[code].name.upper().replace(" ", "_")], 0) for code in (PAUSE, LOG_KEY)} == {
        PAUSE: 0x46,
        LOG_KEY: 0x47,
    }


@pytest.mark.parametrize("path", sorted((ROOT / "contracts").rglob("*.sol")), ids=lambda path: path.name)
def test_no_contract_reads_a_field_at_a_bare_number(path: Path) -> None:
    if "test" in path.parts or path.name in ("Rfc6962.sol", "KeccakTree.sol", "LedgerBalances.sol"):
        return  # of hashes' and events' buffers, not of entries
    assert READ_BY_NUMBER.findall(path.read_text("utf-8")) == []


@pytest.mark.parametrize("room", ["chain_node", "oracle", "api", "luya"])
def test_no_room_slices_an_entry_at_bare_numbers(room: str) -> None:
    found = []
    for path in sorted((ROOT / room).rglob("*.py")):
        if "gateway" in path.parts:
            continue  # the door knows no entries
        text = path.read_text("utf-8")
        found += [f"{path.name}: {one}" for one in SLICED_BY_NUMBER.findall(text)]
        found += [f"{path.name}: {one}" for one in LAYOUT_CODES.findall(text)]
    assert found == []


def test_a_layout_gives_places_and_skips_fields() -> None:
    layout = Layout("type:B who:4s list:", start=2)
    assert (layout.at, layout.end) == ({"type": 2, "who": 3, "list": 7}, 7)
    assert layout.place == {"type": slice(2, 3), "who": slice(3, 7), "list": slice(7, 7)}
    assert layout.without("who").unpack(b"\x05\xff\xff\xff\xff") == (5,)
    assert layout_of(Account).place["account"] == slice(9, 29)
