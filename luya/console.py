"""What the person at the keyboard sees: a story on standard error, JSON as the last line of standard output."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

story = Console(stderr=True, highlight=False)

Advance = Callable[[str, int, int], None]


_said: logging.Logger | None = None
_hushed = False


def tell(text: str) -> None:
    """One sentence of the story."""
    if _hushed:
        return
    if _said is not None:
        _said.info(Text.from_markup(text).plain)
    else:
        story.print(text, soft_wrap=True)


@contextmanager
def hushed() -> Iterator[None]:
    """Nothing is told meanwhile: a command that is part of another's story."""
    global _hushed
    before, _hushed = _hushed, True
    try:
        yield
    finally:
        _hushed = before


def speak_by_log() -> None:
    """From now on the story's sentences are log lines: a service's output is JSON and nothing else."""
    global _said
    _said = logging.getLogger("luya.story")


def answer(value: dict[str, Any]) -> None:
    """The last line of standard output; with JSON's own escapes where the output cannot hold the characters."""
    line = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    try:
        line.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        line = json.dumps(value, separators=(", ", ": "))
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def progress() -> Iterator[Advance]:
    """Bars by stage: call with (stage, done, total); total 0 means that it is not known."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=story, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def advance(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total or None)
            bars.update(tasks[stage], completed=done, total=total or None)

        yield advance
