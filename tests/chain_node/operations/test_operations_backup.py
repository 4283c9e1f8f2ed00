"""A backup is whole or the earlier one stays, wherever it is interrupted; what does not belong together is refused."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from luya_process import fsck, ingest

from chain_node.archive.reader import ArchiveReader
from chain_node.errors import ArchiveError, BackupError
from chain_node.node.home import Home
from chain_node.operations import backup as module
from chain_node.operations.restore import restore
from luya.demo.data import write_partner_files
from oracle.store import peek


def totals(home: Path) -> dict[str, Any]:
    return {name: value for name, value in fsck(home).items() if name in ("credits_mg", "millipoints", "log_root")}


class Killed(BaseException):
    """As `kill -9` does, it goes by every `except Exception`."""


def killed(*_arguments: object, **_named: object) -> None:
    raise Killed


def killed_after(step: Callable[..., Any]) -> Callable[..., Any]:
    def last(*arguments: Any, **named: Any) -> None:
        step(*arguments, **named)
        raise Killed

    return last


def backed_up(home: Path, out: Path) -> int:
    """In this process, so that a test can end it between any two steps."""
    return int(module.back_up(Home(home), out, moment=peek.moment_of).described["log_size"])


def restored(out: Path, home: Path) -> int:
    return int(restore(out, Home(home)).described["log_size"])


@pytest.fixture
def grown(ingested_home: Path, tmp_path: Path) -> tuple[Path, Path, dict[str, Any], dict[str, Any]]:
    """(a home, a backup of when it was smaller, what was true then, what is true now)."""
    before = totals(ingested_home)
    backed_up(ingested_home, tmp_path / "backup")
    more = write_partner_files(tmp_path / "more", records=300, last_day=date(2025, 7, 31), seed=3).files
    ingest(ingested_home, "daily-steps", more["daily-steps"])
    return ingested_home, tmp_path / "backup", before, totals(ingested_home)


def test_a_backup_that_is_killed_leaves_the_earlier_one(
    grown: tuple[Path, Path, dict[str, Any], dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, out, before, after = grown
    steps = {
        "before the archive": (module.Mirror, "sync", killed, before),
        "after the archive": (module.Mirror, "sync", killed_after(module.Mirror.sync), before),
        "before the databases": (module, "copy_database", killed, before),
        "in the databases": (module, "copy_database", killed_after(module.copy_database), before),
        "in the files": (module, "copy_file", killed_after(module.copy_file), before),
        "before it is checked": (module, "check", killed, before),
        "before it counts": (module, "describe", killed, before),
        "when it counts": (module, "describe", killed_after(module.describe), after),
    }
    for number, (name, (place, step, fault, expected)) in enumerate(steps.items()):
        with monkeypatch.context() as patched:
            patched.setattr(place, step, fault)
            with pytest.raises(Killed):
                backed_up(home, out)
        new = tmp_path / f"new-{number}"
        assert restored(out, new) == ArchiveReader(new / "archive").size, name
        reader = ArchiveReader(new / "archive")
        assert reader.root_at(reader.size).hex() == expected["log_root"], name
        if name == "before it counts":
            shutil.copytree(home / "secrets", new / "secrets")
            assert totals(new) == before, "the grown archive was taken only as far as the files know it"
    assert backed_up(home, out) == ArchiveReader(home / "archive").size
    restored(out, tmp_path / "last")


def test_a_backup_of_a_damaged_home_leaves_the_earlier_one(
    grown: tuple[Path, Path, dict[str, Any], dict[str, Any]], tmp_path: Path
) -> None:
    home, out, before, _ = grown
    old = json.loads((out / "backup.json").read_bytes())
    database = home / "registry" / "registry.sqlite"
    whole = database.read_bytes()
    database.write_bytes(whole[:100] + b"\xa5" * (len(whole) - 100))
    with pytest.raises(sqlite3.Error):
        backed_up(home, out)
    database.write_bytes(whole)
    for bundle in (path for path in (home / "archive" / "tile" / "entries").rglob("*") if path.is_file()):
        bundle.write_bytes(bundle.read_bytes()[:-1] + b"\xa5")
    with pytest.raises(ArchiveError):
        backed_up(home, out)
    assert restored(out, tmp_path / "new") == old["log_size"]
    reader = ArchiveReader(tmp_path / "new" / "archive")
    assert reader.root_at(reader.size).hex() == before["log_root"]


def test_a_backup_of_format_1_stays_whole_too(
    grown: tuple[Path, Path, dict[str, Any], dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, out, before, _ = grown
    old = json.loads((out / "backup.json").read_bytes())
    first = {name: value for name, value in old.items() if name not in ("part", "note")} | {"format": 1}
    (out / "backup.json").write_text(json.dumps(first))
    assert restored(out, tmp_path / "one") == old["log_size"]
    monkeypatch.setattr(module, "_commit", killed)
    with pytest.raises(Killed):
        backed_up(home, out)
    assert restored(out, tmp_path / "two") == old["log_size"]
    reader = ArchiveReader(tmp_path / "two" / "archive")
    assert reader.root_at(reader.size).hex() == before["log_root"]


def test_a_journal_of_another_moment_is_refused(ingested_home: Path, tmp_path: Path) -> None:
    """Its settled entries are more than the archive has: the two were never true together."""

    def ahead(path: Path, database: sqlite3.Connection) -> peek.Moment | None:
        found = peek.moment_of(path, database)
        return found and peek.Moment(found.feed, 10**9, found.sequences)

    with pytest.raises(BackupError, match=r"has settled entries up to 1000000000.*luya fsck"):
        module.back_up(Home(ingested_home), tmp_path / "backup", moment=ahead)
    assert not (tmp_path / "backup" / "backup.json").exists()


def test_what_lies_elsewhere_is_named(ingested_home: Path, tmp_path: Path) -> None:
    made = module.back_up(Home(ingested_home), tmp_path / "backup", moment=peek.moment_of, elsewhere=["a server"])
    assert json.loads((tmp_path / "backup" / "backup.json").read_bytes())["left_out"][-1] == "a server"
    assert made.verify_seconds is not None


def test_a_packed_backup_replaces_a_backup_and_no_other_file(ingested_home: Path, tmp_path: Path) -> None:
    out = tmp_path / "backup.tar.gz"
    for _ in range(2):
        module.back_up(Home(ingested_home), out, moment=peek.moment_of, verify=False)
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as tar:
        tar.add(Path(__file__), arcname="mine.py")
    for other in (b"order,user\n1,a\n", b"\x1f\x8b\x08cut off", (tmp_path / "other.tar.gz").read_bytes()):
        out.write_bytes(other)
        with pytest.raises(BackupError, match="nothing replaces it"):
            module.back_up(Home(ingested_home), out, moment=peek.moment_of, verify=False)
        assert out.read_bytes() == other
