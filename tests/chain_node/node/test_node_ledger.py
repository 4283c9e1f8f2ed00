"""The whole node on a real anvil: deployment, batches, follower, restart, rebuild, fsck."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from eth_hash.auto import keccak
from node_support import CONFIG, FEED, PLATE, SIGNERS, Batches, settings

from chain_node.archive.layout import tile_path
from chain_node.archive.reader import ArchiveReader
from chain_node.auditor.compare import position
from chain_node.contracts.handles import Contract, artefact
from chain_node.deployment.deploy import role_numbers, verify, verify_modules
from chain_node.deployment.plan import RoleGrant
from chain_node.errors import DeploymentError, EngineError, Reverted, RpcError
from chain_node.node.fsck import Findings, FsckResult, _check_chain, fsck
from chain_node.node.node import Node
from chain_node.node.settings import NodeSettings
from chain_node.protocol.attestation import address_of, check_quorum, digest
from chain_node.protocol.checkpoint import open_note
from chain_node.protocol.entries import Reduction, Refusal, Revocation, decode
from chain_node.protocol.records import Record, records_root
from chain_node.protocol.replay import State
from chain_node.protocol.rules import Rule
from chain_node.registry.registrar import Identity
from chain_node.rpc.client import to_hex
from chain_node.sending.sender import Tx


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A deployed ledger on a real anvil, for this module."""
    with Node.open(tmp_path_factory.mktemp("home"), settings=settings()) as opened:
        yield opened


@pytest.fixture(scope="module")
def batches(node: Node) -> Batches:
    return Batches(node)


def check(node: Node, *, deep: bool = False) -> FsckResult:
    node.catch_up()
    chain = (node.rpc, node.manifest)
    return fsck(node.archive, log_key=node.manifest.log_key, chain=chain, deep=deep, list_storage=node.list_storage)


def test_deployment_hands_everything_over(node: Node) -> None:
    manifest = node.manifest
    verify(node.rpc, manifest)
    deployer = bytes.fromhex(manifest.deployer[2:])
    for number in role_numbers().values():
        assert not node.authority.has_role(number, deployer)[0]
    assert set(manifest.roles) >= {"ADMIN", "GOVERNANCE", "REGISTRAR", "AUDITOR", "GUARDIAN"}
    assert node.ledger.is_sealed()
    assert node.ledger.domain_salt() == manifest.domain.salt
    assert node.law.read("isGenesisClosed")
    again = type(manifest).load(node.home.manifest)
    assert again == manifest


def test_a_new_home_has_a_custodian_with_a_key_of_its_own(node: Node) -> None:
    controllers = Contract(node.rpc, node.manifest.module_address("LuyaControllers"), artefact("LuyaControllers").abi)
    key, since = controllers.read("custodian")
    custodian = node.keystore.chain_key("custodian").address
    assert key == to_hex(custodian)
    assert since
    assert key not in {holder for holders in node.manifest.roles.values() for holder in holders}


def test_deployer_can_do_nothing(node: Node) -> None:
    calls = {
        "setLogKey": (b"\x01" * 32,),
        "registerAccounts": (bytes(56),),
        "pause": (2**40,),
        "seal": (0, bytes(32)),
        "setModule": (0x10, 0x10, node.manifest.deployer),
        "importEntries": (b"\x00\x01\x00",),
    }
    sender = node.sender("deployer")
    for name, arguments in calls.items():
        with pytest.raises(Reverted, match="AccessManagedUnauthorized"):
            sender.run([Tx(node.ledger.address, node.ledger.data(name, *arguments), 300_000, f"try/{name}")])
    grant = node.authority.data("grantRole", 1, node.manifest.deployer, 0)
    with pytest.raises(Reverted, match="AccessManagerUnauthorizedAccount"):
        sender.run([Tx(node.authority.address, grant, 300_000, "try/grant")])
    node.release_sender("deployer")


def test_code_is_what_the_package_ships(node: Node) -> None:
    wrong = node.manifest.changed(code_hashes=node.manifest.code_hashes | {"LuyaLaw": "0x" + "00" * 32})
    with pytest.raises(DeploymentError, match="LuyaLaw"):
        verify(node.rpc, wrong)


def test_a_type_that_belongs_to_another_is_named(node: Node) -> None:
    verify_modules(node.ledger, node.manifest)
    with pytest.raises(DeploymentError, match=r"type 0x41 belongs to 0x\w{40}, expected LuyaLaw"):
        verify_modules(node.ledger, node.manifest.changed(law=node.manifest.views))


