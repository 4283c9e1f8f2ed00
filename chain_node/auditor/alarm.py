"""What a difference sets off: a JSON line, a file in the store, a command, a metric."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from chain_node.auditor.settings import printable
from chain_node.errors import Discrepancy

EXIT_CODE: Final = 3
"""Of a process that ends by an alarm; 1 is an error of its own, 2 a wrong argument."""
_COMMAND_TIMEOUT: Final = 60.0


@dataclass(frozen=True, slots=True)
class Alarm:
    """A difference, and up to where all was well.

    Attributes:
        index: log index of the first entry that differs.
        rule: what does not hold.
        expected: by own replay.
        found: on the chain.
        block, transaction: where it was seen (-1 and "" where no block is concerned).
        origin, ledger: whose log.
        endpoint: who said so, without credentials.
        size, root: the own log, checked.
        time: when, RFC 3339.
    """

    index: int
    rule: str
    expected: str
    found: str
    block: int
    transaction: str
    origin: str
    ledger: str
    endpoint: str
    size: int
    root: str
    time: str

    @staticmethod
    def of(found: Discrepancy, *, origin: str, ledger: str, endpoint: str, size: int, root: str) -> Alarm:
        """The alarm for a difference."""
        expected, said, transaction = (printable(one) for one in (found.expected, found.found, found.transaction))
        now = datetime.now(UTC).isoformat(timespec="seconds")
        facts = (found.index, found.rule, expected, said, found.block, transaction)
        return Alarm(*facts, origin, ledger, endpoint, size, root, now)

    def value(self) -> dict[str, Any]:
        """As JSON."""
        return {"alarm": True} | asdict(self)

    def text(self) -> str:
        """For people, in both languages."""
        where = f"\n  区块 block      {self.block}  {self.transaction}" if self.block >= 0 else ""
        return (
            f"警报 ALARM: {self.origin}\n"
            f"  序号 entry      {self.index}\n"
            f"  规则 rule       {self.rule}\n"
            f"  应为 expected   {self.expected}\n"
            f"  实为 found      {self.found}{where}\n"
            f"  来源 endpoint   {self.endpoint}\n"
            f"  此前无误 good until {self.size} entries, root {self.root}"
        )


def run_command(command: str, alarm: Alarm) -> str | None:
    """Run the operator's own command for an alarm; what went wrong with it, or None.

    The alarm is on its standard input as JSON, its main fields in LUYA_ALARM_INDEX, _RULE, _EXPECTED and _FOUND. It is
    a shell's command line because its owner wrote it; nothing of the alarm is put into it.
    """
    fields = {"INDEX": str(alarm.index), "RULE": alarm.rule, "EXPECTED": alarm.expected, "FOUND": alarm.found}
    environment = os.environ | {f"LUYA_ALARM_{name}": value.replace("\0", "")[:4_000] for name, value in fields.items()}
    try:
        done = subprocess.run(  # noqa: S602  # see above
            command,
            shell=True,
            input=json.dumps(alarm.value()).encode(),
            env=environment,
            capture_output=True,
            timeout=_COMMAND_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the alarm command failed: {error}"
    if done.returncode != 0:
        return f"the alarm command ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace')[-400:]}"
    return None
