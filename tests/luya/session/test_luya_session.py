"""Composition: what one command does for another on the same home, and how errors are told. No chain here."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from chain_node.errors import FollowerError
from chain_node.node.node import Node
from chain_node.sending.sender import Sender
from chain_node.storage.durable import write_atomic
from luya.cli import app
from luya.errors import HomeError
from luya.home import LuyaHome
from luya.operate import checks, up
from luya.session import feeds, session
from luya.session.ledger_port import NodeLedger
from luya.session.session import Projection, Session
from oracle.errors import ConfigError

RUNNER = CliRunner()


class Registrar:
    def __init__(self) -> None:
        self.registered = False

    def register_pending(self) -> int:
        self.registered = True
        return 1

    def lookup_many(self, _organisation: int, ids: list[str]) -> dict[str, bytes]:
        assert self.registered, "an account that is not on the ledger would have its records refused"
        return dict.fromkeys(ids, bytes(20))


def test_whoever_is_found_is_on_the_ledger() -> None:
    registrar = Registrar()
    node = SimpleNamespace(registrar=registrar, release_sender=lambda name: None)
    assert session._Registrar(cast(Node, node)).lookup_many(1, ["x"]) == {"x": bytes(20)}


def test_a_read_model_that_fails_ends_luya_up_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_PROJECT_EVERY", 0.01)
    node = SimpleNamespace(check=lambda: None, archive=SimpleNamespace(size=0))
    made = Session(LuyaHome(Path("x")), cast(Node, node), cast(Any, None))

    def fails(_self: Session) -> int:
        raise OSError("disk full")

    monkeypatch.setattr(Session, "project", fails)
    projection = Projection(made)
    deadline = time.monotonic() + 5
    while made.failure is None and time.monotonic() < deadline:
        time.sleep(0.01)
    api = cast(up.ApiProcess, SimpleNamespace(watch=lambda: None))
    with pytest.raises(OSError, match="disk full"):
        up.watch(made, api, threading.Event())
    projection.close()


def port(**node: Any) -> NodeLedger:
    """A port whose contracts answer nothing."""
    address = bytes(20)
    manifest = SimpleNamespace(ledger_address=address, law_address=address, views_address=address)
    made = SimpleNamespace(rpc=None, manifest=manifest, **node)
    return NodeLedger(cast(Node, made), cast(Sender, SimpleNamespace()))


def test_a_failed_follower_is_named_instead_of_waited_for() -> None:
    def check() -> None:
        raise FollowerError("the endpoint shows two chains")

    with pytest.raises(FollowerError, match="two chains"):
        port(check=check).advance(1.0)


def test_a_feed_that_is_not_registered_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = port()
    monkeypatch.setattr(ledger._law, "read", lambda *_: (b"", False))
    with pytest.raises(HomeError, match="feed 9 is not on this ledger"):
        ledger.law(9)


def test_an_empty_home_is_not_rebuilt(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="nothing to rebuild"):
        checks.rebuild(LuyaHome(tmp_path / "typo"), quiet=True)
    assert not (tmp_path / "typo").exists()


def test_a_home_is_for_its_owner_alone(tmp_path: Path) -> None:
    home = LuyaHome(tmp_path / "deep" / "home")
    home.make()
    assert home.root.stat().st_mode & 0o077 == 0


def test_the_shipped_feeds_are_installed_all_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = LuyaHome(tmp_path)
    written: list[Path] = []

    def killed(path: Path, data: bytes) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(path)
        write_atomic(path, data)

    monkeypatch.setattr(feeds, "write_atomic", killed)
    with pytest.raises(KeyboardInterrupt):
        feeds.install(home)
    monkeypatch.undo()
    assert len(feeds.of_home(home)) == 3
    feeds.install(home)
    assert len(list(home.feeds.glob("*.toml"))) == 3
    (home.feeds / "bike-share.toml").unlink()
    feeds.install(home)
    assert len(feeds.of_home(home)) == 2, "what the operator took out stays out"


def test_a_feed_described_twice_is_refused(tmp_path: Path) -> None:
    home = LuyaHome.of(tmp_path)
    feeds.install(home)
    (home.feeds / "mine.toml").write_bytes((home.feeds / "bike-share.toml").read_bytes())
    with pytest.raises(ConfigError, match=r"mine\.toml: feed 1 \(bike-share\) is described twice.*bike-share\.toml"):
        feeds.of_home(home)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied", "/home/x"), "/home/x: Permission denied"),
        (sqlite3.OperationalError("disk I/O error"), "disk I/O error"),
        (OperationalError("INSERT secret", {}, sqlite3.OperationalError("database is locked")), "database is locked"),
        (HomeError("see [columns] of feed x in [/tmp]"), "see [columns] of feed x in [/tmp]"),
    ],
)
def test_errors_are_sentences(error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("luya.operate.tokens.list_all", fails)
    answer = RUNNER.invoke(app, ["token", "list", "--home", str(tmp_path)])
    assert answer.exit_code == 1
    assert isinstance(answer.exception, SystemExit), "not a traceback"
    assert said in answer.stderr
    assert "secret" not in answer.stderr


class Growing:
    """A ledger that somebody writes to: another size at each look, until it rests."""

    def __init__(self, moves: int) -> None:
        self.size = 0
        self.moves = moves

    def log_size(self) -> int:
        self.size += self.size < self.moves
        return self.size


@pytest.mark.parametrize(("moves", "told"), [(0, ["a real one"]), (2, ["a real one"]), (99, None)])
def test_fsck_does_not_take_growth_for_a_difference(
    moves: int, told: list[str] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Session(LuyaHome(tmp_path), cast(Node, SimpleNamespace(ledger=Growing(moves))), cast(Any, None))
    monkeypatch.setattr(checks, "opened", lambda *_, **__: nullcontext(made))
    monkeypatch.setattr(checks, "_compare", lambda *_: ("result", ["a real one"]))
    if told is None:
        with pytest.raises(HomeError, match="being written to"):
            checks._compared(made.home, cast(Any, None), False, None, lambda *_: None)
    else:
        assert checks._compared(made.home, cast(Any, None), False, None, lambda *_: None)[1] == told
