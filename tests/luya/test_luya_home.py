"""A home is a folder of its own: whatever command is given another place says so, and makes nothing there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from luya.cli import app


def test_a_home_is_no_file_and_no_folder_of_a_home(tmp_path: Path) -> None:
    """Of every command that takes a home: none makes a second ledger in the first one's folder."""
    (tmp_path / "home" / "archive").mkdir(parents=True)
    (tmp_path / "home" / "network.json").write_text("{}", encoding="utf-8")
    (tmp_path / "home" / "oracle" / "bike-share").mkdir(parents=True)
    file = tmp_path / "file"
    file.write_text("x", encoding="utf-8")
    wrong = {file: "is a file", tmp_path / "home" / "oracle" / "bike-share": f"give --home {tmp_path / 'home'}"}
    taking = [(path, one) for path, one in commands(typer.main.get_command(app)) if takes_a_home(one)]
    assert len(taking) > 20
    for path, one in taking:
        needed = [word for param in one.params for word in filled(param)]
        for place, said in wrong.items():
            done = CliRunner().invoke(app, [*path, *needed, "--home", str(place)])
            assert (done.exit_code, said in " ".join(done.output.split())) == (1, True), (path, done.output)
    assert sorted(path.name for path in (tmp_path / "home").rglob("*")) == [
        "archive", "bike-share", "network.json", "oracle",
    ]  # fmt: skip


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, one in getattr(command, "commands", {}).items():
        yield from commands(one, (*path, name))
    if not hasattr(command, "commands"):
        yield path, command


def takes_a_home(command: Any) -> bool:
    return any(one.help and "LUYA_HOME" in one.help for one in command.params if hasattr(one, "help"))


def filled(param: Any) -> list[str]:
    """What a parameter that must be given is given."""
    if not param.required:
        return []
    return ["1"] if param.param_type_name == "argument" else [param.opts[0], "1"]
