"""`luya retire` and `luya certificate`: credits retired for somebody, and what can be shown of it."""

from __future__ import annotations

import secrets
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

from eth_hash.auto import keccak
from rich.markup import escape

from chain_node.archive.reader import ArchiveReader
from chain_node.errors import ArchiveError
from chain_node.protocol.certificate import Certificate, Language, grams
from chain_node.protocol.entries import decode
from chain_node.protocol.kinds.act import MOST_PARTS, PART
from chain_node.protocol.kinds.retirement import MOST_REASON_BYTES, BeneficiaryKind, Retirement
from chain_node.protocol.records import HASH_BYTES, evidence
from chain_node.protocol.times import FIRST_VINTAGE, day_of, year_of
from chain_node.rpc.client import to_hex
from luya.console import progress, tell
from luya.errors import UsageError
from luya.home import LuyaHome
from luya.loop import amounts, waiting
from luya.loop.relay import SentAct, answered, module, send
from luya.loop.signing import CUSTODIAN_KEY, RELAY_KEY, signature, signer
from luya.session.session import Session, opened

MODULE: Final = "LuyaRetirement"
ORGANISATION_STATE: Final = 5
"""Of an organisation's account, in the ledger's account word."""
_VALID_SECONDS: Final = 3_600
_LAST_ORGANISATION: Final = 0xFFFF


def retire(
    home: LuyaHome,
    *,
    account: str,
    amount: str,
    vintage: int | None,
    beneficiary: str,
    reason: str,
    key: str | None,
    rehearse: bool,
) -> dict[str, Any]:
    """Retires credits, signed by the custodian's key or another of the home's.

    Args:
        home: the home.
        account: whose, 0x….
        amount: grams, up to three decimals.
        vintage: of which year alone; None takes the oldest first.
        beneficiary: an organisation's number; anything else is who the person is, and only its salted hash is written.
        reason: for what.
        key: name of the signing key.
        rehearse: only ask.

    Raises:
        UsageError: a value that can't be, or less is held.
        LoopRefused: the ledger does not take it.
    """
    who, milligrams = amounts.address(account), amounts.milligrams(amount)
    why = reason.encode()
    if not 0 < len(why) <= MOST_REASON_BYTES:
        raise UsageError(
            f"the reason has {len(why)} bytes of UTF-8: 1 to {MOST_REASON_BYTES} fit", "用途过长或为空，请缩短"
        )
    kind, whom, salt = _beneficiary(beneficiary)
    with progress() as advance, opened(home, advance=advance) as session:
        asked: dict[str, int | bytes] = {
            "account": who,
            "beneficiaryKind": int(kind),
            "reason": keccak(why),
        }
        wanted = {"beneficiary": beneficiary, "milligrams": str(milligrams), "vintage": str(vintage or "")}
        pending = None if rehearse else waiting.left_over(session, _folder(home), asked)
        if pending is not None and not wanted.items() <= pending.more.items():
            pending = None
        fresh = pending is None
        if pending is None:
            lines = b"".join(PART.codes.pack(*line) for line in _lines(session, who, milligrams, vintage))
            more = wanted | {"salt": "" if salt is None else salt.hex(), "lines": lines.hex()}
            asked |= {"beneficiary": whom, "lines": keccak(lines)}
            pending = _sign(session, home, asked, more, key or CUSTODIAN_KEY, keep=not rehearse)
        submit = partial(_retire, session, pending, why, rehearse)
        sent = waiting.send_once(session, pending, submit, fresh=fresh, rehearse=rehearse)
    pending.forget()
    kept_salt = pending.more["salt"] or None
    value = answered(sent)
    if sent.index is None:
        tell("账本会接受，尚未发送。The ledger would take it; nothing was sent.")
        return value | {"grams": grams(milligrams)}
    gone = grams(milligrams)
    tell(f"已注销 {gone} 克，证书编号 {sent.index}。{gone} g are retired: certificate {sent.index}.")
    if kept_salt is not None:
        tell("请妥善保存 salt：凭它才能证明受益人是谁。Keep the salt: with it alone the beneficiary can be shown.")
    return value | certificate(home, sent.index, None) | {"salt": kept_salt}


