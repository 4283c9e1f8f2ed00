"""What every benchmark says of itself: the machine, its load, the versions of what was measured."""

from __future__ import annotations

import contextlib
import os
import platform
import sqlite3
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import psutil

_PACKAGES: Final = (
    *("luya", "web3", "eth-account", "coincurve", "cryptography", "fastapi", "uvicorn", "SQLAlchemy", "aiohttp"),
    "uvloop",
)


def machine() -> dict[str, Any]:
    """What it ran on."""
    return {
        "cpu": _model() or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_mb": psutil.virtual_memory().total >> 20,
        "kernel": f"{platform.system()} {platform.release()}",
    }


def load_average() -> float:
    """Processes that wanted to run in the last minute: above the number of cores, figures are somebody else's too."""
    return round(psutil.getloadavg()[0], 2)


def versions() -> dict[str, str]:
    """Of what it ran with."""
    found = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    for package in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package.lower()] = metadata.version(package)
    return found


def _model() -> str:
    """The processor's name, which psutil does not tell; "" where the system does not either."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return ""
