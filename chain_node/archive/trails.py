"""Assembles a trail from the archive alone: what `luya trail` and the API both call.

Which entries a pledge relies on is found by reading the archive's entries outside batches: there all acts are. Its
records are those of the account that earned points of the vintages that the pledge spent, the oldest first, until they
make up what it spent; who has an index of them (the API's read model) names them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from chain_node.archive.bundles import assemble, outside_batches
from chain_node.archive.domains import nonces
from chain_node.archive.reader import ArchiveReader, parse_note
from chain_node.errors import ArchiveError
from chain_node.protocol import signed, trail
from chain_node.protocol.attestation import Domain
from chain_node.protocol.entries import REDUCTION, REDUCTION_NULLIFIER, UNROLLED_REDUCTION, Entry, Reduction, decode
from chain_node.protocol.errors import AttestationError
from chain_node.protocol.kinds.act import Act, amount_of
from chain_node.protocol.kinds.agents import AGENT, Agent
from chain_node.protocol.kinds.controllers import (
    CONTROLLER,
    CUSTODIAN,
    SESSION_KEY,
    Controller,
    Custodian,
    SessionKey,
    SetBy,
)
from chain_node.protocol.kinds.projects import (
    ACCEPTANCE,
    DELIVERY,
    PLEDGE,
    PROJECT,
    Acceptance,
    Pledge,
    Project,
    ProjectDelivery,
)
from chain_node.protocol.times import year_of

_WANTED: Final = frozenset({AGENT, CONTROLLER, CUSTODIAN, SESSION_KEY, ACCEPTANCE, DELIVERY, PLEDGE, PROJECT})
_ACCOUNT: Final = UNROLLED_REDUCTION.place["account"]


def assemble_trail(
    archive: ArchiveReader,
    pledge_index: int,
    domains: Sequence[Domain],
    *,
    records: Sequence[int] | None = None,
    known: Mapping[bytes, bytes] | None = None,
) -> bytes:
    """The trail of the pledge at `pledge_index`, at the newest checkpoint.

    Args:
        archive: where everything is read from.
        pledge_index: the pledge's.
        domains: those in which its acts may have been signed: of this ledger, and of those it was rebuilt from.
        records: indexes of the account's reductions to show, ascending; found in the archive where not given.
        known: domain salt → genesis nonce; by default what the archive remembers.

    Raises:
        ArchiveError: no such pledge, or the archive lacks a part; the text says which.
        BundleError: the parts contradict each other.
    """
    note = archive.checkpoint_note()
    if note is None:
        raise ArchiveError("the archive has no checkpoint yet: nothing can be proven before the first is signed")
    size = parse_note(note).size
    if not 0 <= pledge_index < size:
        raise ArchiveError(f"entry {pledge_index} is not under the newest checkpoint, of {size} entries")
    pledge = decode(archive.entry(pledge_index))
    if not isinstance(pledge, Pledge):
        raise ArchiveError(f"entry {pledge_index} is a {type(pledge).__name__.lower()}: only pledges have a trail")
    if records is None:
        records = earned_before(archive, pledge_index, pledge)
    if not records:
        raise ArchiveError(f"account {pledge.account.hex()} has no reduction of the pledge's vintages before it")
    remembered = nonces(archive.folder) if known is None else known
    candidates = [*domains, *_batches_domains(archive, records)]
    chosen = _relied_on(_acts(archive, size), pledge_index, pledge, candidates)
    used = _domains_of(chosen, candidates)
    missing = [domain for domain in used if domain.salt not in remembered]
    if missing:
        raise ArchiveError(
            f"the archive does not know the genesis nonce of the domain with salt {missing[0].salt.hex()}"
        )
    return trail.build(
        account=pledge.account,
        records=[assemble(archive, index, domains=remembered) for index in records],
        note=note,
        steps=[
            trail.TrailStep(index, archive.entry(index), archive.inclusion(index, size)) for index in sorted(chosen)
        ],
        domains=[trail.SignedIn(domain, remembered[domain.salt]) for domain in used],
        origin=parse_note(note).origin,
    )


def earned_before(archive: ArchiveReader, pledge_index: int, pledge: Pledge) -> list[int]:
    """The account's reductions before the pledge of the vintages it spent, oldest first, until they make up what it
    spent. Those revoked since are not told apart: the books are the replay's."""
    vintages, spent = {part.vintage for part in pledge.parts}, amount_of(pledge.parts)
    found: list[int] = []
    for index, body in enumerate(archive.entries(0, pledge_index)):
        if body[0] not in (REDUCTION, REDUCTION_NULLIFIER) or body[_ACCOUNT] != pledge.account:
            continue
        entry = decode(body)
        assert isinstance(entry, Reduction)
        if year_of(entry.record.day) not in vintages:
            continue
        found.append(index)
        spent -= entry.millipoints + entry.bonus_millipoints
        if spent <= 0 or len(found) == trail.MOST_RECORDS:
            break
    return found


