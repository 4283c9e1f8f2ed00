"""The trail: one RFC 8785 JSON document by which anyone verifies, offline, what became of a resident's points: from a
partner's records to a pledge, its deliveries, and their acceptance by another organisation.

It holds the records' bundles, and the entries between record and delivery, each included under one signed checkpoint.
Every byte but those of `hints` is checked, and no entry may stand in it that nothing relies on.

What a verified trail says: the log has these records, worth what they say, of this account; after them the account
pledged, signed by a key that an entry of the log lets act for it; the project's organisation delivered units of that
pledge, and an acceptor of another organisation accepted them. What it can't say, for an inclusion proof shows presence
and never absence: that an entry it relies on was not changed later but before it was relied on (an agent disabled, a
controller replaced), and that other points of the same vintage were not meant. A replay of the whole log shows those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chain_node.protocol import attestation, bundle, checkpoint, merkle, signed
from chain_node.protocol import bundle_json as form
from chain_node.protocol.attestation import Domain
from chain_node.protocol.bundle import VerifiedReduction
from chain_node.protocol.checkpoint import Checkpoint
from chain_node.protocol.entries import Entry, Standing, decode
from chain_node.protocol.errors import AttestationError, BundleError, ProtocolError
from chain_node.protocol.kinds.act import Act, amount_of
from chain_node.protocol.kinds.agents import Agent, AgentRole
from chain_node.protocol.kinds.controllers import Controller, Custodian, CustodianState, Scope, SessionKey, SetBy
from chain_node.protocol.kinds.projects import Acceptance, Pledge, Project, ProjectDelivery

FORMAT: Final = "luya-trail@v1"
MAX_BYTES: Final = 4 << 20
MOST_RECORDS: Final = 64
MOST_STEPS: Final = 512
MOST_DOMAINS: Final = 8

_MEMBERS: Final = {"account", "checkpoint", "domains", "format", "hints", "records", "steps"}
_STEP: Final = {"entry", "index", "proof"}
_DOMAIN: Final = {"chain_id", "genesis_nonce", "ledger", "origin", "salt"}


@dataclass(frozen=True, slots=True)
class TrailStep:
    """An entry between record and delivery. proof: its inclusion proof at the trail's size, leaf's sibling first."""

    index: int
    entry: bytes
    proof: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A domain that acts were signed in, and what its salt is made of beside the log's origin."""

    domain: Domain
    genesis_nonce: bytes


@dataclass(frozen=True, slots=True)
class DeliveredUnits:
    """A delivery that was accepted. units: those of the trail's pledge among its own."""

    delivery_index: int
    delivery: ProjectDelivery
    acceptance_index: int
    acceptance: Acceptance
    acceptor: Agent
    units: range


@dataclass(frozen=True, slots=True)
class VerifiedTrail:
    """A trail that verified. deliveries: ascending by their index, no unit twice. hints: unchecked."""

    account: bytes
    records: tuple[VerifiedReduction, ...]
    project: Project
    pledge_index: int
    pledge: Pledge
    deliveries: tuple[DeliveredUnits, ...]
    checkpoint: Checkpoint
    hints: Mapping[str, Any]

    @property
    def delivered(self) -> int:
        """Units of the pledge that were delivered and accepted."""
        return sum(len(one.units) for one in self.deliveries)

    @property
    def complete(self) -> bool:
        """Every unit was."""
        return self.delivered == self.pledge.units


