"""Every error of the oracle, one tree.

    OracleError
    ├── ConfigError         a feed's TOML does not describe a feed
    ├── SourceError         a whole file cannot be taken: missing, wrong encoding, columns missing, not an array
    ├── JournalError        the journal cannot be opened, belongs to another feed, or contradicts the ledger
    ├── SignerError         fewer signatures than the threshold, a wrong key, a signer that is not the feed's
    └── SubmissionError     the ledger refuses for reasons that lie in no record
        └── LedgerBlocked   … for now: paused, or the feed is disabled

A bad *row* is never an error: it becomes a refused row with its rule and value.
"""

from __future__ import annotations


class OracleError(Exception):
    """Base of all errors of `oracle`. Says what, where, and what to do: in English, and in Chinese what partners read.

    zh: the Chinese text, '' where there is none yet.
    """

    def __init__(self, text: str, zh: str = "") -> None:
        super().__init__(text)
        self.zh = zh


class ConfigError(OracleError):
    """A feed's configuration is missing, unreadable or contradicts itself."""


class SourceError(OracleError):
    """A file as a whole cannot be taken; nothing of this call has been recorded."""


class JournalError(OracleError):
    """The journal cannot be opened, belongs to another feed, or contradicts the ledger."""


class SignerError(OracleError):
    """A key cannot be opened, or too few of the feed's signers signed."""


class SubmissionError(OracleError):
    """The ledger refuses for reasons that lie in no record; what is pending stays in the journal."""


class LedgerBlocked(SubmissionError):
    """The ledger refuses for now; calling again later goes on where this stopped."""
