"""Foundry's cast, unchanged, through the gateway: where the peers' packages or PATH hold it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from gateway_process import gateway

from chain_node.engine.npm import ensure
from chain_node.errors import RuntimeMissing
from chain_node.protocol.entries import Reduction, decode
from luya.demo.data import write_partner_files
from luya.home import LuyaHome
from luya.session import feeds
from luya.session.session import Session, opened

PEERS = Path(__file__).parents[2] / "scripts" / "peers"


@pytest.fixture(scope="module")
def binary() -> Path:
    """cast itself: its npm command is a Node wrapper."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    name = f"cast-{platform.system().lower()}-{machine}"
    try:
        installed = ensure(
            "peers", (PEERS / "package.json").read_bytes(), (PEERS / "package-lock.json").read_bytes(), "peers from npm"
        )
    except RuntimeMissing as error:
        pytest.skip(f"the peers cannot be installed: {error}")
    found = installed / "node_modules" / "@foundry-rs" / name / "bin" / "cast"
    if found.exists():
        if not os.access(found, os.X_OK):
            found.chmod(0o755)
        return found
    on_path = shutil.which("cast")
    if on_path is None:
        pytest.skip("cast is neither among the peers' packages nor on PATH")
    return Path(on_path)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A ledger with records."""
    folder = tmp_path_factory.mktemp("cast")
    home = LuyaHome.of(folder / "home")
    files = write_partner_files(folder / "files", records=40, last_day=date(2026, 10, 31)).files
    with opened(home) as running:
        running.ingest([files["daily-steps"]], feeds.find(home, "daily-steps"), enrol_unknown=True)
        yield running


@pytest.mark.skipif(sys.platform != "linux", reason="the peers are locked for Linux")
def test_cast_works_through_the_gateway(binary: Path, session: Session, tmp_path: Path) -> None:
    archive, manifest = session.node.archive, session.node.manifest
    found = [decode(entry) for entry in archive.entries(0, archive.size)]
    account = next(entry.record.account for entry in found if isinstance(entry, Reduction))
    balance = sum(e.credits_mg for e in found if isinstance(e, Reduction) and e.record.account == account)
    with gateway(session.home.root, tmp_path) as (url, token):

        def cast(*arguments: str, ws: bool = False, public: bool = False) -> subprocess.CompletedProcess[str]:
            base = url.replace("http", "ws") if ws else url
            address = base if public else f"{base}/t/{token}"
            command = [str(binary), *arguments, "--rpc-url", address]
            return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

        asked = ("balanceOf(address,uint256)(uint256)", "0x" + account.hex(), "12026")
        for ws in (False, True):
            assert cast("chain-id", ws=ws).stdout.strip() == str(manifest.chain_id)
            assert cast("call", manifest.ledger, *asked, ws=ws).stdout.split()[0] == str(balance)
            logs = cast("logs", "--from-block", "0", "--address", manifest.ledger, "--json", ws=ws)
            assert '"topics"' in logs.stdout, logs.stderr
            assert cast("block", "1", "--full", ws=ws).returncode == 0
            assert cast("storage", manifest.ledger, "0", ws=ws).stdout.startswith("0x")
        digest = next(call.tx_hash for call in (archive.call_of(n) for n in range(archive.size)) if call is not None)
        assert digest in cast("tx", digest).stdout
        assert digest in cast("receipt", digest).stdout
        assert '"from"' in cast("rpc", "debug_traceTransaction", digest, '{"tracer":"callTracer"}').stdout
        assert cast("call", manifest.ledger, "logSize()(uint64)", public=True).stdout.split()[0] == str(archive.size)
        assert cast("block", public=True).returncode == 0
        refusal = cast("call", manifest.ledger, *asked, public=True)
        assert refusal.returncode == 1
        assert "error code 4100" in refusal.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the peers are locked for Linux")
def test_cast_run_makes_a_transaction_again(binary: Path, session: Session, tmp_path: Path) -> None:
    """With the token in the address it comes to the receipt's gas; cast's fork asks without headers, and with --quick
    it leaves out what stands before a transaction in its block."""
    archive, rpc = session.node.archive, session.node.rpc
    last = next(call.tx_hash for call in map(archive.call_of, reversed(range(archive.size))) if call is not None)
    blocks = (rpc.call("eth_getBlockByNumber", hex(number), False)["transactions"] for number in range(1, 100))
    later = next(block[-1] for block in blocks if len(block) > 1)
    with gateway(session.home.root, tmp_path) as (url, token):

        def run(digest: str, address: str, *options: str, header: str = "") -> tuple[int, str]:
            """Its exit code, and the gas it says or its error; no fork's cache (under HOME) serves another run."""
            environment = (
                os.environ | {"HOME": tempfile.mkdtemp(dir=tmp_path)} | ({"ETH_RPC_HEADERS": header} if header else {})
            )
            command = [str(binary), "run", *options, "--rpc-url", address, digest]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
            _, found, gas = done.stdout.partition("Gas used: ")
            return done.returncode, gas.strip() if found else done.stderr

        in_path, as_password = f"{url}/t/{token}", url.replace("://", f"://x:{token}@")
        for digest in (last, later):
            used = str(int(rpc.call("eth_getTransactionReceipt", digest)["gasUsed"], 16))
            assert run(digest, in_path) == (0, used)
            assert run(digest, as_password) == (0, used)
            code, error = run(digest, url, header=f"Authorization: Bearer {token}")
            assert code == 1
            assert "error code 4100" in error
        assert run(later, in_path, "--quick")[1] != used
