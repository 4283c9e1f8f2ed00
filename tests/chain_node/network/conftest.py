"""luyad for the tests that run nodes; built once per machine, never by a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from luyad_built import need_luyad
from network_support import Clients

from chain_node.network.tool import Luyad


@pytest.fixture(scope="session")
def luyad() -> Luyad:
    """The built luyad; without one these tests are skipped, visibly."""
    return Luyad(need_luyad())


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    """Clients, closed at the end."""
    made = Clients()
    yield made
    made.close()
