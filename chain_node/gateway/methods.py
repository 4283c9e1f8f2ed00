"""What each method does once a call is let through; most are handed to a node, or found in the cache."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Final, Protocol

from eth_hash.auto import keccak

from chain_node.errors import CallRefused
from chain_node.gateway import params as checked
from chain_node.gateway import traces, wire
from chain_node.gateway.audit import AuditLog
from chain_node.gateway.budgets import Budgets
from chain_node.gateway.cache import Cache, may_keep, settled_key
from chain_node.gateway.callers import Caller
from chain_node.gateway.filters import Filters
from chain_node.gateway.guards import Checked, Guards
from chain_node.gateway.heads import HeadFeed
from chain_node.gateway.logs import Criteria, LogReader
from chain_node.gateway.metrics import DoorMetrics
from chain_node.gateway.nodes import ABSENT
from chain_node.gateway.policy import READERS, DoorMethod
from chain_node.gateway.pool import Pool, refusal, unavailable
from chain_node.gateway.room import Room
from chain_node.gateway.settings import GatewaySettings

_RECEIPT_PATIENCE: Final = 2.0
_BLOCKS: Final = frozenset(
    {
        "eth_getBlockByNumber",
        "eth_getBlockByHash",
        "eth_getBlockTransactionCountByNumber",
        "eth_getBlockTransactionCountByHash",
        "eth_getBlockReceipts",
    }
)


class Connection(Protocol):
    """A WebSocket connection, as far as subscriptions need it."""

    async def subscribe(self, caller: Caller, criteria: Criteria | None) -> str: ...
    def unsubscribe(self, identifier: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from. address: the client's; connection: None over HTTP."""

    address: str
    connection: Connection | None = None


@dataclass(frozen=True, slots=True)
class ServiceParts:
    """What the service works with."""

    pool: Pool
    guards: Guards
    budgets: Budgets
    cache: Cache
    room: Room
    logs: LogReader
    filters: Filters
    feed: HeadFeed
    audit: AuditLog
    metrics: DoorMetrics


