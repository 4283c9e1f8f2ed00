"""`luya gateway serve` on a home, for the peers' tests."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chain_node.gateway.callers import CallerStore, Grant


@contextmanager
def gateway(home: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """(its address, an auditor's token); it must end cleanly when it is told to."""
    store = CallerStore(home / "gateway" / "callers.sqlite")
    token = store.create(Grant("auditor"))[1] or ""
    store.close()
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "luya", "gateway", "serve", "--home", str(home), "--port", "0"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "--metrics-port", "-1", "--ready", str(ready)], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not ready.exists():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
        yield json.loads(ready.read_bytes())["url"], token
    finally:
        process.terminate()
        code = process.wait(30)
    assert code == 0, (folder / "log").read_text()
