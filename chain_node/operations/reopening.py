"""How often, and after what pause, a home is opened anew whose engine was beyond mending in place."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

MAX_RESTARTS: Final = 5
_WELL: Final = 600.0
"""Seconds of running well after which earlier failures no longer count."""
_LONGEST: Final = 60.0


@dataclass(slots=True)
class Reopening:
    """Running well for a while forgets failures.

    Attributes:
        failures: since it ran well.
        began: when the home was opened last, on the monotonic clock.
    """

    failures: int = 0
    began: float = 0.0

    def opened(self) -> None:
        """The home is open now."""
        self.began = time.monotonic()

    def pause(self) -> float | None:
        """It was lost: seconds to wait before it is opened anew; None when it has failed too often."""
        if time.monotonic() - self.began > _WELL:
            self.failures = 0
        self.failures += 1
        return min(_LONGEST, 2.0**self.failures) if self.failures <= MAX_RESTARTS else None
