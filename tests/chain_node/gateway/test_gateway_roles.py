"""Who may do what, over HTTP, on a real ledger."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak
from gateway_support import Door, World, audit_lines, let_in, refused, wait_until, wait_until_let_in

import chain_node
from chain_node.contracts.handles import artefact
from chain_node.errors import CallRefused
from chain_node.gateway import open_views
from chain_node.gateway.policy import METHODS, READERS, Role
from chain_node.rpc.client import to_hex

UNAUTHORISED = 4100
ARTEFACTS = Path(chain_node.__file__).parent / "artefacts"
LEDGER_CLOSED = (
    "balanceOf(address,uint256)",
    "balanceOfBatch(address[],uint256[])",
    "extsload(bytes32[])",
    "isApprovedForAll(address,address)",
    "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
    "safeTransferFrom(address,address,uint256,uint256,bytes)",
    "setApprovalForAll(address,bool)",
)
VIEWS_CLOSED = (
    "accounts(address[])",
    "balances(address[],uint16[])",
    "identities(bytes32[])",
    "nullifiers(bytes32[])",
    "revoked(uint64[])",
    "words(uint256[])",
)
CONTROLLERS_CLOSED = (
    "authorise(address,address,uint64,uint16,uint64)",
    "consentOf(address,uint16)",
    "controllerOf(address)",
    "nonceOf(address,address)",
    "pendingController(address)",
    "sessionKey(address,address)",
)
REWARDS_CLOSED = ("boughtBy(uint32,address)", "orderState(uint64)")
PERMISSIONS_CLOSED = ("accounts(uint256,uint256)", "flagsOf(address)", "maySend(address)")
"""Views that are open to nobody without a role: a decision, too."""


def call(world: World, contract: str, name: str, *arguments: Any) -> dict[str, str]:
    data = artefact({"ledger": "LuyaLedger", "views": "LuyaViews", "law": "LuyaLaw"}[contract]).abi.function(name)
    return {"to": world.address(contract), "data": to_hex(data.data(*arguments))}


def test_every_view_of_the_contracts_is_decided_on() -> None:
    """A new view is neither open nor closed until somebody writes it down."""
    decided = {
        "LuyaLedger": {*open_views.LEDGER, *LEDGER_CLOSED},
        "LuyaLaw": {*open_views.LAW},
        "LuyaViews": {*open_views.VIEWS, *VIEWS_CLOSED},
        "LuyaAgents": {*open_views.AGENTS},
        "LuyaControllers": {*open_views.CONTROLLERS, *CONTROLLERS_CLOSED},
        "LuyaProjects": {*open_views.PROJECTS, "pledgeAt(uint64)"},
        "LuyaRetirement": {*open_views.RETIREMENT, "organiserNonce(address,address)"},
        "LuyaRewards": {*open_views.REWARDS, *REWARDS_CLOSED},
        "AccessManager": {*open_views.AUTHORITY},
        "Administration": {*open_views.ADMINISTRATION},
        "Validators": {*open_views.VALIDATORS},
        "Council": {*open_views.COUNCIL},
        "Permissions": {*open_views.PERMISSIONS, *PERMISSIONS_CLOSED},
    }
    shipped = {path.stem for path in ARTEFACTS.glob("*.json")} - {"roles", "standard-input"}
    assert shipped == set(decided)
    for name in shipped:
        views = [item for item in items_of(name) if item.get("stateMutability") in ("view", "pure")]
        selectors = {artefact(name).abi.function(item["name"]).selector: item["name"] for item in views}
        assert {keccak(text.encode())[:4] for text in decided[name]} == set(selectors), (name, selectors)


def items_of(contract: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((ARTEFACTS / f"{contract}.json").read_text("utf-8"))["abi"]
    return [item for item in found if item["type"] == "function"]


def test_anybody_reads_checkpoints_totals_and_the_law(door: Door, world: World) -> None:
    gateway = door.gateway
    assert int(gateway.call("eth_call", call(world, "ledger", "logSize"), "latest"), 16) > 8
    for contract, name, arguments in (
        ("ledger", "root", ()),
        ("ledger", "nextSequence", (1,)),
        ("views", "totals", ([2019, 2020],)),
        ("law", "feed", (1,)),
        ("law", "method", (101,)),
    ):
        assert gateway.call("eth_call", call(world, contract, name, *arguments), "latest").startswith("0x")
    assert gateway.call("eth_getCode", world.address("ledger"), "latest") != "0x"
    assert int(gateway.call("eth_chainId"), 16) == world.chain_id


def test_a_call_may_leave_the_block_out_and_have_more_members(door: Door, world: World) -> None:
    request = call(world, "ledger", "root")
    assert door.gateway.call("eth_call", {**request, "from": "0x" + "11" * 20, "gas": "0xfffff"}) != "0x"
    assert door.gateway.call("eth_call", {"to": request["to"], "input": request["data"]}) != "0x"


def test_nobody_reads_accounts_by_eth_call_without_a_right(door: Door, world: World) -> None:
    rider = to_hex(world.riders[0])
    for contract, name, arguments in (
        ("ledger", "balanceOf", (rider, 12019)),
        ("ledger", "balanceOfBatch", ([rider], [12019])),
        ("ledger", "extsload", ([bytes(32)],)),
        ("views", "accounts", ([rider],)),
        ("views", "balances", ([rider], [2019])),
        ("views", "words", ([1],)),
        ("views", "nullifiers", ([bytes(32)],)),
        ("views", "identities", ([bytes(32)],)),
        ("views", "revoked", ([0],)),
    ):
        request = call(world, contract, name, *arguments)
        for token in (None, door.oracle):
            error = refused(lambda r=request, t=token: door.gateway.call("eth_call", r, "latest", token=t))
            assert error.code == UNAUTHORISED, name
        for token in (door.auditor, door.operator):
            assert door.gateway.call("eth_call", request, "latest", token=token).startswith("0x")


def test_code_of_ones_own_never_runs_against_the_ledger(door: Door, world: World) -> None:
    """State overrides, creation calls and data given twice would each get around the list of open functions."""
    request = call(world, "ledger", "root")
    ledger = world.address("ledger")
    hostile: list[list[Any]] = [
        [request, "latest", {ledger: {"code": "0x5f5f5f5f"}}],
        [request, "latest", None, {"number": "0x1"}],
        [{"data": "0x6001600155"}, "latest"],
        [{"to": None, "data": "0x6001600155"}, "latest"],
        [{**request, "input": call(world, "ledger", "extsload", [bytes(32)])["data"]}, "latest"],
        [{**request, "DATA": "0x00"}, "latest"],
        [{**request, "stateOverride": {}}, "latest"],
        [{"to": ledger, "data": request["data"][:8]}, "latest"],
        [{"to": ledger}, "latest"],
        [request, {"blockNumber": "0x1", "blockHash": "0x" + "00" * 32}],
        [request, "0x01"],
        [request, 5],
        [[request], "latest"],
        [],
    ]
    for params in hostile:
        for token in (None, door.oracle):
            error = refused(lambda p=params, t=token: door.gateway.call("eth_call", *p, token=t))
            assert error.code in (UNAUTHORISED, -32602), params


def test_the_public_sees_no_input_no_log_no_account(door: Door, world: World) -> None:
    rider = to_hex(world.riders[0])
    zero = "0x" + "00" * 32
    closed: dict[str, list[Any]] = {
        "eth_getLogs": [{}],
        "eth_newFilter": [{}],
        "eth_getFilterLogs": ["0x1"],
        "eth_getTransactionByHash": [zero],
        "eth_getTransactionReceipt": [zero],
        "eth_getTransactionByBlockNumberAndIndex": ["latest", "0x0"],
        "eth_getTransactionByBlockHashAndIndex": [zero, "0x0"],
        "eth_getBlockReceipts": ["latest"],
        "eth_getBalance": [rider, "latest"],
        "eth_getTransactionCount": [rider, "latest"],
        "eth_getStorageAt": [world.address("ledger"), "0x0", "latest"],
        "eth_estimateGas": [call(world, "ledger", "root")],
        "eth_simulateV1": [{}],
        "eth_getBlockByNumber": ["latest", True],
        "eth_getBlockByHash": [zero, True],
        "eth_sendRawTransaction": ["0x00"],
        "debug_traceTransaction": [zero],
        "debug_traceCall": [call(world, "ledger", "root"), "latest"],
        "debug_traceBlockByNumber": ["latest"],
        "debug_getRawTransaction": [zero],
        "debug_getRawReceipts": ["latest"],
        "trace_transaction": [zero],
        "trace_block": ["latest"],
        "txpool_content": [],
    }
    for method, params in closed.items():
        assert refused(lambda m=method, p=params: door.gateway.call(m, *p)).code == UNAUTHORISED, method
    assert {name for name, one in METHODS.items() if Role.PUBLIC not in one.roles} >= set(closed) - {
        "eth_getBlockByNumber",
        "eth_getBlockByHash",
        "eth_getBalance",
        "eth_getTransactionCount",
    }
    assert door.gateway.call("eth_getTransactionCount", "0x" + "00" * 20, "latest") == "0x0"


def test_nobody_controls_a_node_or_its_keys(door: Door) -> None:
    for method in (
        "eth_sendTransaction",
        "eth_sign",
        "eth_signTransaction",
        "personal_unlockAccount",
        "anvil_setStorageAt",
        "anvil_impersonateAccount",
        "evm_mine",
        "evm_snapshot",
        "hardhat_setBalance",
        "admin_addPeer",
        "miner_start",
        "debug_setHead",
        "engine_newPayloadV4",
        "eth_newPendingTransactionFilter",
        "eth_getProof",
        "eth_createAccessList",
        "rpc_modules",
        "ETH_chainId",
        "eth_chainId ",
    ):
        for token in (None, door.oracle, door.auditor, door.operator):
            assert refused(lambda m=method, t=token: door.gateway.call(m, token=t)).code == -32601


def test_a_block_of_the_public_tells_of_no_account(door: Door, world: World, ledger_node: Any) -> None:
    """The header's Bloom filter would say whether a known address was touched: it says 'maybe' to everything."""
    head = door.gateway.call("eth_blockNumber")
    busy = next(
        block
        for number in range(int(head, 16), 0, -1)
        if (block := ledger_node.rpc.call("eth_getBlockByNumber", hex(number), False))["transactions"]
    )
    for method, reference in (("eth_getBlockByNumber", busy["number"]), ("eth_getBlockByHash", busy["hash"])):
        seen = door.gateway.call(method, reference, False)
        assert seen["logsBloom"] == "0x" + "ff" * 256
        assert seen["transactions"] == busy["transactions"]
        assert {**seen, "logsBloom": busy["logsBloom"]} == busy
        assert door.gateway.call(method, reference, False, token=door.auditor) == busy
        whole = door.gateway.call(method, reference, True, token=door.auditor)
        assert whole["transactions"][0]["input"].startswith("0x")
    # found in the cache now: the rule holds for what comes from there too
    assert door.gateway.call("eth_getBlockByHash", busy["hash"], False)["logsBloom"] == "0x" + "ff" * 256


