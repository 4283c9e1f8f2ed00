"""The network is cut between two halves, with network namespaces, and heals."""

from __future__ import annotations

from pathlib import Path

import pytest
from fault_cut import HALVES, Placed, PlacedNode, halves
from fault_load import Load, check_whole
from fault_network import found

from chain_node.network.tool import Luyad

pytestmark = pytest.mark.deep


def test_cut_between_halves(luyad: Luyad, tmp_path: Path) -> None:
    with halves() as between:
        spaces = {
            tmp_path / "net" / f"organisation-{number}" / "node": between.space(HALVES[number % 2])
            for number in range(1, 5)
        }
        placed = Placed(luyad.binary, spaces)
        with found(
            tmp_path, placed, 4, bind=lambda number: between.inside(HALVES[number % 2]), kind=PlacedNode
        ) as network:
            network.start()
            with network.opened() as node, Load(node).going_on() as load:
                network.goes_on()
                between.cut()
                network.stands_still(20)
                assert "no block" in network.tells("halted")
                signed = len(load.keys)
                between.heal()
                network.goes_on(5, 180)
                network.is_well(90)
                assert signed, "what was sent meanwhile is on disk"
            with network.opened() as node:
                load.node = node
                check_whole(network, load)
