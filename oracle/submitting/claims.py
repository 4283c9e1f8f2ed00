"""A local mirror of the ledger's slot words: overlaps and full caps are told at once; the ledger's word is final.

The mirror is kept in the journal, written together with the records that claim it. A word that it has never seen is
asked of the ledger: another feed may have claimed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chain_node.protocol import slotword
from chain_node.protocol.arithmetic import worth
from chain_node.protocol.entries import Method
from chain_node.protocol.records import Record
from chain_node.protocol.rules import Rule
from chain_node.protocol.slotword import SlotWord
from oracle.ports import FeedLaw, Ledger
from oracle.store.journal import Journal


class Words:
    """The words of one chunk of rows: loaded together, claimed in order, written back together."""

    def __init__(self, journal: Journal, ledger: Ledger, law: FeedLaw) -> None:
        self._journal = journal
        self._ledger = ledger
        self._law = law
        self._words: dict[int, SlotWord] = {}
        self._changed: set[int] = set()

    def load(self, keys: Iterable[int]) -> None:
        """Make these words known."""
        wanted = list(dict.fromkeys(keys))
        found = self._journal.words(wanted)
        missing = [key for key in wanted if key not in found]
        if missing:
            found.update(zip(missing, self._ledger.words(missing), strict=True))
        self._words = {key: SlotWord.unpack(word) for key, word in found.items()}
        self._changed = set()

    def claim(self, account: bytes, method: Method, day: int, slot: int, slots: int, activity: int) -> Rule | bool:
        """The rule that refuses the claim; or True where the account had a word for that day, False where not."""
        credits_mg, millipoints = worth(method, activity)
        caps = self._law.caps[method.group]
        key = slotword.key(account, method.group, day)
        before = self._words[key]
        mask = slotword.mask(slot, slots) if method.claims_slots else 0
        after = slotword.claim(before, day, mask, credits_mg, millipoints, caps.credits_mg, caps.millipoints)
        if isinstance(after, Rule):
            return after
        self._words[key] = after
        self._changed.add(key)
        return before.day == day

    def save(self) -> None:
        """Write what was claimed into the journal."""
        self._journal.set_words((key, self._words[key].pack()) for key in self._changed)


def give_back(journal: Journal, law: FeedLaw, bodies: Sequence[bytes]) -> None:
    """Release what these records claimed: the ledger did not take them."""
    for body in bodies:
        record = Record.decode(body)
        method = law.methods.get(record.method)
        if method is None:
            continue
        key = slotword.key(record.account, method.group, record.day)
        mask = slotword.mask(record.slot, record.slots) if method.claims_slots else 0
        credits_mg, millipoints = worth(method, record.activity)
        for packed in journal.words([key]).values():
            word = SlotWord.unpack(packed)
            if word.day == record.day and (
                word.slots & mask != mask or word.credits_mg < credits_mg or word.millipoints < millipoints
            ):
                journal.forget_words([key])  # asked of the ledger since, which did not have this claim
                continue
            journal.set_words([(key, slotword.release(word, record.day, mask, credits_mg, millipoints).pack())])


def forget(journal: Journal, law: FeedLaw, records: Iterable[Record]) -> None:
    """The ledger has freed what these records had claimed: their words are asked of it anew.

    A record may be another feed's, of a method that this one does not know: its group is one of the feed's, or none of
    its words are here.
    """
    journal.forget_words(slotword.key(record.account, group, record.day) for record in records for group in law.caps)
