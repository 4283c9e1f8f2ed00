"""Slow and lossy links, and a node that hears nobody, through proxies of ours on every link."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fault_load import Load, check_whole
from fault_network import FaultNetwork
from fault_proxy import Proxies, Weather

from chain_node.network.folders import PORT_STEP, organisations_in
from chain_node.network.tool import Luyad

pytestmark = pytest.mark.deep
NODES = 4


@dataclass(frozen=True)
class Wired(Luyad):
    """luyad whose nodes reach each other as `peers` says, by home."""

    peers: Mapping[Path, str] = field(default_factory=dict)

    def configure(self, home: Path, options: Mapping[str, str | int]) -> None:
        """With these peers instead of the charter's."""
        super().configure(home, dict(options) | {"peers": self.peers[home]})


@pytest.fixture
def weather() -> Weather:
    return Weather()


@pytest.fixture
def linked(founded_four: Path, luyad: Luyad, tmp_path: Path, weather: Weather) -> Iterator[FaultNetwork]:
    """Four validators with a proxy on each way between two of them."""
    shutil.copytree(founded_four, tmp_path / "net")
    folders = organisations_in(tmp_path / "net" / "net")
    first = folders[-1].settings().port + PORT_STEP  # kept free by `founded_four`
    links, peers = {}, {}
    for at, folder in enumerate(folders):
        known = []
        for to, other in enumerate(folders):
            if to != at:
                port = first + NODES * at + to
                links[at, to] = (port, other.settings().port)
                known.append(f"{other.part().node_id}@127.0.0.1:{port}")
        peers[folder.node] = ",".join(known)
    with (
        Proxies(links, weather),
        FaultNetwork(tmp_path / "net", Wired(luyad.binary, peers)) as network,
    ):
        network.start()
        yield network


def test_slow_and_lossy_links(linked: FaultNetwork, weather: Weather) -> None:
    """150 ms each way, and one chunk in fifty stalls for 0.6 s: as a bad line between two cities."""
    with linked.opened() as node, Load(node).going_on() as load:
        linked.goes_on()
        weather.delay, weather.loss, weather.stall = 0.15, 0.02, 0.6
        linked.goes_on(20, 120)
        assert not {"halted", "endpoint-down"} & set(linked.ledger_problems())
        weather.delay = weather.loss = 0.0
        linked.is_well()
    with linked.opened() as node:
        load.node = node
        check_whole(linked, load)


def test_one_that_hears_nobody_lags_and_catches_up(linked: FaultNetwork, weather: Weather) -> None:
    cut_off = linked.nodes[0]  # the endpoint in use: its chain stands still and it still answers
    with linked.opened() as node, Load(node).going_on() as load:
        linked.goes_on()
        weather.isolate(0, NODES)
        linked.goes_on(30, 120)
        assert linked.nodes[0].height < linked.height - 10
        assert cut_off.rpc_url in linked.tells("endpoint-behind")
        before = load.final()
        linked.goes_on(10)
        assert load.final() > before, "records become final over the others"
        weather.held.clear()
        linked.all_caught_up(180)
        linked.is_well()
    with linked.opened() as node:
        load.node = node
        check_whole(linked, load)


def test_two_halves(linked: FaultNetwork, weather: Weather) -> None:
    """Neither half may go on: two chains would be the end of trust."""
    with linked.opened() as node, Load(node).going_on() as load:
        linked.goes_on()
        weather.held |= {(a, b) for a in range(NODES) for b in range(NODES) if (a < 2) != (b < 2)}
        linked.stands_still(20)
        assert "no block" in linked.tells("halted")
        weather.held.clear()
        linked.goes_on(5, 180)
        linked.is_well()
    with linked.opened() as node:
        load.node = node
        check_whole(linked, load)
