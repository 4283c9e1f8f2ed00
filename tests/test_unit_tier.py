"""The unit tier holds what it promises: whoever starts a process or opens a connection in it fails, by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import unit_tier

ROOT = Path(__file__).parent.parent
CONFTEST = """
import pytest, unit_tier
from pathlib import Path
unit_tier.TESTS, unit_tier.UNIT = Path(__file__).parent, ("test_it.py",)
pytest_ignore_collect = unit_tier.pytest_ignore_collect
pytest_runtest_protocol = unit_tier.pytest_runtest_protocol
pytest_runtest_call = unit_tier.pytest_runtest_call
def pytest_configure(config): config.addinivalue_line("markers", "unit: x")
def pytest_collection_modifyitems(items): unit_tier.mark(items)
"""
HEAD = "import contextlib, os, pytest, socket, subprocess, sys\n"
PROCESS = "subprocess.run([sys.executable, '-c', ''])"
LISTENER = "socket.create_server(('127.0.0.1', 0)).close()"
OUT = "socket.create_connection(('127.0.0.1', 9))"


def run(folder: Path, text: str) -> tuple[int, str]:
    """(exit code, output) of the unit tier of a folder: this one file is in it, one beside it is not."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(HEAD + text)
    (folder / "test_other.py").write_text("raise SystemExit('imported')")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", "-m", "unit"]
    env = os.environ | {"PYTHONPATH": str(ROOT / "tests"), "PYTEST_ADDOPTS": ""}
    done = subprocess.run([*command, str(folder)], cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("body", "event"),
    [
        (f"def test(): {PROCESS}", "starts a process"),
        (f"def test(): {LISTENER}", "binds a socket"),
        (f"def test():\n    with contextlib.suppress(Exception): {OUT}", "connects a socket"),
        (f"@pytest.fixture(scope='session')\ndef it(): {PROCESS}\ndef test(it): pass", "starts a process"),
        ("def test():\n    if os.fork() == 0: os._exit(0)", "starts a process"),
    ],
)
def test_what_is_no_unit_test_fails_and_says_what_it_did(tmp_path: Path, body: str, event: str) -> None:
    code, said = run(tmp_path, body)
    assert code == 1, said
    assert f"test_it.py::test {event}" in said
    assert "NOT_UNIT" in said


def test_one_that_does_neither_passes_and_no_other_file_is_imported(tmp_path: Path) -> None:
    code, said = run(tmp_path, "def test(): a, b = socket.socketpair(); a.close(); b.close()")
    assert code == 0, said
    assert "1 passed" in said


def test_the_table_names_files_there_are() -> None:
    assert all((unit_tier.TESTS / name).exists() for name in (*unit_tier.UNIT, *unit_tier.NOT_UNIT))


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_both_readmes_name_the_command(name: str) -> None:
    assert "uv run pytest -m unit" in (ROOT / name).read_text("utf-8")
