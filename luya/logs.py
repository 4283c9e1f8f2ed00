"""Structured logs of what runs for long: JSON lines, or text for a person's terminal; secrets never reach them.

The rooms log with the standard library (`logging.getLogger("luya.<part>")`, fields in `extra`), the API with structlog;
both come out here in one shape: `timestamp`, `level`, `logger`, `event`, then the fields.

| variable | meaning |
|---|---|
| `LUYA_LOG_LEVEL` | debug, info (default), warning, error |
| `LUYA_LOG_FORMAT` | json, console, auto (default: console on a terminal, JSON elsewhere) |
| `LUYA_LOG_FILE` | a file to append to; default standard error |
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

import structlog

from luya.errors import UsageError

_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_FORMATS: Final = ("auto", "json", "console")
_OURS: Final = "luya-logs"
HIDDEN: Final = "[redacted]"
_SECRET_NAME: Final = re.compile(
    r"pass(word|phrase|wd)|secret|token|private|mnemonic|credential|authori[sz]ation|cookie|api_?key|(^|_)(salt|seed)($|_)",
    re.IGNORECASE,
)
_SECRET_TEXT: Final = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), r"\1 " + HIDDEN),
    (re.compile(r"(?i)(://[^/\s:@]*:)[^/\s@]+@"), r"\1" + HIDDEN + "@"),
    (
        re.compile(r"(?i)\b((?:access_)?token|password|passphrase|secret|api_?key)([=:]\s*)[^\s&,;\"']+"),
        r"\1\2" + HIDDEN,
    ),
)


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How this process logs; see the module for the environment variables.

    Attributes:
        level: least level that is written.
        format: json, console or auto.
        file: appended to; None is standard error.
    """

    level: str = "info"
    format: str = "auto"
    file: Path | None = None

    def __post_init__(self) -> None:
        if self.level not in _LEVELS:
            raise UsageError(f"LUYA_LOG_LEVEL is {self.level!r}: expected one of {', '.join(_LEVELS)}")
        if self.format not in _FORMATS:
            raise UsageError(f"LUYA_LOG_FORMAT is {self.format!r}: expected one of {', '.join(_FORMATS)}")

    @staticmethod
    def from_environment(environment: Mapping[str, str] = os.environ) -> LogSettings:
        """What the environment asks for.

        Raises:
            UsageError: a value is none of those named in the module.
        """
        file = environment.get("LUYA_LOG_FILE")
        return LogSettings(
            environment.get("LUYA_LOG_LEVEL", "info").lower(),
            environment.get("LUYA_LOG_FORMAT", "auto").lower(),
            Path(file) if file else None,
        )


def redact(value: Any, name: str = "") -> Any:
    """`value` without secrets: hidden by their field's name, by how they look in a text, and all raw bytes."""
    if name and _SECRET_NAME.search(name):
        return HIDDEN
    if isinstance(value, str):
        for pattern, shown in _SECRET_TEXT:
            value = pattern.sub(shown, value)
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"  # keys and salts are bytes; what may be seen is logged as hex by whoever knows
    if isinstance(value, Mapping):
        return {key: redact(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))


def _redacted(_logger: Any, _method: str, event: Any) -> Any:
    return {name: redact(value, name) for name, value in event.items()}


def configure(settings: LogSettings | None = None, *, service: str = "luya") -> logging.Handler:
    """Logs of this whole process, from now on; called again it replaces what was.

    Args:
        settings: None reads the environment.
        service: named in every line.

    Raises:
        UsageError: the environment asks for what there is not.
        OSError: the file cannot be opened.
    """
    settings = settings or LogSettings.from_environment()
    handler: logging.Handler
    if settings.file is not None:
        handler = logging.FileHandler(settings.file, encoding="utf-8")
    else:
        handler = logging.StreamHandler(sys.stderr)

    def serve(_logger: Any, _method: str, event: Any) -> Any:
        event["service"] = service
        return event

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        serve,
    ]
    drop: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    last: list[Any] = [structlog.processors.format_exc_info, _redacted, *_renderer(settings)]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()], processors=[*drop, *last]
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[settings.level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for old in [one for one in root.handlers if one.name == _OURS]:
        root.removeHandler(old)
        old.close()
    handler.name = _OURS  # so that a second call finds and replaces it
    root.addHandler(handler)
    root.setLevel(max(_LEVELS[settings.level], logging.INFO))  # libraries at debug tell what they send
    logging.getLogger("luya").setLevel(_LEVELS[settings.level])
    logging.getLogger("alembic").setLevel(max(_LEVELS[settings.level], logging.WARNING))
    return handler


def as_json(settings: LogSettings | None = None) -> bool:
    """Standard error gets log lines as JSON: nobody reads it at a terminal."""
    settings = settings or LogSettings.from_environment()
    if settings.file is not None:
        return False
    return settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())


def _renderer(settings: LogSettings) -> list[Any]:
    terminal: TextIO = sys.stderr
    if as_json(settings) or (settings.file is not None and settings.format != "console"):
        return [structlog.processors.JSONRenderer(ensure_ascii=False)]
    return [
        structlog.dev.ConsoleRenderer(colors=settings.file is None and terminal.isatty(), exception_formatter=_plain)
    ]


def _plain(stream: TextIO, _info: Any) -> None:
    """Exceptions are text by the time the console shows them."""
