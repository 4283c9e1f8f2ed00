"""`luya bench intake` reads every row of a file, as ingest would."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from luya.bench import intake
from luya.demo.data import write_partner_files
from luya.errors import UsageError


def test_it_reads_every_row(tmp_path: Path) -> None:
    file = write_partner_files(tmp_path, records=60, last_day=date(2025, 5, 31)).files["daily-steps"]
    value = intake.run(file, "daily-steps", 2, quiet=True)
    lines = file.read_text("utf-8").strip().splitlines()
    assert value["rows"] == len(lines) - 1
    assert value["unreadable"] < value["rows"]
    assert value["best_rows_per_s"] >= value["median_rows_per_s"] > 0
    assert value["machine"]["cores"] >= 1
    with pytest.raises(UsageError, match=r"no feed of this name ships: give one of .*daily-steps"):
        intake.run(file, "nothing", 1, quiet=True)
