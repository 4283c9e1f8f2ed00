"""`luya bench network`: what networks of luyad validators do on this machine, by number of validators.

Every network is founded anew on loopback, with the ledger's real contracts and batches signed by two of three, sent by
the real sender. Reported are the five headings of JR/T 0193-2020 (throughput of transactions, throughput of queries,
time until a new node is in step, effort of deployment, growth of the ledger). docs/performance.md says how to read it.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from chain_node.engine.anvil import AnvilEngine
from chain_node.engine.luyad import LIMITS
from chain_node.errors import NodeError
from chain_node.network.tool import Luyad
from chain_node.node.node import Node
from luya.bench.machine import load_average, machine, versions
from luya.bench.network_load import FEED, NetworkLoad, Rides, run_transfers
from luya.bench.network_queries import QueryOrder, measure
from luya.bench.network_scene import BenchNetwork, Signers, disk_by_part, grown, height, kept, reductions
from luya.console import Advance, progress, tell
from luya.demo.network import MOST
from luya.errors import HomeError, UsageError

_DAY: Final = 86_400
_IN_FLIGHT: Final = 12
_IN_FLIGHT_OF_MANY: Final = 6
"""Batches that are not final, when one validator or several are saturated: more makes blocks longer, not more."""
_STEADY_BATCHES: Final = 4
"""Batches a second at a steady rate."""
_MOST_ACCOUNTS: Final = 10_000
_QUERY_SECONDS: Final = 10.0
_IDLE_SECONDS: Final = 30.0
_PEER_SECONDS: Final = 20.0
_TRANSFERS: Final = 2_000
_QUERIES: Final = 500


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Attributes:
        validators: of each network, in turn.
        seconds: of each load.
        rate: records/s of the steady load.
        batch: records of a batch when saturated, 1 … 1,000; the steady load's are smaller.
        block_time: seconds that CometBFT waits after a commit.
        in_flight: records that are not final at a time when saturated; 0 for what did best.
    """

    validators: tuple[int, ...] = (1, 4)
    seconds: int = 300
    rate: int = 1_000
    batch: int = LIMITS.max_records
    block_time: float = 0.5
    in_flight: int = 0

    @property
    def steady_batch(self) -> int:
        """Records in a batch of the steady load."""
        return max(1, min(self.batch, self.rate // _STEADY_BATCHES))

    @property
    def accounts(self) -> int:
        """Residents whose records they are."""
        return max(self.batch, min(_MOST_ACCOUNTS, 100 * self.seconds))

    def window(self, validators: int) -> int:
        """Records in flight when so many validators are saturated."""
        return self.in_flight or self.batch * (_IN_FLIGHT if validators == 1 else _IN_FLIGHT_OF_MANY)

    def brief(self, seconds: float) -> float:
        """So long at most for what is measured beside the loads, less in a short run."""
        return min(seconds, max(1.0, self.seconds / 2))


def parse_validators(text: str) -> tuple[int, ...]:
    """'1,4' → (1, 4).

    Raises:
        UsageError: it is no such list.
    """
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and 0 < int(word) <= MOST for word in words) or len(set(words)) != len(words):
        raise UsageError(f"--validators {text!r}: give different numbers within 1 and {MOST}, with commas: 1,4")
    return tuple(int(word) for word in words)


def run(plan: Plan, *, quiet: bool) -> dict[str, Any]:
    """Measures and returns the figures; everything lies in a temporary folder, and is gone in the end.

    Raises:
        RuntimeMissing: luyad is not built.
        NetworkError, HomeError: a network does not start, or does not go on.
    """
    luyad = Luyad.find()
    networks: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="luya-bench-") as folder, progress() as advance:
        begun = load_average()
        for count in plan.validators:
            networks[str(count)] = _Bench(plan, Path(folder) / str(count), count, luyad, advance).run()
            if not quiet:
                _tell(networks[str(count)])
        peer = _anvil(plan, Path(folder) / "anvil", advance)
    return {
        "networks": networks,
        "peer": {"anvil": peer},
        "plan": {"seconds": plan.seconds, "rate": plan.rate, "accounts": plan.accounts, "block_time": plan.block_time},
        "machine": {**machine(), "load_before": begun, "load_after": load_average()},
        "measured_on": date.today().isoformat(),
        "versions": versions() | _version(luyad),
        "records_per_s": {name: one["throughput"]["saturated"]["records_per_s"] for name, one in networks.items()},
        "p50_s": {name: one["throughput"]["steady"]["p50_s"] for name, one in networks.items()},
        "p99_s": {name: one["throughput"]["steady"]["p99_s"] for name, one in networks.items()},
    }


