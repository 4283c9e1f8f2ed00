"""Help at 80 columns keeps every word; Chinese that ships has Chinese punctuation; a closed pipe is no error."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from luya_process import COMMAND, environment
from rich.cells import cell_len
from typer.testing import CliRunner

from luya.cli import app

ROOT = Path(__file__).parents[2]
SHIPPED = [path for room in ("api", "chain_node", "luya", "oracle") for path in sorted((ROOT / room).rglob("*.py"))]
CHINESE = sorted([*ROOT.glob("*.zh-CN.md"), *(ROOT / "docs").rglob("*.zh-CN.md")])
HAN = "[一-鿿]"
HALF_WIDTH = re.compile(rf"{HAN}\s?[,;:!?](?!//)|{HAN}\((?=[^)]*{HAN})|[,;:!?]{HAN}|{HAN}\.(?=$|\s|{HAN})")


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group, with the words that call it."""
    if path != ("verify",):  # argparse's: it cuts nothing
        yield path, command
    for name, one in sorted(getattr(command, "commands", {}).items()):
        yield from commands(one, (*path, name))


@pytest.mark.parametrize(
    ("path", "command"), list(commands(typer.main.get_command(app))), ids=lambda one: str(one)[:60]
)
def test_help_at_80_columns_keeps_every_word(path: tuple[str, ...], command: Any) -> None:
    # the width is typer's own, so that what a terminal of 80 columns shows is what is tried
    narrow = {"COLUMNS": "80", "TERMINAL_WIDTH": "80", "NO_COLOR": "1"}
    done = CliRunner().invoke(app, [*path, "--help"], env=narrow)
    assert done.exit_code == 0
    assert max(map(len, done.output.splitlines())) <= 80
    shown = re.sub(r"[│\s]", "", done.output)
    texts = [command.help, *(getattr(one, "help", None) for one in command.params)]
    said = [word for text in texts if text for word in text.split()]
    assert said
    assert [word for word in said if word.replace("`", "") not in shown.replace("`", "")] == []
    assert done.output.count("…") <= sum(text.count("…") for text in texts if text)


def test_enrolling_is_not_said_to_be_for_trials() -> None:
    """It is how residents are enrolled in earnest too."""
    for path, command in commands(typer.main.get_command(app)):
        for one in command.params:
            if "--enrol-unknown" in one.opts:
                assert "residents" in one.help or path[-1] == "check"
                assert "试用" not in one.help


def groups() -> list[tuple[tuple[str, ...], Any]]:
    """`luya` and every group of commands."""
    return [one for one in commands(typer.main.get_command(app)) if getattr(one[1], "commands", None)]


@pytest.mark.parametrize(("path", "group"), groups(), ids=lambda one: str(one)[:60])
def test_a_group_lists_every_command_with_its_whole_summary_at_80_columns(path: tuple[str, ...], group: Any) -> None:
    narrow = {"COLUMNS": "80", "TERMINAL_WIDTH": "80", "NO_COLOR": "1"}
    done = CliRunner().invoke(app, [*path, "--help"], env=narrow)
    assert done.exit_code == 0
    assert max(map(cell_len, done.output.splitlines())) <= 80, "in columns of a terminal, where Chinese takes two"
    shown = re.sub(r"[│\s`]", "", done.output)
    for name, command in group.commands.items():
        if command.hidden:
            continue
        summary = (command.help or "").partition("\n\n")[0]
        assert re.search(HAN, summary), f"{name} says nothing in Chinese"
        assert re.search(r"[a-z]{2}.*[.)]$", summary.strip()), f"{name} has no English sentence"
        assert name + re.sub(r"[\s`]", "", summary) in shown, f"{name}: {summary}"


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Texts in a Python file that hold Chinese: an f-string as one, its values as a digit."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = [str(one.value) if isinstance(one, ast.Constant) else "0" for one in node.values]
            yield node.lineno, re.sub(r"`[^`]*`", "0", "".join(parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, re.sub(r"`[^`]*`", "0", node.value)


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a text without its code."""
    fenced = False
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.startswith(("```", "    ")):
            fenced ^= line.startswith("```")
        elif not fenced:
            yield number, re.sub(r"`[^`]*`", "0", line)


def test_chinese_has_chinese_punctuation() -> None:
    assert len(CHINESE) >= 2
    places = [(path, *one) for path in SHIPPED for one in strings(path)]
    places += [(path, *one) for path in CHINESE for one in prose(path)]
    assert sum(bool(re.search(HAN, text)) for _, _, text in places) > 300
    wrong = [f"{path.relative_to(ROOT)}:{line}: {text[:80]}" for path, line, text in places if HALF_WIDTH.search(text)]
    assert wrong == []


@pytest.mark.parametrize(
    "arguments", [["verify", "none.json", "--key", "a+b+c"], ["status", "--json", "--home", "none"]]
)
@pytest.mark.parametrize("closed", ["stdout", "both"])
def test_a_reader_that_goes_away_is_no_error(arguments: list[str], closed: str, tmp_path: Path) -> None:
    """As `luya … | head -0` does: the pipe is closed before anything is written."""
    expected = subprocess.run([*COMMAND, *arguments], capture_output=True, cwd=tmp_path, env=environment()).returncode
    child = subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if closed == "both" else subprocess.PIPE,
        cwd=tmp_path,
        env=environment(),
    )
    assert child.stdout is not None
    child.stdout.close()
    said = child.stderr.read().decode() if child.stderr else ""
    assert child.wait() == expected
    if child.stderr:
        child.stderr.close()
    assert "Broken" not in said
    assert "Traceback" not in said
