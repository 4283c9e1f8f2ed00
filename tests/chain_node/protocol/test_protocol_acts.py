"""What residents and agents sign: by EIP-712's own rules, and nothing outside its type."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from protocol_world import DOMAIN

from chain_node.protocol import acts
from chain_node.protocol.acts import SIGNED_ACTS, Values
from chain_node.protocol.attestation import DOMAIN_NAME, DOMAIN_TYPE, DOMAIN_VERSION, Domain, address_of
from chain_node.protocol.errors import AttestationError

KEY = bytes([7]) * 32
DOCUMENT = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text("utf-8")


def fields(text: str) -> list[dict[str, str]]:
    return [dict(zip(("type", "name"), field.split(), strict=True)) for field in text.split(",")]


def values(act: str) -> dict[str, int | bytes]:
    """Every field as large as it may be, or bytes of its place."""
    made: dict[str, int | bytes] = {}
    for place, field in enumerate(fields(SIGNED_ACTS[act]), 1):
        kind = field["type"]
        if kind == "address":
            made[field["name"]] = bytes([place]) * 20
        elif kind == "bytes32":
            made[field["name"]] = bytes([place]) * 32
        else:
            made[field["name"]] = True if kind == "bool" else (1 << int(kind.removeprefix("uint"))) - place
    return made


@pytest.mark.parametrize("act", SIGNED_ACTS)
def test_the_digest_is_what_another_implementation_makes(act: str) -> None:
    own_type = re.fullmatch(r"EIP712Domain\((.*)\)", DOMAIN_TYPE)
    assert own_type
    message = {
        "types": {"EIP712Domain": fields(own_type[1]), act: fields(SIGNED_ACTS[act])},
        "primaryType": act,
        "domain": {
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "chainId": DOMAIN.chain_id,
            "verifyingContract": "0x" + DOMAIN.ledger.hex(),
            "salt": DOMAIN.salt,
        },
        "message": {
            name: "0x" + value.hex() if isinstance(value, bytes) and len(value) == 20 else value
            for name, value in values(act).items()
        },
    }
    signable = encode_typed_data(full_message=message)
    assert acts.digest(DOMAIN, act, values(act)) == keccak(b"\x19\x01" + signable.header + signable.body)


@pytest.mark.parametrize("act", SIGNED_ACTS)
def test_who_signed_is_recovered_and_any_other_message_or_ledger_gives_another(act: str) -> None:
    said = values(act)
    signature = acts.sign(KEY, DOMAIN, act, said)
    assert acts.recover(DOMAIN, act, said, signature) == address_of(KEY)
    others: list[Values] = []
    for name, value in said.items():
        changed = value[:-1] + b"\xff" if isinstance(value, bytes) else value - 1
        others.append({**said, name: changed})
    for other in others:
        assert acts.recover(DOMAIN, act, other, signature) != address_of(KEY)
    elsewhere = Domain(DOMAIN.chain_id, DOMAIN.ledger, bytes(32))
    assert acts.recover(elsewhere, act, said, signature) != address_of(KEY)


@pytest.mark.parametrize("act", SIGNED_ACTS)
def test_a_field_outside_its_type_is_not_signed(act: str) -> None:
    said = values(act)
    for field in fields(SIGNED_ACTS[act]):
        name, kind = field["name"], field["type"]
        if kind in ("address", "bytes32"):
            wrong: list[int | bytes] = [b"", bytes(19), bytes(33), 5]
        else:
            wrong = [-1, 1 << (1 if kind == "bool" else int(kind.removeprefix("uint"))), b"\x01"]
        for value in wrong:
            with pytest.raises(AttestationError, match=rf"{act}\.{name}"):
                acts.digest(DOMAIN, act, {**said, name: value})


def test_an_act_has_all_its_fields_and_no_others() -> None:
    said = values("Refund")
    for wrong in ({"order": 1}, {**said, "more": 1}, {}):
        with pytest.raises(AttestationError, match="a Refund has uint64 order,uint8 cause"):
            acts.digest(DOMAIN, "Refund", wrong)
    with pytest.raises(AttestationError, match="nobody signs a 'Theft'"):
        acts.digest(DOMAIN, "Theft", said)


def test_the_document_has_every_type() -> None:
    found = dict(re.findall(r"^- `(\w+)\(([^)]*)\)`$", DOCUMENT, flags=re.MULTILINE))
    assert found == SIGNED_ACTS
