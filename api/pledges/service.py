"""Says what became of a pledge's units."""

from __future__ import annotations

from collections.abc import Sequence

from api.entries.schemas import PartView
from api.errors import ErrorText, NotFound
from api.pledges.repository import Covering, FoundPledge
from api.pledges.schemas import PledgeDelivery, PledgePage, PledgeProgress, PledgeView
from api.projects.schemas import DeliveryState
from api.projects.service import DELIVERY_STATES, KINDS
from api.web.cursors import cursor
from api.web.types import address_text
from chain_node.archive.reader import ArchiveReader
from chain_node.archive.trails import assemble_trail
from chain_node.protocol.kinds.act import amount_of
from chain_node.protocol.merkle import leaf_hash


def no_pledge(index: int) -> NotFound:
    """Entry `index` is no pledge of the account."""
    return NotFound(ErrorText(f"条目 {index} 不是此账户的认捐", f"entry {index} is no pledge of this account"))


def no_trail(index: int) -> NotFound:
    """The account's points came from no record of its own."""
    return NotFound(
        ErrorText(f"认捐 {index} 之前没有可出示的减排记录", f"before pledge {index} the account has no record to show")
    )


def trail(archive: ArchiveReader, index: int, records: Sequence[int], newest: int | None) -> bytes:
    """The trail bundle of a pledge. newest: an entry of a batch that is signed in this ledger's domain.

    Raises ArchiveError, BundleError: as `assemble_trail`.
    """
    call = None if newest is None else archive.call_of(newest)
    domains = [] if call is None or call.batch is None else [call.batch.domain]
    return assemble_trail(archive, index, domains, records=records)


def page(address: bytes, found: Sequence[FoundPledge], limit: int) -> PledgePage:
    """A page from `limit + 1` pledges: the last one only says that there is more."""
    shown = [_view(one) for one in found[:limit]]
    more = cursor(shown[-1].index) if len(found) > limit else None
    return PledgePage(address=address_text(address), pledges=shown, next=more)


def _view(found: FoundPledge) -> PledgeView:
    act = found.act
    shown = [_delivery(found, one) for one in found.deliveries if one.accepted is not False]
    returned = 0 if found.returned is None else found.returned.units
    accepted = sum(one.units for one in shown if one.state == "accepted")
    delivered = sum(one.units for one in shown if one.state == "pending")
    return PledgeView(
        index=found.found.index,
        leaf_hash=leaf_hash(found.found.body).hex(),
        time=act.time,
        project=act.project,
        kind=found.terms.kind.name.lower().replace("_", "-"),
        kind_text=KINDS[found.terms.kind],
        first=act.first,
        units=act.units,
        millipoints=amount_of(act.parts),
        parts=[PartView(vintage=part.vintage, amount=part.amount) for part in act.parts],
        progress=PledgeProgress(
            waiting=act.units - accepted - delivered - returned,
            delivered=delivered,
            accepted=accepted,
            returned=returned,
        ),
        deliveries=shown,
        refused=sum(one.accepted is False for one in found.deliveries),
        returned=None if found.returned is None else found.returned.index,
    )


def _delivery(found: FoundPledge, one: Covering) -> PledgeDelivery:
    """What of a delivery is this pledge's."""
    act = found.act
    first, end = max(one.first, act.first), min(one.first + one.units, act.first + act.units)
    state: DeliveryState = "accepted" if one.accepted else "pending"
    return PledgeDelivery(
        index=one.index,
        first=first,
        units=end - first,
        state=state,
        state_text=DELIVERY_STATES[state],
        decision=one.decision,
    )
