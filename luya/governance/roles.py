"""The role table of a ledger, read from its chain and compared with the shipped one and the deployment's holders."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markup import escape

from chain_node.contracts.authority import AuthorityState, Holder, LaterDelay
from chain_node.deployment.manifest import Manifest
from chain_node.deployment.plan import role_table
from chain_node.deployment.role_check import differences, role_name, selector, standing
from chain_node.rpc.client import JsonRpc, to_hex
from chain_node.rpc.failover import connect
from luya.console import tell
from luya.home import LuyaHome
from luya.session.session import opened


def show(home: LuyaHome, rpc_url: str | None, path: Path | None, *, quiet: bool) -> dict[str, Any]:
    """Every role with holders, delays and guardian, every function with its role, and what differs.

    Raises:
        ManifestError: there is no ledger here.
        RpcError, RpcUnavailable, ContractError: the chain does not answer.
    """
    if rpc_url is not None and path is not None:
        known, rpc = Manifest.load(path), connect((rpc_url,))
        try:
            value = of_chain(rpc, known)
        finally:
            rpc.close()
    else:
        Manifest.load(home.manifest)  # who only asks founds no ledger
        with opened(home, follow=False) as session:
            value = of_chain(session.node.rpc, session.node.manifest)
    if not quiet:
        _tell(value)
    return value


def of_chain(rpc: JsonRpc, manifest: Manifest) -> dict[str, Any]:
    """The answer: `roles`, `contracts` as on the chain; `differences`; `ok`: there are none."""
    state = standing(rpc, manifest)
    wrong = differences(state, manifest)
    return {
        "ok": not wrong,
        "time": state.time,
        "complete": state.complete,
        "roles": _roles(state),
        "contracts": _contracts(state, manifest),
        "differences": [asdict(one) for one in wrong],
    }


def _roles(state: AuthorityState) -> list[dict[str, Any]]:
    return [
        {
            "role": role_name(number),
            "number": number,
            "admin": role_name(role.admin),
            "guardian": role_name(role.guardian),
            "grant_delay_s": role.grant_delay,
            "grant_delay_next": _pending(role.pending_grant),
            "holders": [
                {"address": one.address, "since": one.since, "delay_s": one.delay, "next_delay": _next(one)}
                for one in role.holders
            ],
        }
        for number, role in sorted(state.roles.items())
    ]


def _contracts(state: AuthorityState, manifest: Manifest) -> list[dict[str, Any]]:
    names = {to_hex(address): name for name, address in manifest.contracts.items()}
    table = role_table()["functions"]
    found = []
    for address, target in state.targets.items():
        name = names.get(address, "")
        signatures = {selector(signature): signature for signature in table.get(name, {})}
        found.append(
            {
                "contract": name,
                "address": address,
                "authority": target.authority,
                "closed": target.closed,
                "admin_delay_s": target.admin_delay,
                "admin_delay_next": _pending(target.pending_delay),
                "functions": {
                    signatures.get(number, number): role_name(role) for number, role in sorted(target.functions.items())
                },
            }
        )
    return found


def _next(holder: Holder) -> dict[str, int] | None:
    return _pending(LaterDelay(holder.next_delay, holder.next_from) if holder.next_from else None)


def _pending(pending: LaterDelay | None) -> dict[str, int] | None:
    return None if pending is None else {"delay_s": pending.delay, "from": pending.at}


def _tell(value: dict[str, Any]) -> None:
    for role in value["roles"]:
        if role["holders"] or role["grant_delay_s"]:
            about = f"监护 guardian {role['guardian']}, 授予延迟 grant {role['grant_delay_s']} s"
            tell(f"[bold]{role['role']}[/bold]  {about}")
        for holder in role["holders"]:
            tell(f"  {holder['address']}  延迟 delay {holder['delay_s']} s")
    if value["ok"]:
        tell("[green]与部署时一致[/green]。The chain's role table is the committed one; nobody else holds a role.")
    for one in value["differences"]:
        tell(f"[red]不同 differs[/red] {escape(one['what'])}")
        tell(escape(f"  应为 expected {one['expected']}；实为 found {one['found']}"))
