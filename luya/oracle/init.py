"""`luya oracle init`: a feed's TOML, drafted from a sample of the partner's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from rich.markup import escape

from chain_node.storage.durable import write_new
from luya.console import answer, tell
from luya.errors import UsageError
from luya.home import LuyaHome
from luya.session import feeds
from oracle.judging import sample
from oracle.judging.draft import draft, name_of

INCOMPLETE: Final = 3
"""The exit code of a draft in which something is missing that the sample does not tell."""


def run(home: LuyaHome, path: Path, output: Path | None, *, stations: Path | None = None, quiet: bool) -> int:
    """Writes the draft, which never replaces a file; says what is to be confirmed and what is missing.

    stations: the partner's table of stations, which lies beside the draft.

    Returns:
        The exit code: 0, or INCOMPLETE.

    Raises:
        UsageError: a file is missing, the output is there already, or the stations do not lie beside it.
        SourceError: nothing can be told from the sample.
    """
    missing = [str(one) for one in (path, stations) if one is not None and not one.exists()]
    if missing:
        raise UsageError(f"no such file: {', '.join(missing)}", f"没有这个文件：{'、'.join(missing)}")
    target = output or Path(f"{name_of(path)}.toml")
    if stations is not None and stations.resolve().parent != target.resolve().parent:
        raise UsageError(f"{stations} does not lie beside {target}: a feed's station table lies beside its TOML")
    there = feeds.of_home(home)
    number = next(number for number in range(1, 1 << 16) if number not in {feed.id for feed in there.values()})
    name = name_of(path)
    table = None if stations is None else sample.read(stations)
    made = draft(sample.read(path), number, f"{name[:57]}-{number}" if name in there else name, table)
    if not write_new(target, made.text.encode()):
        raise UsageError(f"{target} is there already: name another file with -o")
    if not quiet:
        _tell(target, made.kind, made.missing, path)
    value: dict[str, Any] = {"draft": str(target), "kind": made.kind, "missing": list(made.missing)}
    answer(value | {"unused": list(made.unused)})
    return INCOMPLETE if made.missing else 0


def _tell(target: Path, kind: str, missing: tuple[str, ...], sample_path: Path) -> None:
    where = escape(str(target))
    tell(f"草稿已写入 {where}（{kind}）。A draft of kind {kind} is in {where}.")
    if missing:
        tell(f"  样本中未找到，请补上标有“【缺】”的行。Not found in the sample: {', '.join(missing)} (see MISSING).")
    tell("  请核对每一行，并确认时区（标有“【请确认】”）。Look at every line, and confirm the time zone (CONFIRM).")
    tell(f"  然后预演，再登记。Then: luya oracle check --config {where} --enrol-unknown {escape(str(sample_path))}")
    tell(f"  luya feed register {where}")
