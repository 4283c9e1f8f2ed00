"""`luya organisation …` and `luya agent …`: reads arguments and hands on."""

from __future__ import annotations

from typing import Annotated

import typer

from luya.command import HomeOption, JsonOption, run
from luya.home import LuyaHome

organisation_app = typer.Typer(help="机构。Organisations.", no_args_is_help=True)
agent_app = typer.Typer(help="机构的代表：商户、验收员等。Who signs for organisations.", no_args_is_help=True)

DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="只问账本是否接受，不发送。Only ask whether the ledger would take it.")
]
OrganisationArgument = Annotated[int, typer.Argument(min=1, max=0xFFFF, help="机构编号。The organisation's number.")]


@organisation_app.command("set")
def set_(
    organisation: OrganisationArgument,
    description: Annotated[str, typer.Option("--description", help="公开的说明。Its published description.")],
    home: HomeOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """登记或更改机构说明。Registers an organisation, or describes it anew."""
    from luya.loop import agents as command

    run(command.set_organisation, LuyaHome.of(home), organisation, description, rehearse=dry_run)


@organisation_app.command("list")
def list_organisations(home: HomeOption = None, json: JsonOption = False) -> None:
    """机构、代表与托管人。Organisations, their agents, and the custodian."""
    from luya.loop import agents as command

    run(command.list_all, LuyaHome.of(home))


@agent_app.command()
def add(
    organisation: OrganisationArgument,
    role: Annotated[str, typer.Option("--role", help="merchant|acceptor|auditor|organiser")],
    key: Annotated[
        str | None, typer.Option("--key", help="密钥名，默认 agent-编号-角色。The key's name in this home.")
    ] = None,
    home: HomeOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """登记机构的代表，密钥没有则新建。Makes a key of this home an organisation's agent."""
    from luya.loop import agents as command

    run(lambda: command.add(LuyaHome.of(home), organisation, command.role_of(role), key, rehearse=dry_run))


@agent_app.command()
def disable(
    key: Annotated[str, typer.Argument(help="密钥名。The key's name in this home.")],
    home: HomeOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """立即停用一名代表。Takes an agent's right away at once."""
    from luya.loop import agents as command

    run(command.disable, LuyaHome.of(home), key, rehearse=dry_run)


@agent_app.command()
def custodian(
    key: Annotated[str, typer.Option("--key", help="密钥名。The key's name in this home.")] = "custodian",
    home: HomeOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """登记托管人，为没有密钥的居民签名。Who signs for residents that have no key of their own."""
    from luya.loop import agents as command

    run(command.set_custodian, LuyaHome.of(home), key, rehearse=dry_run)


@agent_app.command("list")
def list_agents(home: HomeOption = None, json: JsonOption = False) -> None:
    """机构、代表与托管人。Organisations, their agents, and the custodian."""
    from luya.loop import agents as command

    run(command.list_all, LuyaHome.of(home))
