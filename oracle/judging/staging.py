"""A call's rows on disk, read, judged row by row, in the order in which they are taken.

The staging file is built under another name and renamed when it is whole: it is either complete or not there, so a call
that was killed while reading reads again, and one killed later goes on from the very same rows. It holds raw rows, so
it is readable by its owner only and goes when the call is done.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from chain_node.protocol.rules import Rule
from chain_node.storage.durable import fsync_dir
from oracle.errors import SourceError
from oracle.families import family_of
from oracle.families.config import FeedConfig
from oracle.families.family import Pairing
from oracle.families.headers import HeaderStyles
from oracle.families.verdict import Verdict, refused
from oracle.intake import csv_rows, json_rows
from oracle.intake.canonical import canonical
from oracle.intake.fields import Unreadable, required
from oracle.intake.rows import RawRow
from oracle.judging import likely
from oracle.ports import FeedLaw

CHUNK: Final = 2_000
UNTIMED: Final = -1
"""The `start` of a row that has none: malformed rows are taken first."""

_TABLE: Final = """
CREATE TABLE staged (
  id INTEGER PRIMARY KEY, file INTEGER NOT NULL, row INTEGER NOT NULL, line INTEGER NOT NULL, start INTEGER NOT NULL,
  key BLOB NOT NULL, content BLOB, raw BLOB NOT NULL, person TEXT NOT NULL, rule INTEGER, value TEXT NOT NULL,
  method INTEGER, day INTEGER, slot INTEGER, slots INTEGER, activity INTEGER,
  exit INTEGER, lead INTEGER, twin INTEGER NOT NULL DEFAULT 0, kind TEXT, station TEXT)
"""
_INSERT: Final = "INSERT INTO staged VALUES (NULL, ?,?,?,?,?,?,?,?,?,?,?,?,?,?,?, NULL, NULL, 0, ?, ?)"
_TWINS: Final = """
UPDATE staged SET twin = 1 WHERE EXISTS (
  SELECT 1 FROM staged o WHERE o.key = staged.key AND
  (o.rule IS NOT NULL, o.start, o.file, o.row) < (staged.rule IS NOT NULL, staged.start, staged.file, staged.row))
"""
"""Of rows with one key the first counts; before all that fail a rule by themselves, one that passes."""

Reading = Callable[[int], None]
"""Told how many bytes of the files have been read."""
Fill = Callable[[sqlite3.Connection, "RowJudge"], None]
"""Puts rows into the table of a staging file."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file of a call: its place among them, its path as given, SHA-256 of its bytes, and how many they are."""

    number: int
    path: Path
    digest: bytes
    size: int


def survey(paths: Sequence[Path], reading: Reading) -> list[InputFile]:
    """The files' digests: what tells a call that goes on from a new one. Raises SourceError: one cannot be read."""
    files = []
    for number, path in enumerate(paths):
        check_kind(path)
        try:
            with path.open("rb") as stream:
                counted = _Counted(stream, reading)
                while counted.read(1 << 20):
                    pass
        except OSError as error:
            raise SourceError(
                f"{path} cannot be read: {error.strerror or error}", f"{path} 无法读取：{error.strerror or error}"
            ) from None
        files.append(InputFile(number, path, counted.hash.digest(), counted.size))
    return files


