"""Networks of real validators that the fault tests break: founded once with a deployed ledger, copied for each test."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from luyad_built import need_luyad

# a small law, batches signed by real keys and a door, shared with the node's own tests
sys.path += [str(Path(__file__).parent.parent / "chain_node" / folder) for folder in ("", "gateway")]

from fault_network import FaultNetwork, found  # after the path

from chain_node.network.tool import Luyad


@pytest.fixture(scope="session")
def luyad() -> Luyad:
    """The built luyad; without one these tests are skipped, visibly."""
    return Luyad(need_luyad())


@pytest.fixture(scope="session")
def founded_four(luyad: Luyad, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four organisations with a deployed ledger, all stopped. Never to be touched: take `four`."""
    root = tmp_path_factory.mktemp("four") / "net"
    with found(root, luyad, 4, most=8) as network:
        network.start()
        network.deploy()
    return root


@pytest.fixture
def four(founded_four: Path, luyad: Luyad, tmp_path: Path) -> Iterator[FaultNetwork]:
    """A copy of it, started."""
    shutil.copytree(founded_four, tmp_path / "net")
    with FaultNetwork(tmp_path / "net", luyad) as network:
        network.start()
        yield network
