"""Proves `scripts/assurance/proofs/` with halmos: each function named `check_` for all values of its arguments.

    uv run python scripts/assurance/symbolic.py                      # all
    uv run python scripts/assurance/symbolic.py LogSymbolic          # of one contract

Exit code 1 where one fails, or is not decided in its time.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from tools import CACHE, HERE, ROOT, environment, forge, python_tool

SECONDS_A_QUERY: Final = 120
# assert; over- and underflow; division by 0; index out of bounds: none of them may happen.
PANICS: Final = "0x01,0x11,0x12,0x32"


def main() -> int:
    out = CACHE / "symbolic"
    command = [
        str(python_tool("halmos") / "python"), str(HERE / "halmos_sha256.py"), "--root", str(ROOT),
        "--forge-build-out", str(out / "out"), "--contract" if sys.argv[1:] else "--match-contract",
        *(sys.argv[1:] or ["Symbolic$"]), "--loop", "32", "--panic-error-codes", PANICS,
        "--solver-timeout-assertion", f"{SECONDS_A_QUERY}s", "--solver-threads", "1",
    ]  # fmt: skip
    folders = {"FOUNDRY_OUT": str(out / "out"), "FOUNDRY_CACHE_PATH": str(out / "cache")}
    return subprocess.run(command, cwd=ROOT, env=environment(forge(), **folders), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
