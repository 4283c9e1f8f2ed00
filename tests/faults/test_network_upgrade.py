"""From one version of luyad to the next, one node after the other, with the network going on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from fault_load import Load, check_whole
from fault_network import FaultNetwork, FaultNode

from chain_node.engine.build import source_folder
from chain_node.network.tool import Luyad

pytestmark = pytest.mark.deep

_VERSION = 'appVersion = "'
NEXT = "99.0.0"


@pytest.fixture(scope="module")
def next_luyad(tmp_path_factory: pytest.TempPathFactory) -> Luyad:
    """The same sources under another version: another program."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not on PATH: the next version cannot be built")
    folder = tmp_path_factory.mktemp("next")
    sources, binary = folder / "sources", folder / "luyad"
    shutil.copytree(source_folder(), sources)
    names = sources / "names.go"
    before, _, after = names.read_text("utf-8").partition(_VERSION)
    names.write_text(before + _VERSION + NEXT + after[after.index('"') :], "utf-8")
    environment = os.environ | {"CGO_ENABLED": "1", "GOFLAGS": "-trimpath"}
    subprocess.run([go, "build", "-o", str(binary), "."], cwd=sources, env=environment, check=True)
    assert version(binary) == NEXT
    return Luyad(binary)


def version(binary: Path) -> str:
    """What the program says that it is."""
    done = subprocess.run([str(binary), "version"], capture_output=True, text=True, check=True)
    return str(json.loads(done.stdout)["version"])


def test_one_node_after_the_other(four: FaultNetwork, next_luyad: Luyad) -> None:
    with four.opened() as node, Load(node).going_on() as load:
        for at, old in enumerate(four.nodes):
            assert version(Path(f"/proc/{old.pid}/exe")) != NEXT
            before = load.final()
            old.stop()
            four.goes_on(5)
            assert set(four.node_problems()) == {old.name}
            assert load.final() > before, "records became final without it"
            four.nodes[at] = new = FaultNode(old.folder, next_luyad)
            new.start()
            assert version(Path(f"/proc/{new.pid}/exe")) == NEXT
            four.all_caught_up()
            four.check_same(node)
        four.is_well()
        four.goes_on()
    with four.opened() as node:
        load.node = node
        check_whole(four, load)


def test_and_back_again(four: FaultNetwork, next_luyad: Luyad) -> None:
    """What the next version has written, this one reads: a bad upgrade of one node can be taken back."""
    with four.opened() as node, Load(node).going_on() as load:
        one = four.nodes[1]
        for luyad in (next_luyad, four.luyad):
            one.stop()
            four.goes_on()
            four.nodes[1] = one = FaultNode(one.folder, luyad)
            one.start()
            four.all_caught_up()
        four.goes_on()
        four.is_well()
    with four.opened() as node:
        load.node = node
        check_whole(four, load)
