"""HTTP at the door: one handler for JSON-RPC, WebSocket upgrades, sign-in and health."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from chain_node.errors import CallerError, CallRefused
from chain_node.gateway import wire
from chain_node.gateway.budgets import Budgets
from chain_node.gateway.identify import TOKEN_PATH, Client, Identify
from chain_node.gateway.methods import Origin
from chain_node.gateway.metrics import DoorMetrics
from chain_node.gateway.params import data as hex_data
from chain_node.gateway.policy import Role
from chain_node.gateway.room import SMALL, Hold, Places, Room
from chain_node.gateway.service import Answer, Service
from chain_node.gateway.settings import GatewaySettings
from chain_node.gateway.siwe import NONCE_SECONDS, SignIn
from chain_node.gateway.sockets import Sockets

_SIGN_IN_BODY: Final = 16_384
_SIGN_IN_COST: Final = 20
_BAD_TOKEN_COST: Final = 20
_JSON: Final = {"Content-Type": "application/json"}

log = logging.getLogger("luya.gateway")


class Door:
    """Takes requests.

    Args:
        settings: limits, origins.
        identify: finds callers.
        service: answers them.
        sockets: takes WebSocket connections.
        sign_in: nonces and sessions.
        budgets: wrong credentials are charged to the client's address.
        metrics: counts.
        health: what /healthz says; its `ok` decides between 200 and 503.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        identify: Identify,
        service: Service,
        sockets: Sockets,
        sign_in: SignIn,
        budgets: Budgets,
        metrics: DoorMetrics,
        health: Any,
    ) -> None:
        self._settings = settings
        self._identify = identify
        self._service = service
        self._sockets = sockets
        self._sign_in = sign_in
        self._budgets = budgets
        self._metrics = metrics
        self._health = health
        self._places = Places(settings.max_requests, settings.max_caller_requests)
        self._bodies = Room(settings.total_body, "requests")
        self._anybody = "*" in settings.cors_origins
        self._origins = frozenset(settings.cors_origins)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Every request."""
        origin = request.headers.get("Origin")
        if request.method == "OPTIONS":
            return self._preflight(origin)
        try:
            response = await self._routed(request, origin)
        except CallRefused as refused:
            response = _refusal(refused)
        except CallerError as error:
            response = _plain(400, {"error": str(error)})
        if not response.prepared:
            self._shared(response, origin)
        return response

    async def _routed(self, request: web.BaseRequest, origin: str | None) -> web.StreamResponse:
        path = request.path
        if request.method == "POST" and (path in ("/", "/rpc") or path.startswith(TOKEN_PATH)):
            return await self._rpc(request, origin)
        if request.method == "GET":
            if path == "/healthz":
                found = self._health()
                return _plain(200 if found["ok"] else 503, found)
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._socket(request, origin)
        if self._sign_in.on and path.startswith("/siwe/") and request.method == "POST":
            return await self._siwe(request, path)
        known = path in ("/", "/rpc", "/healthz") or path.startswith(TOKEN_PATH)
        return _plain(405 if known else 404, {"error": "JSON-RPC: POST /, WebSocket: GET /; see /healthz"})

    async def _rpc(self, request: web.BaseRequest, origin: str | None) -> web.StreamResponse:
        client = self._identify.client(request)
        # A page in a browser cannot send this type across origins without asking first (a client certificate would
        # otherwise let any page call).
        if request.content_type != "application/json":
            self._metrics.refused("type")
            raise CallRefused(wire.INVALID_REQUEST, "the content type is application/json", status=415)
        caller = self._known(request, client)
        if not self._places.enter(caller):
            self._metrics.refused("requests")
            raise CallRefused(wire.LIMIT, "too many requests at once: try again in a moment", status=503)
        hold = Hold(self._bodies)
        try:
            body = await self._body(request, self._settings.max_body, hold)
            answer = await self._service.answer(caller, body, Origin(client.address))
            try:
                response = _answered(answer)
                if len(answer.body) > SMALL:  # written here, to know when its memory is free again
                    self._shared(response, origin)
                    with contextlib.suppress(ConnectionError):
                        await response.prepare(request)
                        await response.write_eof()
                return response
            finally:
                answer.sent()
        finally:
            hold.release()
            self._places.leave(caller)

    async def _socket(self, request: web.BaseRequest, origin: str | None) -> web.StreamResponse:
        client = self._identify.client(request)
        if origin is not None and not self._allowed(origin):
            self._metrics.refused("origin")
            raise CallRefused(wire.UNAUTHORISED, f"pages of {origin[:100]} may not call here", status=403)
        caller = self._known(request, client)
        return await self._sockets.serve(request, caller, client)

    def _known(self, request: web.BaseRequest, client: Client) -> Any:
        try:
            return self._identify.caller(request, client)
        except CallRefused as refused:
            self._metrics.refused("credentials")
            if refused.status == 401:  # guessing is not free
                self._budgets.take(client.key, self._settings.rates_of(Role.PUBLIC), _BAD_TOKEN_COST)
            raise

    async def _body(self, request: web.BaseRequest, limit: int, hold: Hold) -> bytes:
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise CallRefused(wire.INVALID_REQUEST, "requests are not compressed here", status=415)
        length = request.content_length
        if length is not None and length > limit:
            raise self._too_large(limit)
        try:
            if request.content.is_eof():  # it came whole with its head, as small ones do: nothing to wait for
                return await self._pieces(request, limit, hold)
            async with asyncio.timeout(self._settings.body_seconds):
                return await self._pieces(request, limit, hold)
        except TimeoutError:
            raise CallRefused(wire.INVALID_REQUEST, "the request did not come whole in time", status=408) from None
        except (web.RequestPayloadError, HttpProcessingError):
            raise CallRefused(wire.INVALID_REQUEST, "the request's body is broken", status=400) from None

    async def _pieces(self, request: web.BaseRequest, limit: int, hold: Hold) -> bytes:
        pieces, size = [], 0
        while piece := await request.content.readany():
            size += len(piece)
            if size > limit:
                raise self._too_large(limit)
            hold.take(len(piece))
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _too_large(self, limit: int) -> CallRefused:
        self._metrics.refused("size")
        return CallRefused(wire.INVALID_REQUEST, f"a request has up to {limit} bytes", status=413)

    # ----------------------------------------------------------------------------------------------------- sign-in

    async def _siwe(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        client = self._identify.client(request)
        rates = self._settings.rates_of(Role.PUBLIC)
        if path == "/siwe/nonce":
            self._budgets.take(client.key, rates, 1)
            domains = list(self._settings.siwe_domains)
            value = {"nonce": self._sign_in.nonce(), "domains": domains, "chain_id": self._settings.chain_id}
            return _plain(200, {**value, "expires_in_s": NONCE_SECONDS})
        if path == "/siwe/logout":
            header = request.headers.get("Authorization", "")
            return _plain(200, {"ended": self._sign_in.sign_out(header.partition(" ")[2].strip())})
        if path != "/siwe/login":
            return _plain(404, {"error": "sign-in: POST /siwe/nonce, /siwe/login, /siwe/logout"})
        self._budgets.take(client.key, rates, _SIGN_IN_COST)
        body = await self._body(request, _SIGN_IN_BODY, Hold(self._bodies))
        message, signature = _signed(body)
        token, caller, ends = self._sign_in.sign_in(message, signature, client.key)
        log.info(
            "signed_in",
            extra={"caller": caller.id if caller.role is not Role.OWNER else "owner", "role": caller.role.value},
        )
        until = datetime.fromtimestamp(int(ends), UTC).isoformat().replace("+00:00", "Z")
        return _plain(200, {"token": token, "role": caller.role.value, "expires": until})

    # ------------------------------------------------------------------------------------------------------- pages

    def _shared(self, response: web.StreamResponse, origin: str | None) -> None:
        """Pages of allowed origins may read it."""
        if origin is not None and self._allowed(origin):
            response.headers["Access-Control-Allow-Origin"] = "*" if self._anybody else origin
            response.headers["Vary"] = "Origin"

    def _allowed(self, origin: str) -> bool:
        return self._anybody or origin in self._origins

    def _preflight(self, origin: str | None) -> web.Response:
        if origin is None or not self._allowed(origin):
            return web.Response(status=403)
        return web.Response(
            status=204,
            headers={
                "Access-Control-Allow-Origin": "*" if self._anybody else origin,
                "Access-Control-Allow-Methods": "POST",
                "Access-Control-Allow-Headers": "Content-Type, Authorization",
                "Access-Control-Max-Age": "600",
                "Vary": "Origin",
            },
        )


def _answered(answer: Answer) -> web.Response:
    if not answer.body:
        return web.Response(status=204 if answer.status == 200 else answer.status)
    headers: Mapping[str, str] = _JSON
    if answer.retry_after is not None:
        headers = {**_JSON, "Retry-After": str(math.ceil(answer.retry_after))}
    return web.Response(body=answer.body, status=answer.status, headers=headers)


def _signed(body: bytes) -> tuple[str, bytes]:
    """The message and signature of a sign-in."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or not isinstance(value.get("message"), str):
        raise CallerError("a sign-in is JSON with message (the text that was signed) and signature (0x hex)")
    try:
        return value["message"], hex_data(value.get("signature"), "signature")
    except CallRefused as refused:
        raise CallerError(refused.message) from None


def _refusal(refused: CallRefused) -> web.Response:
    """A refusal of a whole request, in JSON-RPC's shape."""
    headers = dict(_JSON)
    if refused.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="luya"'
    if isinstance(refused.data, dict) and "retry_after_s" in refused.data:
        headers["Retry-After"] = str(math.ceil(refused.data["retry_after_s"]))
    return web.Response(body=wire.failure(b"null", refused), status=refused.status, headers=headers)


def _plain(status: int, value: dict[str, Any]) -> web.Response:
    return web.Response(body=wire.dumps(value), status=status, headers=_JSON)
