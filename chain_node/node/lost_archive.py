"""An archive that has gone is never begun anew in silence.

A second, shorter log under the same origin and key contradicts what was signed before, and nobody could tell which is
right. So nothing is deployed from less than the log is known to have had. What may be done without a copy: a chain that
holds the ledger from its first entry on is read again.
"""

from __future__ import annotations

from chain_node.archive.reader import ArchiveReader
from chain_node.deployment.manifest import Manifest
from chain_node.engine.capabilities import capabilities
from chain_node.errors import ArchiveError
from chain_node.node.home import Home
from chain_node.node.settings import NodeSettings
from chain_node.protocol.errors import ProtocolError
from chain_node.storage.durable import write_atomic

_TO_DO = "restore it: `luya archive restore --from MIRROR`, or the whole home from a backup (`luya restore`)"


def is_lost(home: Home) -> bool:
    """A ledger was deployed, and its archive is missing; one that holds nothing yet has a journal."""
    return home.manifest.exists() and not (home.archive / "journal").exists()


def refuse(home: Home, reason: str) -> ArchiveError:
    """The error that says what to do about a lost archive."""
    return ArchiveError(f"the archive of {home.root} is missing, and {reason}: {_TO_DO}")


def check_before_start(home: Home, settings: NodeSettings) -> None:
    """Before an engine is touched: a rebuild replaces its chain.

    Raises:
        ArchiveError: the archive is missing or too short, and this start could only begin another log.
    """
    if is_lost(home):
        if settings.rebuild:
            raise refuse(home, "a chain made from nothing would begin another log under the same key")
        if not capabilities(settings.engine).keeps_chain:
            raise refuse(home, f"the engine {settings.engine} does not keep all that was in it")
    if settings.rebuild:
        check_size(home)


def check_size(home: Home) -> None:
    """What a ledger is deployed from holds all that the log is known to have had.

    Raises:
        ArchiveError: it holds less.
    """
    if not home.manifest.exists():
        return
    needed = max(Manifest.load(home.manifest).start_size, _awaited(home))
    try:
        size = ArchiveReader(home.archive).size
    except (ProtocolError, ValueError) as error:
        raise ArchiveError(f"{home.archive / 'checkpoint'}: {error}; restore the archive from a copy") from error
    if size < needed:
        raise ArchiveError(
            f"the archive of {home.root} has {size} entries, its log had {needed}: a ledger made from it would "
            f"contradict what was signed; {_TO_DO}"
        )


def begin_reading(home: Home, size: int) -> None:
    """Remember, over every restart, that the archive is whole again only from `size` entries on."""
    write_atomic(home.rereading, f"{max(size, _awaited(home))}\n".encode())


def end_reading(home: Home, size: int) -> None:
    """The archive has `size` entries."""
    if size >= _awaited(home):
        home.rereading.unlink(missing_ok=True)


def _awaited(home: Home) -> int:
    try:
        return int(home.rereading.read_text("ascii"))
    except FileNotFoundError:
        return 0
    except ValueError as error:
        raise ArchiveError(f"{home.rereading}: {error}; {_TO_DO}") from error
