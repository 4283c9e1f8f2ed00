"""An act on its way to the ledger: rehearsed, sent once, and found again as its entry."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from chain_node.contracts.handles import MODULES, Contract, artefact, revert_reason
from chain_node.errors import RpcError
from chain_node.rpc.client import to_bytes, to_hex
from chain_node.sending.sender import Tx
from luya.console import tell
from luya.errors import HomeError
from luya.loop.refusals import refusal
from luya.session.session import Session

_MARGIN: Final = 1.25
"""Gas is a quarter above what the rehearsal used: the chain may have moved on a little."""
_APPENDED: Final = "EntryAppended"


@dataclass(frozen=True, slots=True)
class SentAct:
    """index: of the entry; transaction: 0x hex. Both are None after a rehearsal."""

    index: int | None = None
    transaction: str | None = None


def module(session: Session, name: str) -> Contract:
    """The module's contract: the one that owns its types now.

    Raises:
        HomeError: this ledger was deployed before there was such a module.
    """
    node = session.node
    address = to_bytes(str(node.ledger.read("module", MODULES[name][0][0])))
    if not any(address):
        raise HomeError(
            f"this ledger has no {name}: it is of an earlier version. Run `luya rebuild`, which keeps every entry",
            "此账本由旧版部署，尚无该模块：请运行 luya rebuild（所有记录都会保留）",
        )
    return Contract(node.rpc, address, artefact(name).abi)


def send(session: Session, contract: Contract, data: bytes, *, by: str, rehearse: bool) -> SentAct:
    """Send an act and wait until its entry is final, archived and in the read model.

    Args:
        session: an open home.
        contract: the module.
        data: call data.
        by: name of the home's key that sends; a role's key for the office's acts, any for acts that somebody signed.
        rehearse: only ask the contract whether it would take it now.

    Raises:
        LoopRefused: the contract refuses it; nothing was sent, or nothing has changed.
        SenderError, RpcError: see there.
    """
    node = session.node
    call = {"from": to_hex(node.keystore.chain_key(by).address), "to": to_hex(contract.address), "data": to_hex(data)}
    try:
        node.rpc.call("eth_call", call, "latest")
        gas = int(node.rpc.call("eth_estimateGas", call), 16)
    except RpcError as error:
        raise refusal(revert_reason(error)) from error
    if rehearse:
        return SentAct()
    # The log's size makes the key new where the same act is right again later; until then it is sent once.
    name = f"act/{hashlib.sha256(data).hexdigest()[:32]}/{node.ledger.log_size()}"
    sender = node.sender(by, patience=30.0)
    try:
        receipt = sender.run([Tx(contract.address, data, int(gas * _MARGIN), name)])[0]
    finally:
        node.release_sender(by)
    node.catch_up()
    session.project()
    return SentAct(_index(session, receipt.tx_hash), receipt.tx_hash)


def said(sent: SentAct, text: str) -> None:
    """Tells what was done, or that it was a rehearsal."""
    tell("账本会接受，尚未发送。The ledger would take it; nothing was sent." if sent.index is None else text)


def answered(sent: SentAct) -> dict[str, Any]:
    """What every answer ends with."""
    return {"rehearsed": sent.index is None, "index": sent.index, "transaction": sent.transaction}


def _index(session: Session, transaction: str) -> int:
    topic = to_hex(artefact("LuyaLedger").abi.events[_APPENDED].topic)
    found = session.node.rpc.call("eth_getTransactionReceipt", transaction)
    logs = [log for log in found["logs"] if log["topics"][0] == topic]
    return int(logs[-1]["topics"][1], 16)
