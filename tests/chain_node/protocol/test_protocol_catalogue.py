"""The shipped catalogue: complete, consistent with itself, and within what a slot word holds."""

from __future__ import annotations

import pytest

from chain_node import catalogue
from chain_node.protocol import arithmetic, entries
from chain_node.protocol.records import text_hash


def test_ids_and_keys() -> None:
    methods = catalogue.load()
    assert [entry.id for entry in methods] == [*range(1, 10), *range(101, 109), 201]
    assert len({entry.key for entry in methods}) == len(methods)
    assert {entry.key for entry in methods if entry.status == "disabled"} == {"luzhou/parking"}
    assert {entry.id for entry in methods if entry.status == "reference"} == {6, 7, 8, 201}
    assert len(catalogue.announced()) == len(methods) - 1
    for entry in methods:
        assert catalogue.by_id(entry.id) is catalogue.by_key(entry.key) is entry
    with pytest.raises(KeyError):
        catalogue.by_id(999)
    with pytest.raises(KeyError):
        catalogue.by_key("luzhou/flying")


def test_every_method_can_be_announced() -> None:
    groups = {group.id: group for group in catalogue.load_groups()}
    assert list(groups) == list(range(1, 12))
    for entry in catalogue.load():
        method = entry.method
        assert entries.decode(entries.encode(method)) == method
        assert method.behaviour == method.id
        assert (method.valid_from, method.valid_to) == (13_879, 65_535)
        assert method.text == text_hash(*entry.published)
        assert all(entry.published)
        caps = groups[method.group].caps
        credits_mg, millipoints = arithmetic.worth(method, method.max_activity)
        assert credits_mg <= caps.credits_mg, "the largest record fits its group's cap"
        assert millipoints <= caps.millipoints
        assert (entry.nominal_minutes > 0) == (method.windows == ())
    for group in groups.values():
        assert entries.decode(entries.encode(group.caps)) == group.caps


def test_windows_flags_and_bounds() -> None:
    by_key = {entry.key: entry.method for entry in catalogue.load()}
    assert by_key["luzhou/walking"].windows == ((0, 180),)
    assert by_key["luzhou/clean-plate"].windows == by_key["pca/eco-dining"].windows == ((38, 37), (75, 37), (120, 45))
    assert by_key["pca/waste-sorting"].windows == ((0, 90), (90, 90))
    assert by_key["luzhou/e-statement"].windows is None
    assert by_key["pca/cycling"].windows == ()
    assert [entry.id for entry in catalogue.load() if entry.method.needs_nullifier] == [
        3,
        4,
        6,
        7,
        8,
        104,
        105,
        106,
        108,
    ]
    assert (by_key["pca/cycling"].max_activity, by_key["pca/cycling"].max_per_slot) == (50_000, 4_700)
    assert (by_key["pca/bus"].max_activity, by_key["pca/bus"].max_per_slot) == (100_000, 10_700)
    assert (by_key["pca/metro"].max_activity, by_key["pca/metro"].max_per_slot) == (150_000, 16_000)
    assert by_key["luzhou/bus"].max_activity == by_key["reference/metro-trip"].max_activity == 1
