"""A process that ingests, to be killed: `ingest_child.py HOME FEED REPORT FILE…`. LUYA_TEST_DIE_AT=n: at boundary n.
LUYA_TEST_WRONG: with settings under which no row can be read. LUYA_TEST_RETRY: what the journal holds, no files.

Boundaries are where two stores could disagree: each commit of the journal and each call of a port, before and after it.
Prints `go` when it starts, and the result as JSON when it delivers.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")

from insecure_ledger import InsecureLedger, InsecureRegistrar, small, world  # noqa: E402 - after the warning is silenced

from oracle.calls import ingest, rejudge, report  # noqa: E402 - likewise
from oracle.feeds import toml_files  # noqa: E402 - likewise
from oracle.judging import staging  # noqa: E402 - likewise
from oracle.store.journal import Journal  # noqa: E402 - likewise
from oracle.submitting import journaling  # noqa: E402 - likewise

die_at = int(os.environ.get("LUYA_TEST_DIE_AT", "0"))
passed = 0


def boundary() -> None:
    global passed
    passed += 1
    if passed == die_at:
        os.kill(os.getpid(), signal.SIGKILL)


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        boundary()
        result = function(*arguments, **named)
        boundary()
        return result

    return call


class GuardedTransaction:
    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __enter__(self) -> None:
        self.inner.__enter__()

    def __exit__(self, *fault: Any) -> Any:
        boundary()
        result = self.inner.__exit__(*fault)
        boundary()
        return result


def main() -> None:
    home, feed, report_path, *files = sys.argv[1:]
    settings = toml_files.shipped()[feed]
    if "LUYA_TEST_WRONG" in os.environ:
        settings = small(settings, times=replace(settings.times, format="%Y.%m.%d"))
    ledger = InsecureLedger(Path(home) / "ledger.db", settings)
    transaction = Journal.transaction
    if die_at:
        journaling.CHUNK = 300  # type: ignore[misc]  # more boundaries
        guard: Any = lambda self: GuardedTransaction(transaction(self))  # noqa: E731 - a method to be set
        Journal.transaction = guard  # type: ignore[method-assign]  # that is the point
        for owner, name in (
            (InsecureLedger, "submit"),
            (InsecureLedger, "advance"),
            (InsecureRegistrar, "enrol_many"),
            (Journal, "begin"),
            (Journal, "finish"),
            (report, "write"),
            (staging, "write"),
        ):
            setattr(owner, name, guarded(getattr(owner, name)))
    print("go", flush=True)

    def deliver(delivery: ingest.FinishedCall) -> None:
        print(json.dumps(asdict(replace(delivery.result))), flush=True)

    asked: dict[str, Any] = {"enrol_unknown": True, "report": Path(report_path), "deliver": deliver}
    if "LUYA_TEST_RETRY" in os.environ:
        rejudge.retry(settings, world(Path(home), ledger), **asked)
    else:
        ingest.ingest([Path(file) for file in files], settings, world(Path(home), ledger), anyway=True, **asked)
    print("passed", passed, flush=True)


main()
