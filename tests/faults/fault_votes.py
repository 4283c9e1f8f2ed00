"""How a network of the fault tests grows and shrinks: by votes of its members, as operators do it."""

from __future__ import annotations

from collections.abc import Sequence

from fault_network import FaultNetwork, FaultNode, settings_of, wait_for

from chain_node.network.council import CouncilMember, Outcome, Proposal
from chain_node.network.folders import OrganisationFolder
from chain_node.network.founding import OrganisationRequest, join
from chain_node.network.votes import Governance, VoteCall, admit, expel, weigh
from chain_node.rpc.client import JsonRpc


class Council:
    """The members of a network, each through its own node.

    Args:
        network: theirs.
    """

    def __init__(self, network: FaultNetwork) -> None:
        self._network = network
        self._first_port = network.nodes[0].folder.settings().port

    def governance(self) -> Governance:
        """As the first node has it."""
        with JsonRpc(self._network.urls[0]) as rpc:
            return self._member(self._network.nodes[0], rpc).governance()

    def proposal(self, identity: bytes) -> Proposal:
        """An open or past proposal."""
        with JsonRpc(self._network.urls[0]) as rpc:
            return self._member(self._network.nodes[0], rpc).proposal(identity)

    def one_votes(self, node: FaultNode, calls: Sequence[VoteCall]) -> Outcome:
        """One member's vote."""
        with JsonRpc(node.rpc_url) as rpc:
            return self._member(node, rpc).vote(calls)

    def approve(self, node: FaultNode, proposal: bytes) -> Outcome:
        """One member's approval of what is open."""
        with JsonRpc(node.rpc_url) as rpc:
            return self._member(node, rpc).approve(proposal)

    def all_vote(self, calls: Sequence[VoteCall]) -> None:
        """As many vote as it takes."""
        for node in list(self._network.nodes):
            if "executed" in self.one_votes(node, calls).did:
                return
        raise AssertionError("the votes of all were not enough")

    def let_in(self, number: int) -> FaultNode:
        """A newcomer: voted in, caught up, then given its weight."""
        folder = OrganisationFolder(self._network.root / "net" / f"organisation-{number}")
        wish = OrganisationRequest(number, folder.root.name, settings_of(self._first_port, number))
        part = join(folder, self._network.public, wish, self._network.luyad)
        self.all_vote(admit(self.governance(), part))
        self._network.public.add_part(part)
        node = self._network.add(folder)
        node.start()
        self._network.all_caught_up()
        members = [each for each in self._network.nodes if each is not node]
        calls = weigh(self.governance(), bytes.fromhex(part.validator_key), 10, number)
        for member in [*members, node]:
            if "executed" in self.one_votes(member, calls).did:
                break
        wait_for(lambda: node.state().power == 10, f"{node.name} has its weight")
        return node

    def let_go(self, number: int) -> None:
        """One is voted out; its node is stopped once the set has changed."""
        (node,) = (each for each in self._network.nodes if each.folder.part().organisation == number)
        left = len(self._network.nodes) - 1
        self.all_vote(expel(self.governance(), number))
        wait_for(lambda: len(self.governance().validators) == left, f"{left} validators are left")
        wait_for(
            lambda: node.state().power == 0 or node.height < self._network.height - 1, f"{node.name} counts no more"
        )
        if self.governance().member(number) is not None:  # the chain needed it until then: the rest is a second vote
            self.all_vote(expel(self.governance(), number))
        self._network.nodes.remove(node)
        self._network.goes_on(2)
        node.stop()

    def _member(self, node: FaultNode, rpc: JsonRpc) -> CouncilMember:
        return CouncilMember(rpc, node.folder.council_key(), self._network.public.charter().chain_id)
