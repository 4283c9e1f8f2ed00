"""luyad for the tests that run nodes; built once per machine, never by a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from network_support import Clients

from chain_node.engine.build import find_luyad
from chain_node.network.tool import Luyad


@pytest.fixture(scope="session")
def luyad() -> Luyad:
    """The built luyad; without one these tests are skipped, visibly."""
    binary = find_luyad()
    if binary is None:
        pytest.skip("luyad is not built: `luya engine build`")
    return Luyad(binary)


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    """Clients, closed at the end."""
    made = Clients()
    yield made
    made.close()
