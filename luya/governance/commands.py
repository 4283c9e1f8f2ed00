"""`luya governance …`: the role table as it stands on the chain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luya.command import HomeOption, JsonOption, explained, run
from luya.home import LuyaHome

app = typer.Typer(help="账本的治理：角色与权限。Who may do what on the ledger.", no_args_is_help=True)
_DIFFERS = 3


@app.callback()
def _group() -> None:
    """账本的治理：角色与权限。Who may do what on the ledger."""


@app.command()
def roles(
    home: HomeOption = None,
    rpc: Annotated[
        str | None, typer.Option("--rpc", help="节点地址，与 --manifest 合用。Another endpoint, with --manifest.")
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option("--manifest", help="账本的 manifest.json。The ledger's, where there is no home of it."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """导出链上的角色表并与部署时比对（不同则退出码 3）。The chain's role table, compared; exit 3 where it differs."""
    from luya.errors import UsageError
    from luya.governance import roles as command

    with explained():
        if (rpc is None) != (manifest is None):
            raise UsageError("--rpc and --manifest belong together: give both, or neither for the ledger of the home")
    value = run(command.show, LuyaHome.of(home), rpc, manifest, quiet=json)
    raise typer.Exit(0 if value["ok"] else _DIFFERS)
