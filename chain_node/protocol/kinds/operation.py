"""How the log is run: pauses of recording, and the key that signs its checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chain_node.protocol.kinds.kind import Kind, require
from chain_node.protocol.layout import Layout
from chain_node.protocol.records import HASH_BYTES

PAUSE: Final = 0x46
LOG_KEY: Final = 0x47

_PAUSE: Final = Layout("type:B time:Q scope:B until:Q")
_LOG_KEY: Final = Layout("type:B time:Q key_type:B public_key:32s")


@dataclass(frozen=True, slots=True)
class Pause:
    """0x46: recording pauses until this instant (unix seconds); 0 = lifted."""

    time: int
    until: int
    scope: int = 0


@dataclass(frozen=True, slots=True)
class LogKey:
    """0x47: the Ed25519 key that signs the log's checkpoints; its name is the log's origin."""

    time: int
    public_key: bytes
    key_type: int = 0x01


def _encode_pause(e: Pause) -> bytes:
    return _PAUSE.codes.pack(PAUSE, e.time, e.scope, e.until)


def _decode_pause(data: bytes) -> Pause:
    _, time, scope, until = _PAUSE.codes.unpack(data)
    return Pause(time, until, scope)


def _check_pause(e: Pause) -> None:
    require(e.scope == 0, e, "the only scope of a pause is 0, recording")


def _encode_log_key(e: LogKey) -> bytes:
    return _LOG_KEY.codes.pack(LOG_KEY, e.time, e.key_type, e.public_key)


def _decode_log_key(data: bytes) -> LogKey:
    _, time, key_type, public_key = _LOG_KEY.codes.unpack(data)
    return LogKey(time, public_key, key_type)


def _check_log_key(e: LogKey) -> None:
    right = e.key_type == 0x01 and len(e.public_key) == HASH_BYTES
    require(right, e, "a log key is of type 1, Ed25519, with 32 bytes")


PAUSES: Final = Kind("pause", (PAUSE,), Pause, _PAUSE, _encode_pause, _decode_pause, _check_pause)
LOG_KEYS: Final = Kind("log key", (LOG_KEY,), LogKey, _LOG_KEY, _encode_log_key, _decode_log_key, _check_log_key)