class _Bench:
    """One network, measured."""

    def __init__(self, plan: Plan, root: Path, validators: int, luyad: Luyad, advance: Advance) -> None:
        self._plan = plan
        self._advance = advance
        self._validators = validators
        self._network = BenchNetwork(root, validators, plan.block_time, luyad)

    def run(self) -> dict[str, Any]:
        signers = Signers()
        self._stage("founding")
        with self._network as network, network.ledger(signers) as node:
            deployment = {"steps": list(network.steps), "seconds": round(sum(s["seconds"] for s in network.steps), 2)}
            accounts, registered = self._register(node)
            rides = Rides(node, accounts, signers.who_sign)
            self._stage("idle")
            idle = self._idle()
            before = network.disk()
            throughput = self._throughput(node, rides)
            after = network.disk()
            self._stage("archiving")
            checked = self._checked(node, rides)
            self._stage("queries")
            queries = self._queries(node)
            self._stage("a new node joins")
            sync = network.join(60.0 + 3 * self._plan.seconds)
            growth = _growth(grown(before, after), rides.made) | {"idle": idle, "registration": registered}
            archived = sum(disk_by_part(node.home.archive).values())
            growth["archive_bytes_per_record"] = round(archived / max(1, node.archive.size), 1)
        self._stage("done")
        return {
            "validators": self._validators,
            "throughput": throughput,
            "queries": queries,
            "sync": sync | {"records": rides.made},
            "deployment": deployment,
            "growth": growth,
            "checked": checked,
        }

    def _throughput(self, node: Node, rides: Rides) -> dict[str, Any]:
        plan, network = self._plan, self._network
        with network.sender(node) as sender:
            load = NetworkLoad(rides, sender, node.rpc)
            load.first()
            self._stage("saturated")
            with self._accounted() as saturated_cpu:
                saturated = load.saturated(plan.seconds, plan.batch, plan.window(self._validators))
            self._stage("steady")
            with self._accounted() as steady_cpu:
                steady = load.steady(plan.seconds, plan.steady_batch, plan.rate)
            self._stage("transfers")
            transfers = run_transfers(sender, min(_TRANSFERS, 100 * plan.seconds))
        return {
            "saturated": saturated | saturated_cpu,
            "steady": steady | steady_cpu,
            "one_transfer_a_transaction": transfers,
        }

    @contextlib.contextmanager
    def _accounted(self) -> Any:
        """What a load cost: CPU of validators and client; and the load average in its middle of things."""
        told: dict[str, Any] = {"load_average_before": load_average()}
        nodes, client = self._network.cpu_seconds(), time.process_time()
        yield told
        told["cpu_seconds"] = {
            "validators": round(self._network.cpu_seconds() - nodes, 2),
            "client": round(time.process_time() - client, 2),
        }
        told["load_average_after"] = load_average()

    def _register(self, node: Node) -> tuple[Sequence[bytes], dict[str, Any]]:
        """The residents' accounts, and what they cost."""
        before, begun = self._network.disk(), time.monotonic()
        accounts = _riders(node, self._plan.accounts)
        took, parts = time.monotonic() - begun, grown(before, self._network.disk())
        return accounts, {
            "accounts": len(accounts),
            "per_s": round(len(accounts) / took),
            "node_bytes_per_account": round(kept(parts) / len(accounts), 1),
        }

    def _idle(self) -> dict[str, Any]:
        """What blocks without anything in them cost."""
        url, seconds = self._network.nodes[0].rpc_url, self._plan.brief(_IDLE_SECONDS)
        before, first, cpu = self._network.disk(), height(url), self._network.cpu_seconds()
        begun = time.monotonic()
        time.sleep(seconds)
        spent = time.monotonic() - begun
        parts, blocks = grown(before, self._network.disk()), height(url) - first
        return {
            "seconds": round(spent, 2),
            "blocks": blocks,
            "bytes_per_block": round(kept(parts) / blocks) if blocks else None,
            "bytes_per_day": round(kept(parts) / spent * _DAY),
            "bytes_by_part": parts,
            "cores": round((self._network.cpu_seconds() - cpu) / spent, 3),
        }

    def _checked(self, node: Node, rides: Rides) -> dict[str, Any]:
        """All of it is archived; what is final is what was sent, and all validators have the same root."""
        before, begun = node.archive.size, time.monotonic()
        node.catch_up()
        took = time.monotonic() - begun
        final, found = node.ledger.next_sequence(FEED), reductions(node)
        if final != rides.made:
            raise HomeError(f"{rides.made:,} records were sent and the ledger has {final:,}: a batch was refused")
        return {
            "records": rides.made,
            "reductions": found,
            "refused": final - found,
            "same_root_on_all": self._network.same_root(node),
            "archived_per_s": round((node.archive.size - before) / took),
        }

    def _queries(self, node: Node) -> dict[str, Any]:
        url, views = self._network.nodes[0].rpc_url, node.views
        head, port = height(url), int(url.rpartition(":")[2])
        accounts = list(node.registrar.enrol_many(1, [f"rider {n}" for n in range(_QUERIES)]).values())
        account = [
            [
                {"to": "0x" + views.address.hex(), "data": "0x" + views.data("accounts", ["0x" + one.hex()]).hex()},
                "latest",
            ]
            for one in accounts
        ]
        block = [[hex(1 + turn * 7919 % head), False] for turn in range(_QUERIES)]
        seconds = self._plan.brief(_QUERY_SECONDS)
        return {
            method: measure(QueryOrder(port, method, parameters, seconds))
            for method, parameters in (("eth_call", account), ("eth_getBlockByNumber", block))
        }

    def _stage(self, name: str) -> None:
        self._advance(f"{self._validators} validators: {name}", 0, 0)


