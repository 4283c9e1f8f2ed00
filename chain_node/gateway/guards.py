"""The second gate: a role's call is looked at by its parameters, and rewritten from what was checked.

What passes for public, owner and oracle is built here member by member; nothing they wrote reaches a node unseen. State
overrides are the reason: with them an `eth_call` runs code of the caller's own against the ledger's storage.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from chain_node.errors import CallRefused
from chain_node.gateway import params as checked
from chain_node.gateway import traces, wire
from chain_node.gateway.callers import Caller
from chain_node.gateway.filters import Filters
from chain_node.gateway.logs import Criteria
from chain_node.gateway.open_views import (
    BALANCE_OF,
    BALANCE_OF_BATCH,
    VIEW_ACCOUNTS,
    VIEW_BALANCES,
    OpenViews,
)
from chain_node.gateway.policy import BLOCK_AT, BLOCK_OPTIONAL, METHODS, READERS, Role
from chain_node.gateway.transactions import Transaction, decode

RECORD: Final = keccak(b"record(uint16,uint64,bytes,bytes,bytes32,bytes)")[:4]
BATCH_RECORDED: Final = (
    "0x" + keccak(b"BatchRecorded(uint16,uint64,uint64,uint64,bytes32,bytes,bytes,bytes32,bytes)").hex()
)
RECORD_REFUSED: Final = "0x" + keccak(b"RecordRefused(uint16,uint64,uint64,uint16)").hex()

_ANY_BLOOM: Final = "0x" + "ff" * 256
"""A Bloom filter that says 'maybe' to everything: true, and tells nothing of which accounts a block touched."""
_NOBODY: Final = bytes(20)
"""The zero address: cast asks for its nonce before each call. It tells nothing."""
_PUBLIC_DATA: Final = 4_096
_PARTNER_DATA: Final = 65_536
_MAX_FEE_BLOCKS: Final = 1_024
_CALL_MEMBERS: Final = frozenset(
    {"to", "data", "input", "from", "gas", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas", "value", "nonce",
     "type", "chainId", "accessList"}
)  # fmt: skip

Resolve = Callable[[str], str]
"""A tag ('safe', 'finalized' …) as what the nodes understand, by this network's rule of finality."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A call that may go on.

    Attributes:
        params: for a node.
        reveals: its answer shows what the public may not see: it goes to the audit log.
        transaction: what is sent.
    """

    params: list[Any]
    reveals: bool = False
    transaction: Transaction | None = None


def forbidden(message: str) -> CallRefused:
    """The refusal for want of a right."""
    return CallRefused(wire.UNAUTHORISED, message)


class Guards:
    """Checks calls.

    Args:
        views: which contract functions are open to whom.
        chain_id: what transactions must be for.
        resolve: see `Resolve`.
        filters: what a filter's changes show depends on what it is one of.
    """

    def __init__(self, views: OpenViews, chain_id: int, resolve: Resolve, filters: Filters) -> None:
        self._views = views
        self._chain_id = chain_id
        self._resolve = resolve
        self._filters = filters
        self._by_method: dict[str, Callable[[Caller, list[Any]], list[Any]]] = {
            "eth_call": self._call,
            "eth_estimateGas": self._estimate,
            "eth_getBalance": self._account,
            "eth_getTransactionCount": self._account,
            "eth_getCode": self._code,
            "eth_getStorageAt": self._storage,
            "eth_getBlockByNumber": self._block,
            "eth_getBlockByHash": self._block,
            "eth_getLogs": self._logs,
            "eth_feeHistory": self._fees,
            "debug_traceTransaction": lambda _caller, params: traces.bounded("debug_traceTransaction", params),
            "debug_traceCall": lambda _caller, params: traces.bounded("debug_traceCall", params),
            "debug_traceBlockByHash": lambda _caller, params: traces.bounded("debug_traceBlockByHash", params),
            "debug_traceBlockByNumber": lambda _caller, params: traces.bounded("debug_traceBlockByNumber", params),
            "trace_rawTransaction": self._raw,
        }

    def check(self, caller: Caller, method: str, params: list[Any]) -> Checked:
        """The call as it may go on.

        Raises:
            CallRefused: parameters that are wrong, or not this caller's to ask.
        """
        if method == "eth_sendRawTransaction":
            return self._send(caller, params)
        given = self._with_block(method, list(params))
        guard = self._by_method.get(method)
        if guard is not None:
            given = guard(caller, given)
        return Checked(given, METHODS[method].privileged or self._reveals(method, given))

    def _reveals(self, method: str, params: list[Any]) -> bool:
        """An open method, asked for what is not open."""
        if method == "eth_call":
            call = params[0] if isinstance(params[0], dict) else {}
            to, data = call.get("to"), call.get("input", call.get("data"))
            # A reader's call goes on as it was written, and Go's JSON takes "INPUT" for input: only what is spelled as
            # here is read here as a node reads it.
            if set(call) - _CALL_MEMBERS or call.get("data", data) != data:
                return True
            if len(params) > 2 or not isinstance(to, str) or not isinstance(data, str):
                return True
            try:
                return not self._views.allows(bytes.fromhex(to[2:]), bytes.fromhex(data[2:]))
            except ValueError:
                return True
        if method in ("eth_getBalance", "eth_getTransactionCount"):
            return str(params[0]) != "0x" + _NOBODY.hex()
        if method == "eth_subscribe":
            return params[:1] == ["logs"]
        if method == "eth_getFilterChanges":
            return bool(params) and self._filters.of_logs(params[0])
        return method in ("eth_getBlockByNumber", "eth_getBlockByHash") and params[1] is True

    def _with_block(self, method: str, params: list[Any]) -> list[Any]:
        at = BLOCK_AT.get(method)
        if at is None:
            return params
        if method in BLOCK_OPTIONAL and (len(params) == at or (len(params) > at and params[at] is None)):
            params[at:] = ["latest", *params[at + 1 :]]
        if len(params) <= at:
            raise checked.bad(f"{method} wants a block as its parameter {at + 1}")
        reference = checked.block_reference(params[at])
        if isinstance(reference, int):
            params[at] = hex(reference)
        else:
            params[at] = self._resolve(reference) if isinstance(reference, str) else reference
        return params

    # ------------------------------------------------------------------------------------------------------- reads

    def _call(self, caller: Caller, params: list[Any]) -> list[Any]:
        if caller.role in READERS:
            return params
        to, data = self._call_object(caller, params)
        views = self._views
        if views.allows(to, data):
            allowed = True
        elif caller.role is Role.OWNER:
            allowed = self._own_account(caller, to, data)
        else:
            allowed = (
                caller.role is Role.ORACLE and caller.precheck and to == views.views and data[:4] in views.precheck
            )
        if not allowed:
            raise forbidden(
                f"eth_call of 0x{data[:4].hex()} at 0x{to.hex()} is not open to role '{caller.role}': "
                "it may show residents' data"
            )
        return [{"to": "0x" + to.hex(), "data": "0x" + data.hex()}, params[1]]

    def _call_object(self, caller: Caller, params: list[Any]) -> tuple[bytes, bytes]:
        if len(params) > 2 and any(params[2:]):
            raise forbidden(f"state and block overrides are not open to role '{caller.role}'")
        call = params[0]
        if not isinstance(call, dict) or set(call) - _CALL_MEMBERS:
            raise checked.bad("a call is an object with to and data")
        if call.get("to") is None:
            raise forbidden(f"a call without a contract runs code of one's own: not open to role '{caller.role}'")
        given = call.get("input", call.get("data", "0x"))
        if call.get("data", given) != given:
            raise checked.bad("a call's data and input differ")
        data = checked.data(given, "data")
        limit = _PARTNER_DATA if caller.role is Role.ORACLE else _PUBLIC_DATA
        if len(data) > limit:
            raise checked.bad(f"the call's data has {len(data)} bytes, at most {limit} are taken")
        return checked.address(call["to"], "to"), data

    def _own_account(self, caller: Caller, to: bytes, data: bytes) -> bool:
        """An owner reads of the own account only."""
        types = {
            (self._views.ledger, BALANCE_OF): ("address", "uint256"),
            (self._views.ledger, BALANCE_OF_BATCH): ("address[]", "uint256[]"),
            (self._views.views, VIEW_ACCOUNTS): ("address[]",),
            (self._views.views, VIEW_BALANCES): ("address[]", "uint16[]"),
        }.get((to, data[:4]))
        if types is None or caller.address is None:
            return False
        try:
            arguments = abi_decode(types, data[4:])
        except (DecodingError, OverflowError):
            return False
        # Written again and compared: no other spelling that a contract might read differently.
        if abi_encode(types, arguments) != data[4:]:
            return False
        named = arguments[0] if types[0].endswith("[]") else (arguments[0],)
        own = "0x" + caller.address.hex()
        return all(str(one).lower() == own for one in named)

    def _account(self, caller: Caller, params: list[Any]) -> list[Any]:
        account = checked.address(params[0], "the account")
        own = caller.senders if caller.role is Role.ORACLE else {caller.address}
        if caller.role not in READERS and account not in own and account != _NOBODY:
            raise forbidden(f"0x{account.hex()} is not an account of yours")
        return ["0x" + account.hex(), params[1]]

    def _code(self, _caller: Caller, params: list[Any]) -> list[Any]:
        return ["0x" + checked.address(params[0], "the account").hex(), params[1]]

    def _block(self, caller: Caller, params: list[Any]) -> list[Any]:
        full = params[1] if len(params) > 1 else False
        if not isinstance(full, bool):
            raise checked.bad("the second parameter is true (whole transactions) or false (their hashes)")
        if full and caller.role not in READERS:
            raise forbidden(f"whole transactions are not open to role '{caller.role}': ask with false for their hashes")
        block = params[0] if params else None
        if checked.is_hash(block):
            return [str(block).lower(), full]
        if not isinstance(block, str):
            raise checked.bad("the block is a number, a tag or a hash")
        return [block, full]

    def _fees(self, caller: Caller, params: list[Any]) -> list[Any]:
        count = params[0]
        number = count if isinstance(count, int) and not isinstance(count, bool) else checked.quantity(count, "count")
        if not 0 < number <= _MAX_FEE_BLOCKS:
            raise checked.bad(f"the count of blocks is 1 to {_MAX_FEE_BLOCKS}")
        percentiles = params[2] if len(params) > 2 else []
        if not isinstance(percentiles, list) or len(percentiles) > 100:
            raise checked.bad("the percentiles are a list of up to 100 numbers")
        if not all(isinstance(one, int | float) and 0 <= one <= 100 for one in percentiles):
            raise checked.bad("a percentile is a number from 0 to 100")
        return [hex(number), params[1], percentiles]

    def _estimate(self, caller: Caller, params: list[Any]) -> list[Any]:
        if caller.role in READERS:
            return params
        to, data = self._call_object(caller, params)
        if to != self._views.ledger or data[:4] != RECORD:
            raise forbidden("an oracle estimates calls of the ledger's record only")
        call = {"to": "0x" + to.hex(), "data": "0x" + data.hex()}
        if params[0].get("from") is not None:
            sender = checked.address(params[0]["from"], "from")
            if sender not in caller.senders:
                raise forbidden(f"0x{sender.hex()} is not an address that you send from")
            call["from"] = "0x" + sender.hex()
        return [call, params[1]]

    def _logs(self, caller: Caller, params: list[Any]) -> list[Any]:
        if len(params) != 1 or not isinstance(params[0], dict):
            raise checked.bad("a filter is one object")
        if caller.role is Role.ORACLE:
            self._own_feeds(caller, params[0])
        return params

    def subscribed(self, caller: Caller, value: Any) -> Criteria:
        """The filter of a subscription to logs.

        Raises:
            CallRefused: it is none, or not this caller's to ask.
        """
        if not isinstance(value, dict):
            raise checked.bad("a filter is one object")
        if caller.role is Role.ORACLE:
            self._own_feeds(caller, value)
        elif caller.role not in READERS:
            raise forbidden(f"logs are not open to role '{caller.role}'")
        return Criteria.of({name: value[name] for name in ("address", "topics") if name in value})

    def _own_feeds(self, caller: Caller, criteria: dict[str, Any]) -> None:
        """A partner reads what its own feeds recorded: the topics must pin the events and the feeds."""
        topics = criteria.get("topics")
        if isinstance(topics, list) and len(topics) >= 2:
            events = topics[0] if isinstance(topics[0], list) else [topics[0]]
            feeds = topics[1] if isinstance(topics[1], list) else [topics[1]]
            own = {f"0x{feed:064x}" for feed in caller.feeds}
            address = criteria.get("address")
            address = address[0] if isinstance(address, list) and len(address) == 1 else address
            ledger = None if self._views.ledger is None else "0x" + self._views.ledger.hex()
            pinned = events and feeds and isinstance(address, str) and address.lower() == ledger
            if (
                pinned
                and all(isinstance(one, str) and one.lower() in (BATCH_RECORDED, RECORD_REFUSED) for one in events)
                and all(isinstance(one, str) and one.lower() in own for one in feeds)
            ):
                return
        raise forbidden(
            "an oracle reads BatchRecorded and RecordRefused of its own feeds: give the ledger's address, "
            "the event as the first topic and the feed as the second"
        )

    def _storage(self, _caller: Caller, params: list[Any]) -> list[Any]:
        """Nodes differ in what they take a wrong key for: luyad reads slot 0 where it is not hex."""
        account = "0x" + checked.address(params[0], "the account").hex()
        return [account, checked.slot(params[1]), params[2]]

    def _raw(self, _caller: Caller, params: list[Any]) -> list[Any]:
        if not params:
            raise checked.bad("trace_rawTransaction takes a signed transaction")
        return ["0x" + checked.data(params[0], "the transaction").hex(), *params[1:]]

    # ------------------------------------------------------------------------------------------------------- sends

    def _send(self, caller: Caller, params: list[Any]) -> Checked:
        if len(params) != 1:
            raise checked.bad("eth_sendRawTransaction takes one signed transaction")
        raw = checked.data(params[0], "the transaction")
        transaction = decode(raw)
        if transaction.chain_id != self._chain_id:
            raise CallRefused(
                wire.REJECTED, f"the transaction is for chain {transaction.chain_id}, this is {self._chain_id}"
            )
        if caller.role is Role.ORACLE:
            self._record_only(caller, transaction)
        return Checked(["0x" + raw.hex()], True, transaction)

    def _record_only(self, caller: Caller, transaction: Transaction) -> None:
        if self._views.ledger is None:
            raise forbidden("this door knows no ledger, so oracles cannot send: set contracts.ledger")
        if transaction.to != self._views.ledger or transaction.selector != RECORD or transaction.value:
            raise forbidden("an oracle sends calls of the ledger's record, without value, and nothing else")
        if transaction.sender not in caller.senders:
            raise forbidden(
                f"0x{transaction.sender.hex()} is not an address that this caller sends from: "
                "the operator lists it with --sender"
            )

    # ----------------------------------------------------------------------------------------------------- answers

    def shown(self, caller: Caller, method: str, raw: bytes) -> bytes:
        """An answer as this caller may see it."""
        if caller.role in READERS:
            return raw
        if method in ("eth_getBlockByNumber", "eth_getBlockByHash"):
            block = json.loads(raw)
            return raw if block is None else wire.dumps(open_block(block))
        if method in ("eth_getTransactionByHash", "eth_getTransactionReceipt"):
            found = json.loads(raw)
            sender = found.get("from") if isinstance(found, dict) else None
            mine = isinstance(sender, str) and bytes.fromhex(sender[2:]) in caller.senders
            return raw if mine else b"null"
        return raw


def open_block(block: dict[str, Any]) -> dict[str, Any]:
    """A block, or its header, as anybody may see it."""
    shown = dict(block, logsBloom=_ANY_BLOOM)
    if "transactions" in shown:
        shown["transactions"] = [one if isinstance(one, str) else one["hash"] for one in shown["transactions"]]
    return shown
