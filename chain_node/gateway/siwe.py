"""Sign-In with Ethereum (EIP-4361): a wallet's signature becomes a session's token.

Nonces hold their own time and MAC, so that a flood of requests for them displaces nobody's; each serves once. Sessions
live in memory and end with the process. Contract wallets (EIP-1271) are not supported.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from chain_node.errors import CallerError
from chain_node.gateway.callers import Caller
from chain_node.gateway.policy import Role
from chain_node.protocol.attestation import recover
from chain_node.protocol.errors import AttestationError
from chain_node.tokens.token import secret_hash

PREFIX: Final = "luyasi"
MAX_MESSAGE: Final = 4_096
NONCE_SECONDS: Final = 300
CLOCK_SKEW: Final = 60
_SESSIONS: Final = 10_000
_PER_ADDRESS: Final = 8
_USED: Final = 100_000
_NONCE: Final = re.compile(r"[a-zA-Z0-9]{8,128}")
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})")
# RFC 3986's characters; a statement has no line end, which is all that EIP-4361 asks of it beyond ASCII
_URI: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:[!#$%&'()*+,/0-9:;=?@A-Z\[\]_a-z~.-]*")
_STATEMENT: Final = re.compile(r"[ -~]{0,1000}")
_REQUEST: Final = re.compile(r"[!$%&'()*+,0-9:;=@A-Z_a-z~.-]{0,200}")
_FIRST: Final = re.compile(
    r"(?:(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://)?(?P<domain>[a-zA-Z0-9.\[\]:_-]{1,255}) "
    r"wants you to sign in with your Ethereum account:"
)
_REQUIRED: Final = ("URI", "Version", "Chain ID", "Nonce", "Issued At")
_OPTIONAL: Final = ("Expiration Time", "Not Before", "Request ID")


@dataclass(frozen=True, slots=True)
class Message:
    """A message's fields. address: 20 bytes; times: unix seconds."""

    domain: str
    scheme: str | None
    address: bytes
    statement: str | None
    uri: str
    chain_id: int
    nonce: str
    issued_at: float
    expires: float | None
    not_before: float | None
    request_id: str | None
    resources: tuple[str, ...]


def parse(text: str) -> Message:
    """A message by EIP-4361's grammar, nothing left over, the address in its EIP-55 spelling.

    Raises:
        CallerError: it is none; the text names the line.
    """
    if len(text) > MAX_MESSAGE or not text.isascii():
        raise CallerError(f"a sign-in message is ASCII of up to {MAX_MESSAGE} characters")
    lines = text.split("\n")
    head = _FIRST.fullmatch(lines[0])
    if head is None:
        raise CallerError("line 1 is not '<domain> wants you to sign in with your Ethereum account:'")
    if len(lines) < 9 or lines[2] != "":
        raise CallerError("after the address (line 2) comes an empty line")
    address = _address(lines[1])
    statement: str | None = None
    at = 4
    if lines[3] != "":
        statement, at = lines[3], 5
        if not _STATEMENT.fullmatch(statement) or lines[4] != "":
            raise CallerError("the statement is one line, with an empty line after it")
    fields, at = _fields(lines, at)
    resources = _resources(lines, at)
    uri, version, nonce = fields["URI"], fields["Version"], fields["Nonce"]
    if version != "1":
        raise CallerError(f"Version: {version} is not 1")
    if not _URI.fullmatch(uri):
        raise CallerError("URI: is not a URI")
    if not _NONCE.fullmatch(nonce):
        raise CallerError("Nonce: is not 8 or more letters and digits")
    request = fields.get("Request ID")
    if request is not None and not _REQUEST.fullmatch(request):
        raise CallerError("Request ID: has characters that none has")
    return Message(
        domain=head["domain"],
        scheme=head["scheme"],
        address=address,
        statement=statement,
        uri=uri,
        chain_id=_chain(fields["Chain ID"]),
        nonce=nonce,
        issued_at=_moment("Issued At", fields["Issued At"]),
        expires=_moment("Expiration Time", fields["Expiration Time"]) if "Expiration Time" in fields else None,
        not_before=_moment("Not Before", fields["Not Before"]) if "Not Before" in fields else None,
        request_id=request,
        resources=resources,
    )


