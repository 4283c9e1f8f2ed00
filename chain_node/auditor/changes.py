"""What the contracts should have enforced of entries outside batches, and the replay does not ask.

Each function gives what is wrong, in words, or None. Source: protocol section 7 and the contracts' NatSpec
(`ILuyaLaw`, `ILuyaLedger`); written from these, not from their code.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, assert_never

from chain_node.protocol.entries import (
    NO_ADDRESS,
    NO_HASH,
    Account,
    AccountState,
    Act,
    Entry,
    Feed,
    GroupCaps,
    LogKey,
    Method,
    Organisation,
    Pause,
    Reduction,
    Refusal,
    Revocation,
    Standing,
)
from chain_node.protocol.replay import State
from chain_node.protocol.times import FIRST_DAY, FIRST_VINTAGE, day_of

_MOST_SIGNERS: Final = 32
_MOST_METHODS: Final = 64
_LAST_YEAR: Final = 9_999
_MOVES: Final = {
    (AccountState.ACTIVE, AccountState.FROZEN),
    (AccountState.FROZEN, AccountState.ACTIVE),
    (AccountState.ACTIVE, AccountState.CLOSED),
    (AccountState.FROZEN, AccountState.CLOSED),
}


def problem(state: State, entry: Entry, *, imported: bool) -> str | None:
    """What forbids this entry as the next one, beyond what the replay refuses; None: nothing.

    Args:
        state: before the entry.
        entry: the entry, not of a batch unless it is imported.
        imported: it came in the import phase of a rebuilt ledger.
    """
    match entry:
        case Reduction() | Refusal():
            return None if imported else "it belongs into a batch, and came without one"
        case Account():
            return _account(state, entry)
        case Organisation():
            return "an organisation's id is not 0" if entry.id == 0 else None
        case Feed():
            return _feed(state, entry, imported=imported)
        case Method():
            return _method(state, entry)
        case GroupCaps():
            return "an exclusion group is not 0" if entry.group == 0 else None
        case Pause():
            return "a pause ends in the future" if 0 < entry.until <= entry.time else None
        case Revocation() | LogKey() | Act():
            return None  # all of an act's rules are asked by the replay
        case _:
            assert_never(entry)


def _account(state: State, entry: Account) -> str | None:
    known = state.account(entry.account)
    if entry.account == NO_ADDRESS or entry.nullifier == NO_HASH:
        return "neither an account nor its identity is zero"
    if entry.successor != NO_ADDRESS:
        return "only a replaced account has a successor, and none can be replaced yet"
    if entry.epoch and not FIRST_VINTAGE <= entry.epoch <= _LAST_YEAR:
        return f"epoch {entry.epoch} is no vintage year"
    if known.state == 0:
        return None if entry.state is AccountState.ACTIVE else "a new account is active"
    if known.epoch != entry.epoch or state.district(entry.account) != entry.district:
        return "an account keeps its epoch and its district"
    if (known.state, entry.state) not in _MOVES:
        return f"an account does not go from state {known.state} to {int(entry.state)}"
    return None


def _feed(state: State, entry: Feed, *, imported: bool) -> str | None:
    if entry.feed == 0:
        return "a feed's id is not 0"
    old = state.feeds.get(entry.feed)
    if old is not None and any(entry == one for one in _braked(old, entry)):
        return None
    # Contracts before this rule let a feed go to another organisation: an imported log may show it.
    if old is not None and old.organisation != entry.organisation and not imported:
        return f"a feed stays with organisation {old.organisation}, that it was registered for"
    return _set_feed(state, old, entry)


def _braked(old: Feed, new: Feed) -> list[Feed]:
    """What a feed may become without a new quorum of governance: disabled, with lower caps, with one signer less."""
    same = replace(old, time=new.time)
    lower = replace(
        same,
        credits_cap=min(old.credits_cap, new.credits_cap),
        millipoints_cap=min(old.millipoints_cap, new.millipoints_cap),
    )
    rests = [tuple(signer for signer in old.signers if signer != gone) for gone in old.signers]
    fewer = [replace(same, signers=rest, version=old.version + 1) for rest in rests if len(rest) >= old.threshold]
    return [replace(same, state=Standing.DISABLED), lower, *fewer]


def _set_feed(state: State, old: Feed | None, entry: Feed) -> str | None:
    version = (old.version if old else 0) + 1
    if entry.version != version:
        return f"the version of a feed that is set is {version}, not {entry.version}"
    if entry.state is not Standing.ACTIVE:
        return "a feed that is set is active"
    organisation = state.organisations.get(entry.organisation)
    if organisation is None or organisation.state is not Standing.ACTIVE:
        return f"organisation {entry.organisation} is unknown or disabled"
    if not entry.threshold <= len(entry.signers) <= _MOST_SIGNERS or NO_ADDRESS in entry.signers:
        return f"a feed has {entry.threshold} to {_MOST_SIGNERS} signers, none of them zero"
    if not 1 <= len(entry.methods) <= _MOST_METHODS:
        return f"a feed has 1 to {_MOST_METHODS} methods"
    unknown = [method for method in entry.methods if method not in state.methods]
    return f"methods {unknown} were never announced" if unknown else None


def _method(state: State, entry: Method) -> str | None:
    old = state.methods.get(entry.id)
    if old is not None:
        # that nothing but an earlier end changes is the replay's
        if not day_of(entry.time) <= entry.valid_to < old.valid_to:
            return f"a version ends today or later, and before {old.valid_to}: not on {entry.valid_to}"
        return None
    if 0 in (entry.id, entry.group, entry.max_activity):
        return "id, group and greatest activity of a method are not 0"
    if not FIRST_DAY <= entry.valid_from <= entry.valid_to:
        return f"a method is valid from {FIRST_DAY} or later, until that day or later"
    return None
