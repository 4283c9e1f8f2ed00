"""What can be wrong with protocol data.

ProtocolError
├── CodecError         bytes or fields that no record or entry has
├── ProofError         a Merkle proof that does not lead to the root
├── CheckpointError    a note, a key or a signature of the log that does not hold
├── AttestationError   a signature of an oracle that does not hold
├── BundleError        a proof bundle that does not verify
├── PostingError       a move of amounts that the books before it do not allow
└── ReplayError        an entry that the law does not allow after the entries before it

Every message says what is wrong, where, and with which value. An integer or a slice outside its type's range is a
`CodecError` too: callers need to catch nothing else.
"""

from __future__ import annotations


class ProtocolError(Exception):
    """Base of everything that this package raises."""


class CodecError(ProtocolError):
    """Bytes or fields that no record or entry has."""


class ProofError(ProtocolError):
    """A Merkle proof does not lead from what it proves to the given root."""


class CheckpointError(ProtocolError):
    """A signed note, a verifier key or a proof text is malformed, or its signature does not hold."""


class AttestationError(ProtocolError):
    """An oracle's signature is malformed, not in its canonical form, or recovers to nobody."""


class BundleError(ProtocolError):
    """A proof bundle does not verify."""


class PostingError(ProtocolError):
    """An entry moves what its buckets do not have, or not what the books before it lead to."""


class ReplayError(ProtocolError):
    """An entry could not have been appended after the entries before it."""
