"""`luya oracle check` agrees with `ingest` on a real chain, reads a home without changing it, and starts no engine."""

from __future__ import annotations

import csv
import ctypes
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import luya_process
import pytest
from typer.testing import CliRunner

from luya.cli import app
from oracle.calls import check as oracle_check
from oracle.feeds.toml_files import SHIPPED

DATA = Path(os.environ.get("LUYA_REAL_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
FEEDS = ("bike-share", "daily-steps", "transit-card")


def lines(report: Path) -> list[dict[str, str]]:
    """A report's lines without their places in the log: what is rehearsed has none."""
    with report.open(encoding="utf-8", newline="") as file:
        return [{name: text for name, text in line.items() if name != "index"} for line in csv.DictReader(file)]


def content(home: Path) -> dict[str, tuple[str, int, int]]:
    """All that is in a home, folders too: what is in each, its mode, and when it was last changed."""
    found = {}
    for path in [home, *sorted(home.rglob("*"))]:
        at, inside = path.stat(), "" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path.relative_to(home))] = (inside, at.st_mode, at.st_mtime_ns)
    return found


HOLDER = """
import sys
from pathlib import Path
from chain_node.keys.keystore import Keystore
from chain_node.registry.registrar import Registrar
from luya.home import LuyaHome
from luya.session import feeds
from oracle.store.journal import Journal, path_of
home = LuyaHome(Path(sys.argv[1]))
keys, feed = Keystore(home.root), feeds.find(home, "daily-steps")
journal = Journal(path_of(home.oracle, feed.name), feed.id, feeds.journal_key(keys, feed))
journal.set_cursor(int(journal.meta("cursor")))
registrar = Registrar(home.registry, keys.secret("registry"))
registrar.enrol_many(feed.organisation.id, ["somebody new"])
print("held", flush=True)
sys.stdin.read()
"""
"""Has written to journal and registry, as an ingest does, and holds both."""


