"""RFC 8785 JSON of a flat raw record, fast.

`chain_node.protocol.records.canonical` is the definition; this gives the same bytes for {text: text} about five times
faster, by keeping each header's order and encoded names. A property test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

# The C routine behind json.dumps(ensure_ascii=False): escapes ", \ and U+0000–U+001F as RFC 8785, 3.2.2.2, wants.
from json.encoder import encode_basestring
from typing import Final

_quote: Final[Callable[[str], str]] = encode_basestring


@lru_cache(maxsize=1024)
def _order(keys: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """(key, what stands before its value), sorted by UTF-16 code units (RFC 8785, 3.2.3)."""
    ordered = sorted(keys, key=lambda key: key.encode("utf-16-be"))
    return tuple((key, f"{',' if place else ''}{_quote(key)}:") for place, key in enumerate(ordered))


def canonical(raw: Mapping[str, str]) -> bytes:
    """The RFC 8785 JSON of a flat {text: text}. Raises UnicodeEncodeError: a lone surrogate, which has no UTF-8."""
    parts = [before + _quote(raw[key]) for key, before in _order(tuple(raw))]
    return f"{{{''.join(parts)}}}".encode()
