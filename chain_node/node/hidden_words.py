"""Words in the ledger's storage that no entry names: found where the engine can list a contract's storage.

A comparison by keys looks where the entries say something must be. A word planted elsewhere, a balance of an account
that nobody registered, is seen by listing all words. anvil lists them (`anvil_dumpState`), and so does luyad by
CometBFT's RPC; Besu and other endpoints do not, and there such a word stays out of sight (docs/threat-model.md).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any, Final

from eth_hash.auto import keccak

from chain_node.archive.reader import ArchiveReader
from chain_node.auditor.compare import expected, position
from chain_node.deployment.manifest import Manifest
from chain_node.engine import comet
from chain_node.errors import NodeError
from chain_node.protocol.replay import State
from chain_node.rpc.client import JsonRpc, to_bytes

_ROOTS: Final = 2
_MODULES: Final = 13
_TEXTS: Final = (14, 15)
_EDGE_AND_AUTHORITY: Final = range(16, 65)
_TEXT_WORDS: Final = 64
"""Of origin and address of the metadata: 2 KB each are looked at."""


def listed(rpc: JsonRpc, manifest: Manifest, comet_url: str | None, about: int) -> dict[bytes, int] | None:
    """Every word of the ledger's storage that is not zero: position (32 bytes) → value; None where it cannot be had.

    Args:
        rpc: the node's endpoint.
        manifest: the ledger's.
        comet_url: CometBFT's RPC of a luyad node of this chain.
        about: how many words are expected.
    """
    contract = manifest.ledger_address
    try:
        answer = rpc.call("anvil_dumpState")
    except NodeError:
        return comet.storage(comet_url, manifest.chain_id, contract, about) if comet_url else None
    accounts: dict[str, Any] = json.loads(gzip.decompress(to_bytes(answer)))["accounts"]
    for address, account in accounts.items():
        if to_bytes(address) == contract:
            words = {int(key, 16).to_bytes(32, "big"): int(value, 16) for key, value in account["storage"].items()}
            return {slot: value for slot, value in words.items() if value}
    return {}


def hidden(words: dict[bytes, int], state: State, reader: ArchiveReader) -> Iterator[tuple[bytes, int]]:
    """Those words that are not what the entries lead to: (position, value).

    Args:
        words: as `listed` gives them.
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
