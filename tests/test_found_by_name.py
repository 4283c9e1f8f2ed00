"""Whoever changes a module finds its test by its name.

The test of package/room/module.py lies in tests/package/room/ (or in tests/package/) and is called
test_…_module.py; or a file there imports the module by its name. What is tested as a whole, or in another room,
stands in `ELSEWHERE`: a module, or with a slash at its end a folder, and the test that goes through it.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
PACKAGES = ("chain_node", "oracle", "api", "luya")
NO_LOGIC = {"__init__", "__main__", "errors"}
ELSEWHERE = {
    "api/accounts/": "api/entries/test_api_entries.py",
    "api/checkpoint/": "api/test_api_public.py",
    "api/entries/": "api/entries/test_api_entries.py",
    "api/feeds/": "api/test_api_public.py",
    "api/health/": "api/test_api_public.py",
    "api/law.py": "api/test_api_public.py",
    "api/methods/": "api/test_api_public.py",
    "api/proofs/": "api/test_api_public.py",
    "api/records/": "api/records/test_api_records.py",
    "api/store/migrations/": "api/store/test_api_store.py",
    "api/tokens/verifier.py": "api/web/test_api_access.py",
    "api/totals/": "api/test_api_public.py",
    "api/web/": "api/web/test_api_problems.py",
    "chain_node/archive/bundles.py": "acceptance/test_bundles.py",
    "chain_node/archive/journal.py": "chain_node/archive/test_node_archive.py",
    "chain_node/auditor/": "chain_node/auditor/test_auditor_lies.py",
    "chain_node/conformance/bench.py": "chain_node/conformance/test_engine_conformance.py",
    "chain_node/deployment/": "chain_node/node/test_node_ledger.py",
    "chain_node/engine/": "chain_node/engine/test_engine_luyad.py",
    "chain_node/gateway/": "chain_node/gateway/test_gateway_wire.py",
    "chain_node/node/": "chain_node/node/test_node_ledger.py",
    "chain_node/operations/": "luya/operate/test_luya_backup.py",
    "chain_node/protocol/kinds/": "chain_node/protocol/test_protocol_entries.py",
    "chain_node/protocol/law.py": "chain_node/protocol/test_protocol_replay.py",
    "chain_node/protocol/layout.py": "chain_node/protocol/test_protocol_entries.py",
    "chain_node/protocol/views.py": "chain_node/protocol/test_protocol_replay.py",
    "chain_node/sending/": "chain_node/sending/test_node_delivery.py",
    "chain_node/supervisor/endpoints.py": "chain_node/supervisor/test_node_supervisor.py",
    "chain_node/supervisor/fleet.py": "chain_node/network/test_network_restore.py",
    "chain_node/supervisor/watched.py": "chain_node/supervisor/test_node_supervisor.py",
    "luya/auditor/": "luya/auditor/test_luya_auditor.py",
    "luya/bench/": "luya/bench/test_luya_bench.py",
    "luya/command.py": "luya/test_luya_cli.py",
    "luya/demo/": "acceptance/test_demo.py",
    "luya/engine/": "luya/engine/test_luya_engine.py",
    "luya/gateway/": "luya/gateway/test_luya_gateway.py",
    "luya/network/": "luya/network/test_luya_network.py",
    "luya/operate/": "luya/test_luya_cli.py",
    "luya/oracle/ingest.py": "acceptance/test_real_data.py",
    "luya/oracle/summary.py": "luya/oracle/test_luya_check.py",
    "luya/proofs/": "luya/test_luya_cli.py",
    "luya/session/outcomes.py": "luya/oracle/test_luya_feed.py",
    "oracle/families/family.py": "oracle/families/test_oracle_families.py",
    "oracle/feeds/stations.py": "oracle/feeds/test_oracle_schemas.py",
    "oracle/judging/likely.py": "oracle/judging/test_oracle_precheck.py",
    "oracle/judging/staging.py": "oracle/calls/test_oracle_ingest.py",
    "oracle/store/": "oracle/calls/test_oracle_ingest.py",
    "oracle/submitting/claims.py": "oracle/submitting/test_oracle_outbox.py",
}
PROCESSES = {"luya_process": "luya.cli"}
"""Support that runs the real command in a process of its own, and what it runs."""


@cache
def imported(path: Path) -> frozenset[str]:
    """All names that a file imports, also inside of functions: `a.b` and `a.b.c` for `from a.b import c`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
        elif isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
    return frozenset(found)


@cache
def support() -> dict[str, Path]:
    return {path.stem: path for path in TESTS.rglob("*.py") if path.stem != "conftest"}


def modules() -> list[Path]:
    """What needs a test, by its path in the repository."""
    found = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return [path.relative_to(ROOT) for path in found if path.stem not in NO_LOGIC]


def dotted(module: Path) -> str:
    return ".".join(module.with_suffix("").parts)


def has_its_own(module: Path) -> bool:
    package = TESTS / module.parts[0]
    room = package / module.parts[1] if len(module.parts) > 2 else package
    near = [*room.rglob("*.py"), *package.glob("*.py")]
    by_name = (path.stem.startswith("test_") and f"_{path.stem}".endswith(f"_{module.stem}") for path in near)
    return any(by_name) or any(dotted(module) in imported(path) for path in near)


def entry_of(module: Path) -> str | None:
    """The key of `ELSEWHERE` that is this module, or the folder it lies in."""
    name = module.as_posix()
    return next((key for key in ELSEWHERE if name == key or (key.endswith("/") and name.startswith(key))), None)


def reached(test: Path) -> set[str]:
    """The modules of the packages that a test gets to by imports, its support's and theirs included."""
    seen: set[str] = set()
    waiting = set(imported(test)) | {f"conftest:{path}" for path in conftests(test)}
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name.startswith("conftest:"):
            waiting |= imported(Path(name.removeprefix("conftest:")))
        elif name in PROCESSES:
            waiting.add(PROCESSES[name])
        elif name in support():
            waiting |= imported(support()[name])
        elif name.split(".")[0] in PACKAGES:
            path = ROOT.joinpath(*name.split("."))
            for one in (path.with_suffix(".py"), path / "__init__.py"):
                if one.exists():
                    waiting |= imported(one)
    return seen


def conftests(test: Path) -> list[Path]:
    return [one / "conftest.py" for one in test.parents if one.is_relative_to(TESTS) and (one / "conftest.py").exists()]


def test_every_modules_test_is_found_by_its_name() -> None:
    lost = [str(module) for module in modules() if not has_its_own(module) and entry_of(module) is None]
    assert lost == [], "call its test test_…_<module>.py in the room's folder of tests/, or name it in ELSEWHERE"


def test_what_is_tested_elsewhere_is_reached_from_there() -> None:
    for key, name in ELSEWHERE.items():
        assert (TESTS / name).exists(), name
        meant = [module for module in modules() if entry_of(module) == key and not has_its_own(module)]
        assert meant, f"{key} has its own tests: take it out of ELSEWHERE"
        missed = {dotted(module) for module in meant} - reached(TESTS / name)
        missed = {one for one in missed if not one.startswith("api.store.migrations")}  # found by Alembic, by path
        assert not missed, f"{name} does not get to {', '.join(sorted(missed))}"
