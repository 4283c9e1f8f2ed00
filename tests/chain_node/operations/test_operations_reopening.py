"""After how many failures a home is given up, and what running well forgets."""

from __future__ import annotations

import pytest

from chain_node.operations import reopening


def test_pauses_grow_until_it_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr("chain_node.operations.reopening.time.monotonic", lambda: now)
    one = reopening.Reopening()
    one.opened()
    assert [one.pause() for _ in range(6)] == [2.0, 4.0, 8.0, 16.0, 32.0, None]
    now += 601
    assert one.pause() == 2.0, "it ran well for ten minutes"
