"""`luya auditor …`: for those who check the ledger from outside; reads arguments and hands on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from luya.command import JsonOption, explained
from luya.endpoints import parse_endpoints
from luya.errors import UsageError

if TYPE_CHECKING:
    from chain_node.deployment.manifest import Manifest

app = typer.Typer(help="审计：独立核对账本。Auditors: check the ledger from outside.", no_args_is_help=True)

RpcOption = Annotated[
    list[str] | None,
    typer.Option("--rpc", help="节点地址，可多个。JSON-RPC address; several are held against each other."),
]
NodeOption = Annotated[
    Path | None, typer.Option("--home", help="本机 luyad 节点目录。Folder of a luyad node on this machine.")
]
ManifestOption = Annotated[
    Path | None,
    typer.Option("--manifest", help="账本清单。The ledger's manifest.json, instead of --ledger and --log-key."),
]
LedgerOption = Annotated[str | None, typer.Option("--ledger", help="账本合约地址。Address of the ledger.")]
KeyOption = Annotated[str | None, typer.Option("--log-key", help="日志公钥。Verifier key of the log.")]
StoreOption = Annotated[
    Path, typer.Option("--store", envvar="LUYA_AUDITOR", help="审计者自己的目录。The auditor's own folder.")
]
_STORE = Path("luya-auditor")


@app.command()
def follow(
    rpc: RpcOption = None,
    home: NodeOption = None,
    manifest: ManifestOption = None,
    ledger: LedgerOption = None,
    log_key: KeyOption = None,
    store: StoreOption = _STORE,
    finality: Annotated[
        str | None, typer.Option("--finality", help="终局规则。latest, finalized or confirmations:N.")
    ] = None,
    from_block: Annotated[
        int | None, typer.Option("--from-block", min=0, help="起始区块。First block that may hold the ledger's events.")
    ] = None,
    checkpoint: Annotated[
        list[str] | None,
        typer.Option("--checkpoint", help="运营方检查点：网址、文件或归档目录。Address, file or archive folder."),
    ] = None,
    witness: Annotated[
        list[str] | None, typer.Option("--witness", help="见证人公钥。A witness's verifier key.")
    ] = None,
    witnesses_needed: Annotated[
        int, typer.Option("--witnesses-needed", min=0, help="至少几个见证。How many must have cosigned.")
    ] = 0,
    compare: Annotated[
        str, typer.Option("--compare", help="每类抽查多少，或 all。Words of each kind to compare, or all.")
    ] = "500",
    compare_every: Annotated[
        float, typer.Option("--compare-every", min=1, help="抽查间隔秒数。Seconds between comparisons.")
    ] = 600.0,
    once: Annotated[bool, typer.Option("--once", help="核对到最新即退出。Exit when all is checked.")] = False,
    alarm_command: Annotated[
        str | None, typer.Option("--alarm-command", help="警报时运行。Shell command for an alarm; JSON on its input.")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option("--metrics-port", min=1, max=65535, help="指标端口。Prometheus metrics on loopback.")
    ] = None,
    successor: Annotated[
        bool, typer.Option("--successor", help="账本已重建。The ledger was rebuilt; go on with this store.")
    ] = False,
    acknowledge: Annotated[
        bool, typer.Option("--acknowledge", help="确认此前的警报。Acknowledge an earlier alarm and go on.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """跟随并逐条重放核对，发现第一处不同即报警（退出码 3）。Follows and checks every entry; exit 3 at a difference."""
    from chain_node.auditor.settings import AuditSettings
    from chain_node.engine.base import Finality
    from luya.auditor import actions as command

    with explained():
        known = _manifest(manifest)
        settings = AuditSettings(
            store=store,
            rpc_urls=_urls(rpc, home),
            ledger=_ledger(known, ledger),
            log_key=_log_key(known, log_key),
            finality=Finality.parse(finality or _finality(known, home)),
            created=from_block if from_block is not None else _created(known),
            checkpoints=tuple(checkpoint or ()),
            witnesses=tuple(witness or ()),
            quorum=witnesses_needed,
            sample=_sample(compare),
            compare_seconds=compare_every,
            successor=successor,
        )
        code = command.follow(
            settings,
            once=once,
            command=alarm_command,
            metrics_port=metrics_port,
            acknowledge=acknowledge,
            quiet=json,
        )
    raise typer.Exit(code)


@app.command("verify-sources")
def verify_sources(
    rpc: RpcOption = None,
    home: NodeOption = None,
    manifest: ManifestOption = None,
    ledger: LedgerOption = None,
    log_key: KeyOption = None,
    sources: Annotated[
        Path | None,
        typer.Option("--sources", help="源码目录（默认随软件发布的源码）。A checkout, instead of the shipped sources."),
    ] = None,
    solc: Annotated[Path | None, typer.Option("--solc", help="指定编译器。The compiler to use.")] = None,
    json: JsonOption = False,
) -> None:
    """由源码重新编译合约并与链上比对。Rebuilds the contracts from source and compares them with the chain; exit 3."""
    from chain_node.auditor.alarm import EXIT_CODE
    from chain_node.protocol.checkpoint import VerifierKey
    from luya.auditor import actions as command
    from luya.console import answer

    with explained():
        known = _manifest(manifest)
        origin = VerifierKey.parse(_log_key(known, log_key)).name
        value = command.verify_sources(
            _urls(rpc, home)[0],
            _ledger(known, ledger),
            origin,
            manifest=known,
            sources=sources,
            compiler=solc,
            quiet=json,
        )
        answer(value)
    raise typer.Exit(0 if value["ok"] else EXIT_CODE)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="一条 SELECT；- 从标准输入读取。One SELECT; - reads standard input.")],
    store: StoreOption = _STORE,
    archive: Annotated[
        Path | None, typer.Option("--archive", help="直接读取归档目录。An archive folder, instead of the store.")
    ] = None,
    database: Annotated[
        Path | None, typer.Option("--database", help="保留的数据库文件。Database file to keep for next time.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="写入 .csv .parquet .xlsx .json 文件。File to write.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="屏幕输出 table|csv|json。What to print.")] = "table",
    seconds: Annotated[
        float, typer.Option("--timeout", min=0, help="最长秒数，0 为不限。Longest time; 0 = none.")
    ] = 0.0,
    json: JsonOption = False,
) -> None:
    """用 SQL 查询已核对的条目。SQL over the replayed entries (`luya auditor views` lists the views)."""
    from luya.auditor import actions as command
    from luya.console import answer

    with explained():
        if form not in ("table", "csv", "json"):
            raise UsageError(f"--format is table, csv or json, not {form!r}")
        if sql == "-":
            sql = typer.get_text_stream("stdin").read()
        if archive is None:
            archive, database = store / "archive", database or store / "query.duckdb"
        shown = "json" if json else form
        value = command.query(archive, database, sql, output=output, form=shown, seconds=seconds, quiet=json)
        if value is not None:
            answer(value)


@app.command("settlement")
def settlement_(
    since: Annotated[str, typer.Option("--from", help="起始日期（含）。First day of the period, as 2026-10-01.")],
    until: Annotated[str, typer.Option("--to", help="截止日期（不含）。The day after its last, as 2026-11-01.")],
    store: StoreOption = _STORE,
    archive: Annotated[
        Path | None, typer.Option("--archive", help="直接读取归档目录。An archive folder, instead of the store.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """某期应付各商户的结算额，仅由账本条目得出。What the operator owes each merchant for a period, by entries alone."""
    from luya.auditor import actions as command
    from luya.console import answer

    with explained():
        answer(command.settle(archive or store / "archive", _instant(since), _instant(until), quiet=json))


@app.command()
def views(
    language: Annotated[str, typer.Option("--language", help="zh 或 en。zh or en.")] = "zh",
    json: JsonOption = False,
) -> None:
    """列出查询视图及各列含义。The views and what their columns mean."""
    from dataclasses import asdict

    from chain_node.auditor.views import documentation
    from chain_node.auditor.views import views as all_views
    from luya.console import answer

    with explained():
        if language not in ("zh", "en"):
            raise UsageError(f"--language is zh or en, not {language!r}")
        if json:
            answer({"views": [asdict(view) for view in all_views()]})
        else:
            typer.echo(documentation(language))


@app.command()
def statement(
    account: Annotated[str, typer.Argument(help="账户地址。The account's address.")],
    store: StoreOption = _STORE,
    archive: Annotated[
        Path | None, typer.Option("--archive", help="直接读取归档目录。An archive folder, instead of the store.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="起始日期，如 2026-01-01。First day (UTC+8), 2026-01-01.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="截止日期，含当日。Last day (UTC+8), included.")] = None,
    json: JsonOption = False,
) -> None:
    """一个账户的对账单：期初、每笔、期末。An account's statement: opening, each posting, closing."""
    from luya.auditor import statements as command
    from luya.console import answer

    with explained():
        folder = archive if archive is not None else store / "archive"
        days = (_day(since, "--since"), _day(until, "--until"))
        answer(command.statement(folder, _address(account, "the account"), *days, quiet=json))


