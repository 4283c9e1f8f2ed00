"""`luya bench contracts`: three ways of recording beside each other, each of which holds what it was sent.

No timing is asserted: a busy machine is no failure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from luya_process import refuses, succeeds

from chain_node.contracts.handles import artefact
from chain_node.engine.npm import ensure_runtime
from chain_node.errors import Reverted, RuntimeMissing
from luya.bench.contracts import best_batch
from luya.bench.contracts_chain import PeerChain
from luya.bench.contracts_peers import Contender, Eas, Luya, OpenZeppelin, Ride, Sent, rides
from luya.bench.network_load import ReadyBatch, through
from luya.bench.peers import eas, nullified_credits
from luya.errors import HomeError

ROOT = Path(__file__).parents[3]
NAMES = {"luya", "openzeppelin", "eas"}
MAKE: dict[str, Callable[[PeerChain], Contender]] = {
    "luya": lambda chain: Luya(chain.rpc, chain.manifest, chain.signers.who_sign),
    "openzeppelin": lambda chain: OpenZeppelin(chain.rpc, chain.sender),
    "openzeppelin_credits_alone": lambda chain: OpenZeppelin(chain.rpc, chain.sender, points=False),
    "eas": lambda chain: Eas(chain.rpc, chain.sender),
}


@pytest.fixture(scope="module")
def installed() -> None:
    """The engine and EAS's contracts are there, or can be fetched."""
    try:
        ensure_runtime()
        eas(lambda *_: None)
    except RuntimeMissing as error:
        pytest.skip(f"the peers cannot be installed: {error}")


@pytest.fixture(scope="module")
def chain(installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeerChain]:
    with PeerChain(tmp_path_factory.mktemp("peers") / "chain", "anvil", 0.1, 8, ledger=True) as chain:
        yield chain


@pytest.fixture(scope="module")
def contenders(chain: PeerChain) -> dict[str, Contender]:
    made = {name: make(chain) for name, make in MAKE.items()}
    chain.take_over()
    return made


@pytest.mark.usefixtures("installed")
def test_it_measures_what_it_says() -> None:
    value = succeeds("bench", "contracts", "--records", 200, "--json")
    for figure in ("records_per_s", "gas_per_record"):
        assert value[figure].keys() == NAMES, figure
        for name in NAMES:
            assert value[figure][name].keys() == {"200"}, (figure, name)
            assert min(value[figure][name].values()) > 0, (figure, name)
    gas = {name: by_size["200"] for name, by_size in value["gas_per_record"].items()}
    assert gas["luya"] < gas["openzeppelin"] < gas["eas"]  # the contracts' law, whatever the machine
    for name, by_size in value["runs"].items():
        assert by_size["200"]["records_per_batch"] in (25, 50, 75, 100, 200), name
        assert by_size["200"]["transactions"] == -(-200 // by_size["200"]["records_per_batch"]), name
    assert value["times_as_many"].keys() == {"openzeppelin", "openzeppelin_credits_alone", "eas"}
    assert value["machine"]["cores"] >= 1
    assert {"anvil", "luya", "@openzeppelin/contracts"} <= value["versions"].keys()
    assert value["versions"]["@ethereum-attestation-service/eas-contracts"] == "1.9.0"


def test_only_an_engine_that_it_starts_itself_is_measured() -> None:
    said = refuses("bench", "contracts", "--engine", "rpc")
    assert "--engine rpc: a bench measures an engine that it starts itself: anvil, luyad" in said


@pytest.mark.parametrize("name", MAKE)
def test_what_was_sent_is_held(name: str, chain: PeerChain, contenders: dict[str, Contender]) -> None:
    contender, made = contenders[name], rides(chain.accounts, 40, f"{name}/held")
    contender.check(_send(chain, contender, [made[:30], made[30:]]))


@pytest.mark.parametrize("name", MAKE)
def test_what_was_not_sent_is_missed(name: str, chain: PeerChain, contenders: dict[str, Contender]) -> None:
    made = rides(chain.accounts, 20, f"{name}/missed")
    fresh = contenders[name] if name == "luya" else MAKE[name](_by_clock(chain))
    chain.take_over()
    shifted = [_later(ride) for ride in made]
    sent = _send(chain, fresh, [shifted[:10]])
    with pytest.raises(HomeError, match=f"{name} does not hold what it was sent"):
        fresh.check([*sent, Sent(shifted[10:], sent[0].time)])


def test_openzeppelin_refuses_a_nullifier_for_the_second_time(
    chain: PeerChain, contenders: dict[str, Contender]
) -> None:
    contender, made = contenders["openzeppelin"], rides(chain.accounts, 3, "twice")
    first, again = (contender.tx(made, 0, f"twice/{turn}") for turn in range(2))
    with chain.mining():
        chain.sender.run([first])
        with pytest.raises(Reverted):
            chain.sender.run([again])


def test_the_batch_is_the_largest_near_the_fastest() -> None:
    assert best_batch({25: 100, 50: 199, 75: 200, 100: 185, 200: 150}) == 100
    assert best_batch({25: 100}) == 25


def test_the_peer_is_compiled_as_the_contracts_are() -> None:
    """That it is what its source compiles to, `npm test` checks."""
    compiled = json.loads((ROOT / "luya" / "bench" / "peers" / "NullifiedCredits.json").read_text("utf-8"))
    ours = json.loads((ROOT / "chain_node" / "artefacts" / "LuyaLedger.json").read_text("utf-8"))
    package: dict[str, Any] = json.loads((ROOT / "package.json").read_text("utf-8"))
    assert compiled["compiler"] == ours["compiler"]
    assert nullified_credits().version == package["devDependencies"]["@openzeppelin/contracts"]
    assert nullified_credits().bytecode not in artefact("LuyaLedger").bytecode


def _send(chain: PeerChain, contender: Contender, batches: Sequence[Sequence[Ride]]) -> list[Sent]:
    first, at, ready = chain.height() + 1, 0, []
    for batch in batches:
        ready.append(ReadyBatch(contender.tx(batch, at, f"{contender.name}/{batch[0].nullifier.hex()}"), len(batch)))
        at += len(batch)
    with chain.mining():
        assert through(chain.sender, chain.rpc, ready, 4) > 0
    blocks = chain.blocks(first, len(ready))
    assert blocks.gas > 0
    return [Sent(batch, moment) for batch, moment in zip(batches, blocks.times, strict=True)]


def _later(ride: Ride) -> Ride:
    """The same ride ten days later: the ledger would refuse it in a slot that is in use."""
    return replace(ride, record=replace(ride.record, day=ride.record.day + 10))


def _by_clock(chain: PeerChain) -> PeerChain:
    """Deployments wait for blocks, so they come by the clock again."""
    chain.rpc.call("evm_setIntervalMining", 1)
    return chain
