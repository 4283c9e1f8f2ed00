"""Who acts for an account, in answers."""

from __future__ import annotations

from pydantic import Field

from api.web.types import Address, Amount, Bilingual, Model, example

_ADDRESS = "0x00112233445566778899aabbccddeeff00112233"
_KEY = "0x3333333333333333333333333333333333333333"


class ControllerView(Model):
    """Who signs for the account. key: null where nobody does. since: unix seconds from which it does."""

    key: Address | None
    kind: str
    kind_text: Bilingual
    since: Amount


class SessionView(Model):
    """A key that may act within bounds, given by the controller in force. daily_limit: thousandths of a point."""

    key: Address
    scopes: list[str] = Field(description="orders, pledges, consents")
    daily_limit: Amount
    issued: Amount
    expires: Amount


class AccountController(Model):
    """Who acts for the account at `at`; coming: who will, unless the controller in force refuses it before."""

    model_config = example(
        {
            "address": _ADDRESS,
            "at": 1763700000,
            "controller": {
                "key": _KEY,
                "kind": "device",
                "kind_text": {"zh": "本人设备", "en": "the resident's device"},
                "since": 1763000000,
            },
            "coming": None,
            "sessions": [
                {
                    "key": "0x4444444444444444444444444444444444444444",
                    "scopes": ["orders", "pledges"],
                    "daily_limit": 100000,
                    "issued": 1763600000,
                    "expires": 1766000000,
                }
            ],
        }
    )
    address: Address
    at: Amount = Field(description="Unix seconds")
    controller: ControllerView
    coming: ControllerView | None
    sessions: list[SessionView]