def _day(text: str | None, option: str) -> int | None:
    """The number of a day; None where none was given."""
    from datetime import date

    from chain_node.protocol.times import day_of_date

    if text is None:
        return None
    try:
        return day_of_date(date.fromisoformat(text))
    except ValueError as error:
        raise UsageError(f"{option} is {text!r}: give a day as 2026-01-31") from error


def _manifest(path: Path | None) -> Manifest | None:
    from chain_node.deployment.manifest import Manifest

    return Manifest.load(path) if path is not None else None


def _urls(rpc: list[str] | None, home: Path | None) -> tuple[str, ...]:
    from luya.auditor.actions import rpc_of_node

    urls = [*([rpc_of_node(home)] if home is not None else []), *parse_endpoints(rpc or (), "--rpc")]
    if not urls:
        raise UsageError("give an endpoint with --rpc, or the folder of a luyad node with --home")
    return tuple(urls)


def _ledger(manifest: Manifest | None, text: str | None) -> bytes:
    shown = text or (manifest.ledger if manifest else None)
    if shown is None:
        raise UsageError("give the ledger's address with --ledger, or its --manifest")
    return _address(shown, "the ledger")


def _address(text: str, what: str) -> bytes:
    try:
        address = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        address = b""
    if len(address) != 20:
        raise UsageError(f"{text!r} is no address of {what}: 0x and 40 hex digits")
    return address


