"""Several commands on one home at once: they wait for each other, none fails because another begins or ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from node_support import Batches, settings

from chain_node.errors import FollowerError
from chain_node.node.home import Home
from chain_node.node.node import Node
from chain_node.storage.durable import FileLock

PATIENCE = 60.0


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


@pytest.mark.parametrize("attached", [False, True], ids=["owner", "attached"])
def test_what_is_archived_is_confirmed_to_the_sender(owner: Node, attached: bool) -> None:
    """By this process's follower, or by the archive that another process's follower writes: no receipt is asked for."""
    with Node.open(owner.home.root, settings=settings()) if attached else nullcontext(owner) as node:
        assert node.owner is not attached
        riders = list(node.registrar.enrol_many(1, ["confirmed rider"]).values())
        node.release_sender("registrar")
        sender, batch = node.sender("relay"), Batches(node).tx(Batches(node).records(riders, 18_100 + attached))
        sender._ask_at = time.monotonic() + PATIENCE
        sender.send_many([batch])
        while sender.pending():
            assert time.monotonic() < sender._ask_at
            assert sender.advance(PATIENCE) == []
        (receipt,) = sender.wait([batch.key])
        assert receipt.ok
        assert receipt.gas_used == 0, "the log was the proof"
        assert node.archive.size == node.ledger.log_size()
        node.release_sender("relay")


def test_a_follower_that_fails_is_told_to_who_waits(owner: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    assert owner.follower is not None
    monkeypatch.setattr(owner.ledger, "log_size", lambda: owner.archive.size + 1)
    found: list[BaseException] = []

    def wait() -> None:
        with pytest.raises(FollowerError, match="two chains") as caught:
            owner.catch_up(PATIENCE)
        found.append(caught.value)

    def fails() -> int:
        raise FollowerError("the endpoint shows two chains")

    waiting = threading.Thread(target=wait)
    waiting.start()
    monkeypatch.setattr(owner.follower, "step", fails)
    waiting.join(PATIENCE)
    assert found


def test_two_that_register_accounts_wait_for_each_other(owner: Node) -> None:
    with Node.open(owner.home.root, settings=settings()) as attached:
        attached.sender("registrar")
        threading.Timer(1.0, lambda: attached.release_sender("registrar")).start()
        assert owner.registrar.enrol_many(1, ["patient rider"])
        owner.release_sender("registrar")
