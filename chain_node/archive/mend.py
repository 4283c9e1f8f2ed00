"""Takes from a second copy what is damaged in an archive's calls and deployments, and keeps what only the archive has.

Entries and tiles are proven by the checkpoint: where those are damaged, the whole copy takes the archive's place
(`luya archive restore`). Calls and deployments stand beside the log; a copy's are the same bytes.
"""

from __future__ import annotations

from pathlib import Path

from chain_node.archive.calls import CallIndex
from chain_node.archive.domains import deployments, write
from chain_node.archive.mirror import verify_copy
from chain_node.archive.reader import ArchiveReader
from chain_node.errors import ArchiveError, MirrorError
from chain_node.storage.durable import FileLock, write_atomic

CALLS = ("calls", "calls.sum", "calls.idx")


def mend(folder: Path, copy: Path) -> list[str]:
    """Mend calls and deployments of the archive in `folder` from a copy; returns the files that were written again.

    Nothing is written unless what comes out is whole. The damaged files are kept beside as `NAME.damaged`.

    Raises:
        ArchiveError: the copy is damaged itself, or does not reach as far as the damage.
        MirrorError: it is of another log.
        LockError: the archive is in use.
    """
    checkpoint = verify_copy(copy)
    reader = ArchiveReader(folder)
    if checkpoint.size > reader.size:
        raise MirrorError(
            f"{copy} has {checkpoint.size} entries, {folder} only {reader.size}: use `luya archive restore`"
        )
    if reader.root_at(checkpoint.size) != checkpoint.root:
        raise MirrorError(f"{copy} holds another log than {folder}, or tiles are damaged: use `luya archive restore`")
    lock = FileLock(folder / "lock", "the archive")
    try:
        return [*_mend_calls(folder, copy, reader.size), *_mend_domains(folder, copy)]
    finally:
        lock.release()


def _mend_calls(folder: Path, copy: Path, size: int) -> list[str]:
    if not list(ArchiveReader(folder).call_problems(size)):
        return []
    making = folder / ".mending"
    mended = {}
    for name in CALLS:
        known, have = (copy / name).read_bytes(), _read(folder / name)
        mended[name] = known + have[len(known) :]
        write_atomic(making / name, mended[name])
    try:
        for entry, what in CallIndex(making).problems(size):
            raise ArchiveError(f"{copy} does not reach as far as the damage at entry {entry}: {what}")
        written = [name for name in CALLS if _read(folder / name) != mended[name]]
        for name in written:
            _replace(folder / name, mended[name])
    finally:
        for name in CALLS:
            (making / name).unlink()
        making.rmdir()
    return written


def _mend_domains(folder: Path, copy: Path) -> list[str]:
    """The copy's deployments, and what the archive has beyond them: lines are short, so the rest is read as it is."""
    path = folder / "domains"
    try:
        if deployments(folder)[: len(deployments(copy))] == deployments(copy):
            return []
    except ArchiveError:
        pass
    known = (copy / "domains").read_bytes()
    before = _read(path)
    write_atomic(folder / ".mending" / "domains", known + before[len(known) :])
    try:
        mended = deployments(folder / ".mending")
    finally:
        (folder / ".mending" / "domains").unlink()
        (folder / ".mending").rmdir()
    _keep(path, before)
    write(folder, mended)
    return ["domains"]


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _replace(path: Path, data: bytes) -> None:
    _keep(path, _read(path))
    write_atomic(path, data)


def _keep(path: Path, data: bytes) -> None:
    write_atomic(path.with_name(f"{path.name}.damaged"), data)
