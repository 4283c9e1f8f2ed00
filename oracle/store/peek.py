"""What others may ask of a journal without holding it: while an ingest runs, or of a copy in the making."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from chain_node.errors import LockError
from chain_node.storage.untouched import copy_untouched
from oracle.errors import JournalError
from oracle.store.journal import NAME


@dataclass(frozen=True, slots=True)
class Moment:
    """A journal at one moment. feed: its id; cursor: entries of the log that it has settled; sequences: it has made."""

    feed: int
    cursor: int
    sequences: int


def journals(folder: Path) -> dict[str, Path]:
    """The journals in the oracles' folder, by feed."""
    return {path.parent.name: path for path in sorted(folder.glob(f"*/{NAME}"))}


def moment(database: sqlite3.Connection) -> Moment:
    """Of a journal that the caller has open for reading, at the moment of its transaction. Raises sqlite3.Error."""
    meta = dict(database.execute("SELECT name, value FROM meta WHERE name IN ('feed', 'cursor')").fetchall())
    highest = database.execute("SELECT MAX(sequence) FROM record").fetchone()[0]
    return Moment(int(meta.get("feed") or -1), int(meta.get("cursor") or 0), 0 if highest is None else int(highest) + 1)


def moment_of(path: Path, database: sqlite3.Connection) -> Moment | None:
    """Of an open database of a home; None where the file is no oracle's journal. Raises sqlite3.Error."""
    return moment(database) if path.name == NAME else None


def waiting(path: Path) -> int:
    """How many records wait for the ledger. Raises JournalError: it cannot be read (a disk without any room, say)."""
    query = "SELECT COUNT(*) FROM record WHERE state IN ('accepted', 'signed')"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return int(db.execute(query).fetchone()[0])
    except sqlite3.Error as error:
        raise JournalError(str(error)) from None


def copy(path: Path, target: Path) -> int:
    """Copy a journal as it is at this moment, also while an ingest runs; returns how many entries it has settled.

    Nothing beside the journal changes. Raises JournalError: it cannot be read, or changes too fast.
    """
    try:
        copy_untouched(path, target)
        with closing(sqlite3.connect(target)) as made:
            return moment(made).cursor
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"{path} cannot be read: {error}") from None
    except LockError as error:
        raise JournalError(str(error)) from None
