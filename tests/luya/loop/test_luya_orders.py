"""Points for a mug on a real chain, by the commands: the catalogue, an order, the counter, a refund."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from eth_keyfile.keyfile import create_keyfile_json
from typer.testing import CliRunner

from chain_node.keys.keystore import Keystore
from chain_node.rpc.client import to_hex
from luya.cli import app
from luya.demo.data import write_partner_files
from luya.errors import LoopRefused, UsageError
from luya.home import LuyaHome
from luya.loop import catalogue, orders, relay, reward_view, signing
from luya.loop.relay import module, send
from luya.operate import checks
from luya.session import feeds
from luya.session.session import Session, opened

TERMS = """\
item = 1
organisation = 2
kind = "good"
price_points = "0.01"
settlement_yuan = "9.90"
stock = 5
opens = 2026-01-01
closes = 2036-12-01
fulfil_days = 7
refund_days = 3
text = "A mug of bamboo."
"""
MERCHANT = "agent-2-merchant"


def prepare(session: Session, files: Path) -> str:
    """An agent of organisation 2, a custodian, residents with points; gives the account of one who has some."""
    node = session.node
    keys = node.keystore
    agents, controllers = module(session, "LuyaAgents"), module(session, "LuyaControllers")
    data = agents.data("setAgent", to_hex(keys.chain_key(MERCHANT).address), 2, 1, 1)
    send(session, agents, data, by="governance", rehearse=False)
    data = controllers.data("setCustodian", to_hex(keys.chain_key("custodian").address))
    send(session, controllers, data, by="governance", rehearse=False)
    made = write_partner_files(files, records=40, last_day=date(2026, 10, 31)).files["daily-steps"]
    session.ingest([made], feeds.find(session.home, "daily-steps"), enrol_unknown=True)
    first = next(entry for entry in node.archive.entries() if entry[0] == 0x01)
    return to_hex(first[19:39])


def points(home: LuyaHome, account: str) -> int:
    with opened(home) as session:
        return int(session.node.views.accounts([bytes.fromhex(account[2:])])[0][4])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[LuyaHome, str, Path]:
    """A home with an item for sale, and an account that has points."""
    folder = tmp_path_factory.mktemp("shop")
    home = LuyaHome.of(folder / "home")
    with opened(home) as session:
        account = prepare(session, folder / "files")
    (folder / "mug.toml").write_text(TERMS, "utf-8")
    assert catalogue.add(home, folder / "mug.toml", rehearse=True)["rehearsed"]
    assert catalogue.list_all(home) == {"items": []}
    catalogue.add(home, folder / "mug.toml", rehearse=False)
    return home, account, folder


def redeem(home: LuyaHome, account: str, quantity: int = 1, **options: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"item": 1, "max_points": None, "key": None, "rehearse": False} | options
    return orders.redeem(home, account=account, quantity=quantity, **settings)


def test_from_points_to_the_counter_and_back(shop: tuple[LuyaHome, str, Path]) -> None:
    home, account, _ = shop
    before = points(home, account)
    assert redeem(home, account, rehearse=True)["code"] is None
    with pytest.raises(LoopRefused, match="LuyaRewardsTooDear"):
        redeem(home, account, 2, max_points="0.019", rehearse=True)
    with pytest.raises(LoopRefused, match="LuyaRewardsTooDear"):
        redeem(home, account, 2, max_points="0.019")
    assert list((home.root / "orders").iterdir()) == [], "what was refused does not stand in the next one's way"
    bought = redeem(home, account, 2)
    assert (bought["state"], bought["points"], bought["settlement_yuan"]) == ("open", "0.02", "19.80")
    assert points(home, account) == before - 20
    assert list((home.root / "orders").iterdir()) == [], "the code is said once and kept nowhere"

    with pytest.raises(UsageError, match="64 hex digits"):
        orders.fulfil(home, bought["order"], code="1234", key=None, rehearse=True)
    with pytest.raises(LoopRefused, match="LuyaRewardsWrongCode"):
        orders.fulfil(home, bought["order"], code="00" * 32, key=None, rehearse=False)
    with pytest.raises(LoopRefused, match="LuyaRewardsNotAllowed"):
        orders.fulfil(home, bought["order"], code=bought["code"], key="custodian", rehearse=True)
    with pytest.raises(UsageError, match="is no order of this log"):
        orders.fulfil(home, 0, code=bought["code"], key=None, rehearse=True)
    assert orders.fulfil(home, bought["order"], code=bought["code"], key=None, rehearse=False)["state"] == "fulfilled"
    with pytest.raises(LoopRefused, match="LuyaRewardsWrongState"):
        orders.fulfil(home, bought["order"], code=bought["code"], key=None, rehearse=False)

    merchant = orders.RefundCause.MERCHANT
    given = orders.refund(home, bought["order"], cause=merchant, key=None, rehearse=False)
    assert given["points"] == "0.02"
    assert points(home, account) == before
    item = catalogue.list_all(home)["items"][0]
    assert (item["state"], item["sold"], item["left"]) == ("active", 0, 5)


def test_what_was_cut_short_is_ordered_once(shop: tuple[LuyaHome, str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    home, account, _ = shop
    before = points(home, account)

    def killed(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    # Killed before anything was sent, then after it was sent and taken, then before it was told, then run to the end.
    monkeypatch.setattr(orders, "send", killed)
    with pytest.raises(KeyboardInterrupt):
        redeem(home, account)
    (waiting,) = (home.root / "orders").iterdir()
    assert waiting.stat().st_mode & 0o077 == 0
    code = json.loads(waiting.read_text("utf-8"))["code"]

    def sent_and_killed(*arguments: Any, **named: Any) -> Any:
        relay.send(*arguments, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(orders, "send", sent_and_killed)
    with pytest.raises(KeyboardInterrupt):
        redeem(home, account)
    monkeypatch.setattr(orders, "send", relay.send)
    # Killed before its answer was seen: the code is still there.
    with pytest.raises(KeyboardInterrupt):
        redeem(home, account, show=killed)
    taken = redeem(home, account)
    assert taken["code"] == code, "the same order"
    assert points(home, account) == before - 10, "paid once"
    assert list((home.root / "orders").iterdir()) == []
    with opened(home) as session:
        view = reward_view.read(session.node.archive.entries())
    assert [index for index, book in view.orders.items() if book.state.name == "OPEN"] == [taken["order"]]
    orders.refund(home, taken["order"], cause=orders.RefundCause.RESIDENT, key=None, rehearse=False)
    assert points(home, account) == before


def test_an_order_signed_for_a_chain_that_is_gone_is_signed_anew(
    shop: tuple[LuyaHome, str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, account, _ = shop
    before = points(home, account)

    def killed(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(orders, "send", killed)
    with pytest.raises(KeyboardInterrupt):
        redeem(home, account)
    assert len(list((home.root / "orders").iterdir())) == 1
    monkeypatch.setattr(orders, "send", relay.send)
    checks.rebuild(home, quiet=True)
    taken = redeem(home, account)
    assert points(home, account) == before - 10, "paid once"
    assert list((home.root / "orders").iterdir()) == []
    orders.refund(home, taken["order"], cause=orders.RefundCause.RESIDENT, key=None, rehearse=False)


def test_by_the_command_line(shop: tuple[LuyaHome, str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    home, account, folder = shop
    device = folder / "device.json"
    device.write_text(json.dumps(create_keyfile_json(bytes([5]) * 32, b"pass", kdf="pbkdf2", iterations=10)), "utf-8")
    monkeypatch.setenv("LUYA_HOME", str(home.root))
    monkeypatch.setenv(signing.OPENED_BY, "pass")
    runner = CliRunner()

    listed = runner.invoke(app, ["catalogue", "list", "--json"])
    assert json.loads(listed.output.splitlines()[-1])["items"][0]["price_points"] == "0.01"
    order = ["redeem", "--account", account, "--item", "1", "--dry-run"]
    assert json.loads(runner.invoke(app, order).output.splitlines()[-1])["rehearsed"] is True
    stranger = runner.invoke(app, [*order, "--key", str(device)])
    assert stranger.exit_code == 1
    assert "LuyaControllersNotAllowed" in stranger.output
    assert "签名者无权代表该账户" in stranger.output
    unknown = runner.invoke(app, ["redeem", "--account", account, "--item", "7"])
    assert (unknown.exit_code, "no item 7" in unknown.output) == (1, True)
    wrong = runner.invoke(app, ["refund", "3", "--cause", "because"])
    assert (wrong.exit_code, "--cause is resident, merchant, unfulfilled" in wrong.output) == (1, True)
    period = ["--archive", str(home.archive), "--from", "2026-01-01"]
    owed = runner.invoke(app, ["auditor", "settlement", *period, "--to", "2036-01-01"])
    (line,) = json.loads(owed.output.splitlines()[-1])["lines"]
    assert (line["organisation"], line["fen"], line["returned_fen"], line["owed_fen"]) == (2, 1_980, 1_980, 0)
    for wrong_period in ([*period, "--to", "2025-01-01"], [*period, "--to", "soon"]):
        assert runner.invoke(app, ["auditor", "settlement", *wrong_period]).exit_code == 1
    gone = runner.invoke(app, ["catalogue", "withdraw", "1", "--dry-run", "--json"])
    assert json.loads(gone.output.splitlines()[-1])["rehearsed"] is True


def test_a_key_that_is_not_there_is_not_made(shop: tuple[LuyaHome, str, Path], tmp_path: Path) -> None:
    home, account, _ = shop
    with pytest.raises(UsageError, match="cannot sign with 'nobody'"):
        redeem(home, account, key="nobody", rehearse=True)
    with pytest.raises(UsageError, match="no such keystore file"):
        redeem(home, account, key=str(tmp_path / "none.json"), rehearse=True)
    assert not (Keystore(home.root)._keys / "nobody.json").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("item = 1", "item = -1"), "item is a whole number"),
        (('kind = "good"', 'kind = "bad"'), "kind is one of good, coupon"),
        (('price_points = "0.01"', 'price_points = "0.0001"'), "no points that the ledger can hold"),
        (("stock = 5", "stack = 5"), "missing or unknown: stack"),
        (('text = "A mug of bamboo."', "text = 5"), "text is the item's published description"),
        (("fulfil_days = 7", "fulfil_days = 99999999"), "fulfil_days is a whole number"),
    ],
)
def test_terms_that_are_none(tmp_path: Path, change: tuple[str, str], reason: str) -> None:
    file = tmp_path / "item.toml"
    file.write_text(TERMS.replace(*change), "utf-8")
    with pytest.raises(UsageError, match=reason):
        catalogue.described(file)


def test_an_item_without_limits_and_with_a_time(tmp_path: Path) -> None:
    file = tmp_path / "item.toml"
    file.write_text(TERMS.replace("stock = 5", "effective = 2027-01-01"), "utf-8")
    terms = catalogue.described(file)
    assert terms[:8] == (1, 2, 1, 10, 990, 0xFFFFFFFF, 0, 0)
    assert terms[10:13] == (7 * 86_400, 3 * 86_400, 1_798_732_800)


def test_a_rebuilt_ledger_goes_on_with_its_orders(shop: tuple[LuyaHome, str, Path]) -> None:
    home, account, _ = shop
    before = points(home, account)
    bought = redeem(home, account, 3)
    given = redeem(home, account, 1)
    orders.refund(home, given["order"], cause=orders.RefundCause.RESIDENT, key=None, rehearse=False)
    checks.rebuild(home, quiet=True)
    assert points(home, account) == before - 30
    with pytest.raises(LoopRefused, match="LuyaRewardsWrongState"):
        orders.refund(home, given["order"], cause=orders.RefundCause.RESIDENT, key=None, rehearse=False)
    with pytest.raises(LoopRefused, match="LuyaRewardsOutOfStock"):
        redeem(home, account, 3, rehearse=True)
    orders.fulfil(home, bought["order"], code=bought["code"], key=None, rehearse=False)
    assert checks.fsck(home, deep=True, quiet=True)["ok"]
