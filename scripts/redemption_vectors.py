"""Vectors of the order in which held amounts are redeemed: `chain_node/protocol/postings.py` over random books.

`contracts/test/HeldParts.t.sol` drives the Solidity over them. `--check` writes nothing, and fails where the file
differs.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Final

from chain_node.protocol.books import Books
from chain_node.protocol.postings import Bucket, Posting, Unit, take

PATH: Final = Path(__file__).parents[1] / "hardhat_config" / "redemption-vectors.json"
CASES: Final = 120
_YEARS: Final = range(2008, 2050)
_ACCOUNT: Final = b"\x51" * 20


def vectors() -> str:
    """The file's text: of each case the books, what is wanted, and its parts, or what is missing."""
    chance = random.Random(2026)  # reproducible books, not a secret
    cases: dict[str, dict[str, str | int]] = {}
    for number in range(CASES):
        years = sorted(chance.sample(_YEARS, chance.choice((0, 1, 1, 2, 3, 5, 8, 12))))
        books, held = Books(), b""
        for year in years:
            amounts = [chance.choice((0, chance.randint(1, 60), chance.randint(1, 2**40))) for _ in Unit]
            held += year.to_bytes(2, "big") + b"".join(amount.to_bytes(8, "big") for amount in amounts)
            for unit, amount in zip(Unit, amounts, strict=True):
                if amount:
                    books.post([Posting(unit, year, Bucket.ISSUED, Bucket.HELD, amount, to=_ACCOUNT)])
        unit = chance.choice(list(Unit))
        total = sum(books.held(_ACCOUNT, year, unit) for year in years)
        wanted = chance.choice((total, total + 1, chance.randint(1, total) if total else 1, 1)) or 1
        parts, missing = take(books, _ACCOUNT, unit, wanted)
        packed = b"".join(year.to_bytes(2, "big") + part.to_bytes(8, "big") for year, part in parts)
        cases[str(number)] = {
            "held": "0x" + held.hex(),
            "unit": int(unit),
            "amount": wanted,
            "missing": missing,
            "parts": "0x" + (bytes([len(parts)]) + packed).hex(),
        }
    what = "redemption, oldest first (scripts/redemption_vectors.py)"
    return json.dumps({"what": what, "cases": cases}, indent=2) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        if PATH.read_text("utf-8") != vectors():
            sys.exit(f"{PATH.name} is not what the postings say: run `uv run python scripts/redemption_vectors.py`")
    else:
        PATH.write_text(vectors(), "utf-8")
