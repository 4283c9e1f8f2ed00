"""Proof bundles by the real commands: every byte counts, old ones stay good, and a verifier loads the pure core."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from luya_process import TRACEBACK, environment, ingest, luya, succeeds, up

from chain_node.archive.reader import ArchiveReader
from chain_node.protocol import bundle as bundles
from chain_node.protocol import bundle_json
from chain_node.protocol.entries import Reduction, decode
from chain_node.protocol.errors import BundleError
from luya.demo.data import write_partner_files

SEED = 20251120
OWN = {"luya", "luya.proofs", "luya.__main__", "luya.proofs.verify", "chain_node"}
ALLOWED = {"cryptography", "eth_hash", "coincurve", "rfc8785"}
# What those bring along: the Keccak backend, and the C bindings of OpenSSL and libsecp256k1.
BROUGHT_ALONG = {"Crypto", "_cffi_backend", "_openssl", "cffi", "pycparser", "_libsecp256k1", "typing_extensions"}


@dataclass(frozen=True)
class Proof:
    """A bundle on disk and the key that it is checked with."""

    path: Path
    key: str

    @property
    def data(self) -> bytes:
        """Its bytes."""
        return self.path.read_bytes()


def reductions(home: Path) -> list[int]:
    """Indexes of all reductions in the log."""
    entries = enumerate(ArchiveReader(home / "archive").entries())
    return [index for index, data in entries if isinstance(decode(data), Reduction)]


def log_key(home: Path) -> str:
    """The log's verifier key, as `status` says it."""
    return str(succeeds("status", "--json", "--home", home)["log_key"])


