"""`luya retire` and `luya certificate`: read arguments and hand on."""

from __future__ import annotations

from typing import Annotated

import typer

from chain_node.protocol.certificate import Language
from luya.command import HomeOption, JsonOption, run
from luya.home import LuyaHome


def register(app: typer.Typer) -> None:
    """Adds both commands."""
    app.command("retire")(retire)
    app.command("certificate")(certificate)


def retire(
    account: Annotated[str, typer.Option("--account", help="账户。Whose credits, 0x….")],
    grams: Annotated[str, typer.Option("--grams", help="克，最多三位小数。Grams, with up to three decimals.")],
    beneficiary: Annotated[
        str,
        typer.Option("--beneficiary", help="机构编号，或个人（只写哈希）。An organisation's number, or a person."),
    ],
    reason: Annotated[str, typer.Option("--reason", help="用途，公开可见。For what; anyone may read it.")],
    vintage: Annotated[
        int | None,
        typer.Option("--vintage", min=2008, max=2149, help="年份，默认最早。The year (default: the oldest)."),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="签名密钥名，默认托管人。Name of the signing key (default: custodian).")
    ] = None,
    home: HomeOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="只问账本是否接受，不发送。Only ask whether the ledger would take it.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """注销减排量并取得证书，不可撤回。Retires credits for ever, for somebody; gives the certificate."""
    from luya.loop import retirement as command

    run(
        command.retire,
        LuyaHome.of(home),
        account=account,
        amount=grams,
        vintage=vintage,
        beneficiary=beneficiary,
        reason=reason,
        key=key,
        rehearse=dry_run,
    )


def certificate(
    serial: Annotated[int, typer.Argument(min=0, help="证书编号。The certificate's number.")],
    language: Annotated[Language, typer.Option("--lang", help="zh 或 en。The text's language.")] = Language.ZH,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """减排量注销证书。A certificate of retired credits, from its log entry alone."""
    from luya.loop import retirement as command

    run(command.certificate, LuyaHome.of(home), serial, None if json else language)
