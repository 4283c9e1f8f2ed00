"""Which ledgers this log has lived in: for each EIP-712 domain its genesis nonce, kept beside the entries.

A rebuilt ledger has a new nonce and so a new domain, but old batches were signed under the old one, and their bundles
need the nonce that the domain's salt is made of. The file `domains` holds a JSON line per deployment, append-only;
`remember` belongs to whoever deploys or rebuilds, before the first batch is archived.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from chain_node.errors import ArchiveError
from chain_node.protocol.attestation import domain_salt
from chain_node.storage.durable import append_fsync, make_dir

FILE: Final = "domains"


def remember(folder: Path, origin: str, genesis_nonce: bytes) -> None:
    """Note a deployment's genesis nonce (32 bytes); durable when it returns, nothing happens when it is known.

    Raises:
        AttestationError: the nonce does not have 32 bytes.
    """
    if domain_salt(origin, genesis_nonce) in nonces(folder):
        return
    make_dir(folder)
    path = folder / FILE
    line = json.dumps({"genesis_nonce": genesis_nonce.hex(), "origin": origin}, separators=(",", ":"))
    # a crash may have left half a line without its end: begin a new one
    torn = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
    append_fsync(path, b"\n" * torn + line.encode() + b"\n")


def nonces(folder: Path) -> dict[bytes, bytes]:
    """Domain salt → genesis nonce, of every deployment of this log.

    Raises:
        ArchiveError: a line that was written whole is not one.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    found = {}
    for line in path.read_bytes().splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue  # the torn end of a write that nobody was told had succeeded
        try:
            nonce = bytes.fromhex(value["genesis_nonce"])
            found[domain_salt(value["origin"], nonce)] = nonce
        except (KeyError, TypeError, ValueError) as error:
            raise ArchiveError(f"{path}: not a deployment: {line[:80]!r} ({error})") from error
    return found
