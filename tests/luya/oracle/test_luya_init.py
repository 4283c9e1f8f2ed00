"""`luya oracle init`: a draft, what is to be confirmed in it, then check and register with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from luya.cli import app

UNCONFIRMED = '# time_zone = "Asia/Shanghai"'


def run(*arguments: object, code: int) -> tuple[str, str]:
    """(all that the command says, the last line of its standard output)."""
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == code, done.output
    return " ".join(done.output.split()), (done.stdout.splitlines() or [""])[-1]


def test_a_draft_is_confirmed_checked_and_then_a_feed(partner_rows: dict[str, Path], tmp_path: Path) -> None:
    home, toml, file = tmp_path / "home", tmp_path / "drafts" / "bikes.toml", partner_rows["bike-share"]
    said, answer = run("oracle", "init", file, "-o", toml, "--home", home, code=0)
    assert json.loads(answer) == {
        "draft": str(toml),
        "kind": "trips",
        "missing": [],
        "unused": json.loads(answer)["unused"],
    }
    assert "confirm the time zone" in said
    assert 'id = 4\nname = "bike-share-4"\n' in toml.read_text("utf-8"), "what the home's feeds leave free"
    for command in (("oracle", "check", "--config", toml, file), ("feed", "register", toml)):
        said, _ = run(*command, "--home", home, code=1)
        assert "does not say its time_zone" in said
    toml.write_text(toml.read_text("utf-8").replace(UNCONFIRMED, UNCONFIRMED[2:]), "utf-8")
    _, answer = run("oracle", "check", "--config", toml, "--enrol-unknown", file, "--home", home, code=0)
    _, shipped = run("oracle", "check", "--feed", "bike-share", "--enrol-unknown", file, "--home", home, code=0)
    ignored = {"feed", "log_size"}
    assert {k: v for k, v in json.loads(answer).items() if k not in ignored} == {
        k: v for k, v in json.loads(shipped).items() if k not in ignored
    }
    assert not home.exists()


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    sample = tmp_path / "walks.csv"
    sample.write_text("用户编号,步数\nu1,100\n", "utf-8")
    said, answer = run("oracle", "init", sample, "-o", tmp_path / "walks.toml", code=3)
    assert json.loads(answer)["missing"] == ["day", "times.format"]
    assert "Not found in the sample: day, times.format" in said


@pytest.mark.parametrize("name", ["absent.csv", "there.toml"])
def test_nothing_is_made_up_and_nothing_replaced(name: str, tmp_path: Path, partner_rows: dict[str, Path]) -> None:
    there = tmp_path / "there.toml"
    there.write_text("mine", "utf-8")
    sample = tmp_path / name if name == "absent.csv" else partner_rows["daily-steps"]
    said, _ = run("oracle", "init", sample, "-o", there, code=1)
    assert ("no such file" if name == "absent.csv" else "is there already") in said
    assert there.read_text("utf-8") == "mine"
