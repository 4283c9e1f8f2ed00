"""Prints what slither finds in the contracts that the package ships, as JSON: check, impact, place, description.

Run by slither's own Python (`static.py` does): it needs nothing but slither, the artefacts' standard input and the
compiler of `solc.mjs`, which makes syntax trees only.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
INPUT: Final = HERE.parents[1] / "chain_node" / "artefacts" / "standard-input.json"


def main() -> int:
    wanted: dict[str, Any] = json.loads(INPUT.read_text(encoding="utf-8"))
    os.environ["LUYA_SOLC_AST"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        # slither reads the sources where the compiler's names say, from the folder it stands in.
        for name, source in wanted["sources"].items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source["content"], encoding="utf-8")
        os.chdir(folder)
        results = _detect(wanted)
        os.chdir(HERE)
    json.dump([_finding(result) for result in results if _is_ours(result)], sys.stdout, indent=1)
    return 0


def _detect(wanted: dict[str, Any]) -> list[dict[str, Any]]:
    standard: Any = importlib.import_module("crytic_compile.platform.solc_standard_json")
    compile_: Any = importlib.import_module("crytic_compile").CryticCompile
    detectors: Any = importlib.import_module("slither.detectors.all_detectors")
    base: Any = importlib.import_module("slither.detectors.abstract_detector").AbstractDetector
    compiled = compile_(standard.SolcStandardJson(wanted), solc=str(HERE / "solc.mjs"))
    slither: Any = importlib.import_module("slither").Slither(compiled)
    for _, detector in inspect.getmembers(detectors, inspect.isclass):
        if issubclass(detector, base) and detector is not base:
            slither.register_detector(detector)
    return [result for found in slither.run_detectors() for result in found]


def _is_ours(result: dict[str, Any]) -> bool:
    """Whether any of it lies in our contracts: OpenZeppelin's are taken as they are."""
    return any(_file(element).startswith("contracts/") for element in result["elements"])


def _finding(result: dict[str, Any]) -> dict[str, str]:
    ours = [element for element in result["elements"] if _file(element).startswith("contracts/")]
    return {
        "check": result["check"],
        "impact": result["impact"],
        "place": _place(ours[0]),
        "description": " ".join(result["description"].split()),
    }


def _file(element: dict[str, Any]) -> str:
    name: str = element["source_mapping"].get("filename_relative", "")
    return name


def _place(element: dict[str, Any]) -> str:
    """Contract and function, without anything that moves when a line is added."""
    names: list[str] = []
    at: dict[str, Any] | None = element
    while at:
        if at["type"] in ("contract", "function"):
            names.append(at["name"])
        at = at.get("type_specific_fields", {}).get("parent")
    return ".".join(reversed(names)) or Path(_file(element)).stem


if __name__ == "__main__":
    sys.exit(main())
