"""`luya auditor` as an auditor types it: beside a running ledger, from outside."""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from luya_process import Running, luya, refuses, start, succeeds, up

from chain_node.archive.reader import ArchiveReader
from chain_node.auditor.settings import Counts
from chain_node.deployment.manifest import Manifest
from luya.auditor.actions import _Teller
from luya.console import answer


@pytest.fixture(scope="module")
def running(ingested: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running home with records."""
    home = Path(shutil.copytree(ingested, tmp_path_factory.mktemp("audited") / "home"))
    with up(home) as node:
        yield node


@pytest.fixture(scope="module")
def manifest(running: Running) -> Manifest:
    return Manifest.load(running.home / "manifest.json")


@pytest.fixture(scope="module")
def endpoint(running: Running) -> str:
    return str(succeeds("status", "--json", "--home", running.home)["processes"]["node"]["rpc_url"])


@pytest.fixture(scope="module")
def store(running: Running, endpoint: str, manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An auditor's folder after one look."""
    store = tmp_path_factory.mktemp("auditor") / "store"
    value = succeeds(*follow(endpoint, manifest, store))
    assert value["alarm"] is False
    assert value["notes"] == []
    archive = ArchiveReader(running.home / "archive")
    assert value["size"] == archive.size
    assert value["root"] == archive.root_at(archive.size).hex()
    return store


def follow(endpoint: str, manifest: Manifest, store: Path, *more: object) -> list[object]:
    """With what is published only: address, key, endpoint."""
    who = ["--ledger", manifest.ledger, "--log-key", manifest.log_key, "--finality", "latest"]
    return ["auditor", "follow", "--rpc", endpoint, *who, "--store", store, "--once", "--json", *more]


def test_nothing_but_published_facts_is_needed(store: Path) -> None:
    assert {path.name for path in store.iterdir()} >= {"auditor.json", "archive", "anchors", "key"}
    assert (store / "key").stat().st_mode & 0o777 == 0o600


def test_by_the_manifest_with_the_operators_checkpoint(
    running: Running, endpoint: str, store: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(store, tmp_path / "store"))
    manifest = running.home / "manifest.json"
    options = ["--manifest", manifest, "--store", copy, "--checkpoint", running.home / "archive", "--compare", "all"]
    value = succeeds("auditor", "follow", "--rpc", endpoint, *options, "--once", "--json")
    assert value["checkpoints"] == 1
    assert value["comparisons"] == 1
    assert list((copy / "checkpoints").iterdir())


def test_a_checkpoint_that_was_given_and_cannot_be_had_is_an_error(
    endpoint: str, manifest: Manifest, store: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(store, tmp_path / "store"))
    for given in (tmp_path / "none", "http://127.0.0.1:9/v1/checkpoint"):
        done = luya(*follow(endpoint, manifest, copy, "--checkpoint", given))
        assert done.code == 1, done.said
        assert str(given) in done.stderr


def test_a_forged_checkpoint_is_an_alarm(
    running: Running, endpoint: str, manifest: Manifest, store: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(store, tmp_path / "store"))
    note = (running.home / "archive" / "checkpoint").read_text("utf-8")
    forged = tmp_path / "checkpoint"
    forged.write_text(note.replace("\n", "\n1", 1), "utf-8")
    command = f"cat > {tmp_path}/heard; echo $LUYA_ALARM_RULE > {tmp_path}/rule"
    done = luya(*follow(endpoint, manifest, copy, "--checkpoint", forged, "--alarm-command", command))
    assert done.code == 3, done.said
    assert done.answer["rule"] == "checkpoint/signature"
    assert json.loads((tmp_path / "heard").read_text("utf-8")) == done.answer
    assert (tmp_path / "rule").read_text("utf-8").strip() == "checkpoint/signature"
    assert json.loads((copy / "alarm.json").read_text("utf-8")) == done.answer
    assert "ALARM" in done.stderr

    again = luya(*follow(endpoint, manifest, copy))
    assert (again.code, again.answer) == (3, done.answer), "an alarm stands until somebody has seen it"
    assert succeeds(*follow(endpoint, manifest, copy, "--acknowledge"))["alarm"] is False
    assert succeeds(*follow(endpoint, manifest, copy))["alarm"] is False


@contextmanager
def lying(endpoint: str, lie: Callable[[str, Any], Any]) -> Iterator[str]:
    """An endpoint whose answers to single calls are changed: (method, honest result) → what is told."""

    class Liar(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = urllib.request.Request(endpoint, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=60) as answer:
                value = json.loads(answer.read())
            asked = json.loads(body)
            if isinstance(asked, dict) and "result" in value:
                value["result"] = lie(asked["method"], value["result"])
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_lying_endpoint_is_an_alarm(running: Running, endpoint: str, manifest: Manifest, tmp_path: Path) -> None:
    """One changed activity in one record of one answer."""

    def lie(method: str, result: Any) -> Any:
        for log in result if method == "eth_getLogs" else ():
            if len(log["topics"]) == 4 and len(log["data"]) > 2000:
                at = 2 + 64 * 7 + 2 * (64 * 3 + 31)  # the fourth record's activity
                data = log["data"]
                log["data"] = data[:at] + f"{int(data[at : at + 2], 16) ^ 1:02x}" + data[at + 2 :]
                break
        return result

    with lying(endpoint, lie) as url:
        done = luya(*follow(url, manifest, tmp_path / "store"))
    assert done.code == 3, done.said
    assert done.answer["rule"] == "quorum"
    batches = [row.first_index for row in ArchiveReader(running.home / "archive").call_rows() if row.kind == 1]
    assert done.answer["index"] == batches[0] + 3
    assert 0 < done.answer["size"] <= batches[0]
    assert "the receipt" in done.answer["expected"]


def test_hostile_text_stops_no_alarm(endpoint: str, manifest: Manifest, tmp_path: Path) -> None:
    """Half characters that no file can hold, and marks that a terminal would obey."""

    def lie(method: str, result: Any) -> Any:
        return [log | {"address": "\ud800[/x]\x1b[2J"} for log in result] if method == "eth_getLogs" else result

    command = f"cat > {tmp_path}/heard; echo '[/red] [/x]' >&2; exit 1"
    with lying(endpoint, lie) as url:
        done = luya(*follow(url, manifest, tmp_path / "store", "--alarm-command", command))
    assert done.code == 3, done.said
    assert done.answer["rule"] == "log-address"
    assert done.answer["found"] == "one of ?[/x]?[2J"
    assert json.loads((tmp_path / "heard").read_text("utf-8")) == done.answer
    assert json.loads((tmp_path / "store" / "alarm.json").read_text("utf-8")) == done.answer
    assert "[/red] [/x]" in done.stderr


def test_hostile_notes_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    counts = Counts(sealed=True)
    counts.note("an endpoint said [/x] and [red]")
    _Teller(True)(counts)
    assert "said [/x] and [red]" in capsys.readouterr().err


def test_an_answer_in_any_characters(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    answer({"a": "中"})
    assert capsys.readouterr().out == '{"a": "中"}\n'
    answer({"a": "中\ud800"})
    assert json.loads(capsys.readouterr().out) == {"a": "中\ud800"}
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", ascii_only)
    answer({"a": "中"})
    ascii_only.seek(0)
    assert json.loads(ascii_only.read()) == {"a": "中"}


def test_a_ledger_that_was_never_sealed_is_no_all_clear(endpoint: str, manifest: Manifest, tmp_path: Path) -> None:
    """An endpoint that shows the chain as it was before the ledger's first entry."""

    def lie(method: str, result: Any) -> Any:
        return {"eth_blockNumber": "0x1", "eth_getLogs": []}.get(method, result)

    with lying(endpoint, lie) as url:
        done = luya(*follow(url, manifest, tmp_path / "lied"))
    assert done.code == 0, done.said
    assert (done.answer["sealed"], done.answer["size"]) == (False, 0)
    assert "no all-clear" in done.stderr
    honest = luya(*follow(endpoint, manifest, tmp_path / "store"))
    assert honest.answer["sealed"] is True, honest.said
    assert "no all-clear" not in honest.stderr


def test_questions(store: Path, tmp_path: Path, running: Running) -> None:
    value = succeeds("auditor", "query", "--store", store, "SELECT sum(net_credits_mg) FROM totals_by_method", "--json")
    fsck = succeeds("fsck", "--json", "--home", running.home)
    assert value["rows"] == [[fsck["credits_mg"]]]
    by_archive = ["--archive", running.home / "archive"]
    again = succeeds("auditor", "query", *by_archive, "SELECT sum(net_credits_mg) FROM totals_by_method", "--json")
    assert again["rows"] == value["rows"]
    for suffix in (".csv", ".xlsx", ".parquet", ".json"):
        path = tmp_path / f"out{suffix}"
        written = succeeds("auditor", "query", "--store", store, "SELECT * FROM reductions", "-o", path, "--json")
        assert written["rows"] > 100
        assert path.stat().st_size > 1000
        assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["credits_mg"]) for row in rows if row["revoked"] == "false") == fsck["credits_mg"]
    table = luya("auditor", "query", "--store", store, "SELECT 1 AS one")
    assert table.code == 0
    assert "one" in table.stdout
    assert "One SELECT".lower() in refuses("auditor", "query", "--store", store, "DROP TABLE x").lower()


def test_a_statement(store: Path) -> None:
    sql = "SELECT account, credits_mg, millipoints FROM accounts ORDER BY credits_mg DESC LIMIT 1"
    ((account, credits_mg, millipoints),) = succeeds("auditor", "query", "--store", store, sql, "--json")["rows"]
    value = succeeds("auditor", "statement", "--store", store, f"0x{account}", "--json")
    held = {"credits": 0, "millipoints": 0}
    for one in value["closing"]:
        held[one["unit"]] += one["amount"]
    assert held == {"credits": credits_mg, "millipoints": millipoints}
    assert sum(line["change"] for line in value["lines"] if line["unit"] == "credits") == credits_mg
    assert value["lines"][0]["about"].keys() == {"vintage", "method", "feed", "organisation", "district"}
    shown = luya("auditor", "statement", "--store", store, account, "--since", "2000-01-01")
    assert "期末 closing" in shown.stdout
    assert f"{value['closing'][0]['amount']:,}" in shown.stdout
    later = succeeds("auditor", "statement", "--store", store, account, "--since", "2999-01-01", "--json")
    assert (later["lines"], later["opening"]) == ([], value["closing"])
    assert "2026-01-31" in refuses("auditor", "statement", "--store", store, account, "--since", "1.1.2026")
    assert "0x and 40" in refuses("auditor", "statement", "--store", store, "0x12")


def test_views_in_both_languages() -> None:
    assert "减排量" in luya("auditor", "views").stdout
    assert "reduction" in luya("auditor", "views", "--language", "en").stdout


def test_clear_errors(endpoint: str, manifest: Manifest, tmp_path: Path) -> None:
    assert "--rpc" in refuses("auditor", "follow", "--store", tmp_path / "a", "--once")
    assert "--ledger" in refuses("auditor", "follow", "--rpc", endpoint, "--store", tmp_path / "a", "--once")
    other = [*follow(endpoint, manifest, tmp_path / "b")]
    other[other.index(manifest.ledger)] = "0x" + "11" * 20
    assert "no ledger" in refuses(*other)
    away = follow("http://127.0.0.1:9", manifest, tmp_path / "c")
    assert "does not answer" in refuses(*away)


@pytest.mark.deep
def test_killed_again_and_again(
    running: Running, endpoint: str, manifest: Manifest, store: Path, tmp_path: Path
) -> None:
    """kill -9 at any moment of a catch-up: it goes on, and ends where it would have."""
    own = tmp_path / "store"
    arguments = [one for one in follow(endpoint, manifest, own) if one != "--once"]
    chance = random.Random(11)
    for turn in range(6):
        process = start(*arguments, log=tmp_path / f"log{turn}")
        deadline = time.monotonic() + 60
        while not (own / "auditor.json").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(chance.random() * 1.2)
        process.send_signal(signal.SIGKILL)
        process.wait()
    value = succeeds(*follow(endpoint, manifest, own))
    assert value["root"] == ArchiveReader(store / "archive").root_at(value["size"]).hex()


def test_it_stops_cleanly_and_has_metrics(endpoint: str, manifest: Manifest, tmp_path: Path) -> None:
    arguments = [one for one in follow(endpoint, manifest, tmp_path / "store") if one != "--once"]
    process = start(*arguments, "--metrics-port", "19441", log=tmp_path / "log")
    try:
        deadline = time.monotonic() + 60
        text = ""
        while "luya_auditor_comparisons_total 1.0" not in text and time.monotonic() < deadline:
            time.sleep(0.2)
            try:
                with urllib.request.urlopen("http://127.0.0.1:19441/metrics", timeout=5) as answer:
                    text = answer.read().decode()
            except OSError:
                continue
        assert "luya_auditor_alarm 0.0" in text
        assert "luya_auditor_sealed 1.0" in text
        assert "luya_auditor_comparisons_total 1.0" in text, (tmp_path / "log").read_text("utf-8")
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=30)
    assert code == 0
    assert json.loads((tmp_path / "log").read_text("utf-8").splitlines()[-1])["alarm"] is False
