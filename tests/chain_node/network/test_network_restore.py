"""What docs/backup.md says of a validator's backup: what to copy while it runs, and how to start from that."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import pytest
from network_support import caught_up, wait_for

from chain_node.engine.process import free_port_range
from chain_node.errors import NetworkError
from chain_node.network.folders import PORT_STEP, OrganisationFolder
from chain_node.network.founding import OrganisationRequest, init_network, prepare
from chain_node.network.parts import FoundingTerms
from chain_node.network.running import OrganisationNode, node_state
from chain_node.network.tool import Luyad
from chain_node.supervisor.fleet import NetworkEngine
from chain_node.supervisor.supervisor import start_mending

TORN = """#!/bin/sh
# As a luyad whose last commit was torn: it says so at its start, until it has been rolled back.
case "$1" in
rollback) touch "$(dirname "$0")/rolled" ;;
start) [ -e "$(dirname "$0")/rolled" ] || {{ echo 'panic: version does not exist' >&2; exit 2; }} ;;
esac
exec {binary} "$@"
"""


def signed(folder: OrganisationFolder) -> int:
    """The height that its validator has signed last."""
    return int(json.loads((folder.node / "data" / "priv_validator_state.json").read_bytes())["height"])


def back_up(folder: OrganisationFolder, copy: Path) -> None:
    """All but the chain; what was signed comes last."""
    shutil.copytree(folder.root, copy, ignore=shutil.ignore_patterns("data", "luyad.log", "run", "lock"))
    (copy / "node" / "data").mkdir(mode=0o700)
    shutil.copy2(folder.node / "data" / "priv_validator_state.json", copy / "node" / "data")


def test_a_validator_is_restored_from_its_backup(luyad: Luyad, tmp_path: Path) -> None:
    names = [f"organisation {number}" for number in range(1, 5)]
    folders = init_network(
        tmp_path / "net", names, FoundingTerms(), luyad, port=free_port_range(PORT_STEP * 4), block_time=0.3
    )
    nodes = [OrganisationNode(folder, luyad) for folder in folders]
    lost, first, copy = folders[3], folders[0], tmp_path / "backup"
    with contextlib.ExitStack() as stack:
        for node in nodes:
            stack.callback(node.stop)
            node.start()
        wait_for(lambda: node_state(first).height >= 4, 60, "the first blocks")
        back_up(lost, copy)
        known = signed(OrganisationFolder(copy))
        assert known > 0
        nodes[3].stop()
        shutil.rmtree(lost.root)
        before = node_state(first).height
        wait_for(lambda: node_state(first).height >= before + 3, 60, "the others go on")
        shutil.copytree(copy, lost.root)
        nodes[3].start()
        wait_for(caught_up(lost, node_state(first).height), 60, "it has the chain again")
        wait_for(lambda: signed(lost) > before + 3, 30, "it signs again, and nothing that it may have signed before")
        assert node_state(lost).power == 10


def test_without_what_it_signed_it_is_never_made_to_forget(luyad: Luyad, tmp_path: Path) -> None:
    (folder,) = init_network(tmp_path / "net", ["one"], FoundingTerms(), luyad, port=free_port_range(PORT_STEP))
    shutil.rmtree(folder.node / "data")
    with pytest.raises(NetworkError, match="can sign twice"):
        prepare(folder, OrganisationRequest(1, "one", folder.settings()), luyad)
    with pytest.raises(NetworkError, match="can sign twice"):
        OrganisationNode(folder, luyad).start()


def test_a_torn_commit_that_the_start_has_mended_is_told(luyad: Luyad, tmp_path: Path) -> None:
    (folder,) = init_network(
        tmp_path / "net", ["one"], FoundingTerms(), luyad, port=free_port_range(PORT_STEP), block_time=0.2
    )
    node = OrganisationNode(folder, luyad)
    node.start()
    try:
        wait_for(lambda: node_state(folder).height >= 3, 60, "the first blocks")
    finally:
        node.stop()
    assert node.mended == ""
    binary = tmp_path / "luyad"
    binary.write_text(TORN.format(binary=luyad.binary))
    binary.chmod(0o755)
    engine = NetworkEngine(OrganisationNode(folder, Luyad(binary)))
    try:
        assert start_mending(engine), "`luya network start` tells it as torn-commit-mended"
        assert "one block was taken back" in engine.mended
    finally:
        engine.stop()
    try:
        assert not start_mending(engine), "the next start found nothing"
    finally:
        engine.stop()
