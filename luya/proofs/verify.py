"""`luya verify`: checks a proof bundle or a trail offline.

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

from chain_node.protocol import bundle, trail
from chain_node.protocol.errors import ProtocolError

MAX_BYTES = 4 << 20


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(
        prog="luya verify",
        description="离线验证一份减排证明或去向证明。"
        "Checks a proof bundle or a trail offline; exit 1 and the reason when it is false.",
    )
    made.add_argument(
        "bundle", type=Path, help="the bundle or trail, as `luya bundle`, `luya trail` or the API gave it"
    )
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
        data, key = _read(args.bundle), _key(args.key)
        if _is_trail(data):
            if args.checkpoint is not None:
                print("luya verify: a trail is checked against its own checkpoint alone", file=sys.stderr)
                return 2
            return _true_trail(trail.verify(data, key))
        result = bundle.verify(data, key, checkpoint=_text(args.checkpoint), consistency=_text(args.consistency))
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


def _is_trail(data: bytes) -> bool:
    """Whether the document says that it is a trail: its first member, in canonical form, is the account."""
    return data.startswith(b'{"account":')


def _true_trail(shown: trail.VerifiedTrail) -> int:
    units = f"{shown.delivered} of {shown.pledge.units} units delivered and accepted"
    _say(f"属实 true: from {len(shown.records)} records to a pledge; {units}", sys.stderr)
    value = {
        "verified": True,
        "account": shown.account,
        "records": [one.index for one in shown.records],
        "project": shown.project,
        "pledge_index": shown.pledge_index,
        "pledge": shown.pledge,
        "units": shown.pledge.units,
        "delivered": shown.delivered,
        "deliveries": [
            {
                "index": one.delivery_index,
                "acceptance": one.acceptance_index,
                "delivered_by": shown.project.organisation,
                "accepted_by": one.acceptor.organisation,
                "first": one.units.start,
                "units": len(one.units),
                "day": one.delivery.day,
                "latitude": one.delivery.latitude,
                "longitude": one.delivery.longitude,
            }
            for one in shown.deliveries
        ],
        "log_size": shown.checkpoint.size,
        "hints": dict(shown.hints),
    }
    _say(json.dumps(_plain(value), ensure_ascii=False), sys.stdout)
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
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
