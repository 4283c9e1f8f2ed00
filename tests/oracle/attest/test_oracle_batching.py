"""Records go together in batches within every limit of the ledger."""

from __future__ import annotations

from oracle.attest.batching import Pending, batches, gas_limit
from oracle.ports import BatchLimits


def test_batches_keep_to_every_limit() -> None:
    waiting = [Pending(n, b"r" * 64, b"", 26_000 if n % 2 else 62_000) for n in range(1000)]
    limits = BatchLimits(max_records=200, max_tx_gas=5_000_000, max_tx_bytes=8_000)
    made = list(batches(waiting, limits))
    assert [record for batch in made for record in batch] == waiting
    assert all(len(batch) <= 109 and gas_limit(batch) <= 5_000_000 for batch in made)
    assert max(map(len, batches(waiting, limits, 7))) == 7
    worst = [Pending(n, b"r" * 64, b"n" * 32, 86_000) for n in range(400)]
    assert all(gas_limit(batch) <= 16_000_000 for batch in batches(worst, BatchLimits()))
