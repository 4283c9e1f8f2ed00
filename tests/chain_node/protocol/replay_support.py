"""A replay with law and people in it, and what it must not let itself be told."""

from __future__ import annotations

import pytest
from protocol_world import (
    account,
    law,
)

from chain_node.protocol import entries as e
from chain_node.protocol.errors import ReplayError
from chain_node.protocol.replay import State

PEOPLE = 3


def first_entries(*more: e.Entry, feeds: tuple[e.Feed, ...] = ()) -> list[e.Entry]:
    """Law, feeds, people."""
    return [*law(), *feeds, *[account(number) for number in range(PEOPLE)], *more]


def begin(*more: e.Entry, feeds: tuple[e.Feed, ...] = ()) -> State:
    state = State()
    for entry in first_entries(*more, feeds=feeds):
        state.apply(e.encode(entry))
    return state


def seen(state: State) -> tuple[object, ...]:
    books = (state.words.copy(), state.balances.copy(), state.next_sequence.copy(), state.feed_usage.copy())
    return (state.size, state.root(), state.time, state.accounts, state.nullifiers.copy(), *books)


def refused(state: State, entry: e.Entry, reason: str) -> None:
    before = (
        state.size,
        state.root(),
        state.next_sequence.copy(),
        state.words.copy(),
        state.balances.copy(),
        state.time,
    )
    with pytest.raises(ReplayError, match=reason):
        state.apply(e.encode(entry))
    after = (state.size, state.root(), state.next_sequence, state.words, state.balances, state.time)
    assert after == before, "a refused entry changes nothing"
