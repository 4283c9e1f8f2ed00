"""Mutation tests of the contracts' core: one small fault at a time, and a Solidity test has to find it.

    uv run python scripts/assurance/mutate.py                # a sample
    DEEP=1 uv run python scripts/assurance/mutate.py         # a larger one
    uv run python scripts/assurance/mutate.py --count 20 --file Words.sol --seed 7
    uv run python scripts/assurance/mutate.py --units        # the libraries, by their own tests only: seconds each

Each mutant is compiled into the ledger's artefact, which is what the tests deploy, in its shipped settings; those of a
library are shown to the libraries' own tests first. A mutant that every test passes *survives*: it is explained in
`survivors.toml`, or the run fails; so it does where an explanation is of a mutant that is found by now. Mutants that
the compiler turns into the very same code are no faults and not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools import CACHE, HERE, ROOT, environment, forge

SUBJECTS: Final = (
    "contracts/ledger/LedgerBalances.sol",
    "contracts/ledger/LedgerRecording.sol",
    "contracts/ledger/LedgerRevocation.sol",
    "contracts/libraries/Rfc6962.sol",
    "contracts/libraries/Words.sol",
)
UNIT_TESTS: Final = "contracts/test/Libraries.t.sol"
LEDGER_TESTS: Final = "contracts/test/{Ledger*,LuyaLedger,Invariants}.t.sol"
LEDGER: Final = "contracts/LuyaLedger.sol"
# Tests of libraries that are no subjects, and slow.
SLOW: Final = "CalendarTest|KeccakTreeTest"
SEED: Final = 20_261_130
PATIENCE: Final = 600.0
SAMPLE: Final = 60
DEEP_SAMPLE: Final = 200

# What is changed, and into what. Words of Yul count inside assembly only; everything else outside too.
OPERATORS: Final = (
    (r"<=", ("<",)), (r">=", (">",)), (r"==", ("!=",)), (r"!=", ("==",)), (r"&&", ("||",)), (r"\|\|", ("&&",)),
    (r"(?<=\s)<(?=\s)", ("<=", ">=")), (r"(?<=\s)>(?=\s)", (">=", "<=")), (r"<<", (">>",)), (r">>", ("<<",)),
    (r"(?<=\s)\+(?=\s)", ("-",)), (r"(?<=\s)-(?=\s)", ("+",)), (r"(?<=\s)\*(?=\s)", ("+",)),
    (r"(?<=\s)&(?=\s)", ("|",)), (r"(?<=\s)\|(?=\s)", ("&",)), (r"\+=", ("-=", "=")), (r"-=", ("+=",)),
    (r"(?<=\()!(?=\w)", ("",)), (r"~", ("",)), (r"\+\+(?=\w)", ("",)),
    (r"\btrue\b", ("false",)), (r"\bfalse\b", ("true",)),
)  # fmt: skip
YUL: Final = (
    (r"\badd\(", ("sub(",)), (r"\bsub\(", ("add(",)), (r"\bor\(", ("and(",)), (r"\band\(", ("or(",)),
    (r"\bshl\(", ("shr(",)), (r"\bshr\(", ("shl(",)), (r"\bgt\(", ("lt(",)), (r"\blt\(", ("gt(",)),
    (r"\biszero\(", ("(",)), (r"\bmstore8\(", ("mstore(",)),
)  # fmt: skip
NUMBER: Final = re.compile(r"(?<![\w.])(0x[0-9a-f]+|\d[\d_]*)(?![\w.])")
STATEMENT: Final = re.compile(
    r"^ +(?!return\b|using\b|import\b|type\b|emit\b)([\w.\[\]()]+ = .*;|_?\w+(\.\w+)*\(.*\);|revert .*;)$", re.M
)
CONDITION: Final = re.compile(r"\bif \((?=.*\) (revert|return|break))")
YUL_STATEMENT: Final = re.compile(r"^ +(\w+ := .*|mstore8?\(.*\))$", re.M)
COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?\*/|\"[^\"\n]*\"", re.S)
FUNCTION: Final = re.compile(r"\b(?:function|modifier|constructor) ?(\w*)")


@dataclass(frozen=True)
class Mutant:
    """One fault: in `source`, what lies from `start` to `end` becomes `new`."""

    source: str
    start: int
    end: int
    new: str
    function: str
    line: str

    def __str__(self) -> str:
        return f"{Path(self.source).name} {self.function}: {self.line}"

    def applied(self, text: str) -> str:
        return text[: self.start] + self.new + text[self.end :]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=DEEP_SAMPLE if os.environ.get("DEEP") == "1" else SAMPLE)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--file", help="of one source only, by its name")
    parser.add_argument("--units", action="store_true", help="libraries only, and their own tests only")
    parser.add_argument("--minutes", type=float, help="stop after so long, with what was tried until then")
    chosen = parser.parse_args()
    every = [
        mutant
        for source in SUBJECTS
        if (chosen.file is None or Path(source).name == chosen.file) and (not chosen.units or _is_library(source))
        for mutant in mutants_of(source, (ROOT / source).read_text(encoding="utf-8"))
    ]
    sample = random.Random(chosen.seed).sample(every, min(chosen.count, len(every)))
    print(f"{len(sample)} of {len(every)} mutants, seed {chosen.seed}", flush=True)
    workshop = Workshop(units=chosen.units)
    results: Counter[str] = Counter()
    survivors: list[Mutant] = []
    found: list[Mutant] = []
    started = time.monotonic()
    for place, mutant in enumerate(sample, 1):
        if chosen.minutes is not None and time.monotonic() - started > chosen.minutes * 60:
            break
        outcome = workshop.try_out(mutant)
        results[outcome] += 1
        if outcome == "survived":
            survivors.append(mutant)
        elif outcome.startswith("found"):
            found.append(mutant)
        print(f"{place:4} {outcome:16} {mutant}", flush=True)
    print(f"{sum(results.values())} tried: {dict(results)}")
    return judge(survivors, found, explanations())


def judge(survivors: list[Mutant], found: list[Mutant], explained: dict[str, str]) -> int:
    """Exit code 1 where a survivor is not explained, or an explanation is of a mutant that was found."""
    unexplained = [mutant for mutant in survivors if str(mutant) not in explained]
    stale = [mutant for mutant in found if str(mutant) in explained]
    for mutant in unexplained:
        print(f"survives, unexplained: {mutant}")
    for mutant in stale:
        print(f"explained, but found: {mutant}")
    return 1 if unexplained or stale else 0


def explanations() -> dict[str, str]:
    """Mutant → reason, from `survivors.toml`."""
    table = tomllib.loads((HERE / "survivors.toml").read_text(encoding="utf-8"))
    return {f"{entry['file']} {entry['function']}: {entry['line']}": entry["reason"] for entry in table["survivor"]}


def mutants_of(source: str, text: str) -> Iterator[Mutant]:
    """Every mutant of a source, in its order."""
    code = COMMENT.sub(lambda found: re.sub(r"[^\n]", "\0", found[0]), text)
    yul = list(_assembly(code))
    body = code.index("{", code.index("\nabstract contract ") if "\nabstract contract " in code else 0)
    changes: set[tuple[int, int, str]] = set()
    for pattern, replacements in OPERATORS:
        for match in re.finditer(pattern, code):
            if not _inside(match.start(), yul):
                changes |= {(*match.span(), new) for new in replacements}
    for match in CONDITION.finditer(code):
        changes.add((match.end(), match.end(), "false && "))
    for match in NUMBER.finditer(code):
        changes.add((*match.span(), str(int(match[1].replace("_", ""), 0) + 1)))
    for match in STATEMENT.finditer(code):
        if not _inside(match.start(), yul):
            changes.add((*match.span(1), ";"))
    for start, end in yul:
        for pattern, replacements in YUL:
            for match in re.finditer(pattern, code[start:end]):
                changes |= {(start + match.start(), start + match.end(), new) for new in replacements}
        for match in YUL_STATEMENT.finditer(code, start, end):
            changes.add((*match.span(1), ""))
    for start, end, new in sorted(changes):
        if start > body and "constant" not in _line(code, start):
            function = [name[1] for name in FUNCTION.finditer(code, 0, start)]
            yield Mutant(
                source, start, end, new, function[-1] if function else "", _mutated_line(text, start, end, new)
            )


def _assembly(code: str) -> Iterator[tuple[int, int]]:
    """Where assembly blocks begin and end."""
    for match in re.finditer(r"assembly [^{]*\{", code):
        depth, at = 1, match.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(code[at], 0)
            at += 1
        yield match.end(), at - 1


def _inside(at: int, blocks: list[tuple[int, int]]) -> bool:
    return any(start <= at < end for start, end in blocks)


def _line(text: str, at: int) -> str:
    return text[text.rfind("\n", 0, at) + 1 : text.find("\n", at)]


def _mutated_line(text: str, start: int, end: int, new: str) -> str:
    """The line as the mutant has it; of a removed statement `- ` and what was there."""
    if new in ("", ";") and text[start:end].strip(" ;") and len(text[start:end]) > 2:
        return "- " + text[start:end].strip()
    return _line(text[:start] + new + text[end:], start).strip()


class Workshop:
    """A copy of the contracts, whose tests are compiled once, and a compiler that stays."""

    def __init__(self, units: bool) -> None:
        """With `units` what the libraries' tests pass is left at that."""
        self._units = units
        self._tree = CACHE / "mutation"
        shutil.rmtree(self._tree / "contracts", ignore_errors=True)
        for name in ("contracts", "chain_node/artefacts", "hardhat_config", "scripts/assurance"):
            ignore = shutil.ignore_patterns("node_modules")
            shutil.copytree(ROOT / name, self._tree / name, dirs_exist_ok=True, ignore=ignore)
        modules = self._tree / "node_modules"
        modules.unlink(missing_ok=True)
        modules.symlink_to(ROOT / "node_modules")
        self._environment = environment(
            forge(),
            FOUNDRY_PROFILE="quick",
            FOUNDRY_SRC="contracts/libraries",
            FOUNDRY_TEST="contracts/test",
            FOUNDRY_CONFIG=str(self._tree / "scripts/assurance/foundry.toml"),
        )
        self._compiler = subprocess.Popen(
            ["node", str(HERE / "compile.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        self._artefact = self._tree / "chain_node/artefacts/LuyaLedger.json"
        self._original: dict[str, Any] = json.loads(self._artefact.read_text(encoding="utf-8"))
        if not units and self._compile() != self._original["bytecode"]:
            raise SystemExit("the artefact is not what the sources compile to: run npm run export")
        for tests in (UNIT_TESTS,) if units else (UNIT_TESTS, LEDGER_TESTS):
            if self._test(tests, 10 * PATIENCE) != "passed":
                raise SystemExit(f"{tests} fails without any mutant")

    def try_out(self, mutant: Mutant) -> str:
        """`found (units)`, `found (ledger)`, `survived`, or why it is none: `same code`, `no code`."""
        path = self._tree / mutant.source
        text = path.read_text(encoding="utf-8")
        path.write_text(mutant.applied(text), encoding="utf-8")
        try:
            if _is_library(mutant.source):
                outcome = self._test(UNIT_TESTS)
                if outcome != "passed":
                    return "found (units)" if outcome == "failed" else outcome
                if self._units:
                    return "left"
            bytecode = self._compile()
        finally:
            path.write_text(text, encoding="utf-8")
        if bytecode is None:
            return "no code"
        if bytecode == self._original["bytecode"]:
            return "same code"
        self._artefact.write_text(json.dumps({**self._original, "bytecode": bytecode}), encoding="utf-8")
        try:
            return "survived" if self._test(LEDGER_TESTS) == "passed" else "found (ledger)"
        finally:
            self._artefact.write_text(json.dumps(self._original), encoding="utf-8")

    def _compile(self) -> str | None:
        assert self._compiler.stdin is not None
        assert self._compiler.stdout is not None
        wanted = {"root": str(self._tree), "source": LEDGER, "contract": "LuyaLedger"}
        self._compiler.stdin.write(json.dumps(wanted) + "\n")
        self._compiler.stdin.flush()
        answer: dict[str, str] = json.loads(self._compiler.stdout.readline())
        return answer.get("bytecode")

    def _test(self, tests: str, patience: float = PATIENCE) -> str:
        """`passed`, `failed` (also out of time: a mutant may loop), or `no code` where it does not compile.

        The libraries' tests are compiled the old way, which takes seconds; the ledger's are too large for it.
        """
        units = tests == UNIT_TESTS
        command = ["forge", "test", "--root", str(self._tree), "--no-match-contract", SLOW, "--fail-fast"]
        folders = {"FOUNDRY_OUT": f"out-{units}", "FOUNDRY_CACHE_PATH": f"cache-{units}"}
        try:
            ran = subprocess.run(
                [*command, "--match-path", tests],
                cwd=self._tree,
                env={**self._environment, **folders, **({"FOUNDRY_VIA_IR": "false"} if units else {})},
                capture_output=True,
                timeout=patience,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "failed"
        if ran.returncode == 0:
            return "passed"
        return "no code" if b"Compiler run failed" in ran.stdout + ran.stderr else "failed"


def _is_library(source: str) -> bool:
    return "/libraries/" in source


if __name__ == "__main__":
    sys.exit(main())
