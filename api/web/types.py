"""Field types of the answers: integers that every JSON reader keeps exact, hex, addresses, texts in two languages."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from api.errors import BadParameter, ErrorText

SAFE = 1 << 53
"""Above this a JSON number may lose digits in JavaScript (RFC 8259 section 6), so it is sent as a string."""


def exact(value: int) -> int | str:
    """An integer as JSON keeps it: a number up to 2^53, a decimal string above."""
    return value if -SAFE <= value <= SAFE else str(value)


Amount = Annotated[
    int,
    PlainSerializer(exact, return_type=int | str),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^-?[0-9]+$"}],
            "description": "Integer; a decimal string above 2^53. Never a float.",
        }
    ),
]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Hex = Annotated[str, Field(pattern="^([0-9a-f]{2})*$")]
Signature = Annotated[str, Field(pattern="^[0-9a-f]{130}$")]
Address = Annotated[str, Field(pattern="^0x[0-9a-f]{40}$")]


class Model(BaseModel):
    """Base of all answers: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Bilingual(Model):
    """A text in Chinese and English."""

    zh: str
    en: str


def address_text(address: bytes) -> str:
    """An address as the API writes it: 0x and lower-case hex."""
    return f"0x{address.hex()}"


def parse_address(text: str, parameter: str = "address") -> bytes:
    """The 20 bytes of an address given with or without 0x, in any case. Raises BadParameter."""
    digits = text.removeprefix("0x").removeprefix("0X")
    if len(digits) == 40:
        try:
            return bytes.fromhex(digits)
        except ValueError:
            pass
    raise BadParameter(parameter, ErrorText("地址应为 0x 加 40 位十六进制数字", "an address is 0x and 40 hex digits"))


def parse_hash(text: str, parameter: str) -> bytes:
    """The 32 bytes of a hash in hex. Raises BadParameter."""
    digits = text.removeprefix("0x")
    if len(digits) == 64:
        try:
            return bytes.fromhex(digits)
        except ValueError:
            pass
    raise BadParameter(parameter, ErrorText("应为 64 位十六进制数字", "give 64 hex digits"))


def example(value: Any) -> ConfigDict:
    """A model configuration that carries one example for the OpenAPI document."""
    return ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [value]})
