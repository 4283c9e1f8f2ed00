"""The chain can be lost: it is made again from the archive. And fsck finds a difference of one unit, wherever it is."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak
from luya_process import Running, fsck, ingest, luya, read_json, succeeds, up

from chain_node.archive.layout import tile_path
from chain_node.archive.reader import ArchiveReader
from chain_node.protocol.entries import Reduction, decode
from chain_node.protocol.records import RECORD_BYTES
from chain_node.protocol.slotword import key as word_key
from chain_node.protocol.times import year_of
from chain_node.storage.durable import FileLock
from luya.demo.data import write_partner_files

# Where the ledger's state lies in storage, as `contracts/libraries/LedgerSlots.sol` says it.
ACCOUNTS, WORDS, FEEDS, TOTALS = 3, 6, 8, 9


@pytest.fixture
def more(tmp_path: Path) -> dict[str, Path]:
    """Files that no home has seen yet."""
    return write_partner_files(tmp_path / "more", records=120, last_day=date(2025, 7, 31), seed=3).files


def state(home: Path) -> dict[str, Any]:
    """What a home's ledger comes to, and who it is."""
    found = fsck(home)
    manifest = read_json(home / "manifest.json")
    assert manifest is not None
    kept = ("network", "origin", "chain_id", "log_key", "roles")
    return found | {name: manifest[name] for name in kept}


def nonce(home: Path) -> str:
    """What makes the ledger's domain its own."""
    manifest = read_json(home / "manifest.json")
    assert manifest is not None
    return str(manifest["genesis_nonce"])


def test_rebuild(ingested_home: Path, partner_rows: dict[str, Path], more: dict[str, Path], tmp_path: Path) -> None:
    before, old_nonce, old = state(ingested_home), nonce(ingested_home), tmp_path / "old.json"
    index = first_reduction(ingested_home)[0]
    succeeds("bundle", index, "-o", old, "--home", ingested_home)
    shutil.rmtree(ingested_home / "chain")

    answer = succeeds("rebuild", "--json", "--home", ingested_home)
    assert (answer["log_size"], answer["log_root"]) == (before["log_size"], before["log_root"])
    assert state(ingested_home) == before
    assert nonce(ingested_home) != old_nonce, "a rebuilt ledger is another signing domain"
    assert succeeds("verify", old, "--key", before["log_key"])["index"] == index

    again = ingest(ingested_home, "bike-share", partner_rows["bike-share"])
    assert (again["accepted"], again["already_known"]) == (0, again["rows"])
    after = ingest(ingested_home, "bike-share", more["bike-share"])
    assert after["accepted"] > 50
    found = succeeds("fsck", "--deep", "--json", "--home", ingested_home)
    assert (found["ok"], found["credits_mg"]) == (True, before["credits_mg"] + after["credits_mg"])
    new = tmp_path / "new.json"
    for number in (index, found["log_size"] - 1):
        succeeds("bundle", number, "-o", new, "--home", ingested_home)
        assert succeeds("verify", new, "--key", before["log_key"])["index"] == number


def test_a_rebuild_may_be_asked_for_at_any_time(ingested_home: Path) -> None:
    before, old_nonce = state(ingested_home), nonce(ingested_home)
    answer = succeeds("rebuild", "--home", ingested_home)
    assert (answer["log_size"], answer["log_root"]) == (before["log_size"], before["log_root"])
    assert nonce(ingested_home) != old_nonce
    assert state(ingested_home) == before


def test_a_lost_chain_is_rebuilt_by_whatever_comes_next(ingested_home: Path, more: dict[str, Path]) -> None:
    before = state(ingested_home)
    shutil.rmtree(ingested_home / "chain")
    with up(ingested_home) as node:
        assert node.json("/v1/totals")["log_root"] == before["log_root"]
    (ingested_home / "chain" / "state.json").write_bytes(b"{}")
    taken = ingest(ingested_home, "daily-steps", more["daily-steps"])
    assert taken["accepted"] > 20
    assert fsck(ingested_home)["credits_mg"] == before["credits_mg"] + taken["credits_mg"]


def first_reduction(home: Path) -> tuple[int, Reduction]:
    """The first reduction in the log."""
    for index, data in enumerate(ArchiveReader(home / "archive").entries()):
        entry = decode(data)
        if isinstance(entry, Reduction):
            return index, entry
    raise AssertionError("no reduction in the log")


def storage(mapping: int, key: int) -> str:
    """Position of a mapping's value."""
    return "0x" + keccak(key.to_bytes(32, "big") + mapping.to_bytes(32, "big")).hex()


@contextmanager
def one_more(node: Running, mapping: int, key: int) -> Iterator[None]:
    """The word in the ledger's storage is one larger while inside."""
    manifest = read_json(node.home / "manifest.json")
    assert manifest is not None
    place = (manifest["ledger"], storage(mapping, key))
    value = int(node.rpc("eth_getStorageAt", *place, "latest"), 16)
    assert value, "there is something at this place"
    node.rpc("anvil_setStorageAt", *place, f"0x{value + 1:064x}")
    try:
        yield
    finally:
        node.rpc("anvil_setStorageAt", *place, f"0x{value:064x}")


@contextmanager
def one_byte(path: Path, at: int) -> Iterator[None]:
    """The byte at `at` is one larger while inside."""
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[at] = (changed[at] + 1) % 256
    path.write_bytes(changed)
    try:
        yield
    finally:
        path.write_bytes(whole)