def _log_key(manifest: Manifest | None, text: str | None) -> str:
    shown = text or (manifest.log_key if manifest else None)
    if shown is None:
        raise UsageError("give the log's verifier key with --log-key, or the ledger's --manifest")
    return shown


def _finality(manifest: Manifest | None, home: Path | None) -> str:
    """What an endpoint of this engine means by final; without a word about the engine, the standard's tag."""
    from chain_node.engine.capabilities import ENGINES  # deferred like the other imports here

    engine = ENGINES.get(manifest.engine) if manifest is not None else None
    immediate = home is not None or (engine is not None and engine.instant_finality)
    return "latest" if immediate else "finalized"


def _created(manifest: Manifest | None) -> int | None:
    """A ledger that was not rebuilt has no event before its seal."""
    return manifest.start_block if manifest is not None and manifest.start_size == 0 else None


def _sample(text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal():
        raise UsageError(f"--compare is a number or all, not {text!r}")
    return int(text)


def _instant(text: str) -> int:
    """Unix seconds of a day's beginning at UTC+8. Raises UsageError."""
    from datetime import date

    from chain_node.protocol.times import day_of_date, day_start

    try:
        return day_start(day_of_date(date.fromisoformat(text)))
    except ValueError:
        raise UsageError(f"{text!r} is no day: give it as 2026-10-01", "日期格式应为 2026-10-01") from None
