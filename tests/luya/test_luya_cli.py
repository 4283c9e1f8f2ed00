"""The command line as a person meets it: help, JSON, and errors that are one clear sentence."""

from __future__ import annotations

import csv
import json
import re
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from luya_process import TRACEBACK, Running, engine_pid, fsck, ingest, luya, refuses, succeeds, up

from chain_node.archive.reader import ArchiveReader
from chain_node.protocol.entries import Reduction, decode
from chain_node.protocol.rules import Rule

COMMANDS = (
    ("demo",),
    ("up",),
    ("status",),
    ("bundle",),
    ("verify",),
    ("fsck",),
    ("rebuild",),
    ("bench",),
    ("oracle", "ingest"),
    ("oracle", "retry"),
    ("token", "create"),
    ("token", "list"),
    ("token", "revoke"),
)


@pytest.fixture(scope="module")
def home(ingested: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped home with records, for all tests that only look at it."""
    return Path(shutil.copytree(ingested, tmp_path_factory.mktemp("cli") / "home"))


@pytest.fixture(scope="module")
def running(ingested: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running home with records."""
    home = Path(shutil.copytree(ingested, tmp_path_factory.mktemp("cli-up") / "home"))
    with up(home) as node:
        yield node


def report_lines(report: Path) -> list[dict[str, str]]:
    """The lines of a report by column."""
    with report.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def first_reduction(home: Path) -> int:
    """Its index."""
    entries = enumerate(ArchiveReader(home / "archive").entries())
    return next(index for index, data in entries if isinstance(decode(data), Reduction))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help(command: tuple[str, ...]) -> None:
    done = luya(*command, "--help")
    assert done.code == 0, done.said
    assert re.search(r"[\u4e00-\u9fff]", done.stdout), "help is in Chinese and in English"
    if command != ("verify",):
        assert "--home" in done.stdout


def test_help_of_all() -> None:
    text = luya("--help").stdout
    assert all(command[0] in text for command in COMMANDS)
    assert "serve-api" not in text


# --- nothing runs


def test_status_of_nothing(tmp_path: Path) -> None:
    done = luya("status", "--json", "--home", tmp_path / "none")
    assert done.code == 0, done.said
    assert done.answer["deployed"] is False
    assert not (tmp_path / "none").exists(), "looking makes nothing"


def test_status_with_nothing_running(home: Path) -> None:
    done = luya("status", "--home", home)
    answer = done.answer
    assert (answer["deployed"], answer["processes"], answer["chain"]) == (True, {}, {"running": False})
    assert answer["log_key"] in done.stderr, "the table shows the whole key: a cut one cannot be copied"
    assert set(answer["addresses"]) == {"ledger", "law", "views", "authority"}
    assert answer["log_size"] == ArchiveReader(home / "archive").size
    assert not any(answer["queues"].values())
    assert answer["lag"] == {"read_model": 0}
    assert luya("status", "--json", "--home", home).stderr == ""


def test_bundle_with_nothing_running(home: Path, tmp_path: Path) -> None:
    index = first_reduction(home)
    answer = succeeds("bundle", index, "--home", home, cwd=tmp_path)
    assert answer["file"] == f"bundle-{index}.json"
    assert (tmp_path / answer["file"]).stat().st_size == answer["bytes"]


def test_a_bundle_replaces_a_bundle_and_no_other_file(home: Path, tmp_path: Path) -> None:
    index = first_reduction(home)
    mine = tmp_path / "good.csv"
    mine.write_text("order,user\n1,a\n", encoding="utf-8")
    assert "good.csv" in refuses("bundle", index, "-o", mine, "--home", home)
    assert mine.read_text(encoding="utf-8") == "order,user\n1,a\n"
    mine.write_bytes(b"")
    for _ in range(2):
        succeeds("bundle", index, "-o", mine, "--home", home)
    assert mine.read_bytes().startswith(b"{")


def test_fsck_with_nothing_running(home: Path) -> None:
    found = fsck(home)
    assert set(found) == {"ok", "log_size", "log_root", "credits_mg", "millipoints", "differences", "storage_words"}


# --- wrong input: one sentence, exit code 1, no traceback


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["oracle", "ingest", "--feed", "no-such", __file__], ["no-such", "bike-share, daily-steps, transit-card"]),
        (["oracle", "ingest", "--feed", "[/no]", __file__], ["[/no]"]),
        (["oracle", "ingest", "--feed", "no-such.toml", __file__], ["no-such.toml"]),
        (["oracle", "ingest", "--feed", "bike-share", "no-such.csv"], ["no-such.csv"]),
        (["bundle", "999999"], ["999999"]),
        (["bundle", "0"], ["0", "reduction"]),
        (["token", "create", "--scope", "king"], ["king", "auditor"]),
        (["token", "create", "--scope", "account:0x12"], ["account:0x12"]),
        (["token", "revoke", "no-such"], ["no-such", "luya token list"]),
    ],
    ids=lambda value: " ".join(value[:4]) if isinstance(value, list) and "ingest" not in value else None,
)
def test_wrong_input(arguments: list[str], words: list[str], home: Path) -> None:
    said = refuses(*arguments, "--home", home)
    assert all(word in said for word in words), said


