"""What the council is asked: calls on the governance contracts, and calls in words. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chain_node.contracts.handles import artefact
from chain_node.errors import NetworkError
from chain_node.network.genesis import AUTHORITY, COUNCIL, DEPLOY, PERMISSIONS, SEND, VALIDATORS
from chain_node.network.parts import PublicPart, is_ed25519_key
from chain_node.rpc.client import to_hex


@dataclass(frozen=True, slots=True)
class VoteCall:
    """One call of a proposal.

    Attributes:
        target: 20 bytes.
        data: call data.
    """

    target: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Validator:
    """A validator, as the contract keeps it.

    Attributes:
        key: Ed25519 public key, 32 bytes.
        power: its weight.
        organisation: who runs it.
    """

    key: bytes
    power: int
    organisation: int


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the council.

    Attributes:
        address: 20 bytes.
        organisation: its number.
        name: its name.
    """

    address: bytes
    organisation: int
    name: str


@dataclass(frozen=True, slots=True)
class Governance:
    """What the governance contracts hold.

    Attributes:
        members: of the council.
        threshold: approvals that it needs.
        delay: seconds between approval and act.
        lifetime: seconds that a proposal lives.
        validators: the set.
        nodes: (node id, organisation) of each listed node.
        deployers: 20-byte addresses that may create contracts.
        open_sending: everybody may send.
    """

    members: tuple[Member, ...]
    threshold: int
    delay: int
    lifetime: int
    validators: tuple[Validator, ...]
    nodes: tuple[tuple[bytes, int], ...]
    deployers: tuple[bytes, ...]
    open_sending: bool

    def member(self, organisation: int) -> Member | None:
        """An organisation's."""
        return next((member for member in self.members if member.organisation == organisation), None)

    @property
    def total_power(self) -> int:
        """Of all validators."""
        return sum(validator.power for validator in self.validators)


def admit(now: Governance, part: PublicPart, threshold: int = 0) -> list[VoteCall]:
    """Let an organisation in: a vote in the council, its key's right to send, its node among the listed ones. Its
    validator is a vote of its own (`weigh`), for when its node has caught up. Nothing where it is in already.

    Args:
        now: what the contracts hold.
        part: the newcomer's.
        threshold: approvals needed from then on; 0 for what follows from the present ones when it is executed.

    Raises:
        NetworkError: its number, key or name is another member's, its voting key may create contracts, or its
            validator's key is none.
    """
    wanted, node = Member(part.member_address, part.organisation, part.name), bytes.fromhex(part.node_id)
    for member in now.members:
        if member != wanted and (
            member.organisation == wanted.organisation or member.address == wanted.address or member.name == wanted.name
        ):
            raise NetworkError(
                f"organisation {member.organisation} ({member.name!r}, {to_hex(member.address)}) is a member already, "
                f"and organisation {wanted.organisation} ({wanted.name!r}, {to_hex(wanted.address)}) is not it: "
                "numbers, names and keys differ; `luya network vote member` gives a member another key"
            )
    refuse_deployer(now, wanted.address)
    check_key(bytes.fromhex(part.validator_key))
    listed = dict(now.nodes).get(node) == part.organisation
    if wanted in now.members and listed:
        return []
    # a node that somebody else has listed as his is taken over by the council's word
    calls = [set_member(wanted, threshold), set_permission(wanted.address, SEND)]
    return calls if listed else [*calls, list_node(node, part.organisation)]


def expel(now: Governance, organisation: int, threshold: int = 0) -> list[VoteCall]:
    """Remove an organisation: its validator, its nodes, its key's right to send, its vote. All at once; but where the
    chain stops without its validator, that alone comes first, and the rest is asked for again afterwards: CometBFT lets
    a validator go two blocks after the vote, and until then its node must be heard.

    Raises:
        NetworkError: it is not a member, or has more than one validator.
    """
    member = now.member(organisation)
    if member is None:
        raise NetworkError(f"organisation {organisation} is not a member of the council")
    own = [validator for validator in now.validators if validator.organisation == organisation]
    if len(own) > 1:
        raise NetworkError(
            f"organisation {organisation} has {len(own)} validators, and the set changes once a block: vote them out "
            "one by one first (`luya network vote validator … --power 0`)"
        )
    calls = [set_validator(validator.key, 0, organisation) for validator in own]
    if own and own[0].power * 3 >= now.total_power:
        return calls
    return [
        *calls,
        unlist_nodes(organisation),
        set_permission(member.address, 0),
        _call(COUNCIL, "Council", "removeMember", organisation, threshold),
    ]


def weigh(now: Governance, key: bytes, power: int, organisation: int = 0) -> list[VoteCall]:
    """Give a validator this power, 0 for none. Nothing where it has it already.

    Args:
        now: what the contracts hold.
        key: Ed25519 public key, 32 bytes.
        power: its weight.
        organisation: who runs it; may be left out (0) for one that there is.

    Raises:
        NetworkError: there is no such validator, and nobody is named who would run it; or it is another's; or the key
            is none.
    """
    known = next((validator for validator in now.validators if validator.key == key), None)
    if known is None and not power:
        return []
    if known is None and not organisation:
        raise NetworkError(f"there is no validator {key.hex()} yet: say which organisation runs it")
    if known is None:
        check_key(key)
    if known is not None and organisation not in (0, known.organisation):
        raise NetworkError(f"the validator {key.hex()} is organisation {known.organisation}'s, not {organisation}'s")
    if known is not None and known.power == power:
        return []
    return [set_validator(key, power, known.organisation if known else organisation)]


