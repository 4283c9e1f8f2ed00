"""The `luya` command: one function a command, each only reads its arguments and hands on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from luya.auditor.commands import app as auditor_app
from luya.bench.commands import app as bench_app
from luya.command import EngineOption, FinalityOption, HomeOption, JsonOption, RpcOption
from luya.command import explained as _explained
from luya.command import run as _run
from luya.engine.commands import app as engine_app
from luya.gateway.commands import app as gateway_app
from luya.governance.commands import app as governance_app
from luya.help import keep_every_word
from luya.home import LuyaHome
from luya.loop.agent_commands import agent_app, organisation_app
from luya.loop.project_commands import app as project_app
from luya.loop.retirement_commands import register as add_retirement
from luya.loop.reward_commands import register as add_rewards
from luya.network.commands import app as network_app
from luya.operate.commands import MetricsPortOption, MirrorOption
from luya.operate.commands import register as add_operations

keep_every_word()
app = typer.Typer(
    name="luya",
    help="绿芽：碳普惠账本。A ledger for carbon inclusion: from a partner's record to a credit that anyone can verify.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
oracle_app = typer.Typer(help="合作方的预言机。A partner's oracle.", no_args_is_help=True)
token_app = typer.Typer(help="接口令牌。Tokens of the API.", no_args_is_help=True)
feed_app = typer.Typer(help="数据源。Feeds.", no_args_is_help=True)
app.add_typer(oracle_app, name="oracle")
app.add_typer(bench_app, name="bench")
app.add_typer(engine_app, name="engine")
app.add_typer(gateway_app, name="gateway")
app.add_typer(governance_app, name="governance")
app.add_typer(auditor_app, name="auditor")
add_rewards(app)
add_retirement(app)
add_operations(app)
app.add_typer(network_app, name="network")
app.add_typer(feed_app, name="feed")
app.add_typer(token_app, name="token")
app.add_typer(project_app, name="project")
app.add_typer(organisation_app, name="organisation")
app.add_typer(agent_app, name="agent")


@app.command()
def demo(
    home: HomeOption = None,
    once: Annotated[bool, typer.Option("--once", help="验证后退出。Exit when verified.")] = False,
    json: JsonOption = False,
    records: Annotated[int, typer.Option(min=20, max=2_000_000, help="行数。Rows in the partners' files.")] = 600,
    engine: EngineOption = None,
    rpc: RpcOption = None,
    finality: FinalityOption = None,
    validators: Annotated[
        int | None, typer.Option(min=1, max=16, help="验证节点数量（多机构网络）。Validators of a network, for luyad.")
    ] = None,
) -> None:
    """从零到可验证的账本。From nothing to a served, verified ledger."""
    from luya.demo import solo as command
    from luya.engine.choice import EngineOptions

    with _explained():
        asked = EngineOptions.of(engine, rpc, finality)
    if validators is not None:
        from luya.demo import network as demo_network

        value = _run(demo_network.run, home, asked, validators, once=once, quiet=json, records=records)
        raise typer.Exit(0 if value.get("verified") else 1)
    value = _run(command.run, home, once=once, quiet=json, records=records, asked=asked)
    raise typer.Exit(0 if value.get("verified") else 1)


@app.command()
def up(
    home: HomeOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="接口端口。Port of the API (0: any free one).")] = 8420,
    engine: EngineOption = None,
    rpc: RpcOption = None,
    finality: FinalityOption = None,
    metrics_port: MetricsPortOption = 0,
    mirror: MirrorOption = None,
) -> None:
    """启动引擎、跟随器和接口。Engine, follower and API; Ctrl-C stops all of it cleanly."""
    from chain_node.operations.guard import Watching
    from luya.engine.choice import EngineOptions
    from luya.operate import up as command

    with _explained():
        asked = EngineOptions.of(engine, rpc, finality)
    _run(command.run, LuyaHome.of(home), port=port, asked=asked, watching=Watching(metrics_port, mirror))


@app.command()
def status(home: HomeOption = None, json: JsonOption = False) -> None:
    """进程、高度、延迟、队列，和哪里不对。Processes, heights, lag, queues, and what is wrong (then exit code 2)."""
    from luya.operate import status as command

    value = _run(command.run, LuyaHome.of(home), quiet=json)
    raise typer.Exit(0 if value["ok"] else 2)


@app.command("log-key")
def log_key(home: HomeOption = None) -> None:
    """日志的验证公钥，仅此一行。The log's verifier key and nothing else, for `luya verify --key "$(luya log-key)"`."""
    from luya.operate import status as command

    with _explained():
        typer.echo(command.log_key(LuyaHome.of(home)))


