"""Four organisations on one machine, a fifth voted in and out, and a network that grows and shrinks: transactions go on
all the while, every node ends at the same state, nothing that was taken is lost."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from network_support import Clients, Traffic, caught_up, key_in, wait_for

from chain_node.engine.process import free_port_range
from chain_node.errors import NetworkError
from chain_node.network.council import CouncilMember
from chain_node.network.folders import PORT_STEP, NetworkFolder, OrganisationFolder, ValidatorSettings
from chain_node.network.founding import OrganisationRequest, init_network, join, second_node
from chain_node.network.parts import FoundingTerms
from chain_node.network.running import OrganisationNode, node_state
from chain_node.network.tool import Luyad
from chain_node.network.votes import Governance, VoteCall, admit, expel, replace_key, weigh
from chain_node.rpc.client import JsonRpc, to_hex

BLOCK_TIME = 0.3


class Running:
    """A network on this machine, with traffic on its first node."""

    def __init__(self, root: Path, luyad: Luyad, clients: Clients, founders: int, most: int) -> None:
        self._root, self._luyad, self._clients = root, luyad, clients
        self._port = free_port_range(PORT_STEP * most)
        terms = FoundingTerms(senders=(to_hex(key_in(root, "sender").address),))
        names = [f"organisation {n}" for n in range(1, founders + 1)]
        self.folders = init_network(root / "net", names, terms, luyad, port=self._port, block_time=BLOCK_TIME)
        self.public = NetworkFolder(root / "net" / "network")
        self.nodes = [OrganisationNode(folder, luyad) for folder in self.folders]
        url = self.folders[0].settings().rpc_url
        self.traffic = Traffic(url, key_in(root, "sender"), self.public.charter().chain_id)

    @property
    def members(self) -> list[CouncilMember]:
        """The organisations' voices."""
        return [self._clients.member(folder) for folder in self.folders]

    def rpc(self) -> JsonRpc:
        """The first node's."""
        return self._clients.rpc(self.folders[0].settings().rpc_url)

    def stop(self) -> None:
        """All nodes."""
        for node in self.nodes:
            node.stop()

    @property
    def height(self) -> int:
        """The first node's."""
        return node_state(self.folders[0]).height

    def governance(self) -> Governance:
        """As the first node sees it."""
        return self.members[0].governance()

    def all_vote(self, calls: Sequence[VoteCall]) -> None:
        """As many vote as it takes."""
        for member in self.members:
            if "executed" in member.vote(calls).did:
                return
        raise AssertionError("the votes of all were not enough")

    def let_join(self, number: int) -> OrganisationFolder:
        """A newcomer, from its keys to its weight in the set."""
        folder = OrganisationFolder(self._root / "net" / f"organisation-{number}")
        settings = ValidatorSettings(self._port + PORT_STEP * (number - 1), block_time=BLOCK_TIME)
        part = join(folder, self.public, OrganisationRequest(number, f"organisation {number}", settings), self._luyad)
        self.all_vote(admit(self.governance(), part))
        self.public.add_part(part)
        node = OrganisationNode(folder, self._luyad)
        self.nodes.append(node)
        node.start()
        wait_for(caught_up(folder, self.height), 60, f"organisation {number} catches up")
        self.folders.append(folder)
        self.all_vote(weigh(self.governance(), bytes.fromhex(part.validator_key), 10, number))
        wait_for(lambda: node_state(folder).power == 10, 30, f"organisation {number} has its weight")
        return folder

    def let_go(self, number: int) -> OrganisationFolder:
        """An organisation is voted out; its node is stopped once its weight is gone."""
        (folder,) = (folder for folder in self.folders if folder.part().organisation == number)
        self.all_vote(expel(self.governance(), number))
        if self.governance().member(number) is not None:
            wait_for(lambda: node_state(folder).power == 0, 30, "its weight is gone")
            self.all_vote(expel(self.governance(), number))
        self.folders.remove(folder)
        (node,) = (node for node in self.nodes if node.folder == folder)
        node.stop()
        self.nodes.remove(node)
        return folder

    def check_same(self) -> None:
        """Every node has the same block, and each says that the chain goes on."""
        height = self.height
        for folder in self.folders:
            wait_for(caught_up(folder, height + 2), 60, f"{folder.root.name} goes on")
        blocks = {
            self._clients.rpc(folder.settings().rpc_url).call("eth_getBlockByNumber", hex(height), False)["hash"]
            for folder in self.folders
        }
        assert len(blocks) == 1


