"""The audit log: a line before the answer, changes show, a crash or a full disk breaks nothing."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from gateway_support import GatewayThread, World, audit_lines, let_in, refused, wait_until
from gateway_support import settings as gateway_settings

from chain_node.errors import AuditError, LockError
from chain_node.gateway import audit
from chain_node.gateway.audit import AuditLog, verify


def write(folder: Path, *names: str) -> None:
    async def run() -> None:
        log = AuditLog(folder)
        await asyncio.gather(*(log.write(method=name) for name in names))
        await log.close()

    asyncio.run(run())


def the_file(folder: Path) -> Path:
    (path,) = folder.glob("*.jsonl")
    return path


def test_lines_are_a_chain_over_restarts(tmp_path: Path) -> None:
    write(tmp_path, *(f"m{n}" for n in range(100)))
    write(tmp_path, "again")
    assert verify(tmp_path)["lines"] == 101
    lines = the_file(tmp_path).read_text().splitlines()
    assert [json.loads(line)["method"] for line in lines] == [*(f"m{n}" for n in range(100)), "again"]
    assert json.loads(lines[0])["chain"] == "0" * 64
    assert the_file(tmp_path).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [lines[0].replace("m0", "m9"), *lines[1:]],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
        lambda lines: [lines[0], lines[0], *lines[1:]],
        lambda lines: lines[1:],
    ],
)
def test_what_was_changed_shows(tmp_path: Path, change: Any) -> None:
    write(tmp_path, "m0", "m1", "m2", "m3")
    path = the_file(tmp_path)
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")
    with pytest.raises(AuditError, match="line"):
        verify(tmp_path)


@pytest.mark.parametrize(
    ("number", "old", "new"),
    [(1, "m0", "m9"), (2, "m1", "m9"), (3, "m2", "m9"), (2, '"chain":"', '"chain":"00'), (2, '{"time"', 'x{"time"')],
)
def test_the_changed_line_itself_is_named(tmp_path: Path, number: int, old: str, new: str) -> None:
    write(tmp_path, "m0", "m1", "m2", "m3")
    path = the_file(tmp_path)
    lines = path.read_text().splitlines()
    assert old in lines[number - 1]
    lines[number - 1] = lines[number - 1].replace(old, new, 1)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(AuditError, match=f"jsonl, line {number} was changed"):
        verify(tmp_path)


def test_a_torn_line_is_left_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, "before", "torn")
    path = the_file(tmp_path)
    os.truncate(path, path.stat().st_size - 20)
    write(tmp_path, "after")
    assert verify(tmp_path)["lines"] == 2
    assert verify(tmp_path)["torn"] == 1
    assert json.loads(path.read_text().splitlines()[-1])["method"] == "after"


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    async def run() -> None:
        log = AuditLog(tmp_path)
        with pytest.raises(LockError, match="audit log"):
            AuditLog(tmp_path)
        await log.close()

    asyncio.run(run())


@pytest.mark.parametrize("persisted", [False, True])
def test_a_failed_write_is_told_and_does_not_break_the_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, persisted: bool
) -> None:
    """Both kinds of failure: nothing was written, or a part of it was."""
    real = audit.append_fsync

    def fails(path: Path, data: bytes, mode: int = 0o644) -> None:
        if persisted:
            real(path, data[: len(data) // 2], mode)
        raise OSError(28, "No space left on device")

    async def run() -> None:
        log = AuditLog(tmp_path)
        await log.write(method="one")
        monkeypatch.setattr(audit, "append_fsync", fails)
        with pytest.raises(AuditError, match="No space left"):
            await log.write(method="two")
        monkeypatch.setattr(audit, "append_fsync", real)
        await log.write(method="three")
        await log.close()

    asyncio.run(run())
    found = verify(tmp_path)
    assert (found["lines"], found["torn"]) == (2, int(persisted))


def test_no_line_no_answer(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A privileged call is refused when its line cannot be written; others go on."""
    token = let_in(tmp_path, role="operator")[1]
    gateway = GatewayThread(gateway_settings(world, tmp_path))
    try:
        assert gateway.call("eth_getLogs", {}, token=token) is not None

        def fails(*_arguments: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(audit, "append_fsync", fails)
        raw = world.other_tx()
        before = gateway.call("eth_getTransactionCount", "0x" + "00" * 20, "latest", token=token)
        for method, params in (("eth_getLogs", [{}]), ("eth_sendRawTransaction", [raw])):
            error = refused(lambda m=method, p=params: gateway.call(m, *p, token=token))
            assert (error.code, error.status) == (-32603, 503)
            assert "audit log" in error.message
        assert gateway.call("eth_getTransactionCount", "0x" + "00" * 20, "latest", token=token) == before
        assert int(gateway.call("eth_blockNumber", token=token), 16) > 0
        monkeypatch.undo()
        # it was never sent: the same bytes are new to the node
        assert wait_until(lambda: gateway.call("eth_sendRawTransaction", raw, token=token))
    finally:
        gateway.stop()
    assert verify(tmp_path / "audit")["torn"] == 0
    assert [line["outcome"] for line in audit_lines(tmp_path)] == ["ok", "asked", "ok"]


def test_long_parameters_are_cut_and_named_by_digest() -> None:
    assert audit.shown([{"a": 1}]) == [{"a": 1}]
    shown = audit.shown(["0x" + "ab" * 5_000])
    assert shown["chars"] > 10_000
    assert len(shown["begins"]) == 512
    assert len(shown["sha256"]) == 64
