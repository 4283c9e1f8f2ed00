"""The alarm survives whatever an endpoint puts into its answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from auditor_lies import alarm, named, on_logs

from chain_node.auditor.alarm import Alarm, run_command
from chain_node.auditor.settings import Counts
from chain_node.auditor.store import AuditorStore
from chain_node.errors import Discrepancy
from chain_node.node.node import Node

HOSTILE = "\ud800\x1b[2J\0[/x]"


def test_hostile_text(tmp_path: Path) -> None:
    found = Discrepancy(3, "log-address", HOSTILE, HOSTILE, block=1, transaction=HOSTILE)
    value = Alarm.of(found, origin="甲.test/1", ledger="0x", endpoint="http://a", size=3, root="")
    assert value.found == "??[2J?[/x]"
    value.text().encode()
    with AuditorStore(tmp_path / "store") as store:
        store.raise_alarm(value.value())
        assert store.alarm() == value.value()
    assert run_command(f'cat > {tmp_path}/heard; echo "$LUYA_ALARM_FOUND" > {tmp_path}/found', value) is None
    assert json.loads((tmp_path / "heard").read_bytes()) == value.value()
    assert (tmp_path / "found").read_text("utf-8").strip() == value.found


def test_hostile_notes() -> None:
    counts = Counts()
    counts.note(HOSTILE)
    assert counts.notes == ["??[2J?[/x]"]


@pytest.mark.parametrize("field", ["blockHash", "transactionHash", "blockNumber", "logIndex", "index", "data"])
def test_fields_without_their_form(node: Node, tmp_path: Path, field: str) -> None:
    """Also numbers that are too long to be shown."""
    long = "0x" + "f" * 5_000
    hostile: dict[str, Any] = {"blockNumber": long, "logIndex": long, "data": 7}

    def changed(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for log in logs:
            if named(log) == "BatchRecorded":
                if field == "index":
                    log["topics"][3] = long
                else:
                    log[field] = hostile.get(field, HOSTILE)
        return logs

    found = alarm(node, tmp_path, on_logs(changed))
    assert found.rule == "log-form"
    str(found).encode()
