"""An archive that has gone is restored, or read again where the chain has all of it; never begun anew."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from node_support import settings

from chain_node.archive.calls import Call
from chain_node.archive.reader import ArchiveReader
from chain_node.archive.writer import Archive
from chain_node.errors import ArchiveError, EngineError
from chain_node.following.follower import Follower
from chain_node.node.node import Node
from chain_node.node.settings import NodeSettings
from chain_node.protocol.checkpoint import sign


def state(home: Path) -> tuple[int, bytes]:
    reader = ArchiveReader(home / "archive")
    return reader.size, reader.root_at(reader.size)


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Node]:
    """Its chain is the others' endpoint."""
    with Node.open(tmp_path / "owner", settings=settings()) as node:
        yield node


@pytest.fixture
def remote(owner: Node) -> NodeSettings:
    """Of a ledger on somebody else's chain, which keeps all its events."""
    return settings(engine="rpc", rpc_urls=owner.engine.rpc_urls, finality="latest")


def test_an_embedded_chain_does_not_bring_it_back(tmp_path: Path) -> None:
    with Node.open(tmp_path, settings=settings()) as node:
        before = node.manifest
    kept = state(tmp_path)
    (tmp_path / "archive").rename(tmp_path / "kept")
    for rebuild in (False, True):
        with pytest.raises(ArchiveError, match=r"is missing.*luya archive restore --from MIRROR.*backup"):
            Node.open(tmp_path, settings=settings(rebuild=rebuild))
        assert not (tmp_path / "archive").exists(), "nothing was begun, nothing signed"
    (tmp_path / "kept").rename(tmp_path / "archive")
    with Node.open(tmp_path, settings=settings()) as node:
        assert node.manifest == before
        assert state(tmp_path) == kept


def test_a_chain_that_has_all_of_it_is_read_again(
    tmp_path: Path, remote: NodeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "guest"
    Node.open(home, settings=remote).close()
    kept, manifest = state(home), (home / "manifest.json").read_bytes()
    assert kept[0] > 1
    shutil.rmtree(home / "archive")
    with pytest.raises(ArchiveError, match="another log under the same key"):
        Node.open(home, settings=replace(remote, rebuild=True))

    def ended(_follower: Follower) -> int:
        raise EngineError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(Follower, "catch_up", ended)
        with pytest.raises(EngineError, match="the power went"):
            Node.open(home, settings=remote)
    assert (home / "archive" / "journal").exists()
    with pytest.raises(ArchiveError, match=f"has 0 entries, its log had {kept[0]}"):
        Node.open(home, settings=replace(remote, rebuild=True))
    with Node.open(home, settings=remote) as node:
        assert not node.deployed
    assert (state(home), (home / "manifest.json").read_bytes()) == (kept, manifest)
    assert not (home / "rereading").exists()


def test_a_chain_that_began_later_does_not_bring_it_back(tmp_path: Path, remote: NodeSettings) -> None:
    home = tmp_path / "guest"
    Node.open(home, settings=remote).close()
    with Node.open(home, settings=replace(remote, rebuild=True)) as node:
        began = node.manifest.start_size
    whole = state(home)
    with Archive(tmp_path / "older") as older:
        older.append(list(ArchiveReader(home / "archive").entries(0, 5)), [Call(0, 5, "0x0", 1)])
        older.publish(lambda one: sign(one, node.manifest.origin, node.keystore.log_key()), node.manifest.origin)
    (home / "archive").rename(tmp_path / "kept")
    with pytest.raises(ArchiveError, match=f"its first {began} entries are not in the chain's events"):
        Node.open(home, settings=remote)
    (tmp_path / "older").rename(home / "archive")
    with pytest.raises(ArchiveError, match=f"its log had {began}"):
        Node.open(home, settings=replace(remote, rebuild=True))
    shutil.rmtree(home / "archive")
    (tmp_path / "kept").rename(home / "archive")
    with Node.open(home, settings=remote) as node:
        assert not node.deployed
    assert state(home) == whole
