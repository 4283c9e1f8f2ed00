"""`luya bundle`: a reduction's proof, from the archive alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chain_node.archive.bundles import assemble
from chain_node.archive.reader import ArchiveReader
from chain_node.durable import write_atomic
from luya.console import tell
from luya.home import Home


def run(home: Home, index: int, output: Path | None) -> dict[str, Any]:
    """Writes the bundle of entry `index` to `output` (default: bundle-INDEX.json here)."""
    reader = ArchiveReader(home.archive)
    made = assemble(reader, index)
    target = output or Path(f"bundle-{index}.json")
    write_atomic(target, made)
    checkpoint = reader.checkpoint()
    assert checkpoint is not None
    tell(f"证明已写入 {target}。The proof of entry {index} is in {target}; check it with `luya verify {target} --key …`.")
    return {"index": index, "file": str(target), "bytes": len(made), "log_size": checkpoint.size}
