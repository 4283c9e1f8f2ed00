"""`luya gateway …`: opens the JSON-RPC door, lists who may come in, checks its audit log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from luya.command import HomeOption, JsonOption
from luya.command import explained as _explained
from luya.command import run as _run
from luya.home import LuyaHome

app = typer.Typer(help="以太坊 JSON-RPC 网关。The permissioned JSON-RPC door.", no_args_is_help=True)
token_app = typer.Typer(help="谁可以进门。Who may come in, and as what.", no_args_is_help=True)
audit_app = typer.Typer(help="审计日志。The log of privileged calls.", no_args_is_help=True)
app.add_typer(token_app, name="token")
app.add_typer(audit_app, name="audit")

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="TOML 配置；默认 HOME/gateway.toml。Settings (default: HOME/gateway.toml)."),
]


@app.command()
def serve(
    home: HomeOption = None,
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option("--host", help="监听地址。Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="端口。0: any free one.")] = None,
    metrics_port: Annotated[
        int | None, typer.Option("--metrics-port", min=-1, max=65535, help="指标端口。-1: none.")
    ] = None,
    ready: Annotated[Path | None, typer.Option("--ready", hidden=True)] = None,
    json: JsonOption = False,
) -> None:
    """开门：按角色转发 JSON-RPC，直到 Ctrl-C。Opens the door until Ctrl-C."""
    from luya.gateway import actions as gateway

    asked = {"host": host, "port": port, "metrics_port": metrics_port}
    _run(gateway.serve, LuyaHome.of(home), config, asked, ready, quiet=json)


@token_app.command("create")
def token_create(
    role: Annotated[str, typer.Option("--role", help="auditor | oracle | operator")],
    home: HomeOption = None,
    config: ConfigOption = None,
    label: Annotated[str, typer.Option("--label", help="用途。What it is for.")] = "",
    days: Annotated[int | None, typer.Option("--days", min=1, help="有效天数。Days until it expires.")] = None,
    certificate: Annotated[
        str | None,
        typer.Option("--certificate", help="客户端证书的 SHA-256，或 subject:<名称>。Client certificate instead."),
    ] = None,
    address: Annotated[
        str | None, typer.Option("--address", help="以太坊登录地址。Address that signs in (EIP-4361) instead.")
    ] = None,
    sender: Annotated[
        list[str] | None, typer.Option("--sender", help="预言机的发送地址。Address an oracle sends from.")
    ] = None,
    feed: Annotated[list[int] | None, typer.Option("--feed", help="预言机的数据源。An oracle's feed.")] = None,
    precheck: Annotated[
        bool, typer.Option("--precheck", help="允许提交前查询账户状态。Let it look accounts up before it attests.")
    ] = False,
    calls_per_s: Annotated[float | None, typer.Option("--calls-per-s", help="每秒调用。Own budget of calls.")] = None,
    units_per_s: Annotated[float | None, typer.Option("--units-per-s", help="每秒费用。Own budget of cost.")] = None,
) -> None:
    """新建访问者；令牌只显示一次。Lets a caller in; its token is shown this once."""
    from luya.gateway import actions as gateway

    asked: dict[str, Any] = {
        "role": role,
        "label": label,
        "lifetime": None if days is None else days * 86_400,
        "certificate": certificate,
        "address": address,
        "senders": tuple(sender or ()),
        "feeds": tuple(feed or ()),
        "precheck": precheck,
        "calls_per_s": calls_per_s,
        "units_per_s": units_per_s,
    }
    _run(gateway.create, LuyaHome.of(home), config, asked)


@token_app.command("list")
def token_list(home: HomeOption = None, config: ConfigOption = None) -> None:
    """列出访问者，不含令牌。Lists the callers, never their tokens."""
    from luya.gateway import actions as gateway

    _run(gateway.list_all, LuyaHome.of(home), config)


@token_app.command("revoke")
def token_revoke(
    identifier: Annotated[str, typer.Argument(help="编号。The caller's id.")],
    home: HomeOption = None,
    config: ConfigOption = None,
) -> None:
    """吊销；一秒内生效。Shuts a caller out, within a second."""
    from luya.gateway import actions as gateway

    _run(gateway.revoke, LuyaHome.of(home), config, identifier)


@audit_app.command("verify")
def audit_verify(home: HomeOption = None, config: ConfigOption = None) -> None:
    """检查审计日志是否被改动。Checks that no line was changed, taken out or put in."""
    from luya.gateway import actions as gateway

    with _explained():
        _run(gateway.verify_audit, LuyaHome.of(home), config)
