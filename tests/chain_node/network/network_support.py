"""Parts, networks and traffic that the network's tests share."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain_node.errors import NodeError
from chain_node.keys.keystore import ChainKey, Keystore
from chain_node.network.council import CouncilMember
from chain_node.network.folders import OrganisationFolder
from chain_node.network.parts import PublicPart
from chain_node.network.running import node_state
from chain_node.rpc.client import JsonRpc, to_hex
from chain_node.sending.signing import LegacySigner


def part(number: int, **changes: Any) -> PublicPart:
    """A public part of nobody."""
    seed = hashlib.sha256(b"organisation %d" % number).hexdigest()
    validator = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)).public_key()
    values: dict[str, Any] = {
        "organisation": number,
        "name": f"机构 {number}",
        "member": "0x" + seed[:40],
        "node_id": seed[24:],
        "validator_key": validator.public_bytes_raw().hex(),
        "endpoint": f"127.0.0.1:{27000 + 10 * number}",
    }
    return PublicPart(**(values | changes))


class Clients:
    """JSON-RPC clients that are closed together."""

    def __init__(self) -> None:
        self._open: list[JsonRpc] = []

    def rpc(self, url: str) -> JsonRpc:
        """A client."""
        self._open.append(JsonRpc(url))
        return self._open[-1]

    def member(self, folder: OrganisationFolder) -> CouncilMember:
        """An organisation's voice, through its own node."""
        chain_id = folder.network.charter().chain_id
        return CouncilMember(self.rpc(folder.settings().rpc_url), folder.council_key(), chain_id)

    def close(self) -> None:
        """Close all."""
        for rpc in self._open:
            rpc.close()


def key_in(folder: Path, name: str) -> ChainKey:
    """A key of somebody outside."""
    return Keystore(folder).chain_key(name)


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Look every 0.2 s."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.2)


def caught_up(folder: OrganisationFolder, height: int) -> Callable[[], bool]:
    """A node has this block and is not behind."""

    def look() -> bool:
        state = node_state(folder)
        return state.height >= height and not state.catching_up

    return look


@dataclass
class Traffic:
    """Sends transactions to a node, one after the other was taken, for as long as it lives."""

    url: str
    key: ChainKey
    chain_id: int
    hashes: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def going_on(self) -> Iterator[Traffic]:
        stop = threading.Event()
        thread = threading.Thread(target=self._run, args=(stop,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            stop.set()
            thread.join(60)

    def all_final(self, rpc: JsonRpc) -> bool:
        """Each that was taken is in a block, and succeeded."""
        for tx_hash in self.hashes:
            found = rpc.call("eth_getTransactionByHash", tx_hash)
            if not found or found.get("blockNumber") is None:
                return False
            assert int(rpc.call("eth_getTransactionReceipt", tx_hash)["status"], 16) == 1
        return True

    def _run(self, stop: threading.Event) -> None:
        signer = LegacySigner(self.key.private_key, self.chain_id)
        with JsonRpc(self.url) as rpc:
            nonce = int(rpc.call("eth_getTransactionCount", to_hex(self.key.address), "latest"), 16)
            while not stop.is_set():
                raw, tx_hash = signer.sign(self.key.address, b"", 21_000, nonce)
                try:
                    rpc.call("eth_sendRawTransaction", to_hex(raw))
                except NodeError as error:
                    self.refusals.append(str(error))
                    stop.wait(0.5)
                    continue
                if not self.hashes:  # a new account's first transaction goes alone
                    wait_for(lambda: self.all_final(rpc) if self.hashes else True, 30, "the first transaction")
                self.hashes.append(tx_hash)
                nonce += 1
                stop.wait(0.2)
