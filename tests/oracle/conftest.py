"""A home whose rows are judged again, checked at the end; and property tests without a deadline, which says only how
busy the machine is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from rejudged_home import Home

from oracle.families.config import FeedConfig

settings.register_profile("oracle", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("oracle")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Callable[..., Home]]:
    made: list[Home] = []

    def make(feed: FeedConfig, **options: Any) -> Home:
        made.append(Home(tmp_path, feed, **options))
        return made[-1]

    yield make
    for one in made:
        one.check()
        one.ledger.close()