@pytest.mark.parametrize("command", [["fsck"], ["rebuild"], ["bundle", "0"], ["token", "list"]], ids=" ".join)
def test_a_home_that_is_not_there(command: list[str], tmp_path: Path) -> None:
    refuses(*command, "--home", tmp_path / "none")
    assert not (tmp_path / "none").exists(), "a name that was mistyped makes no home"


def test_a_home_that_cannot_be(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder", encoding="utf-8")
    for command in (["up"], ["demo", "--once"], ["oracle", "ingest", "--feed", "bike-share", str(file)]):
        done = luya(*command, "--home", file)
        assert done.code == 1, done.said
        assert TRACEBACK not in done.stderr
        assert str(file) in done.stderr


@pytest.mark.parametrize(
    ("key", "words"),
    [("nonsense", "nonsense"), ("a+b+c", "key"), ("luya.local/00000000+00000000+AAAA", "key")],
)
def test_verify_with_a_wrong_key(key: str, words: str, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    succeeds("bundle", first_reduction(home), "-o", path, "--home", home)
    said = refuses("verify", path, "--key", key)
    assert words in said


def test_verify_what_is_not_there(tmp_path: Path) -> None:
    assert "no-such.json" in refuses("verify", tmp_path / "no-such.json", "--key", "a+b+c")


def test_registry_out_of_reach(tmp_path: Path) -> None:
    environment = {"NPM_CONFIG_REGISTRY": "http://127.0.0.1:9", "LUYA_CACHE": str(tmp_path / "cache")}
    done = luya("up", "--home", tmp_path / "home", env=environment)
    assert done.code == 1, done.said
    assert TRACEBACK not in done.stderr
    assert "http://127.0.0.1:9" in done.stderr
    assert "network" in done.stderr
    assert not list((tmp_path / "cache").glob("*/node_modules")), "half an installation is never kept"


def test_port_in_use(deployed_home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = luya("up", "--home", deployed_home, "--port", port)
    assert done.code == 1, done.said
    assert TRACEBACK not in done.stderr
    assert str(port) in done.stderr
    assert "--port" in done.stderr
    assert engine_pid(deployed_home) is None
    assert fsck(deployed_home)["ok"], "and the engine was stopped cleanly"


# --- `luya up` runs


def test_status_of_what_runs(running: Running) -> None:
    answer = succeeds("status", "--json", "--home", running.home)
    assert answer["processes"]["node"]["pid"] == running.process.pid
    assert answer["processes"]["api"]["url"] == running.url
    assert answer["chain"]["log_size"] == answer["log_size"]
    assert answer["lag"] == {"archive": 0, "read_model": 0}


def test_a_second_node_is_refused(running: Running) -> None:
    for command in (["up"], ["demo", "--once"], ["rebuild"]):
        done = luya(*command, "--home", running.home)
        assert done.code == 1, done.said
        assert TRACEBACK not in done.stderr
        assert str(running.home) in done.stderr
    assert running.process.poll() is None


def test_tokens(running: Running) -> None:
    home = running.home
    index = first_reduction(home)
    made = succeeds("token", "create", "--scope", "feed:1", "--label", "the bicycles", "--days", 3, "--home", home)
    assert running.get(f"/v1/entries/{index}")[0] == 401
    assert running.get(f"/v1/entries/{index}", made["token"])[0] in (200, 403, 404)
    auditor = running.token("auditor")
    assert running.get(f"/v1/entries/{index}", auditor)[0] == 200
    listed = {one["id"]: one for one in succeeds("token", "list", "--home", home)["tokens"]}
    assert listed[made["id"]]["label"] == "the bicycles"
    assert made["token"] not in json.dumps(listed)
    succeeds("token", "revoke", made["id"], "--home", home)
    # a running server remembers a token for some seconds (LUYA_API_TOKEN_CACHE_SECONDS)
    deadline = time.monotonic() + 20
    while (status := running.get(f"/v1/entries/{index}", made["token"])[0]) != 401 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert status == 401


def test_ingest_uses_what_runs(running: Running, partner_rows: dict[str, Path], tmp_path: Path) -> None:
    """Known rows, and a row that is refused: `/v1/records` says why, in two languages."""
    home, engine = running.home, engine_pid(running.home)
    header, first = partner_rows["bike-share"].read_text("utf-8").splitlines()[:2]
    fields = first.split(",")
    too_long = ["802101", *fields[1:11], "another-bike", *fields[12:]]
    yesterday = [fields[0], "yesterday", *fields[2:]]
    file = tmp_path / "two bad rows.csv"
    file.write_text("\n".join([header, first, ",".join(too_long), ",".join(yesterday)]) + "\n", encoding="utf-8")
    answer = ingest(home, "bike-share", file)
    assert (answer["rows"], answer["accepted"], answer["already_known"]) == (3, 0, 1)
    assert answer["refused"] == {"malformed": 1, "too-long": 1}
    assert engine_pid(home) == engine, "no other engine was started"

    token = running.token("feed:1")
    rows = running.json("/v1/records?feed=1&row=two%20bad%20rows.csv:2", token)["rows"]
    assert [row["outcome"] for row in rows] == ["refused"]
    row = rows[0]
    assert (row["rule"]["name"], row["refused_by"]) == ("too-long", "oracle")
    assert "802101" in row["value"]
    for text in (row["rule"]["reason"], row["rule"]["remedy"], row["message"]):
        assert re.search(r"[\u4e00-\u9fff]", text["zh"])
        assert re.search(r"[a-z]{3}", text["en"])
    malformed = running.json("/v1/records?feed=1&row=two%20bad%20rows.csv:3", token)["rows"][0]
    assert malformed["rule"]["name"] == "malformed"
    assert "yesterday" in malformed["value"]
    assert running.get("/v1/records?feed=1&row=two%20bad%20rows.csv:2")[0] == 401
    assert running.get("/v1/records?feed=1&row=two%20bad%20rows.csv:2", running.token("feed:2"))[0] in (403, 404)


def test_a_refused_person_counts_after_enrolment(running: Running, tmp_path: Path) -> None:
    """Nothing accepted and nothing known is exit code 3; the report's own names lead to what became of a row."""
    home, report = running.home, tmp_path / "report.csv"
    file = tmp_path / "walkers.csv"
    file.write_text("Id,Date,StepTotal\n\nlate-walker,6/2/25,5000\n", encoding="utf-8")
    command = ("oracle", "ingest", "--feed", "daily-steps", "--home", home, "--report", report, file)
    done = luya(*command)
    assert (done.code, done.answer["refused"]) == (3, {"unknown-person": 1}), done.said
    done = luya(*command)
    assert (done.code, done.answer["known"]) == (0, {"unknown-person": 1}), done.said
    assert "unknown-person 1" in done.stderr
    (line,) = report_lines(report)
    assert (line["row"], line["line"]) == ("1", "3")
    assert (line["remedy_zh"], line["remedy_en"]) == (Rule.UNKNOWN_PERSON.remedy_zh, Rule.UNKNOWN_PERSON.remedy_en)
    done = luya(*command, "--enrol-unknown")
    assert (done.code, done.answer["accepted"], done.answer["judged_again"]) == (0, 1, 1), done.said
    assert "重新判定" in done.stderr
    (line,) = report_lines(report)
    assert (line["outcome"], line["was"]) == ("accepted", "unknown-person")
    reference = quote(f"{line['file']}:{line['row']}")
    (row,) = running.json(f"/v1/records?feed=2&row={reference}", running.token("feed:2"))["rows"]
    assert (row["outcome"], row["file"]) == ("recorded", "walkers.csv")


def test_mended_settings_bring_earlier_rows_with_them(running: Running, tmp_path: Path) -> None:
    """Rows that a wrong TOML refused are recorded with the next file of the mended feed, and on demand."""
    home, settings = running.home, running.home / "feeds" / "daily-steps.toml"
    right = settings.read_text("utf-8")
    may, june = tmp_path / "may.csv", tmp_path / "june.csv"
    may.write_text("Id,Date,StepTotal\nmay-walker,5/21/25,5000\nmay-walker,5/22/25,6000\n", encoding="utf-8")
    june.write_text("Id,Date,StepTotal\nmay-walker,6/23/25,5000\n", encoding="utf-8")
    command = ("oracle", "ingest", "--feed", "daily-steps", "--home", home, "--enrol-unknown")
    settings.write_text(right.replace("%m/%d/%y", "%d/%m/%y"), encoding="utf-8")
    done = luya(*command, may)
    assert done.code == 1, done.said
    assert "2 of its first 2 rows are malformed" in done.stderr
    done = luya(*command, "--anyway", may)
    assert (done.code, done.answer["refused"]) == (3, {"malformed": 2}), done.said
    settings.write_text(right, encoding="utf-8")
    done = luya(*command, june)
    assert (done.code, done.answer["accepted"], done.answer["judged_otherwise"]) == (0, 1, 0), done.said
    assert done.answer["earlier_rows"]["accepted"] == 2
    assert "其他设置" in done.stderr
    rows = running.json("/v1/records?feed=2&row=may.csv:2", running.token("feed:2"))["rows"]
    assert [row["outcome"] for row in rows] == ["recorded"]
    assert succeeds(*command, may)["known"] == {"accepted": 2}
    done = luya("oracle", "retry", "--feed", "daily-steps", "--rule", "malformed", "--home", home)
    assert (done.code, done.answer["rows"]) == (3, 0), done.said
    assert "no rule is called" in refuses("oracle", "retry", "--feed", "daily-steps", "--rule", "x", "--home", home)


def test_ingest_of_new_rows_is_served_at_once(running: Running, tmp_path: Path) -> None:
    home, token = running.home, running.token("auditor")
    file = tmp_path / "steps.csv"
    file.write_text("Id,Date,StepTotal\nnew-walker,6/2/25,5000\nnew-walker,6/3/25,0\n", encoding="utf-8")
    report = tmp_path / "report.csv"
    answer = ingest(home, "daily-steps", file, report=report)
    assert (answer["accepted"], answer["refused"], answer["credits_mg"]) == (1, {"zero-activity": 1}, 82_000)
    index = int(report_lines(report)[0]["index"])
    entry = running.json(f"/v1/entries/{index}", token)
    assert ArchiveReader(home / "archive").entry(index).hex() in json.dumps(entry)
    fsck(home)
