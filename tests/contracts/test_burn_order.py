"""The order in which vintages are burned: the ledger's own code, the postings and the replay, over random books."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from chain_node.auditor.compare import position
from chain_node.contracts.handles import LuyaLedger, artefact
from chain_node.deployment.plan import Addresses, DeploymentPlan
from chain_node.deployment.steps import Steps
from chain_node.engine.anvil import AnvilEngine, AnvilSettings
from chain_node.engine.base import Finality
from chain_node.keys.keystore import ChainKey
from chain_node.protocol import entries as e
from chain_node.protocol.attestation import address_of
from chain_node.protocol.merkle import inclusion_proof, leaf_hash, node_hash, tree_root
from chain_node.protocol.postings import Bucket, Given, Unit, moved, revoke
from chain_node.protocol.records import Record
from chain_node.protocol.replay import State
from chain_node.protocol.times import day_of_date
from chain_node.rpc.client import JsonRpc, to_bytes, to_hex
from chain_node.sending.sender import Sender, Tx

CHAIN = 7_000_000_321
YEARS = range(2019, 2027)
TIME = 1_780_000_000
BOOKS = 300
ACCOUNTS, OLDER = 3, 4
"""Positions of the ledger's storage (docs/contracts.md)."""
Part = tuple[int, int, int]
"""(vintage, credits mg, millipoints) burned."""


@dataclass(frozen=True)
class Case:
    """An account's books before a reduction of its own is revoked."""

    given: Given
    held: dict[int, tuple[int, int]]

    def entry(self, sequence: int) -> bytes:
        day = day_of_date(date(self.given.vintage, 1, 1)) + sequence % 365
        record = Record(self.given.account, 1, day, 1, 1, 0, 1, bytes(32))
        return e.encode(e.Reduction(TIME, 1, sequence, record, self.given.credits_mg, self.given.millipoints))


class CaseBooks:
    """One case, as postings ask for it."""

    def __init__(self, case: Case) -> None:
        self._case = case

    def held(self, _account: bytes, vintage: int, unit: Unit) -> int:
        return self._case.held.get(vintage, (0, 0))[unit]

    def owed(self, _account: bytes, _unit: Unit) -> int:
        return 0

    def vintages_of(self, _account: bytes) -> Iterator[int]:
        yield from self._case.held

    def given(self, _index: int) -> Given:
        return self._case.given


def some(chance: random.Random) -> int:
    return chance.choice((0, chance.randint(1, 60)))


def cases(turn: int) -> list[Case]:
    """Few years with small amounts, so that vintages run dry, hold one unit only, or do not reach at all."""
    chance = random.Random(turn)  # reproducible books, not a secret
    made = []
    for number in range(BOOKS):
        account = number.to_bytes(4, "big").rjust(20, b"\x51")
        years = chance.sample(YEARS, chance.randint(1, len(YEARS)))
        held = {year: (some(chance), some(chance)) for year in years}
        given = Given(account, chance.choice(YEARS), chance.randint(0, 150), chance.randint(0, 150))
        made.append(Case(given, held))
    return made


def by_unit(parts: list[Part]) -> dict[Unit, list[tuple[int, int]]]:
    return {unit: [(part[0], part[1 + unit]) for part in parts if part[1 + unit]] for unit in Unit}


@pytest.fixture(scope="module")
def rpc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JsonRpc]:
    engine = AnvilEngine(tmp_path_factory.mktemp("chain"), AnvilSettings(chain_id=CHAIN, block_time=0.1))
    engine.start()
    with JsonRpc(engine.rpc_url) as client:
        yield client
    engine.stop()


