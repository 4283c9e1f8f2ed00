"""What a resident's key has signed and may not be in the log yet: kept until it is, so that a command that was cut
short and is run again sends the same message, whose nonce the ledger takes once. Nothing is spent twice."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from chain_node.errors import NodeError
from chain_node.protocol import acts
from chain_node.rpc.client import to_bytes, to_hex
from chain_node.storage.durable import make_dir, write_new
from luya.console import tell
from luya.errors import LoopRefused, UsageError
from luya.loop.relay import SentAct
from luya.session.session import Session


@dataclass(frozen=True, slots=True)
class WaitingAct:
    """A signed message and its fields. file: where it lies, None in a rehearsal. more: what else its command keeps.

    ledger: whose domain it was signed under; a chain that is made anew has another. None in files of before.
    """

    file: Path | None
    values: dict[str, int | bytes]
    signature: bytes
    ledger: str | None
    more: dict[str, str] = field(default_factory=dict)

    def forget(self) -> None:
        """It is in the log, or never will be."""
        if self.file is not None:
            self.file.unlink()


def keep(
    session: Session, folder: Path | None, values: acts.Values, signature: bytes, more: dict[str, str] | None = None
) -> WaitingAct:
    """Write down what was signed, for its owner alone, before anything is sent; nothing without a folder."""
    ledger, further = _ledger(session), more or {}
    file = None
    if folder is not None:
        file = folder / f"{hashlib.sha256(signature).hexdigest()}.json"
        plain = {name: to_hex(value) if isinstance(value, bytes) else value for name, value in values.items()}
        kept = {**further, "values": plain, "signature": signature.hex(), "ledger": ledger}
        make_dir(folder, 0o700)
        write_new(file, (json.dumps(kept, indent=1) + "\n").encode(), 0o600)
    return WaitingAct(file, dict(values), signature, ledger, further)


def left_over(session: Session, folder: Path, asked: acts.Values) -> WaitingAct | None:
    """What a run that was cut short has left of the same act.

    One that was signed for a chain before this one, and is not in the log, can be in no log any more: it is dropped.

    Raises UsageError: a file of it can't be read.
    """
    for file in sorted(folder.glob("*.json")):
        found = _read(file)
        if all(found.values.get(name) == one for name, one in asked.items()):
            if found.ledger not in (None, _ledger(session)) and find(session, found) is None:
                file.unlink()
                continue
            tell("继续上次未完成的操作。What was not finished is taken up again.")
            return found
    return None


def send_once(
    session: Session, waiting: WaitingAct, submit: Callable[[], SentAct], *, fresh: bool, rehearse: bool
) -> SentAct:
    """The act's entry, found or made by `submit`. fresh: signed by this run.

    Raises:
        LoopRefused, NodeError: as `submit`.
    """
    found = find(session, waiting)
    if found is not None:
        return found
    try:
        return submit()
    except (LoopRefused, NodeError) as error:
        # What an earlier run sent may have come first: then this one was refused for it.
        found = None if rehearse else find(session, waiting)
        if found is not None:
            return found
        # Refused before anything was sent: with other terms it may be asked for at once.
        unsent = fresh and isinstance(error, LoopRefused)
        if unsent or int(waiting.values["deadline"]) < time.time():
            waiting.forget()
        raise


def find(session: Session, waiting: WaitingAct) -> SentAct | None:
    """The entry with this very signature, which ends it."""
    node = session.node
    node.catch_up()
    for index, data in enumerate(node.archive.entries()):
        if data.endswith(waiting.signature):
            session.project()
            call = node.archive.call_of(index)
            return SentAct(index, None if call is None else call.tx_hash)
    return None


def _read(file: Path) -> WaitingAct:
    try:
        value = json.loads(file.read_text("utf-8"))
        plain = value.pop("values").items()
        values = {name: to_bytes(one) if isinstance(one, str) else int(one) for name, one in plain}
        proof, ledger = bytes.fromhex(value.pop("signature")), value.pop("ledger", None)
        return WaitingAct(file, values, proof, ledger, {name: str(one) for name, one in value.items()})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{file} is nothing that waits to be sent ({error}): move it away", "待发送的文件已损坏，请移走"
        ) from None


def _ledger(session: Session) -> str:
    domain = session.node.manifest.domain
    return f"{domain.chain_id}/{domain.ledger.hex()}/{domain.salt.hex()}"
