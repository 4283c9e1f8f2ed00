"""Which ledgers this log has lived in: for each EIP-712 domain its genesis nonce, kept beside the entries.

A rebuilt ledger has a new nonce and so a new domain, but old batches were signed under the old one, and their bundles
need the nonce that the domain's salt is made of. The file `domains` holds a JSON line per deployment, in order, with
the line's own SHA-256, so that no changed byte is believed or copied on; `remember` belongs to whoever deploys or
rebuilds, before the first batch is archived.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

from chain_node.errors import ArchiveError
from chain_node.protocol.attestation import domain_salt
from chain_node.storage.durable import write_atomic

FILE: Final = "domains"
Deployment = tuple[str, bytes]
"""Origin and genesis nonce."""


def remember(folder: Path, origin: str, genesis_nonce: bytes) -> None:
    """Note a deployment's genesis nonce (32 bytes); durable when it returns.

    Raises:
        AttestationError: the nonce does not have 32 bytes.
        ArchiveError: what is there already is damaged.
    """
    domain_salt(origin, genesis_nonce)
    write(folder, [*deployments(folder), (origin, genesis_nonce)])


def deployments(folder: Path) -> list[Deployment]:
    """Every deployment of this log, the first one first.

    Raises:
        ArchiveError: a line is not as it was written.
    """
    path = folder / FILE
    if not path.exists():
        return []
    found = []
    lines = path.read_bytes().split(b"\n")
    for line in lines[:-1]:
        try:
            value = json.loads(line)
            one = (str(value["origin"]), bytes.fromhex(value["genesis_nonce"]))
            domain_salt(*one)
            if line not in (_encode(one), _encode(one, summed=False)):
                raise ValueError("it does not have its SHA-256")
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(path, line, error) from error
        found.append(one)
    if b"}" in lines[-1]:  # less of a line is the torn end of a write that nobody was told had succeeded
        raise _damaged(path, lines[-1], "it does not end")
    return found


def nonces(folder: Path) -> dict[bytes, bytes]:
    """Domain salt → genesis nonce, of every deployment of this log.

    Raises:
        ArchiveError: a line is not as it was written.
    """
    return {domain_salt(*one): one[1] for one in deployments(folder)}


def write(folder: Path, those: list[Deployment]) -> None:
    """Make the file hold these, each once; nothing happens where it does."""
    path = folder / FILE
    data = b"".join(_encode(one) + b"\n" for one in dict.fromkeys(those))
    if not path.exists() or path.read_bytes() != data:
        write_atomic(path, data)


def _encode(one: Deployment, *, summed: bool = True) -> bytes:
    """A line; `summed` is off for one from before lines had a sum, which gets it when the file is next written."""
    value = {"genesis_nonce": one[1].hex(), "origin": one[0]}
    line = json.dumps(value, separators=(",", ":")).encode()
    return line[:-1] + b',"sum":"' + hashlib.sha256(line).hexdigest().encode() + b'"}' if summed else line


def _damaged(path: Path, line: bytes, why: object) -> ArchiveError:
    return ArchiveError(
        f"{path}: not a deployment as it was written: {line[:80]!r} ({why}): `luya archive mend` takes it from a copy; "
        "where there is none, the manifest of that deployment has its genesis nonce"
    )
