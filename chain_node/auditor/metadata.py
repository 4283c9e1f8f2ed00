"""The compiler's metadata at the end of code: CBOR map, then its length as u16 (Solidity documentation, "Metadata")."""

from __future__ import annotations


def setting_of(own: bytes, there: bytes) -> list[tuple[str, str, str]]:
    """(setting, own, found) that explain a difference, as far as the metadata tells; the last one if it tells nothing.

    Args:
        own: code compiled here.
        there: code as deployed.
    """
    mine, theirs = read(own), read(there)
    if theirs is None:
        return [("metadata", _shown(mine), "none: not Solidity's, or compiled without metadata")]
    found = []
    for key in sorted({*(mine or {}), *theirs}):
        left, right = (mine or {}).get(key), theirs.get(key)
        if left != right:
            name = {"solc": "compiler version", "ipfs": "metadata.bytecodeHash", "bzzr1": "metadata.bytecodeHash"}
            found.append((name.get(key, f"metadata {key}"), _one(key, left), _one(key, right)))
    same = ("source, optimizer, viaIR or evmVersion", "as compiled here", "another one: the metadata is the same")
    return found or [same]


def read(code: bytes) -> dict[str, bytes] | None:
    """The metadata's map, values as bytes; None where there is none."""
    if len(code) < 2:
        return None
    length = int.from_bytes(code[-2:], "big")
    data = code[-2 - length : -2]
    if len(data) != length or not data or data[0] >> 5 != 5:
        return None
    found: dict[str, bytes] = {}
    at = 1
    try:
        for _ in range(data[0] & 0x1F):
            key, at = _item(data, at)
            value, at = _item(data, at)
            found[key.decode()] = value
    except (IndexError, UnicodeDecodeError):
        return None
    return found if at == length else None


def _item(data: bytes, at: int) -> tuple[bytes, int]:
    """A text or byte string, or a simple value as its one byte."""
    kind, size = data[at] >> 5, data[at] & 0x1F
    at += 1
    if kind == 7:
        return bytes([size]), at
    if size == 24:
        size, at = data[at], at + 1
    elif size == 25:
        size, at = int.from_bytes(data[at : at + 2], "big"), at + 2
    if kind not in (2, 3) or at + size > len(data):
        raise IndexError("not a string")
    return data[at : at + size], at + size


def _one(key: str, value: bytes | None) -> str:
    if value is None:
        return "none"
    return ".".join(map(str, value)) if key == "solc" and len(value) == 3 else f"0x{value.hex()}"


def _shown(found: dict[str, bytes] | None) -> str:
    return ", ".join(f"{key} {_one(key, value)}" for key, value in (found or {}).items()) or "none"
