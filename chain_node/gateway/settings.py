"""The gateway's settings: one frozen class, read from a TOML file and from `LUYA_GATEWAY_*`, which wins.

Every field's variable is its name in upper case after the prefix; lists are comma-separated there, and nodes and
contracts are `name=value` pairs: `LUYA_GATEWAY_NODES=a=http://10.0.0.1:8545,b=http://10.0.0.2:8545`.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from chain_node.engine.base import Finality
from chain_node.errors import EngineError, GatewaySettingsError
from chain_node.gateway.budgets import Rates
from chain_node.gateway.policy import Role
from chain_node.serving.arrivals import BODY_SECONDS, HEAD_SECONDS

PREFIX: Final = "LUYA_GATEWAY_"
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_RATES: Final = {
    Role.PUBLIC: Rates(20, 100),
    Role.OWNER: Rates(20, 100),
    Role.ORACLE: Rates(200, 2_000),
    Role.AUDITOR: Rates(500, 5_000),
    Role.OPERATOR: Rates(500, 5_000),
}


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """A node behind the door, in order of preference.

    Attributes:
        name: in logs and metrics.
        url: http or https, credentials allowed in it.
        authorization: an Authorization header instead (Besu's JWT); in TOML `$NAME` takes it from the environment.
    """

    name: str
    url: str
    authorization: str = ""


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """How the door runs.

    Attributes:
        nodes: where it asks; the first healthy one is asked, the others take over.
        store: the callers' SQLite file.
        audit: folder of the audit log.
        chain_id: EIP-155 chain id that every node must have.
        contracts: name → address (ledger, law, views, authority …) of what callers may be let into.
        finality: latest, finalized or confirmations:N; rules caching, and what the tags finalized and safe mean.
        host, port: where it listens (port 0: any free one).
        metrics_port: Prometheus metrics and details of health, on loopback; 0 chooses a free one, -1 serves none.
        public: callers without credentials are let in, as role public.
        tls_certificate, tls_key: PEM files; without them it speaks plain HTTP, for loopback or behind a proxy.
        client_ca: PEM file of the authority whose client certificates are let in; needs TLS.
        siwe_domains: hosts (with port where unusual) for Sign-In with Ethereum; none turns it off.
        siwe_owners: addresses without an entry may sign in, and read their own account.
        session_seconds: longest life of such a session.
        token_in_path: a token may be the path (`/t/TOKEN`), for WebSocket clients that cannot set headers.
        cors_origins: origins of web pages that may call; `*` for any.
        trusted_proxies: addresses whose X-Forwarded-For says who the client is.
        max_body: bytes of a request. max_batch: calls in one. max_answer: bytes of an answer.
        total_answer: bytes of all answers under way; what it is spent for are large ones, small ones always pass.
        total_body: bytes of all requests' bodies under way; small ones always pass.
        head_seconds: for a request's head (and a TLS handshake); body_seconds: for its body.
        max_requests: HTTP requests at once, all together; max_caller_requests: of one caller.
        max_connections: WebSocket connections, all together; max_caller_connections: of one caller.
        max_subscriptions: of one connection; also filters of one caller.
        in_flight: calls of one caller under way at once; total_in_flight: of all; heavy_in_flight: traces.
            Of max_requests, max_connections, total_in_flight and all filters, a quarter is kept for callers with an
            entry: the public and owners may be any number of addresses.
        logs_blocks, logs_results: what one `eth_getLogs` may span and hold at a node.
        max_lag: blocks behind the best node from which on a node is not asked.
        halt_seconds: without a new block for so long, a node counts as halted.
        poll_seconds: between looks at the nodes' heads.
        node_timeout: seconds to connect, and for looks at a node's health.
        send_nodes: how many nodes get a transaction.
        followers: names of nodes that have no vote: traces and large ranges of logs are asked of them first.
        heads: which new blocks subscribers see: final (no reorganisation reaches them) or latest.
        cache_bytes: memory for answers that will never change.
        rates: budgets by role.
    """

    nodes: tuple[UpstreamSettings, ...]
    store: Path
    audit: Path
    chain_id: int
    contracts: tuple[tuple[str, str], ...] = ()
    finality: str = "latest"
    host: str = "127.0.0.1"
    port: int = 8545
    metrics_port: int = 9645
    public: bool = True
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    client_ca: Path | None = None
    siwe_domains: tuple[str, ...] = ()
    siwe_owners: bool = True
    session_seconds: int = 3_600
    token_in_path: bool = True
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    max_body: int = 2 * 1024 * 1024
    max_batch: int = 100
    max_answer: int = 256 * 1024 * 1024
    total_answer: int = 1024 * 1024 * 1024
    total_body: int = 256 * 1024 * 1024
    head_seconds: float = HEAD_SECONDS
    body_seconds: float = BODY_SECONDS
    max_requests: int = 1_000
    max_caller_requests: int = 256
    max_connections: int = 1_000
    max_caller_connections: int = 20
    max_subscriptions: int = 64
    in_flight: int = 128
    total_in_flight: int = 512
    heavy_in_flight: int = 1
    logs_blocks: int = 10_000
    logs_results: int = 10_000
    max_lag: int = 5
    halt_seconds: int = 60
    poll_seconds: float = 0.5
    node_timeout: float = 5.0
    send_nodes: int = 3
    followers: tuple[str, ...] = ()
    heads: str = "final"
    cache_bytes: int = 64 * 1024 * 1024
    rates: tuple[tuple[Role, Rates], ...] = tuple(_RATES.items())

    def __post_init__(self) -> None:
        if not self.nodes:
            raise GatewaySettingsError(f"no node is named: give [[nodes]] in the file, or {PREFIX}NODES=name=url")
        if len({node.name for node in self.nodes}) != len(self.nodes):
            raise GatewaySettingsError("two nodes have one name")
        if strange := set(self.followers) - {node.name for node in self.nodes}:
            raise GatewaySettingsError(f"followers: no node is named {', '.join(sorted(strange))}")
        for node in self.nodes:
            parts = urlsplit(node.url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise GatewaySettingsError(f"nodes.{node.name}: {node.url!r} is not http://host:port")
        if not 0 < self.chain_id < 2**53:
            raise GatewaySettingsError(f"chain_id {self.chain_id} is not a positive number below 2^53")
        try:
            Finality.parse(self.finality)
        except EngineError as error:
            raise GatewaySettingsError(f"finality: {error}") from None
        if self.heads not in ("final", "latest"):
            raise GatewaySettingsError(f"heads is {self.heads!r}: give final or latest")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise GatewaySettingsError("tls_certificate and tls_key go together")
        if self.client_ca is not None and self.tls_certificate is None:
            raise GatewaySettingsError(
                "client_ca needs tls_certificate and tls_key: certificates are shown in TLS only"
            )
        if min(self.max_body, self.max_batch, self.in_flight, self.logs_blocks, self.logs_results) < 1:
            raise GatewaySettingsError("max_body, max_batch, in_flight, logs_blocks and logs_results are positive")

        if self.head_seconds <= 0 or self.body_seconds <= 0:
            raise GatewaySettingsError("head_seconds and body_seconds are positive")
        if self.total_body < self.max_body:
            raise GatewaySettingsError(f"total_body {self.total_body} is less than one request may be (max_body)")
        if self.total_answer < self.max_answer:
            raise GatewaySettingsError(f"total_answer {self.total_answer} is less than one answer may be (max_answer)")

    def addresses(self) -> dict[str, bytes]:
        """The contracts' addresses as bytes.

        Raises:
            GatewaySettingsError: one is no address.
        """
        found = {}
        for name, text in self.contracts:
            if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
                raise GatewaySettingsError(f"contracts.{name}: {text!r} is not 0x and 40 hex digits")
            found[name] = bytes.fromhex(text[2:])
        return found

    @staticmethod
    def load(path: Path | None, environ: Mapping[str, str] | None = None, **known: Any) -> GatewaySettings:
        """Settings from a file, then the environment; `known` serves as the default of what neither says.

        Raises:
            GatewaySettingsError: unknown or impossible values; the text names the setting.
        """
        environment = os.environ if environ is None else environ
        values: dict[str, Any] = dict(known)
        if path is not None:
            values |= _from_file(path, environment)
        kinds = {field.name: str(field.type) for field in fields(GatewaySettings)}
        for name, kind in kinds.items():
            variable = PREFIX + name.upper()
            if variable in environment and name != "rates":
                values[name] = _from_text(variable, name, kind, environment[variable])
        missing = [name for name in ("nodes", "store", "audit", "chain_id") if name not in values]
        if missing:
            raise GatewaySettingsError(f"{', '.join(missing)}: not set, neither in the file nor as {PREFIX}…")
        return GatewaySettings(**values)

    def rates_of(self, role: Role) -> Rates:
        """The budget of a role."""
        return dict(self.rates)[role]


def _from_file(path: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = tomllib.load(file)
    except OSError as error:
        raise GatewaySettingsError(f"{path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise GatewaySettingsError(f"{path}: {error}") from None
    kinds = {field.name: str(field.type) for field in fields(GatewaySettings)}
    values: dict[str, Any] = {}
    for name, value in raw.items():
        if name not in kinds:
            raise GatewaySettingsError(f"{path}: there is no setting {name!r}; known: {', '.join(sorted(kinds))}")
        values[name] = _from_toml(path, name, kinds[name], value, environment)
    return values


def _from_toml(path: Path, name: str, kind: str, value: Any, environment: Mapping[str, str]) -> Any:
    where = f"{path}: {name}"
    if name == "nodes":
        return tuple(_node(where, item, environment) for item in _checked(where, value, list))
    if name == "contracts":
        return tuple((str(key), str(text)) for key, text in _checked(where, value, dict).items())
    if name == "rates":
        return _rates(where, _checked(where, value, dict))
    if kind == "tuple[str, ...]":
        return tuple(str(item) for item in _checked(where, value, list))
    if kind.startswith("Path"):
        text = Path(_checked(where, value, str)).expanduser()
        return text if text.is_absolute() else path.parent / text
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return _checked(where, value, {"int": int, "float": float, "bool": bool, "str": str}[kind])


def _checked(where: str, value: Any, kind: type) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise GatewaySettingsError(f"{where} is {value!r}: give a {kind.__name__}")
    return value


def _node(where: str, item: Any, environment: Mapping[str, str]) -> UpstreamSettings:
    if not isinstance(item, dict) or set(item) - {"name", "url", "authorization"} or not {"name", "url"} <= set(item):
        raise GatewaySettingsError(f"{where}: a node has name and url, and may have authorization")
    authorization = str(item.get("authorization", ""))
    if authorization.startswith("$"):
        variable = authorization[1:]
        if variable not in environment:
            raise GatewaySettingsError(
                f"{where}: {item['name']} takes its authorization from {variable}, which is unset"
            )
        authorization = environment[variable]
    return UpstreamSettings(str(item["name"]), str(item["url"]), authorization)


def _rates(where: str, value: dict[str, Any]) -> tuple[tuple[Role, Rates], ...]:
    rates = dict(_RATES)
    names = {field.name for field in fields(Rates)}
    for role, given in value.items():
        if role not in rates or not isinstance(given, dict) or set(given) - names:
            raise GatewaySettingsError(f"{where}.{role}: give {', '.join(sorted(names))} of {', '.join(rates)}")
        if not all(isinstance(number, int | float) and number > 0 for number in given.values()):
            raise GatewaySettingsError(f"{where}.{role}: rates are positive numbers")
        known = Role(role)
        rates[known] = replace(rates[known], **{key: float(number) for key, number in given.items()})
    return tuple(rates.items())


def _from_text(variable: str, name: str, kind: str, text: str) -> Any:
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if name in ("nodes", "contracts"):
        pairs = [part.partition("=") for part in parts]
        if not all(key and equals and value for key, equals, value in pairs):
            raise GatewaySettingsError(f"{variable} is {text!r}: give name=value, separated by commas")
        if name == "nodes":
            return tuple(UpstreamSettings(key, value) for key, _, value in pairs)
        return tuple((key, value) for key, _, value in pairs)
    if kind == "tuple[str, ...]":
        return parts
    if kind.startswith("Path"):
        return Path(text) if text else None
    if kind == "bool":
        if text.strip().lower() not in _TRUE | _FALSE:
            raise GatewaySettingsError(f"{variable} is {text!r}: give true or false")
        return text.strip().lower() in _TRUE
    if kind in ("int", "float"):
        try:
            return int(text) if kind == "int" else float(text)
        except ValueError:
            raise GatewaySettingsError(f"{variable} is {text!r}: give a number") from None
    return text