def build(
    *,
    account: bytes,
    records: Sequence[bytes],
    note: str,
    steps: Sequence[TrailStep],
    domains: Sequence[SignedIn],
    origin: str,
    hints: Mapping[str, Any] | None = None,
) -> bytes:
    """The trail's bytes. It is not verified here.

    records: bundles under the same signed checkpoint `note`. domains: those in which an act among the steps was signed.

    Raises BundleError: a number is too large for JSON, or a record is no bundle.
    """
    return form.canonical(
        {
            "format": FORMAT,
            "account": account.hex(),
            "checkpoint": note,
            "records": [form.load(record, form.FORMAT, form.MAX_BYTES) for record in records],
            "steps": [
                {"index": step.index, "entry": step.entry.hex(), "proof": form.encode64(step.proof)}
                for step in sorted(steps, key=lambda step: step.index)
            ],
            "domains": [
                {
                    "chain_id": one.domain.chain_id,
                    "ledger": one.domain.ledger.hex(),
                    "salt": one.domain.salt.hex(),
                    "origin": origin,
                    "genesis_nonce": one.genesis_nonce.hex(),
                }
                for one in domains
            ],
            "hints": dict(hints or {}),
        }
    )


def verify(trail: bytes, vkey: str, *, witnesses: Sequence[str] = ()) -> VerifiedTrail:
    """Verify a trail against the log's verifier key, whose name is the log's origin.

    witnesses: verifier keys; cosignatures of the checkpoint must be theirs, for no byte may stay unchecked.

    Raises BundleError: it does not verify; the message says why.
    """
    try:
        return _verify(trail, vkey, witnesses)
    except BundleError:
        raise
    except ProtocolError as error:
        raise BundleError(str(error)) from error


def _verify(trail: bytes, vkey: str, witnesses: Sequence[str]) -> VerifiedTrail:
    document = form.members(form.load(trail, FORMAT, MAX_BYTES), _MEMBERS, "the trail")
    if not isinstance(document["hints"], dict):
        raise BundleError("hints is not an object")
    account = form.hexadecimal(document, "account")
    note = form.text(document, "checkpoint")
    noted = checkpoint.open_note(note, vkey, witnesses=witnesses, strict=True)
    steps = _Steps(document, noted)
    pledge_index, pledge = steps.only(Pledge)
    if pledge.account != account:
        raise BundleError(f"the pledge is of account {pledge.account.hex()}, the trail of {account.hex()}")
    steps.signed(pledge_index, pledge)
    _check_authority(steps, pledge_index, pledge)
    project = _project_of(steps, pledge_index, pledge)
    deliveries = _deliveries(steps, pledge_index, pledge, project)
    records = _records(document, vkey, witnesses, note, pledge_index, pledge)
    steps.all_used()
    return VerifiedTrail(account, records, project, pledge_index, pledge, tuple(deliveries), noted, document["hints"])


class _Steps:
    """The entries of a trail, each included; which of them something relied on."""

    def __init__(self, document: Mapping[str, Any], noted: Checkpoint) -> None:
        self.entries: dict[int, Entry] = {}
        self._used: set[int] = set()
        self._domains = _domains(document, noted)
        self._domains_used: set[Domain] = set()
        last = -1
        for part in _listed(document, "steps", MOST_STEPS):
            step = form.members(part, _STEP, "a step")
            index, data = form.number(step, "index"), form.hexadecimal(step, "entry")
            if index <= last:
                raise BundleError(f"steps are not ascending: {index} stands behind {last}")
            last = index
            proof = form.decode64(step, "proof")
            merkle.verify_inclusion(merkle.leaf_hash(data), index, noted.size, proof, noted.root)
            self.entries[index] = decode(data)

    def only(self, kind: type[Pledge]) -> tuple[int, Pledge]:
        """The one entry of a kind."""
        found = [(index, entry) for index, entry in self.entries.items() if isinstance(entry, kind)]
        if len(found) != 1:
            raise BundleError(f"a trail has one {kind.__name__.lower()}, this one {len(found)}")
        self._used.add(found[0][0])
        return found[0]

    def use(self, index: int) -> None:
        """Something relies on this entry."""
        self._used.add(index)

    def signed(self, index: int, act: Act) -> None:
        """The act's signature is its signer's, in a domain of the trail."""
        for domain in self._domains:
            try:
                signed.check(domain, act)
            except AttestationError:
                continue
            self._domains_used.add(domain)
            return
        raise BundleError(
            f"entry {index}, a {type(act).__name__}, is not signed by its signer in a domain of the trail"
        )

    def signers(self, controller: Controller) -> dict[bytes, Domain]:
        """Who may have signed a controller's entry, which names nobody: whom each domain of the trail leads to."""
        found: dict[bytes, Domain] = {}
        for domain in self._domains:
            try:
                found[signed.signer_of(domain, controller)] = domain
            except AttestationError:
                continue
        return found

    def rely_on(self, domain: Domain) -> None:
        """Something was signed in this domain."""
        self._domains_used.add(domain)

    def all_used(self) -> None:
        """Nothing stands in the trail that nothing relies on."""
        for index in self.entries.keys() - self._used:
            raise BundleError(f"nothing in the trail relies on entry {index}, a {type(self.entries[index]).__name__}")
        if len(self._domains_used) != len(self._domains):
            raise BundleError("the trail names a domain in which none of its acts was signed, or one twice")


