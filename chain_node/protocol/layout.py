"""Fields of fixed width, one after the other: the one table of their places, for Python and for Solidity."""

from __future__ import annotations

import struct


class Layout:
    """Where fields are and how they are read, big-endian.

    Args:
        text: `name:code` in order, the codes those of `struct` ("feed:H record:64s"); a name without a code is the
            place where something of variable length begins.
        start: where the first one lies in the entry.
    """

    def __init__(self, text: str, start: int = 0) -> None:
        self.fields = [(name, code) for name, _, code in (part.partition(":") for part in text.split())]
        """(name, code) in order."""
        self.codes = struct.Struct(">" + "".join(code for _, code in self.fields))
        self.at: dict[str, int] = {}
        """Where a field begins, in bytes from the entry's start."""
        self.place: dict[str, slice] = {}
        """A field's bytes in the entry."""
        end = start
        for name, code in self.fields:
            self.at[name] = end
            end += struct.calcsize(">" + code)
            self.place[name] = slice(self.at[name], end)
        self.end = end
        """Where the byte after the last field is."""

    def without(self, *names: str) -> struct.Struct:
        """The codes that skip these fields: what a reader in a hurry unpacks by."""
        codes = (code.replace("s", "x") if name in names else code for name, code in self.fields)
        return struct.Struct(">" + "".join(codes))
