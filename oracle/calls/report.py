"""The report of a call: a CSV with a line per input row, safe to open in a spreadsheet.

file, row, line       the file as it was given, the row among its data rows, and the file's line on which it begins
outcome               accepted, refused, or already-known
rule, value           which rule refused it, and the value that the rule looked at
index                 of its entry in the log (`luya bundle INDEX`)
credits_mg, millipoints    as the ledger recorded them
was                   what was known of it before: accepted, revoked, or a rule
corrected             yes: it was attested with other content under this record id, and stays so
settings              the first 16 hex digits of the digest of the settings that the verdict came from
remedy_zh, remedy_en  what to do
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from chain_node.protocol.rules import Rule
from chain_node.storage.durable import fsync_dir, replaceable
from oracle.errors import SourceError
from oracle.store.outcomes import RowOutcome

HEADER: Final = (
    *("file", "row", "line", "outcome", "rule", "value", "index", "credits_mg", "millipoints"),
    *("was", "corrected", "settings", "remedy_zh", "remedy_en"),
)
_START: Final = b"file,row,"
"""With which every version's reports have begun."""
DIGITS: Final = 16
"""Hex digits of a settings' digest that are shown."""
_CORRECTED: Final = (
    "此编号的记录已入账，按原内容保留，更正后的内容不再计入；如原记录有误，请申请撤销，并以新编号提交更正后的记录。",
    "What was recorded under this id stays as it was; the other content is not counted. If it was wrong, have the "
    "entry revoked and send the right record under a new id.",
)
_TAKEN: Final = (
    "账本已对此记录作出决定，重新提交同一记录不会改变结果。",
    "The ledger has decided on this record; sending the same record again does not change that.",
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula: one that could be starts with an apostrophe."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) or text.startswith(_FORMULA) else text


def write(path: Path, names: Sequence[str], rows: Iterable[RowOutcome]) -> None:
    """Write the report; a crash leaves the old one or the new one. names: the files' names by their place in the call.

    Raises SourceError: it cannot be written there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    shown = [harmless(name) for name in names]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(HEADER)
            writer.writerows(_line(row, shown) for row in rows)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        fsync_dir(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise SourceError(f"the report cannot be written to {path}: {error.strerror or error}") from None


def check(path: Path) -> None:
    """Before hours of work: can the report be written there?

    Raises SourceError: it can't, or a file is there that is no earlier report, as the partner's own would be.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise SourceError(f"the report cannot be written to {path}: it is a folder; name a file")
        if not replaceable(path, _START):
            raise SourceError(
                f"{path} is there already and is no report: nothing replaces it; name another file",
                f"{path} 已存在且不是报告，不会被覆盖：请换一个文件名",
            )
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise SourceError(f"the report cannot be written to {path}: {error.strerror or error}") from None


def _line(row: RowOutcome, names: Sequence[str]) -> tuple[object, ...]:
    index = "" if row.index is None else row.index
    value = harmless(row.value)
    place = (names[row.file], row.row, row.line)
    amounts = (row.credits_mg, row.millipoints)
    known = (row.was, "yes" if row.corrected else "", row.settings.hex()[:DIGITS])
    return (*place, row.outcome, row.rule, value, index, *amounts, *known, *_remedy(row))


def _remedy(row: RowOutcome) -> tuple[str, str]:
    """What to do, in Chinese and English; nothing where nothing is to be done."""
    if row.corrected:
        return _CORRECTED
    if not row.rule:
        return ("", "")
    text = Rule.of(row.rule).text
    if row.sequence is not None and row.outcome == "already-known":
        return (f"{text.remedy_zh}{_TAKEN[0]}", f"{text.remedy_en} {_TAKEN[1]}")
    return (text.remedy_zh, text.remedy_en)
