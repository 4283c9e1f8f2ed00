"""Files for a network of Besu nodes under QBFT: genesis, permissions, configuration. Pure, except `write_besu`.

Sources: Besu's documentation of QBFT's genesis file (extraData is RLP of [32 bytes of vanity, validators, no vote,
round 0, no seals]), of free gas networks, and of local permissioning. Besu itself is in none of the package registries,
so it is the operator's to install (Java 21 or later); `luya engine conformance` then tells whether it carries a ledger.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import rlp  # type: ignore[import-untyped]  # it ships no types
from coincurve import PrivateKey, PublicKey
from eth_hash.auto import keccak

from chain_node.errors import NetworkError
from chain_node.network.parts import slug
from chain_node.storage.durable import make_dir, write_atomic, write_new

MIX_HASH: Final = "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365"
"""What tells Besu that this is a BFT chain."""
CONTRACT_SIZE_LIMIT: Final = 2_147_483_647
"""The largest that Besu takes; our contracts keep below Ethereum's 24,576 all the same."""
PORT_STEP: Final = 10

_VANITY: Final = bytes(32)
_ENODE: Final = re.compile(r"enode://([0-9a-f]{128})@(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})")
_ADDRESS: Final = re.compile(r"0x[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class BesuNode:
    """A validator.

    Attributes:
        name: the organisation's.
        public_key: secp256k1, 64 bytes: its node id.
        host: where its peers reach it.
        port: … and its first port: p2p, then JSON-RPC, WebSocket and metrics.
    """

    name: str
    public_key: bytes
    host: str
    port: int

    @staticmethod
    def parse(name: str, enode: str) -> BesuNode:
        """A node that an organisation has made itself, by its enode.

        Raises:
            NetworkError: it is none.
        """
        found = _ENODE.fullmatch(enode)
        if not found or not 0 < int(found[3]) < 65536:
            raise NetworkError(f"{enode!r} is no enode: expected enode://<128 hex digits>@host:port")
        return BesuNode(name, bytes.fromhex(found[1]), found[2], int(found[3]))

    @property
    def address(self) -> bytes:
        """Its validator's address, 20 bytes."""
        return keccak(self.public_key)[12:]

    @property
    def enode(self) -> str:
        """As Besu names it."""
        return f"enode://{self.public_key.hex()}@{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class BesuTerms:
    """What the organisations agree on.

    Attributes:
        chain_id: EVM chain id.
        senders: 0x addresses that may send transactions, the deployer's among them.
        block_period: seconds between blocks.
        block_gas: gas limit of a block.
        jwt_public_key: PEM of the key that signs callers' tokens; "" leaves JSON-RPC open, on 127.0.0.1 only.
    """

    chain_id: int
    senders: tuple[str, ...]
    block_period: int = 1
    block_gas: int = 300_000_000
    jwt_public_key: str = ""

    def __post_init__(self) -> None:
        for sender in self.senders:
            if not _ADDRESS.fullmatch(sender):
                raise NetworkError(f"{sender!r} is no address: 0x and 40 hex digits in lower case")
        if not 0 < self.chain_id < 2**53:
            raise NetworkError("chain_id must be within 1 and 2^53-1")


def extra_data(validators: Sequence[bytes]) -> bytes:
    """QBFT's genesis extraData for these 20-byte addresses.

    Raises:
        NetworkError: none, one twice, or no address.
    """
    if not validators or len(set(validators)) != len(validators) or any(len(each) != 20 for each in validators):
        raise NetworkError("QBFT needs validators: 20-byte addresses, each once")
    return bytes(rlp.encode([_VANITY, list(validators), [], b"", []]))


def besu_genesis(validators: Sequence[bytes], terms: BesuTerms) -> dict[str, Any]:
    """Besu's genesis file: Cancun from the first block, no fees, the validators in extraData."""
    return {
        "config": {
            "chainId": terms.chain_id,
            "berlinBlock": 0,
            "londonBlock": 0,
            "shanghaiTime": 0,
            "cancunTime": 0,
            "zeroBaseFee": True,
            "contractSizeLimit": CONTRACT_SIZE_LIMIT,
            "qbft": {
                "blockperiodseconds": terms.block_period,
                "epochlength": 30_000,
                "requesttimeoutseconds": 2 * terms.block_period,
            },
        },
        "nonce": "0x0",
        "timestamp": "0x0",
        "gasLimit": hex(terms.block_gas),
        "difficulty": "0x1",
        "mixHash": MIX_HASH,
        "coinbase": "0x" + "0" * 40,
        "alloc": {},
        "extraData": "0x" + extra_data(validators).hex(),
    }


def node_permissions(nodes: Sequence[BesuNode]) -> str:
    """Which nodes a node connects to, as Besu's TOML."""
    return f"nodes-allowlist={json.dumps([node.enode for node in nodes])}\n"


def account_permissions(senders: Sequence[str]) -> str:
    """Which accounts may send, as Besu's TOML."""
    return f"accounts-allowlist={json.dumps(list(senders))}\n"


def node_configuration(node: BesuNode, terms: BesuTerms) -> str:
    """A node's `--config-file`; its paths count from the folder in which Besu is started."""
    options: dict[str, object] = {
        "data-path": "data",
        "genesis-file": "genesis.json",
        "node-private-key-file": "key",
        "static-nodes-file": "static-nodes.json",
        "discovery-enabled": False,
        "p2p-host": node.host,
        "p2p-port": node.port,
        "permissions-nodes-config-file-enabled": True,
        "permissions-nodes-config-file": "permissions-nodes.toml",
        "permissions-accounts-config-file-enabled": True,
        "permissions-accounts-config-file": "permissions-accounts.toml",
        # The archive of all states: an auditor asks for old blocks, and Bonsai keeps only the newest.
        "sync-mode": "FULL",
        "data-storage-format": "FOREST",
        "min-gas-price": 0,
        # Made for private networks: in the order of arrival, and one sender may fill it.
        "tx-pool": "SEQUENCED",
        "tx-pool-limit-by-account-percentage": 1.0,
        "rpc-http-enabled": True,
        "rpc-http-host": "127.0.0.1",
        "rpc-http-port": node.port + 1,
        "rpc-http-api": ["ETH", "NET", "WEB3", "QBFT", "DEBUG", "TXPOOL"],
        "rpc-ws-enabled": True,
        "rpc-ws-host": "127.0.0.1",
        "rpc-ws-port": node.port + 2,
        "metrics-enabled": True,
        "metrics-host": "127.0.0.1",
        "metrics-port": node.port + 3,
    }
    if terms.jwt_public_key:
        for kind in ("http", "ws"):
            options[f"rpc-{kind}-authentication-enabled"] = True
            options[f"rpc-{kind}-authentication-jwt-public-key-file"] = "jwt-public.pem"
    return "".join(f"{name}={json.dumps(value)}\n" for name, value in options.items())


def make_key(folder: Path) -> bytes:
    """A node's key, made where it is missing (mode 0600); its public key, 64 bytes."""
    path = folder / "key"
    make_dir(folder, 0o700)  # before the key: what writes it would leave the folder open to all
    if not path.exists():
        write_new(path, PrivateKey().to_hex().encode() + b"\n", 0o600)
    try:
        secret = bytes.fromhex(path.read_text("ascii").strip().removeprefix("0x"))
        return PublicKey.from_secret(secret).format(compressed=False)[1:]
    except ValueError as error:
        raise NetworkError(f"{path} is no private key: 64 hex digits expected") from error


def write_besu(out: Path, nodes: Sequence[BesuNode], terms: BesuTerms) -> list[Path]:
    """Each organisation's folder; the folders of those whose keys lie elsewhere have no `key`.

    Returns:
        The folders, in the order of `nodes`.
    """
    genesis = json.dumps(besu_genesis([node.address for node in nodes], terms), indent=2) + "\n"
    folders = []
    for node in nodes:
        folder = out / slug(node.name)
        make_dir(folder, 0o700)
        others = [other.enode for other in nodes if other is not node]
        files = {
            "genesis.json": genesis,
            "static-nodes.json": json.dumps(others, indent=2) + "\n",
            "permissions-nodes.toml": node_permissions(nodes),
            "permissions-accounts.toml": account_permissions(terms.senders),
            "config.toml": node_configuration(node, terms),
            "start.sh": _START,
        }
        if terms.jwt_public_key:
            files["jwt-public.pem"] = terms.jwt_public_key
        for name, text in files.items():
            write_atomic(folder / name, text.encode(), 0o755 if name == "start.sh" else 0o644)
        folders.append(folder)
    return folders


_START: Final = """#!/bin/sh
# Starts this organisation's validator; Besu and Java 21 or later must be on PATH.
cd "$(dirname "$0")" || exit 1
exec besu --config-file=config.toml
"""