def test_the_auditor_reads_everything_and_sends_nothing(door: Door, world: World) -> None:
    gateway, token = door.gateway, door.auditor
    logs = gateway.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"}, token=token)
    assert logs
    transaction = gateway.call("eth_getTransactionByHash", logs[-1]["transactionHash"], token=token)
    assert transaction["input"].startswith("0x")
    assert gateway.call("eth_getTransactionReceipt", transaction["hash"], token=token)["logs"]
    trace = gateway.call("debug_traceTransaction", transaction["hash"], {"tracer": "callTracer"}, token=token)
    assert trace["to"] == transaction["to"]
    assert int(gateway.call("eth_getStorageAt", world.address("ledger"), "0x0", "latest", token=token), 16) >= 0
    error = refused(lambda: gateway.call("eth_sendRawTransaction", world.record_tx(), token=token))
    assert error.code == UNAUTHORISED


@pytest.mark.parametrize(
    "options",
    [
        {"tracer": "{result: function(){}, fault: function(){}}"},
        {"Tracer": "{result: function(){}}"},
        {"tracer": "callTracer", "TRACER": "{}"},
        {"tracer": "muxTracer", "tracerConfig": {"{step: function(){}}": {}}},
        {"tracer": ["callTracer"]},
    ],
)
def test_no_script_runs_as_a_tracer(door: Door, options: dict[str, Any]) -> None:
    zero = "0x" + "00" * 32
    error = refused(lambda: door.gateway.call("debug_traceTransaction", zero, options, token=door.auditor))
    assert error.code in (UNAUTHORISED, -32602)