def _fields(lines: list[str], at: int) -> tuple[dict[str, str], int]:
    fields: dict[str, str] = {}
    for name in (*_REQUIRED, *_OPTIONAL):
        line = lines[at] if at < len(lines) else ""
        if line.startswith(f"{name}: "):
            fields[name] = line[len(name) + 2 :]
            at += 1
        elif name in _REQUIRED:
            raise CallerError(f"line {at + 1} is not '{name}: …'")
    return fields, at


def _resources(lines: list[str], at: int) -> tuple[str, ...]:
    if at == len(lines):
        return ()
    if lines[at] != "Resources:":
        raise CallerError(f"line {at + 1} is none that a sign-in message has there")
    found = lines[at + 1 :]
    for number, line in enumerate(found, at + 2):
        if not line.startswith("- ") or not _URI.fullmatch(line[2:]):
            raise CallerError(f"line {number} is not '- ' and a URI")
    return tuple(line[2:] for line in found)


def _address(text: str) -> bytes:
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text) or to_checksum_address(text) != text:
        raise CallerError("line 2 is not an address in its EIP-55 spelling")
    return bytes.fromhex(text[2:])


def _chain(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,18}", text):
        raise CallerError("Chain ID: is not a decimal number")
    return int(text)


def _moment(name: str, text: str) -> float:
    if not _TIME.fullmatch(text):
        raise CallerError(f"{name}: is not an RFC 3339 time")
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper()))
        return moment.astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        raise CallerError(f"{name}: is not an RFC 3339 time") from None


def personal_digest(message: bytes) -> bytes:
    """EIP-191's digest of a text, version 0x45; ours, and why: docs/decisions/0013-own-rlp-and-digests.md."""
    return keccak(b"\x19Ethereum Signed Message:\n%d" % len(message) + message)


@dataclass(frozen=True, slots=True)
class _Session:
    caller: Caller
    address: bytes
    until: float


