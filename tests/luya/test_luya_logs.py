"""Logs come out in one shape, and no secret gets into them, however it was handed over."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from luya.errors import UsageError
from luya.logs import HIDDEN, LogSettings, configure, redact

SECRET = "5f3c" * 16


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """Where this test's logs go."""
    path = tmp_path / "luya.log"
    handler = configure(LogSettings("debug", "json", path), service="test")
    yield path
    logging.getLogger().removeHandler(handler)
    handler.close()
    structlog.reset_defaults()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_standard_and_structlog_have_one_shape(log: Path) -> None:
    logging.getLogger("luya.supervisor").warning("restarted", extra={"restarts": 2, "reason": "引擎停了"})
    structlog.get_logger("luya.api").info("request", route="/v1/totals", status=200)
    first, second = lines(log)
    assert (first["event"], first["restarts"], first["reason"]) == ("restarted", 2, "引擎停了")
    assert (second["event"], second["route"], second["status"]) == ("request", "/v1/totals", 200)
    for line in (first, second):
        assert line["service"] == "test"
        assert line["level"] in ("info", "warning")
        assert line["timestamp"].endswith("Z")
        assert line["logger"].startswith("luya.")


@pytest.mark.parametrize(
    "fields",
    [
        {"passphrase": SECRET},
        {"log_token": SECRET},
        {"private_key": SECRET},
        {"headers": {"Authorization": f"Bearer {SECRET}", "Accept": "*/*"}},
        {"url": f"https://node:{SECRET}@chain.example/rpc"},
        {"url": f"http://127.0.0.1/ws?token={SECRET}&x=1"},
        {"said": f"Authorization was: Bearer {SECRET}"},
        {"parts": [{"secret": SECRET}]},
        {"key": bytes.fromhex(SECRET)},
        {"journal_salt": SECRET},
    ],
    ids=str,
)
def test_no_secret_reaches_the_log(fields: dict[str, Any], log: Path) -> None:
    logging.getLogger("luya.test").info("standard", extra=fields)
    structlog.get_logger("luya.test").info("structured", **fields)
    text = log.read_text("utf-8")
    assert SECRET not in text
    assert len(lines(log)) == 2


def test_an_exception_is_told_without_its_secret(log: Path) -> None:
    try:
        raise ValueError(f"password={SECRET} was refused")
    except ValueError:
        logging.getLogger("luya.test").exception("failed")
    (line,) = lines(log)
    assert "ValueError" in line["exception"]
    assert HIDDEN in line["exception"]
    assert SECRET not in json.dumps(line)


def test_what_is_no_secret_stays() -> None:
    fields = {"root": SECRET, "tx": "0x" + SECRET, "size": 3, "path": "/v1/tokens"}
    assert redact(fields) == fields


def test_levels_and_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handler = configure(LogSettings("warning", "console"), service="test")
    try:
        logging.getLogger("luya.test").info("quiet")
        logging.getLogger("luya.test").warning("loud", extra={"token": SECRET})
    finally:
        logging.getLogger().removeHandler(handler)
        structlog.reset_defaults()
    said = capsys.readouterr().err
    assert "loud" in said
    assert "quiet" not in said
    assert SECRET not in said
    with pytest.raises(UsageError, match="LUYA_LOG_LEVEL"):
        LogSettings.from_environment({"LUYA_LOG_LEVEL": "shouting"})
    with pytest.raises(UsageError, match="LUYA_LOG_FORMAT"):
        LogSettings.from_environment({"LUYA_LOG_FORMAT": "xml"})
    assert LogSettings.from_environment({"LUYA_LOG_FILE": str(tmp_path / "x")}).file == tmp_path / "x"
