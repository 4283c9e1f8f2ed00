"""Solidity ABI on top of eth_abi: selectors, arguments, results, custom errors and events by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_hash.auto import keccak

from chain_node.errors import ContractError, RevertReason


@dataclass(frozen=True, slots=True)
class Function:
    """A function: its 4-byte selector and its types, structs as tuples."""

    name: str
    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    names: tuple[str, ...]

    def data(self, *arguments: Any) -> bytes:
        """Call data.

        Raises:
            ContractError: the arguments do not fit the types.
        """
        return _data(self, arguments)

    def arguments(self, data: bytes) -> tuple[Any, ...] | None:
        """The arguments in call data of this function; None when it is a call of another."""
        if data[:4] != self.selector:
            return None
        try:
            return tuple(abi_decode(self.inputs, data[4:]))
        except DecodingError:
            return None

    def result(self, data: bytes) -> Any:
        """One value, or a tuple of several.

        Raises:
            ContractError: it is no such result (usually: no contract at the address).
        """
        try:
            values = abi_decode(self.outputs, data)
        except DecodingError as error:
            raise ContractError(f"{self.name}: the result cannot be read: is the contract there? {error}") from error
        return values[0] if len(values) == 1 else tuple(values)


@dataclass(frozen=True, slots=True)
class Event:
    """An event: its topic, and the types of what is indexed and what is data."""

    name: str
    topic: bytes
    indexed: tuple[str, ...]
    plain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CustomError:
    """An error that a contract reverts with: its 4-byte selector, and the types and names of its arguments."""

    name: str
    selector: bytes
    inputs: tuple[str, ...]
    names: tuple[str, ...]

    def data(self, *arguments: Any) -> bytes:
        """Revert data.

        Raises:
            ContractError: the arguments do not fit the types.
        """
        return _data(self, arguments)


def _data(of: Function | CustomError, arguments: tuple[Any, ...]) -> bytes:
    try:
        return of.selector + abi_encode(of.inputs, arguments)
    except (EncodingError, TypeError, ValueError) as error:
        raise ContractError(f"{of.name}: arguments do not fit ({', '.join(of.inputs)}): {error}") from error


def _custom_error(name: str, inputs: tuple[str, ...], names: tuple[str, ...]) -> CustomError:
    return CustomError(name, keccak(f"{name}({','.join(inputs)})".encode())[:4], inputs, names)


BUILT_IN: Final = (_custom_error("Error", ("string",), ("message",)), _custom_error("Panic", ("uint256",), ("code",)))
"""What Solidity reverts with by itself, in every contract."""


class Abi:
    """An ABI by name.

    Args:
        items: the compiler's JSON.
    """

    def __init__(self, items: Sequence[dict[str, Any]]) -> None:
        self.functions: dict[str, Function] = {}
        self.events: dict[str, Event] = {}
        self.errors: dict[bytes, CustomError] = {error.selector: error for error in BUILT_IN}
        self.constructor: tuple[str, ...] = ()
        self.constructor_names: tuple[str, ...] = ()
        for item in items:
            self._take(item)

    def function(self, name: str) -> Function:
        """The function called `name`.

        Raises:
            ContractError: there is none.
        """
        try:
            return self.functions[name]
        except KeyError:
            raise ContractError(f"the ABI has no function {name}") from None

    def decode_error(self, data: bytes) -> RevertReason:
        """Revert data → the error's name and arguments; data that no error here fits stays raw."""
        error = self.errors.get(data[:4])
        if error is None:
            return RevertReason(data=data)
        try:
            values = abi_decode(error.inputs, data[4:])
        except (DecodingError, ValueError):  # cut short, or a string that is not UTF-8
            return RevertReason(data=data)
        return RevertReason(error.name, dict(zip(error.names, values, strict=True)), data)

    def merged(self, *others: Abi) -> Abi:
        """This ABI, with the custom errors of others, which a call of ours may surface."""
        merged = Abi([])
        merged.functions, merged.events = self.functions, self.events
        merged.constructor, merged.constructor_names = self.constructor, self.constructor_names
        for one in (*others, self):
            merged.errors |= one.errors
        return merged

    def _take(self, item: dict[str, Any]) -> None:
        kind = item.get("type")
        inputs = tuple(_type(parameter) for parameter in item.get("inputs", ()))
        names = tuple(parameter.get("name", "") for parameter in item.get("inputs", ()))
        if kind == "constructor":
            self.constructor, self.constructor_names = inputs, names
            return
        signature = f"{item.get('name')}({','.join(inputs)})".encode()
        if kind == "function":
            outputs = tuple(_type(parameter) for parameter in item.get("outputs", ()))
            # Overloads: the first wins; the ledger has none but ERC-1155's, which nobody here calls.
            self.functions.setdefault(
                item["name"], Function(item["name"], keccak(signature)[:4], inputs, outputs, names)
            )
        elif kind == "event":
            indexed = tuple(_type(parameter) for parameter in item["inputs"] if parameter["indexed"])
            plain = tuple(_type(parameter) for parameter in item["inputs"] if not parameter["indexed"])
            self.events[item["name"]] = Event(item["name"], keccak(signature), indexed, plain)
        elif kind == "error":
            error = _custom_error(item["name"], inputs, names)
            self.errors[error.selector] = error


def _type(parameter: dict[str, Any]) -> str:
    kind: str = parameter["type"]
    if kind.startswith("tuple"):
        inner = ",".join(_type(component) for component in parameter["components"])
        return f"({inner}){kind[len('tuple') :]}"
    return kind
