"""web3.py, unchanged, through the door: HTTP and WebSocket."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from gateway_support import Door, World, wait_until
from web3 import AsyncWeb3, Web3
from web3.exceptions import ContractCustomError, Web3RPCError
from web3.logs import DISCARD
from web3.providers.persistent import WebSocketProvider

from chain_node.contracts.handles import all_errors
from chain_node.protocol.times import year_of


def abi(name: str) -> list[dict[str, Any]]:
    source = resources.files("chain_node") / "artefacts" / f"{name}.json"
    found: list[dict[str, Any]] = json.loads(source.read_text("utf-8"))["abi"]
    return found


def web3(door: Door, token: str | None) -> Web3:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    return Web3(Web3.HTTPProvider(door.gateway.url, request_kwargs={"headers": headers}))


def test_an_auditor_reads_the_ledger(door: Door, world: World) -> None:
    w3 = web3(door, door.auditor)
    assert w3.is_connected()
    assert w3.eth.chain_id == world.chain_id
    ledger = w3.eth.contract(address=Web3.to_checksum_address(world.address("ledger")), abi=abi("LuyaLedger"))
    year = year_of(18_000)
    rider = Web3.to_checksum_address(world.riders[0])
    assert ledger.functions.balanceOf(rider, 10_000 + year).call() > 0
    batches = ledger.events.BatchRecorded().get_logs(from_block=0)
    assert batches[0]["args"]["records"][:20] == world.riders[0]
    transaction = w3.eth.get_transaction(batches[0]["transactionHash"])
    assert ledger.decode_function_input(transaction["input"])[0].fn_name == "record"
    receipt = w3.eth.get_transaction_receipt(batches[0]["transactionHash"])
    assert ledger.events.TransferBatch().process_receipt(receipt, errors=DISCARD)
    block = w3.eth.get_block(receipt["blockNumber"], full_transactions=True)
    assert block["transactions"][receipt["transactionIndex"]]["hash"] == transaction["hash"]
    assert w3.eth.get_block("finalized")["number"] >= receipt["blockNumber"]
    assert w3.eth.get_storage_at(ledger.address, 0) is not None
    assert w3.eth.fee_history(2, "latest")["oldestBlock"] >= 0
    with w3.batch_requests() as batch:
        batch.add(w3.eth.get_block("latest"))
        batch.add(ledger.functions.logSize())
        head, size = batch.execute()
    assert head["number"] > 0
    assert size > 0


def test_filters_of_web3_work(door: Door, world: World) -> None:
    w3 = web3(door, door.auditor)
    ledger = w3.eth.contract(address=Web3.to_checksum_address(world.address("ledger")), abi=abi("LuyaLedger"))
    logs = ledger.events.BatchRecorded.create_filter(from_block=0)
    old = logs.get_all_entries()
    assert old
    assert logs.get_new_entries() == []
    blocks = w3.eth.filter("latest")
    sent = web3(door, door.operator).eth.send_raw_transaction(world.record_tx())
    receipt = w3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.05)
    new = wait_until(logs.get_new_entries)
    assert [entry["transactionHash"] for entry in new] == [receipt["transactionHash"]]
    assert receipt["blockHash"] in wait_until(blocks.get_new_entries)
    assert logs.get_all_entries() == old + new
    assert w3.eth.uninstall_filter(blocks.filter_id)
    # another caller does not see it, nor end it
    other = web3(door, door.operator)
    with pytest.raises(Web3RPCError, match="filter not found"):
        other.eth.get_filter_changes(logs.filter_id)
    assert not other.eth.uninstall_filter(logs.filter_id)


def test_an_oracle_builds_signs_and_sends(door: Door, world: World) -> None:
    w3 = web3(door, door.oracle)
    digest = w3.eth.send_raw_transaction(world.record_tx())
    assert w3.eth.wait_for_transaction_receipt(digest, timeout=20, poll_latency=0.05)["status"] == 1


def test_what_is_refused_reads_as_such(door: Door, world: World) -> None:
    w3 = web3(door, None)
    ledger = w3.eth.contract(address=Web3.to_checksum_address(world.address("ledger")), abi=abi("LuyaLedger"))
    assert ledger.functions.logSize().call() > 0
    assert len(w3.eth.get_block("latest")["logsBloom"]) == 256
    with pytest.raises(Web3RPCError, match="not open to role 'public'"):
        ledger.functions.balanceOf(Web3.to_checksum_address(world.riders[0]), 12019).call()
    with pytest.raises(Web3RPCError, match="not open to role 'public'"):
        w3.eth.get_logs({"fromBlock": 0})
    # a contract's own refusal comes through with its data
    auditor = web3(door, door.auditor).eth.contract(address=ledger.address, abi=abi("LuyaLedger"))
    with pytest.raises(ContractCustomError) as refusal:
        auditor.functions.pause(1).call()
    reason = all_errors().decode_error(bytes.fromhex(str(refusal.value.data)[2:]))
    assert reason.name == "AccessManagedUnauthorized"


def test_subscriptions_over_websocket(door: Door, world: World) -> None:
    asyncio.run(_subscribe(door, world))


async def _subscribe(door: Door, world: World) -> None:
    headers = {"Authorization": f"Bearer {door.auditor}"}
    provider = WebSocketProvider(door.gateway.ws_url, websocket_kwargs={"additional_headers": headers})
    async with AsyncWeb3(provider) as w3:
        assert await w3.eth.chain_id == world.chain_id
        heads = await w3.eth.subscribe("newHeads")
        logs = await w3.eth.subscribe("logs", {"address": Web3.to_checksum_address(world.address("ledger"))})
        raw = world.record_tx()
        digest = await asyncio.to_thread(door.gateway.call, "eth_sendRawTransaction", raw, token=door.operator)
        seen: list[Any] = []
        blocks: list[Any] = []
        async with asyncio.timeout(20):
            async for message in w3.socket.process_subscriptions():
                if message["subscription"] == heads:
                    blocks.append(message["result"])
                else:
                    seen.append(message["result"])
                told = {block["number"] for block in blocks}
                if seen and len(blocks) >= 2 and seen[0]["blockNumber"] in told:
                    break
        assert seen[0]["transactionHash"].to_0x_hex() == digest
        numbers = [block["number"] for block in blocks]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        for block in blocks:
            assert (await w3.eth.get_block(block["number"]))["hash"] == block["hash"]
        assert await w3.eth.unsubscribe(logs)


def test_the_shipped_auditors_script_runs_through_the_door(door: Door, world: World, tmp_path: Path) -> None:
    """docs/read_the_chain.py, with the token in the address: nothing of it was changed."""
    script = Path(__file__).parents[3] / "docs" / "read_the_chain.py"
    url = f"{door.gateway.url}/t/{door.auditor}"
    arguments = [url, world.address("ledger"), "0x" + world.riders[0].hex(), str(year_of(18_000))]
    done = subprocess.run(
        [sys.executable, "-I", str(script), *arguments], capture_output=True, text=True, cwd=tmp_path, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "credits_mg" in done.stdout
    assert "entry" in done.stdout
