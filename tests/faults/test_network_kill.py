"""Validators are killed and paused under load: the ledger goes on while it can, waits when it must, loses nothing."""

from __future__ import annotations

import os
import random
import time

import pytest
from fault_load import Load, check_whole
from fault_network import FaultNetwork

SEED = int(os.environ.get("LUYA_TEST_SEED", "20251120"))


def test_one_is_killed_and_comes_back(four: FaultNetwork) -> None:
    victim = four.nodes[0]  # the endpoint in use
    with four.opened() as node, Load(node).going_on() as load:
        four.goes_on()
        before = load.final()
        victim.kill()
        four.goes_on(6)
        assert "does not answer" in four.node_problems()[victim.name]
        assert victim.rpc_url in four.tells("endpoint-down")
        assert load.final() > before, "records became final without it"
        victim.start()
        four.all_caught_up()
        four.is_well()
        four.goes_on()
    with four.opened() as node:
        load.node = node
        check_whole(four, load)


@pytest.mark.deep
def test_each_is_killed_in_turn(four: FaultNetwork) -> None:
    with four.opened() as node, Load(node).going_on() as load:
        for victim in four.nodes:
            four.goes_on()
            victim.kill()
            four.goes_on(5)
            assert set(four.node_problems()) == {victim.name}
            victim.start()
            four.all_caught_up()
        four.is_well()
    with four.opened() as node:
        load.node = node
        check_whole(four, load)


@pytest.mark.deep
def test_two_at_once_halt_the_chain_until_one_is_back(four: FaultNetwork) -> None:
    first, second = four.nodes[0], four.nodes[2]
    with four.opened() as node, Load(node).going_on() as load:
        four.goes_on()
        first.kill()
        second.kill()
        four.stands_still(10)
        assert "no block" in four.tells("halted")
        assert {first.name, second.name} <= set(four.node_problems())
        assert first.rpc_url in four.tells("endpoint-down")
        second.start()  # three of four: more than two thirds
        four.goes_on(5)
        first.start()
        four.all_caught_up()
        four.is_well()
    with four.opened() as node:
        load.node = node
        check_whole(four, load)


@pytest.mark.deep
def test_all_are_killed_at_once(four: FaultNetwork) -> None:
    """No pool is left: the sender sends again what it has on disk."""
    with four.opened() as node, Load(node).going_on() as load:
        four.goes_on()
        for victim in four.nodes:
            victim.pause()  # so that none goes on while the next is killed
        for victim in four.nodes:
            victim.kill()
        four.tells("engine-unreachable")
        four.start()
        four.goes_on(5)
        four.is_well()
        assert load.away > 0
    with four.opened() as node:
        load.node = node
        check_whole(four, load)


@pytest.mark.deep
def test_one_is_paused_for_a_minute(four: FaultNetwork) -> None:
    """It keeps its connections and answers nobody: the endpoint in use, so that the ledger has to notice."""
    paused = four.nodes[0]
    with four.opened() as node, Load(node).going_on() as load:
        four.goes_on()
        paused.pause()
        four.nodes, rest = four.nodes[1:], four.nodes
        begun, before = time.monotonic(), load.final()
        four.goes_on(10)
        four.nodes = rest
        assert paused.name in four.node_problems()
        assert paused.rpc_url in four.tells("endpoint-down")
        time.sleep(max(0.0, 60 - (time.monotonic() - begun)))
        assert load.final() > before, "records became final without it"
        paused.resume()
        four.all_caught_up()
        four.is_well()
    with four.opened() as node:
        load.node = node
        check_whole(four, load)


@pytest.mark.deep
def test_one_that_lags(four: FaultNetwork) -> None:
    """It gets a fifth of the time that it needs, as on a machine that is far too small."""
    slow = four.nodes[3]
    with four.opened() as node, Load(node).going_on() as load:
        four.goes_on()
        end = time.monotonic() + 60
        while time.monotonic() < end:
            slow.pause()
            time.sleep(1.2)
            slow.resume()
            time.sleep(0.3)
        four.goes_on()
        four.all_caught_up()
        four.is_well()
    with four.opened() as node:
        load.node = node
        check_whole(four, load)


@pytest.mark.deep
def test_random_kills(four: FaultNetwork) -> None:
    """Any of them, at any moment, also while it starts or catches up, and sometimes two."""
    luck, times = random.Random(SEED), int(os.environ.get("LUYA_TEST_KILLS", "200"))
    with four.opened() as node, Load(node).going_on() as load:
        for _ in range(times):
            victims = luck.sample(four.nodes, 2 if luck.random() < 0.1 else 1)
            for victim in victims:
                victim.kill()
            time.sleep(luck.random())
            for victim in victims:
                victim.start()
            time.sleep(luck.random() * 2)
        four.goes_on(5)
        four.all_caught_up()
        four.is_well()
    with four.opened() as node:
        load.node = node
        check_whole(four, load)