def _listed(document: Mapping[str, Any], name: str, most: int) -> list[Any]:
    value = document[name]
    if not isinstance(value, list) or not 0 < len(value) <= most:
        raise BundleError(f"{name} is not a list of 1 to {most}")
    return value


def _domains(document: Mapping[str, Any], noted: Checkpoint) -> list[Domain]:
    found = []
    for part in _listed(document, "domains", MOST_DOMAINS):
        place = form.members(part, _DOMAIN, "a domain")
        salt = form.hexadecimal(place, "salt")
        if form.text(place, "origin") != noted.origin:
            raise BundleError(f"a domain's origin {place['origin']!r} is not the checkpoint's, {noted.origin!r}")
        if attestation.domain_salt(noted.origin, form.hexadecimal(place, "genesis_nonce")) != salt:
            raise BundleError("a domain's salt is not made of its origin and genesis nonce")
        found.append(Domain(form.number(place, "chain_id"), form.hexadecimal(place, "ledger"), salt))
    return found


def _project_of(steps: _Steps, pledge_index: int, pledge: Pledge) -> Project:
    found = [
        (index, entry)
        for index, entry in steps.entries.items()
        if isinstance(entry, Project) and entry.project == pledge.project and index < pledge_index
    ]
    if len(found) != 1:
        raise BundleError(f"a trail has one entry of project {pledge.project} before the pledge, this one {len(found)}")
    index, project = found[0]
    steps.use(index)
    if project.price != pledge.price or not project.opens <= pledge.time < project.closes:
        raise BundleError("the pledge has not the project's price, or is outside its time")
    return project


def _check_authority(steps: _Steps, at: int, pledge: Pledge) -> None:
    """An entry before the pledge lets its signer act for the account."""
    signer = pledge.tail.signer
    for index, entry in steps.entries.items():
        if index >= at or not isinstance(entry, SessionKey) or entry.key != signer:
            continue
        within = entry.account == pledge.account and entry.expires > pledge.time and entry.scopes & Scope.PLEDGES
        if not within:
            raise BundleError(f"the session key of entry {index} may not sign this pledge")
        steps.use(index)
        steps.signed(index, entry)
        _check_controls(steps, index, entry.account, entry.tail.signer, entry.time)
        return
    _check_controls(steps, at, pledge.account, signer, pledge.time)


def _check_controls(steps: _Steps, at: int, account: bytes, key: bytes, time: int) -> None:
    """An entry before `at` makes the key the account's controller, or the custodian of those that have none."""
    if not _controls(steps, at, account, key, time):
        raise BundleError(f"no entry of the trail lets 0x{key.hex()} act for account {account.hex()}")


def _controls(steps: _Steps, at: int, account: bytes, key: bytes, time: int) -> bool:
    for index, entry in steps.entries.items():
        if index >= at:
            continue
        if isinstance(entry, Custodian) and entry.key == key and entry.state is CustodianState.ACTIVE:
            steps.use(index)
            return True
        if not isinstance(entry, Controller) or entry.key != key or entry.account != account or entry.effective > time:
            continue
        if entry.set_by is SetBy.REGISTRAR:
            steps.use(index)
            return True
        for signer, domain in steps.signers(entry).items():
            if _controls(steps, index, account, signer, entry.time):
                steps.use(index)
                steps.rely_on(domain)
                return True
    return False


