"""`luya catalogue …`, `luya redeem`, `luya fulfil`, `luya refund`: reads arguments and hands on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luya.command import HomeOption, JsonOption, explained, run
from luya.console import answer
from luya.errors import UsageError
from luya.home import LuyaHome

catalogue_app = typer.Typer(help="积分商品目录。What points are redeemed for.", no_args_is_help=True)

DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="只问账本是否接受，不发送。Only ask whether the ledger would take it.")
]
OrderArgument = Annotated[int, typer.Argument(min=0, help="订单编号。The order's number.")]
KeyOption = Annotated[
    str | None,
    typer.Option("--key", help="签名密钥名或密钥文件。A key of this home by name, or a keystore file (….json)."),
]
_CAUSES = ("resident", "merchant", "unfulfilled")


@catalogue_app.command()
def add(
    file: Annotated[Path, typer.Argument(help="商品的 TOML 文件。A TOML file with the item's terms.")],
    home: HomeOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """登记或更改商品条款；涨价等须提前一天公布。Sets an item's terms; what is worse is announced a day ahead."""
    from luya.loop import catalogue as command

    run(command.add, LuyaHome.of(home), file, rehearse=dry_run)


@catalogue_app.command("list")
def list_(home: HomeOption = None, json: JsonOption = False) -> None:
    """全部商品。All items, as they are now."""
    from luya.loop import catalogue as command

    run(command.list_all, LuyaHome.of(home))


@catalogue_app.command()
def withdraw(
    item: Annotated[int, typer.Argument(min=1, help="商品编号。The item's number.")],
    home: HomeOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """立即下架，已有订单不受影响。Takes an item off at once; orders that were taken stay."""
    from luya.loop import catalogue as command

    run(command.withdraw, LuyaHome.of(home), item, rehearse=dry_run)


def redeem(
    account: Annotated[str, typer.Option("--account", help="居民账户。The resident's account, 0x….")],
    item: Annotated[int, typer.Option("--item", min=1, help="商品编号。The item's number.")],
    quantity: Annotated[int, typer.Option("--quantity", min=1, max=65_535, help="数量。How many units.")] = 1,
    max_points: Annotated[
        str | None, typer.Option("--max-points", help="积分上限。Points at most (default: what they cost now).")
    ] = None,
    key: KeyOption = None,
    home: HomeOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """用居民的积分下单，取货码仅显示一次。Orders for a resident's points; the counter's code is shown this once."""
    from luya.loop import orders as command

    with explained():
        command.redeem(
            LuyaHome.of(home),
            account=account,
            item=item,
            quantity=quantity,
            max_points=max_points,
            key=key,
            rehearse=dry_run,
            show=answer,
        )


def fulfil(
    order: OrderArgument,
    code: Annotated[str, typer.Option("--code", help="居民出示的取货码。What the resident shows.")],
    key: KeyOption = None,
    home: HomeOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """商户凭取货码核销订单。The merchant confirms an order with its code."""
    from luya.loop import orders as command

    run(command.fulfil, LuyaHome.of(home), order, code=code, key=key, rehearse=dry_run)


def refund(
    order: OrderArgument,
    cause: Annotated[
        str,
        typer.Option("--cause", help="resident | merchant | unfulfilled。Who gives it back, or that it is overdue."),
    ],
    key: KeyOption = None,
    home: HomeOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """退还订单的积分，年份不变。Gives an order's points back, of the vintages they came from."""
    from chain_node.protocol.kinds.rewards import RefundCause
    from luya.loop import orders as command

    with explained():
        if cause not in _CAUSES:
            raise UsageError(f"--cause is {', '.join(_CAUSES)}, not {cause!r}", "--cause 取值有误")
        meant = RefundCause[cause.upper()]
    run(command.refund, LuyaHome.of(home), order, cause=meant, key=key, rehearse=dry_run)


def register(app: typer.Typer) -> None:
    """Puts these commands beside the others."""
    app.add_typer(catalogue_app, name="catalogue")
    for command in (redeem, fulfil, refund):
        app.command()(command)
