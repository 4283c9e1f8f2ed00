"""A project on a real chain, by the commands: opened, pledged for, delivered, accepted, abandoned, given back."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from chain_node.keys.keystore import Keystore
from chain_node.rpc.client import to_hex
from luya.cli import app
from luya.demo.data import write_partner_files
from luya.errors import HomeError, LoopRefused, UsageError
from luya.home import LuyaHome
from luya.loop import projects
from luya.loop.relay import module, send
from luya.session import feeds
from luya.session.session import Session, opened

TERMS = """\
project = 1
organisation = 2
kind = "seedlings"
price_points = "0.01"
settlement_yuan = "25.00"
target = 50
opens = 2026-01-01
closes = 2036-12-01
survival = true
text = "Trees on the hill."
"""
MERCHANT, ACCEPTOR = "agent-2-merchant", "agent-3-acceptor"


def prepare(session: Session, files: Path) -> bytes:
    """Agents of two of the home's organisations, a custodian, residents with points; gives the account of one."""
    node = session.node
    keys = node.keystore
    agents, controllers = module(session, "LuyaAgents"), module(session, "LuyaControllers")
    for name, organisation, role in ((MERCHANT, 2, 1), (ACCEPTOR, 3, 2)):
        data = agents.data("setAgent", to_hex(keys.chain_key(name).address), organisation, role, 1)
        send(session, agents, data, by="governance", rehearse=False)
    data = controllers.data("setCustodian", to_hex(keys.chain_key("custodian").address))
    send(session, controllers, data, by="governance", rehearse=False)
    made = write_partner_files(files, records=40, last_day=date(2026, 10, 31)).files["daily-steps"]
    session.ingest([made], feeds.find(session.home, "daily-steps"), enrol_unknown=True)
    first = next(entry for entry in node.archive.entries() if entry[0] == 0x01)
    return first[19:39]


def points(session: Session, account: bytes) -> int:
    return int(session.node.views.accounts([account])[0][4])


@pytest.fixture(scope="module")
def grove(tmp_path_factory: pytest.TempPathFactory) -> tuple[LuyaHome, str, Path]:
    """A home with an open project, an account that has points, and a folder with evidence."""
    folder = tmp_path_factory.mktemp("grove")
    home = LuyaHome.of(folder / "home")
    with opened(home) as session:
        account = prepare(session, folder / "files")
    (folder / "terms.toml").write_text(TERMS, "utf-8")
    for name in ("plot.jpg", "other.jpg", "visit.pdf", "no.pdf"):
        (folder / name).write_bytes(name.encode())
    answer = projects.open_project(home, folder / "terms.toml", rehearse=True)
    assert (answer["rehearsed"], answer["index"]) == (True, None)
    assert projects.list_all(home) == {"projects": []}
    projects.open_project(home, folder / "terms.toml", rehearse=False)
    return home, to_hex(account), folder


def pledge(home: LuyaHome, account: str, units: int, **options: Any) -> dict[str, Any]:
    settings = {"max_points": None, "key": None, "rehearse": False} | options
    return projects.pledge(home, 1, account=account, units=units, **settings)


def deliver(home: LuyaHome, photo: Path, units: int, **options: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"first": None, "key": None, "rehearse": False} | options
    return projects.deliver(
        home, 1, units=units, place="28.871,105.442", shown=projects.Shown(photo, (), None), **settings
    )


def accept(home: LuyaHome, index: int, file: Path, **options: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"accepted": True, "key": ACCEPTOR, "rehearse": False} | options
    return projects.accept(home, index, files=[file], **settings)


def test_from_a_pledge_to_a_tree_and_back(grove: tuple[LuyaHome, str, Path]) -> None:
    home, account, folder = grove
    with pytest.raises(LoopRefused, match="allows"):
        pledge(home, account, 3, max_points="0.029", rehearse=True)
    assert pledge(home, account, 3, rehearse=True)["index"] is None
    pledged = pledge(home, account, 3)
    assert (pledged["first"], pledged["points"]) == (0, "0.03")
    assert not (folder / "plot.jpg.evidence.json").exists()

    with pytest.raises(UsageError, match="no 4 pledged and undelivered units in a row: 3"):
        deliver(home, folder / "plot.jpg", 4)
    with pytest.raises(LoopRefused, match="--key"):
        deliver(home, folder / "plot.jpg", 1, key=ACCEPTOR, rehearse=True)
    sent = deliver(home, folder / "plot.jpg", 2)
    assert json.loads(Path(sent["opening"]).read_text("utf-8"))["commitment"] == sent["evidence"]
    with pytest.raises(LoopRefused, match="NullifierUsed"):
        deliver(home, folder / "plot.jpg", 1)
    with pytest.raises(LoopRefused, match="acceptor's agent of another"):
        accept(home, sent["index"], folder / "visit.pdf", key=MERCHANT, rehearse=True)
    accept(home, sent["index"], folder / "visit.pdf")
    refused = deliver(home, folder / "other.jpg", 1)
    accept(home, refused["index"], folder / "no.pdf", accepted=False)

    shown = projects.show(home, 1)
    assert [shown[name] for name in ("pledged", "pending", "accepted", "returned")] == [3, 0, 2, 0]
    assert shown["pledges"][0]["deliveries"] == [sent["index"], refused["index"]]
    assert shown["deliveries"][0]["pledges"] == [pledged["index"]]
    with pytest.raises(LoopRefused, match="NothingToReturn"):
        projects.give_back(home, pledged["index"], rehearse=False)
    with opened(home) as session:
        before = points(session, bytes.fromhex(account[2:]))
    projects.end_project(home, 1, projects.ProjectState.ABANDONED, rehearse=False)
    projects.give_back(home, pledged["index"], rehearse=False)
    with opened(home) as session:
        assert points(session, bytes.fromhex(account[2:])) == before + 10
    assert projects.show(home, 1)["returned"] == 1


