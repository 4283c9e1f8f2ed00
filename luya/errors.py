"""Every error of the command line, one tree.

LuyaError
├── UsageError      arguments that do not go together, or name what is not there
├── LoopRefused     a contract of the closed loop refuses an act; nothing has changed
└── HomeError       the home is not in a state in which this can be done
    └── HomeBusy    another process runs the node of this home
"""

from __future__ import annotations


class LuyaError(Exception):
    """Base of all errors of `luya`. Says what, where, and what to do. zh: in Chinese, '' where there is none yet."""

    def __init__(self, text: str, zh: str = "") -> None:
        super().__init__(text)
        self.zh = zh


class UsageError(LuyaError):
    """Arguments that do not go together, or name what is not there."""


class LoopRefused(LuyaError):
    """A contract of the closed loop refuses an act; nothing has changed."""


class HomeError(LuyaError):
    """The home is not in a state in which this can be done."""


class HomeBusy(HomeError):
    """Another process runs the node of this home."""
