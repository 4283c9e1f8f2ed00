"""The role table of a chain against the one that the package ships and the holders that a manifest names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eth_hash.auto import keccak

from chain_node.contracts.authority import AuthorityState, LaterDelay, RoleState, TargetState, read_authority
from chain_node.deployment.manifest import Manifest
from chain_node.deployment.plan import ADMIN, role_numbers, role_table
from chain_node.rpc.client import JsonRpc, to_hex


@dataclass(frozen=True, slots=True)
class RoleDifference:
    """What is not as it should be. what: which role, holder or function; expected, found: in words."""

    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, found {self.found}"


def standing(rpc: JsonRpc, manifest: Manifest) -> AuthorityState:
    """The authority's state: all of the role table, all holders in the manifest, and whatever events name besides.

    Raises:
        RpcError, ContractError: the chain does not answer.
    """
    table, contracts, numbers = role_table(), manifest.contracts, role_numbers()
    return read_authority(
        rpc,
        manifest.authority_address,
        roles=numbers.values(),
        targets={
            to_hex(contracts[name]): [selector(signature) for signature in functions]
            for name, functions in table["functions"].items()
            if name in contracts
        },
        holders={numbers[role]: holders for role, holders in manifest.roles.items() if role in numbers},
        first_admin=manifest.deployer,
        first_block=manifest.first_block,
    )


def differences(state: AuthorityState, manifest: Manifest) -> list[RoleDifference]:
    """What the chain has otherwise than role table and manifest say. Empty: they agree."""
    found: list[RoleDifference] = []
    if not manifest.administration:
        found.append(
            RoleDifference(
                "ADMIN",
                "the contract Administration",
                "a ledger deployed before there was one: run `luya rebuild`",
            )
        )
    names = {number: name for name, number in role_numbers().items()}
    for number, role in state.roles.items():
        found += _of_role(names.get(number), role, state, manifest)
    known = {to_hex(address): name for name, address in manifest.contracts.items()}
    for address, target in state.targets.items():
        found += _of_target(known.get(address), target, manifest)
    if not state.complete:
        found.append(
            RoleDifference(
                "events",
                f"all since block {manifest.first_block}",
                "not the first ones (the endpoint forgets old blocks): holders that nobody names could be missing",
            )
        )
    return found


def selector(signature: str) -> str:
    """First four bytes of the signature's Keccak-256, 0x hex."""
    return to_hex(keccak(signature.encode())[:4])


def role_name(number: int) -> str:
    """Its name in the role table, else 'role N'."""
    return next((name for name, known in role_numbers().items() if known == number), f"role {number}")


def _of_role(name: str | None, role: RoleState, state: AuthorityState, manifest: Manifest) -> Iterator[RoleDifference]:
    what = name or role_name(role.number)
    table, numbers = role_table(), role_numbers()
    if role.admin != numbers[ADMIN]:
        yield RoleDifference(f"{what}, who grants it", ADMIN, role_name(role.admin))
    guardian = table["guardians"].get(what, ADMIN)
    if role.guardian != numbers[guardian]:
        yield RoleDifference(f"{what}, its guardian", guardian, role_name(role.guardian))
    yield from _delay(f"{what}, grant delay", table["grant_delays"].get(what, 0), role.grant_delay, role.pending_grant)
    expected = {holder.lower() for holder in manifest.roles.get(what, [])}
    held = {holder.address: holder for holder in role.holders}
    for missing in sorted(expected - held.keys()):
        yield RoleDifference(f"{what} of {missing}", "held", "not held")
    for address, holder in held.items():
        if address not in expected:
            yield RoleDifference(f"{what} of {address}", "not held", "held")
            continue
        if holder.since > state.time:
            yield RoleDifference(f"{what} of {address}", "held", f"held from {holder.since} on")
        delay = manifest.delays.get(what, {}).get(address, 0)
        coming = LaterDelay(holder.next_delay, holder.next_from) if holder.next_from else None
        if (holder.delay, coming) != (delay, None):
            yield RoleDifference(f"{what} of {address}, delay", f"{delay} s", _said(holder.delay, coming))


def _of_target(name: str | None, target: TargetState, manifest: Manifest) -> Iterator[RoleDifference]:
    table = role_table()
    what = name or target.address
    expected = {selector(text): (text, role) for text, role in table["functions"].get(name or "", {}).items()}
    if name in table["functions"] and target.authority != manifest.authority:
        yield RoleDifference(f"{what}, authority", manifest.authority, target.authority or "none")
    if target.closed:
        yield RoleDifference(what, "open", "closed: nothing that needs a role can be called")
    delay = table["target_admin_delays"].get(name or "", 0)
    yield from _delay(f"{what}, admin delay", delay, target.admin_delay, target.pending_delay)
    for number, role in target.functions.items():
        text, right = expected.get(number, (number, 0))
        if role != right:
            yield RoleDifference(f"{what}.{text}", role_name(right), role_name(role))


def _delay(what: str, expected: int, now: int, pending: LaterDelay | None) -> Iterator[RoleDifference]:
    """A raised delay begins five days after it was set: until then the one that is coming counts."""
    if (now if pending is None else pending.delay) != expected:
        yield RoleDifference(what, f"{expected} s", _said(now, pending))


def _said(now: int, pending: LaterDelay | None) -> str:
    return f"{now} s" if pending is None else f"{now} s, {pending.delay} s from {pending.at} on"