class OpenLedger:
    """A ledger in its import phase, the deployer its importer."""

    def __init__(self, rpc: JsonRpc, sender: Sender) -> None:
        self._rpc, self._sender = rpc, sender
        addresses = Addresses.of(sender.address, sender.first_nonce)
        self.ledger = LuyaLedger(rpc, addresses.ledger)
        steps = Steps(addresses)
        steps.create(DeploymentPlan("test", "test/burns", CHAIN, bytes(32), ()), bytes(32), sender.address)
        steps.permissions(sender.address)
        measured = e.EvidenceClass.MEASURED
        method = e.Method(TIME, 1, 1, 1, 1, 1, 1, 1, 9, 0, (), 14_000, e.OPEN_END, False, measured, bytes(32))
        self.law = [e.encode(e.GroupCaps(TIME, 1, 90_000, 90_000)), e.encode(method)]
        sender.run(steps.take())

    def take(self, entries: list[bytes]) -> None:
        """Import; all in calls of at most a hundred."""
        calls = []
        for at in range(0, len(entries), 100):
            packed = b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries[at : at + 100])
            calls.append(Tx(self.ledger.address, self.ledger.data("importEntries", packed), 16_000_000, f"import/{at}"))
        assert all(receipt.ok for receipt in self._sender.run(calls))

    def hold(self, case: Case) -> list[tuple[str, list[str]]]:
        """The calls that write the case's books over what the import minted: only revocations burn yet."""
        account, newest = int.from_bytes(case.given.account, "big"), max(*case.held, case.given.vintage)
        words = {position(ACCOUNTS, account): newest << 128}
        for year in YEARS:
            credits_mg, millipoints = case.held.get(year, (0, 0))
            amounts = credits_mg | millipoints << 64
            if year == newest:
                words[position(ACCOUNTS, account)] |= amounts
            else:
                words[position(OLDER, account << 16 | year)] = amounts
        to = to_hex(self.ledger.address)
        return [("anvil_setStorageAt", [to, to_hex(slot), f"0x{value:064x}"]) for slot, value in words.items()]

    def revoke(self, index: int, case: Case, size: int, target: bytes, proof: list[bytes]) -> Tx:
        posts = revoke(CaseBooks(case), case.given)
        burned = [moved(posts, unit, Bucket.REVOKED) for unit in Unit]
        owed = [moved(posts, unit, Bucket.OWED) for unit in Unit]
        entry = e.encode(e.Revocation(TIME, index, 1, bytes(32), False, *burned, *owed))
        data = self.ledger.data("importRevocation", entry, size, target, proof)
        return Tx(self.ledger.address, data, 1_500_000, f"revoke/{index}")

    def burns(self) -> dict[bytes, list[Part]]:
        """Account → its burns, as the ledger's own events tell them."""
        event = artefact("LuyaLedger").abi.events["TransferBatch"]
        found: dict[bytes, list[Part]] = {}
        logs = self._rpc.call(
            "eth_getLogs",
            {
                "address": to_hex(self.ledger.address),
                "fromBlock": "0x0",
                "toBlock": "latest",
                "topics": [to_hex(event.topic), None, None, to_hex(bytes(32))],
            },
        )
        for log in logs:
            data = to_bytes(log["data"])
            word = [int.from_bytes(data[at : at + 32], "big") for at in range(0, len(data), 32)]
            account = to_bytes(log["topics"][2])[12:]
            assert word[4] - word[3] == 10_000, "points beside the credits of the same vintage"
            found.setdefault(account, []).append((word[3] - 10_000, word[6], word[7]))
        return found


@pytest.mark.parametrize("turn", [0, *(pytest.param(turn, marks=pytest.mark.deep) for turn in range(1, 11))])
def test_ledger_postings_and_replay_burn_the_same_parts(tmp_path: Path, rpc: JsonRpc, turn: int) -> None:
    books = cases(turn)
    secret = (4711 + turn).to_bytes(32, "big")
    key = ChainKey("test", secret, address_of(secret))
    with Sender(tmp_path, rpc, key, chain_id=CHAIN, genesis="burns", finality=Finality("latest")) as sender:
        chain = OpenLedger(rpc, sender)
        first = len(chain.law)
        entries = chain.law + [case.entry(number) for number, case in enumerate(books)]
        chain.take(entries)
        size, levels = len(entries), [[leaf_hash(entry) for entry in entries]]
        while len(levels[-1]) > 1:
            levels.append([node_hash(*pair) for pair in zip(levels[-1][::2], levels[-1][1::2], strict=False)])

        def node(level: int, place: int) -> bytes:
            return levels[level][place]

        assert chain.ledger.root() == tree_root(size, node)
        assert len(rpc.batch([call for case in books for call in chain.hold(case)])) > BOOKS

        calls = [
            chain.revoke(index, case, size, entries[index], inclusion_proof(index, size, node))
            for index, case in enumerate(books, first)
        ]
        refused = [receipt for receipt in sender.run(calls) if not receipt.ok]
        assert not refused, "the ledger burns and owes other amounts than the postings say"
        burned = chain.burns()
    for case in books:
        posts = revoke(CaseBooks(case), case.given)
        state = State()
        state.balances = {(case.given.account, year): amounts for year, amounts in case.held.items()}
        account, year, credits_mg, millipoints = case.given
        replayed = state._burns(account, year, max(*case.held, year), credits_mg, millipoints)
        posted = {
            unit: [(post.vintage, post.amount) for post in posts if post.unit is unit and post.target is Bucket.REVOKED]
            for unit in Unit
        }
        assert by_unit(burned.get(account, [])) == by_unit(replayed) == posted, case
    assert sum(len(parts) > 2 for parts in burned.values()) > BOOKS // 10, "books of several vintages are among them"
