"""What is public about an organisation, and about a network: the files that the organisations exchange."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from chain_node.errors import NetworkError
from chain_node.storage.durable import write_atomic

DEFAULT_POWER: Final = 10
MAX_POWER: Final = 1_000
MAX_MEMBERS: Final = 64
MAX_CHAIN_ID: Final = 2**53

_KEY: Final = re.compile(r"[0-9a-f]{64}")
_NODE_ID: Final = re.compile(r"[0-9a-f]{40}")
_ADDRESS: Final = re.compile(r"0x[0-9a-f]{40}")
_ENDPOINT: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})")


@dataclass(frozen=True, slots=True)
class PublicPart:
    """One organisation's public part; nothing in it is secret.

    Attributes:
        organisation: its number, from 1, chosen by agreement; its name on the chain is `name`.
        name: at most 32 bytes in UTF-8.
        member: 0x address of the key that votes for it.
        node_id: CometBFT node id of its node, 40 hex digits.
        validator_key: Ed25519 public key of its node, 64 hex digits.
        endpoint: host:port under which peers reach its node.
        power: the weight its validator asks for.
    """

    organisation: int
    name: str
    member: str
    node_id: str
    validator_key: str
    endpoint: str
    power: int = DEFAULT_POWER

    def __post_init__(self) -> None:
        whose = f"organisation {self.organisation} ({self.name!r})"
        _want(0 < self.organisation < 2**32, f"{whose}: its number must be within 1 and 2^32-1")
        _want(0 < len(self.name.encode()) <= 32 and self.name == self.name.strip(), f"{whose}: a name has 1 … 32 bytes")
        _want("\0" not in self.name, f"{whose}: its name holds a NUL")
        _want(_ADDRESS.fullmatch(self.member), f"{whose}: member must be 0x and 40 hex digits in lower case")
        _want(_NODE_ID.fullmatch(self.node_id), f"{whose}: node_id must be 40 hex digits in lower case")
        _want(_KEY.fullmatch(self.validator_key), f"{whose}: validator_key must be 64 hex digits in lower case")
        found = _ENDPOINT.fullmatch(self.endpoint)
        _want(found and 0 < int(found[2]) < 65536, f"{whose}: endpoint must be host:port, it is {self.endpoint!r}")
        _want(0 < self.power <= MAX_POWER, f"{whose}: power must be within 1 and {MAX_POWER}")

    @property
    def peer(self) -> str:
        """As CometBFT writes peers: id@host:port."""
        return f"{self.node_id}@{self.endpoint}"

    @property
    def member_address(self) -> bytes:
        """20 bytes."""
        return bytes.fromhex(self.member[2:])

    @property
    def name_bytes(self) -> bytes:
        """32 bytes, as the Council keeps it."""
        return self.name.encode().ljust(32, b"\0")


@dataclass(frozen=True, slots=True)
class FoundingTerms:
    """What the founders agree on besides their parts.

    Attributes:
        threshold: members whose approval an act of the council needs; 0: two thirds of them, rounded up.
        delay: seconds between that approval and the act.
        lifetime: seconds after which a proposal expires.
        deployers: 0x addresses that may create contracts.
        senders: 0x addresses that may send; the members' always may.
        open_sending: everybody may send.
        max_gas: gas of a block, the sum of its transactions' limits.
        max_bytes: size of a block.
    """

    threshold: int = 0
    delay: int = 0
    lifetime: int = 14 * 86_400
    deployers: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    open_sending: bool = False
    max_gas: int = 1_200_000_000
    max_bytes: int = 4 * 1024 * 1024

    def __post_init__(self) -> None:
        object.__setattr__(self, "deployers", tuple(self.deployers))
        object.__setattr__(self, "senders", tuple(self.senders))
        for address in (*self.deployers, *self.senders):
            _want(_ADDRESS.fullmatch(address), f"{address!r} is no address: 0x and 40 hex digits in lower case")
        _want(0 <= self.delay <= 30 * 86_400, "the council's delay is at most 30 days")
        longest = 365 * 86_400
        _want(self.delay + 3600 <= self.lifetime <= longest, "a proposal lives an hour more than the delay … 365 days")


@dataclass(frozen=True, slots=True)
class Charter:
    """All that is public about a network at its founding: the genesis follows from it, byte by byte.

    Attributes:
        chain_id: EVM chain id; CometBFT's is `luya-<it>`.
        genesis_time: RFC 3339, in whole seconds, UTC.
        parts: the founders, ascending by number.
        terms: what they agreed on.
    """

    chain_id: int
    genesis_time: str
    parts: tuple[PublicPart, ...]
    terms: FoundingTerms = field(default_factory=FoundingTerms)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(sorted(self.parts, key=lambda part: part.organisation)))
        _want(0 < self.chain_id < MAX_CHAIN_ID, "chain_id must be within 1 and 2^53-1")
        _want(0 < len(self.parts) <= MAX_MEMBERS, f"a network is founded by 1 … {MAX_MEMBERS} organisations")
        check_distinct(self.parts)
        for address in {part.member for part in self.parts} & set(self.terms.deployers):
            raise NetworkError(f"{address} votes for an organisation: let another key create contracts")
        try:
            datetime.strptime(self.genesis_time, _TIME)
        except ValueError as error:
            raise NetworkError(f"genesis_time {self.genesis_time!r}: expected as in 2026-01-31T00:00:00Z") from error

    @staticmethod
    def of(
        parts: Iterable[PublicPart], terms: FoundingTerms, *, now: datetime | None = None, chain_id: int = 0
    ) -> Charter:
        """A new network's; its chain id, where none is given, is drawn from all that is in it."""
        time = (now or datetime.now(UTC)).strftime(_TIME)
        ordered = tuple(sorted(parts, key=lambda part: part.organisation))
        drawn = chain_id
        if not drawn:
            stuff = json.dumps([time, [asdict(part) for part in ordered], asdict(terms)], sort_keys=True)
            # 48 bits, and never one of the small ids that public chains have
            drawn = 2**32 + int.from_bytes(hashlib.sha256(stuff.encode()).digest()[:6], "big")
        return Charter(drawn, time, ordered, terms)

    @property
    def threshold(self) -> int:
        """Approvals that the council needs."""
        return self.terms.threshold or default_threshold(len(self.parts))

    def part(self, organisation: int) -> PublicPart | None:
        """A founder's, None where it is none."""
        return next((part for part in self.parts if part.organisation == organisation), None)

    def to_json(self) -> dict[str, Any]:
        """For its file."""
        return {
            "chain_id": self.chain_id,
            "genesis_time": self.genesis_time,
            "organisations": [asdict(part) for part in self.parts],
            "terms": {
                **asdict(self.terms),
                "deployers": list(self.terms.deployers),
                "senders": list(self.terms.senders),
            },
        }


