"""What the operator owes each merchant for a period, in fen, from entries alone: a statement, no payment.

An order is owed for when it is fulfilled, at the settlement price that its entry carries; where it is given back
afterwards, the same is taken off in the period of the refund. An order that is open is owed for by nobody yet. A
project's units are owed for when another organisation accepts their delivery, at the project's settlement price.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from chain_node.protocol.entries import decode
from chain_node.protocol.kinds.projects import (
    ACCEPTANCE,
    DELIVERY,
    PROJECT,
    Acceptance,
    Project,
    ProjectDelivery,
)
from chain_node.protocol.kinds.rewards import FULFILMENT, ITEM, ORDER, REFUND, Fulfilment, Item, Order, Refund

_TYPES: Final = frozenset({ITEM, ORDER, FULFILMENT, REFUND, PROJECT, DELIVERY, ACCEPTANCE})


@dataclass(slots=True)
class SettlementLine:
    """One item or project of a merchant.

    subject: "item" or "project", and its number. units, fen: handed over, or accepted, in the period. returned_units,
    returned_fen: given back in it, after they were handed over in whatever period that was."""

    organisation: int
    subject: str
    number: int
    units: int = 0
    fen: int = 0
    returned_units: int = 0
    returned_fen: int = 0

    @property
    def owed_fen(self) -> int:
        """Below 0 where more came back than was handed over."""
        return self.fen - self.returned_fen


def settlement(entries: Iterable[bytes], since: int, until: int) -> list[SettlementLine]:
    """The lines of a period, by organisation, subject and number.

    Args:
        entries: the log from its first entry on, as the ledger judged it; what comes after `until` may be left out.
        since, until: unix seconds; an entry belongs to the period where since ≤ time < until.

    Raises:
        CodecError: an entry can't be read.
    """
    books = _Books()
    for index, data in enumerate(entries):
        if data[0] not in _TYPES:
            continue
        entry = decode(data)
        if entry.time >= until:
            break
        if isinstance(entry, Item):
            books.items[entry.item] = entry.organisation
        elif isinstance(entry, Order):
            books.orders[index] = entry
        elif isinstance(entry, Project):
            books.projects[entry.project] = entry
        elif isinstance(entry, ProjectDelivery):
            books.deliveries[index] = entry
        elif isinstance(entry, Fulfilment):
            books.fulfilled.add(entry.order_id)
            books.count(entry, counts=entry.time >= since)
        elif isinstance(entry, Refund | Acceptance):
            books.count(entry, counts=entry.time >= since)
    return [books.lines[place] for place in sorted(books.lines)]


class _Books:
    """What later entries refer to, and the lines so far."""

    def __init__(self) -> None:
        self.items: dict[int, int] = {}
        self.orders: dict[int, Order] = {}
        self.fulfilled: set[int] = set()
        self.projects: dict[int, Project] = {}
        self.deliveries: dict[int, ProjectDelivery] = {}
        self.lines: dict[tuple[int, str, int], SettlementLine] = {}

    def count(self, entry: Fulfilment | Refund | Acceptance, *, counts: bool) -> None:
        """An entry by which something is owed, or no longer; counts: it is of the period."""
        if not counts:
            return
        if isinstance(entry, Acceptance):
            if entry.accepted:
                delivery = self.deliveries[entry.delivery]
                terms = self.projects[delivery.project]
                line = self._line(terms.organisation, "project", delivery.project)
                line.units += delivery.units
                line.fen += terms.settlement * delivery.units
            return
        if entry.order_id not in self.fulfilled:
            return
        order = self.orders[entry.order_id]
        line = self._line(self.items[order.item], "item", order.item)
        if isinstance(entry, Fulfilment):
            line.units += order.quantity
            line.fen += order.settlement * order.quantity
        else:
            line.returned_units += order.quantity
            line.returned_fen += order.settlement * order.quantity

    def _line(self, organisation: int, subject: str, number: int) -> SettlementLine:
        return self.lines.setdefault((organisation, subject, number), SettlementLine(organisation, subject, number))
