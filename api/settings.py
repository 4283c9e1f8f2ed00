"""All settings of the API, in one frozen class; each has an environment variable.

| variable | field | default |
|---|---|---|
| `LUYA_API_DATABASE_URL` | `database_url` | SQLite file `read-model.sqlite` beside the archive |
| `LUYA_API_ARCHIVE` | `archive` | required |
| `LUYA_API_LOG_KEY` | `log_key` | none: the log's verifier key, shown to clients |
| `LUYA_API_HOST`, `LUYA_API_PORT` | `host`, `port` | 127.0.0.1, 8080 |
| `LUYA_API_TRUSTED_PROXIES` | `trusted_proxies` | none: addresses, by comma, whose X-Forwarded-For is believed |
| `LUYA_API_PUBLIC_RATE`, `LUYA_API_PUBLIC_BURST` | `public_rate`, `public_burst` | 50/s, 200: per client |
| `LUYA_API_TOKEN_RATE`, `LUYA_API_TOKEN_BURST` | `token_rate`, `token_burst` | 500/s, 1000: per token |
| `LUYA_API_RATE_CLIENTS` | `rate_clients` | 20,000 clients remembered at most |
| `LUYA_API_TOKEN_CACHE_SECONDS` | `token_cache_seconds` | 5: a revoked token may live that long |
| `LUYA_API_MAX_LAG` | `max_lag` | 100,000 entries: beyond, `/healthz` says 'behind' |
| `LUYA_API_POOL_SIZE` | `pool_size` | 4 reading connections |
| `LUYA_API_HEAD_SECONDS`, `LUYA_API_BODY_SECONDS` | `head_seconds`, `body_seconds` | 10, 30: to arrive |
| `LUYA_API_METRICS` | `metrics` | true: serve `/metrics` |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from api.errors import SettingsError

_PREFIX = "LUYA_API_"
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What the API needs to run. Rates are requests a second; a rate of 0 switches that limit off."""

    archive: Path
    database_url: str = ""
    log_key: str = ""
    host: str = "127.0.0.1"
    port: int = 8080
    trusted_proxies: str = ""
    public_rate: int = 50
    public_burst: int = 200
    token_rate: int = 500
    token_burst: int = 1000
    rate_clients: int = 20_000
    token_cache_seconds: int = 5
    max_lag: int = 100_000
    pool_size: int = 4
    head_seconds: int = 10
    body_seconds: int = 30
    metrics: bool = True

    def __post_init__(self) -> None:
        if not self.database_url:
            object.__setattr__(self, "database_url", f"sqlite:///{self.archive.parent / 'read-model.sqlite'}")
        for name in ("public_rate", "public_burst", "token_rate", "token_burst", "token_cache_seconds", "max_lag"):
            if getattr(self, name) < 0:
                raise SettingsError(f"{name} is {getattr(self, name)}: give 0 or more")
        if not 0 <= self.port <= 65_535:
            raise SettingsError(f"port is {self.port}: give 0 to 65535")
        if min(self.rate_clients, self.pool_size, self.head_seconds, self.body_seconds) < 1:
            raise SettingsError("rate_clients, pool_size, head_seconds and body_seconds must be 1 or more")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, **known: object) -> Settings:
        """Settings from `LUYA_API_*`; what the caller already knows (`archive=…`) serves as the default."""
        environment = os.environ if environ is None else environ
        values: dict[str, object] = dict(known)
        for field in fields(cls):
            variable = _PREFIX + field.name.upper()
            if variable in environment:
                values[field.name] = _parsed(variable, str(field.type), environment[variable])
        if "archive" not in values:
            raise SettingsError(f"no archive is named: set {_PREFIX}ARCHIVE to the folder the follower writes")
        return cls(**values)  # type: ignore[arg-type]  # parsed by the field's type just above


def _parsed(variable: str, kind: str, text: str) -> object:
    """The text of one variable as its field's type."""
    if kind == "Path":
        return Path(text)
    if kind == "int":
        try:
            return int(text)
        except ValueError as error:
            raise SettingsError(f"{variable} is {text!r}: give a whole number") from error
    if kind == "bool":
        lowered = text.strip().lower()
        if lowered in _TRUE | _FALSE:
            return lowered in _TRUE
        raise SettingsError(f"{variable} is {text!r}: give true or false")
    return text
