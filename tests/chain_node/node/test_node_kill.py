"""kill -9 of a whole node in the middle of its work: what was acknowledged is there, the rest can be sent again."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from node_support import Batches, settings

from chain_node.node.fsck import fsck
from chain_node.node.node import Node

WORKER = """
import sys
from pathlib import Path
from node_support import Batches, settings
from chain_node.node.node import Node
with Node.open(Path(sys.argv[1]), settings=settings()) as node:
    node.follow()
    batches = Batches(node)
    riders = list(node.registrar.enrol_many(1, [f'r{n}' for n in range(20)]).values())
    turn = node.ledger.next_sequence(1) // 20
    while True:
        batches.counter = iter(range(turn * 20, turn * 20 + 20))
        batches.send(batches.records(riders))
        size = node.catch_up()
        turn += 1
        print(node.archive.size, turn, flush=True)
"""


def test_killed_nodes_lose_nothing_acknowledged(tmp_path: Path) -> None:
    chosen = random.Random(5)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    acknowledged = 0
    for turn in range(4):
        command = [sys.executable, "-c", WORKER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as worker:
            assert worker.stdout is not None
            # the last one has acknowledged something, however slow the machine
            first = worker.stdout.readline() if turn == 3 else ""
            time.sleep(chosen.uniform(1.0, 4.0))
            worker.kill()
            lines = (first + worker.stdout.read()).splitlines()
        if lines:
            acknowledged = int(lines[-1].split()[0])
    assert acknowledged, "no worker lived long enough to acknowledge anything"
    with Node.open(tmp_path, settings=settings()) as node:
        assert node.archive.size >= acknowledged
        result = fsck(node.archive, log_key=node.manifest.log_key, chain=(node.rpc, node.manifest), deep=True)
        assert result.differences == []
        batches = Batches(node, iter(range(5000, 6000)))
        riders = list(node.registrar.enrol_many(1, [f"r{n}" for n in range(20)]).values())
        before = node.archive.size
        batches.send(batches.records(riders))
        assert node.catch_up() == before + 20
