"""Who calls: from a token (header, Basic password, path), a client certificate, or nobody."""

from __future__ import annotations

import base64
import functools
import ipaddress
import ssl
from dataclasses import dataclass
from typing import Final

from aiohttp.web import BaseRequest
from cryptography import x509

from chain_node.errors import CallRefused
from chain_node.gateway import wire
from chain_node.gateway.callers import Caller, Callers
from chain_node.gateway.policy import FREE, Role
from chain_node.gateway.settings import GatewaySettings
from chain_node.gateway.siwe import PREFIX as SESSION_PREFIX
from chain_node.gateway.siwe import SignIn

TOKEN_PATH: Final = "/t/"  # noqa: S105 - a path, no secret
_MAX_TOKEN: Final = 128


@dataclass(frozen=True, slots=True)
class Client:
    """Whence a request comes. address: as text; key: whose budget anonymous calls are charged to (an IPv6 /64)."""

    address: str
    key: str


class Identify:
    """Finds callers.

    Args:
        settings: what is let in.
        sign_in: its sessions.

    Attributes:
        callers: the entries, replaced when the store has changed.
        stale: the store cannot be read: an entry may have been revoked.
    """

    def __init__(self, settings: GatewaySettings, sign_in: SignIn, callers: Callers) -> None:
        self._public = settings.public
        self._in_path = settings.token_in_path
        self._proxies = frozenset(settings.trusted_proxies)
        self._sign_in = sign_in
        self.callers = callers
        self.stale = False
        self._public_callers: dict[str, Caller] = {}

    def client(self, request: BaseRequest) -> Client:
        """The client's address; behind a trusted proxy, what it says (the last address that is no proxy of ours;
        where that is none, the proxy itself)."""
        address = request.remote or ""
        if address in self._proxies:
            # a proxy may add a line of its own below the client's
            chain = [part.strip() for part in ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")]
            last = next((one for one in reversed(chain) if one and one not in self._proxies), address)
            address = last if _is_address(last) else address
        return Client(address[:64], _budget_key(address))

    def caller(self, request: BaseRequest, client: Client) -> Caller:
        """Who calls.

        Raises:
            CallRefused: 401, credentials that do not hold, or none where some are needed; 503, they may have been
                revoked meanwhile.
        """
        token = self._token(request)
        found = self._by_certificate(request) if token is None else self.by_token(token)
        if found is not None:
            if self.stale and found.role not in FREE:
                raise CallRefused(
                    wire.INTERNAL, "callers with an entry are refused: the callers' store cannot be read", status=503
                )
            return found
        if not self._public:
            raise unauthorised("credentials are needed here: a token, a client certificate, or a sign-in")
        found = self._public_callers.get(client.key)
        if found is None:
            if len(self._public_callers) > 10_000:
                self._public_callers.clear()
            found = self._public_callers[client.key] = Caller("public", Role.PUBLIC, "anonymous", client.key)
        return found

    def still(self, request: BaseRequest, client: Client, caller: Caller) -> bool:
        """What let a caller in would do so now, with the same rights: not revoked, expired, changed or signed out."""
        try:
            return self.caller(request, client) == caller
        except CallRefused:
            return False

    def by_token(self, token: str) -> Caller:
        """The caller of a token, of an entry or a session.

        Raises:
            CallRefused: 401, there is none.
        """
        found = None
        if len(token) <= _MAX_TOKEN:
            session = token.startswith(SESSION_PREFIX + "_")
            found = self._sign_in.by_token(token) if session else self.callers.by_token(token)
        if found is None:
            raise unauthorised("the token is wrong, revoked or expired")
        return found

    def _token(self, request: BaseRequest) -> str | None:
        header = request.headers.get("Authorization")
        if header is not None:
            scheme, _, value = header.partition(" ")
            if scheme.lower() == "bearer":
                return value.strip()
            if scheme.lower() == "basic":
                try:
                    login = base64.b64decode(value.strip(), validate=True).decode()
                except ValueError:
                    raise unauthorised("the Basic credentials cannot be read") from None
                return login.partition(":")[2]
            raise unauthorised("give the token as Bearer, or as the password of Basic")
        if self._in_path and request.path.startswith(TOKEN_PATH):
            return request.path[len(TOKEN_PATH) :].strip("/")
        return None

    def _by_certificate(self, request: BaseRequest) -> Caller | None:
        transport = request.transport
        secured = transport.get_extra_info("ssl_object") if transport is not None else None
        if not isinstance(secured, ssl.SSLObject | ssl.SSLSocket):
            return None
        der = secured.getpeercert(binary_form=True)
        if not der:
            return None
        try:
            subject = x509.load_der_x509_certificate(der).subject.rfc4514_string()
        except ValueError:
            raise unauthorised("the client certificate cannot be read") from None
        found = self.callers.by_certificate(der, subject)
        if found is None:
            raise unauthorised("the client certificate is of the right authority, but no caller here")
        return found


def unauthorised(message: str) -> CallRefused:
    """HTTP 401."""
    return CallRefused(wire.UNAUTHORISED, message, status=401)


@functools.lru_cache(4096)
def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@functools.lru_cache(4096)
def _budget_key(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return f"ip:{address[:64]}"
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        if mapped is not None:
            return f"ip:{mapped}"
        return f"ip:{ipaddress.ip_network((int(found), 64), strict=False)}"
    return f"ip:{found}"
