"""viem, an Ethereum client of somebody else's, reads the ledger unchanged."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest

from chain_node.engine.npm import ensure, find_npm
from chain_node.errors import RuntimeMissing
from chain_node.protocol.entries import Reduction, decode
from chain_node.protocol.times import year_of
from luya.demo.data import write_partner_files
from luya.home import LuyaHome
from luya.session import feeds
from luya.session.session import opened

PEERS = Path(__file__).parents[2] / "scripts" / "peers"


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that runs the peer's script beside its installed packages."""
    try:
        installed = ensure(
            "peers", (PEERS / "package.json").read_bytes(), (PEERS / "package-lock.json").read_bytes(), "peers from npm"
        )
    except RuntimeMissing as error:
        pytest.skip(f"the peers cannot be installed: {error}")
    folder = tmp_path_factory.mktemp("peer")
    shutil.copy(PEERS / "read.mjs", folder)
    (folder / "node_modules").symlink_to(installed / "node_modules")
    npm = find_npm()
    return [npm[0] if len(npm) > 1 else "node", str(folder / "read.mjs")]


def test_viem_reads_balances_and_finds_batches(script: list[str], tmp_path: Path) -> None:
    home = LuyaHome.of(tmp_path / "home")
    files = write_partner_files(tmp_path / "files", records=60, last_day=date(2026, 10, 31)).files
    with opened(home) as session:
        result = session.ingest([files["daily-steps"]], feeds.find(home, "daily-steps"), enrol_unknown=True)
        archive = session.node.archive
        found = [decode(entry) for entry in archive.entries(0, archive.size)]
        reductions = [entry for entry in found if isinstance(entry, Reduction)]
        account = reductions[0].record.account
        mine = [entry for entry in reductions if entry.record.account == account]
        assert {year_of(entry.record.day) for entry in mine} == {2026}
        manifest = session.node.manifest
        command = [*script, session.node.engine.rpc_url, manifest.ledger, "0x" + account.hex(), "2026"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "credits_mg": str(sum(entry.credits_mg for entry in mine)),
        "millipoints": str(sum(entry.millipoints for entry in mine)),
        "batches": 1,
        "records": result.accepted,
        "minted_mg": str(sum(entry.credits_mg for entry in mine)),
    }
