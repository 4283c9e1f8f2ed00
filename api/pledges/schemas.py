"""Pledges in answers."""

from __future__ import annotations

from pydantic import Field

from api.entries.schemas import PartView
from api.projects.schemas import DeliveryState
from api.web.types import Address, Amount, Bilingual, Hash, Model, example

_ADDRESS = "0x00112233445566778899aabbccddeeff00112233"


class PledgeProgress(Model):
    """In units of this pledge; together they are its units. delivered: nobody has decided yet."""

    waiting: Amount
    delivered: Amount
    accepted: Amount
    returned: Amount


class PledgeDelivery(Model):
    """A delivery of units of this pledge, from unit `first` on; more of it is at
    /v1/projects/{project}/deliveries/{index}. decision: the index of its acceptance."""

    index: Amount
    first: int
    units: int = Field(description="Of this pledge")
    state: DeliveryState
    state_text: Bilingual
    decision: Amount | None


class PledgeView(Model):
    """Units first … first + units − 1 of a project. parts: the points that were pledged, by vintage. deliveries: that
    are accepted or wait for an acceptor; refused: how many of its units were delivered and refused. returned: the
    index of the entry that gave back what an abandoned project did not deliver."""

    index: Amount = Field(description="The pledge's id")
    leaf_hash: Hash = Field(description="For /v1/proof")
    time: Amount
    project: int
    kind: str
    kind_text: Bilingual
    first: int
    units: int
    millipoints: Amount = Field(description="All units together")
    parts: list[PartView]
    progress: PledgeProgress
    deliveries: list[PledgeDelivery]
    refused: int = Field(description="Deliveries with units of it that were refused")
    returned: Amount | None


class PledgePage(Model):
    """A page of an account's pledges, the newest first. `next`: the cursor of the page after it, null on the last."""

    model_config = example(
        {
            "address": _ADDRESS,
            "pledges": [
                {
                    "index": 3500,
                    "leaf_hash": "3b5c…64 hex digits",
                    "time": 1763500000,
                    "project": 1,
                    "kind": "seedlings",
                    "kind_text": {"zh": "种植树苗", "en": "seedlings planted"},
                    "first": 0,
                    "units": 2,
                    "millipoints": 40000,
                    "parts": [{"vintage": 2025, "amount": 40000}],
                    "progress": {"waiting": 0, "delivered": 0, "accepted": 2, "returned": 0},
                    "deliveries": [
                        {
                            "index": 4021,
                            "first": 0,
                            "units": 2,
                            "state": "accepted",
                            "state_text": {"zh": "已验收通过", "en": "accepted"},
                            "decision": 4022,
                        }
                    ],
                    "refused": 0,
                    "returned": None,
                }
            ],
            "next": None,
        }
    )
    address: Address
    pledges: list[PledgeView]
    next: str | None
