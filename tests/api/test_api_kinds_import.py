"""Every registered kind through the chain's import: an archive that has them all becomes a new ledger on anvil."""

from __future__ import annotations

from pathlib import Path

from kinds_script import BODIES, ORIGIN, archive

from chain_node.archive.reader import ArchiveReader
from chain_node.auditor.compare import compare_law, expected
from chain_node.contracts.handles import LuyaLaw, LuyaLedger, LuyaViews
from chain_node.deployment.deploy import deploy
from chain_node.deployment.import_phase import import_calls, log_key_of, seal_of
from chain_node.deployment.plan import DeploymentPlan, RoleGrant
from chain_node.engine.anvil import CAPABILITIES, AnvilEngine, AnvilSettings
from chain_node.engine.base import Finality, StorageOrder
from chain_node.keys.keystore import ChainKey
from chain_node.node.hidden_words import hidden
from chain_node.protocol.attestation import address_of
from chain_node.protocol.kinds import BY_TYPE
from chain_node.protocol.replay import State
from chain_node.rpc.client import JsonRpc, to_hex
from chain_node.sending.sender import Sender

CHAIN = 7_000_000_322
SECRET = (4712).to_bytes(32, "big")
HOLDER = bytes([9]) * 20


def test_every_kind_is_imported_and_the_new_ledger_is_what_the_replay_says(tmp_path: Path) -> None:
    assert {body[0] for body in BODIES} == set(BY_TYPE)
    state = State()
    for body in BODIES:
        state.apply(body)
    archive(tmp_path / "archive").close()
    reader = ArchiveReader(tmp_path / "archive")
    seal, log_key = seal_of(reader), log_key_of(reader)
    assert log_key is not None
    roles = (RoleGrant("GOVERNANCE", HOLDER),)
    plan = DeploymentPlan("test", ORIGIN, CHAIN, log_key, roles)
    engine = AnvilEngine(tmp_path / "chain", AnvilSettings(chain_id=CHAIN, block_time=0.1))
    engine.start()
    try:
        key = ChainKey("deployer", SECRET, address_of(SECRET))
        with (
            JsonRpc(engine.rpc_url) as rpc,
            Sender(tmp_path, rpc, key, chain_id=CHAIN, genesis="kinds", finality=Finality("latest")) as sender,
        ):
            manifest = deploy(
                sender,
                rpc,
                plan,
                genesis_nonce=bytes(32),
                engine="anvil",
                seal=seal,
                imports=lambda ledger: import_calls(reader, ledger, seal, engine.limits),
                imported_log_key=log_key,
            )
            ledger = LuyaLedger(rpc, manifest.ledger_address)
            assert (ledger.log_size(), ledger.root()) == (len(BODIES), state.root())
            words = list(expected(state, None))
            to = to_hex(ledger.address)
            found = rpc.batch([("eth_getStorageAt", [to, to_hex(word.slot), "latest"]) for word in words])
            for word, value in zip(words, found, strict=True):
                assert int(value, 16) == word.value, f"{word.what} {word.key}"
            assert {word.what for word in words} >= {"account", "slot word", "nullifier", "totals of vintage", "feed"}
            stored = CAPABILITIES.list_storage(StorageOrder(rpc, tmp_path, CHAIN, ledger.address, len(words)))
            assert stored is not None
            assert list(hidden(stored, state, reader)) == []
            compare_law(LuyaLaw(rpc, manifest.law_address), state, 0)
            totals = LuyaViews(rpc, manifest.views_address).totals(state.totals)
            assert totals == [tuple(total) for total in state.totals.values()]
    finally:
        engine.stop()