def _acts(archive: ArchiveReader, size: int) -> dict[int, Entry]:
    return {
        at: decode(body)
        for start, stop in outside_batches(archive, size)
        for at, body in enumerate(archive.entries(start, stop), start)
        if body[0] in _WANTED
    }


def _relied_on(found: Mapping[int, Entry], at: int, pledge: Pledge, domains: Sequence[Domain]) -> dict[int, Entry]:
    """Project, authority, deliveries, acceptances and agents of the pledge."""
    chosen = {at: found[at]}

    def add(index: int | None, what: str) -> None:
        if index is None:
            raise ArchiveError(f"the archive has no entry that {what}, before what relies on it")
        chosen[index] = found[index]

    add(_last(found, at, lambda e: isinstance(e, Project) and e.project == pledge.project), "sets the project")
    _add_authority(found, chosen, at, pledge.account, pledge.tail.signer, domains)
    own = range(pledge.first, pledge.first + pledge.units)
    for index, acceptance in found.items():
        if not isinstance(acceptance, Acceptance) or not acceptance.accepted:
            continue
        delivery = found[acceptance.delivery]
        assert isinstance(delivery, ProjectDelivery)
        if delivery.project != pledge.project or acceptance.delivery < at:
            continue
        if max(own.start, delivery.first) >= min(own.stop, delivery.first + delivery.units):
            continue
        add(index, "accepts the delivery")
        add(acceptance.delivery, "is the delivery")
        for signed_at, key in ((index, acceptance.tail.signer), (acceptance.delivery, delivery.tail.signer)):
            add(_last(found, signed_at, _is_agent(key)), "names the agent")
    return chosen


def _add_authority(
    found: Mapping[int, Entry], chosen: dict[int, Entry], at: int, account: bytes, key: bytes, domains: Sequence[Domain]
) -> None:
    """The newest entry before `at` that lets the key act for the account, and what that one relies on."""
    for index in sorted((index for index in found if index < at), reverse=True):
        entry = found[index]
        if isinstance(entry, SessionKey) and entry.account == account and entry.key == key and entry.expires:
            chosen[index] = entry
            return _add_authority(found, chosen, index, account, entry.tail.signer, domains)
        if isinstance(entry, Custodian) and entry.key == key:
            chosen[index] = entry
            return None
        if isinstance(entry, Controller) and entry.account == account and entry.key == key:
            chosen[index] = entry
            if entry.set_by is SetBy.REGISTRAR:
                return None
            signer = signed.signer_of(_domain_of(index, entry, domains), entry)
            return _add_authority(found, chosen, index, account, signer, domains)
    raise ArchiveError(f"the archive has no entry that lets 0x{key.hex()} act for account {account.hex()}")


def _is_agent(key: bytes) -> Callable[[Entry], bool]:
    return lambda entry: isinstance(entry, Agent) and entry.key == key


def _last(found: Mapping[int, Entry], before: int, wanted: Callable[[Entry], bool]) -> int | None:
    return max((index for index, entry in found.items() if index < before and wanted(entry)), default=None)


def _batches_domains(archive: ArchiveReader, records: Iterable[int]) -> list[Domain]:
    calls = [archive.call_of(index) for index in records]
    return [call.batch.domain for call in calls if call is not None and call.batch is not None]


def _domains_of(chosen: Mapping[int, Entry], candidates: Sequence[Domain]) -> list[Domain]:
    """The domains in which the acts among these were signed, each once."""
    used: dict[Domain, None] = {}
    for index, entry in sorted(chosen.items()):
        if isinstance(entry, Act) and signed.is_signed(entry):
            used[_domain_of(index, entry, candidates)] = None
    return list(used)


def _domain_of(index: int, act: Act, candidates: Sequence[Domain]) -> Domain:
    """In which an act was signed: whose signature names nobody, in the first by which it is a signature at all."""
    for domain in dict.fromkeys(candidates):
        try:
            if isinstance(act, Controller):
                signed.signer_of(domain, act)
            else:
                signed.check(domain, act)
        except AttestationError:
            continue
        return domain
    raise ArchiveError(f"entry {index}, a {type(act).__name__}, is signed in no domain that is known here")