class Methods:
    """The methods.

    Args:
        settings: limits.
        parts: see `ServiceParts`.
    """

    def __init__(self, settings: GatewaySettings, parts: ServiceParts) -> None:
        self._settings = settings
        self._parts = parts
        self._version = f'"luya-gateway/{metadata.version("luya")}"'.encode()
        self._handlers: dict[str, Callable[[Caller, DoorMethod, Checked, Origin], Awaitable[bytes]]] = {
            "web3_clientVersion": self._client_version,
            "web3_sha3": self._sha3,
            "eth_getLogs": self._get_logs,
            "eth_newFilter": self._new_filter,
            "eth_newBlockFilter": self._new_block_filter,
            "eth_getFilterChanges": self._filter_changes,
            "eth_getFilterLogs": self._filter_logs,
            "eth_uninstallFilter": self._uninstall_filter,
            "eth_subscribe": self._subscribe,
            "eth_unsubscribe": self._unsubscribe,
            "eth_sendRawTransaction": self._send,
            "eth_getTransactionReceipt": self._receipt,
            "net_peerCount": self._quantity,
            "eth_protocolVersion": self._quantity,
        }

    async def run(self, caller: Caller, method: DoorMethod, found: Checked, origin: Origin, key: bytes | None) -> bytes:
        """A call's result, as JSON, as this caller may see it.

        Args:
            key: under which the answer may be kept, None for never.

        Raises:
            CallRefused: the error that answers it.
        """
        handler = self._handlers.get(method.name)
        if handler is not None:
            return await handler(caller, method, found, origin)
        if key is not None:
            kept = self._parts.cache.get(key)
            self._parts.metrics.cached(kept is not None)
            if kept is not None:
                return self._parts.guards.shown(caller, method.name, kept)
        value = await self._forward(method, found.params, key)
        return self._parts.guards.shown(caller, method.name, value)

    async def _forward(self, method: DoorMethod, params: list[Any], key: bytes | None) -> bytes:
        pool = self._parts.pool
        reply = await pool.ask(method.name, params, method.timeout, aside=0 if method.heavy else None)
        if reply.error is not None:
            if method.name in _BLOCKS and ABSENT.search(str(reply.error.get("message"))):
                return b"null"
            raise refusal(reply.error)
        value = reply.result or b"null"
        traces.refuse_cut(method.name, params, value)
        if key is not None and may_keep(method.name, value, pool.final):
            self._parts.cache.put(key, value)
        return value

    # --------------------------------------------------------------------------------------------- single methods

    async def _client_version(self, caller: Caller, method: DoorMethod, found: Checked, _origin: Origin) -> bytes:
        if caller.role not in READERS:
            return self._version
        text = str(wire.loads(await self._forward(method, [], None)))
        return wire.dumps(" ".join(text.split()))  # luyad's has line breaks, and a table of versions

    async def _quantity(self, _caller: Caller, method: DoorMethod, _found: Checked, _origin: Origin) -> bytes:
        """Where a node gives a number: luyad its peers, anvil its protocol's version."""
        count = wire.loads(await self._forward(method, [], None))
        return wire.dumps(hex(count) if isinstance(count, int) else count)

    async def _sha3(self, _caller: Caller, _method: DoorMethod, found: Checked, _origin: Origin) -> bytes:
        if len(found.params) != 1:
            raise checked.bad("web3_sha3 takes one parameter")
        return wire.dumps("0x" + keccak(checked.data(found.params[0], "the data")).hex())

    async def _get_logs(self, caller: Caller, method: DoorMethod, found: Checked, _origin: Origin) -> bytes:
        return await self._read_logs(caller, method, Criteria.of(found.params[0]))

    async def _read_logs(self, caller: Caller, method: DoorMethod, criteria: Criteria, *, whole: bool = False) -> bytes:
        def charge() -> None:
            self._parts.budgets.charge(caller.key, method.cost)

        return await self._parts.logs.read(criteria, charge, whole=whole)

    async def _receipt(self, caller: Caller, method: DoorMethod, found: Checked, _origin: Origin) -> bytes:
        """luyad holds back the answer for a pending transaction, up to 30 s: no receipt yet is null."""
        if len(found.params) != 1:
            raise checked.bad("eth_getTransactionReceipt takes a transaction's hash")
        params: list[Any] = [checked.hash32(found.params[0], "the transaction's hash")]
        key = settled_key(method.name, params, self._parts.pool.final)
        kept = self._parts.cache.get(key) if key is not None else None
        if kept is None:
            try:
                async with asyncio.timeout(_RECEIPT_PATIENCE):
                    kept = await self._forward(method, params, key)
            except TimeoutError:
                transaction = await self._parts.pool.value("eth_getTransactionByHash", *params)
                if transaction is None or transaction.get("blockNumber") is None:
                    return b"null"
                kept = await self._forward(method, params, key)
        return self._parts.guards.shown(caller, method.name, kept)

    async def _send(self, caller: Caller, _method: DoorMethod, found: Checked, _origin: Origin) -> bytes:
        reply = await self._parts.pool.send(found.params[0])
        self._parts.metrics.sent(caller.role.value, reply.error is None)
        if reply.error is not None:
            raise refusal(reply.error)
        return reply.result or b"null"

    # ----------------------------------------------------------------------------------- filters and subscriptions

    async def _new_filter(self, caller: Caller, _method: DoorMethod, found: Checked, _origin: Origin) -> bytes:
        if len(found.params) != 1:
            raise checked.bad("a filter is one object")
        criteria = Criteria.of(found.params[0])
        if criteria.block_hash is not None:
            raise checked.bad("a filter that waits for logs has no blockHash: use eth_getLogs")
        head = await self._head()
        first = criteria.first if isinstance(criteria.first, int) else head + 1
        return wire.dumps(self._parts.filters.add(caller, criteria, max(first, head + 1)))

    async def _new_block_filter(self, caller: Caller, _method: DoorMethod, _found: Checked, _origin: Origin) -> bytes:
        return wire.dumps(self._parts.filters.add(caller, None, await self._head() + 1))

    async def _filter_changes(self, caller: Caller, method: DoorMethod, found: Checked, _origin: Origin) -> bytes:
        one = self._parts.filters.get(caller, found.params[0] if found.params else None)
        if one.flying:
            raise CallRefused(wire.LIMIT, "this filter is being read: wait for the answer")
        one.flying = True
        try:
            head = await self._head()
            if head < one.next:
                return b"[]"
            if one.criteria is None:
                first = max(one.next, head - self._settings.max_batch + 1)
                blocks = await asyncio.gather(
                    *(self._parts.pool.value("eth_getBlockByNumber", hex(at), False) for at in range(first, head + 1))
                )
                if None in blocks:
                    raise unavailable("the node that is asked now is behind the one before it")
                value = wire.dumps([block["hash"] for block in blocks])
            else:
                last = head
                if isinstance(one.criteria.last, int):
                    last = min(head, one.criteria.last)
                if last < one.next:
                    return b"[]"
                value = await self._read_logs(caller, method, one.criteria.between(one.next, last), whole=True)
            one.next = head + 1
            return value
        finally:
            one.flying = False

    async def _filter_logs(self, caller: Caller, method: DoorMethod, found: Checked, _origin: Origin) -> bytes:
        one = self._parts.filters.get(caller, found.params[0] if found.params else None)
        if one.criteria is None:
            raise CallRefused(-32000, "filter not found")
        return await self._read_logs(caller, method, one.criteria)

    async def _uninstall_filter(self, caller: Caller, _method: DoorMethod, found: Checked, _origin: Origin) -> bytes:
        removed = self._parts.filters.remove(caller, found.params[0] if found.params else None)
        return b"true" if removed else b"false"

    async def _subscribe(self, caller: Caller, _method: DoorMethod, found: Checked, origin: Origin) -> bytes:
        if origin.connection is None:
            raise CallRefused(wire.METHOD_NOT_FOUND, "subscriptions need a WebSocket: notifications not supported")
        kind = found.params[0] if found.params else None
        if kind == "newHeads":
            return wire.dumps(await origin.connection.subscribe(caller, None))
        if kind != "logs":
            raise checked.bad("newHeads and logs can be subscribed to here, and nothing else")
        criteria = self._parts.guards.subscribed(caller, found.params[1] if len(found.params) > 1 else {})
        return wire.dumps(await origin.connection.subscribe(caller, criteria))

    async def _unsubscribe(self, _caller: Caller, _method: DoorMethod, found: Checked, origin: Origin) -> bytes:
        identifier = found.params[0] if found.params else None
        if origin.connection is None or not isinstance(identifier, str):
            raise CallRefused(-32000, "subscription not found")
        return b"true" if origin.connection.unsubscribe(identifier) else b"false"

    async def _head(self) -> int:
        return int(await self._parts.pool.value("eth_blockNumber"), 16)