def test_the_oracle_sends_records_from_its_own_address_only(door: Door, world: World, ledger_node: Any) -> None:
    gateway = door.gateway
    error = refused(lambda: gateway.call("eth_sendRawTransaction", world.other_tx(), token=door.oracle))
    assert error.code == UNAUTHORISED
    other = let_in(door.folder, role="oracle", senders=("0x" + "ab" * 20,))[1]
    wait_until_let_in(door.gateway, other)
    error = refused(lambda: gateway.call("eth_sendRawTransaction", world.record_tx(), token=other))
    assert error.code == UNAUTHORISED
    assert "--sender" in error.message
    digest = gateway.call("eth_sendRawTransaction", world.record_tx(), token=door.oracle)
    receipt = receipt_of(door, digest, door.oracle)
    assert receipt["status"] == "0x1"
    # its own transaction it may see again, another's not
    assert gateway.call("eth_getTransactionByHash", digest, token=other) is None
    assert gateway.call("eth_getTransactionReceipt", digest, token=other) is None
    own = "0x" + world.relay.hex()
    assert int(gateway.call("eth_getTransactionCount", own, "latest", token=door.oracle), 16) >= 1
    rider = to_hex(world.riders[0])
    error = refused(lambda: gateway.call("eth_getTransactionCount", rider, "latest", token=door.oracle))
    assert error.code == UNAUTHORISED
    ledger_node.catch_up()