def _agent(steps: _Steps, at: int, key: bytes, role: AgentRole) -> Agent:
    """The entry before `at` by which the key is an agent in this role."""
    for index, entry in steps.entries.items():
        if isinstance(entry, Agent) and entry.key == key and index < at:
            if entry.role is not role or entry.state is not Standing.ACTIVE:
                raise BundleError(f"the agent of entry {index} is no active {role.name.lower()}")
            steps.use(index)
            return entry
    raise BundleError(f"no entry of the trail makes 0x{key.hex()}, who signed entry {at}, an agent")


def _deliveries(steps: _Steps, pledge_index: int, pledge: Pledge, project: Project) -> list[DeliveredUnits]:
    own = range(pledge.first, pledge.first + pledge.units)
    found: list[DeliveredUnits] = []
    for index, delivery in steps.entries.items():
        if not isinstance(delivery, ProjectDelivery):
            continue
        units = range(max(own.start, delivery.first), min(own.stop, delivery.first + delivery.units))
        if delivery.project != pledge.project or not units or index < pledge_index:
            raise BundleError(f"the delivery of entry {index} is not of this pledge")
        if any(units.start < one.units.stop and one.units.start < units.stop for one in found):
            raise BundleError(f"the delivery of entry {index} delivers a unit for the second time")
        steps.use(index)
        steps.signed(index, delivery)
        merchant = _agent(steps, index, delivery.tail.signer, AgentRole.MERCHANT)
        if merchant.organisation != project.organisation:
            raise BundleError(f"the delivery of entry {index} is signed by organisation {merchant.organisation}")
        found.append(_accepted(steps, index, delivery, project, units))
    return found


def _accepted(steps: _Steps, at: int, delivery: ProjectDelivery, project: Project, units: range) -> DeliveredUnits:
    """The acceptance that names the delivery, by another organisation than the project's."""
    named = [
        (index, entry)
        for index, entry in steps.entries.items()
        if isinstance(entry, Acceptance) and entry.delivery == at and index > at
    ]
    if len(named) != 1:
        raise BundleError(f"the delivery of entry {at} has {len(named)} acceptances in the trail, not one")
    index, acceptance = named[0]
    steps.use(index)
    steps.signed(index, acceptance)
    acceptor = _agent(steps, index, acceptance.tail.signer, AgentRole.ACCEPTOR)
    if acceptor.organisation == project.organisation:
        raise BundleError(f"the delivery of entry {at} is accepted by the organisation that delivered it")
    whole = delivery.units * project.price
    if not acceptance.accepted or acceptance.project != delivery.project or amount_of(acceptance.parts) != whole:
        raise BundleError(f"entry {index} does not accept the delivery of entry {at} as a whole")
    return DeliveredUnits(at, delivery, index, acceptance, acceptor, units)


def _records(
    document: Mapping[str, Any], vkey: str, witnesses: Sequence[str], note: str, at: int, pledge: Pledge
) -> tuple[VerifiedReduction, ...]:
    vintages = {part.vintage for part in pledge.parts}
    found: dict[int, VerifiedReduction] = {}
    for part in _listed(document, "records", MOST_RECORDS):
        made = bundle.verify(form.canonical(part), vkey, witnesses=witnesses)
        if checkpoint.parse_tlog_proof(form.text(part, "proof")).note != note:
            raise BundleError(f"the bundle of entry {made.index} is not under the trail's checkpoint")
        if made.entry.record.account != pledge.account or made.index >= at or made.vintage not in vintages:
            raise BundleError(f"the reduction of entry {made.index} earned nothing that the pledge spent")
        if found and made.index <= max(found):
            raise BundleError("records are not ascending")
        found[made.index] = made
    return tuple(found.values())
