"""A network grows and shrinks by votes while its ledger goes on; what was open to vote stays open."""

from __future__ import annotations

from pathlib import Path

import pytest
from fault_load import Load, check_whole
from fault_network import FaultNetwork, found
from fault_votes import Council

from chain_node.network.genesis import SEND
from chain_node.network.tool import Luyad
from chain_node.network.votes import set_permission

SOMEBODY = b"\x5b" * 20


def grow_and_shrink(network: FaultNetwork, most: int) -> None:
    """From one validator to `most` and back, under load; a vote begun at two members is carried at the end."""
    council = Council(network)
    network.start()
    # the ledger's home knows the founder's address only: that node stays
    with network.open(network.urls[:1]) as node, Load(node).going_on() as load:
        node.follow()
        wish = [set_permission(SOMEBODY, SEND)]
        opened = b""
        for number in range(2, most + 1):
            council.let_in(number)
            if not opened:
                outcome = council.one_votes(network.nodes[0], wish)
                assert (outcome.proposal.state, len(outcome.proposal.approvals)) == ("open", 1)
                opened = outcome.id
        assert len(council.governance().validators) == most
        network.goes_on()
        grown = network.height
        for number in range(most, 1, -1):
            council.let_go(number)
            found_now = council.proposal(opened)
            assert (found_now.state, len(found_now.approvals)) == ("open", 1)
        assert [member.organisation for member in council.governance().members] == [1]
        assert "executed" in council.approve(network.nodes[0], opened).did
        network.goes_on()
        assert network.height > grown
    with network.open(network.urls[:1]) as node:
        load.node = node
        check_whole(network, load)


@pytest.mark.deep
def test_from_one_to_two_and_back(luyad: Luyad, tmp_path: Path) -> None:
    with found(tmp_path, luyad, 1, most=2) as network:
        grow_and_shrink(network, 2)


@pytest.mark.deep
def test_from_one_to_four_to_seven_and_back(luyad: Luyad, tmp_path: Path) -> None:
    with found(tmp_path, luyad, 1, most=7) as network:
        grow_and_shrink(network, 7)