def test_the_oracle_reads_logs_of_its_own_feeds_only(door: Door, world: World) -> None:
    event = "0x" + artefact("LuyaLedger").abi.events["BatchRecorded"].topic.hex()
    mine = {"address": world.address("ledger"), "topics": [event, f"0x{1:064x}"], "fromBlock": "0x0"}
    assert door.gateway.call("eth_getLogs", mine, token=door.oracle)
    for change in (
        {"topics": [event, f"0x{2:064x}"]},
        {"topics": [event]},
        {"topics": [None, f"0x{1:064x}"]},
        {"topics": [event, [f"0x{1:064x}", f"0x{2:064x}"]]},
        {"topics": [event, [f"0x{1:064x}", None]]},
        {"topics": [event, []]},
        {"topics": []},
        {"address": None},
        {"address": world.address("views")},
        {"address": [world.address("ledger"), world.address("views")]},
    ):
        error = refused(lambda c=change: door.gateway.call("eth_getLogs", {**mine, **c}, token=door.oracle))
        assert error.code in (UNAUTHORISED, -32602), change


def test_the_oracle_may_be_granted_its_precheck(door: Door, world: World) -> None:
    token = let_in(door.folder, role="oracle", senders=("0x" + "ac" * 20,), precheck=True)[1]
    wait_until_let_in(door.gateway, token)
    rider = to_hex(world.riders[0])
    assert door.gateway.call("eth_call", call(world, "views", "accounts", [rider]), token=token).startswith("0x")
    assert door.gateway.call("eth_call", call(world, "views", "words", [5]), token=token).startswith("0x")
    request = call(world, "ledger", "balanceOf", rider, 12019)
    assert refused(lambda: door.gateway.call("eth_call", request, token=token)).code == UNAUTHORISED


def test_the_operator_sends_anything(door: Door, world: World) -> None:
    digest = door.gateway.call("eth_sendRawTransaction", world.other_tx(), token=door.operator)
    assert receipt_of(door, digest, door.operator)["status"] == "0x1"


def test_a_transaction_for_another_chain_goes_nowhere(door: Door, world: World) -> None:
    from chain_node.sending.signing import LegacySigner

    raw = LegacySigner(b"\x51" * 32, world.chain_id + 1).sign(b"\x01" * 20, b"", 21_000, 0)[0]
    error = refused(lambda: door.gateway.call("eth_sendRawTransaction", to_hex(raw), token=door.operator))
    assert error.code == -32003