def test_a_word_that_no_entry_names_is_found(node: Node) -> None:
    """A balance of an account that nobody registered: no comparison by keys looks there."""
    whole = check(node, deep=True)
    assert whole.ok, [str(one) for one in whole.differences]
    assert whole.storage_words is not None
    assert whole.storage_words > 20
    stranger, root = position(3, int.from_bytes(b"\x66" * 20, "big")), position(2, node.archive.size + 1)
    for slot, value in ((stranger, 10**9), (root, 7), (position(12, 5), 1), (bytes(31) + b"\x50", 1)):
        for written, found in ((value, [f"0x{slot.hex()}"]), (0, [])):
            node.rpc.call("anvil_setStorageAt", to_hex(node.ledger.address), to_hex(slot), f"0x{written:064x}")
            assert [one.key for one in check(node, deep=True).differences] == found
            assert check(node).ok, "by the keys of the entries nothing differs"


def test_storage_that_cannot_be_listed_is_said_to_be_so(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an anvil behind somebody's door answers."""
    ask = node.rpc.call

    def call(method: str, *params: object) -> object:
        if method == "anvil_dumpState":
            raise RpcError(method, -32601, "the method anvil_dumpState does not exist")
        return ask(method, *params)

    monkeypatch.setattr(node.rpc, "call", call)
    found = check(node, deep=True)
    assert (found.ok, found.storage_words) == (True, None)


def test_who_is_behind_is_named(node: Node) -> None:
    size = node.catch_up()
    for replayed, where in ((size - 1, "archive"), (size + 1, "chain")):
        findings = Findings()
        state = cast(State, SimpleNamespace(size=replayed, root=lambda: b""))
        assert not _check_chain(state, node.rpc, node.manifest, findings)
        assert [one.where for one in findings.items if one.what == "log size"] == [where]


def test_a_batch_comes_through(node: Node, batches: Batches) -> None:
    accounts = node.registrar.enrol_many(1, [f"rider {n}" for n in range(12)])
    riders = list(accounts.values())
    stranger = b"\x77" * 20
    meals = [Record(riders[n], PLATE, 18_100, 38, 37, 0, 1, bytes([n]) * 32) for n in (0, 1)]
    used = [hashlib.sha256(bytes([n])).digest() for n in (0, 0)]
    rides = batches.records([*riders, stranger])
    records = [*rides[:5], *meals, *rides[5:]]
    before = node.catch_up()
    batches.send(records, used)
    assert node.catch_up() == before + len(records)

    entries = [decode(data) for data in node.archive.entries(before)]
    refused = {n: entry.rule for n, entry in enumerate(entries) if isinstance(entry, Refusal)}
    assert refused == {6: Rule.of("nullifier-used"), len(records) - 1: Rule.of("unknown-person")}
    for number, (entry, record) in enumerate(zip(entries, records, strict=True)):
        assert not isinstance(entry, Refusal) or entry.sequence == number
        assert not isinstance(entry, Reduction) or entry.record == record

    call = node.archive.call_of(before + 3)
    assert call is not None
    assert call.batch is not None
    payloads = node.archive.payloads(call)
    assert payloads[6] == meals[1].encode() + used[1]
    signed = call.batch.attestation
    assert (signed.records_root, signed.config_digest) == (records_root(payloads), CONFIG)
    signers = tuple(address_of(key) for key in SIGNERS)
    assert len(check_quorum(digest(call.batch.domain, signed), list(call.batch.signatures), signers, 2)) == 2

    checkpoint = open_note(node.archive.checkpoint_note() or "", node.manifest.log_key)
    assert checkpoint.size == before + len(records)
    assert checkpoint.root == node.ledger.root() == node.archive.root_at(checkpoint.size)
    result = check(node, deep=True)
    assert result.differences == []
    assert (result.log_size, result.log_root) == (checkpoint.size, checkpoint.root)


def test_refused_transactions_say_why(node: Node, batches: Batches) -> None:
    riders = list(node.registrar.enrol_many(1, ["rider 0"]).values())
    gap = batches.tx(batches.records(riders), sequence=10_000)
    with pytest.raises(Reverted, match=r"LuyaLedgerWrongSequence\(feed=1, expected=\d+, given=10000\)") as caught:
        node.sender("relay").run([gap])
    following = node.ledger.next_sequence(FEED)
    assert caught.value.reason.name == "LuyaLedgerWrongSequence"
    assert caught.value.reason.arguments == {"feed": FEED, "expected": following, "given": 10_000}
    stranger = hashlib.sha256(b"stranger").digest()
    forged = batches.tx(batches.records(riders), keys=sorted([SIGNERS[0], stranger], key=address_of))
    with pytest.raises(Reverted, match="LuyaLedgerBadSignature"):
        node.sender("relay").run([forged])
    alone = batches.tx(batches.records(riders), keys=SIGNERS[:1])
    with pytest.raises(Reverted, match=r"LuyaLedgerQuorumMissing\(given=1, threshold=2\)"):
        node.sender("relay").run([alone])


def test_registrar_joins_one_person_across_organisations(node: Node) -> None:
    person = Identity("cn-resident-id", "510502199001011234", district=3)
    one = node.registrar.enrol_many(1, ["u-1"], {"u-1": person})["u-1"]
    other = node.registrar.enrol_many(2, ["other-id", "u-1"], {"other-id": person})
    assert other["other-id"] == one != other["u-1"]
    assert sorted(node.registrar.members_of(one)) == [(1, "u-1"), (2, "other-id")]
    assert address_of(node.registrar.private_key(one)) == one
    assert node.registrar.lookup_many(1, ["u-1", "nobody"]) == {"u-1": one}
    assert [view[0] for view in node.views.accounts(other.values())] == [1, 1]


def test_attached_process_uses_the_owner(node: Node) -> None:
    node.follow()
    with Node.open(node.home.root, settings=settings()) as attached:
        assert not attached.owner
        assert attached.manifest == node.manifest
        riders = list(attached.registrar.enrol_many(1, ["rider 1"]).values())
        node.release_sender("relay")
        theirs = Batches(attached)
        theirs.counter = iter(range(1000, 2000))
        theirs.send(theirs.records(riders))
        assert attached.catch_up() == attached.ledger.log_size()
    node.check()


def test_planted_differences_are_found(node: Node) -> None:
    assert check(node).ok
    account = next(iter(check(node).state.balances))[0]
    slot = _account_slot(node, account)
    word = int(node.rpc.call("eth_getStorageAt", node.manifest.ledger, slot, "latest"), 16)
    for bit in (0, 64):
        changed = to_hex((word ^ (1 << bit)).to_bytes(32, "big"))
        node.rpc.call("anvil_setStorageAt", node.manifest.ledger, slot, changed)
        result = check(node)
        assert not result.ok
        assert any(d.where == "chain" and account.hex() in d.key for d in result.differences)
        node.rpc.call("anvil_setStorageAt", node.manifest.ledger, slot, to_hex(word.to_bytes(32, "big")))
    assert check(node).ok


def _account_slot(node: Node, account: bytes) -> str:
    """The account's word: a mapping at the first base position whose entry is its only non-zero word."""
    for base in range(64):
        slot = to_hex(keccak(account.rjust(32, b"\0") + base.to_bytes(32, "big")))
        if int(node.rpc.call("eth_getStorageAt", node.manifest.ledger, slot, "latest"), 16):
            return slot
    raise AssertionError("no account word found")


def test_changed_byte_in_the_archive_is_named(node: Node) -> None:
    size = node.catch_up()
    path = node.home.archive / tile_path("entries", 0, min(256, size))
    data = path.read_bytes()
    # bundle: u16 length ‖ entry; the byte is in an account's district or a record's evidence, which no rule looks at
    index = next(n for n, entry in enumerate(node.archive.entries()) if entry[0] == 1)
    offset = sum(len(entry) + 2 for entry in node.archive.entries(0, index)) + 2 + 19 + 40
    try:
        path.write_bytes(data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :])
        reader = ArchiveReader(node.home.archive)
        found = fsck(reader, log_key=node.manifest.log_key, chain=(node.rpc, node.manifest))
    finally:
        path.write_bytes(data)
    assert [d.key for d in found.differences if d.what == "entry"] == [str(index)]
    assert any(d.where == "archive" and d.what == "root" for d in found.differences)
    assert any(d.where == "chain" and d.what == "root" for d in found.differences)


