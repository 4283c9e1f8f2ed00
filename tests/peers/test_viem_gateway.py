"""viem, unchanged, through the gateway, over HTTP and WebSocket."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from gateway_process import gateway

from chain_node.engine.npm import ensure, find_npm
from chain_node.errors import RuntimeMissing
from chain_node.protocol.entries import Reduction, decode
from luya.demo.data import write_partner_files
from luya.home import LuyaHome
from luya.session import feeds
from luya.session.session import Session, opened

PEERS = Path(__file__).parents[2] / "scripts" / "peers"


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that runs the peer's script beside its installed packages."""
    try:
        installed = ensure(
            "peers", (PEERS / "package.json").read_bytes(), (PEERS / "package-lock.json").read_bytes(), "peers from npm"
        )
    except RuntimeMissing as error:
        pytest.skip(f"the peers cannot be installed: {error}")
    folder = tmp_path_factory.mktemp("peer")
    shutil.copy(PEERS / "gateway.mjs", folder)
    (folder / "node_modules").symlink_to(installed / "node_modules")
    npm = find_npm()
    return [npm[0] if len(npm) > 1 else "node", str(folder / "gateway.mjs")]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A ledger with records."""
    folder = tmp_path_factory.mktemp("viem")
    home = LuyaHome.of(folder / "home")
    files = write_partner_files(folder / "files", records=40, last_day=date(2026, 10, 31)).files
    with opened(home) as running:
        running.ingest([files["daily-steps"]], feeds.find(home, "daily-steps"), enrol_unknown=True)
        yield running


def test_viem_works_through_the_gateway(command: list[str], session: Session, tmp_path: Path) -> None:
    archive, manifest = session.node.archive, session.node.manifest
    found = [decode(entry) for entry in archive.entries(0, archive.size)]
    reductions = [entry for entry in found if isinstance(entry, Reduction)]
    account = reductions[0].record.account
    with gateway(session.home.root, tmp_path) as (url, token):
        arguments = [url, url.replace("http", "ws"), token, manifest.ledger, "0x" + account.hex(), "2026"]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    heads = seen.pop("heads")
    assert [number for number, _ in heads] == list(range(heads[0][0], heads[0][0] + 3))
    forbidden = {"name": "UnauthorizedProviderError", "code": 4100}
    assert seen == {
        "chain": manifest.chain_id,
        "balance": str(sum(entry.credits_mg for entry in reductions if entry.record.account == account)),
        "batches": 1,
        "size": archive.size,
        "public_block": 66,
        "public_balance": forbidden,
        "public_logs": forbidden,
        "unknown": {"name": "MethodNotFoundRpcError", "code": -32601},
        "filter": 0,
        "ws_chain": manifest.chain_id,
        "heads_true": True,
    }
