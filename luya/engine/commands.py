"""`luya engine`: build the durable engine, see what there is, and test any engine against what the ledger needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from luya.command import JsonOption, explained, run
from luya.console import answer, progress, story, tell
from luya.endpoints import parse_endpoints

app = typer.Typer(help="链引擎。Chain engines.", no_args_is_help=True)


@app.command()
def build(
    check: Annotated[
        bool, typer.Option("--check", help="只检查，不构建。Only say what is there and what is missing.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="重新构建。Build even if it is built.")] = False,
    carry: Annotated[
        bool,
        typer.Option("--carry", help="放到源码旁，随 wheel 分发。Put it where a wheel takes it along."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """构建持久引擎 luyad。Builds the durable engine luyad from its Go sources (once; 6 minutes the first time)."""
    with explained():
        value = _check(quiet=json) if check else _build(again=again, carried=carry, quiet=json)
        answer(value)
    raise typer.Exit(0 if value["ok"] else 1)


@app.command()
def conformance(
    rpc: Annotated[
        list[str], typer.Option("--rpc", help="节点的 JSON-RPC 地址，可多个。JSON-RPC address; several of one chain.")
    ],
    finality: Annotated[
        str, typer.Option("--finality", help="latest|finalized|confirmations:N: when is a block final there?")
    ] = "latest",
    key: Annotated[
        Path | None, typer.Option("--key", help="私钥文件（十六进制）。File with a private key that may deploy (hex).")
    ] = None,
    chain_id: Annotated[int | None, typer.Option("--chain-id", help="链编号。Refuse any other chain.")] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help="只运行这些检查。Only these checks.")] = None,
    json: JsonOption = False,
) -> None:
    """检验任一引擎能否承载账本。Tests whether an engine (your Besu, say) does what the ledger needs; exit 1 if not."""
    from luya.engine import conformance as command

    with explained():
        urls = parse_endpoints(rpc, "--rpc")
    value = run(command.run, urls, finality=finality, key=key, chain_id=chain_id, only=only or [], quiet=json)
    raise typer.Exit(0 if value.get("ok") else 1)


def _check(*, quiet: bool) -> dict[str, Any]:
    from rich.table import Table

    from chain_node.engine.build import report

    found = report()
    if not quiet:
        table = Table(show_header=False, box=None)
        for tool in found.tools:
            table.add_row("[green]✓[/green]" if tool.ok else "[red]✗[/red]", tool.name, tool.detail)
        built = f"已构建 built: {found.binary}" if found.binary else "未构建 not built: run `luya engine build`"
        table.add_row("[green]✓[/green]" if found.binary else " ", "luyad", built)
        story.print(table)
    return {
        "ok": found.ok,
        "binary": str(found.binary) if found.binary else None,
        "sources": found.sources,
        "tools": {tool.name: {"ok": tool.ok, "path": tool.path, "detail": tool.detail} for tool in found.tools},
    }


def _build(*, again: bool, carried: bool, quiet: bool) -> dict[str, Any]:
    import time

    from chain_node.engine.build import build as build_luyad
    from chain_node.engine.build import carry

    begun = time.monotonic()
    with progress() as advance:
        binary = build_luyad(advance, again=again)
    if carried:
        binary = carry(binary)
    seconds = round(time.monotonic() - begun, 1)
    size = binary.stat().st_size
    if not quiet:
        tell(f"[green]luyad 已就绪 is ready[/green]  {binary}  ({size / 1e6:.0f} MB, {seconds} s)")
    return {"ok": True, "binary": str(binary), "bytes": size, "seconds": seconds}
