"""What the follower tells a sender: which of its transactions the archive holds. Handed over between two threads."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping


class Confirmations:
    """One sender's confirmations. Telling never waits for the sender, who may be talking to a slow endpoint.

    `turn` counts what was told, under the lock under which it is waited for: who reads it, looks, and then waits for
    another misses nothing that came meanwhile.

    Args:
        pending: hashes of what is on its way already.
    """

    def __init__(self, pending: Iterable[str]) -> None:
        self._told = threading.Condition()
        self._turn = 0
        self._expected = set(pending)
        self._blocks: dict[str, int] = {}
        self._closed = False

    @property
    def turn(self) -> int:
        """How often the archive has grown since this was made."""
        with self._told:
            return self._turn

    def expect(self, hashes: Iterable[str]) -> None:
        """These are about to be sent: of all others nothing is kept."""
        with self._told:
            self._expected.update(hashes)

    def tell(self, blocks: Mapping[str, int]) -> None:
        """The archive has grown by what these transactions (hash → block) did, whoever sent them; wakes who waits."""
        with self._told:
            ours = self._expected.intersection(blocks)
            self._expected -= ours
            self._blocks.update({tx_hash: blocks[tx_hash] for tx_hash in ours})
            self._turn += 1
            self._told.notify_all()

    def take(self) -> dict[str, int]:
        """Ours that were told since the last call (hash → block)."""
        with self._told:
            blocks, self._blocks = self._blocks, {}
            return blocks

    def settle(self, hashes: Iterable[str]) -> None:
        """These are known to be final from elsewhere."""
        with self._told:
            self._expected.difference_update(hashes)

    def wait(self, turn: int, timeout: float) -> None:
        """Until something was told after `turn`, `timeout` seconds at most; at once after `close`."""
        with self._told:
            self._told.wait_for(lambda: self._turn != turn or self._closed, timeout)

    def close(self) -> None:
        """Wake everybody, now and from now on."""
        with self._told:
            self._closed = True
            self._told.notify_all()
