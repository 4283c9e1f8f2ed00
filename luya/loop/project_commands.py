"""`luya project …`: reads arguments and hands on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luya.command import HomeOption, JsonOption, run
from luya.home import LuyaHome

app = typer.Typer(help="公益项目：认捐、交付、验收。Public-good projects.", no_args_is_help=True)

ProjectArgument = Annotated[int, typer.Argument(min=1, help="项目编号。The project's number.")]
DeliveryArgument = Annotated[int, typer.Argument(min=0, help="交付的编号。Log index of the delivery.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="只问账本是否接受，不发送。Only ask whether the ledger would take it.")
]
PhotoOption = Annotated[Path, typer.Option("--photo", help="照片，只能使用一次。A photo of it, used once.")]
EvidenceOption = Annotated[
    list[Path] | None, typer.Option("--evidence", help="其他证据文件，可多个。More files that show it.")
]
DayOption = Annotated[str | None, typer.Option("--day", help="日期，默认今天。The day, as 2026-03-12.")]
AcceptorKeyOption = Annotated[
    str, typer.Option("--key", help="验收员的密钥名。Name of the acceptor's key in this home.")
]


@app.command("open")
def open_(
    file: Annotated[Path, typer.Argument(help="项目的 TOML 文件。A TOML file with the project's terms.")],
    home: HomeOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """开放一个项目；条款此后不可更改。Opens a project; its terms never change."""
    from luya.loop import projects as command

    run(command.open_project, LuyaHome.of(home), file, rehearse=dry_run)


@app.command("list")
def list_(home: HomeOption = None, json: JsonOption = False) -> None:
    """全部项目及进度。All projects, and how far they are."""
    from luya.loop import projects as command

    run(command.list_all, LuyaHome.of(home))


@app.command()
def show(project: ProjectArgument, home: HomeOption = None, json: JsonOption = False) -> None:
    """项目的认捐与交付。A project's pledges and deliveries, each with the others that it leads to."""
    from luya.loop import projects as command

    run(command.show, LuyaHome.of(home), project)


@app.command()
def close(
    project: ProjectArgument, home: HomeOption = None, dry_run: DryRunOption = False, json: JsonOption = False
) -> None:
    """截止认捐，仍可交付。No more pledges; what is pledged is still delivered."""
    from chain_node.protocol.kinds.projects import ProjectState
    from luya.loop import projects as command

    run(command.end_project, LuyaHome.of(home), project, ProjectState.CLOSED, rehearse=dry_run)


@app.command()
def abandon(
    project: ProjectArgument, home: HomeOption = None, dry_run: DryRunOption = False, json: JsonOption = False
) -> None:
    """终止项目，未交付的可退还。No more pledges and deliveries; what is not delivered can be returned."""
    from chain_node.protocol.kinds.projects import ProjectState
    from luya.loop import projects as command

    run(command.end_project, LuyaHome.of(home), project, ProjectState.ABANDONED, rehearse=dry_run)


@app.command()
def pledge(
    project: ProjectArgument,
    account: Annotated[str, typer.Option("--account", help="居民账户。The resident's account, 0x….")],
    units: Annotated[int, typer.Option("--units", min=1, max=1_000, help="数量。How many units.")],
    max_points: Annotated[
        str | None, typer.Option("--max-points", help="积分上限。Points at most (default: what they cost now).")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="签名密钥名，默认托管人。Name of the signing key (default: custodian).")
    ] = None,
    home: HomeOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """为居民认捐。Pledges units for a resident's points, the oldest first."""
    from luya.loop import projects as command

    run(
        command.pledge,
        LuyaHome.of(home),
        project,
        account=account,
        units=units,
        max_points=max_points,
        key=key,
        rehearse=dry_run,
    )


@app.command()
def deliver(
    project: ProjectArgument,
    units: Annotated[int, typer.Option("--units", min=1, max=1_000, help="数量。How many units.")],
    place: Annotated[str, typer.Option("--at", help="北纬与东经。Degrees north and east, as 28.871,105.442.")],
    photo: PhotoOption,
    evidence: EvidenceOption = None,
    first: Annotated[
        int | None, typer.Option("--first", min=0, help="首个单位，默认自动。The first unit (default: the next free).")
    ] = None,
    day: DayOption = None,
    key: Annotated[
        str | None, typer.Option("--key", help="商户代表的密钥名。Name of the merchant's key in this home.")
    ] = None,
    home: HomeOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """登记一次交付及其证据。A delivery with its evidence; the opening is kept beside the photo."""
    from luya.loop import projects as command

    run(
        command.deliver,
        LuyaHome.of(home),
        project,
        units=units,
        first=first,
        place=place,
        shown=command.Shown(photo, evidence or (), day),
        key=key,
        rehearse=dry_run,
    )


@app.command()
def accept(
    delivery: DeliveryArgument,
    key: AcceptorKeyOption,
    evidence: Annotated[list[Path], typer.Option("--evidence", help="验收记录，可多个。What the acceptor saw.")],
    refuse: Annotated[bool, typer.Option("--refuse", help="不予通过。Refuse it: its units are free again.")] = False,
    home: HomeOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """由其他机构的验收员决定。An acceptor of another organisation decides on a delivery."""
    from luya.loop import projects as command

    run(
        command.accept,
        LuyaHome.of(home),
        delivery,
        accepted=not refuse,
        files=evidence,
        key=key,
        rehearse=dry_run,
    )


@app.command()
def survival(
    delivery: DeliveryArgument,
    key: AcceptorKeyOption,
    months: Annotated[int, typer.Option("--months", help="12 或 36。12 or 36.")],
    surviving: Annotated[int, typer.Option("--surviving", min=0, help="存活数。How many units live.")],
    photo: PhotoOption,
    evidence: EvidenceOption = None,
    day: DayOption = None,
    home: HomeOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """第 12、36 个月的存活报告。What lives of a delivery after 12 and 36 months."""
    from luya.loop import projects as command

    run(
        command.report,
        LuyaHome.of(home),
        delivery,
        months=months,
        surviving=surviving,
        shown=command.Shown(photo, evidence or (), day),
        key=key,
        rehearse=dry_run,
    )


@app.command("return")
def return_(
    pledge_index: Annotated[int, typer.Argument(metavar="PLEDGE", min=0, help="认捐的编号。Index of the pledge.")],
    home: HomeOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """退还已终止项目中未交付的积分。Gives back what of a pledge an abandoned project has not delivered."""
    from luya.loop import projects as command

    run(command.give_back, LuyaHome.of(home), pledge_index, rehearse=dry_run)