def rotate(now: Governance, old: bytes, new: bytes) -> list[VoteCall]:
    """A validator goes on with another key. Nothing where it does so already.

    Raises:
        NetworkError: the new key is none.
    """
    keys = {validator.key for validator in now.validators}
    if new in keys and old not in keys:
        return []
    check_key(new)
    return [replace_key(old, new)]


def let_in(now: Governance, node: bytes, organisation: int) -> list[VoteCall]:
    """List a node, also one that is listed as another's (organisation 0: list it no more). Nothing where it is so."""
    if dict(now.nodes).get(node, 0) == organisation:
        return []
    return [list_node(node, organisation)] if organisation else [unlist_node(node)]


def refuse_deployer(now: Governance, address: bytes) -> None:
    """A key that votes creates no contracts: what it executes could create some in its name.

    Raises:
        NetworkError: it may create contracts.
    """
    if address in now.deployers:
        raise NetworkError(
            f"{to_hex(address)} may create contracts, and a key that votes must not: take that right first "
            f"(`luya network vote account FOLDER {to_hex(address)} none`), or choose another key"
        )


def check_key(key: bytes) -> None:
    """A validator's key is a point of the curve: the contract cannot tell, and luyad would set the whole set aside.

    Raises:
        NetworkError: it is none.
    """
    if not is_ed25519_key(key):
        raise NetworkError(f"{key.hex()} is no Ed25519 public key: look for a wrong digit")


def set_validator(key: bytes, power: int, organisation: int) -> VoteCall:
    """Add a validator, weigh one, or remove one (power 0)."""
    return _call(VALIDATORS, "Validators", "setValidator", key, power, organisation)


def replace_key(old: bytes, new: bytes) -> VoteCall:
    """A validator goes on with another key."""
    return _call(VALIDATORS, "Validators", "replaceKey", old, new)


def list_node(node: bytes, organisation: int) -> VoteCall:
    """Let a node in."""
    return _call(VALIDATORS, "Validators", "listNode", node, organisation)


def unlist_node(node: bytes) -> VoteCall:
    """Let a node in no more."""
    return _call(VALIDATORS, "Validators", "unlistNode", node)


def unlist_nodes(organisation: int) -> VoteCall:
    """Let no node of an organisation in any more, whichever it has when this is executed."""
    return _call(VALIDATORS, "Validators", "unlistNodes", organisation)


def set_permission(address: bytes, flags: int) -> VoteCall:
    """What an account may do: 0, `SEND`, or `SEND | DEPLOY`."""
    return _call(PERMISSIONS, "Permissions", "setPermission", to_hex(address), flags)


def set_open_sending(is_open: bool) -> VoteCall:
    """Let everybody send, or only those who are listed."""
    return _call(PERMISSIONS, "Permissions", "setOpenSending", is_open)


def set_member(member: Member, threshold: int) -> VoteCall:
    """Move a member to another key or name, or add one without its node."""
    name = member.name.encode().ljust(32, b"\0")
    return _call(COUNCIL, "Council", "setMember", to_hex(member.address), member.organisation, name, threshold)


def set_threshold(threshold: int) -> VoteCall:
    """Approvals that an act needs."""
    return _call(COUNCIL, "Council", "setThreshold", threshold)


def set_times(delay: int, lifetime: int) -> VoteCall:
    """Seconds that a proposal waits, and lives."""
    return _call(COUNCIL, "Council", "setTimes", delay, lifetime)


def cancel(proposal: bytes) -> VoteCall:
    """The council cancels a proposal of one of its members."""
    return _call(COUNCIL, "Council", "cancel", proposal)


def describe(calls: Iterable[VoteCall]) -> list[str]:
    """Each call in words: contract, function, arguments by name; bytes where they are of no known contract."""
    return [_words(call) for call in calls]


def flags_of(word: str) -> int:
    """The flags that 'none', 'send' or 'deploy' means.

    Raises:
        NetworkError: it is none of these.
    """
    known = {"none": 0, "send": SEND, "deploy": SEND | DEPLOY}
    if word not in known:
        raise NetworkError(f"unknown right {word!r}: expected one of {', '.join(known)}")
    return known[word]


def _call(target: bytes, contract: str, function: str, *arguments: Any) -> VoteCall:
    return VoteCall(target, artefact(contract).abi.function(function).data(*arguments))


_TARGETS: Final = {
    COUNCIL: "Council",
    VALIDATORS: "Validators",
    PERMISSIONS: "Permissions",
    AUTHORITY: "AccessManager",
}


@functools.cache
def _selectors() -> dict[tuple[bytes, bytes], tuple[str, str]]:
    """(target, selector) → (contract, function)."""
    return {
        (target, function.selector): (contract, name)
        for target, contract in _TARGETS.items()
        for name, function in artefact(contract).abi.functions.items()
    }


def _words(call: VoteCall) -> str:
    contract, name = _selectors().get((call.target, call.data[:4]), ("", ""))
    if contract:
        function = artefact(contract).abi.function(name)
        arguments = function.arguments(call.data)
        if arguments is not None:
            pairs = zip(function.names, function.inputs, arguments, strict=True)
            shown = (f"{label.rstrip('_')}={_show(value, kind, label)}" for label, kind, value in pairs)
            return f"{contract}.{name}({', '.join(shown)})"
    return f"{to_hex(call.target)}: {to_hex(call.data)}"


def _show(value: Any, kind: str, label: str) -> str:
    if label == "name" and isinstance(value, bytes):
        return repr(value.rstrip(b"\0").decode("utf-8", "replace"))
    if isinstance(value, bytes):
        return to_hex(value)
    if kind == "bool":
        return "true" if value else "false"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(_show(one, "", "") for one in value) + "]"
    return str(value)
