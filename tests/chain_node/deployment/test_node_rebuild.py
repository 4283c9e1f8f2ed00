"""The import phase's calls keep below the engine's limits; what is deployed fits together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from chain_node.archive.reader import ArchiveReader
from chain_node.contracts.handles import MODULES, NAMES, LuyaLedger
from chain_node.deployment.deploy import check_clock
from chain_node.deployment.import_phase import _cost, custodian_of, import_calls
from chain_node.deployment.plan import Seal, role_table
from chain_node.engine.base import Limits
from chain_node.errors import DeploymentError
from chain_node.protocol.entries import REFUSAL, Feed, Pause, Standing, encode
from chain_node.protocol.errors import CodecError
from chain_node.protocol.kinds.controllers import Custodian, CustodianState
from chain_node.rpc.client import JsonRpc

STORAGE_WORD = 22_100
"""Gas for 32 bytes of fresh storage."""


class Reader:
    """Entries, each by a call of its own."""

    def __init__(self, entries: list[bytes]) -> None:
        self._entries = entries
        self.size = len(entries)

    def call_rows(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(kind=0, first_index=index, count=1) for index in range(self.size)]

    def entries(self, start: int, stop: int) -> list[bytes]:
        return self._entries[start:stop]


def test_an_unassigned_type_is_not_imported() -> None:
    pause = encode(Pause(5, 0))
    reader = cast(ArchiveReader, Reader([pause, b"\x45" + pause[1:]]))
    with pytest.raises(CodecError, match="0x45 is not assigned"):
        list(import_calls(reader, LuyaLedger(None, bytes(20)), Seal(2, bytes(32)), Limits()))  # type: ignore[arg-type]


def test_the_custodian_of_a_log_is_its_last_one_also_where_that_was_disabled() -> None:
    first, second = bytes([1]) * 20, bytes([2]) * 20
    log = [Pause(5, 0), Custodian(5, first, CustodianState.ACTIVE), Custodian(6, second, CustodianState.ACTIVE)]
    ended = [*log, Custodian(7, second, CustodianState.NONE), Pause(8, 0)]
    for entries, wanted in ((log[:1], None), (log[:2], first), (log, second), (ended, second)):
        reader = cast(ArchiveReader, Reader([encode(entry) for entry in entries]))
        assert custodian_of(reader) == wanted


def test_an_act_of_many_parts_does_not_run_out_of_gas() -> None:
    """32 parts, each of which changes an older balance, a bucket's total and a vintage's, and is told."""
    part = 35_000
    order = 9 + 20 + 4 + 2 + 8 + 8 + 32 + 8 + 8 + 8 + (1 + 32 * 10) + 20 + 8 + 8 + 65
    assert _cost(0x11, order) >= 32 * part + 200_000
    assert _cost(0x43, 100) < _cost(0x11, 100), "the law's entries have a bound of their own"
    assert _cost(REFUSAL, 21) < 50_000


class Clock:
    """A chain whose newest block has a time."""

    def __init__(self, now: int) -> None:
        self._block = {"timestamp": hex(now)}

    def call(self, *_: object) -> dict[str, str]:
        return self._block


def test_a_chain_whose_clock_is_behind_is_not_sealed() -> None:
    seal = Seal(2, bytes(32), 1_000)
    for now in (1_000, 1_001):
        check_clock(cast(JsonRpc, Clock(now)), seal)
    with pytest.raises(DeploymentError, match=r"newest block is of 999, .* entry of 1000.*luya rebuild"):
        check_clock(cast(JsonRpc, Clock(999)), seal)
    check_clock(cast(JsonRpc, Clock(5)), Seal())


def test_large_feeds_do_not_run_out_of_gas() -> None:
    signers = tuple(bytes([n]) * 20 for n in range(1, 33))
    feed = Feed(0, 1, 1, 1, 17, signers, 63, 1, 1, tuple(range(1, 65)), Standing.ACTIVE)
    entry = encode(feed)
    reader = cast(ArchiveReader, Reader([entry] * 60))
    calls = list(import_calls(reader, LuyaLedger(None, bytes(20)), Seal(60, bytes(32)), Limits()))  # type: ignore[arg-type]
    stored = -(-len(entry) // 32) * STORAGE_WORD
    assert sum(call.data.count(entry) for call in calls) == 60
    for call in calls:
        assert call.data.count(entry) * stored * 5 // 4 <= call.gas


def test_the_role_table_is_about_what_is_deployed() -> None:
    """A contract that the deployment does not know could not be given its permissions."""
    assert set(role_table()["functions"]) <= {*NAMES, *MODULES}


def test_no_two_modules_own_a_type() -> None:
    types = [code for ranges in MODULES.values() for first, last in ranges for code in range(first, last + 1)]
    assert len(types) == len(set(types))
    assert not set(types) & {*range(0x01, 0x05), *range(0x40, 0x45), 0x46, 0x47, 0x50}
