"""Which second copies a home's archive has had, in HOME/mirrors.json: an empty folder in a copy's place is none.

Where a copy's disk is not mounted, its folder is there and empty, on the ledger's own disk. What grew there would
protect nothing, and hide that the copy stands still.
"""

from __future__ import annotations

import json
from pathlib import Path

from chain_node.archive.reader import ArchiveReader
from chain_node.errors import MirrorError
from chain_node.storage.durable import write_atomic


def remember_mirror(record: Path, target: Path) -> None:
    """That `target` holds entries, once it does; durable when it returns.

    Raises:
        MirrorError: the record cannot be read.
    """
    known, name = _known(record), str(target.resolve())
    if name not in known and ArchiveReader(target).size:
        write_atomic(record, json.dumps(sorted({*known, name}), ensure_ascii=False, indent=1).encode() + b"\n")


def refuse_empty(record: Path, target: Path) -> None:
    """Nothing is begun anew where there has been a copy.

    Raises:
        MirrorError: there is none any more, or the record cannot be read.
    """
    if str(target.resolve()) in _known(record) and not ArchiveReader(target).size:
        raise MirrorError(
            f"{target} has held a copy and is empty: is its disk mounted? To begin it anew there: "
            f"`luya archive mirror --once --to {target}`"
        )


def known_mirrors(record: Path) -> list[Path]:
    """Every copy that this home has had.

    Raises:
        MirrorError: the record cannot be read.
    """
    return [Path(name) for name in _known(record)]


def _known(record: Path) -> list[str]:
    try:
        return [str(name) for name in json.loads(record.read_bytes())]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError) as error:
        raise MirrorError(f"{record} cannot be read ({error}): delete it, it is written anew") from error
