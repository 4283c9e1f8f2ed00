"""What a token may read: `account:<address>`, `feed:<id>`, `auditor`, `operator`.

Who may read what (the protocol's rule):

| | account | feed | auditor, operator |
|---|---|---|---|
| an account and its entries | its own | – | all |
| an entry, a bundle | those about its account, and the law | its records', and the law | all |
| a partner's row | rows about its account | its own | all |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chain_node.errors import TokenError

MAX_FEED = 0xFFFF
MAX_SCOPES = 64


@dataclass(frozen=True, slots=True)
class Scopes:
    """The scopes of one token, ready to be asked."""

    accounts: frozenset[bytes]
    feeds: frozenset[int]
    auditor: bool
    operator: bool

    @property
    def everything(self) -> bool:
        """An auditor or operator reads all that this API has."""
        return self.auditor or self.operator

    def account(self, address: bytes | None) -> bool:
        """May the holder read what is about this account?"""
        return self.everything or (address is not None and address in self.accounts)

    def feed(self, feed: int | None) -> bool:
        """May the holder read what this feed recorded?"""
        return self.everything or (feed is not None and feed in self.feeds)


def parse(texts: Iterable[str]) -> Scopes:
    """Scopes from their texts.

    Raises TokenError: none, too many, or one that is not a scope.
    """
    accounts: set[bytes] = set()
    feeds: set[int] = set()
    plain: set[str] = set()
    found = sorted(set(texts))
    if not 1 <= len(found) <= MAX_SCOPES:
        raise TokenError(f"a token has 1 to {MAX_SCOPES} scopes, not {len(found)}")
    for text in found:
        kind, _, value = text.partition(":")
        if text in ("auditor", "operator"):
            plain.add(text)
        elif kind == "account":
            accounts.add(_address(value, text))
        elif kind == "feed" and value.isascii() and value.isdigit() and int(value) <= MAX_FEED:
            feeds.add(int(value))
        else:
            raise TokenError(f"{text!r} is not a scope: give account:<0x address>, feed:<number>, auditor or operator")
    return Scopes(frozenset(accounts), frozenset(feeds), "auditor" in plain, "operator" in plain)


def texts(scopes: Scopes) -> list[str]:
    """The canonical texts of scopes, sorted."""
    return sorted(
        [f"account:0x{address.hex()}" for address in scopes.accounts]
        + [f"feed:{feed}" for feed in scopes.feeds]
        + ["auditor"] * scopes.auditor
        + ["operator"] * scopes.operator
    )


def _address(value: str, scope: str) -> bytes:
    digits = value.removeprefix("0x")
    try:
        address = bytes.fromhex(digits)
    except ValueError:
        address = b""
    if len(digits) != 40 or len(address) != 20:
        raise TokenError(f"{scope!r} does not name an address: give account:0x and 40 hex digits")
    return address