def test_a_rebuilt_ledger_knows_its_projects(grove: tuple[LuyaHome, str, Path]) -> None:
    home, account, _ = grove
    shown = projects.show(home, 1)
    with opened(home) as session:
        before = (module(session, "LuyaProjects").read("progress", 1), points(session, bytes.fromhex(account[2:])))
        nonce = session.node.manifest.genesis_nonce
    with opened(home, rebuild=True) as session:
        assert session.node.manifest.genesis_nonce != nonce, "a new ledger"
        after = (module(session, "LuyaProjects").read("progress", 1), points(session, bytes.fromhex(account[2:])))
    assert (after, projects.show(home, 1)) == (before, shown)


def test_what_a_terms_file_must_say(tmp_path: Path) -> None:
    path = tmp_path / "terms.toml"
    for text, why in (
        ("project = ", "Invalid value"),
        (TERMS.replace("target = 50\n", ""), "missing or unknown: target"),
        (TERMS + "more = 1\n", "missing or unknown: more"),
        (TERMS.replace('"seedlings"', '"shrubs"'), "kind is one of seedlings, fish, river_cleaning"),
        (TERMS.replace("target = 50", "target = 0"), "target is a whole number"),
        (TERMS.replace("target = 50", "target = true"), "target is a whole number"),
        (TERMS.replace("survival = true", "survival = 1"), "survival is true or false"),
        (TERMS.replace('"0.01"', '"0.0001"'), "no points"),
    ):
        path.write_text(text, "utf-8")
        with pytest.raises(UsageError, match=why):
            projects.described(path)
    with pytest.raises(UsageError):
        projects.described(tmp_path / "none.toml")
    path.write_text(TERMS, "utf-8")
    assert projects.described(path).price == 10


def test_the_command_says_what_is_not_there(grove: tuple[LuyaHome, str, Path]) -> None:
    home, _, folder = grove
    run = CliRunner().invoke(app, ["project", "show", "9", "--home", str(home.root), "--json"])
    assert run.exit_code == 1
    assert "没有项目 9" in run.output
    assert "it has: 1" in run.output
    run = CliRunner().invoke(app, ["project", "list", "--home", str(home.root), "--json"])
    assert json.loads(run.stdout.strip().splitlines()[-1])["projects"][0]["project"] == 1
    arguments = ["0", "--key", "nobody", "--evidence", str(folder / "visit.pdf"), "--home", str(home.root), "--dry-run"]
    run = CliRunner().invoke(app, ["project", "accept", *arguments])
    assert run.exit_code == 1
    assert "'nobody'" in run.output
    assert not (Keystore(home.root)._keys / "nobody.json").exists(), "no key is made by a slip"


def test_a_ledger_of_before_says_what_to_do() -> None:
    ledger = SimpleNamespace(read=lambda _name, _type: "0x" + "00" * 20)
    session = cast(Session, SimpleNamespace(node=SimpleNamespace(ledger=ledger, rpc=None)))
    with pytest.raises(HomeError, match="luya rebuild"):
        module(session, "LuyaProjects")


def test_a_pledge_that_was_cut_short_is_made_once(
    grove: tuple[LuyaHome, str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, account, folder = grove
    terms = folder / "second.toml"
    terms.write_text(TERMS.replace("project = 1", "project = 2"), "utf-8")
    projects.open_project(home, terms, rehearse=False)

    def pledge_two() -> dict[str, Any]:
        named: dict[str, Any] = {"max_points": None, "key": None, "rehearse": False}
        return projects.pledge(home, 2, account=account, units=2, **named)

    def killed(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    def sent_and_killed(*arguments: Any, **named: Any) -> Any:
        send(*arguments, **named)
        raise KeyboardInterrupt

    with opened(home) as session:
        before = points(session, bytes.fromhex(account[2:]))
    for kill in (killed, sent_and_killed):
        monkeypatch.setattr(projects, "send", kill)
        with pytest.raises(KeyboardInterrupt):
            pledge_two()
        (waiting,) = (home.root / "pledges").iterdir()
        assert waiting.stat().st_mode & 0o077 == 0
    monkeypatch.setattr(projects, "send", send)
    taken = pledge_two()
    assert (taken["first"], taken["index"] is not None) == (0, True)
    assert projects.show(home, 2)["pledged"] == 2, "once"
    assert list((home.root / "pledges").iterdir()) == []
    with opened(home) as session:
        assert points(session, bytes.fromhex(account[2:])) == before - 20