@contextmanager
def held(home: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def check(home: Path, *arguments: object, code: int = 0) -> dict[str, Any]:
    """Runs the command; returns its answer."""
    done = CliRunner().invoke(app, ["oracle", "check", "--home", str(home), *map(str, arguments)])
    assert done.exit_code == code, done.output
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def refuses(home: Path, *arguments: object) -> str:
    """Runs the command, which must end with exit code 1; returns what it says."""
    done = CliRunner().invoke(app, ["oracle", "check", "--home", str(home), *map(str, arguments)])
    assert done.exit_code == 1, done.output
    return " ".join(done.output.split())


@pytest.mark.parametrize("feed", FEEDS)
def test_agrees_with_what_became_of_each_row_on_a_chain(
    feed: str, ingested: Path, partner_rows: dict[str, Path], tmp_path: Path
) -> None:
    report = tmp_path / "report.csv"
    check(tmp_path / "none", "--feed", feed, "--enrol-unknown", "--report", report, partner_rows[feed])
    assert lines(report) == lines(ingested.parent / f"{feed}.csv")
    assert not (tmp_path / "none").exists()


def test_agrees_with_the_next_ingest_of_a_home(
    ingested_home: Path, partner_rows: dict[str, Path], tmp_path: Path
) -> None:
    """Rows known and attested, rows refused before, one corrected, new rows of known and of unknown persons."""
    with partner_rows["bike-share"].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        if number % 3 == 0:
            row["bikeid"] = row["bikeid"] if number % 2 else f"new-{number}"
            row["start station latitude"] = f"{float(row['start station latitude'] or 0) + 0.001:.6f}"
    file_ = tmp_path / "trips.csv"
    with file_.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    before = content(ingested_home)
    told = check(ingested_home, "--feed", "bike-share", "--report", tmp_path / "checked.csv", file_)
    assert content(ingested_home) == before
    done = luya_process.succeeds(
        *("oracle", "ingest", "--home", ingested_home, "--feed", "bike-share"),
        *("--report", tmp_path / "done.csv", file_),
    )
    assert lines(tmp_path / "checked.csv") == lines(tmp_path / "done.csv")
    assert {name: told[name] for name in done} == done
    assert {"unknown-person", "overlap"} <= told["refused"].keys()
    assert told["already_known"] > 100


def passing(home: Path) -> set[str]:
    return {path.name for path in home.rglob("*") if path.name.endswith(("-wal", "-shm"))}


def test_a_home_that_is_held_or_was_killed_stays_as_it_was_to_the_byte(
    ingested_home: Path, partner_rows: dict[str, Path], tmp_path: Path
) -> None:
    """Also what only the writer's WAL knows yet is read."""
    more = tmp_path / "more.csv"
    text = partner_rows["daily-steps"].read_text("utf-8")
    more.write_text(f"{text}somebody new,{text.splitlines()[1].partition(',')[2]}\n", "utf-8")
    assert check(ingested_home, "--feed", "daily-steps", more)["accepted"] == 0
    with held(ingested_home) as process:
        before = content(ingested_home)
        assert len(passing(ingested_home)) == 4
        assert check(ingested_home, "--feed", "daily-steps", more)["accepted"] == 1
        assert content(ingested_home) == before
        process.communicate("")
        assert passing(ingested_home) == set()
    with held(ingested_home):
        pass
    before = content(ingested_home)
    assert passing(ingested_home)
    assert check(ingested_home, "--feed", "daily-steps", more)["accepted"] == 1
    assert content(ingested_home) == before


_CAP_DAC_OVERRIDE = 1
_PR_CAPBSET_DROP = 24


def as_anybody() -> None:
    """Root may write to what nobody may write to: not the program that begins after this."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, 0, 0, 0)


def test_a_home_that_nobody_can_write_to_is_checked(
    ingested_home: Path, partner_rows: dict[str, Path], tmp_path: Path
) -> None:
    everything = [ingested_home, *ingested_home.rglob("*")]
    modes = {path: path.stat().st_mode for path in everything}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    arguments = ["oracle", "check", "--home", ingested_home, "--feed", "daily-steps", partner_rows["daily-steps"]]
    passing_folder = tmp_path / "passing"
    left = passing_folder / "luya-check-killed"
    left.mkdir(parents=True)
    (left / "staging.db").write_text("rows of a call that was killed")
    try:
        done = subprocess.run(
            [*luya_process.COMMAND, *arguments],
            capture_output=True,
            text=True,
            env=luya_process.environment({"TMPDIR": str(passing_folder)}),
            preexec_fn=as_anybody,
        )
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["known"]["accepted"] > 100
    assert list(passing_folder.iterdir()) == []


@pytest.mark.deep
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA} (set LUYA_REAL_DATA)")
def test_agrees_on_whole_real_files_with_what_a_chain_makes_of_them(tmp_path: Path) -> None:
    """One home: January, then January and March; steps; swipes."""
    home = tmp_path / "home"
    january, march = (DATA / "citibike" / f"JC-2017{month}-citibike-tripdata.csv" for month in ("01", "03"))
    calls = [
        ("bike-share", [january]),
        ("bike-share", [january, march]),
        ("daily-steps", [DATA / "fitbit" / "dailySteps_merged.csv"]),
        ("transit-card", [DATA / "szt" / "page1x100.json"]),
    ]
    for feed, files in calls:
        told = check(home, "--feed", feed, "--enrol-unknown", "--report", tmp_path / "checked.csv", *files)
        done = luya_process.ingest(home, feed, *files, report=tmp_path / "done.csv")
        assert lines(tmp_path / "checked.csv") == lines(tmp_path / "done.csv")
        assert {name: told[name] for name in done} == done


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_check_that_is_ended_leaves_no_rows_behind(
    number: signal.Signals, partner_rows: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    copies: list[Path] = []

    def ended(*_: object, **__: object) -> None:
        copies.extend(tmp_path.glob("luya-check-*"))
        os.kill(os.getpid(), number)
        time.sleep(30)

    monkeypatch.setattr(oracle_check, "ingest", ended)
    done = CliRunner().invoke(
        app,
        [
            "oracle",
            "check",
            "--home",
            str(tmp_path / "none"),
            "--feed",
            "daily-steps",
            str(partner_rows["daily-steps"]),
        ],
    )
    assert done.exit_code == 128 + number
    assert copies
    assert list(tmp_path.iterdir()) == []


def test_a_feed_is_named_in_one_way(tmp_path: Path, partner_rows: dict[str, Path]) -> None:
    file = partner_rows["daily-steps"]
    assert "name the feed" in refuses(tmp_path / "none", file)
    assert "name the feed" in refuses(tmp_path / "none", "--feed", "x", "--config", "y.toml", file)


def own_toml(folder: Path, *changes: tuple[str, str]) -> Path:
    """The steps' settings as feed 7, changed."""
    text = (SHIPPED / "daily-steps.toml").read_text("utf-8")
    for old, new in (("id = 2\n", "id = 7\n"), ('"daily-steps"', '"own-steps"'), *changes):
        assert old in text
        text = text.replace(old, new)
    path = folder / "own.toml"
    path.write_text(text, "utf-8")
    return path


def test_settings_are_tried_as_if_registered(
    ingested_home: Path, partner_rows: dict[str, Path], tmp_path: Path
) -> None:
    file, before = partner_rows["daily-steps"], content(ingested_home)
    own = own_toml(tmp_path)
    assert "feed 7 is not on this ledger" in refuses(ingested_home, "--feed", own, file)
    told = check(ingested_home, "--config", own, "--enrol-unknown", file)
    assert told["accepted"] > 100
    assert check(ingested_home, "--config", own, file, code=3)["refused"]["unknown-person"] == told["accepted"]
    assert content(ingested_home) == before


def test_changed_settings_are_tried_on_a_ledger_that_has_the_feeds_records(
    ingested_home: Path, partner_rows: dict[str, Path], tmp_path: Path
) -> None:
    """The feed's journal has read the log to its end, where the rehearsed registration comes."""
    file, before = partner_rows["daily-steps"], content(ingested_home)
    changed = tmp_path / "changed.toml"
    changed.write_text((SHIPPED / "daily-steps.toml").read_text("utf-8") + "late_days = 62\n", "utf-8")
    more = tmp_path / "more.csv"
    text = file.read_text("utf-8")
    more.write_text(f"{text}somebody new,{text.splitlines()[1].partition(',')[2]}\n", "utf-8")
    known = check(ingested_home, "--feed", "daily-steps", file)
    told = check(ingested_home, "--config", changed, "--enrol-unknown", more)
    assert told["accepted"] == 1
    assert told["log_size"] == known["log_size"]
    assert told["known"]["accepted"] == known["known"]["accepted"] > 100
    assert content(ingested_home) == before


def test_a_journal_that_knows_more_than_the_ledger_is_told_as_such(
    ingested: Path, deployed_home: Path, partner_rows: dict[str, Path]
) -> None:
    shutil.copytree(ingested / "oracle", deployed_home / "oracle", dirs_exist_ok=True)
    said = refuses(deployed_home, "--feed", "daily-steps", partner_rows["daily-steps"])
    assert "it is another ledger's journal, or the archive has lost its end" in said


def test_settings_that_cannot_be_registered_are_not_tried(tmp_path: Path, partner_rows: dict[str, Path]) -> None:
    file = partner_rows["daily-steps"]
    unknown = own_toml(tmp_path, ("day = [1]", "day = [1, 999]"))
    said = refuses(tmp_path / "none", "--config", unknown, file)
    assert "names 999, which this ledger does not have; it has 1, 2" in said
    taken = own_toml(tmp_path, ('"own-steps"', '"bike-share"'))
    assert "give another id and name" in refuses(tmp_path / "none", "--config", taken, file)


def test_the_first_accepted_row_shows_its_time_zone(tmp_path: Path) -> None:
    """A wrong zone is as valid as the right one; and what a home that is not there is judged by is said."""
    file = tmp_path / "steps.csv"
    file.write_text("Id,Date,StepTotal\nx,nonsense,1\na,6/2/25,5000\nb,6/2/25,5000\n", "utf-8")
    own = own_toml(tmp_path)
    arguments = ("--home", str(tmp_path / "none"), "--config", str(own), "--enrol-unknown", str(file))
    done = CliRunner().invoke(app, ["oracle", "check", *arguments])
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "row, 2 on line 3, begins at 2025-06-02 00:00:00 in Asia/Shanghai, which is 2025-06-01 16:00:00 UTC" in said
    assert "（Asia/Shanghai）" in said
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["first_start"] == {"local": "2025-06-02 00:00:00", "utc": "2025-06-01 16:00:00"}
    assert "there is no ledger in" in said
    assert "首次启动将部署的条目" in said


def test_a_file_of_a_header_alone_is_told_as_such(tmp_path: Path) -> None:
    file = tmp_path / "steps.csv"
    file.write_text("Id,Date,StepTotal\n", "utf-8")
    arguments = ("--home", str(tmp_path / "none"), "--config", str(own_toml(tmp_path)), str(file))
    done = CliRunner().invoke(app, ["oracle", "check", *arguments])
    assert done.exit_code == 3, done.output
    assert "The files hold no rows: a header only" in done.output
    assert "只有表头" in done.output


def test_a_folder_in_place_of_a_toml_is_told_as_such(tmp_path: Path) -> None:
    assert "is a folder: name the feed's TOML file" in refuses(tmp_path / "none", "--config", tmp_path, __file__)


def test_what_partners_get_wrong_most_is_said_in_chinese_and_then_in_english(tmp_path: Path) -> None:
    home, own = tmp_path / "none", own_toml(tmp_path)
    broken = tmp_path / "broken.toml"
    broken.write_text("id = ", "utf-8")
    files = {
        "no_column": "Id,Date\na,6/2/25\n",
        "malformed": "Id,Date,StepTotal\na,2025.6.2 8h,5000\n",
        "twice": "Id,Id,Date\na,b,6/2/25\n",
        "fine": "Id,Date,StepTotal\na,6/2/25,5000\n",
    }
    paths = {name: tmp_path / f"{name}.csv" for name in files}
    for name, text in files.items():
        paths[name].write_text(text, "utf-8")
    for arguments, chinese, english in (
        (("--config", own, paths["no_column"]), "缺少列 'StepTotal'", "has no column 'StepTotal'"),
        (("--config", own, paths["malformed"]), "前 1 行中有 1 行无法按数据源 own-steps 读取", "rows are malformed"),
        (("--config", own, paths["twice"]), "出现不止一次", "more than once"),
        (("--config", broken, paths["fine"]), "不是有效的 TOML 文件", "is not TOML"),
        (("--feed", "no-such", paths["fine"]), "没有名为 'no-such' 的数据源", "no feed is called 'no-such'"),
        (("--feed", own, paths["fine"]), "尚未在本账本登记", "is not on this ledger"),
        (("--config", own, tmp_path / "gone.csv"), "没有这个文件", "no such file"),
    ):
        said = refuses(home, *arguments)
        assert -1 < said.find(chinese) < said.find(english), said
