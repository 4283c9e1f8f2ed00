"""Every method that is offered answers in the shape of ethereum/execution-apis, in front of anvil and of luyad."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak
from gateway_support import GatewayThread, World, let_in
from gateway_support import settings as gateway_settings
from luyad_built import need_luyad
from node_support import Batches, settings
from shapes import (
    ADDRESS,
    BYTES,
    CALLS,
    FEES,
    HASH,
    HEADER,
    LINE,
    LOG,
    RECEIPT,
    TRANSACTION,
    UINT,
    Shape,
    block,
    boolean,
    either,
    many,
    members,
    null,
)  # fmt: skip

from chain_node.errors import CallRefused
from chain_node.gateway.policy import METHODS
from chain_node.node.node import Node

ABSENT = "0x" + "22" * 32
LACKING = {
    "anvil": {"net_peerCount", "eth_getHeaderByHash", "eth_getHeaderByNumber", "txpool_contentFrom",
              "debug_getRawBlock", "debug_getRawHeader", "debug_getRawReceipts"},
    "luyad": {"eth_config", "eth_blobBaseFee", "eth_simulateV1", "eth_getRawTransactionByHash", "debug_getRawHeader",
              "debug_getRawReceipts", "debug_getRawTransaction"},
}  # fmt: skip
"""As the table of docs/gateway.md says."""
ELSEWHERE = {"eth_subscribe", "eth_unsubscribe", "eth_sendRawTransaction"}
"""Tried in the tests of sockets and of sending; what they give is a hash or an id of ours."""


@pytest.fixture(scope="module", params=["anvil", "luyad"])
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any, Any]]:
    """The engine, a call through the door as an auditor, and where a transaction with logs is."""
    if request.param == "luyad":
        need_luyad()
    with Node.open(tmp_path_factory.mktemp("shapes"), settings=settings(engine=request.param, block_time=0.5)) as node:
        riders = list(node.registrar.enrol_many(1, ["rider"]).values())
        batches = Batches(node)
        batches.send(batches.records(riders))
        node.catch_up()
        manifest = node.manifest
        contracts = tuple((name, getattr(manifest, name)) for name in ("ledger", "law", "views", "authority"))
        world = World(node.engine.rpc_url, manifest.chain_id, contracts, riders, b"", str, str)
        folder: Path = tmp_path_factory.mktemp("shapes-door")
        token = let_in(folder, role="auditor")[1]
        gateway = GatewayThread(gateway_settings(world, folder))

        def call(method: str, *params: Any) -> Any:
            return gateway.call(method, *params, token=token)

        try:
            yield request.param, call, call("eth_getLogs", {"fromBlock": "0x1", "address": world.address("ledger")})[-1]
        finally:
            gateway.stop()


def calls(at: dict[str, Any], call: Any) -> dict[str, tuple[list[Any], Shape]]:
    """Each method with parameters, and what must come back."""
    tx, number, hash_, ledger = at["transactionHash"], at["blockNumber"], at["blockHash"], at["address"]
    root = {"to": ledger, "data": "0x" + keccak(b"root()")[:4].hex()}
    options = {"tracer": "callTracer"}
    traced = many(members(result=CALLS))
    pool = members(pending=members(), queued=members())
    return {
        "web3_clientVersion": ([], LINE),
        "web3_sha3": (["0x00"], HASH),
        "net_version": ([], LINE),
        "net_listening": ([], boolean),
        "net_peerCount": ([], UINT),
        "eth_protocolVersion": ([], UINT),
        "eth_config": ([], members(current=members())),
        "eth_chainId": ([], UINT),
        "eth_syncing": ([], either(boolean, members(currentBlock=UINT))),
        "eth_blockNumber": ([], UINT),
        "eth_gasPrice": ([], UINT),
        "eth_maxPriorityFeePerGas": ([], UINT),
        "eth_blobBaseFee": ([], UINT),
        "eth_accounts": ([], many(ADDRESS)),
        "eth_feeHistory": (["0x2", "latest", []], FEES),
        "eth_getBlockByHash": ([hash_, False], block(HASH)),
        "eth_getBlockByNumber": ([number, True], block(TRANSACTION)),
        "eth_getBlockTransactionCountByHash": ([hash_], UINT),
        "eth_getBlockTransactionCountByNumber": ([number], UINT),
        "eth_getUncleCountByBlockHash": ([hash_], UINT),
        "eth_getUncleCountByBlockNumber": ([number], UINT),
        "eth_getCode": ([ledger, "latest"], BYTES),
        "eth_call": ([root, "latest"], BYTES),
        "eth_estimateGas": ([root], UINT),
        "eth_getBalance": ([ledger, "latest"], UINT),
        "eth_getTransactionCount": ([ledger, "latest"], UINT),
        "eth_getStorageAt": ([ledger, "0x0", "latest"], HASH),
        "eth_getTransactionByHash": ([tx], TRANSACTION),
        "eth_getTransactionReceipt": ([tx], RECEIPT),
        "eth_getTransactionByBlockHashAndIndex": ([hash_, "0x0"], TRANSACTION),
        "eth_getTransactionByBlockNumberAndIndex": ([number, "0x0"], TRANSACTION),
        "eth_getRawTransactionByHash": ([tx], BYTES),
        "eth_getLogs": ([{"fromBlock": number, "toBlock": number}], many(LOG)),
        "eth_getBlockReceipts": ([number], many(RECEIPT)),
        "eth_getHeaderByHash": ([hash_], HEADER),
        "eth_getHeaderByNumber": ([number], HEADER),
        "eth_newFilter": ([{}], UINT),
        "eth_newBlockFilter": ([], UINT),
        "eth_getFilterChanges": ([call("eth_newBlockFilter")], many(HASH)),
        "eth_getFilterLogs": ([call("eth_newFilter", {"fromBlock": number})], many(LOG)),
        "eth_uninstallFilter": ([call("eth_newBlockFilter")], boolean),
        "eth_simulateV1": ([{"blockStateCalls": []}, "latest"], many(members())),
        "txpool_status": ([], members(pending=UINT, queued=UINT)),
        "txpool_content": ([], pool),
        "txpool_contentFrom": ([ledger], pool),
        "txpool_inspect": ([], pool),
        "debug_getRawBlock": ([number], BYTES),
        "debug_getRawHeader": ([number], BYTES),
        "debug_getRawReceipts": ([number], many(BYTES)),
        "debug_getRawTransaction": ([tx], BYTES),
        "debug_traceTransaction": ([tx, options], CALLS),
        "debug_traceCall": ([root, "latest", options], CALLS),
        "debug_traceBlockByHash": ([hash_, options], traced),
        "debug_traceBlockByNumber": ([number, options], traced),
    }


def test_every_method_answers_in_its_shape(asked: tuple[str, Any, Any]) -> None:
    engine, call, at = asked
    table = calls(at, call)
    # trace_* is OpenEthereum's, not execution-apis'
    assert set(table) | ELSEWHERE == {name for name in METHODS if not name.startswith("trace_")}
    wrong = {}
    for method, (params, shape) in table.items():
        try:
            found = shape(call(method, *params))
        except CallRefused as refused:
            lacks = refused.code == -32601 and method in LACKING[engine]
            found = "" if lacks else f"{refused.code} {refused.message}"
        else:
            found = found or ("answered, and the table says it is not" if method in LACKING[engine] else "")
        if found:
            wrong[method] = found
    assert wrong == {}


def test_what_is_not_there_is_null(asked: tuple[str, Any, Any]) -> None:
    _, call, _ = asked
    for method, *params in (
        ("eth_getBlockByHash", ABSENT, False),
        ("eth_getBlockByNumber", "0xffffff", False),
        ("eth_getBlockReceipts", ABSENT),
        ("eth_getBlockReceipts", "0xffffff"),
        ("eth_getTransactionByHash", ABSENT),
        ("eth_getTransactionReceipt", ABSENT),
        ("eth_getTransactionByBlockHashAndIndex", ABSENT, "0x0"),
    ):
        assert null(call(method, *params)) == "", (method, params)
