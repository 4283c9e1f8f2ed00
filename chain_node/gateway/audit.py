"""The audit log: one JSON line for each privileged call, fsynced before the call is answered; never a secret in it.

Each line holds the SHA-256 of the line before it (`chain`), so that a line that was changed, taken out or put in shows.
One file a day. Lines that arrive while the disk is busy go down together, in one fsync.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from chain_node.errors import AuditError
from chain_node.storage.durable import FileLock, append_fsync, make_dir

_START: Final = "0" * 64
_SHOWN: Final = 512
_TAIL: Final = 1 << 16
"""Bytes that surely hold the last line."""


class AuditLog:
    """The log of one door.

    Args:
        folder: holds a file a day, `2026-11-21.jsonl` (0600).

    Raises:
        AuditError: its last line cannot be read.
        LockError: another process writes it.
    """

    def __init__(self, folder: Path) -> None:
        make_dir(folder, 0o700)
        self._lock = FileLock(folder / "lock", "the audit log")
        self._folder = folder
        self._writer = ThreadPoolExecutor(1, "luya-audit")
        self._waiting: list[tuple[dict[str, Any], asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self.lines = 0
        try:
            self._chain: str | None = self._last()
        except BaseException:
            self._lock.release()
            raise

    async def write(self, **fields: Any) -> None:
        """Write one line; returns when it is on disk.

        Raises:
            AuditError: it could not be written: the call must not be answered.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append(({"time": _now(), **fields}, done))
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._drain())
        # A caller that gives up must not take the line with it.
        await asyncio.shield(done)

    async def close(self) -> None:
        """Everything that was handed in is on disk afterwards."""
        if self._task is not None:
            await self._task
        self._writer.shutdown()
        self._lock.release()

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await loop.run_in_executor(self._writer, self._append, [line for line, _ in batch])
            except Exception as error:
                for _, done in batch:
                    if not done.done():
                        done.set_exception(AuditError(f"the audit log {self._folder} cannot be written: {error}"))
                        done.exception()  # whoever waits sees it; a caller that has gone does not
            else:
                for _, done in batch:
                    if not done.done():
                        done.set_result(None)

    def _append(self, lines: list[dict[str, Any]]) -> None:
        if self._chain is None:  # the last write failed, and may have left a part of a line
            self._chain = self._last()
        chain, self._chain = self._chain, None
        texts = []
        for line in lines:
            text = json.dumps({**line, "chain": chain}, separators=(",", ":")).encode()
            chain = hashlib.sha256(text).hexdigest()
            texts.append(text + b"\n")
        append_fsync(self._folder / f"{time.strftime('%Y-%m-%d', time.gmtime())}.jsonl", b"".join(texts), 0o600)
        self._chain = chain
        self.lines += len(lines)

    def _last(self) -> str:
        """Hash of the last line. A crash may have left a part of one: it is ended, and stays as it is."""
        for path in reversed(files(self._folder)):
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - _TAIL))
                data = file.read()
            whole = [line for line in data.split(b"\n") if line]
            if not whole:
                continue
            if not data.endswith(b"\n"):
                append_fsync(path, b"\n", 0o600)
            return hashlib.sha256(whole[-1]).hexdigest()
        return _START


def files(folder: Path) -> list[Path]:
    """The log's files, oldest first."""
    return sorted(folder.glob("[0-9]*.jsonl"))


def verify(folder: Path) -> dict[str, Any]:
    """Check the chain of lines. A torn line (a crash) is counted; the line after it names the torn bytes' hash.

    Raises:
        AuditError: a line was changed, taken out or put in; the text names file and line.
    """
    chain, lines, torn, before = _START, 0, 0, ""
    rest = _lines(folder)
    for place, text in rest:
        said = _chain_of(text)
        following = hashlib.sha256(text).hexdigest()
        if said is None:
            torn += 1
        else:
            if said != chain:
                raise AuditError(_broken(before, place, following, next(rest, None)))
            lines += 1
        chain, before = following, place
    return {"lines": lines, "torn": torn, "last": chain}


def _lines(folder: Path) -> Iterator[tuple[str, bytes]]:
    """(place, line) of all files, in order."""
    for path in files(folder):
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if text := line.rstrip(b"\n"):
                    yield f"{path}, line {number}", text


def _chain_of(text: bytes) -> object:
    """The hash that a line names; None for a torn line."""
    try:
        return json.loads(text)["chain"]
    except (ValueError, KeyError, TypeError):
        return None


def _broken(before: str, place: str, following: str, after: tuple[str, bytes] | None) -> str:
    """Which line it is, where `place` does not name the hash of the line `before` it.

    Where the line after `place` does not continue it either, `place` is what is wrong. Else `place` was written after
    another line than the one that now stands before it.
    """
    if after is not None and _chain_of(after[1]) not in (None, following):
        return f"{place} was changed, put in or moved: it fits neither the line before it nor the one after it"
    if not before:
        return f"{place} names a line before it: lines were taken out before it"
    return f"{before} was changed, or lines after it were taken out: {place} does not continue it"


def shown(params: list[Any]) -> Any:
    """Parameters for a line: whole where short, else their beginning, size and digest."""
    text = json.dumps(params, separators=(",", ":"))
    if len(text) <= _SHOWN:
        return params
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"begins": text[:_SHOWN], "chars": len(text), "sha256": digest}


def _now() -> str:
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