@oracle_app.command("ingest")
def oracle_ingest(
    files: Annotated[list[Path], typer.Argument(help="合作方的文件。The partner's files.")],
    feed: Annotated[str, typer.Option("--feed", help="数据源名称或 TOML 文件。Name of the feed, or its TOML file.")],
    home: HomeOption = None,
    enrol_unknown: Annotated[
        bool, typer.Option("--enrol-unknown", help="确认未登记者均为居民并开户。Unknown ids are residents: enrol them.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="逐行结果 CSV。A CSV with a line per input row.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="多数行无法读取也照收。Take it though most rows are malformed.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """把合作方文件一路送到最终账本。Takes a partner's files the whole way; exit 3: nothing accepted, nothing known."""
    from luya.oracle import ingest as command

    with _explained():
        code = command.run(
            LuyaHome.of(home), files, feed, enrol_unknown=enrol_unknown, report=report, quiet=json, anyway=anyway
        )
    raise typer.Exit(code)


@oracle_app.command("check")
def oracle_check(
    files: Annotated[list[Path], typer.Argument(help="合作方的文件。The partner's files.")],
    feed: Annotated[
        str | None, typer.Option("--feed", help="已登记的数据源。Name of a registered feed, or its TOML file.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="尚未登记的 TOML 文件，视同已登记。A TOML file, as if registered.")
    ] = None,
    home: HomeOption = None,
    enrol_unknown: Annotated[
        bool, typer.Option("--enrol-unknown", help="视同为未登记者开户。As if unknown ids were enrolled.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="逐行结果 CSV。A CSV with a line per input row.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="多数行无法读取也查看。Look at it though most rows are malformed.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """预演，不留痕迹。Says row by row what `ingest` would do, and does none of it; the exit codes are the same."""
    from luya.oracle import check as command

    with _explained():
        code = command.run(
            LuyaHome.of(home),
            files,
            feed,
            config,
            enrol_unknown=enrol_unknown,
            report=report,
            quiet=json,
            anyway=anyway,
        )
    raise typer.Exit(code)


@oracle_app.command("init")
def oracle_init(
    sample: Annotated[Path, typer.Argument(help="合作方文件的样本。A sample of the partner's file.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="输出文件，默认与样本同名。Where to write it."),
    ] = None,
    stations: Annotated[
        Path | None, typer.Option("--stations", help="站点表 CSV。Where the stations are, if the sample says not.")
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """由样本起草数据源的 TOML。Drafts a feed's TOML from a sample; exit 3: the sample does not tell all of it."""
    from luya.oracle import init as command

    with _explained():
        code = command.run(LuyaHome.of(home), sample, output, stations=stations, quiet=json)
    raise typer.Exit(code)


@oracle_app.command("retry")
def oracle_retry(
    feed: Annotated[str, typer.Option("--feed", help="数据源名称或 TOML 文件。Name of the feed, or its TOML file.")],
    home: HomeOption = None,
    rule: Annotated[
        str | None, typer.Option("--rule", help="只重判此规则拒绝的行。Only rows that this rule refused.")
    ] = None,
    enrol_unknown: Annotated[
        bool, typer.Option("--enrol-unknown", help="确认未登记者均为居民并开户。Unknown ids are residents: enrol them.")
    ] = False,
    report: Annotated[Path | None, typer.Option("--report", help="逐行结果 CSV。A CSV with a line per row.")] = None,
    json: JsonOption = False,
) -> None:
    """重新判定从未入账的行，无需文件。Judges rows again that were never recorded, without their files."""
    from luya.oracle import ingest as command

    with _explained():
        code = command.retry(LuyaHome.of(home), feed, rule, enrol_unknown=enrol_unknown, report=report, quiet=json)
    raise typer.Exit(code)


@app.command()
def bundle(
    index: Annotated[int, typer.Argument(min=0, help="日志序号。Index of the entry in the log.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="输出文件。Where to write the bundle.")] = None,
    home: HomeOption = None,
    opening: Annotated[
        bool,
        typer.Option("--opening", help="附上原始记录和盐，仅给本人。With salt and raw record: for the owner only."),
    ] = False,
) -> None:
    """一条减排的证明。The proof bundle of a reduction."""
    from luya.proofs import bundle as command

    _run(command.run, LuyaHome.of(home), index, output, opening=opening)


@app.command()
def trail(
    pledge: Annotated[int, typer.Argument(min=0, help="认捐的日志序号。Log index of the pledge.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="输出文件。Where to write the trail.")] = None,
    home: HomeOption = None,
) -> None:
    """从减排记录到公益交付。The trail from records to what was delivered for their points."""
    from luya.proofs import trail as command

    _run(command.run, LuyaHome.of(home), pledge, output)


@app.command(add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def verify(context: typer.Context) -> None:
    """离线验证一份证明。Checks a bundle or trail offline (exit 1 and the reason when it is false)."""
    from luya.proofs import verify as command

    raise typer.Exit(command.run(context.args))


@app.command()
def fsck(
    home: HomeOption = None,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="也核对每批签名与合约全部存储。Every batch's signatures and the whole storage too."
        ),
    ] = False,
    comet: Annotated[
        str | None,
        typer.Option(help="联盟节点的 CometBFT RPC。A consortium node's CometBFT RPC, to list storage by (--deep)."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """重放归档并与链和查询库比对。Replays the archive, compares it with chain and read model; exit 1 unless ok."""
    from luya.operate import checks as command

    value = _run(command.fsck, LuyaHome.of(home), deep=deep, quiet=json, comet_url=comet)
    raise typer.Exit(0 if value.get("ok") else 1)


@app.command()
def rebuild(
    home: HomeOption = None,
    json: JsonOption = False,
    engine: EngineOption = None,
    rpc: RpcOption = None,
    finality: FinalityOption = None,
) -> None:
    """由归档重建新链，根不变。Makes a new chain from the archive, sealed at the same root; also on another engine."""
    from luya.engine.choice import EngineOptions
    from luya.operate import checks as command

    with _explained():
        asked = EngineOptions.of(engine, rpc, finality)
    _run(command.rebuild, LuyaHome.of(home), quiet=json, asked=asked)


@token_app.command("create")
def token_create(
    scope: Annotated[list[str], typer.Option("--scope", help="account:<地址> | feed:<编号> | auditor | operator")],
    home: HomeOption = None,
    label: Annotated[str, typer.Option("--label", help="用途。What it is for.")] = "",
    days: Annotated[int | None, typer.Option("--days", min=1, help="有效天数。Days until it expires.")] = None,
) -> None:
    """新建令牌，只显示一次。Makes a token; it is shown this once."""
    from luya.operate import tokens as command

    _run(command.create, LuyaHome.of(home), scope, label, days)


@token_app.command("list")
def token_list(home: HomeOption = None) -> None:
    """列出令牌。Lists the tokens, never their secrets."""
    from luya.operate import tokens as command

    _run(command.list_all, LuyaHome.of(home))


@token_app.command("revoke")
def token_revoke(
    identifier: Annotated[str, typer.Argument(help="令牌编号。The token's id.")], home: HomeOption = None
) -> None:
    """吊销令牌。Revokes a token."""
    from luya.operate import tokens as command

    _run(command.revoke, LuyaHome.of(home), identifier)


@feed_app.command("register")
def feed_register(
    file: Annotated[Path, typer.Argument(help="数据源的 TOML 文件。The feed's TOML file.")], home: HomeOption = None
) -> None:
    """在账本上登记数据源。Registers a feed on the ledger."""
    from luya.oracle import registration as command

    _run(command.register, LuyaHome.of(home), file)


@feed_app.command("list")
def feed_list(home: HomeOption = None) -> None:
    """列出数据源。Lists the feeds."""
    from luya.oracle import registration as command

    _run(command.list_all, LuyaHome.of(home))


@app.command("serve-api", hidden=True)
def serve_api(home: HomeOption = None, port: int = 0, ready: Path | None = None) -> None:
    """The API's own process; `luya up` starts it."""
    from luya.operate import serve as command

    with _explained():
        command.run(LuyaHome.of(home), port, ready)
    sys.exit(0)
