"""Revert data ↔ an error's name and arguments, by the ABIs that ship."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from chain_node.contracts.abi import BUILT_IN, CustomError
from chain_node.contracts.handles import GOVERNANCE, NAMES, all_errors, artefact, revert_reason
from chain_node.errors import ContractError, RevertReason, RpcError

ERRORS = {
    (name, error.name): error
    for name in (*NAMES, *GOVERNANCE)
    for error in artefact(name).abi.errors.values()
    if error not in BUILT_IN
}


def sample(kind: str, position: int) -> Any:
    """A value of an ABI type, another one at each position."""
    if kind == "address":
        return f"0x{position + 1:040x}"
    if kind.startswith("bytes"):
        return bytes([position + 1]) * int(kind.removeprefix("bytes"))
    assert kind.startswith("uint")
    return 2 ** int(kind.removeprefix("uint")) - 1 - position


@pytest.mark.parametrize("error", ERRORS.values(), ids=[f"{name}.{error}" for name, error in ERRORS])
def test_every_error_of_every_contract_is_read_from_its_bytes(error: CustomError) -> None:
    values = [sample(kind, position) for position, kind in enumerate(error.inputs)]
    data = keccak(f"{error.name}({','.join(error.inputs)})".encode())[:4] + encode(error.inputs, values)
    assert error.data(*values) == data
    reason = all_errors().decode_error(data)
    assert reason == RevertReason(error.name, dict(zip(error.names, values, strict=True)), data)
    assert "" not in reason.arguments
    shown = [f"0x{one.hex()}" if isinstance(one, bytes) else str(one) for one in values]
    pairs = ", ".join(f"{label}={text}" for label, text in zip(error.names, shown, strict=True))
    assert str(reason) == f"{error.name}({pairs})"


def test_one_selector_one_error() -> None:
    assert len(ERRORS) > 100
    assert len({error.selector for error in ERRORS.values()}) == len({error.name for error in ERRORS.values()})


def test_what_solidity_reverts_with_by_itself() -> None:
    text = bytes.fromhex("08c379a0") + encode(["string"], ["纸不够 out of paper"])
    reason = all_errors().decode_error(text)
    assert (reason.name, reason.arguments, str(reason)) == (
        "Error",
        {"message": "纸不够 out of paper"},
        "纸不够 out of paper",
    )
    panic = bytes.fromhex("4e487b71") + encode(["uint256"], [0x11])
    reason = all_errors().decode_error(panic)
    assert (reason.name, reason.arguments, str(reason)) == ("Panic", {"code": 0x11}, "panic 0x11 (arithmetic overflow)")


@pytest.mark.parametrize(
    "data",
    [
        bytes.fromhex("deadbeef0102"),
        b"\x08\xc3",
        bytes.fromhex("08c379a0"),
        bytes.fromhex("08c379a0") + encode(["bytes"], [b"\xff\xfe"]),  # a string that is not UTF-8
        bytes.fromhex("4e487b71") + bytes(31),
    ],
)
def test_what_no_error_fits_stays_raw(data: bytes) -> None:
    reason = all_errors().decode_error(data)
    assert reason == RevertReason(data=data)
    assert str(reason) == f"unknown error 0x{data.hex()}"


def test_a_refusal_without_data_has_the_engines_words() -> None:
    assert revert_reason(RpcError("eth_call", 3, "execution reverted")) == RevertReason(note="execution reverted")
    assert str(revert_reason(RpcError("eth_call", 3, ""))).startswith("reverted without a reason")


def test_arguments_that_do_not_fit_an_error_are_told() -> None:
    sequence = next(error for error in ERRORS.values() if error.name == "LuyaLedgerWrongSequence")
    with pytest.raises(
        ContractError, match=r"LuyaLedgerWrongSequence: arguments do not fit \(uint16, uint64, uint64\)"
    ):
        sequence.data(1, 2)
