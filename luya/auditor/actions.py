"""What `luya auditor` does: follow, rebuild the contracts, ask. It reads endpoints and its own folder, nothing else."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.markup import escape

from chain_node.archive.reader import ArchiveReader
from chain_node.auditor.alarm import EXIT_CODE, Alarm, run_command
from chain_node.auditor.chain import ChainView
from chain_node.auditor.compiler import compile_sources, solc
from chain_node.auditor.export import plain, temporary_of, write, write_csv
from chain_node.auditor.follow import Auditor
from chain_node.auditor.metrics import AuditorMetrics
from chain_node.auditor.query import QueryResult, ask, opened
from chain_node.auditor.settings import AuditSettings, Counts, without_credentials
from chain_node.auditor.sources import (
    Deployed,
    build,
    check,
    compiler_version,
    contract_names,
    differing_sources,
    of_genesis,
    of_ledger,
    standard_input,
    with_ast,
)
from chain_node.contracts.handles import Contract, artefact
from chain_node.deployment.manifest import Manifest
from chain_node.engine.base import Finality, Progress, no_progress
from chain_node.errors import Discrepancy
from chain_node.protocol.settlement import settlement
from chain_node.rpc.client import JsonRpc, to_bytes, to_hex
from luya.console import answer, story, tell
from luya.console import progress as bars
from luya.errors import UsageError

_TOLD_SECONDS: Final = 30.0
_LINGER_SECONDS: Final = 60.0
"""How long metrics are still served after an alarm, so that they are read at least once."""
_SHOWN_ROWS: Final = 200
_NOT_SEALED: Final = (
    "[red]未见账本封存：签名与状态均未核对，不能视为无误。The ledger's seal was not seen: "
    "no signature and no state was checked, so this is no all-clear.[/red]"
)


def follow(
    settings: AuditSettings,
    *,
    once: bool,
    command: str | None,
    metrics_port: int | None,
    acknowledge: bool,
    quiet: bool,
) -> int:
    """Follow until stopped, or once; gives the process's exit code."""
    with _progress(quiet) as show, Auditor(settings, show) as auditor:
        metrics = AuditorMetrics(auditor.counts)
        if metrics_port is not None:
            metrics.serve(metrics_port)
        known = auditor.store.alarm()
        if known is not None and not acknowledge:
            metrics.alarm_index = int(known["index"])
            tell("[red]此前的警报尚未确认。An earlier alarm was not acknowledged yet (--acknowledge).[/red]")
            answer(known)
            return EXIT_CODE
        if known is not None:
            auditor.store.acknowledge()
        try:
            if once:
                auditor.once()
            else:
                auditor.run(_stop_signal(), told=_Teller(quiet))
        except Discrepancy as found:
            metrics.alarm_index = found.index
            _raise_alarm(auditor, found, command)
            if metrics_port is not None and not once:
                time.sleep(_LINGER_SECONDS)
            return EXIT_CODE
        if not auditor.counts.sealed:
            tell(_NOT_SEALED)
        answer(_summary(auditor))
    return 0


@contextmanager
def _progress(quiet: bool) -> Iterator[Progress]:
    """Bars for a person, nothing for a program."""
    if quiet:
        yield no_progress
        return
    with bars() as show:
        yield show


def _stop_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


class _Teller:
    """Says now and then how far it is, and what is odd at once."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._last = 0.0
        self._warned = float("-inf")
        self._size = -1

    def __call__(self, counts: Counts) -> None:
        for text in counts.notes:
            tell(f"[yellow]注意 note:[/yellow] {escape(text)}")
        counts.notes.clear()
        if not counts.sealed and counts.block >= counts.final and time.monotonic() - self._warned > _TOLD_SECONDS:
            self._warned = time.monotonic()
            tell(_NOT_SEALED)
        if counts.size == self._size or time.monotonic() - self._last < _TOLD_SECONDS:
            return
        self._last, self._size = time.monotonic(), counts.size
        if not self._quiet:
            tell(f"已核对 checked: {counts.size} entries, block {counts.block} of {counts.final}")


def _raise_alarm(auditor: Auditor, found: Discrepancy, command: str | None) -> None:
    facts = auditor.facts
    alarm = Alarm.of(
        found,
        origin=facts.origin,
        ledger=to_hex(facts.ledger),
        endpoint=auditor.endpoint,
        size=auditor.size,
        root=auditor.store.root.hex(),
    )
    auditor.store.raise_alarm(alarm.value())
    sys.stderr.write("\a")
    story.print(alarm.text(), style="bold red", markup=False, soft_wrap=True)
    answer(alarm.value())
    problem = run_command(command, alarm) if command else None
    if problem is not None:
        tell(f"[red]{escape(problem)}[/red]")


def _summary(auditor: Auditor) -> dict[str, Any]:
    counts = asdict(auditor.counts)
    return {
        "alarm": False,
        "origin": auditor.facts.origin,
        "ledger": to_hex(auditor.facts.ledger),
        "endpoint": auditor.endpoint,
        "root": auditor.store.root.hex(),
        "store": str(auditor.store.folder),
    } | counts


def verify_sources(
    rpc_url: str,
    ledger: bytes,
    origin: str,
    *,
    manifest: Manifest | None,
    sources: Path | None,
    compiler: Path | None,
    quiet: bool,
) -> dict[str, Any]:
    """Rebuild the contracts and compare them with the chain's; `ok` is false where one differs."""
    value = standard_input(sources)
    changed = differing_sources(value) if sources is not None else []
    version = compiler_version()
    with JsonRpc(rpc_url) as rpc, _progress(quiet) as show:
        wanted = _wanted(rpc, ledger, origin, manifest, value)
        names = {one.name for one in wanted}
        show("compiling the contracts (some minutes)", 0, 0)
        with solc(version, compiler, show) as binary:
            built = build(compile_sources(with_ast(value, names), binary), sorted(names))
        verdicts = check(rpc, built, wanted)
    ok = not any(one.findings for one in verdicts)
    if not quiet:
        for verdict in verdicts:
            tell(
                f"{verdict.name} {verdict.address}: "
                + ("一致 same" if not verdict.findings else "[red]不同 differs[/red]")
            )
            for one in verdict.findings:
                where = f" at byte {one.offset}" if one.offset >= 0 else ""
                tell(escape(f"  {one.what}{where}: expected {one.expected}, found {one.found}"))
    return {
        "ok": ok,
        "endpoint": without_credentials(rpc_url),
        "compiler": version,
        "settings": {name: part for name, part in value["settings"].items() if name != "outputSelection"},
        "sources": str(sources) if sources else "shipped",
        "sources_that_differ_from_shipped": changed,
        "contracts": [asdict(one) for one in verdicts],
    }


