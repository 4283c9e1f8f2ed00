"""Tests that need the built luyad are skipped without it, visibly."""

from __future__ import annotations

from pathlib import Path

import pytest

from chain_node.engine.build import find_luyad


def need_luyad() -> Path:
    """The built binary, else the test is skipped with what to do."""
    binary = find_luyad()
    if binary is None:
        pytest.skip("luyad is not built here: run `luya engine build`")
    return binary