@pytest.fixture(scope="module")
def home(ingested: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped home with records; bundles need nothing running."""
    return Path(shutil.copytree(ingested, tmp_path_factory.mktemp("bundles") / "home"))


@pytest.fixture(scope="module")
def proof(home: Path) -> Proof:
    """A reduction's bundle, without its opening."""
    index = random.Random(SEED).choice(reductions(home))
    path = home.parent / "proof.json"
    assert succeeds("bundle", index, "-o", path, "--home", home)["index"] == index
    return Proof(path, log_key(home))


@pytest.fixture(scope="module")
def opened(home: Path) -> Proof:
    """The owner's bundle of another reduction: salt and raw record are in it."""
    index = reductions(home)[-1]
    path = home.parent / "owner.json"
    succeeds("bundle", index, "--opening", "-o", path, "--home", home)
    return Proof(path, log_key(home))


def hints_span(data: bytes) -> range:
    """Where the value of `hints` stands, its braces not counted: the only bytes that are not checked."""
    start = data.index(b'"hints":{') + len(b'"hints":{')
    return range(start, data.index(b"}", start))


def test_small_and_true(proof: Proof, opened: Proof) -> None:
    for one in (proof, opened):
        done = luya("verify", one.path, "--key", one.key)
        assert done.code == 0, done.said
        assert done.answer["verified"] is True
    assert len(proof.data) <= 6 * 1024
    assert "evidence" not in json.loads(proof.data)
    assert set(json.loads(opened.data)["evidence"]) == {"raw", "salt"}


@pytest.mark.parametrize("which", ["proof", "opened"])
def test_every_changed_byte_is_noticed(which: str, request: pytest.FixtureRequest) -> None:
    one: Proof = request.getfixturevalue(which)
    data, luck = one.data, random.Random(SEED)
    bundles.verify(data, one.key)
    free = hints_span(data)
    for at in range(len(data)):
        if at in free:
            continue
        changed = bytearray(data)
        changed[at] ^= luck.choice((1, 2, 4, 8, 16, 32, 64, 128, luck.randrange(1, 256)))
        with pytest.raises(BundleError) as refused:
            bundles.verify(bytes(changed), one.key)
        assert str(refused.value)


def test_added_and_missing_bytes_are_noticed(proof: Proof) -> None:
    data, luck = proof.data, random.Random(SEED)
    free = hints_span(data)
    for at in [0, len(data), *(luck.randrange(len(data)) for _ in range(150))]:
        if at in free or at == free.stop:
            continue
        for changed in (data[:at] + b" " + data[at:], data[:at] + data[at + 1 :] if at < len(data) else data + b"\n"):
            with pytest.raises(BundleError):
                bundles.verify(changed, proof.key)


def test_hints_are_not_checked(proof: Proof) -> None:
    data = proof.data
    free = hints_span(data)
    assert bundles.verify(data[: free.start] + b'"anything":"else"' + data[free.stop :], proof.key)


def test_the_command_says_why_it_is_false(proof: Proof, tmp_path: Path) -> None:
    document = json.loads(proof.data)
    credits_at = 2 * (9 + 2 + 8 + 64)
    more = document["entry"][: credits_at + 15] + ("1" if document["entry"][credits_at + 15] == "0" else "0")
    changes = {
        "entry": more + document["entry"][credits_at + 16 :],
        "proof": document["proof"].replace("A", "B", 1),
        "format": "luya-bundle@v2",
        "index": document["index"] + 1,
    }
    for name, value in changes.items():
        path = tmp_path / f"{name}.json"
        path.write_bytes(bundle_json.canonical(document | {name: value}))
        done = luya("verify", path, "--key", proof.key)
        assert done.code == 1, done.said
        assert done.answer["verified"] is False
        assert done.answer["reason"] in done.stderr
        assert done.answer["reason"]
        assert TRACEBACK not in done.stderr
    cut = tmp_path / "cut.json"
    cut.write_bytes(proof.data[:-40])
    assert luya("verify", cut, "--key", proof.key).code == 1


def test_another_logs_key_and_no_key(proof: Proof, tmp_path: Path) -> None:
    name, _, rest = proof.key.partition("+")
    for key in (f"{name}x+{rest}", f"{name}+00000000+{rest.partition('+')[2]}", "nonsense", "a+b+c"):
        done = luya("verify", proof.path, "--key", key)
        assert done.code in (1, 2), done.said
        assert TRACEBACK not in done.stderr
        assert done.stderr.strip()
    kept = tmp_path / "log.key"
    kept.write_text(proof.key + "\n", encoding="utf-8")
    assert luya("verify", proof.path, "--key", kept).code == 0


def test_an_old_bundle_against_todays_checkpoint(ingested_home: Path, tmp_path: Path) -> None:
    """Made at a smaller size; checkpoint and consistency proof are what the API serves today."""
    old = tmp_path / "old.json"
    size = succeeds("bundle", reductions(ingested_home)[3], "-o", old, "--home", ingested_home)["log_size"]
    later = write_partner_files(tmp_path / "later", records=120, last_day=date(2025, 7, 31), seed=2).files
    with up(ingested_home) as node:
        ingest(ingested_home, "bike-share", later["bike-share"])
        status, note = node.get("/v1/checkpoint", accept="text/plain")
        assert status == 200, note
        newest = int(note.splitlines()[1])
        assert newest > size
        status, path = node.get(f"/v1/consistency?from={size}&to={newest}", accept="text/plain")
        assert status == 200, path
        _, other = node.get(f"/v1/consistency?from={size - 1}&to={newest}", accept="text/plain")
        key = node.json("/v1/checkpoint")["log_key"]
    for name, text in (("checkpoint", note), ("consistency", path), ("other", other)):
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    (tmp_path / "forged").write_text(note.replace(f"\n{newest}\n", f"\n{newest + 1}\n"), encoding="utf-8", newline="")
    command = ["verify", old, "--key", key, "--checkpoint"]
    answer = succeeds(*command, tmp_path / "checkpoint", "--consistency", tmp_path / "consistency")
    assert answer["verified"] is True
    assert (answer["checkpoint"]["size"], answer["newest"]["size"]) == (size, newest)
    assert luya(*command, tmp_path / "checkpoint", "--consistency", tmp_path / "other").code == 1
    assert luya(*command, tmp_path / "forged", "--consistency", tmp_path / "consistency").code == 1
    assert luya(*command, tmp_path / "checkpoint").code == 2, "the two go together"


def test_a_verifier_loads_the_pure_core_alone(proof: Proof) -> None:
    """`-X importtime` lists every module that the real command imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "luya", "verify", str(proof.path), "--key", proof.key],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment(),
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    modules = {
        line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")
    } - {"imported package"}
    assert "luya.proofs.verify" in modules
    rooms = {name for name in modules if name.partition(".")[0] in ("chain_node", "oracle", "api", "luya")}
    assert {name for name in rooms if not name.startswith("chain_node.protocol")} <= OWN
    tops = {name.partition(".")[0] for name in modules} - {"chain_node", "luya"}
    # `org` is asked for, in vain, by the standard library's own look for Jython.
    beforehand = {"org", "sitecustomize", "usercustomize"} | {name for name in tops if name.startswith("_virtualenv")}
    strangers = tops - ALLOWED - BROUGHT_ALONG - set(sys.stdlib_module_names) - beforehand
    assert {name for name in strangers if not name.startswith(("__editable__", "encodings"))} == set()
