"""What the council is asked: the calls, and that what is so already is not asked for."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from network_support import part

from chain_node.errors import NetworkError
from chain_node.network.genesis import COUNCIL
from chain_node.network.votes import (
    Governance,
    Member,
    Validator,
    VoteCall,
    admit,
    cancel,
    describe,
    expel,
    flags_of,
    let_in,
    replace_key,
    rotate,
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
        f"Council.setMember(account={five.member}, organisation=5, name='机构 5', threshold=0)",
        f"Permissions.setPermission(account={five.member}, flags=1)",
        f"Validators.listNode(id=0x{five.node_id}, organisation=5)",
    ]
    assert admit(_governance(5, 4), five) == []
    assert "threshold=5" in describe(admit(FOUR, five, 5))[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"organisation": 2}, "organisation 2 ('机构 2'"),
        ({"member": part(3).member}, "organisation 3 ('机构 3'"),
        ({"name": "机构 4"}, "organisation 4 ('机构 4'"),
        ({"validator_key": "02" + "00" * 31}, "no Ed25519 public key"),
    ],
)
def test_a_newcomer_takes_nobodys_place(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(NetworkError, match=re.escape(said)):
        admit(FOUR, part(5, **changes))


def test_a_newcomers_node_is_taken_over_from_whoever_listed_it() -> None:
    five = part(5)
    squatted = replace(FOUR, nodes=(*FOUR.nodes, (bytes.fromhex(five.node_id), 2)))
    assert describe(admit(squatted, five))[-1] == f"Validators.listNode(id=0x{five.node_id}, organisation=5)"


def test_a_key_that_votes_creates_no_contracts() -> None:
    five = part(5)
    with pytest.raises(NetworkError, match="may create contracts"):
        admit(replace(FOUR, deployers=(five.member_address,)), five)


def test_expel() -> None:
    four = part(4)
    assert describe(expel(FOUR, 4)) == [
        f"Validators.setValidator(key=0x{four.validator_key}, power=0, organisation=4)",
        "Validators.unlistNodes(organisation=4)",
        f"Permissions.setPermission(account={four.member}, flags=0)",
        "Council.removeMember(organisation=4, threshold=0)",
    ]
    with pytest.raises(NetworkError, match="not a member"):
        expel(FOUR, 9)
    twice = replace(FOUR, validators=(*FOUR.validators, Validator(b"\x01" * 32, 10, 4)))
    with pytest.raises(NetworkError, match="has 2 validators"):
        expel(twice, 4)


@pytest.mark.parametrize("count", [2, 3])
def test_a_validator_whose_absence_stops_the_chain_goes_first(count: int) -> None:
    now = _governance(count, 2)
    (only,) = expel(now, count)
    assert describe([only]) == [
        f"Validators.setValidator(key=0x{part(count).validator_key}, power=0, organisation={count})"
    ]
    rest = expel(replace(now, validators=now.validators[:-1]), count)
    assert [line.partition("(")[0] for line in describe(rest)] == [
        "Validators.unlistNodes",
        "Permissions.setPermission",
        "Council.removeMember",
    ]


def test_weigh() -> None:
    key, new = bytes.fromhex(part(1).validator_key), bytes.fromhex(part(9).validator_key)
    assert weigh(FOUR, key, 10) == []
    assert describe(weigh(FOUR, key, 12)) == [f"Validators.setValidator(key=0x{key.hex()}, power=12, organisation=1)"]
    assert describe(weigh(FOUR, new, 10, 2)) == [
        f"Validators.setValidator(key=0x{new.hex()}, power=10, organisation=2)"
    ]
    assert weigh(FOUR, new, 0) == []
    with pytest.raises(NetworkError, match="which organisation"):
        weigh(FOUR, new, 10)
    with pytest.raises(NetworkError, match="no Ed25519 public key"):
        weigh(FOUR, b"\x02" + bytes(31), 10, 2)
    with pytest.raises(NetworkError, match="organisation 1's, not 2's"):
        weigh(FOUR, key, 12, 2)


def test_nodes() -> None:
    node, new = bytes.fromhex(part(1).node_id), b"\x09" * 20
    assert let_in(FOUR, node, 1) == []
    assert let_in(FOUR, new, 0) == []
    assert describe(let_in(FOUR, node, 0)) == [f"Validators.unlistNode(id=0x{node.hex()})"]
    assert describe(let_in(FOUR, new, 2)) == [f"Validators.listNode(id=0x{new.hex()}, organisation=2)"]
    assert describe(let_in(FOUR, node, 2)) == [f"Validators.listNode(id=0x{node.hex()}, organisation=2)"]


def test_rotate() -> None:
    old, new = bytes.fromhex(part(1).validator_key), bytes.fromhex(part(9).validator_key)
    assert describe(rotate(FOUR, old, new)) == [f"Validators.replaceKey(oldKey=0x{old.hex()}, newKey=0x{new.hex()})"]
    assert rotate(replace(FOUR, validators=(Validator(new, 10, 1),)), old, new) == []
    with pytest.raises(NetworkError, match="no Ed25519 public key"):
        rotate(FOUR, old, b"\x02" + bytes(31))


def test_words() -> None:
    calls = [
        replace_key(b"\x01" * 32, b"\x02" * 32),
        set_open_sending(True),
        set_threshold(3),
        set_times(60, 7200),
        cancel(b"\x03" * 32),
        VoteCall(b"\x04" * 20, b"\x05\x06"),
        VoteCall(COUNCIL, bytes.fromhex("deadbeef")),
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
