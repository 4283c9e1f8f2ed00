"""Words in the ledger's storage that no entry names: found where the engine can list a contract's storage.

A comparison by keys looks where the entries say something must be. A word planted elsewhere, a balance of an account
that nobody registered, is seen by listing all words. Which engine does, and how, stands in its file (`list_storage`);
with the others such a word stays out of sight (docs/threat-model.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eth_hash.auto import keccak

from chain_node.archive.reader import ArchiveReader
from chain_node.auditor.compare import expected, position
from chain_node.protocol.replay import State

_ROOTS: Final = 2
_MODULES: Final = 13
_TEXTS: Final = (14, 15)
_EDGE_AND_AUTHORITY: Final = range(16, 65)
_TEXT_WORDS: Final = 64
"""Of origin and address of the metadata: 2 KB each are looked at."""


def hidden(words: dict[bytes, int], state: State, reader: ArchiveReader) -> Iterator[tuple[bytes, int]]:
    """Those words that are not what the entries lead to: (position, value).

    Args:
        words: as `Capabilities.list_storage` gives them.
        state: the replay of the archive.
        reader: the archive, for the roots of earlier sizes.
    """
    left = dict(words)
    for word in expected(state, None):
        if left.get(word.slot) == word.value:
            del left[word.slot]
    for slot in _EDGE_AND_AUTHORITY:
        left.pop(slot.to_bytes(32, "big"), None)
    for entry_type in range(256):
        left.pop(position(_MODULES, entry_type), None)
    for text in _TEXTS:
        head = text.to_bytes(32, "big")
        left.pop(head, None)
        first = int.from_bytes(keccak(head), "big")
        for place in range(_TEXT_WORDS):
            left.pop((first + place).to_bytes(32, "big"), None)
    ends = [row.first_index + row.count for row in reader.call_rows()]
    for size in (*ends, *range(state.size)):  # a rebuilt ledger has roots where its import's calls ended, too
        if not left:
            return
        root = position(_ROOTS, size)
        if root in left and size <= state.size and left[root] == int.from_bytes(reader.root_at(size), "big"):
            del left[root]
    yield from sorted(left.items())
