"""What happens to a request between the door and the nodes: rights, budget, audit, cache, nodes, in that order."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any, Final

from eth_hash.auto import keccak

from chain_node.errors import AuditError, CallRefused
from chain_node.gateway import audit as auditing
from chain_node.gateway import wire
from chain_node.gateway.budgets import Rates
from chain_node.gateway.cache import settled_key
from chain_node.gateway.callers import Caller
from chain_node.gateway.guards import Checked, forbidden
from chain_node.gateway.methods import Methods, Origin, ServiceParts
from chain_node.gateway.policy import METHODS, DoorMethod
from chain_node.gateway.room import SMALL, Hold, share
from chain_node.gateway.settings import GatewaySettings

_BATCH_AT_ONCE: Final = 16
_BYTES_A_UNIT: Final = 4_096

log = logging.getLogger("luya.gateway")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. body: empty where nothing is to be answered (notifications); retry_after: seconds; hold: its
    part of the room for answers, to be released once it is sent, None where it is small."""

    body: bytes
    status: int = 200
    retry_after: float | None = None
    hold: Hold | None = None

    def sent(self) -> None:
        """It needs no room any more."""
        if self.hold is not None:
            self.hold.release()


class Service:
    """Answers requests of callers that are known already.

    Args:
        settings: limits and rates.
        parts: see `ServiceParts`.
    """

    def __init__(self, settings: GatewaySettings, parts: ServiceParts) -> None:
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
        # A large body is charged before it is read: reading it costs, whatever is in it. A small one costs what its
        # calls do, and is then refused with their ids; what is no call costs as the cheapest does.
        paid = 0
        try:
            if len(body) >= _BYTES_A_UNIT:
                paid = len(body) // _BYTES_A_UNIT + 1
                self._parts.budgets.take(caller.key, self._rates_of(caller), paid)
            request = self._parsed(caller, body, paid)
        except CallRefused as refused:
            return Answer(wire.failure(b"null", refused), refused.status, _retry_after(refused))
        if not request.batch:
            return await self._single(caller, request.calls[0], origin, paid)
        return await self._batch(caller, request.calls, origin, paid)

    def _parsed(self, caller: Caller, body: bytes, paid: int) -> wire.Request:
        try:
            return wire.parse(body, self._settings.max_batch)
        except CallRefused:
            self._parts.metrics.refused("json")
            if not paid:
                self._parts.budgets.take(caller.key, self._rates_of(caller), 1)
            raise

    async def _single(self, caller: Caller, call: wire.RpcCall | wire.Malformed, origin: Origin, paid: int) -> Answer:
        try:
            if isinstance(call, wire.Malformed):
                raise self._malformed(caller, call, paid)
            value = await self.call(caller, call.method, call.params, origin, paid)
        except CallRefused as refused:
            if call.id is None:
                return Answer(b"", refused.status)
            return Answer(wire.failure(call.id, refused), refused.status, _retry_after(refused))
        if call.id is None:
            return Answer(b"")
        hold = None
        if len(value) > SMALL:
            hold = Hold(self._parts.room)
            try:
                hold.take(len(value))
            except CallRefused as refused:
                return Answer(wire.failure(call.id, refused), refused.status)
        return Answer(wire.result(call.id, value), hold=hold)

    async def _batch(
        self, caller: Caller, calls: tuple[wire.RpcCall | wire.Malformed, ...], origin: Origin, paid: int
    ) -> Answer:
        hold = Hold(self._parts.room)
        try:
            return await self._answers(caller, calls, origin, paid, hold)
        except BaseException:
            hold.release()
            raise

    async def _answers(
        self, caller: Caller, calls: tuple[wire.RpcCall | wire.Malformed, ...], origin: Origin, paid: int, hold: Hold
    ) -> Answer:
        gate = asyncio.Semaphore(_BATCH_AT_ONCE)
        refusals: list[CallRefused] = []

        async def one(call: wire.RpcCall | wire.Malformed, paid: int) -> bytes | None:
            async with gate:
                try:
                    if hold.size > self._settings.max_answer:
                        raise _too_large()
                    if isinstance(call, wire.Malformed):
                        raise self._malformed(caller, call, paid)
                    value = await self.call(caller, call.method, call.params, origin, paid)
                    if hold.size + len(value) > self._settings.max_answer:
                        raise _too_large()
                    hold.take(len(value))
                except CallRefused as refused:
                    refusals.append(refused)
                    return None if call.id is None else wire.failure(call.id, refused)
            return None if call.id is None else wire.result(call.id, value)

        answers = await asyncio.gather(*(one(call, 0 if at else paid) for at, call in enumerate(calls)))
        body = b",".join(answer for answer in answers if answer is not None)
        status, wait = 200, None
        if len(refusals) == len(calls) and all(refused.status == 429 for refused in refusals):
            status, wait = 429, max((_retry_after(refused) or 0.0 for refused in refusals), default=None)
        return Answer(b"[" + body + b"]" if body else b"", status, wait, hold)

    def _malformed(self, caller: Caller, call: wire.Malformed, paid: int) -> CallRefused:
        """Its refusal, once it is charged."""
        if not paid:
            self._parts.budgets.take(caller.key, self._rates_of(caller), 1)
        return call.refusal

    async def call(self, caller: Caller, method: str, params: list[Any], origin: Origin, paid: int = 0) -> bytes:
        """One call's result, as JSON.

        Args:
            paid: what the reading of its body cost.

        Raises:
            CallRefused: the error that answers it.
        """
        begun = time.perf_counter()
        kind, outcome = "refused", "ok"
        try:
            known = self._admitted(caller, method, paid)
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

    def _rates_of(self, caller: Caller) -> Rates:
        rates = self._rates[caller.role]
        if caller.calls_per_s is not None or caller.units_per_s is not None:
            rates = Rates(caller.calls_per_s or rates.calls_per_s, caller.units_per_s or rates.units_per_s, rates.burst)
        return rates

    def _admitted(self, caller: Caller, method: str, paid: int) -> DoorMethod:
        """The method, once the caller's budget is charged and its role is looked at."""
        known = METHODS.get(method)
        cost = known.cost if known else 1
        if paid:  # the reading, with one unit for the call
            cost += paid - 1
        self._parts.budgets.take(caller.key, self._rates_of(caller), cost, paid)
        if known is None:
            raise CallRefused(wire.METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")
        if caller.role not in known.roles:
            raise forbidden(f"{method} is not open to role '{caller.role}'")
        return known

    async def _entered(
        self, caller: Caller, method: DoorMethod, found: Checked, origin: Origin, key: bytes | None
    ) -> bytes:
        budgets = self._parts.budgets
        if self._flying >= share(caller.role, self._settings.total_in_flight):
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
        self, caller: Caller, method: DoorMethod, found: Checked, origin: Origin, key: bytes | None
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

    async def _line(self, caller: Caller, method: DoorMethod, found: Checked, origin: Origin, **more: object) -> None:
        params = found.params
        if method.name == "trace_rawTransaction":  # signed, and perhaps not sent yet
            params = ["0x" + keccak(bytes.fromhex(params[0][2:])).hex(), *params[1:]]
        what: dict[str, Any] = {"params": auditing.shown(params)}
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


def _too_large() -> CallRefused:
    return CallRefused(wire.LIMIT, "the batch's answer is too large: ask for less at once")


def _retry_after(refused: CallRefused) -> float | None:
    wait = refused.data.get("retry_after_s") if isinstance(refused.data, dict) else None
    return None if wait is None else float(wait)
