"""The bundle's JSON: one spelling, exactly its members, and what stands in them.

Raises everywhere: BundleError, naming the member.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import rfc8785

from chain_node.protocol.entries import NO_HASH
from chain_node.protocol.errors import BundleError

FORMAT: Final = "luya-bundle@v1"
MAX_BYTES: Final = 1 << 20
"""A bundle with its opening stays far below this; more is refused unread."""

DEEPEST: Final = 64
"""Arrays and objects in each other: beyond, the decoder might overflow the stack where a library (web3) has raised the
interpreter's recursion limit."""

_OPENING: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{\]}]', re.DOTALL)
_HEX = re.compile(r"(?:[0-9a-f]{2})*")
_KEYS: Final = {
    "": {"attestation", "domain", "entry", "format", "hints", "index", "law", "proof"},
    "attestation": {
        "config_digest", "count", "feed", "first_sequence", "path", "position", "records_root", "signatures"
    },
    "domain": {"chain_id", "genesis_nonce", "ledger", "origin", "salt"},
    "law": {"feed", "method"},
    "law.feed": {"entry", "index", "proof"},
    "law.method": {"entry", "index", "proof"},
    "evidence": {"raw", "salt"},
}  # fmt: skip


def parse(bundle: bytes) -> dict[str, Any]:
    """The document, in its one spelling and with exactly its members."""
    document = load(bundle, FORMAT, MAX_BYTES)
    for path, keys in _KEYS.items():
        if path == "evidence" and path not in document:
            continue
        part: Any = document
        for name in path.split(".") if path else ():
            part = part[name]
        allowed = keys | {"evidence"} if not path and "evidence" in document else keys
        if not isinstance(part, dict) or set(part) != allowed:
            raise BundleError(f"{path or 'the document'} does not have exactly the members {', '.join(sorted(keys))}")
    if not isinstance(document["hints"], dict):
        raise BundleError("hints is not an object")
    return document


def load(data: bytes, named: str, limit: int) -> dict[str, Any]:
    """A document of the format `named` and at most `limit` bytes, in its one spelling; whatever its members are."""
    if len(data) > limit:
        raise BundleError(f"a {named} has at most {limit} bytes, not {len(data)}")
    try:
        text = data.decode()
        if _depth(text) > DEEPEST:
            raise BundleError(f"not a JSON document: nested more than {DEEPEST} deep")
        document = json.loads(text)
        spelled = canonical(document)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"not a JSON document: {error}") from None
    if not isinstance(document, dict) or document.get("format") != named:
        raise BundleError(f"the document's format is not {named!r}")
    if spelled != data:
        raise BundleError("the document is not in canonical form (RFC 8785, one LF at the end)")
    return document


def members(part: object, names: set[str], what: str) -> dict[str, Any]:
    """An object with exactly these members."""
    if not isinstance(part, dict) or set(part) != names:
        raise BundleError(f"{what} does not have exactly the members {', '.join(sorted(names))}")
    return part


def _depth(text: str) -> int:
    """How many arrays and objects stand open at most, whatever else is wrong with the text."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return 0
    depth = deepest = 0
    for token in _OPENING.finditer(text):
        sign = token[0]
        if sign in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in "]}":
            depth -= 1
    return deepest


def canonical(document: object) -> bytes:
    """The one spelling: RFC 8785, one LF at the end."""
    try:
        return rfc8785.dumps(document) + b"\n"  # type: ignore[arg-type]  # checked by rfc8785 itself
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise BundleError(f"can't be written as RFC 8785 JSON: {error}") from None


def number(part: Mapping[str, Any], name: str) -> int:
    """A member that is an integer of 0 or more."""
    value = part[name]
    if type(value) is not int or value < 0:
        raise BundleError(f"{name} is not a non-negative integer: {value!r}")
    return value


def text(part: Mapping[str, Any], name: str) -> str:
    """A member that is text."""
    value = part[name]
    if not isinstance(value, str):
        raise BundleError(f"{name} is not text: {value!r}")
    return value


def hexadecimal(part: Mapping[str, Any], name: str) -> bytes:
    """The bytes of a member in lower-case hex."""
    value = text(part, name)
    if not _HEX.fullmatch(value):
        raise BundleError(f"{name} is not lower-case hex: {value!r}")
    return bytes.fromhex(value)


def encode64(hashes: Sequence[bytes]) -> str:
    """Hashes one after the other, as base64."""
    return base64.b64encode(b"".join(hashes)).decode()


def decode64(part: Mapping[str, Any], name: str) -> list[bytes]:
    """The hashes of a path: base64, in its one spelling, of all of them one after the other."""
    value, size = text(part, name), len(NO_HASH)
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise BundleError(f"{name} is not base64") from None
    if len(data) % size or base64.b64encode(data).decode() != value:
        raise BundleError(f"{name} is not canonical base64 of whole hashes")
    return [data[at : at + size] for at in range(0, len(data), size)]
