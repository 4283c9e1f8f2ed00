"""`luya status`: what a home holds and what runs on it; works with nothing running."""

from __future__ import annotations

import json
from typing import Any

from rich.markup import escape
from rich.table import Table

from api.errors import ApiError
from api.projection.projector import Projector
from api.store.database import writer
from chain_node.archive.reader import ArchiveReader
from chain_node.deployment.manifest import Manifest
from chain_node.operations.diagnosis import diagnose
from chain_node.operations.state import chain_state, running_node, waiting_transactions
from chain_node.protocol.checkpoint import Checkpoint
from chain_node.protocol.errors import ProtocolError
from chain_node.supervisor.measure import alive
from chain_node.supervisor.report import NodeReport
from luya.console import story
from luya.home import LuyaHome
from oracle.errors import JournalError
from oracle.store import peek


def run(home: LuyaHome, *, quiet: bool) -> dict[str, Any]:
    """The home's state, each part for itself: a broken one does not hide the others."""
    archive = ArchiveReader(home.archive)
    value: dict[str, Any] = {"home": str(home.root), "deployed": home.manifest.exists()}
    if value["deployed"]:
        manifest = Manifest.load(home.manifest)
        value |= {
            "network": manifest.network,
            "origin": manifest.origin,
            "chain_id": manifest.chain_id,
            "log_key": manifest.log_key,
            "addresses": {name: getattr(manifest, name) for name in ("ledger", "law", "views", "authority")},
            "roles": manifest.roles,
        }
        checkpoint = _checkpoint(archive)
        if checkpoint is not None:
            value |= {"log_size": checkpoint.size, "log_root": checkpoint.root.hex()}
        value["processes"] = _processes(home)
        value["chain"] = chain_state(home, manifest)
        value["lag"] = _lag(home, checkpoint.size if checkpoint else 0, value["chain"])
        value["queues"] = _queues(home)
        report = NodeReport.read(home.root / "run")
        if report is not None and alive(report.pid):
            value["supervisor"] = {
                name: getattr(report, name) for name in ("accepting", "restarts", "rollbacks", "metrics_url")
            }
    problems = diagnose(home, value)
    value["ok"] = not any(one.severity == "error" for one in problems)
    value["problems"] = [one.as_json() for one in problems]
    if not quiet:
        _show(value)
    return value


def _checkpoint(archive: ArchiveReader) -> Checkpoint | None:
    """The newest one; None where it cannot be read, which the problems then tell."""
    try:
        return archive.checkpoint()
    except (ProtocolError, OSError, ValueError):
        return None


def _processes(home: LuyaHome) -> dict[str, Any]:
    found: dict[str, Any] = {}
    running = running_node(home)
    if running is not None:
        found["node"] = {"pid": running.pid, "engine": running.engine, "rpc_url": running.rpc_url}
    try:
        api = json.loads(home.api.read_text("utf-8"))
        if alive(int(api["pid"])):
            found["api"] = api
    except (OSError, ValueError, KeyError):
        pass  # no API says that it runs: that is an answer too
    return found


def _lag(home: LuyaHome, archived: int, chain: dict[str, Any]) -> dict[str, int | str]:
    lag: dict[str, int | str] = {}
    if "log_size" in chain:
        lag["archive"] = chain["log_size"] - archived
    engine = writer(home.read_model)
    try:
        lag["read_model"] = archived - Projector(engine, ArchiveReader(home.archive)).size()
    except (ApiError, OSError) as error:
        lag["read_model"] = str(error)
    except Exception as error:  # a database that was never migrated, or is away: say so instead of failing
        lag["read_model"] = f"{type(error).__name__}: no read model yet"
    finally:
        engine.dispose()
    return lag


def _queues(home: LuyaHome) -> dict[str, int | str]:
    """What waits: signed transactions by sender, records by feed."""
    queues = {f"outbox/{sender}": count for sender, count in waiting_transactions(home).items()}
    for feed, path in peek.journals(home.oracle).items():
        try:
            queues[f"oracle/{feed}"] = peek.waiting(path)
        except JournalError as error:  # a disk without any room, say
            queues[f"oracle/{feed}"] = str(error)
    return queues


def log_key(home: LuyaHome) -> str:
    """The verifier key of the home's log, alone.

    Raises:
        ManifestError: there is no ledger.
    """
    return Manifest.load(home.manifest).log_key


def _show(value: dict[str, Any]) -> None:
    """The verdict first, then what is wrong, then a row a subject; everything else is in the last line's JSON."""
    errors = sum(one["severity"] == "error" for one in value["problems"])
    if not value["deployed"]:
        story.print("这里还没有账本。Nothing is deployed here yet: run `luya up`, or `luya demo`.")
    elif errors:
        story.print(f"[red]有 {errors} 个问题[/red] {errors} thing(s) wrong:")
    else:
        running = "运行中 running" if value["chain"]["running"] else "未运行 not running"
        story.print(f"[green]正常 ok[/green]，{running}")
    for one in value["problems"]:
        colour = {"error": "red", "warning": "yellow"}.get(one["severity"], "cyan")
        story.print(f"[{colour}]{one['severity']} {one['code']}[/{colour}]", soft_wrap=True)
        for part in ("what", "do"):
            story.print(f"  {escape(one[part]['zh'])}", soft_wrap=True)
            story.print(f"  {escape(one[part]['en'])}", soft_wrap=True)
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")  # a key that is cut cannot be copied
    for name, shown in _rows(value):
        table.add_row(name, escape(shown))
    story.print(table)


def _rows(value: dict[str, Any]) -> list[tuple[str, str]]:
    """What a person looks for, in two languages' words."""
    rows = [("目录 home", str(value["home"]))]
    if not value["deployed"]:
        return rows
    chain, processes, lag = value["chain"], value["processes"], value["lag"]
    node, api = processes.get("node", {}), processes.get("api")
    rows += [
        ("日志 log", str(value["origin"])),
        ("公钥 log key", str(value["log_key"])),
        ("条数 entries", f"{value.get('log_size', 0):,}"),
        ("根 root", str(value.get("log_root", "–"))),
    ]
    if "head" in chain:
        heights = f"{node.get('engine', '')} {node.get('rpc_url', '')}, head {chain['head']}, final {chain['final']}"
        rows.append(("链 chain", f"{value['chain_id']}, {heights}"))
    else:
        rows.append(("链 chain", f"{value['chain_id']}, {chain.get('problem', '未运行 not running')}"))
    rows += [
        ("接口 API", str(api.get("url", api)) if api else "未运行 not running"),
        ("落后 behind", ", ".join(f"{name} {behind}" for name, behind in lag.items()) or "–"),
        ("待办 waiting", ", ".join(f"{name} {count}" for name, count in value["queues"].items() if count) or "0"),
    ]
    rows += [(f"合约 {name}", str(address)) for name, address in value["addresses"].items()]
    return rows