@contextmanager
def one_in_database(path: Path, table: str, column: str) -> Iterator[None]:
    """A number in the first row of a table that has one is one larger while inside."""

    def add(value: int) -> None:
        with closing(sqlite3.connect(path, timeout=30)) as db, db:
            count = db.execute(
                f"UPDATE {table} SET {column} = {column} + ? WHERE rowid = "
                f"(SELECT min(rowid) FROM {table} WHERE {column} IS NOT NULL)",
                (value,),
            ).rowcount
            assert count == 1

    add(1)
    try:
        yield
    finally:
        add(-1)


def differences(home: Path) -> list[str]:
    """What fsck finds; it must find something, and say so with exit code 1."""
    done = luya("fsck", "--json", "--home", home)
    assert done.code == 1, done.said
    assert done.answer["ok"] is False
    found: list[str] = done.answer["differences"]
    assert found
    return found


def test_fsck_finds_one_unit_on_the_chain(ingested_home: Path) -> None:
    _, entry = first_reduction(ingested_home)
    account, record = entry.record.account, entry.record
    number = int.from_bytes(account, "big")
    address = "0x" + account.hex()
    group = 1
    with up(ingested_home) as node:
        method = node.json(f"/v1/methods/{record.method}")
        group = int(method.get("group", group))
        with one_more(node, ACCOUNTS, number):
            found = differences(ingested_home)
            assert any(one.startswith("chain: account") and address in one for one in found), found
            assert all(one.startswith("chain: ") for one in found), found
        with one_more(node, TOTALS, year_of(record.day)):
            found = differences(ingested_home)
            assert any("totals" in one and str(year_of(record.day)) in one for one in found), found
        with one_more(node, FEEDS, entry.feed):
            assert any("feed" in one for one in differences(ingested_home))
        with one_more(node, WORDS, word_key(account, group, record.day)):
            assert any("slot word" in one for one in differences(ingested_home))
        fsck(ingested_home)


def test_fsck_finds_one_byte_in_the_archive(ingested_home: Path) -> None:
    archive = ingested_home / "archive"
    index, entry = first_reduction(ingested_home)
    size = ArchiveReader(archive).size
    number, within = divmod(index, 256)
    width = min(256, size - number * 256)
    reader = ArchiveReader(archive)
    before = sum(2 + len(data) for data in reader.entries(number * 256, index))
    credits_at = before + 2 + 9 + 2 + 8 + RECORD_BYTES + 7
    with one_byte(archive / tile_path("entries", number, width), credits_at):
        changed = decode(ArchiveReader(archive).entry(index))
        assert isinstance(changed, Reduction)
        assert changed.credits_mg == (entry.credits_mg & ~0xFF) | (entry.credits_mg + 1) % 256
        assert any(one.startswith("archive: entry") and str(index) in one for one in differences(ingested_home))
    with one_byte(archive / tile_path(0, number, width), 32 * within):
        assert any(one.startswith("archive: ") for one in differences(ingested_home))
    with one_byte(archive / "checkpoint", 5):
        assert any(one.startswith("archive: ") for one in differences(ingested_home))
    fsck(ingested_home)


def test_fsck_finds_a_changed_call(ingested_home: Path) -> None:
    """What the signers signed: a digit of a signature. The deep check says that it is the archive that is wrong."""
    calls = ingested_home / "archive" / "calls"
    at = calls.read_bytes().index(b'"signatures":["') + len(b'"signatures":["') + 20
    with one_byte(calls, at):
        assert differences(ingested_home)
        done = luya("fsck", "--deep", "--json", "--home", ingested_home)
        assert done.code == 1, done.said
        assert any(one.startswith("archive: ") for one in done.answer["differences"]), done.answer
    fsck(ingested_home)


def test_fsck_finds_a_changed_deployment(ingested_home: Path) -> None:
    domains = ingested_home / "archive" / "domains"
    with one_byte(domains, domains.read_bytes().index(b"nonce") + 12):
        found = luya("fsck", "--deep", "--json", "--home", ingested_home).answer["differences"]
        assert any("domains" in one and "archive mend" in one for one in found), found
    fsck(ingested_home)


def test_fsck_beside_a_node_that_does_not_answer(ingested_home: Path) -> None:
    """It starts, ends or hangs: what the archive shows is said all the same, and that the chain is silent."""
    whole = fsck(ingested_home)
    lock = FileLock(ingested_home / "run" / "node.lock", "this home")
    try:
        done = luya("fsck", "--json", "--home", ingested_home)
    finally:
        lock.release()
    assert done.code == 1, done.said
    (silent,) = done.answer["differences"]
    assert silent.startswith("chain: opening: ")
    assert f"process {os.getpid()}" in silent
    assert done.answer["log_root"] == whole["log_root"]


def test_fsck_finds_one_unit_in_the_read_model(ingested_home: Path) -> None:
    database = ingested_home / "read-model.sqlite"
    for table, column in (
        ("balance", "credits_mg"),
        ("vintage_total", "millipoints_minted"),
        ("entry", "credits_mg"),
        ("ledger", "time"),
        ("row_outcome", "sequence"),
    ):
        with one_in_database(database, table, column):
            found = differences(ingested_home)
            assert all(one.startswith("read model: ") for one in found), found
    fsck(ingested_home)
