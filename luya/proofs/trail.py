"""`luya trail`: from a resident's records to what was delivered for its points, from the archive alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from chain_node.archive.reader import ArchiveReader
from chain_node.archive.trails import assemble_trail
from chain_node.deployment.manifest import Manifest
from chain_node.protocol import trail
from chain_node.storage.durable import replaceable, write_atomic
from luya.console import tell
from luya.errors import UsageError
from luya.home import LuyaHome

_START: Final = b'{"account":'
"""With which every trail begins."""


def run(home: LuyaHome, pledge: int, output: Path | None) -> dict[str, Any]:
    """Writes the trail of a pledge to `output` (default: trail-INDEX.json here), in place of a trail only.

    Raises:
        UsageError: another file, or a folder, is there.
        BundleError: the archive's parts do not make a trail that verifies.
    """
    target = output or Path(f"trail-{pledge}.json")
    if not replaceable(target, _START):
        raise UsageError(f"{target} is there already and is no trail: nothing replaces it; name another file with -o")
    manifest = Manifest.load(home.manifest)
    made = assemble_trail(ArchiveReader(home.archive), pledge, [manifest.domain])
    shown = trail.verify(made, manifest.log_key)
    write_atomic(target, made, 0o600)
    tell(
        f"去向证明已写入 {target}：认捐 {shown.pledge.units}，已交付并验收 {shown.delivered}。"
        f"The trail of pledge {pledge} is in {target}; check it with `luya verify {target} --key …`."
    )
    return {
        "pledge": pledge,
        "file": str(target),
        "bytes": len(made),
        "records": [one.index for one in shown.records],
        "deliveries": [one.delivery_index for one in shown.deliveries],
        "units": shown.pledge.units,
        "delivered": shown.delivered,
        "log_size": shown.checkpoint.size,
    }
