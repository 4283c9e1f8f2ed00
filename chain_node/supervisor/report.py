"""What a running node says of itself to other processes: HOME/run/supervisor.json, the last words included."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from chain_node.errors import ArchiveError, DeploymentError, EngineLost, FollowerError
from chain_node.storage.durable import write_atomic
from chain_node.supervisor.measure import port_holder
from chain_node.supervisor.problems import Problem, problem

_RESTARTS: Final = re.compile(r"failed (\d+) restarts")
_PORT: Final = re.compile(r"\bport (\d+)[\d, ]* (?:is|are) in use|:(\d+): Address already in use")


@dataclass(frozen=True, slots=True)
class NodeReport:
    """The node's word.

    Attributes:
        pid: who says it.
        at: Unix time at which it began to be so.
        accepting: something new would be accepted.
        restarts, rollbacks: of the engine, since this process began.
        problems: as JSON, see `Problem`.
        ended: this process has ended because of the problems, or cleanly when there are none.
        metrics_url: where Prometheus may ask; "" where nowhere.
    """

    pid: int
    at: float
    accepting: bool
    restarts: int
    rollbacks: int
    problems: tuple[Mapping[str, Any], ...]
    ended: bool
    metrics_url: str

    @staticmethod
    def read(run: Path) -> NodeReport | None:
        """The newest report in a `run` folder; None when there is none that can be read."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            value = json.loads((run / "supervisor.json").read_bytes())
            return NodeReport(**(value | {"problems": tuple(value["problems"])}))
        return None


class Reporter:
    """Writes reports: when something has changed, not at every look.

    Args:
        run: the home's `run` folder.
        metrics_url: see `NodeReport`.
    """

    def __init__(self, run: Path, metrics_url: str = "") -> None:
        self.metrics_url = metrics_url
        self._run = run
        self._last: tuple[Any, ...] | None = None

    def say(
        self,
        problems: Sequence[Problem],
        *,
        accepting: bool = True,
        restarts: int = 0,
        rollbacks: int = 0,
        ended: bool = False,
    ) -> None:
        """Say how things are; a disk that takes no file is no reason to fail."""
        codes = [(one.code, one.severity) for one in problems]
        state = (codes, accepting, restarts, rollbacks, ended)
        if state == self._last:
            return
        shown = tuple(one.as_json() for one in problems)
        report = NodeReport(os.getpid(), time.time(), accepting, restarts, rollbacks, shown, ended, self.metrics_url)
        with contextlib.suppress(OSError):
            write_atomic(self._run / "supervisor.json", json.dumps(asdict(report), ensure_ascii=False).encode() + b"\n")
            self._last = state


def problem_of(error: Exception, home: str) -> Problem:
    """What ended a node, as a problem of the catalogue."""
    text = str(error)
    ports = _PORT.search(text)
    if ports is not None:
        port = int(ports[1] or ports[2])
        return problem("port-in-use", port=port, holder=port_holder(port) or "nobody any more")
    kinds = {
        EngineLost: "engine-gave-up",
        ArchiveError: "archive-damaged",
        FollowerError: "chain-differs",
        DeploymentError: "chain-differs",
    }
    code = next((code for kind, code in kinds.items() if isinstance(error, kind)), "part-failed")
    if "clock" in text and isinstance(error, DeploymentError):
        code = "part-failed"  # the text says what to do: set the clock right
    tried = _RESTARTS.search(text)
    reason = text.partition("given up: ")[2] or text
    return problem(code, part=type(error).__name__, reason=reason, home=home, restarts=int(tried[1]) if tried else 0)