def test_a_fifth_is_voted_in_and_out(luyad: Luyad, clients: Clients, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        net = Running(tmp_path, luyad, clients, founders=4, most=5)
        stack.callback(net.stop)
        for node in net.nodes:
            node.start()
        wait_for(lambda: net.height >= 2, 60, "the first blocks")
        with net.traffic.going_on():
            fifth = net.let_join(5)
            assert (len(net.governance().members), net.governance().threshold) == (5, 4)
            _goes_on_without_one(net)
            net.let_go(5)
            now = net.governance()
            assert [member.organisation for member in now.members] == [1, 2, 3, 4]
            assert now.threshold == 3
            assert not any(validator.organisation == 5 for validator in now.validators)
            assert not any(organisation == 5 for _, organisation in now.nodes)
            back = OrganisationNode(fifth, luyad)
            stack.callback(back.stop)
            _is_let_in_no_more(net, back)
            voice = CouncilMember(net.rpc(), fifth.council_key(), net.public.charter().chain_id)
            with pytest.raises(NetworkError, match="CouncilNotMember"):
                voice.vote(expel(now, 1))
        wait_for(lambda: net.traffic.all_final(net.rpc()), 30, "all transactions are final")
        assert len(net.traffic.hashes) > 50
        net.check_same()


def _goes_on_without_one(net: Running) -> None:
    """The newcomer's weight counts: of five, one of the old ones can be missing."""
    stopped = net.nodes[3]
    stopped.stop()
    before = net.height
    wait_for(lambda: net.height >= before + 3, 60, "five validators go on without one")
    stopped.start()
    wait_for(caught_up(stopped.folder, net.height), 60, "it catches up")


def _is_let_in_no_more(net: Running, back: OrganisationNode) -> None:
    """A node of an organisation that was voted out finds no peer, and stands still."""
    back.start()
    before = net.height
    wait_for(lambda: net.height >= before + 10, 60, "the others go on")
    state = node_state(back.folder)
    assert state.peers == 0
    assert state.height < net.height - 5


@pytest.mark.deep
def test_a_validator_goes_on_with_another_key(luyad: Luyad, clients: Clients, tmp_path: Path) -> None:
    """A second node with new keys follows, takes the weight over in one step, and the old one is stopped."""
    with contextlib.ExitStack() as stack:
        net = Running(tmp_path, luyad, clients, founders=1, most=2)
        stack.callback(net.stop)
        old = net.nodes[0]
        old.start()
        wait_for(lambda: net.height >= 2, 60, "the first blocks")
        successor = OrganisationFolder(tmp_path / "successor")
        settings = ValidatorSettings(net.folders[0].settings().port + PORT_STEP, block_time=BLOCK_TIME)
        part = second_node(successor, net.folders[0], settings, luyad)
        assert successor.council_key() == net.folders[0].council_key()
        net.members[0].list_own_node(bytes.fromhex(part.node_id), listed=True)
        new = OrganisationNode(successor, luyad)
        net.nodes.append(new)
        new.start()
        wait_for(caught_up(successor, net.height), 60, "the successor catches up")
        before = bytes.fromhex(net.folders[0].part().validator_key)
        net.all_vote([replace_key(before, bytes.fromhex(part.validator_key))])
        wait_for(lambda: node_state(successor).power == 10, 30, "it has the weight")
        wait_for(lambda: node_state(net.folders[0]).power == 0, 30, "and the old one has none")
        old.stop()
        height = node_state(successor).height
        wait_for(lambda: node_state(successor).height >= height + 5, 60, "it goes on alone")
        with pytest.raises(NetworkError, match="not empty"):
            second_node(successor, net.folders[0], settings, luyad)


@pytest.mark.deep
def test_from_one_to_seven_and_back(luyad: Luyad, clients: Clients, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        net = Running(tmp_path, luyad, clients, founders=1, most=7)
        stack.callback(net.stop)
        net.nodes[0].start()
        wait_for(lambda: net.height >= 2, 60, "the first blocks")
        with net.traffic.going_on():
            for number in range(2, 8):
                net.let_join(number)
                assert len(net.governance().validators) == number
            net.check_same()
            for number in range(7, 1, -1):
                net.let_go(number)
            assert len(net.governance().members) == 1
        wait_for(lambda: net.traffic.all_final(net.rpc()), 60, "all transactions are final")
        net.check_same()
