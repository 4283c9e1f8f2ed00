"""What happens to a request between the door and the nodes: rights, budget, audit, cache, nodes, in that order."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any, Final

from chain_node.errors import AuditError, CallRefused
from chain_node.gateway import audit as auditing
from chain_node.gateway import wire
from chain_node.gateway.cache import settled_key
from chain_node.gateway.callers import Caller
from chain_node.gateway.guards import Checked, forbidden
from chain_node.gateway.methods import Methods, Origin, Parts
from chain_node.gateway.policy import METHODS, Method
from chain_node.gateway.settings import GatewaySettings

_BATCH_AT_ONCE: Final = 16

log = logging.getLogger("luya.gateway")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. body: empty where nothing is to be answered (notifications); retry_after: seconds."""

    body: bytes
    status: int = 200
    retry_after: float | None = None


class Service:
    """Answers requests of callers that are known already.

    Args:
        settings: limits and rates.
        parts: see `Parts`.
    """

    def __init__(self, settings: GatewaySettings, parts: Parts) -> None:
        self._settings = settings
        self._parts = parts
        self._rates = dict(settings.rates)
        self._flying = 0
        self._heavy = asyncio.Semaphore(settings.heavy_in_flight)
        chain = settings.chain_id
        self._constants = {
            "eth_chainId": b'"0x%x"' % chain,
            "net_version": b'"%d"' % chain,
            "net_listening": b"true",
            "eth_accounts": b"[]",
        }
        self._methods = Methods(settings, parts)

    async def answer(self, caller: Caller, body: bytes, origin: Origin) -> Answer:
        """Answer a body; never raises for what a caller did."""
        try:
            request = wire.parse(body, self._settings.max_batch)
        except CallRefused as refused:
            self._parts.metrics.refused("json")
            return Answer(wire.failure(b"null", refused), refused.status)
        if not request.batch:
            return await self._single(caller, request.calls[0], origin)
        return await self._batch(caller, request.calls, origin)

    async def _single(self, caller: Caller, call: wire.Call | wire.Malformed, origin: Origin) -> Answer:
        if isinstance(call, wire.Malformed):
            return Answer(wire.failure(call.id, call.refusal))
        try:
            value = await self.call(caller, call.method, call.params, origin)
        except CallRefused as refused:
            if call.id is None:
                return Answer(b"", refused.status)
            return Answer(wire.failure(call.id, refused), refused.status, _retry_after(refused))
        return Answer(b"" if call.id is None else wire.result(call.id, value))

    async def _batch(self, caller: Caller, calls: tuple[wire.Call | wire.Malformed, ...], origin: Origin) -> Answer:
        gate = asyncio.Semaphore(_BATCH_AT_ONCE)
        size = 0
        refusals: list[CallRefused] = []

        async def one(call: wire.Call | wire.Malformed) -> bytes | None:
            nonlocal size
            if isinstance(call, wire.Malformed):
                return wire.failure(call.id, call.refusal)
            async with gate:
                try:
                    if size > self._settings.max_answer:
                        raise CallRefused(wire.LIMIT, "the batch's answer is too large: ask for less at once")
                    value = await self.call(caller, call.method, call.params, origin)
                    size += len(value)
                except CallRefused as refused:
                    refusals.append(refused)
                    return None if call.id is None else wire.failure(call.id, refused)
            return None if call.id is None else wire.result(call.id, value)

        answers = await asyncio.gather(*(one(call) for call in calls))
        body = b",".join(answer for answer in answers if answer is not None)
        status, wait = 200, None
        if len(refusals) == len(calls) and all(refused.status == 429 for refused in refusals):
            status, wait = 429, max((_retry_after(refused) or 0.0 for refused in refusals), default=None)
        return Answer(b"[" + body + b"]" if body else b"", status, wait)

    async def call(self, caller: Caller, method: str, params: list[Any], origin: Origin) -> bytes:
        """One call's result, as JSON.

        Raises:
            CallRefused: the error that answers it.
        """
        begun = time.perf_counter()
        kind, outcome = "refused", "ok"
        try:
            known = self._admitted(caller, method)
            constant = self._constants.get(method)
            if constant is not None:
                kind = "local"
                return constant
            found = self._parts.guards.check(caller, method, params)
            key = settled_key(method, found.params, self._parts.pool.final)
            if not found.reveals and key is not None:
                kept = self._parts.cache.get(key)
                if kept is not None:
                    kind = "cached"
                    self._parts.metrics.cached(True)
                    return self._parts.guards.shown(caller, method, kept)
            kind = "node"
            return await self._entered(caller, known, found, origin, key)
        except CallRefused as refused:
            outcome = str(refused.code)
            raise
        except Exception:
            outcome = str(wire.INTERNAL)
            log.exception("call_failed", extra={"method": known_name(method), "role": str(caller.role)})
            raise CallRefused(wire.INTERNAL, "the door failed on this call: its operator's log says why") from None
        finally:
            self._parts.metrics.call(method, caller.role.value, outcome, kind, time.perf_counter() - begun)

    def _admitted(self, caller: Caller, method: str) -> Method:
        """The method, once the caller's budget is charged and its role is looked at."""
        known = METHODS.get(method)
        rates = self._rates[caller.role]
        if caller.calls_per_s is not None or caller.units_per_s is not None:
            rates = type(rates)(
                caller.calls_per_s or rates.calls_per_s, caller.units_per_s or rates.units_per_s, rates.burst
            )
        self._parts.budgets.take(caller.key, rates, known.cost if known else 1)
        if known is None:
            raise CallRefused(wire.METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")
        if caller.role not in known.roles:
            raise forbidden(f"{method} is not open to role '{caller.role}'")
        return known

    async def _entered(
        self, caller: Caller, method: Method, found: Checked, origin: Origin, key: bytes | None
    ) -> bytes:
        budgets = self._parts.budgets
        if self._flying >= self._settings.total_in_flight:
            raise CallRefused(wire.LIMIT, "the door is busy: try again in a moment", status=503)
        budgets.enter(caller.key)
        self._flying += 1
        try:
            if method.heavy:
                async with self._heavy:
                    return await self._recorded(caller, method, found, origin, key)
            return await self._recorded(caller, method, found, origin, key)
        finally:
            self._flying -= 1
            budgets.leave(caller.key)

    async def _recorded(
        self, caller: Caller, method: Method, found: Checked, origin: Origin, key: bytes | None
    ) -> bytes:
        """The call, with its line in the audit log where it reveals or sends."""
        if not found.reveals:
            return await self._methods.run(caller, method, found, origin, key)
        begun = time.monotonic()
        if found.transaction is not None:  # what is sent can't be taken back: its line comes first
            await self._line(caller, method, found, origin, outcome="asked")
        outcome: object = "ok"
        try:
            return await self._methods.run(caller, method, found, origin, key)
        except CallRefused as refused:
            outcome = refused.code
            raise
        finally:
            milliseconds = round((time.monotonic() - begun) * 1000)
            await self._line(caller, method, found, origin, outcome=outcome, ms=milliseconds)

    async def _line(self, caller: Caller, method: Method, found: Checked, origin: Origin, **more: object) -> None:
        what: dict[str, Any] = {"params": auditing.shown(found.params)}
        sent = found.transaction
        if sent is not None:
            to = None if sent.to is None else "0x" + sent.to.hex()
            what = {
                "transaction": sent.hash,
                "sender": "0x" + sent.sender.hex(),
                "to": to,
                "selector": "0x" + sent.selector.hex(),
            }
        try:
            await self._parts.audit.write(
                caller=caller.id,
                role=caller.role.value,
                how=caller.how,
                address=origin.address,
                method=method.name,
                **what,
                **more,
            )
        except AuditError as error:
            log.error("audit_failed", extra={"error": str(error)})
            raise CallRefused(
                wire.INTERNAL, "privileged calls are refused: the audit log cannot be written", status=503
            ) from None


def known_name(method: str) -> str:
    """A method's name for logs: never a caller's own text."""
    return method if method in METHODS else "other"


def _retry_after(refused: CallRefused) -> float | None:
    wait = refused.data.get("retry_after_s") if isinstance(refused.data, dict) else None
    return None if wait is None else float(wait)
