"""One account's statement out of an archive: every posting from the first entry on, and what each is about.

It takes no stored balance and no table: entries are hashed into the archive's root, the account's own are decoded and
booked anew (`chain_node.protocol.journal`). For a resident who disputes a figure, or a court.
"""

from __future__ import annotations

from dataclasses import dataclass

from chain_node.archive.reader import ArchiveReader
from chain_node.engine.base import Progress, no_progress
from chain_node.errors import QueryError
from chain_node.protocol.entries import ACCOUNT, REDUCTION, REDUCTION_NULLIFIER, REFUSAL, REVOCATION, Act, decode
from chain_node.protocol.errors import ProtocolError
from chain_node.protocol.journal import About, Move, PostingJournal
from chain_node.protocol.kinds import BY_TYPE
from chain_node.protocol.merkle import Tree, leaf_hash
from chain_node.protocol.records import ADDRESS_BYTES
from chain_node.protocol.totals import Statement, statement

_REDUCTIONS = frozenset({REDUCTION, REDUCTION_NULLIFIER})
_OWNER_AT = BY_TYPE[REDUCTION].layout.at["record"]  # a record begins with its account
_TARGET_AT = BY_TYPE[REVOCATION].layout.at["index"]
_STEP = 50_000


@dataclass(frozen=True, slots=True)
class AccountStatement:
    """A statement, and of what log it is.

    size, root: of the archive's checkpoint. times: index of an entry → its time, unix seconds. kinds: likewise, the
    name of its kind. about: likewise, what the entry's postings are about; None: an act's.
    """

    size: int
    root: bytes
    statement: Statement
    times: dict[int, int]
    kinds: dict[int, str]
    about: dict[int, About | None]


def of_account(
    reader: ArchiveReader,
    account: bytes,
    *,
    since: int = 0,
    until: int | None = None,
    progress: Progress = no_progress,
) -> AccountStatement:
    """The account's statement.

    Args:
        reader: the archive.
        account: 20 bytes.
        since: unix seconds; what lies before makes the opening.
        until: unix seconds, not included; None: up to the newest entry.
        progress: told of entries read.

    Raises:
        QueryError: no archive, an account that no entry registers, or entries that have another root, cannot be read,
            or do not lead to what they say.
    """
    checkpoint = reader.checkpoint()
    if checkpoint is None:
        raise QueryError(f"{reader.folder} holds no archive with a checkpoint: follow first, or give another folder")
    journal, tree = PostingJournal(account), Tree()
    moves: list[Move] = []
    times: dict[int, int] = {}
    kinds: dict[int, str] = {}
    own: set[int] = set()
    registered = False
    for index, body in enumerate(reader.entries(0, checkpoint.size)):
        tree.append(leaf_hash(body))
        if index % _STEP == 0:
            progress("reading entries", index, checkpoint.size)
        code = body[0]
        if code == REFUSAL:
            continue
        if code in _REDUCTIONS:
            if body[_OWNER_AT : _OWNER_AT + ADDRESS_BYTES] != account:
                continue
            own.add(index)
        elif code == REVOCATION and int.from_bytes(body[_TARGET_AT : _TARGET_AT + 8], "big") not in own:
            continue
        try:
            entry = decode(body)
            if isinstance(entry, Act) and account not in entry.accounts():
                continue
            found = journal.take(index, entry)
        except ProtocolError as error:
            raise QueryError(f"entry {index}: {error}") from error
        registered |= code == ACCOUNT and entry.account == account  # type: ignore[union-attr]  # by its type
        if found and (until is None or entry.time < until):
            times[index] = entry.time
            kinds[index] = BY_TYPE[code].name
            moves += found
    if tree.root() != checkpoint.root:
        raise QueryError(f"{reader.folder}: its entries have not its checkpoint's root: restore it from a copy")
    if not registered:
        raise QueryError(f"no entry registers the account 0x{account.hex()}: check the address")
    before = statement(account, ((move.index, move.posting) for move in moves if times[move.index] < since))
    after = [move for move in moves if times[move.index] >= since]
    whole = statement(account, ((move.index, move.posting) for move in after), before.closing)
    about = {move.index: move.about for move in after}
    return AccountStatement(checkpoint.size, checkpoint.root, whole, {at: times[at] for at in about}, kinds, about)
