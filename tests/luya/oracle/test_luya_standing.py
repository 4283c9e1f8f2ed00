"""The law that an archive holds: every kind of entry is looked at, or known to be none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from chain_node.protocol import entries
from chain_node.protocol.kinds.operation import LOG_KEYS
from luya.home import LuyaHome
from luya.oracle import standing


@dataclass(frozen=True, slots=True)
class Levy:
    """A kind of law that nobody has taught the reader of laws."""

    time: int


@pytest.fixture
def home(tmp_path: Path) -> LuyaHome:
    return LuyaHome.of(tmp_path / "home")


def test_the_first_law_is_that_of_the_first_start(home: LuyaHome) -> None:
    law = standing.law_of(home)
    assert set(law.feeds) == set(law.organisations) == {1, 2, 3}
    assert {method for feed in law.feeds.values() for method in feed.methods} <= set(law.methods)
    assert law.caps


def test_a_kind_of_law_that_is_new_here_is_not_passed_over(home: LuyaHome, monkeypatch: pytest.MonkeyPatch) -> None:
    new = entries.CAMPAIGN
    monkeypatch.setattr(standing, "_entries", lambda _home: iter([bytes([new]) + (1).to_bytes(8, "big")]))
    levies = replace(LOG_KEYS, types=(new,), entry=Levy, decode=lambda _: Levy(1), check=lambda _: None)  # type: ignore[arg-type, return-value]
    monkeypatch.setitem(entries.BY_TYPE, new, levies)
    with pytest.raises(AssertionError, match="Levy"):
        standing.law_of(home)
