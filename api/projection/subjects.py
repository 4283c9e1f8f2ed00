"""What acts are about: project 7, the delivery that is entry 41, … So that each of these has its history and its sums.

Pure. An act is about what its fields name; one that decides on an earlier act, also about what that one is about.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from api.errors import ProjectionError
from chain_node.protocol.entries import Act
from chain_node.protocol.kinds import BY_ENTRY
from chain_node.protocol.kinds.act import Part, amount_of
from chain_node.protocol.kinds.controllers import CUSTODIAN, Custodian
from chain_node.protocol.kinds.projects import (
    DELIVERY,
    PLEDGE,
    PROJECT,
    Acceptance,
    Pledge,
    PledgeReturn,
    ProjectDelivery,
    Survival,
)
from chain_node.protocol.kinds.rewards import ITEM, ORDER, Fulfilment, Order, Refund

TOPICS: Final = {"project": PROJECT, "pledge": PLEDGE, "delivery": DELIVERY, "item": ITEM, "order_id": ORDER}
"""Which field of an act names what: field → topic, which is the type of the entry that makes such a thing."""
SUMMED: Final = frozenset({ITEM, PROJECT})
"""Topics of which one thing has so many acts that their sums are kept."""
DECIDES_ON: Final[dict[type[Act], str]] = {
    Acceptance: "delivery",
    Survival: "delivery",
    Fulfilment: "order_id",
    Refund: "order_id",
}
"""Acts that are about an earlier one, and the field that names its index."""
_MOST: Final = (1 << 63) - 1


class SubjectValues(NamedTuple):
    """A row of `subject`, in the order of its columns."""

    topic: int
    id: int
    type: int
    idx: int
    outcome: int
    first: int | None
    units: int
    amount: int


Sums = dict[tuple[int, int, int, int], list[int]]
"""(topic, id, type, outcome) → acts, units, amount."""


def decides_on(act: Act) -> int | None:
    """The index of the earlier act that it is about."""
    name = DECIDES_ON.get(type(act))
    return None if name is None else int(getattr(act, name))


def subjects(index: int, act: Act, earlier: Act | None) -> list[SubjectValues]:
    """The act's rows. earlier: the act that it decides on.

    Raises ProjectionError: there is no such act, or a number is none of this log's.
    """
    if earlier is None and (missing := decides_on(act)) is not None:
        raise ProjectionError(f"entry {index} is about the act {missing}, which no entry before it is")
    found = {
        (topic, getattr(one, name)) for one in (act, earlier) for name, topic in TOPICS.items() if _names(one, name)
    }
    if isinstance(act, Custodian):
        found.add((CUSTODIAN, 0))
    if any(identity > _MOST for _, identity in found):
        raise ProjectionError(f"entry {index} names something by a number that nothing in this log has: {act}")
    code, (outcome, first, units, amount) = BY_ENTRY[type(act)].types[0], _values(act, earlier)
    return [SubjectValues(*key, code, index, outcome, first, units, amount) for key in sorted(found)]


def _names(act: Act | None, name: str) -> bool:
    return act is not None and name in type(act).__dataclass_fields__


def _values(act: Act, earlier: Act | None) -> tuple[int, int | None, int, int]:
    """outcome, first, units, amount."""
    match act, earlier:
        case Acceptance(), ProjectDelivery():
            return int(act.accepted), earlier.first, earlier.units, amount_of(act.parts)
        case Survival(), ProjectDelivery():
            return act.months, earlier.first, earlier.units, act.surviving
        case Pledge(), _:
            return 0, act.first, act.units, amount_of(act.parts)
        case ProjectDelivery(), _:
            return 0, act.first, act.units, 0
        case PledgeReturn(), _:
            return 0, None, act.units, amount_of(act.parts)
        case Order(), _:
            return 0, None, act.quantity, amount_of(act.parts)
        case Fulfilment(), Order():
            return 0, None, earlier.quantity, 0
        case Refund(), Order():
            return int(act.cause), None, earlier.quantity, amount_of(act.parts)
    parts: tuple[Part, ...] = getattr(act, "parts", ())
    return 0, None, 0, amount_of(parts)


def add(sums: Sums, rows: Iterable[SubjectValues]) -> None:
    """What is summed of these rows is added."""
    for row in rows:
        if row.topic in SUMMED:
            one = sums.setdefault((row.topic, row.id, row.type, row.outcome), [0, 0, 0])
            one[0] += 1
            one[1] += row.units
            one[2] += row.amount
