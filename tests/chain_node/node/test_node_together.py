"""Several commands on one home at once: they wait for each other, none fails because another begins or ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_support import settings

from chain_node.node.home import Home
from chain_node.node.node import Node
from chain_node.storage.durable import FileLock


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("together") / "home"
    Node.open(folder, settings=settings()).close()
    return folder


@pytest.fixture
def owner(root: Path) -> Iterator[Node]:
    with Node.open(root, settings=settings()) as node:
        node.follow()
        yield node


def test_an_owner_ends_after_those_who_use_its_node(owner: Node) -> None:
    attached = Node.open(owner.home.root, settings=settings())
    assert not attached.owner
    waiting = threading.Thread(target=owner.wait_until_alone)
    waiting.start()
    time.sleep(0.5)
    assert waiting.is_alive()
    assert attached.registrar.enrol_many(1, ["late rider"]), "the node still works"
    attached.close()
    waiting.join(10)
    assert not waiting.is_alive()
    assert not owner.home.running.exists(), "whoever comes now waits for the home itself"


def test_a_home_that_becomes_free_is_owned(root: Path) -> None:
    ending = FileLock(Home(root).lock, "this home")  # a node that is stopping: it has the home, and says no address
    threading.Timer(1.0, ending.release).start()
    begun = time.monotonic()
    with Node.open(root, settings=settings()) as node:
        assert node.owner
    assert time.monotonic() - begun < 60


def test_two_that_register_accounts_wait_for_each_other(owner: Node) -> None:
    with Node.open(owner.home.root, settings=settings()) as attached:
        attached.sender("registrar")
        threading.Timer(1.0, lambda: attached.release_sender("registrar")).start()
        assert owner.registrar.enrol_many(1, ["patient rider"])
        owner.release_sender("registrar")
