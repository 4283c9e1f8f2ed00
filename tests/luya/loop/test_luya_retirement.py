"""Credits retired on a real chain by the command, and their certificate shown."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner

from chain_node.contracts.handles import artefact
from chain_node.protocol.certificate import grams
from chain_node.protocol.entries import decode
from chain_node.protocol.kinds.retirement import Retirement
from chain_node.protocol.records import evidence
from chain_node.rpc.client import to_hex
from luya.cli import app
from luya.demo.data import write_partner_files
from luya.errors import LoopRefused, UsageError
from luya.home import LuyaHome
from luya.loop import relay, retirement
from luya.loop.refusals import REMEDIES
from luya.loop.relay import module, send
from luya.session import feeds
from luya.session.session import opened


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[LuyaHome, str, int]:
    """A home with a custodian, an account with credits, and how many milligrams."""
    folder = tmp_path_factory.mktemp("held")
    home = LuyaHome.of(folder / "home")
    with opened(home) as session:
        node = session.node
        controllers = module(session, "LuyaControllers")
        data = controllers.data("setCustodian", to_hex(node.keystore.chain_key("custodian").address))
        send(session, controllers, data, by="governance", rehearse=False)
        made = write_partner_files(folder / "files", records=40, last_day=date(2026, 10, 31)).files["daily-steps"]
        session.ingest([made], feeds.find(home, "daily-steps"), enrol_unknown=True)
        account = next(entry for entry in node.archive.entries() if entry[0] == 0x01)[19:39]
        credits = int(node.views.accounts([account])[0][3])
    return home, to_hex(account), credits


def retire(home: LuyaHome, account: str, amount: str, **options: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"vintage": None, "beneficiary": "2", "reason": "年会", "key": None, "rehearse": False}
    return retirement.retire(home, account=account, amount=amount, **(settings | options))


def test_credits_are_retired_once_and_shown(held: tuple[LuyaHome, str, int]) -> None:
    home, account, credits = held
    assert retire(home, account, "0.01", rehearse=True)["index"] is None
    first = retire(home, account, "0.01")
    assert (first["serial"], first["grams"], first["salt"]) == (first["index"], "0.01", None)
    assert first["beneficiary"]["organisation"] == 2
    assert [line["serials"] for line in first["lines"]] == ["2026-0-1-10"]
    second = retire(home, account, "0.005", beneficiary="张三", vintage=2026)
    assert [line["serials"] for line in second["lines"]] == ["2026-0-11-15"]
    opened_hash = evidence(bytes.fromhex(second["salt"]), {"beneficiary": "张三"})
    assert second["beneficiary"]["commitment"] == opened_hash.hex()
    with opened(home) as session:
        assert int(session.node.views.accounts([bytes.fromhex(account[2:])])[0][3]) == credits - 15
        entry = decode(session.node.archive.entry(second["index"]))
        assert isinstance(entry, Retirement)
        assert "张三".encode() not in session.node.archive.entry(second["index"])
    assert retirement.certificate(home, first["serial"], None)["lines"] == first["lines"]
    run = CliRunner().invoke(app, ["certificate", str(first["serial"]), "--home", str(home.root), "--lang", "en"])
    assert run.exit_code == 0
    assert "Beneficiary: organisation 2\n" in run.output
    assert json.loads(run.stdout.strip().splitlines()[-1])["serial"] == first["serial"]


def test_what_was_cut_short_is_retired_once(held: tuple[LuyaHome, str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    home, account, _ = held

    def sent_and_killed(*arguments: Any, **named: Any) -> Any:
        relay.send(*arguments, **named)
        raise KeyboardInterrupt

    with opened(home) as session:
        before = int(session.node.views.accounts([bytes.fromhex(account[2:])])[0][3])
    monkeypatch.setattr(retirement, "send", sent_and_killed)
    with pytest.raises(KeyboardInterrupt):
        retire(home, account, "0.002", beneficiary="李四")
    monkeypatch.setattr(retirement, "send", relay.send)
    taken = retire(home, account, "0.002", beneficiary="李四")
    assert taken["beneficiary"]["commitment"] == evidence(bytes.fromhex(taken["salt"]), {"beneficiary": "李四"}).hex()
    assert list((home.root / "retirements").iterdir()) == []
    with opened(home) as session:
        assert int(session.node.views.accounts([bytes.fromhex(account[2:])])[0][3]) == before - 2, "once"


def test_what_is_refused(held: tuple[LuyaHome, str, int]) -> None:
    home, account, credits = held
    with pytest.raises(UsageError, match="the account holds"):
        retire(home, account, grams(credits + 1))
    with pytest.raises(UsageError, match="the account holds 0 g"):
        retire(home, account, "0.001", vintage=2025)
    with pytest.raises(LoopRefused, match="see --beneficiary"):
        retire(home, account, "0.001", beneficiary="999", rehearse=True)
    with pytest.raises(LoopRefused, match="neither controls the account"):
        retire(home, account, "0.001", key="governance", rehearse=True)
    for options, why in (
        ({"reason": ""}, "0 bytes"),
        ({"reason": "长" * 67}, "201 bytes"),
        ({"beneficiary": " "}, "retired for somebody"),
        ({"beneficiary": "65536"}, "no organisation's number"),
    ):
        with pytest.raises(UsageError, match=why):
            retire(home, account, "0.001", **options)
    with pytest.raises(UsageError, match="more than 0"):
        retire(home, account, "0")
    with pytest.raises(UsageError, match="entry 0 retires nothing"):
        retirement.certificate(home, 0, None)
    with pytest.raises(UsageError, match="there is no certificate 999999"):
        retirement.certificate(home, 999_999, None)


def test_every_refusal_of_the_contract_has_its_words() -> None:
    names = {error.name for error in artefact("LuyaRetirement").abi.errors.values()}
    own = {name for name in names if name.startswith("LuyaRetirement")}
    assert own, "the artefact has errors"
    assert own <= REMEDIES.keys()