def test_revocation_restart_and_rebuild(tmp_path: Path) -> None:
    with Node.open(tmp_path, settings=settings()) as node:
        batches = Batches(node)
        riders = list(node.registrar.enrol_many(1, [f"r{n}" for n in range(5)]).values())
        batches.send(batches.records(riders * 3))
        size = node.catch_up()
        target = size - 4
        proof = node.archive.inclusion(target, size)
        arguments = (target, size, node.archive.entry(target), proof, 7, b"\x05" * 32, True)
        node.sender("auditor").run([Tx(node.ledger.address, node.ledger.data("revoke", *arguments), 900_000, "revoke")])
        batches.send(batches.records(riders))
        size = node.catch_up()
        assert any(isinstance(decode(entry), Revocation) for entry in node.archive.entries())
        assert check(node).ok
        before = node.archive.checkpoint()
        manifest = node.manifest

    with Node.open(tmp_path, settings=settings()) as node:  # a clean restart keeps the chain
        assert not node.deployed
        assert node.manifest == manifest
        assert isinstance(node.engine.health().head, int)
        assert node.engine.ready()
        pid = node.engine.pid  # type: ignore[attr-defined]
        os.kill(pid, signal.SIGKILL)
        while node.engine.ready():
            time.sleep(0.02)
        with pytest.raises(EngineError, match="has ended"):
            node.check()

    with Node.open(tmp_path, settings=settings()) as node:  # a lost chain is rebuilt
        assert node.deployed
        assert node.archive.checkpoint() == before
        assert node.ledger.root() == (before.root if before else None)
        assert (node.manifest.origin, node.manifest.chain_id) == (manifest.origin, manifest.chain_id)
        assert node.manifest.genesis_nonce != manifest.genesis_nonce
        assert node.manifest.start_size == size
        assert check(node).ok
        assert node.registrar.enrol_many(1, ["r0"])["r0"] == riders[0]
        batches = Batches(node, iter(range(500, 600)))
        batches.send(batches.records(riders))
        assert node.catch_up() == size + 5
        assert check(node, deep=True).ok
        domains = {node.archive.read_call(row).batch.domain for row in node.archive.call_rows() if row.kind}  # type: ignore[union-attr]
        assert len(domains) == 2

    with Node.open(tmp_path, settings=settings(rebuild=True)) as node:  # … and by order
        assert node.deployed
        assert node.manifest.start_size == size + 5
        assert check(node, deep=True).ok


