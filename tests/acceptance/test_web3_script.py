"""`docs/read_the_chain.py`: an auditor's plain web3.py script, with nothing of ours, reads balances and reductions."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from luya_process import environment, read_json, up

from chain_node.archive.reader import ArchiveReader
from chain_node.protocol.entries import Reduction, decode
from chain_node.protocol.times import year_of

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "read_the_chain.py"


def test_it_imports_nothing_of_ours() -> None:
    named = set()
    for node in ast.walk(ast.parse(SCRIPT.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            named.add(node.module or "")
    assert named == {"sys", "web3"}


def test_what_it_reads_is_what_the_archive_holds(ingested_home: Path, tmp_path: Path) -> None:
    archive = ArchiveReader(ingested_home / "archive")
    found = [(index, decode(data)) for index, data in enumerate(archive.entries())]
    reductions = [(index, entry) for index, entry in found if isinstance(entry, Reduction)]
    index, first = reductions[len(reductions) // 2]
    account, year = first.record.account, year_of(first.record.day)
    of_account = [(at, one) for at, one in reductions if one.record.account == account]
    index, first = of_account[0]
    of_year = [one for _, one in of_account if year_of(one.record.day) == year]
    manifest = read_json(ingested_home / "manifest.json")
    assert manifest is not None
    with up(ingested_home) as node:
        said = run(tmp_path, node.rpc_url, manifest["ledger"], "0x" + account.hex(), str(year))
        nobody = run(tmp_path, node.rpc_url, manifest["ledger"], "0x" + "11" * 20, str(year))
    assert said["credits_mg"] == str(sum(one.credits_mg for one in of_year))
    assert said["millipoints"] == str(sum(one.millipoints for one in of_year))
    assert said["entry"] == str(index)
    call = archive.call_of(index)
    assert call is not None
    assert said["transaction"] == call.tx_hash
    record = first.record
    assert said["method"] == f"{record.method} day {record.day}"
    assert said["first"] == f"slot {record.slot} slots {record.slots}"
    assert said["activity"] == str(record.activity)
    assert nobody == {"credits_mg": "0", "millipoints": "0", "no": "reduction of this account"}


def run(folder: Path, *arguments: str) -> dict[str, str]:
    """The script's lines by their first word; run elsewhere, isolated, so that nothing of this checkout is found."""
    copy = folder / "read_the_chain.py"
    copy.write_text(SCRIPT.read_text("utf-8"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", "-X", "importtime", str(copy), *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(),
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "web3" in modules
    assert not {name for name in modules if name.partition(".")[0] in ("chain_node", "oracle", "api", "luya")}
    lines = (line.partition(" ") for line in done.stdout.splitlines())
    return {word: rest for word, _, rest in lines}
