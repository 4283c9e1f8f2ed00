"""Whoever changes a module finds its test by its name.

The test of package/room/module.py lies in tests/package/room/ (or in tests/package/) and is called
test_…_module.py; or a file there imports the module by its name. What is tested as a whole, or in another room,
stands in `ELSEWHERE`, with the test that goes through it.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
PACKAGES = ("chain_node", "oracle", "api", "luya")
NO_LOGIC = {"__init__", "__main__", "errors"}
ELSEWHERE_BY_FOLDER = (
    ("api/accounts", "endpoints repository schemas service", "api/entries/test_api_entries.py"),
    ("api/certificates", "endpoints schemas", "api/certificates/test_api_certificates.py"),
    ("api/checkpoint", "endpoints", "api/test_api_public.py"),
    ("api/entries", "endpoints repository service", "api/entries/test_api_entries.py"),
    ("api/feeds", "endpoints repository schemas service", "api/test_api_public.py"),
    ("api/health", "endpoints", "api/test_api_public.py"),
    ("api", "law", "api/test_api_public.py"),
    ("api/methods", "endpoints schemas service", "api/test_api_public.py"),
    ("api/controllers", "repository schemas", "api/controllers/test_api_controllers.py"),
    ("api/items", "repository schemas service", "api/items/test_api_items.py"),
    ("api/orders", "endpoints repository schemas service", "api/orders/test_api_orders.py"),
    ("api/pledges", "endpoints repository schemas service", "api/pledges/test_api_pledges.py"),
    ("api/projects", "endpoints repository schemas service", "api/projects/test_api_projects.py"),
    ("api/proofs", "endpoints repository schemas", "api/test_api_public.py"),
    ("api/records", "endpoints repository schemas service", "api/records/test_api_records.py"),
    ("api/store/migrations", "env", "api/store/test_api_store.py"),
    (
        "api/store/migrations/versions",
        "r0001_first r0002_projection_version r0003_bucket_totals r0004_subjects",
        "api/store/test_api_store.py",
    ),
    ("api/tokens", "verifier", "api/web/test_api_access.py"),
    ("api/totals", "endpoints repository schemas service", "api/test_api_public.py"),
    ("api/web", "answers context cursors head observe", "api/web/test_api_problems.py"),
    ("chain_node/archive", "bundles", "acceptance/test_bundles.py"),
    ("chain_node/archive", "trails", "acceptance/test_demo.py"),
    ("chain_node/archive", "journal", "chain_node/archive/test_node_archive.py"),
    (
        "chain_node/auditor",
        "balances changes comparisons diagnosis judge",
        "chain_node/auditor/test_auditor_lies.py",
    ),
    ("chain_node/conformance", "bench", "chain_node/conformance/test_engine_conformance.py"),
    ("chain_node/contracts", "authority", "chain_node/deployment/test_node_role_check.py"),
    ("chain_node/engine", "comet local process", "chain_node/engine/test_engine_luyad.py"),
    (
        "chain_node/gateway",
        "door guards methods metrics service sockets upstream",
        "chain_node/gateway/test_gateway_wire.py",
    ),
    ("chain_node/node", "engines ledger_setup", "chain_node/node/test_node_ledger.py"),
    ("chain_node/operations", "described snapshot", "luya/operate/test_luya_backup.py"),
    (
        "chain_node/protocol/kinds",
        "accounts kind methods operation organisations revocations",
        "chain_node/protocol/test_protocol_entries.py",
    ),
    ("chain_node/protocol", "law views", "chain_node/protocol/test_protocol_replay.py"),
    ("chain_node/protocol/loop", "modules", "chain_node/protocol/test_protocol_loop.py"),
    ("chain_node/protocol", "layout", "chain_node/protocol/test_protocol_entries.py"),
    ("chain_node/sending", "nonces transactions", "chain_node/sending/test_node_delivery.py"),
    ("chain_node/supervisor", "endpoints watched", "chain_node/supervisor/test_node_supervisor.py"),
    ("chain_node/supervisor", "fleet", "chain_node/network/test_network_restore.py"),
    ("luya/auditor", "commands statements", "luya/auditor/test_luya_auditor.py"),
    (
        "luya/bench",
        "commands gateway_load load machine network_queries network_scene pipeline",
        "luya/bench/test_luya_bench.py",
    ),
    ("luya", "command", "luya/test_luya_cli.py"),
    ("luya/demo", "data loop network solo", "acceptance/test_demo.py"),
    ("luya/engine", "commands conformance", "luya/engine/test_luya_engine.py"),
    ("luya/governance", "commands roles", "luya/governance/test_luya_governance.py"),
    ("luya/gateway", "actions commands", "luya/gateway/test_luya_gateway.py"),
    ("luya/loop", "agent_commands agents", "acceptance/test_demo.py"),
    ("luya/loop", "project_commands", "luya/loop/test_luya_project.py"),
    ("luya/loop", "retirement_commands", "luya/loop/test_luya_retirement.py"),
    ("luya/loop", "reward_commands waiting", "luya/loop/test_luya_orders.py"),
    ("luya/network", "commands founding running vote_commands votes", "luya/network/test_luya_network.py"),
    ("luya/operate", "checks commands mirroring serve status tokens up", "luya/test_luya_cli.py"),
    ("luya/oracle", "ingest", "acceptance/test_real_data.py"),
    ("luya/oracle", "summary", "luya/oracle/test_luya_check.py"),
    ("luya/proofs", "bundle trail verify", "luya/test_luya_cli.py"),
    ("luya/session", "outcomes", "luya/oracle/test_luya_feed.py"),
    ("oracle/feeds", "stations", "oracle/feeds/test_oracle_schemas.py"),
    ("oracle/judging", "likely", "oracle/judging/test_oracle_precheck.py"),
    ("oracle/judging", "staging", "oracle/calls/test_oracle_ingest.py"),
    ("oracle/store", "batches openings outcomes rows staged", "oracle/calls/test_oracle_ingest.py"),
    ("oracle/submitting", "claims", "oracle/submitting/test_oracle_outbox.py"),
)
"""Folder, its modules, the test that goes through them: each module by name, so that a new one is not among them."""
ELSEWHERE = {f"{folder}/{name}.py": test for folder, names, test in ELSEWHERE_BY_FOLDER for name in names.split()}
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


@cache
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
    lost = [str(module) for module in modules() if not has_its_own(module) and module.as_posix() not in ELSEWHERE]
    assert lost == [], "call its test test_…_<module>.py in the room's folder of tests/, or name it in ELSEWHERE"


def test_what_is_tested_elsewhere_is_reached_from_there() -> None:
    assert set(ELSEWHERE) <= {module.as_posix() for module in modules()}, "modules, never folders"
    for key, name in ELSEWHERE.items():
        assert (TESTS / name).exists(), name
        assert not has_its_own(Path(key)), f"{key} has its own test: take it out of ELSEWHERE"
        found_by_path = key.startswith("api/store/migrations/")  # by Alembic
        assert found_by_path or dotted(Path(key)) in reached(TESTS / name), f"{name} does not get to {key}"
