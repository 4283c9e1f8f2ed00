"""Operators' commands: copies of the archive, backup and restore. Each only reads its arguments and hands on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luya.command import HomeOption, JsonOption, run
from luya.home import LuyaHome

archive_app = typer.Typer(help="归档及其副本。The archive and its copies.", no_args_is_help=True)
MetricsPortOption = Annotated[
    int,
    typer.Option(
        "--metrics-port", min=0, max=65535, help="Prometheus 指标端口。Port of the metrics (0: any free one)."
    ),
]
MirrorOption = Annotated[
    Path | None,
    typer.Option("--mirror", help="归档的第二份，随账本增长。A second copy of the archive that grows with it."),
]


@archive_app.command("mirror")
def archive_mirror(
    to: Annotated[
        Path, typer.Option("--to", help="副本目录，最好在另一块盘。The copy's folder, best on another disk.")
    ],
    home: HomeOption = None,
    once: Annotated[bool, typer.Option("--once", help="赶上后退出。End when it has caught up.")] = False,
    json: JsonOption = False,
) -> None:
    """随归档增长的第二份，逐条校验，可续传。A verified second copy that grows with the archive; Ctrl-C, then again."""
    from luya.operate import mirroring as command

    run(command.mirror, LuyaHome.of(home), to, once=once, quiet=json)


@archive_app.command("verify")
def archive_verify(
    folder: Annotated[Path, typer.Argument(help="归档或副本的目录。Folder of an archive, or of a copy.")],
    json: JsonOption = False,
) -> None:
    """从盘上重读并重算整个归档。Reads a copy back from its disk and hashes every entry again."""
    from luya.operate import mirroring as command

    run(command.verify, folder, quiet=json)


@archive_app.command("mend")
def archive_mend(
    home: HomeOption = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="副本目录，默认为已知的那份。The copy; by default the known one.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """用副本修复 calls、domains，归档独有的保留。Mends calls and domains from a copy; what is newer here stays."""
    from luya.operate import mirroring as command

    run(command.mend, LuyaHome.of(home), source, quiet=json)


@archive_app.command("restore")
def archive_restore(
    source: Annotated[Path, typer.Option("--from", help="副本目录。Folder of the copy.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """用副本替换损坏的归档，旧的留在旁边。Puts a copy in the archive's place; the damaged one is kept beside it."""
    from luya.operate import mirroring as command

    run(command.restore, LuyaHome.of(home), source, quiet=json)


def backup(
    out: Annotated[Path, typer.Option("--out", help="新目录，或 .tar/.tar.gz 文件。New folder, or a .tar(.gz) file.")],
    home: HomeOption = None,
    secrets: Annotated[
        Path | None,
        typer.Option("--secrets", help="口令另存于此，不与备份放在一起。Passphrases go here, never beside the backup."),
    ] = None,
    keys: Annotated[bool, typer.Option("--keys/--no-keys", help="含加密的密钥。With the encrypted keystores.")] = True,
    verify: Annotated[bool, typer.Option("--verify/--no-verify", help="写完后校验。Check what was written.")] = True,
    json: JsonOption = False,
) -> None:
    """运行中备份整个账本（链除外，可重建）。Backs a home up while it runs; the chain is left out: it is rebuilt."""
    from luya.operate import backup as command

    run(command.backup, LuyaHome.of(home), out, secrets=secrets, keys=keys, verify=verify, quiet=json)


def restore(
    source: Annotated[Path, typer.Argument(help="备份的目录或文件。The backup: folder or file.")],
    home: HomeOption = None,
    secrets: Annotated[
        Path | None, typer.Option("--secrets", help="备份时另存的口令。The passphrases that were kept apart.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """在干净的机器上恢复并校验。Restores a backup into a new home, and checks it; then run `luya up`."""
    from luya.operate import backup as command

    run(command.restore, source, LuyaHome.of(home), secrets=secrets, quiet=json)


def register(app: typer.Typer) -> None:
    """Adds these commands to the command line."""
    app.add_typer(archive_app, name="archive")
    app.command()(backup)
    app.command()(restore)