def test_privileged_calls_are_written_down_without_secrets(door: Door, world: World) -> None:
    before = len(audit_lines(door.folder))
    door.gateway.call("eth_blockNumber", token=door.auditor)
    door.gateway.call("eth_call", call(world, "ledger", "root"), token=door.auditor)
    assert len(audit_lines(door.folder)) == before  # what anybody may do is not written down
    rider = to_hex(world.riders[0])
    door.gateway.call("eth_call", call(world, "views", "accounts", [rider]), token=door.auditor)
    raw = world.other_tx()
    digest = door.gateway.call("eth_sendRawTransaction", raw, token=door.operator)
    lines = audit_lines(door.folder)[before:]
    assert [line["method"] for line in lines] == ["eth_call", "eth_sendRawTransaction", "eth_sendRawTransaction"]
    assert [line["outcome"] for line in lines] == ["ok", "asked", "ok"]
    assert rider[2:] in json.dumps(lines[0]["params"])
    assert lines[1]["transaction"] == digest
    assert lines[1]["sender"] == "0x" + world.relay.hex()
    text = json.dumps(lines)
    for secret in (raw, raw[-64:], door.auditor, door.operator, door.operator.rpartition("_")[2]):
        assert secret not in text
    assert (door.folder / "audit").stat().st_mode & 0o077 == 0


def test_a_reader_reads_nothing_unseen(door: Door, world: World, ledger_node: Any) -> None:
    """A node may read a call object otherwise than this door: then it is written down."""
    root = call(world, "ledger", "root")
    hidden = call(world, "ledger", "balanceOf", to_hex(world.riders[0]), 12019)["data"]
    for more in ({"INPUT": hidden}, {"Data": hidden}, {"TO": world.address("views")}, {"input": hidden}, {"x": 1}):
        before = len(audit_lines(door.folder))
        with contextlib.suppress(CallRefused):  # what the node makes of it is its own affair
            door.gateway.call("eth_call", {**root, **more}, "latest", token=door.auditor)
        assert len(audit_lines(door.folder)) == before + 1, more
    before = len(audit_lines(door.folder))
    door.gateway.call("eth_call", {**root, "input": root["data"], "gas": "0xfffff"}, "latest", token=door.auditor)
    assert len(audit_lines(door.folder)) == before


def test_a_log_filters_changes_are_written_down(door: Door) -> None:
    logs = door.gateway.call("eth_newFilter", {}, token=door.auditor)
    blocks = door.gateway.call("eth_newBlockFilter", token=door.auditor)
    before = len(audit_lines(door.folder))
    door.gateway.call("eth_getFilterChanges", logs, token=door.auditor)
    door.gateway.call("eth_getFilterChanges", blocks, token=door.auditor)
    assert [line["method"] for line in audit_lines(door.folder)[before:]] == ["eth_getFilterChanges"]


def test_a_raw_transaction_is_written_down_by_its_hash(door: Door, world: World) -> None:
    raw = world.other_tx()
    before = len(audit_lines(door.folder))
    with contextlib.suppress(CallRefused):  # anvil may not know the method
        door.gateway.call("trace_rawTransaction", raw, ["trace"], token=door.auditor)
    (line,) = audit_lines(door.folder)[before:]
    assert line["params"] == ["0x" + keccak(bytes.fromhex(raw[2:])).hex(), ["trace"]]
    error = refused(lambda: door.gateway.call("trace_rawTransaction", raw + "0", token=door.auditor))
    assert error.code == -32602
    assert len(audit_lines(door.folder)) == before + 1


def test_readers_are_as_few_as_they_should_be() -> None:
    assert set(READERS) == {Role.AUDITOR, Role.OPERATOR}
    senders = METHODS["eth_sendRawTransaction"].roles
    assert senders == {Role.ORACLE, Role.OPERATOR}


def receipt_of(door: Door, digest: str, token: str) -> Any:
    return wait_until(lambda: door.gateway.call("eth_getTransactionReceipt", digest, token=token))
