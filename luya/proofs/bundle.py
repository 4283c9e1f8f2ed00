"""`luya bundle`: a reduction's proof, from the archive alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from chain_node.archive.bundles import assemble
from chain_node.archive.reader import ArchiveReader
from chain_node.keys.keystore import Keystore
from chain_node.protocol.bundle import Opening
from chain_node.protocol.entries import Reduction, decode
from chain_node.storage.durable import replaceable, write_atomic
from luya.console import tell
from luya.errors import HomeError, UsageError
from luya.home import LuyaHome
from luya.session import feeds
from oracle.store.journal import Journal, path_of

_START: Final = b'{"attestation":'
"""With which every bundle begins."""


def run(home: LuyaHome, index: int, output: Path | None, *, opening: bool) -> dict[str, Any]:
    """Writes the bundle of entry `index` to `output` (default: bundle-INDEX.json here), in place of a bundle only.

    Args:
        opening: put the salt and the raw record in: for the owner, and for nobody else.

    Raises:
        UsageError: another file, or a folder, is there.
    """
    target = output or Path(f"bundle-{index}.json")
    if not replaceable(target, _START):
        raise UsageError(f"{target} is there already and is no bundle: nothing replaces it; name another file with -o")
    reader = ArchiveReader(home.archive)
    made = assemble(reader, index, evidence=_opening(home, reader, index) if opening else None)
    write_atomic(target, made, 0o600 if opening else 0o644)
    checkpoint = reader.checkpoint()
    assert checkpoint is not None
    tell(
        f"证明已写入 {target}。The proof of entry {index} is in {target}; check it with `luya verify {target} --key …`."
    )
    return {"index": index, "file": str(target), "bytes": len(made), "log_size": checkpoint.size}


def _opening(home: LuyaHome, reader: ArchiveReader, index: int) -> Opening:
    """The evidence behind a reduction, from the journal of the oracle that attested it.

    Raises:
        HomeError: no oracle of this home attested it.
    """
    entry = decode(reader.entry(index))
    if not isinstance(entry, Reduction):
        raise HomeError(f"entry {index} is no reduction: it has no evidence")
    for feed in feeds.of_home(home).values():
        path = path_of(home.oracle, feed.name)
        if feed.id == entry.feed and path.exists():
            journal = Journal(path, feed.id, feeds.journal_key(Keystore(home.root), feed))
            try:
                salt, raw = journal.opening_of(entry.sequence)
            finally:
                journal.close()
            return Opening(salt, json.loads(raw))
    raise HomeError(
        f"no oracle of this home attested entry {index} (feed {entry.feed}): ask the partner for the opening"
    )