def _wanted(
    rpc: JsonRpc, ledger: bytes, origin: str, manifest: Manifest | None, value: dict[str, Any]
) -> list[Deployed]:
    facts = ChainView(rpc, ledger, Finality("latest")).facts(origin, 0)
    law = Contract(rpc, facts.law, artefact("LuyaLaw").abi)
    authority = manifest.authority_address if manifest else to_bytes(str(law.read("authority")))
    views = manifest.views_address if manifest else None
    administration = manifest.contracts.get("Administration") if manifest else None
    modules = {name: manifest.contracts[name] for name in manifest.modules} if manifest else {}
    known = dict.fromkeys(contract_names(value))
    return [*of_ledger(facts, authority, views, administration, modules), *of_genesis(rpc, known)]


def query(
    archive: Path, database: Path | None, sql: str, *, output: Path | None, form: str, seconds: float, quiet: bool
) -> dict[str, Any] | None:
    """Ask; the answer goes to a file, or to standard output as a table, CSV or JSON."""
    started = time.monotonic()
    allowed = temporary_of(output.absolute()) if output is not None else None
    with _progress(quiet) as show, opened(archive, database, output=allowed, progress=show) as found:
        connection, size, root = found
        loaded = time.monotonic() - started
        result = ask(connection, sql, seconds=seconds)
        head = {"size": size, "root": root.hex(), "loaded_s": round(loaded, 3), "columns": list(result.columns)}
        if output is not None:
            return head | {"rows": write(result, output.absolute()), "output": str(output)}
        if form == "csv":
            write_csv(result, sys.stdout)
            return None
        if form == "json":
            return head | {"rows": [[plain(value) for value in row] for row in result.rows()]}
        _table(result)
    return None


def _table(result: QueryResult) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*result.columns)
    for number, row in enumerate(result.rows()):
        if number == _SHOWN_ROWS:
            tell(f"只显示前 {_SHOWN_ROWS} 行。Only the first {_SHOWN_ROWS} rows are shown: --output writes all.")
            break
        table.add_row(*(Text("" if value is None else str(plain(value))) for value in row))
    Console(soft_wrap=True).print(table)


def rpc_of_node(home: Path) -> str:
    """The JSON-RPC address of a luyad node's folder, by its configuration.

    Raises:
        UsageError: it is no node's folder, or its JSON-RPC is off.
    """
    import tomllib

    path = home / "config" / "app.toml"
    try:
        section = tomllib.loads(path.read_text("utf-8")).get("json-rpc", {})
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}: give the folder of a luyad node, or --rpc") from error
    address = str(section.get("address", ""))
    if not address or section.get("enable") is False:
        raise UsageError(f"{path} does not enable json-rpc: enable it, or give --rpc")
    host, _, port = address.rpartition(":")
    return f"http://{'127.0.0.1' if host in ('', '0.0.0.0') else host}:{port}"  # noqa: S104  # read, not bound


def settle(archive: Path, since: int, until: int, *, quiet: bool) -> dict[str, Any]:
    """What the operator owes each merchant for a period, in fen, from the archive's entries alone.

    Raises UsageError: there is no archive, or the period is none.
    """
    if since >= until:
        raise UsageError("a period begins before it ends: see --from and --to", "起始日期应早于截止日期")
    reader = ArchiveReader(archive)
    if reader.size == 0:
        raise UsageError(f"{archive} holds no published archive: see --store or --archive", "没有可读取的归档")
    lines = settlement(reader.entries(), since, until)
    if not quiet:
        for one in lines:
            whose = f"机构 organisation {one.organisation}  {one.subject} {one.number}"
            tell(f"  {whose}: {one.units} - {one.returned_units} = {one.owed_fen / 100:.2f} 元 yuan")
    total = sum(one.owed_fen for one in lines)
    shown = [asdict(one) | {"owed_fen": one.owed_fen} for one in lines]
    return {"since": since, "until": until, "size": reader.size, "lines": shown, "owed_fen": total}
