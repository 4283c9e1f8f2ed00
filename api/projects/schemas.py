"""Projects in answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.web.types import Address, Amount, Bilingual, Hash, Model, example

DeliveryState = Literal["pending", "accepted", "refused"]

_PROGRESS = {
    "pledged": 120,
    "waiting": 20,
    "delivered": 40,
    "accepted": 60,
    "returned": 0,
    "accepted_millipoints": 1200000,
    "settlement_fen": 150000,
    "survival": [{"months": 12, "deliveries": 1, "units": 60, "surviving": 57}],
}
_DELIVERY = {
    "index": 4021,
    "leaf_hash": "3b5c…64 hex digits",
    "project": 1,
    "first": 0,
    "units": 60,
    "time": 1763700000,
    "day": "2025-11-20",
    "latitude_e6": 28871000,
    "longitude_e6": 105442000,
    "commitment": "9f86…64 hex digits",
    "signer": "0x1111111111111111111111111111111111111111",
    "state": "accepted",
    "state_text": {"zh": "已验收通过", "en": "accepted"},
    "decision": {
        "index": 4022,
        "leaf_hash": "77aa…64 hex digits",
        "time": 1763800000,
        "accepted": True,
        "commitment": "51cd…64 hex digits",
        "signer": "0x2222222222222222222222222222222222222222",
    },
    "survival": [
        {
            "index": 9001,
            "leaf_hash": "0e0f…64 hex digits",
            "time": 1795400000,
            "months": 12,
            "surviving": 57,
            "day": "2026-11-21",
            "commitment": "c0de…64 hex digits",
            "signer": "0x2222222222222222222222222222222222222222",
        }
    ],
}
_PROJECT = {
    "project": 1,
    "index": 3000,
    "leaf_hash": "3b5c…64 hex digits",
    "organisation": 2,
    "kind": "seedlings",
    "kind_text": {"zh": "种植树苗", "en": "seedlings planted"},
    "millipoints": 20000,
    "settlement_fen": 2500,
    "target": 1000,
    "opens": 1763000000,
    "closes": 1795000000,
    "survival": True,
    "text": "9f86…64 hex digits",
    "state": "open",
    "state_text": {"zh": "接受认捐", "en": "takes pledges"},
    "progress": _PROGRESS,
}


class SurvivalSum(Model):
    """All reports after so many months: deliveries that were looked at, their units, and those that live."""

    months: int
    deliveries: Amount
    units: Amount
    surviving: Amount


class ProjectProgress(Model):
    """In units. pledged = waiting (not delivered yet) + delivered (nobody has decided yet) + accepted + returned.
    settlement_fen: what the accepted units are worth to the organisation."""

    pledged: Amount
    waiting: Amount
    delivered: Amount
    accepted: Amount
    returned: Amount
    accepted_millipoints: Amount
    settlement_fen: Amount
    survival: list[SurvivalSum]


class PublicProject(Model):
    """A project's terms, which never change, its state and how far it is."""

    model_config = example(_PROJECT)
    project: int
    index: Amount = Field(description="The entry that set its state last")
    leaf_hash: Hash = Field(description="For /v1/proof")
    organisation: int
    kind: str
    kind_text: Bilingual
    millipoints: Amount = Field(description="A unit's price, in thousandths of a point")
    settlement_fen: Amount = Field(description="A unit's, in fen")
    target: int = Field(description="Units that can be pledged at most")
    opens: Amount
    closes: Amount
    survival: bool = Field(description="Reports are due 12 and 36 months after a delivery")
    text: Hash = Field(description="SHA-256 of the published description")
    state: str
    state_text: Bilingual
    progress: ProjectProgress


class Decision(Model):
    """What an acceptor of another organisation decided. commitment: to its evidence, salted."""

    index: Amount
    leaf_hash: Hash
    time: Amount
    accepted: bool
    commitment: Hash
    signer: Address


class SurvivalReport(Model):
    """How many units live after so many months. day: when an acceptor looked."""

    index: Amount
    leaf_hash: Hash
    time: Amount
    months: int
    surviving: int
    day: str
    commitment: Hash
    signer: Address


class PublicDelivery(Model):
    """Units first … first + units − 1 carried out. Degrees north and east × 10^6. commitment: to photos and papers,
    salted: who has them can show that they are the ones."""

    model_config = example(_DELIVERY)
    index: Amount = Field(description="The delivery's id")
    leaf_hash: Hash = Field(description="For /v1/proof")
    project: int
    first: int
    units: int
    time: Amount
    day: str
    latitude_e6: int
    longitude_e6: int
    commitment: Hash
    signer: Address
    state: DeliveryState
    state_text: Bilingual
    decision: Decision | None
    survival: list[SurvivalReport]


class ProjectChange(Model):
    """An entry that opened, closed or abandoned the project."""

    index: Amount
    leaf_hash: Hash
    time: Amount
    state: str


class ProjectDetail(PublicProject):
    """A project with its history and a page of its deliveries, the newest first. `next`: the cursor of the page after
    it, null on the last."""

    model_config = example(
        {
            **_PROJECT,
            "history": [{"index": 3000, "leaf_hash": "3b5c…64 hex digits", "time": 1763000000, "state": "open"}],
            "deliveries": [_DELIVERY],
            "next": None,
        }
    )
    history: list[ProjectChange]
    deliveries: list[PublicDelivery]
    next: str | None


class ProjectList(Model):
    """A page of projects, by number. `next`: the cursor of the page after it, null on the last."""

    model_config = example({"projects": [_PROJECT], "next": None})
    projects: list[PublicProject]
    next: str | None
