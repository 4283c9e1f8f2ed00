"""How a request may arrive, on a real event loop: what counts as a head's, and what ends it."""

from __future__ import annotations

import asyncio

from chain_node.serving.arrivals import Arrival, Arrivals


def test_a_head_has_its_own_bytes_and_those_of_no_body() -> None:
    async def run() -> list[str]:
        cut: list[str] = []
        arrival = Arrival(Arrivals(600.0, 600.0, head_bytes=100), lambda: cut.append("cut"))
        arrival.received(1_000)  # none is under way
        for _ in range(2):
            arrival.head()
            arrival.received(100)
            arrival.body()
            arrival.received(1_000)
            arrival.whole()
        assert cut == []
        arrival.head()
        arrival.received(60)
        arrival.head()  # it goes on
        arrival.received(41)
        return cut

    assert asyncio.run(run()) == ["cut"]


def test_of_more_than_may_be_under_way_the_one_that_waits_longest_is_cut() -> None:
    async def run() -> list[int]:
        cut: list[int] = []
        arrivals = Arrivals(600.0, 600.0, heads=2)
        under_way = [Arrival(arrivals, lambda at=at: cut.append(at)) for at in range(4)]  # type: ignore[misc]
        for arrival in under_way[:2]:
            arrival.head()
        under_way[0].body()  # no head any more, so not one of them
        for arrival in under_way[2:]:
            arrival.head()
        for arrival in under_way:
            arrival.whole()
        return cut

    assert asyncio.run(run()) == [1]
