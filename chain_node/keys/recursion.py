"""The interpreter's recursion limit, held where key libraries raise it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held() -> Iterator[None]:
    """For the import of eth-account and eth-keyfile: py_ecc, which they import, raises the limit to 100,000.

    The C decoder of `json` goes as deep as the limit lets it: under that one, a bundle, an endpoint's answer or a
    request that nests deeply overflows the stack and ends the process, instead of being refused.
    """
    limit = sys.getrecursionlimit()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
