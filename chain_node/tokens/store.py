"""A store of tokens: what an operator does with them, over whatever table keeps them."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import ClassVar, Generic, Protocol, TypeVar

from chain_node.errors import TokenError
from chain_node.tokens.token import Token, mint

LABEL_MOST = 200


class TokenEntry(Protocol):
    """An entry as its operator sees it: never what is kept of the secret."""

    @property
    def id(self) -> str:
        """The token's id."""


G = TypeVar("G", contravariant=True)
E = TypeVar("E", bound=TokenEntry)


class TokenStore(ABC, Generic[G, E]):
    """Issues, lists and revokes; a table says where it lies (`entries`, `_insert`, `_mark`).

    Attributes:
        prefix: of its tokens' texts.
        entry: what an entry is called, in errors.
        command: that lists them, in errors.
    """

    prefix: ClassVar[str]
    entry: ClassVar[str]
    command: ClassVar[str]

    @abstractmethod
    def entries(self) -> list[E]:
        """All, oldest first; revoked and expired ones too."""

    @abstractmethod
    def _insert(self, token: Token, grant: G) -> None:
        """Keep a new one, durable when it returns."""

    @abstractmethod
    def _mark(self, identifier: str, now: int) -> None:
        """Mark it revoked, unless it is already; durable when it returns. There may be none of this id."""

    def issue(self, grant: G, label: str, lifetime: int | None, *, secret: bool = True) -> tuple[E, str | None]:
        """Make a token for what is granted. Returns its entry and its text, which is shown this once and kept nowhere.

        Args:
            label: for the operator's list; a purpose, not a person's name.
            lifetime: seconds until it expires; None: until it is revoked.
            secret: False for an entry whose caller comes another way; its text is None.

        Raises:
            TokenError: the label is too long, or the lifetime is not positive.
        """
        if len(label) > LABEL_MOST:
            raise TokenError(f"the label has {len(label)} characters: give {LABEL_MOST} or fewer")
        if lifetime is not None and lifetime <= 0:
            raise TokenError(f"a lifetime of {lifetime} s would have ended already: give more than 0")
        token, text = mint(label, int(time.time()), lifetime, secret=secret)
        self._insert(token, grant)
        return self._found(token.id), f"{self.prefix}_{token.id}_{text}" if secret else None

    def revoke(self, identifier: str) -> E:
        """Revoke by id, or by the whole token; again changes nothing.

        Raises:
            TokenError: there is no such entry.
        """
        wanted = identifier.strip()
        if wanted.startswith(f"{self.prefix}_"):
            wanted = wanted.split("_")[1]
        self._mark(wanted, int(time.time()))
        return self._found(wanted)

    def _found(self, identifier: str) -> E:
        for entry in self.entries():
            if entry.id == identifier:
                return entry
        raise TokenError(f"there is no {self.entry} {identifier!r}: `{self.command}` shows them")
