"""What is wrong with a home, as far as it shows from outside: for `luya status`, with or without a running node."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Mapping
from typing import Any, Final

from chain_node.archive.reader import ArchiveReader
from chain_node.errors import ArchiveError, NodeError
from chain_node.node.home import Home, RunningNode
from chain_node.node.lost_archive import is_lost
from chain_node.operations.guard import rooms
from chain_node.protocol.entries import decode
from chain_node.protocol.errors import ProtocolError
from chain_node.sending import outbox
from chain_node.supervisor.endpoints import endpoint_problems, look_at
from chain_node.supervisor.judge import SKEW, ordered, room_problems
from chain_node.supervisor.measure import alive, command_of, lock_owner
from chain_node.supervisor.problems import CATALOGUE, Problem, problem
from chain_node.supervisor.report import NodeReport

_BEHIND: Final = 10_000
"""Entries of lag that a busy moment does not explain."""
_OLD_BLOCKS: Final = 60
"""Blocks after which a signed transaction that is still pending waits for something."""
_MEASURED_HERE: Final = frozenset({"endpoint-down", "endpoint-behind"})
_ROOM: Final = frozenset({"disk-full", "disk-low"})
"""While a supervisor lives, its word counts: how much room is kept in reserve, its environment says, not ours."""
_NO_ROOM: Final = 16 * 1024 * 1024
"""Free bytes below which it may be unable to say anything: its report lies on the same disk."""


def diagnose(home: Home, value: Mapping[str, Any]) -> list[Problem]:
    """All problems of a home, the worst first.

    Args:
        home: whose.
        value: what `luya status` has found out already.
    """
    if not home.root.exists():
        return []
    found = _archive(home)
    node = value.get("processes", {}).get("node")
    report = NodeReport.read(home.root / "run")
    supervised = node is not None and report is not None and report.pid == node["pid"]
    if node is not None:
        told = _told(report) if report is not None and supervised else []
        codes = {one.code for one in told}
        found += told + [one for one in _running(home, value) if one.code not in codes]
    else:
        found += _stopped(home, report)
    if not any(one.code in _ROOM for one in found):
        found += room_problems([room for room in rooms(home) if not supervised or room.free < _NO_ROOM])
    return ordered(found)


def _told(report: NodeReport) -> list[Problem]:
    """The supervisor's word; what is measured here anew is left out."""
    return [
        Problem(one["code"], one["facts"])
        for one in report.problems
        if one["code"] in CATALOGUE and one["code"] not in _MEASURED_HERE
    ]


def _stopped(home: Home, report: NodeReport | None) -> list[Problem]:
    # after a reboot its number may be another program's
    if report is not None and not report.ended and alive(report.pid) and "luya" in command_of(report.pid):
        # it opens the home anew, after a pause: what it said last is still so
        return [*_told(report), problem("starting", pid=report.pid, seconds=time.time() - report.at)]
    owner = lock_owner(home.lock)
    if owner is not None and alive(owner):
        command = command_of(owner)
        if "luya" in command:
            with contextlib.suppress(OSError):
                return [problem("starting", pid=owner, seconds=time.time() - home.lock.stat().st_mtime)]
        return [problem("lock-held", path=str(home.lock), pid=owner, command=command[:120])]
    root = str(home.root)
    if report is not None and report.ended:
        last_words = [one for one in _told(report) if one.code not in _ROOM]
        return [*last_words, problem("not-running", home=root)]
    if report is not None and not alive(report.pid):
        return [problem("unclean-stop", home=root), problem("not-running", home=root)]
    return [problem("not-running", home=root)] if home.manifest.exists() else []


def _running(home: Home, value: Mapping[str, Any]) -> list[Problem]:
    found = []
    chain, lag = value.get("chain", {}), value.get("lag", {})
    if "problem" in chain:
        found.append(problem("engine-down", reason=chain["problem"], home=str(home.root)))
    running = RunningNode.read(home)
    if running is not None:
        found += endpoint_problems(look_at(running.rpc_urls) if len(running.rpc_urls) > 1 else ())
    behind = {"archive": "archive-behind", "read_model": "read-model-behind"}
    for name, code in behind.items():
        entries = lag.get(name)
        if isinstance(entries, int) and entries > _BEHIND:
            found.append(problem(code, entries=entries))
    if "head_time" in chain and chain["head_time"] - time.time() > SKEW:
        found.append(problem("clock-skew", seconds=time.time() - chain["head_time"], by="blocks"))
    if "final" in chain:
        found += _waiting(home, int(chain["final"]))
    return found


def _waiting(home: Home, final: int) -> list[Problem]:
    """Transactions that blocks have passed by."""
    found = []
    for path in sorted(home.outbox.glob("*.sqlite")):
        with contextlib.suppress(sqlite3.Error):
            if count := outbox.waiting(path, since=final - _OLD_BLOCKS):
                found.append(problem("queue-waiting", queue=f"outbox/{path.stem}", count=count))
    return found


def _archive(home: Home) -> list[Problem]:
    """The right edge leads to the checkpoint, and no entry is of tomorrow; `luya fsck` looks at everything."""
    reader = ArchiveReader(home.archive)
    if is_lost(home):
        return [problem("archive-damaged", reason=f"{home.archive} is missing", home=str(home.root))]
    try:
        checkpoint = reader.checkpoint()
        if checkpoint is None or not checkpoint.size:
            return []
        if reader.root_at(checkpoint.size) != checkpoint.root:
            raise ArchiveError("its tiles do not lead to its checkpoint's root")
        newest = int(decode(reader.entry(checkpoint.size - 1)).time)
    except (NodeError, ProtocolError, OSError, ValueError) as error:
        return [problem("archive-damaged", reason=str(error), home=str(home.root))]
    ahead = newest - time.time()
    return [problem("clock-behind-log", seconds=ahead)] if ahead > SKEW else []
