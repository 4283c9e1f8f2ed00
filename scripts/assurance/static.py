"""Runs slither over the shipped contracts and compares with `slither.toml`, where each finding is explained.

    uv run python scripts/assurance/static.py

Exit code 1 where a finding is not explained, or an explanation is of nothing that is found. Of high and medium impact
each place is named; of lower impact a pattern may stand for several.
"""

from __future__ import annotations

import fnmatch
import json
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from tools import HERE, environment, python_tool

EXPLAINED: Final = HERE / "slither.toml"


def main() -> int:
    command = [str(python_tool("slither") / "python"), str(HERE / "slither_findings.py")]
    ran = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, check=True)
    findings: list[dict[str, str]] = json.loads(ran.stdout)
    explained = tomllib.loads(EXPLAINED.read_text(encoding="utf-8"))["explained"]
    complaints = list(compare(findings, explained))
    for complaint in complaints:
        print(complaint)
    impacts = Counter(finding["impact"] for finding in findings)
    print(f"{len(findings)} findings {dict(impacts)}, {len(complaints)} to mend or explain")
    return 1 if complaints else 0


def compare(findings: Iterable[Mapping[str, str]], explained: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """What is not explained, explained too broadly, or explained and not there."""
    used: set[tuple[int, str]] = set()
    for finding in findings:
        exact = finding["impact"] in ("High", "Medium")
        matching = {
            (number, place)
            for number, entry in enumerate(explained)
            if entry["check"] == finding["check"]
            for place in entry["where"]
            if (finding["place"] == place if exact else fnmatch.fnmatchcase(finding["place"], place))
        }
        used |= matching
        if not matching:
            yield f"{finding['impact']} {finding['check']} in {finding['place']}: {finding['description']}"
    for number, entry in enumerate(explained):
        if not entry["reason"].strip():
            yield f"{entry['check']}: explained without a reason"
        for place in entry["where"]:
            if (number, place) not in used:
                yield f"{entry['check']} in {place}: explained, but slither finds nothing there"


if __name__ == "__main__":
    sys.exit(main())