def check_kind(path: Path) -> None:
    """Raises SourceError: this is no file that can be read, and read again."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror or error}", f"{path} 无法读取：{error.strerror or error}"
        ) from None
    if stat.S_ISDIR(mode):
        raise SourceError(f"{path} is a folder: name the files that are in it", f"{path} 是目录：请写明其中的文件")
    if not stat.S_ISREG(mode):
        raise SourceError(
            f"{path} is a pipe or device, which can be read only once: save it to a file first",
            f"{path} 是管道或设备，只能读取一次：请先存为文件",
        )


class _Counted:
    """A binary stream that hashes and counts what is read from it."""

    def __init__(self, stream: BinaryIO, reading: Reading) -> None:
        self._stream = stream
        self._reading = reading
        self.hash = hashlib.sha256()
        self.size = 0

    def read(self, limit: int) -> bytes:
        data = self._stream.read(limit)
        self.hash.update(data)
        self.size += len(data)
        self._reading(len(data))
        return data


def rows(stream: BinaryIO, name: str, config: FeedConfig) -> Iterator[RawRow]:
    """The stream's raw rows, by the feed's format. Raises SourceError: the file as a whole is not of that format."""
    source = config.source
    if source.format == "csv":
        return csv_rows.read(
            stream,
            name,
            encoding=source.encoding,
            delimiter=source.delimiter,
            max_field=source.max_field_bytes,
            check_header=lambda header: _check_columns(header, config, name),
        )
    if source.format == "json":
        return json_rows.read_array(
            stream,
            name,
            path=source.path,
            encoding=source.encoding,
            max_field=source.max_field_bytes,
            ids=config.id_columns,
        )
    return json_rows.read_lines(
        stream, name, encoding=source.encoding, max_field=source.max_field_bytes, ids=config.id_columns
    )


class RowJudge:
    """The rows of one feed → typed records → verdicts, as its family has it."""

    def __init__(self, config: FeedConfig, law: FeedLaw) -> None:
        family = family_of(config)
        self.headers = family.headers(config)
        self.read: Callable[[Mapping[str, str]], Any] = family.reader(config)
        self.check: Callable[[Sequence[Any]], list[Verdict]] = family.judge(config, law)
        self.pairing = family.pairing
        self.pair = None if family.pairing is None else family.pairing.pair(config, law)


def build(target: Path, files: Sequence[InputFile], config: FeedConfig, law: FeedLaw, reading: Reading) -> None:
    """Write the staging file of these files, complete and durable.

    Raises SourceError: a file has changed since `survey`, or cannot be taken as a whole.
    """

    def fill(db: sqlite3.Connection, judge: RowJudge) -> None:
        for file in files:
            _stage_file(db, file, config, judge, reading)

    write(target, config, law, fill)


def write(
    target: Path,
    config: FeedConfig,
    law: FeedLaw,
    fill: Fill,
    tidy: Callable[[sqlite3.Connection], None] | None = None,
) -> None:
    """Write a staging file of the rows that `fill` puts there, complete and durable. tidy: when all are judged."""
    partial = target.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    judge = RowJudge(config, law)
    db = sqlite3.connect(partial, isolation_level=None)
    try:
        # Nothing here outlives a crash: a file that is not whole is built again.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536"):
            db.execute(f"PRAGMA {pragma}")
        db.execute("BEGIN")
        db.execute(_TABLE)
        fill(db, judge)
        db.execute("CREATE INDEX staged_key ON staged (key)")
        db.execute(_TWINS)
        db.execute("CREATE INDEX staged_order ON staged (start, file, row)")
        if judge.pairing is not None:
            _pair(db, judge, judge.pairing)
        if tidy is not None:
            tidy(db)
        db.execute("COMMIT")
    finally:
        db.close()
    handle = os.open(partial, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    os.replace(partial, target)
    fsync_dir(target.parent)


def _stage_file(db: sqlite3.Connection, file: InputFile, config: FeedConfig, judge: RowJudge, reading: Reading) -> None:
    name = str(file.path)
    try:
        with file.path.open("rb") as stream:
            counted = _Counted(stream, reading)
            source = rows(cast(BinaryIO, counted), name, config)
            while chunk := list(islice(source, CHUNK)):
                stage(db, chunk, file, config, judge)
            while counted.read(1 << 20):
                pass
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error.strerror or error}") from None
    if counted.hash.digest() != file.digest:
        raise SourceError(f"{name} changed while it was being read: ingest it again when it is complete")


def _check_columns(header: Sequence[str], config: FeedConfig, name: str) -> None:
    if missing := family_of(config).headers(config).missing(header):
        cause = likely.of_header(header, missing, config)
        raise SourceError(
            f"{name} has no column {', '.join(map(repr, missing))} (see [columns] of feed {config.name}){cause.en}",
            f"{name} 缺少列 {'、'.join(map(repr, missing))}（见数据源 {config.name} 的 [columns]）{cause.zh}",
        )


def stage(
    db: sqlite3.Connection, chunk: Sequence[RawRow], file: InputFile, config: FeedConfig, judge: RowJudge
) -> None:
    """Put these rows of one file into the staging table, judged as far as each can be by itself."""
    good, kept, out = [], [], []
    kept_of = judge.pairing.kept if judge.pairing is not None else _kept_nothing
    for row in chunk:
        place, raw = (file.number, row.number, row.line), b""
        try:
            raw = canonical(row.fields)
            if row.problem is not None:
                raise Unreadable(row.problem)
            record = judge.read(row.fields)
            key = key_of(row, raw, file.digest, judge.headers)
        except (Unreadable, UnicodeEncodeError) as error:
            reason = "holds half a surrogate pair" if isinstance(error, UnicodeEncodeError) else str(error)
            raw = raw or canonical({_clean(name): _clean(text) for name, text in row.fields.items()})
            verdict = refused(UNTIMED, "", Rule.MALFORMED, reason[:200])
            out.append(_columns(place, key_in_any_case(row, raw, file.digest, judge.headers), raw, verdict, NOT_KEPT))
            continue
        good.append(record)
        kept.append((place, key, raw))
    for record, (place, key, raw), verdict in zip(good, kept, judge.check(good), strict=True):
        out.append(_columns(place, key, raw, verdict, kept_of(record)))
    db.executemany(_INSERT, out)


def key_of(row: RawRow, raw: bytes, file: bytes, headers: HeaderStyles) -> bytes:
    """A row's idempotency key: a letter, and what tells the row from all others of its feed.

    `i` and the partner's record id, where the feed has one; `h` and the SHA-256 of the raw row, where not; `u` and the
    SHA-256 of file, place and raw row for one that was not even parted into fields: two files may break off alike.

    Raises Unreadable: the record id is missing, or stands for nothing: many rows would be taken for one.
    """
    if row.problem is not None:
        return b"u" + hashlib.sha256(file + row.number.to_bytes(8, "big") + raw).digest()
    record_id = headers.record_id(row.fields)
    if record_id is None:
        return b"h" + hashlib.sha256(raw).digest()
    text = row.fields.get(record_id, "").strip()
    return b"i" + required("" if text in headers.nulls else text, record_id).encode()


def key_in_any_case(row: RawRow, raw: bytes, file: bytes, headers: HeaderStyles) -> bytes:
    """As `key_of`; of a row without its record id, as if the feed had none."""
    try:
        return key_of(row, raw, file, headers)
    except (Unreadable, UnicodeEncodeError):
        return b"h" + hashlib.sha256(raw).digest()


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


NOT_KEPT: Final = (None, None)


def _kept_nothing(_record: object) -> tuple[None, None]:
    return NOT_KEPT


def _columns(
    place: tuple[int, int, int], key: bytes, raw: bytes, verdict: Verdict, kept: tuple[str | None, str | None]
) -> tuple[object, ...]:
    start, person, rule, value, method, day, slot, slots, activity = verdict
    claim = (method, day, slot, slots, activity) if method else (None,) * 5
    content = hashlib.sha256(raw).digest() if key[:1] == b"i" else None  # a partner may send an id with other content
    number = None if rule is None else int(rule)
    return (*place, start, key, content, raw, person, number, value, *claim, *kept)


_TIMED: Final = "SELECT id, person, start, kind, station FROM staged WHERE rule IS NULL AND twin = 0"


def _pair(db: sqlite3.Connection, judge: RowJudge, pairing: Pairing) -> None:
    """Judge all rows of the call together.

    Those that are attested too: left out, the swipes before and after a known trip would make a trip of their own.
    """
    db.execute(
        "CREATE TEMP TABLE judged (rule, value, method, day, slot, slots, activity, exit, id INTEGER PRIMARY KEY)"
    )
    assert judge.pair is not None
    judged = judge.pair(_timed(db, pairing))
    while chunk := list(islice(judged, CHUNK)):
        db.executemany(
            "INSERT INTO judged VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(_rule(v), v.value, *_claim(v), exit_row, row) for row, v, exit_row in chunk],
        )
    db.execute(
        "UPDATE staged SET (rule, value, method, day, slot, slots, activity, exit) = "
        "(j.rule, j.value, j.method, j.day, j.slot, j.slots, j.activity, j.exit) FROM judged j WHERE j.id = staged.id"
    )
    db.execute("UPDATE staged SET lead = j.id FROM judged j WHERE j.exit = staged.id")


def _rule(verdict: Verdict) -> int | None:
    return None if verdict.rule is None else int(verdict.rule)


def _claim(verdict: Verdict) -> tuple[int | None, ...]:
    return tuple(verdict[4:]) if verdict.method else (None,) * 5


def _timed(db: sqlite3.Connection, pairing: Pairing) -> Iterator[tuple[int, Any]]:
    for row, person, at, kind, station in db.execute(f"{_TIMED} ORDER BY start, file, row"):
        yield row, pairing.record(person, at, kind, station)
