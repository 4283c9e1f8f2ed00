"""Signs legacy transactions at gas price zero, the kind that every engine of a permissioned network takes."""

from __future__ import annotations

from typing import Any

import rlp  # type: ignore[import-untyped]  # it ships no types
from eth_hash.auto import keccak

from chain_node.errors import SenderError
from chain_node.keys import recursion
from chain_node.rpc.client import to_hex


class LegacySigner:
    """Signs with one key for one chain.

    Args:
        private_key: 32 bytes.
        chain_id: EIP-155 chain id.

    Raises:
        SenderError: the signing library would run on its slow backend.
    """

    def __init__(self, private_key: bytes, chain_id: int) -> None:
        # Imported here: it costs a second, and most commands sign nothing.
        with recursion.held():
            from eth_account import Account

        backend = type(Account._keys.backend).__name__
        if backend != "CoinCurveECCBackend":
            raise SenderError(
                f"signing would run on {backend}, eight times slower than needed: install coincurve "
                "(`pip install coincurve`) and unset ECC_BACKEND_CLASS"
            )
        self._account = Account.from_key(private_key)
        self._chain_id = chain_id

    def sign(self, to: bytes | None, data: bytes, gas: int, nonce: int) -> tuple[bytes, str]:
        """(raw transaction, its hash as 0x and 64 hex digits)."""
        fields: dict[str, Any] = {
            "nonce": nonce,
            "gasPrice": 0,
            "gas": gas,
            "value": 0,
            "data": data,
            "chainId": self._chain_id,
        }
        if to is not None:
            fields["to"] = to
        signed = self._account.sign_transaction(fields)
        return bytes(signed.raw_transaction), to_hex(bytes(signed.hash))


def contract_address(creator: bytes, nonce: int) -> bytes:
    """Address of the contract that `creator` creates with its transaction `nonce` (keccak of RLP, last 20 bytes)."""
    return keccak(rlp.encode([creator, nonce]))[12:]
