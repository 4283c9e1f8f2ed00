"""What all tests share: their tiers, and small homes that were deployed once and are copied for each test."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import luya_process
import pytest
import unit_tier

from luya.demo.data import write_partner_files

# A home of a test is on anvil unless the test says otherwise, also on a machine where the durable engine is built.
os.environ.setdefault("LUYA_ENGINE", "anvil")

pytest_ignore_collect = unit_tier.pytest_ignore_collect
pytest_runtest_protocol = unit_tier.pytest_runtest_protocol
pytest_runtest_call = unit_tier.pytest_runtest_call

Copies = Callable[[], Path]
LAST_DAY = date(2025, 6, 30)
ROWS = 400


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deep tests are skipped, visibly, unless DEEP=1; those of the unit tier are marked."""
    unit_tier.mark(items)
    if os.environ.get("DEEP") == "1":
        return
    skip = pytest.mark.skip(reason="deep tier: set DEEP=1")
    for item in items:
        if item.get_closest_marker("deep") is not None:
            item.add_marker(skip)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Python's own recursion limit: py_ecc, beneath the web3 and eth-account that some test modules import, raises it
    to 100,000, and JSON that nests deeply would end this process instead of being refused."""
    sys.setrecursionlimit(1000)


@pytest.fixture(scope="session")
def partner_rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small file for each trial feed, some rows bad."""
    return write_partner_files(tmp_path_factory.mktemp("partners"), records=ROWS, last_day=LAST_DAY).files


@pytest.fixture(scope="session")
def ingested(tmp_path_factory: pytest.TempPathFactory, partner_rows: dict[str, Path]) -> Path:
    """A home with `partner_rows` on its ledger, cleanly stopped. Never to be touched: take `ingested_home`.

    Beside it, the report of each feed's ingest: FEED.csv.
    """
    home = tmp_path_factory.mktemp("ingested") / "home"
    for feed, path in partner_rows.items():
        luya_process.ingest(home, feed, path, report=home.parent / f"{feed}.csv")
    return home


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose ledger is deployed and holds no reduction yet. Never to be touched: take `deployed_home`."""
    home = tmp_path_factory.mktemp("deployed") / "home"
    with luya_process.up(home):
        pass
    return home


@pytest.fixture
def ingested_home(ingested: Path, tmp_path: Path) -> Path:
    """A copy of the home with records."""
    return Path(shutil.copytree(ingested, tmp_path / "home"))


@pytest.fixture
def deployed_home(deployed: Path, tmp_path: Path) -> Path:
    """A copy of the home without records."""
    return Path(shutil.copytree(deployed, tmp_path / "home"))
