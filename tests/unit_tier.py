"""The unit tier, `pytest -m unit`: tests that start no process and open no network connection, as a table.

What stands in `UNIT` is marked; by `-m unit` alone no other file is even imported: that takes longer than the tests.
An audit hook of the interpreter holds the promise, whoever breaks it and however: a test of this tier, or a fixture of
it, fails where it starts a process, binds or connects a socket.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent
UNIT = (
    "chain_node/archive",
    "chain_node/auditor/test_auditor_replica.py",
    "chain_node/contracts",
    "chain_node/keys",
    "chain_node/network/test_network_layout.py",
    "chain_node/network/test_network_parts.py",
    "chain_node/node/test_node_home.py",
    "chain_node/operations/test_operations_reopening.py",
    "chain_node/protocol",
    "chain_node/registry",
    "chain_node/rpc/test_rpc_errors.py",
    "chain_node/sending/test_node_inclusion.py",
    "chain_node/sending/test_node_outbox.py",
    "chain_node/storage",
    "luya/test_luya_logs.py",
    "oracle",
    "test_architecture.py",
    "test_errors.py",
    "test_found_by_name.py",
    "test_names.py",
)
"""Folders and files of this folder that are in the tier."""
NOT_UNIT = {
    "chain_node/archive/test_node_archive.py": "10 s: every fault at every operation",
    "chain_node/storage/test_storage_untouched.py": "starts processes",
    "oracle/calls/test_oracle_check.py": "reads the real files",
    "chain_node/keys/test_keys_recursion.py": "starts processes",
    "oracle/calls/test_oracle_kill.py": "kills processes",
    "oracle/calls/test_oracle_real_data.py": "reads the real files",
    "oracle/intake/test_oracle_json_rows.py": "11 s of generated documents",
}
"""… without these, and why. The whole tier takes 40 s of one processor; the API's tests would
bring 20 s of imports along."""
EVENTS = {
    "subprocess.Popen": "starts a process",
    "os.fork": "starts a process",
    "os.forkpty": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.exec": "becomes another program",
    "socket.bind": "binds a socket",
    "socket.connect": "connects a socket",
    "socket.sendto": "sends a datagram",
}


class NotAUnitTest(RuntimeError):
    """A test of the unit tier does what this tier does without."""


def is_unit(path: Path) -> bool:
    """Whether the tests of this file are in the tier."""
    if not path.is_relative_to(TESTS):
        return False
    name = path.relative_to(TESTS).as_posix()
    return name not in NOT_UNIT and any(name == one or name.startswith(f"{one}/") for one in UNIT)


class _Guard:
    """What the running unit test did that it must not; armed while one runs."""

    def __init__(self) -> None:
        self.running: str | None = None
        self.found: list[str] = []
        self.installed = False

    def install(self) -> None:
        if not self.installed:  # an audit hook stays for as long as the interpreter
            sys.addaudithook(self._hook)
            self.installed = True

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.running is not None and event in EVENTS:
            said = f"{self.running} {EVENTS[event]} ({event} {arguments[:1]!r:.80}): list its file in NOT_UNIT"
            self.found.append(said)
            raise NotAUnitTest(said)


_GUARD = _Guard()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """By `-m unit` alone, whatever is not of the tier is left alone."""
    if config.getoption("markexpr") != "unit" or not collection_path.is_relative_to(TESTS):
        return None
    if collection_path.is_dir():
        name = collection_path.relative_to(TESTS).as_posix()
        wanted = name == "." or is_unit(collection_path) or any(one.startswith(f"{name}/") for one in UNIT)
    else:
        wanted = is_unit(collection_path)
    return None if wanted else True


def mark(items: list[pytest.Item]) -> None:
    """Marks what is in the tier; deep tests never are."""
    for item in items:
        if is_unit(item.path) and item.get_closest_marker("deep") is None:
            item.add_marker(pytest.mark.unit)
            _GUARD.install()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Guards a unit test with its fixtures, those of the session too."""
    if item.get_closest_marker("unit") is None:
        return (yield)
    _GUARD.running, _GUARD.found = item.nodeid, []
    try:
        return (yield)
    finally:
        _GUARD.running = None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fails a unit test whose forbidden step was refused, and which went on as if nothing were."""
    done = yield
    if _GUARD.running is not None and _GUARD.found:
        raise NotAUnitTest("; ".join(_GUARD.found))
    return done
