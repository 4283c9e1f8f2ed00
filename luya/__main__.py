"""The `luya` command's door.

`luya verify` is answered before the other commands are imported, so that a verifier loads the pure core
and nothing else.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from typing import NoReturn


def main() -> None:
    """Runs the command line and exits with its code."""
    if sys.argv[1:2] == ["verify"]:
        from luya.proofs import verify

        raise SystemExit(verify.run(sys.argv[2:]))
    from luya.cli import app

    try:
        app()
    except SystemExit as end:
        if isinstance(end.code, str):
            raise
        _leave(end.code or 0)


def _leave(code: int) -> NoReturn:
    """Ends the process now: all that is durable is closed, and the answer is printed.

    Tearing down an interpreter with this many modules takes half a second, in which a command that has succeeded could
    still be killed, and then look as if it had failed.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