def _sign(
    session: Session, home: LuyaHome, asked: dict[str, int | bytes], more: dict[str, str], key: str, *, keep: bool
) -> waiting.WaitingAct:
    by = signer(home, key)
    account = asked["account"]
    assert isinstance(account, bytes)
    own = int(session.node.views.accounts([account])[0][0]) == ORGANISATION_STATE
    contract, function = ("LuyaRetirement", "organiserNonce") if own else ("LuyaControllers", "nonceOf")
    nonce = int(module(session, contract).read(function, to_hex(account), to_hex(by.address)))
    order = ("account", "beneficiaryKind", "beneficiary", "reason", "lines")
    bounds = {"nonce": nonce, "deadline": int(time.time()) + _VALID_SECONDS}
    values = {name: asked[name] for name in order} | bounds
    proof = signature(session, by, "Retirement", values)
    return waiting.keep(session, _folder(home) if keep else None, values, proof, more)


def _retire(session: Session, pending: waiting.WaitingAct, why: bytes, rehearse: bool) -> SentAct:
    contract, said, lines = module(session, MODULE), pending.values, bytes.fromhex(pending.more["lines"])
    account = said["account"]
    assert isinstance(account, bytes)
    values = (
        *(to_hex(account), said["beneficiaryKind"], said["beneficiary"], why, lines, said["nonce"], said["deadline"]),
    )
    data = contract.data("retire", values, pending.signature)
    return send(session, contract, data, by=RELAY_KEY, rehearse=rehearse)


def _folder(home: LuyaHome) -> Path:
    return home.root / "retirements"


def certificate(home: LuyaHome, serial: int, language: Language | None) -> dict[str, Any]:
    """A certificate out of the archive; `language`: also told as text.

    Raises UsageError: the log has no such certificate.
    """
    try:
        entry = decode(ArchiveReader(home.archive).entry(serial))
    except ArchiveError as error:
        raise UsageError(f"there is no certificate {serial}: {error}", f"没有编号为 {serial} 的注销证书") from None
    if not isinstance(entry, Retirement):
        raise UsageError(
            f"there is no certificate {serial}: entry {serial} retires nothing", f"没有编号为 {serial} 的注销证书"
        )
    made = Certificate.of(serial, entry)
    if language is not None:
        tell(escape(made.text(language).rstrip("\n")))
    return made.document()


def _beneficiary(text: str) -> tuple[BeneficiaryKind, bytes, bytes | None]:
    """(kind, as the entry has it, the salt of a person's hash)."""
    if text.isascii() and text.isdigit():
        number = int(text)
        if not 0 < number <= _LAST_ORGANISATION:
            raise UsageError(f"{text} is no organisation's number: 1 to {_LAST_ORGANISATION}", "机构编号有误")
        return BeneficiaryKind.ORGANISATION, number.to_bytes(HASH_BYTES, "big"), None
    if not text.strip():
        raise UsageError("credits are retired for somebody: give --beneficiary", "请用 --beneficiary 指定受益方")
    salt = secrets.token_bytes(HASH_BYTES)
    return BeneficiaryKind.PERSON, evidence(salt, {"beneficiary": text}), salt


def _lines(session: Session, who: bytes, milligrams: int, vintage: int | None) -> list[tuple[int, int]]:
    """(vintage, mg) of what is retired: of one year, or of the oldest that the account has."""
    last = year_of(day_of(int(time.time())))
    years = [vintage] if vintage is not None else list(range(FIRST_VINTAGE, last + 1))
    found = session.node.views.balances([(who, year) for year in years])
    lines: list[tuple[int, int]] = []
    rest = milligrams
    for year, (credits, _) in zip(years, found, strict=True):
        part = min(rest, int(credits))
        if part and len(lines) < MOST_PARTS:
            lines.append((year, part))
            rest -= part
    if rest:
        raise UsageError(
            f"the account holds {grams(milligrams - rest)} g of what is asked for, not {grams(milligrams)}",
            "账户中的减排量不足",
        )
    return lines