def test_deployment_cut_at_any_moment_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while it deploys (chain lost with it): the next start deploys anew, the identity stays."""
    from chain_node.deployment import deploy as deployment

    def stop(*_arguments: object, **_more: object) -> None:
        raise EngineError("killed here")

    monkeypatch.setattr(deployment, "verify", stop)
    with pytest.raises(EngineError, match="killed here"):
        Node.open(tmp_path, settings=settings())
    origin = (tmp_path / "network.json").read_text()
    attempt = (tmp_path / "deployment.json").read_text()
    monkeypatch.undo()
    with Node.open(tmp_path, settings=settings()) as node:
        assert (tmp_path / "network.json").read_text() == origin
        assert node.manifest.genesis_nonce in attempt  # the chain was kept, so the same deployment was finished
        assert not (tmp_path / "deployment.json").exists()
        assert check(node).ok


def test_plan_that_cannot_be(tmp_path: Path) -> None:
    roles = (RoleGrant("AUDITOR", b"\x01" * 20), RoleGrant("BAKER", b"\x02" * 20))
    with pytest.raises(DeploymentError, match="BAKER"):
        Node.open(tmp_path, settings=settings(roles=roles))
    with pytest.raises(DeploymentError, match="no holder of GOVERNANCE"):
        Node.open(tmp_path, settings=settings(roles=roles[:1]))
    with pytest.raises(DeploymentError, match="ADMIN is the contract Administration's alone"):
        Node.open(tmp_path, settings=settings(roles=(RoleGrant("ADMIN", b"\x01" * 20),)))


def test_rpc_engine_with_another_chain_is_refused(tmp_path: Path) -> None:
    with Node.open(tmp_path / "a", settings=settings()) as owner:
        url = owner.engine.rpc_url
        remote = NodeSettings(engine="rpc", rpc_urls=(url,), finality="latest", organisations=settings().organisations)
        with Node.open(tmp_path / "b", settings=remote) as guest:
            assert guest.manifest.chain_id == owner.manifest.chain_id
            assert guest.manifest.ledger != owner.manifest.ledger
            assert check(guest).ok
        with Node.open(tmp_path / "b", settings=remote) as guest:
            assert not guest.deployed
    with Node.open(tmp_path / "c", settings=settings()) as other:
        elsewhere = NodeSettings(engine="rpc", rpc_urls=other.engine.rpc_urls, finality="latest")
        with pytest.raises(EngineError, match="is chain"):
            Node.open(tmp_path / "b", settings=elsewhere)
    assert FEED == 1
