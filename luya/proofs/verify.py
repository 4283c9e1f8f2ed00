"""`luya verify`: checks a proof bundle offline.

Kept apart from the other commands so that a verifier loads the pure core alone: this module imports the standard
library and `chain_node.protocol`, nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, TextIO

from chain_node.protocol import bundle
from chain_node.protocol.errors import ProtocolError

MAX_BYTES = 4 << 20


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(
        prog="luya verify",
        description="离线验证一份减排证明。Checks a proof bundle offline; exit 1 and the reason when it is false.",
    )
    made.add_argument("bundle", type=Path, help="the bundle, as `luya bundle` or the API gave it")
    made.add_argument("--key", required=True, help="the log's verifier key (text or a file that holds it)")
    made.add_argument("--checkpoint", type=Path, help="a later signed checkpoint to verify against")
    made.add_argument(
        "--consistency", type=Path, help="the consistency proof from the bundle's size to that checkpoint"
    )
    made.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    return made


def run(argv: list[str]) -> int:
    """Runs the command; returns the exit code (0 true, 1 false or not to be read, 2 unusable arguments)."""
    args = parser().parse_args(argv)
    if (args.checkpoint is None) != (args.consistency is None):
        print("luya verify: --checkpoint and --consistency go together", file=sys.stderr)
        return 2
    try:
        result = bundle.verify(
            _read(args.bundle),
            _key(args.key),
            checkpoint=_text(args.checkpoint),
            consistency=_text(args.consistency),
        )
    except ProtocolError as error:
        return _false("不成立 false", str(error))
    except OSError as error:
        return _false(
            "无法读取 not to be read", f"{error.filename}: {error.strerror}" if error.strerror else str(error)
        )
    shown = {name: _plain(value) for name, value in asdict(result).items()} if is_dataclass(result) else {}
    _say("属实 true: this reduction is in the log, signed by its feed's quorum, and worth what it says", sys.stderr)
    _say(json.dumps({"verified": True, **shown}, ensure_ascii=False), sys.stdout)
    return 0


def _false(verdict: str, reason: str) -> int:
    _say(f"{verdict}: {reason}", sys.stderr)
    _say(json.dumps({"verified": False, "reason": reason}, ensure_ascii=False), sys.stdout)
    return 1


def _say(text: str, stream: TextIO) -> None:
    """A line; where nobody reads it any more (`luya verify … | head`) the verdict is the exit code alone."""
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise OSError(f"{path}: larger than {MAX_BYTES} bytes, which no bundle is")
    return data


def _text(path: Path | None) -> str | None:
    return None if path is None else _read(path).decode("utf-8", "replace")


def _key(given: str) -> str:
    """The verifier key itself, or the content of the file that is named."""
    path = Path(given)
    if path.is_file():
        return _read(path).decode("utf-8", "replace").strip()
    if "+" not in given:
        raise OSError(
            f"--key {given!r} is neither a verifier key (name+hash+key, as `luya status` shows it) nor a file"
        )
    return given


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
