"""A family says in its own file all that a draft needs of it; what is forgotten is named."""

from __future__ import annotations

import inspect
import pkgutil
import re
from importlib import import_module

import pytest

from chain_node import catalogue
from oracle import families, judging
from oracle.families import FAMILIES
from oracle.families.config import STAND_IN
from oracle.families.family import Family


def test_every_file_with_a_family_is_listed() -> None:
    there = [import_module(f"oracle.families.{one.name}") for one in pkgutil.iter_modules(families.__path__)]
    assert {one.FAMILY.name for one in there if hasattr(one, "FAMILY")} == FAMILIES.keys()


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_family_forgets_nothing(family: Family) -> None:
    known, roles = family.drafting, family.columns | family.optional
    assert known.hints.keys() - {STAND_IN} == roles - known.left, "hints: every role, or `left`"
    assert all(re.compile(pattern) for patterns in known.hints.values() for pattern in patterns)
    needed = {role for need in known.needs for one in need for role in one}
    assert family.columns <= needed <= roles, "needs: every role that a column must play"
    assert known.times | known.numbers | known.left <= roles, "times, numbers, left: roles"
    assert known.times & needed, "times: the roles that hold them"
    assert known.values.keys() == family.values, "values: a pattern for each"
    assert known.methods.keys() == family.methods.keys(), "methods: one for each use"
    for use, method in known.methods.items():
        assert catalogue.by_id(method).unit.en == family.methods[use], (
            f"methods.{use}: a method that counts in its unit"
        )
    bounds = {**family.rules, **family.optional_rules}
    assert family.rules.keys() <= known.rules.keys() <= bounds.keys(), "rules: all that must be there"
    assumed = {one.rule: one.value for one in known.assumed}
    assert assumed.keys() <= family.optional_rules.keys() - known.rules.keys(), "assumed: another optional rule"
    for rule, value in {**known.rules, **assumed}.items():
        assert bounds[rule][0] <= value <= bounds[rule][1], f"rules.{rule}: within its bounds"
    assert all(one.roles <= roles for one in known.assumed), "assumed: roles"


def test_nobody_outside_names_a_family() -> None:
    """Whoever adds a family has nothing to look for elsewhere."""
    for module in pkgutil.iter_modules(judging.__path__):
        source = inspect.getsource(import_module(f"oracle.judging.{module.name}"))
        named = [name for name in FAMILIES if re.search(rf"== ?.{name}.|[\"']{name}[\"']:", source)]
        assert not named, module.name
