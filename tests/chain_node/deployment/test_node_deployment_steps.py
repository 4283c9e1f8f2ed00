"""The deployment's steps follow the table of modules: created where foreseen, wired before anything is imported."""

from __future__ import annotations

import pytest

from chain_node.contracts.handles import MODULES, NAMES, artefact
from chain_node.deployment import plan, steps
from chain_node.deployment.plan import Addresses, DeploymentPlan
from chain_node.rpc.client import to_hex
from chain_node.sending.sender import Tx
from chain_node.sending.signing import contract_address

DEPLOYER = b"\x11" * 20
STAND_IN = "LuyaStandIn"
"""No module of any ledger: its code is the law's, which is made with authority and ledger as every module is."""
TYPES = ((0x0D, 0x0F), (0x5F, 0x5F))


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> tuple[Addresses, list[Tx]]:
    for room in (plan, steps):
        monkeypatch.setattr(room, "MODULES", MODULES | {STAND_IN: TYPES})
    monkeypatch.setattr(steps, "artefact", lambda name: artefact("LuyaLaw" if name == STAND_IN else name))
    addresses = Addresses.of(DEPLOYER, 7)
    builder = steps.Steps(addresses)
    builder.create(DeploymentPlan("test", "test/steps", 7, bytes(32), ()), bytes(32), DEPLOYER)
    builder.permissions(DEPLOYER)
    return addresses, builder.take()


def test_a_module_is_created_where_it_was_foreseen(built: tuple[Addresses, list[Tx]]) -> None:
    addresses, made = built
    creations = [tx for tx in made if tx.to is None]
    assert [tx.key for tx in creations] == [f"deploy/create/{name}" for name in (*NAMES, *MODULES, STAND_IN)]
    assert addresses.authority == contract_address(DEPLOYER, 7)
    assert addresses.modules[STAND_IN] == contract_address(DEPLOYER, 7 + len(creations) - 1)
    assert creations[-1].data == artefact("LuyaLaw").creation(to_hex(addresses.authority), to_hex(addresses.ledger))
    assert made[: len(creations)] == creations, "nothing in between takes a nonce"


def test_each_range_of_types_is_given_to_its_module(built: tuple[Addresses, list[Tx]]) -> None:
    addresses, made = built
    set_module = artefact("LuyaLedger").abi.function("setModule")
    given = [tx.data for tx in made if tx.to == addresses.ledger]
    for first, last in TYPES:
        assert set_module.data(first, last, to_hex(addresses.modules[STAND_IN])) in given
    assert set_module.data(0x41, 0x44, to_hex(addresses.law)) in given


def test_no_key_is_used_twice(built: tuple[Addresses, list[Tx]]) -> None:
    keys = [tx.key for tx in built[1]]
    assert len(keys) == len(set(keys))
