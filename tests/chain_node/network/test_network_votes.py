"""What the council is asked: the calls, and that what is so already is not asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from network_support import part

from chain_node.errors import NetworkError
from chain_node.network.genesis import COUNCIL
from chain_node.network.votes import (
    Call,
    Governance,
    Member,
    Validator,
    admit,
    cancel,
    describe,
    expel,
    flags_of,
    let_in,
    replace_key,
    set_open_sending,
    set_threshold,
    set_times,
    weigh,
)


def _governance(count: int, threshold: int) -> Governance:
    parts = [part(n) for n in range(1, count + 1)]
    return Governance(
        members=tuple(Member(one.member_address, one.organisation, one.name) for one in parts),
        threshold=threshold,
        delay=0,
        lifetime=3600,
        validators=tuple(Validator(bytes.fromhex(one.validator_key), 10, one.organisation) for one in parts),
        nodes=tuple((bytes.fromhex(one.node_id), one.organisation) for one in parts),
        deployers=(),
        open_sending=False,
    )


FOUR = _governance(4, 3)


def test_admit() -> None:
    five = part(5)
    assert describe(admit(FOUR, five)) == [
        f"Council.setMember(account={five.member}, organisation=5, name='机构 5', threshold=4)",
        f"Permissions.setPermission(account={five.member}, flags=1)",
        f"Validators.listNode(id=0x{five.node_id}, organisation=5)",
    ]
    assert admit(_governance(5, 4), five) == []
    assert "threshold=5" in describe(admit(FOUR, five, 5))[0]


@pytest.mark.parametrize(
    ("members", "threshold", "expected"),
    [(4, 3, 4), (4, 4, 4), (5, 4, 4), (6, 4, 5), (7, 5, 6), (6, 6, 6), (1, 1, 2), (2, 2, 2), (3, 2, 3), (3, 3, 3)],
)
def test_the_threshold_follows_the_members_unless_it_was_chosen(members: int, threshold: int, expected: int) -> None:
    said = describe(admit(_governance(members, threshold), part(members + 1)))[0]
    assert f"threshold={expected})" in said


def test_expel() -> None:
    four = part(4)
    assert describe(expel(FOUR, 4)) == [
        f"Validators.setValidator(key=0x{four.validator_key}, power=0, organisation=4)",
        f"Validators.unlistNode(id=0x{four.node_id})",
        f"Permissions.setPermission(account={four.member}, flags=0)",
        "Council.removeMember(organisation=4, threshold=2)",
    ]
    with pytest.raises(NetworkError, match="not a member"):
        expel(FOUR, 9)
    twice = replace(FOUR, validators=(*FOUR.validators, Validator(b"\x01" * 32, 10, 4)))
    with pytest.raises(NetworkError, match="has 2 validators"):
        expel(twice, 4)
    crowded = replace(FOUR, nodes=tuple((bytes([n]) * 20, 4) for n in range(1, 15)))
    with pytest.raises(NetworkError, match="too many nodes"):
        expel(crowded, 4)


@pytest.mark.parametrize("count", [2, 3])
def test_a_validator_whose_absence_stops_the_chain_goes_first(count: int) -> None:
    now = _governance(count, 2)
    (only,) = expel(now, count)
    assert describe([only]) == [
        f"Validators.setValidator(key=0x{part(count).validator_key}, power=0, organisation={count})"
    ]
    rest = expel(replace(now, validators=now.validators[:-1]), count)
    assert [line.partition("(")[0] for line in describe(rest)] == [
        "Validators.unlistNode",
        "Permissions.setPermission",
        "Council.removeMember",
    ]


def test_weigh() -> None:
    key, new = bytes.fromhex(part(1).validator_key), b"\x09" * 32
    assert weigh(FOUR, key, 10) == []
    assert describe(weigh(FOUR, key, 12)) == [f"Validators.setValidator(key=0x{key.hex()}, power=12, organisation=1)"]
    assert describe(weigh(FOUR, new, 10, 2)) == [
        f"Validators.setValidator(key=0x{new.hex()}, power=10, organisation=2)"
    ]
    assert weigh(FOUR, new, 0) == []
    with pytest.raises(NetworkError, match="which organisation"):
        weigh(FOUR, new, 10)
    with pytest.raises(NetworkError, match="organisation 1's, not 2's"):
        weigh(FOUR, key, 12, 2)


def test_nodes() -> None:
    node, new = bytes.fromhex(part(1).node_id), b"\x09" * 20
    assert let_in(FOUR, node, 1) == []
    assert let_in(FOUR, new, 0) == []
    assert describe(let_in(FOUR, node, 0)) == [f"Validators.unlistNode(id=0x{node.hex()})"]
    assert describe(let_in(FOUR, new, 2)) == [f"Validators.listNode(id=0x{new.hex()}, organisation=2)"]
    with pytest.raises(NetworkError, match="organisation 1's"):
        let_in(FOUR, node, 2)


def test_words() -> None:
    calls = [
        replace_key(b"\x01" * 32, b"\x02" * 32),
        set_open_sending(True),
        set_threshold(3),
        set_times(60, 7200),
        cancel(b"\x03" * 32),
        Call(b"\x04" * 20, b"\x05\x06"),
        Call(COUNCIL, bytes.fromhex("deadbeef")),
    ]
    assert describe(calls) == [
        f"Validators.replaceKey(oldKey=0x{'01' * 32}, newKey=0x{'02' * 32})",
        "Permissions.setOpenSending(open=true)",
        "Council.setThreshold(threshold=3)",
        "Council.setTimes(delay=60, lifetime=7200)",
        f"Council.cancel(id=0x{'03' * 32})",
        f"0x{'04' * 20}: 0x0506",
        f"0x{COUNCIL.hex()}: 0xdeadbeef",
    ]


def test_rights() -> None:
    assert [flags_of(word) for word in ("none", "send", "deploy")] == [0, 1, 3]
    with pytest.raises(NetworkError, match="unknown right"):
        flags_of("all")
