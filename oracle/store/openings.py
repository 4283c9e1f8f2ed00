"""What a record's evidence commits to: salt ‖ raw record; of a metro trip, both swipes in one object."""

from __future__ import annotations

import json
from typing import Final

from oracle.intake.canonical import canonical

SALT_BYTES: Final = 32


def paired(entry: bytes, leave: bytes) -> bytes:
    """The raw record of a metro trip: both swipes in one object, their names prefixed `entry.` and `exit.`."""
    both = {f"entry.{name}": text for name, text in json.loads(entry).items()}
    both.update({f"exit.{name}": text for name, text in json.loads(leave).items()})
    return canonical(both)


def unpaired(raw: bytes) -> bytes:
    """The entry's own raw record: out of a pair's, or as it is where the pair never became one record."""
    fields = json.loads(raw)
    if not fields or not all(name.startswith(("entry.", "exit.")) for name in fields):
        return raw
    return canonical({name[6:]: text for name, text in fields.items() if name.startswith("entry.")})
