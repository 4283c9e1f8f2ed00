"""One name, one thing: no public class has another's name, each says what it is, and what a text names is there."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("chain_node", "oracle", "api", "luya")
PLACE = re.compile(rf"`((?:{'|'.join(PACKAGES)}|tests|scripts|deploy)/[\w./-]*[\w/])`")
MODULE = re.compile(rf"`((?:{'|'.join(PACKAGES)})(?:\.[a-z_]+)+)")


@cache
def modules() -> dict[Path, ast.Module]:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {path.relative_to(ROOT): ast.parse(path.read_text("utf-8")) for path in paths}


def public_classes() -> Iterator[tuple[Path, ast.ClassDef]]:
    for path, module in modules().items():
        for node in module.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield path, node


def texts() -> Iterator[tuple[Path, str]]:
    """What describes the project as it is: sources with their docstrings, and the documents but for the diary."""
    folders = [(ROOT / "docs", "*.md"), *((ROOT / name, "*.py") for name in (*PACKAGES, "scripts", "tests"))]
    found = [path for folder, pattern in folders for path in folder.rglob(pattern) if "diary" not in path.parts]
    for path in (*found, *ROOT.glob("README*.md")):
        yield path.relative_to(ROOT), path.read_text("utf-8")


def is_module(name: str) -> bool:
    """Whether there is such a module or folder, or one that has such a member."""
    path = ROOT.joinpath(*name.split("."))
    inside = path.parent / "__init__.py"
    return (
        path.is_dir()
        or any(one.with_suffix(".py").exists() for one in (path, path.parent))
        or (inside.exists() and re.search(rf"\b{path.name}\b", inside.read_text("utf-8")) is not None)
    )


def test_no_public_class_has_the_name_of_another() -> None:
    places = defaultdict(list)
    for path, node in public_classes():
        places[node.name].append(path.as_posix())
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_every_public_class_says_what_it_is() -> None:
    assert [f"{path}: {node.name}" for path, node in public_classes() if not ast.get_docstring(node)] == []


def test_a_room_names_only_modules_it_has() -> None:
    """In the docstring of a folder, a word in backticks is a module beside or below it, a package, or a library."""
    libraries = {"cryptography", "eth_hash", "coincurve", "rfc8785"}
    for path, module in modules().items():
        if path.name != "__init__.py":
            continue
        folder = ROOT / path.parent
        near = {one.stem for place in (folder, folder.parent, ROOT) for one in place.iterdir()} | libraries
        for word in re.findall(r"`([a-z_]+)(?:/|\.py)?`", ast.get_docstring(module) or ""):
            assert word in near, f"{path} names {word}"


def test_the_modules_and_files_that_texts_name_are_there() -> None:
    for path, text in texts():
        for name in MODULE.findall(text):
            assert is_module(name), f"{path} names the module {name}"
        for name in PLACE.findall(text):
            assert (ROOT / name).exists(), f"{path} names the file {name}"


def test_every_link_between_documents_leads_somewhere() -> None:
    documents = [*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    for document in documents:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text("utf-8")):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.relative_to(ROOT)} links to {target}"
