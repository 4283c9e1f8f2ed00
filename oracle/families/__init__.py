"""Feed families: pure functions of typed records and the ledger's law; one file a family, each listed here once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from oracle.families import steps, transit, trips
from oracle.families.family import Family

FAMILIES: Final[Mapping[str, Family]] = {one.name: one for one in (trips.FAMILY, steps.FAMILY, transit.FAMILY)}
