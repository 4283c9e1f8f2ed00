"""`luya redeem`, `luya fulfil`, `luya refund`: an order from the resident's points to the counter, and back.

An order's code and its signed message lie in HOME/orders, for their owner alone, until the order is in the log: a
command that was cut short and is run again sends the same message, whose nonce the ledger takes once.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from chain_node.protocol.kinds.rewards import RefundCause
from chain_node.protocol.records import HASH_BYTES
from chain_node.rpc.client import to_hex
from luya.console import progress
from luya.errors import UsageError
from luya.home import LuyaHome
from luya.loop import amounts, reward_view, waiting
from luya.loop.catalogue import MODULE
from luya.loop.relay import SentAct, answered, module, said, send
from luya.loop.reward_view import RewardsView
from luya.loop.signing import CUSTODIAN_KEY, RELAY_KEY, as_struct, signature, signer
from luya.session.session import Session, opened

_VALID_SECONDS: Final = 3_600
"""How long an order's signature may wait."""


def redeem(
    home: LuyaHome,
    *,
    account: str,
    item: int,
    quantity: int,
    max_points: str | None,
    key: str | None,
    rehearse: bool,
    show: Callable[[dict[str, Any]], None] = lambda _: None,
) -> dict[str, Any]:
    """Orders for a resident's points, and says the code for the counter, once.

    key: of the custodian where it is None; a home's key by its name, or a keystore file.
    show: prints the answer. Only what was shown is deleted: a run killed before it leaves the code to the next.

    Raises:
        UsageError: no such item, or a value that can't be.
        LoopRefused: the ledger does not take it.
    """
    who = amounts.address(account)
    with progress() as advance, opened(home, advance=advance) as session:
        view = _view(session)
        asked: dict[str, int | bytes] = {"account": who, "item": item, "quantity": quantity}
        pending = None if rehearse else waiting.left_over(session, _folder(home), asked)
        fresh = pending is None
        if pending is None:
            most = _price(view, item) * quantity if max_points is None else amounts.millipoints(max_points)
            pending = _sign(session, home, asked, most, key or CUSTODIAN_KEY, keep=not rehearse)
        submit = partial(_order, session, pending, rehearse)
        sent = waiting.send_once(session, pending, submit, fresh=fresh, rehearse=rehearse)
        order = None if sent.index is None else _view(session).order(sent.index)
    code = None if sent.index is None else pending.more["code"]
    said(
        sent,
        f"订单 {sent.index} 已生成，请在柜台出示此码，仅显示一次：{code}。"
        f"Order {sent.index} is taken; its code for the counter, shown this once: {code}",
    )
    answer = {"order": sent.index, "code": code} | (order or asked | {"account": to_hex(who)}) | answered(sent)
    show(answer)
    pending.forget()
    return answer


def fulfil(home: LuyaHome, order: int, *, code: str, key: str | None, rehearse: bool) -> dict[str, Any]:
    """The merchant confirms with the order's code.

    Raises:
        UsageError: no such order, or no code.
        LoopRefused: the ledger does not take it.
    """
    try:
        secret = bytes.fromhex(code.strip())
    except ValueError:
        secret = b""
    if len(secret) != HASH_BYTES:
        raise UsageError("a code has 64 hex digits: ask the resident to show it again", "取货码应为 64 位十六进制数")
    with progress() as advance, opened(home, advance=advance) as session:
        view = _view(session)
        body = _body(view, order)
        by = signer(home, key or _merchants_key(view, order))
        proof = signature(session, by, "Fulfilment", {"order": order, "code": secret})
        contract = module(session, MODULE)
        data = contract.data("fulfil", order, body, secret, proof)
        sent = send(session, contract, data, by=RELAY_KEY, rehearse=rehearse)
    said(sent, f"订单 {order} 已核销。Order {order} is fulfilled.")
    return {"order": order, "state": "fulfilled"} | answered(sent)


def refund(home: LuyaHome, order: int, *, cause: RefundCause, key: str | None, rehearse: bool) -> dict[str, Any]:
    """Gives an order's points back, of the vintages they came from.

    Raises:
        UsageError: no such order.
        LoopRefused: the ledger does not take it.
    """
    with progress() as advance, opened(home, advance=advance) as session:
        view = _view(session)
        body, proof = _body(view, order), b""
        if cause is not RefundCause.UNFULFILLED:
            name = CUSTODIAN_KEY if cause is RefundCause.RESIDENT else _merchants_key(view, order)
            proof = signature(session, signer(home, key or name), "Refund", {"order": order, "cause": int(cause)})
        contract = module(session, MODULE)
        data = contract.data("refund", order, body, int(cause), proof)
        sent = send(session, contract, data, by=RELAY_KEY, rehearse=rehearse)
        points = view.order(order)["points"]
    said(sent, f"订单 {order} 已退还 {points} 积分。Order {order} is refunded: {points} points.")
    return {"order": order, "state": "refunded", "points": points} | answered(sent)


# ---------------------------------------------------------------------------------------------- an order on its way


def _sign(
    session: Session, home: LuyaHome, asked: dict[str, int | bytes], most: int, key: str, *, keep: bool
) -> waiting.WaitingAct:
    by = signer(home, key)
    account = as_struct(asked)[0]
    nonce = module(session, "LuyaControllers").read("nonceOf", account, to_hex(by.address))
    code = secrets.token_bytes(HASH_BYTES)
    values = asked | {
        "maxPrice": most,
        "codeHash": hashlib.sha256(code).digest(),
        "nonce": int(nonce),
        "deadline": int(time.time()) + _VALID_SECONDS,
    }
    proof = signature(session, by, "Order", values)
    return waiting.keep(session, _folder(home) if keep else None, values, proof, {"code": code.hex()})


def _order(session: Session, pending: waiting.WaitingAct, rehearse: bool) -> SentAct:
    contract = module(session, MODULE)
    data = contract.data("order", (*as_struct(pending.values), pending.signature))
    return send(session, contract, data, by=RELAY_KEY, rehearse=rehearse)


def _folder(home: LuyaHome) -> Path:
    return home.root / "orders"


# ---------------------------------------------------------------------------------------------------------- looking


def _view(session: Session) -> RewardsView:
    return reward_view.read(session.node.archive.entries())


def _price(view: RewardsView, item: int) -> int:
    shelf = view.shelves.get(item)
    terms = None if shelf is None else shelf.at(int(time.time()))
    if terms is None:
        known = ", ".join(str(number) for number in sorted(view.shelves)) or "none"
        raise UsageError(f"the catalogue has no item {item} now; it has: {known}", f"目录中没有商品 {item}")
    return terms.price


def _body(view: RewardsView, order: int) -> bytes:
    if order not in view.bodies:
        raise UsageError(
            f"entry {order} is no order of this log: see the number that `luya redeem` gave", f"没有订单 {order}"
        )
    return view.bodies[order]


def _merchants_key(view: RewardsView, order: int) -> str:
    _body(view, order)
    return f"agent-{view.shelves[view.orders[order].order.item].newest.organisation}-merchant"
