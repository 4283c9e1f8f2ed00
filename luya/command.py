"""What every command of `luya` shares: its common options, and how it ends: an answer, or one clear sentence."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.markup import escape

from api.errors import ApiError
from chain_node.errors import NodeError
from chain_node.protocol.errors import ProtocolError
from luya.console import answer, story
from luya.errors import LuyaError
from luya.home import LuyaHome
from oracle.errors import OracleError

JsonOption = Annotated[bool, typer.Option("--json", help="只输出 JSON。Print JSON only.")]
EngineOption = Annotated[
    str | None,
    typer.Option("--engine", help="链引擎 anvil|luyad|rpc。Chain engine (default: the home's; new: luyad if built)."),
]
RpcOption = Annotated[
    list[str] | None,
    typer.Option("--rpc", help="节点地址，可多个。Endpoint for --engine rpc; give it several times for failover."),
]
FinalityOption = Annotated[
    str | None,
    typer.Option("--finality", help="终局规则 latest|finalized|confirmations:N。When a block is final, for rpc."),
]


def _placed(given: Path | None) -> Path | None:
    with explained():
        LuyaHome.of(given).check_place()
    return given


HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home", callback=_placed, help="账本的目录。Folder of the ledger (default: LUYA_HOME, else ~/.luya)."
    ),
]


@contextmanager
def explained() -> Iterator[None]:
    """Errors that we know end as one sentence and exit code 1, never as a traceback."""
    try:
        yield
    except (LuyaError, OracleError) as error:
        fail(f"{error.zh}{'。' if error.zh else ''}{error}")
    except (NodeError, ApiError, ProtocolError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or 'the system'}: {error.strerror or error}")
    except _database_errors() as error:
        cause = getattr(error, "orig", error)
        fail(f"a database of this home cannot be used ({cause}): look at its disk, then run the command again")
    except KeyboardInterrupt:
        story.print("已中断，下次运行会从断点继续。Interrupted: the next run goes on from here.")
        raise typer.Exit(130) from None


def _database_errors() -> tuple[type[Exception], ...]:
    from sqlalchemy.exc import DBAPIError  # slow to import, and only needed where something has failed

    return sqlite3.Error, DBAPIError


def fail(text: str) -> NoReturn:
    """End with this sentence and exit code 1."""
    story.print(f"[red]错误 error:[/red] {escape(text)}", soft_wrap=True)
    raise typer.Exit(1) from None


def run(command: Callable[..., dict[str, Any] | None], *arguments: Any, **named: Any) -> dict[str, Any]:
    """Runs a command and prints its answer as the last line."""
    with explained():
        value = command(*arguments, **named) or {}
        answer(value)
        return value
