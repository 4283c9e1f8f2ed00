"""`luya bench gas`: gas a record by size of the ledger, from receipts."""

from __future__ import annotations

import pytest
from luya_process import succeeds

from luya.bench.gas_flat import deviation


def test_deviation_is_of_the_first_figure_of_a_grown_ledger() -> None:
    assert deviation({0: 500, 10_000: 100, 20_000: 103, 30_000: 96}) == 4.0
    assert deviation({0: 500}) == 0.0


@pytest.mark.deep
def test_it_measures_what_it_says() -> None:
    value = succeeds("bench", "gas", "--records", 1_000, "--json")
    (figure,) = value["gas_per_record"]["first_record"].values()
    assert 5_000 < figure < 100_000
    assert value["machine"]["cores"] >= 1
    assert "luya" in value["versions"]