class SignIn:
    """Checks messages and keeps sessions.

    Args:
        domains: hosts (with port where not the scheme's) that messages may be for; none: sign-in is off.
        chain_id: that messages must name.
        session_seconds: longest life of a session.
        owners: an address without an entry may sign in, to read its own account.
        find: the entry's caller of an address, None where there is none.
    """

    def __init__(
        self,
        domains: tuple[str, ...],
        chain_id: int,
        session_seconds: int,
        owners: bool,
        find: Callable[[bytes], Caller | None],
    ) -> None:
        self._domains = frozenset(domain.lower() for domain in domains)
        self._chain_id = chain_id
        self._seconds = session_seconds
        self._owners = owners
        self._find = find
        self._key = secrets.token_bytes(32)
        self._used: OrderedDict[str, float] = OrderedDict()
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()

    @property
    def on(self) -> bool:
        """Sign-in is configured."""
        return bool(self._domains)

    @property
    def sessions(self) -> int:
        """Sessions that are kept."""
        return len(self._sessions)

    def nonce(self) -> str:
        """A new nonce, good once and for five minutes."""
        body = f"{int(time.time()):010x}{secrets.token_hex(10)}"
        return body + self._mac(body)

    def sign_in(self, text: str, signature: bytes, client: str) -> tuple[str, Caller, float]:
        """Check a signed message. Returns the session's token, its caller, and when it ends (unix seconds).

        Args:
            client: whose budget an owner's calls are charged to: an address costs nothing to make.

        Raises:
            CallerError: the message, its signature, time, domain, chain or nonce does not hold.
        """
        now = time.time()
        message = parse(text)
        self._check(message, now)
        try:
            signer = recover(personal_digest(text.encode()), _canonical(signature))
        except AttestationError as error:
            raise CallerError(f"the signature does not hold: {error}") from None
        if signer != message.address:
            raise CallerError(f"the signature is of {to_checksum_address(signer)}, the message is by another address")
        caller = self._caller(message.address, client)
        self._use(message.nonce, now)
        ends = min(now + self._seconds, message.expires or float("inf"), caller.expires or float("inf"))
        caller = replace(caller, expires=int(ends))
        token = f"{PREFIX}_{secrets.token_urlsafe(32)}"
        self._keep(secret_hash(token), _Session(caller, message.address, ends), now)
        return token, caller, ends

    def by_token(self, token: str) -> Caller | None:
        """The caller of a session's token; None where there is none, or it has ended, or its entry was revoked."""
        digest = secret_hash(token)
        session = self._sessions.get(digest)
        if session is None:
            return None
        if session.until <= time.time():
            del self._sessions[digest]
            return None
        if session.caller.role is Role.OWNER:
            return session.caller
        # an entry's present rights, not those at sign-in
        found = self._find(session.address)
        return None if found is None else replace(found, expires=int(session.until))

    def sign_out(self, token: str) -> bool:
        """End a session; True where there was one."""
        return self._sessions.pop(secret_hash(token), None) is not None

    def _check(self, message: Message, now: float) -> None:
        if message.domain.lower() not in self._domains:
            raise CallerError(f"the message is for {message.domain}, this is {', '.join(sorted(self._domains))}")
        host = re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://([^/?#]*)", message.uri)
        if host is None or host[1].lower() not in self._domains:
            raise CallerError(f"URI: {message.uri} is not at this domain")
        if message.chain_id != self._chain_id:
            raise CallerError(f"Chain ID: {message.chain_id} is not {self._chain_id}")
        if message.issued_at > now + CLOCK_SKEW:
            raise CallerError("Issued At: lies in the future: is the clock right?")
        if message.expires is not None and message.expires <= now:
            raise CallerError("Expiration Time: has passed")
        if message.not_before is not None and message.not_before > now:
            raise CallerError("Not Before: has not come yet")
        body, mac = message.nonce[:-32], message.nonce[-32:]
        if len(message.nonce) != 62 or not hmac.compare_digest(self._mac(body), mac):
            raise CallerError("Nonce: was not given by this door")
        if int(body[:10], 16) + NONCE_SECONDS <= now:
            raise CallerError(f"Nonce: is older than {NONCE_SECONDS} seconds: ask for a new one")
        if message.nonce in self._used:
            raise CallerError("Nonce: has been used")

    def _mac(self, body: str) -> str:
        return hmac.new(self._key, body.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]

    def _use(self, nonce: str, now: float) -> None:
        while self._used and next(iter(self._used.values())) <= now:
            self._used.popitem(last=False)
        if len(self._used) >= _USED:
            raise CallerError("too many sign-ins at the moment: try again in a few minutes")
        self._used[nonce] = now + NONCE_SECONDS

    def _caller(self, address: bytes, client: str) -> Caller:
        found = self._find(address)
        if found is not None:
            return found
        if not self._owners:
            raise CallerError(f"{to_checksum_address(address)} is not known here: the operator makes an entry for it")
        return Caller(id="0x" + address.hex(), role=Role.OWNER, how="siwe", key=client, address=address)

    def _keep(self, digest: bytes, session: _Session, now: float) -> None:
        mine = [key for key, one in self._sessions.items() if one.address == session.address]
        for key in mine[: max(0, len(mine) - _PER_ADDRESS + 1)]:
            del self._sessions[key]
        if len(self._sessions) >= _SESSIONS:
            for key in [key for key, one in self._sessions.items() if one.until <= now]:
                del self._sessions[key]
        if len(self._sessions) >= _SESSIONS:
            self._make_room()
        self._sessions[digest] = session

    def _make_room(self) -> None:
        """Addresses are free to make: the oldest owner's session goes, never one of a listed caller."""
        oldest = next((key for key, one in self._sessions.items() if one.caller.role is Role.OWNER), None)
        if oldest is None:
            raise CallerError("too many sessions: sign out somewhere, or wait until some end")
        del self._sessions[oldest]


def _canonical(signature: bytes) -> bytes:
    """v as 27 or 28: some wallets write 0 or 1."""
    if len(signature) == 65 and signature[64] in (0, 1):
        return signature[:64] + bytes([signature[64] + 27])
    return signature
