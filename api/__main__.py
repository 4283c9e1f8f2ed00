"""`python -m api`: the API alone, set by LUYA_API_* (see `api.settings`)."""

from __future__ import annotations

import sys

from api.errors import ApiError
from api.server import configure_logs, server
from api.settings import Settings


def main() -> int:
    """Serve until interrupted; 2 where the settings or the database are not usable."""
    configure_logs()
    try:
        server(Settings.from_environment()).run()
    except ApiError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass  # uvicorn has stopped cleanly and hands the signal on
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
