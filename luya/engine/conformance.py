"""`luya engine conformance`: the suite of `chain_node.conformance` against an endpoint, as a table or JSON."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.markup import escape
from rich.table import Table

from chain_node.conformance.suite import FAILED, OK, SKIPPED, WARNED, Result, passed
from chain_node.conformance.suite import run as ask
from chain_node.engine.base import Finality
from chain_node.engine.rpc import RpcEngine
from chain_node.rpc.client import to_bytes
from luya.console import progress, story, tell
from luya.errors import UsageError

_MARKS: Final = {
    OK: "[green]✓ ok[/green]",
    FAILED: "[red]✗ failed[/red]",
    WARNED: "[yellow]! not met[/yellow]",
    SKIPPED: "– skipped",
}


def run(
    rpc: Sequence[str], *, finality: str, key: Path | None, chain_id: int | None, only: list[str], quiet: bool
) -> dict[str, Any]:
    """Asks the engine everything; `ok` is False where something that the ledger needs is missing.

    Raises:
        EngineError: nobody answers there, it is another chain, or the finality rule does not work there.
        UsageError: the key's file holds no key.
    """
    rule = Finality.parse(finality)
    secret = _secret(key) if key is not None else None
    engine = RpcEngine(rpc, rule, chain_id=chain_id, wait=5.0)
    engine.start()
    engine.stop()
    with progress() as advance, tempfile.TemporaryDirectory(prefix="luya-conformance-") as folder:
        results = ask(engine.rpc_urls, rule, Path(folder), key=secret, only=only, progress=advance)
    if not quiet:
        _show(results)
    return {
        "ok": passed(results),
        "rpc": list(rpc),
        "finality": finality,
        "needed_failed": [result.name for result in results if result.status == FAILED],
        "wanted_not_met": [result.name for result in results if result.status == WARNED],
        "checks": [asdict(result) for result in results],
    }


def _secret(path: Path) -> bytes:
    text = path.read_text("ascii", "replace").strip()
    try:
        secret = to_bytes(text)
    except ValueError:
        secret = b""
    if len(secret) != 32:
        raise UsageError(f"{path} does not hold a private key: expected 64 hex digits")
    return secret


def _show(results: list[Result]) -> None:
    table = Table(box=None)
    for title in ("", "检查 check", "", "结果 what was found", "s"):
        table.add_column(title, overflow="fold", justify="right" if title == "s" else "left")
    for result in results:
        measured = ", ".join(f"{name} {value}" for name, value in result.measured.items())
        found = escape(result.detail or measured)
        level = "" if result.level == "needed" else "wanted"
        table.add_row(_MARKS[result.status], escape(result.title), level, found, f"{result.seconds:.1f}")
    story.print(table)
    if passed(results):
        tell("[green]可以承载账本[/green]：必需的检查全部通过。The ledger can run on it: all that it needs is there.")
    else:
        tell("[red]不能承载账本[/red]：必需的检查未通过，见上表。The ledger cannot run on it: see what failed above.")
