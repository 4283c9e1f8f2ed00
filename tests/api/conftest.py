"""Fixtures of the API's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The standard ledger on SQLite."""
    with make_world(tmp_path) as made:
        yield made
