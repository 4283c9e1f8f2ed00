"""Header styles: a feed's files may name one column in several ways, each file in one of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache

from oracle.families.config import RECORD_ID
from oracle.intake.fields import Unreadable


class HeaderStyles:
    """The styles of one feed. A row is of the first style that its headers fit.

    styles: role → header, each; may_lack: roles whose column single rows may lack; nulls: texts that are no record id.
    """

    def __init__(
        self, styles: Sequence[Mapping[str, str]], may_lack: Collection[str], nulls: Collection[str] = ()
    ) -> None:
        self.styles = styles
        self.nulls = nulls
        self.wanted = [frozenset(name for role, name in style.items() if role not in may_lack) for style in styles]
        self.record_ids = [style.get(RECORD_ID) for style in styles]
        self._identified = any(self.record_ids)
        self._place = lru_cache(maxsize=1024)(self._place_of)

    def place(self, names: Iterable[str]) -> int:
        """The place of the first style that these headers fit; 0 where there is but one.

        Raises Unreadable: none of several.
        """
        return self._place(tuple(names)) if len(self.styles) > 1 else 0

    def _place_of(self, names: tuple[str, ...]) -> int:
        there = frozenset(names)
        for place, wanted in enumerate(self.wanted):
            if wanted <= there:
                return place
        raise Unreadable(f"has no {self.missing(names)[0]}")

    def record_id(self, names: Iterable[str]) -> str | None:
        """The column that holds the partner's record id in rows with these headers, None where there is none."""
        return self.record_ids[self.place(names)] if self._identified else None

    def nearest(self, names: Iterable[str]) -> int:
        """The place of the first style that these headers fit, or come nearest to."""
        there = frozenset(names)
        return max(range(len(self.styles)), key=lambda place: (self.wanted[place] <= there, self._shared(place, there)))

    def _shared(self, place: int, there: frozenset[str]) -> int:
        # Of styles that fit the first counts; of those that don't, the one that shares most.
        return -place if self.wanted[place] <= there else len(self.wanted[place] & there)

    def missing(self, names: Iterable[str]) -> list[str]:
        """What these headers lack of the style that they come nearest to, by name."""
        there = frozenset(names)
        return sorted(self.wanted[self.nearest(there)] - there)
