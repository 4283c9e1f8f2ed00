"""The commands of `luya bench`: each only reads its arguments and hands on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luya.command import HomeOption, JsonOption, explained, run
from luya.errors import UsageError

app = typer.Typer()


@app.callback(invoke_without_command=True)
def bench(
    context: typer.Context,
    home: HomeOption = None,
    records: Annotated[int, typer.Option(min=1000, max=2_000_000, help="行数。Rows to ingest.")] = 30_000,
    seconds: Annotated[int, typer.Option(min=1, max=600, help="接口负载时长。How long the API is loaded.")] = 15,
    engine: Annotated[
        str, typer.Option("--engine", help="链引擎：anvil 或 luyad。The engine under it: anvil, luyad.")
    ] = "anvil",
    json: JsonOption = False,
) -> None:
    """测量：端到端、重放、接口延迟、燃料。Measures end to end, replay, API and gas; more by the commands below."""
    if context.invoked_subcommand is not None:
        return
    from luya.bench import pipeline as command

    with explained():
        _owned(engine)
    run(command.run, home, records=records, seconds=seconds, engine=engine, quiet=json)


def _owned(engine: str) -> None:
    """Raises UsageError: no such engine, or one that somebody else runs."""
    from chain_node.engine.capabilities import ENGINES, capabilities
    from luya.engine.choice import EngineOptions

    EngineOptions.of(engine, None, None)
    if not capabilities(engine).owned:
        able = ", ".join(one.name for one in ENGINES.values() if one.owned)
        raise UsageError(f"--engine {engine}: a bench measures an engine that it starts itself: {able}")


@app.command()
def network(
    validators: Annotated[
        str, typer.Option("--validators", help="各网络的验证节点数量。Validators of each network, with commas.")
    ] = "1,4",
    seconds: Annotated[int, typer.Option(min=1, max=3600, help="每次负载时长。How long each load lasts.")] = 300,
    rate: Annotated[
        int, typer.Option(min=1, max=100_000, help="稳定负载，条/秒。Records a second of the steady load.")
    ] = 1_000,
    records_per_batch: Annotated[
        int, typer.Option("--records-per-batch", min=1, max=1_000, help="每批条数。Records in a batch when saturated.")
    ] = 1_000,
    block_time: Annotated[
        float, typer.Option("--block-time", min=0.05, max=600, help="出块间隔秒数。Seconds between blocks.")
    ] = 0.5,
    in_flight: Annotated[
        int, typer.Option("--in-flight", min=0, help="饱和时未终局的条数。Records not final when saturated (0: best).")
    ] = 0,
    json: JsonOption = False,
) -> None:
    """测量多机构网络：吞吐、查询、同步、部署、增长。Measures luyad networks: throughput, queries, sync, growth."""
    from luya.bench import network as command

    with explained():
        plan = command.Plan(
            command.parse_validators(validators), seconds, rate, records_per_batch, block_time, in_flight
        )
    run(command.run, plan, quiet=json)


@app.command()
def gateway(
    rate: Annotated[float, typer.Option(min=1, max=100_000, help="每秒调用数。Calls a second.")] = 2_000,
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="每次负载时长。How long each load lasts.")] = 5,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="轮数。Turns of engine and door.")] = 3,
    connections: Annotated[int, typer.Option(min=1, max=1_000, help="连接数。Connections that are kept.")] = 32,
    json: JsonOption = False,
) -> None:
    """测量网关给每次调用增加多少。Measures what the JSON-RPC door adds to a call, beside the engine's own endpoint."""
    from luya.bench import gateway as command

    run(command.run, command.GatewayPlan(rate, seconds, rounds, connections), quiet=json)


@app.command()
def gas(
    records: Annotated[int, typer.Option(min=200, max=2_000_000, help="条数。Records to ingest.")] = 300_000,
    json: JsonOption = False,
) -> None:
    """测量燃料是否随账本增长而持平。Measures whether gas a record stays flat while the ledger grows."""
    from luya.bench import gas_flat as command

    run(command.run, records, quiet=json)


@app.command()
def contracts(
    records: Annotated[
        list[int] | None,
        typer.Option(
            "--records",
            min=100,
            max=1_000_000,
            help="条数，可重复；默认 1000、10000 和 100000。Records of a measurement; may be given several times.",
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option("--engine", help="链引擎：anvil 或 luyad。The engine under all of them: anvil, luyad.")
    ] = "anvil",
    json: JsonOption = False,
) -> None:
    """与同类合约对比：OpenZeppelin ERC-1155、EAS。Compares the ledger with OpenZeppelin's ERC-1155 and with EAS."""
    from luya.bench import contracts as command

    with explained():
        _owned(engine)
    run(command.run, command.PeersPlan(tuple(sorted(set(records or command.SIZES))), engine), quiet=json)


@app.command()
def intake(
    file: Annotated[Path, typer.Argument(help="合作方的文件。A partner's file.")],
    feed: Annotated[
        str, typer.Option("--feed", help="数据源名称或 TOML 文件。Name of a shipped feed, or a TOML file.")
    ] = "bike-share",
    repeat: Annotated[int, typer.Option(min=1, max=1_000, help="次数。Runs.")] = 9,
    json: JsonOption = False,
) -> None:
    """测量读取：每秒多少行。Measures how many rows a second are read and typed, alone."""
    from luya.bench import intake as command

    run(command.run, file, feed, repeat, quiet=json)


@app.command()
def replay(
    before: Annotated[Path, typer.Argument(help="改动前的源码目录。Tree of this project before a change.")],
    after: Annotated[Path, typer.Argument(help="改动后的源码目录。Tree after it.")],
    entries: Annotated[int, typer.Option(min=1_000, max=200_000, help="条目数。Entries about people.")] = 30_000,
    pairs: Annotated[int, typer.Option(min=1, max=1_000, help="对数。Runs of each tree, in turns.")] = 20,
    json: JsonOption = False,
) -> None:
    """对比两份源码的重放速度。Compares the replay's speed in two trees, in turns."""
    from luya.bench import replay as command

    run(command.run, before, after, entries, pairs, quiet=json)
