"""The council on a running chain of one node: proposals, delays, refusals in words, and that no key has a right."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from network_support import Clients, key_in, part

from chain_node.contracts.handles import AccessManager, artefact
from chain_node.engine.process import free_port_range
from chain_node.errors import NetworkError, PortInUse, RpcError
from chain_node.network.council import CouncilMember
from chain_node.network.folders import PORT_STEP, OrganisationFolder
from chain_node.network.founding import init_network
from chain_node.network.genesis import AUTHORITY, COUNCIL, VALIDATORS
from chain_node.network.parts import FoundingTerms, PublicPart
from chain_node.network.running import OrganisationNode, node_state
from chain_node.network.tool import Luyad
from chain_node.network.votes import (
    Member,
    admit,
    expel,
    let_in,
    set_member,
    set_open_sending,
    set_permission,
    set_times,
    weigh,
)
from chain_node.rpc.client import JsonRpc, to_hex

LONG = 3600.0
Outsider = Callable[[int], tuple[PublicPart, CouncilMember]]


@pytest.fixture(scope="module")
def node(luyad: Luyad, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrganisationNode]:
    """A network of one organisation, running."""
    out = tmp_path_factory.mktemp("council") / "out"
    folder = init_network(out, ["one"], FoundingTerms(), luyad, port=free_port_range(PORT_STEP), block_time=0.2)[0]
    running = OrganisationNode(folder, luyad)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def first(node: OrganisationNode, clients: Clients) -> CouncilMember:
    """The founder."""
    return clients.member(node.folder)


@pytest.fixture
def outsider(node: OrganisationNode, clients: Clients, tmp_path: Path) -> Outsider:
    """Makes members to be, without nodes of their own."""

    def make(number: int) -> tuple[PublicPart, CouncilMember]:
        key = key_in(tmp_path, f"council-{number}")
        chain_id = node.folder.network.charter().chain_id
        made = CouncilMember(clients.rpc(node.rpc_url), key, chain_id)
        return part(number, member=to_hex(key.address)), made

    return make


def test_no_key_has_a_right(node: OrganisationNode, first: CouncilMember) -> None:
    authority = AccessManager(first.rpc, AUTHORITY)
    assert authority.has_role(0, COUNCIL) == (True, 0)
    key = node.folder.council_key().address
    assert not authority.has_role(0, key)[0]
    for name in ("setValidator", "replaceKey", "listNode", "unlistNode", "unlistNodes"):
        selector = artefact("Validators").abi.function(name).selector
        assert tuple(authority.read("canCall", to_hex(COUNCIL), to_hex(VALIDATORS), selector)) == (True, 0)
        assert tuple(authority.read("canCall", to_hex(key), to_hex(VALIDATORS), selector)) == (False, 0)


def test_an_outsider_is_refused_in_words(
    node: OrganisationNode, clients: Clients, outsider: Outsider, tmp_path: Path
) -> None:
    _, stranger = outsider(99)
    with pytest.raises(NetworkError, match="CouncilNotMember"):
        stranger.vote([set_open_sending(True)])
    with pytest.raises(NetworkError, match="is a node of the chain"):
        CouncilMember(clients.rpc(node.rpc_url), key_in(tmp_path, "x"), 5)


def test_what_the_contracts_refuse_is_told(first: CouncilMember) -> None:
    """The refusal is known before a transaction is sent, and the proposal stays open."""
    now = first.governance()
    assert len(now.members) == 1
    with pytest.raises(NetworkError, match="ValidatorsLast"):
        first.vote(weigh(now, now.validators[0].key, 0))
    (left,) = first.open_proposals()
    assert first.cancel(left.id).did == ("cancelled",)


def test_a_life_of_the_council(first: CouncilMember, outsider: Outsider, tmp_path: Path) -> None:
    two, second = outsider(2)
    three, third = outsider(3)
    # one member alone proposes, approves and executes
    assert first.vote(admit(first.governance(), two)).did == ("proposed", "executed")
    assert admit(first.governance(), two) == []
    # then both are needed
    outcome = first.vote(admit(first.governance(), three))
    assert (outcome.did, outcome.proposal.state, outcome.threshold) == (("proposed",), "open", 2)
    assert first.vote(admit(first.governance(), three)).did == (), "one vote each"
    assert [one.id for one in first.open_proposals()] == [outcome.id]
    assert second.vote(admit(second.governance(), three)).did == ("approved", "executed")
    now = first.governance()
    assert [one.organisation for one in now.members] == [1, 2, 3]
    assert now.threshold == 2

    # a delay, then an approval taken back, then a proposal cancelled
    delay = first.vote([set_times(3, 7200)])
    second.approve(delay.id)
    calls = [set_permission(b"\x07" * 20, 1)]
    opened = first.vote(calls)
    waiting = second.vote(calls)
    assert waiting.did == ("approved",)
    assert waiting.proposal.ready_at > 0
    assert second.revoke(waiting.id).proposal.ready_at == 0
    assert third.vote(calls, wait=LONG).did == ("approved", "executed"), "waits for the delay"
    assert first.flags(b"\x07" * 20) == 1
    with pytest.raises(NetworkError, match="is executed"):
        second.approve(opened.id)
    again = first.vote([set_permission(b"\x07" * 20, 0)])
    with pytest.raises(NetworkError, match="CouncilMayNotCancel"):
        second.cancel(again.id)
    assert first.cancel(again.id).proposal.state == "cancelled"
    renewed = first.vote([set_permission(b"\x07" * 20, 0)])
    assert renewed.id != again.id, "the same, proposed again"
    first.cancel(renewed.id)

    # a member's key is replaced, its approval with it; a member goes
    key = key_in(tmp_path, "council-3-new")
    moved = [set_member(Member(key.address, 3, three.name), 2), set_permission(key.address, 1)]
    first.vote(moved)
    assert second.vote(moved, wait=LONG).did == ("approved", "executed")
    with pytest.raises(NetworkError, match="CouncilNotMember"):
        third.vote([set_open_sending(True)])
    first.vote(expel(first.governance(), 3))
    assert second.vote(expel(second.governance(), 3), wait=LONG).did == ("approved", "executed")
    assert [one.organisation for one in first.governance().members] == [1, 2]

    # own nodes need no vote
    first.list_own_node(b"\x0a" * 20, listed=True)
    assert (b"\x0a" * 20, 1) in first.governance().nodes
    with pytest.raises(NetworkError, match="ValidatorsNodeNotListed"):
        second.list_own_node(b"\x0a" * 20, listed=False)
    first.list_own_node(b"\x0a" * 20, listed=False)
    assert let_in(first.governance(), b"\x0a" * 20, 0) == []


def test_state_and_restart(node: OrganisationNode, luyad: Luyad) -> None:
    state = node_state(node.folder)
    assert state.ok
    assert (state.organisation, state.power, state.peers) == (1, 10, 0)
    with pytest.raises(PortInUse):
        OrganisationNode(node.folder, luyad).start()
    node.stop()
    down = node_state(node.folder)
    assert not down.ok
    assert "does not answer" in down.detail
    node.start()
    deadline = time.monotonic() + 30
    while node_state(node.folder).height <= state.height:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="no organisation's folder"):
        OrganisationFolder(tmp_path).part()


class LaggingPool:
    """A node whose pool still sees a new account as it was before its first transaction."""

    url = "http://127.0.0.1:1"

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.sent: list[str] = []

    def call(self, method: str, *parameters: Any) -> Any:
        if method == "eth_sendRawTransaction":
            self.sent.append(parameters[0])
            if len(self.sent) <= self.refusals:
                raise RpcError(method, -32000, "in-flight transaction limit reached for delegated accounts")
        return {
            "eth_chainId": "0x7",
            "eth_getTransactionByHash": {"blockNumber": "0x2"},
            "eth_getTransactionReceipt": {"status": "0x1", "blockNumber": "0x2"},
        }.get(method, "0x1")


def test_a_pool_that_lags_is_waited_for(tmp_path: Path) -> None:
    pool = LaggingPool(2)
    CouncilMember(cast(JsonRpc, pool), key_in(tmp_path, "council"), 7).list_own_node(b"\x0b" * 20, listed=True)
    assert len(pool.sent) == 3
    assert len(set(pool.sent)) == 1, "the same bytes"


def test_a_pool_that_goes_on_lagging_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain_node.network.council._POOL_PATIENCE", 0.3)
    pool = LaggingPool(1000)
    member = CouncilMember(cast(JsonRpc, pool), key_in(tmp_path, "council"), 7)
    with pytest.raises(NetworkError, match=r"pool still holds the last transaction of 0x[0-9a-f]{40}"):
        member.list_own_node(b"\x0b" * 20, listed=True)