def _growth(parts: dict[str, int], records: int) -> dict[str, Any]:
    return {
        "node_bytes_per_record": round(kept(parts) / records, 1),
        "node_bytes_per_record_by_part": {name: round(size / records, 1) for name, size in parts.items()},
        "records": records,
    }


def _riders(node: Node, count: int) -> Sequence[bytes]:
    accounts = list(node.registrar.enrol_many(1, [f"rider {number}" for number in range(count)]).values())
    node.release_sender("registrar")
    return accounts


def _anvil(plan: Plan, home: Path, advance: Advance) -> dict[str, Any]:
    """A peer of another kind: the same contracts and batches on a bare development chain in memory, no consensus."""
    advance("peer: anvil", 0, 0)
    signers = Signers()
    settings = replace(signers.law(), engine=AnvilEngine.name, block_time=plan.block_time, keep_blocks=60)
    try:
        with Node.open(home, settings=settings) as node:
            rides = Rides(node, _riders(node, max(400, plan.accounts // 10)), signers.who_sign)
            limits = node.engine.limits
            load = NetworkLoad(rides, node.sender("bench-relay"), node.rpc)
            load.first()
            size = min(plan.batch, limits.max_records)
            value = load.saturated(plan.brief(_PEER_SECONDS), size, plan.window(1))
            return {"saturated": value, "version": str(node.rpc.call("web3_clientVersion"))}
    except NodeError as error:
        return {"failed": str(error)}


def _version(luyad: Luyad) -> dict[str, str]:
    said = subprocess.run([str(luyad.binary), "version"], capture_output=True, text=True, timeout=60, check=True).stdout
    value: dict[str, Any] = json.loads(said)
    return {"luyad": str(value["version"]), "go": str(value["go"])}


def _tell(value: dict[str, Any]) -> None:
    count, throughput, growth = value["validators"], value["throughput"], value["growth"]
    saturated, steady, sync = throughput["saturated"], throughput["steady"], value["sync"]
    tell(f"[bold]{count} 个验证节点 validators[/bold]")
    tell(f"  交易 transactions: {saturated['records_per_s']:,} records/s final, over {saturated['seconds']} s")
    tell(f"  {steady['asked_per_s']:,}/s: p50 {steady['p50_s']} s, p99 {steady['p99_s']} s until final")
    told = ", ".join(f"{name} {one['per_s']:,}/s" for name, one in value["queries"].items())
    tell(f"  查询 queries: {told}")
    tell(
        f"  新节点同步 sync of a new node: {sync['seconds']} s, {sync['blocks']:,} blocks, {sync['records']:,} records"
    )
    tell(f"  部署 deployment: {len(value['deployment']['steps'])} steps, {value['deployment']['seconds']} s")
    idle = growth["idle"]["bytes_per_day"] / 1e6
    tell(f"  账本增长 growth: {growth['node_bytes_per_record']} bytes a record, {idle:,.0f} MB an idle day")
