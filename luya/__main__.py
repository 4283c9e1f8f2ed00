"""The `luya` command's door.

`luya verify` is answered before the other commands are imported, so that a verifier loads the pure core and nothing else.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line and exits with its code."""
    if sys.argv[1:2] == ["verify"]:
        from luya import verify

        raise SystemExit(verify.run(sys.argv[2:]))
    from luya.cli import app

    app()


if __name__ == "__main__":
    main()
