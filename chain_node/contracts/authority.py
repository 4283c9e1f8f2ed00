"""What an AccessManager says, read from its chain: who holds which role, and which role may call what.

Its views answer only what they are asked, so who and what to ask about comes from its events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import decode as abi_decode

from chain_node.contracts.handles import AccessManager, artefact
from chain_node.errors import RpcError, RpcUnavailable
from chain_node.rpc.client import JsonRpc, to_bytes, to_hex

RANGE: Final = 5_000
"""Blocks in one `eth_getLogs` (engines allow 10,000 blocks and 10,000 logs)."""
_AHEAD: Final = 20
"""Ranges asked for in one batch."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a role, or will: `since` may lie in the future. delay: seconds between announcing an act and doing it.

    The later delay and its time, where one is under way: `next_delay` from `next_from` on, else 0 and 0.
    """

    address: str
    since: int
    delay: int
    next_delay: int = 0
    next_from: int = 0


@dataclass(frozen=True, slots=True)
class LaterDelay:
    """A delay that is raised or lowered takes effect later: `delay` from `at` (unix seconds) on."""

    delay: int
    at: int


@dataclass(frozen=True, slots=True)
class RoleState:
    """A role. grant_delay: seconds until a grant takes effect; pending_grant: the next one, as far as events tell."""

    number: int
    admin: int
    guardian: int
    grant_delay: int
    pending_grant: LaterDelay | None
    holders: tuple[Holder, ...]


@dataclass(frozen=True, slots=True)
class TargetState:
    """A contract under the manager. functions: selector (0x hex) → role, of those asked for and those set by events."""

    address: str
    authority: str
    closed: bool
    admin_delay: int
    pending_delay: LaterDelay | None
    functions: dict[str, int]


@dataclass(frozen=True, slots=True)
class AuthorityState:
    """All that was found.

    Attributes:
        time: of the block that the answers are of.
        roles: by number.
        targets: by address, those asked for and those that events name.
        complete: the manager's first event, its first admin's role, was there: no holder is missing.
    """

    time: int
    roles: dict[int, RoleState]
    targets: dict[str, TargetState]
    complete: bool


@dataclass(frozen=True, slots=True)
class _Event:
    name: str
    indexed: tuple[Any, ...]
    plain: tuple[Any, ...]


def read_authority(
    rpc: JsonRpc,
    address: bytes,
    *,
    roles: Iterable[int],
    targets: dict[str, Sequence[str]],
    holders: dict[int, Sequence[str]],
    first_admin: str,
    first_block: int = 0,
) -> AuthorityState:
    """Everything that the manager says of these and of whatever its events name besides.

    Args:
        rpc: the endpoint.
        address: the AccessManager's, 20 bytes.
        roles: numbers to ask about in any case.
        targets: address → selectors (0x hex) to ask about in any case.
        holders: role → addresses to ask about in any case.
        first_admin: whom the manager's constructor made its admin: its first event.
        first_block: the manager is not older.

    Raises:
        RpcError, ContractError: the chain does not answer.
    """
    head = rpc.call("eth_getBlockByNumber", "latest", False)
    block, now = str(head["number"]), int(head["timestamp"], 16)
    manager = AccessManager(rpc, address)
    asked: dict[int, dict[str, None]] = {role: {} for role in roles}
    functions = {target.lower(): dict.fromkeys(selectors) for target, selectors in targets.items()}
    grants: dict[int, LaterDelay] = {}
    delays: dict[str, LaterDelay] = {}
    complete = False
    for role, known in holders.items():
        asked.setdefault(role, {}).update(dict.fromkeys(one.lower() for one in known))
    for event in _events(rpc, address, first_block, int(block, 16)):
        match event.name:
            case "RoleGranted":
                role, account = event.indexed
                complete = complete or (role == 0 and account.lower() == first_admin.lower())
                asked.setdefault(role, {})[account.lower()] = None
            case "RoleGrantDelayChanged":
                (role,) = event.indexed
                asked.setdefault(role, {})
                grants[role] = LaterDelay(*event.plain)
            case "RoleAdminChanged" | "RoleGuardianChanged":
                asked.setdefault(event.indexed[0], {})
            case "TargetAdminDelayUpdated":
                functions.setdefault(event.indexed[0].lower(), {})
                delays[event.indexed[0].lower()] = LaterDelay(*event.plain)
            case "TargetFunctionRoleUpdated":
                functions.setdefault(event.indexed[0].lower(), {})[to_hex(event.plain[0])] = None
            case "TargetClosed":
                functions.setdefault(event.indexed[0].lower(), {})
    states = _role_states(manager, asked, grants, now, block)
    return AuthorityState(now, states, _target_states(manager, functions, delays, now, block), complete)


def _role_states(
    manager: AccessManager, asked: dict[int, dict[str, None]], grants: dict[int, LaterDelay], now: int, block: str
) -> dict[int, RoleState]:
    numbers = list(asked)
    per_role = ("getRoleAdmin", "getRoleGuardian", "getRoleGrantDelay")
    answers = manager.read_many([(name, (role,)) for role in numbers for name in per_role], block)
    pairs = [(role, account) for role in numbers for account in asked[role]]
    accesses = manager.read_many([("getAccess", pair) for pair in pairs], block)
    held: dict[int, list[Holder]] = {role: [] for role in numbers}
    for (role, account), (since, delay, next_delay, next_from) in zip(pairs, accesses, strict=True):
        if since:
            held[role].append(Holder(account, since, delay, next_delay, next_from))
    found = {}
    for at, role in enumerate(numbers):
        admin, guardian, delay = answers[3 * at : 3 * at + 3]
        holders = tuple(sorted(held[role], key=_address))
        found[role] = RoleState(role, admin, guardian, delay, _still(grants.get(role), now), holders)
    return found


def _target_states(
    manager: AccessManager, functions: dict[str, dict[str, None]], delays: dict[str, LaterDelay], now: int, block: str
) -> dict[str, TargetState]:
    found = {}
    authority = artefact("LuyaLaw").abi.function("authority")
    for target, selectors in functions.items():
        closed, delay, *numbers = manager.read_many(
            [
                ("isTargetClosed", (target,)),
                ("getTargetAdminDelay", (target,)),
                *(("getTargetFunctionRole", (target, to_bytes(selector))) for selector in selectors),
            ],
            block,
        )
        answer = to_bytes(manager.rpc.call("eth_call", {"to": target, "data": to_hex(authority.selector)}, block))
        found[target] = TargetState(
            address=target,
            authority=to_hex(answer[12:32]) if len(answer) == 32 else "",
            closed=bool(closed),
            admin_delay=int(delay),
            pending_delay=_still(delays.get(target), now),
            functions=dict(zip(selectors, numbers, strict=True)),
        )
    return found


def _still(pending: LaterDelay | None, now: int) -> LaterDelay | None:
    return pending if pending is not None and pending.at > now else None


def _address(holder: Holder) -> str:
    return holder.address


def _events(rpc: JsonRpc, address: bytes, first: int, last: int) -> Iterator[_Event]:
    by_topic = {to_hex(event.topic): event for event in artefact("AccessManager").abi.events.values()}
    for start in range(first, last + 1, RANGE * _AHEAD):
        stop = min(last + 1, start + RANGE * _AHEAD)
        ranges = [(at, min(at + RANGE, stop) - 1) for at in range(start, stop, RANGE)]
        queries = [
            ("eth_getLogs", [{"address": to_hex(address), "fromBlock": hex(low), "toBlock": hex(high)}])
            for low, high in ranges
        ]
        for answer in rpc.batch(queries):
            if isinstance(answer, RpcError):
                raise answer
            if not isinstance(answer, list):
                raise RpcUnavailable(f"{rpc.url}: eth_getLogs did not answer with a list")
            for log in answer:
                event = by_topic.get(log["topics"][0])
                if event is not None:
                    words = [to_bytes(topic) for topic in log["topics"][1:]]
                    indexed = tuple(
                        abi_decode([kind], word)[0] for kind, word in zip(event.indexed, words, strict=True)
                    )
                    yield _Event(event.name, indexed, tuple(abi_decode(event.plain, to_bytes(log["data"]))))
