"""No function, class or method that nobody uses: neither the program, nor its scripts, nor a test."""

from __future__ import annotations

from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).parent.parent
READ = ("chain_node", "oracle", "api", "luya", "scripts", "tests", "docs")
DECORATED = ["@*.command", "@*.callback", "@*.get", "@*.post", "@*.exception_handler", "@pytest.fixture"]
"""What a library calls: commands, endpoints, fixtures."""
CALLED_BY_NAME = ["downgrade", "bind_processor", "result_processor", "on_body"]
"""… and methods that Alembic, SQLAlchemy and httptools look for."""


def unused(paths: list[str]) -> list[str]:
    """Functions, classes and methods that are defined outside the tests and named nowhere else."""
    found = Vulture(ignore_names=CALLED_BY_NAME, ignore_decorators=DECORATED)
    found.scavenge(paths)
    kinds = {"function", "class", "method", "property"}
    return [
        f"{Path(one.filename).relative_to(ROOT)}:{one.first_lineno}: {one.typ} {one.name}"
        for one in found.get_unused_code(min_confidence=60)
        if one.typ in kinds and not Path(one.filename).is_relative_to(ROOT / "tests")
    ]


def test_nothing_is_dead() -> None:
    assert not unused([str(ROOT / room) for room in READ]), "delete it, or use it"


def test_what_is_dead_is_found() -> None:
    """Of one module read alone, all that only others use is dead."""
    path = ROOT / "chain_node" / "engine" / "process.py"
    assert any(one.endswith("function free_port_range") for one in unused([str(path)]))