_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


def is_ed25519_key(key: bytes) -> bool:
    """These 32 bytes are a point of the curve (RFC 8032, section 5.1.3), in their only form."""
    p = 2**255 - 19
    y = int.from_bytes(key, "little") & (2**255 - 1)
    if len(key) != 32 or y >= p:
        return False
    d = -121665 * pow(121666, -1, p) % p
    square = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
    return square == 0 or pow(square, (p - 1) // 2, p) == 1


def default_threshold(members: int) -> int:
    """Two thirds of the members, rounded up: 1, 2, 2, 3, 4, 4, 5 of 1 … 7."""
    return -(-2 * members // 3)


def check_distinct(parts: Iterable[PublicPart]) -> None:
    """No two organisations share a number, a name, a key or an endpoint.

    Raises:
        NetworkError: two do.
    """
    for what in ("organisation", "name", "member", "node_id", "validator_key", "endpoint"):
        seen: dict[object, PublicPart] = {}
        for part in parts:
            value = getattr(part, what)
            if value in seen:
                other = seen[value]
                raise NetworkError(
                    f"{part.name!r} (organisation {part.organisation}) and {other.name!r} (organisation "
                    f"{other.organisation}) have the same {what}: {value}"
                )
            seen[value] = part


def slug(name: str) -> str:
    """A name as a folder's: its letters and digits, the rest becomes dashes."""
    plain = "".join(letter if letter.isalnum() else "-" for letter in name.lower())
    return re.sub("-+", "-", plain).strip("-") or "organisation"


def load_part(path: Path) -> PublicPart:
    """A public part from its file.

    Raises:
        NetworkError: it is not one; the text says what is wrong.
    """
    return _made(PublicPart, _read(path), path)


def load_charter(path: Path) -> Charter:
    """A charter from its file.

    Raises:
        NetworkError: it is not one; the text says what is wrong.
    """
    value = _read(path)
    parts = tuple(_made(PublicPart, part, path) for part in _list(value.pop("organisations", None), path))
    terms = _made(FoundingTerms, value.pop("terms", {}), path)
    return _made(Charter, {**value, "parts": parts, "terms": terms}, path)


def save(path: Path, value: Mapping[str, Any]) -> None:
    """Write a public file."""
    write_atomic(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


_T = TypeVar("_T")


def _made(kind: type[_T], value: Any, path: Path) -> _T:
    try:
        return kind(**value)
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from error
    except (TypeError, AttributeError, ValueError) as error:
        raise NetworkError(f"{path} is not what `luya network` writes: {error}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise NetworkError(f"{path} is not there") from None
    except (OSError, ValueError) as error:
        raise NetworkError(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise NetworkError(f"{path} is not what `luya network` writes: expected a JSON object")
    return value


def _list(value: Any, path: Path) -> list[Any]:
    if not isinstance(value, list):
        raise NetworkError(f"{path} is not what `luya network` writes: no list of organisations")
    return value


def _want(condition: object, text: str) -> None:
    if not condition:
        raise NetworkError(text)
