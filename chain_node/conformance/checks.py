"""The checks of the conformance suite, in the order in which they build upon each other."""

from __future__ import annotations

import hashlib
import itertools
import time
from typing import Any, Final

from coincurve import PrivateKey
from eth_hash.auto import keccak

from chain_node.conformance import probe
from chain_node.conformance.bench import NEEDED, WANTED, Bench, Check, Measured, NotApplicable, NotMet, expect
from chain_node.errors import NodeError, RpcError, RpcUnavailable
from chain_node.rpc.client import to_hex
from chain_node.rpc.failover import connect
from chain_node.sending.sender import Receipt, Tx
from chain_node.sending.signing import LegacySigner

_CODE_LIMIT: Final = 24_576
_MANY_LOGS: Final = 2_500
_TWIN_PATIENCE: Final = 3.0


def identity(bench: Bench) -> Measured:
    """The chain's id fits where it is kept, and zero is a price."""
    expect(0 < bench.chain_id < 2**53, "a chain id below 2^53", bench.chain_id)
    version = bench.rpc.call("web3_clientVersion")
    block = bench.rpc.call("eth_getBlockByNumber", "latest", False)
    fee = int(block.get("baseFeePerGas") or "0x0", 16)
    expect(fee == 0, "a base fee of zero (transactions are signed at price zero)", fee)
    return {"client": str(version), "chain_id": bench.chain_id, "block_gas": int(block["gasLimit"], 16)}


def blocks(bench: Bench) -> Measured:
    """Blocks come by themselves, each on the one before it, in time's order."""
    first, begun = int(bench.rpc.call("eth_blockNumber"), 16), time.monotonic()
    head = first
    while head < first + 3:
        if time.monotonic() - begun > 60:
            raise NotMet(f"expected: three new blocks within a minute, without transactions; found: {head - first}")
        time.sleep(0.1)
        head = int(bench.rpc.call("eth_blockNumber"), 16)
    seconds = time.monotonic() - begun
    numbers = range(max(1, head - 10), head + 1)
    found = bench.rpc.batch([("eth_getBlockByNumber", [hex(number), False]) for number in numbers])
    for before, block in itertools.pairwise(found):
        number = int(block["number"], 16)
        expect(block["parentHash"] == before["hash"], f"block {number} names its parent's hash", block["parentHash"])
        ordered = int(block["timestamp"], 16) >= int(before["timestamp"], 16)
        expect(ordered, f"block {number} is not older than its parent", block["timestamp"])
    return {"seconds_a_block": round(seconds / (head - first), 2), "head": head}


def finality(bench: Bench) -> Measured:
    """The rule that was given works here, and moves on."""
    first, begun = bench.note_final(), time.monotonic()
    while (final := bench.note_final()) <= first:
        if time.monotonic() - begun > 120:
            raise NotMet(f"expected: a newer final block within two minutes; found: still {final}")
        time.sleep(0.2)
    head = int(bench.rpc.call("eth_blockNumber"), 16)
    expect(final <= head, "the final block is not after the newest", (final, head))
    return {"rule": str(bench.finality), "blocks_behind": head - final}


def deploy(bench: Bench) -> Measured:
    """A contract is created at price zero, and its code is where it should be."""
    receipt = bench.send(Tx(None, probe.creation(), 2_000_000, "deploy"))[0]
    expect(receipt.ok, "the contract is created (may this key deploy?)", receipt.reason)
    assert receipt.contract is not None
    code = bench.rpc.call("eth_getCode", to_hex(receipt.contract), "latest")
    expect(len(code) > 1000, f"code at {to_hex(receipt.contract)}", code[:40])
    bench.probe = receipt.contract
    return {"address": to_hex(receipt.contract), "block": receipt.block, "gas": receipt.gas_used}


def contract_size(bench: Bench) -> Measured:
    """A contract of 24,576 bytes is taken: the ledger's are close to that."""
    receipt = bench.send(Tx(None, probe.padding(_CODE_LIMIT), 6_000_000, "contract-size"))[0]
    expect(receipt.ok, f"a contract of {_CODE_LIMIT:,} bytes", receipt.reason)
    return {"bytes": _CODE_LIMIT, "gas": receipt.gas_used}


def cancun(bench: Bench) -> Measured:
    """Cancun's opcodes, and the precompiles that the ledger uses."""
    data, digest = b"luya" * 9, keccak(b"conformance")
    signature = PrivateKey(bench.key.private_key).sign_recoverable(digest, hasher=None)
    r, s, v = signature[:32], signature[32:64], 27 + signature[64]
    expected = hashlib.sha256(data).digest()
    right = bench.call("cancun", data, expected, digest, v, r, s, to_hex(bench.key.address))
    expect(right is True, "TLOAD, TSTORE, MCOPY, SHA-256 and ecrecover as specified", right)
    chain, number, at, price = bench.call("here")
    expect(chain == bench.chain_id, f"CHAINID {bench.chain_id}", chain)
    expect(price == 0, "a gas price of zero in calls", price)
    expect(number > 0 and abs(at - time.time()) < 120, "a block time within two minutes of this clock", at)
    return {"clock_difference_s": round(at - time.time(), 1)}


def nested_creation(bench: Bench) -> Measured:
    """Contracts of a permitted deployer create contracts."""
    receipt = bench.send(bench.tx("spawn", "spawn"))[0]
    expect(receipt.ok, "a contract creates a contract", receipt.reason)
    return {"gas": receipt.gas_used}


def refusal(bench: Bench) -> Measured:
    """What a contract refuses is mined with status 0, and its custom error can be read."""
    before = bench.call("count")
    receipt = bench.send(bench.tx("refuse", "refuse", 7))[0]
    expect(not receipt.ok, "status 0", receipt)
    request = {"to": to_hex(bench.probe), "data": to_hex(probe.abi().function("refuse").data(7))}
    answer = bench.rpc.batch([("eth_call", [request, "latest"])])[0]
    expect(isinstance(answer, RpcError), "eth_call reports the revert as an error", answer)
    said = probe.abi().decode_error(answer.data or b"")
    expect((said.name, said.arguments) == ("ProbeRefused", {"number": 7}), "the revert's data with the error", said)
    kept = receipt.reason.data if receipt.reason else None
    expect(kept == answer.data, "the same for the mined transaction", kept)
    expect(bench.call("count") == before, "no effect", bench.call("count"))
    return {}


def batch(bench: Bench) -> Measured:
    """A JSON-RPC batch of 100 transactions is taken, mined in order, each exactly once."""
    before, many = bench.call("count"), 100
    begun = time.monotonic()
    names = [f"batch/{at}" for at in range(many)]
    receipts = bench.send(*(bench.tx(name, "note", at, b"x" * 32) for at, name in enumerate(names)))
    seconds = time.monotonic() - begun
    expect(all(receipt.ok for receipt in receipts), "all succeed", [r.reason for r in receipts if not r.ok][:3])
    places = [receipt.block for receipt in receipts]
    expect(places == sorted(places), "blocks in the order of nonces", places)
    expect(bench.call("count") == before + many, f"{many} effects, each once", bench.call("count") - before)
    return {"transactions": many, "seconds": round(seconds, 2), "blocks": len(set(places))}


def receipts(bench: Bench) -> Measured:
    """`eth_getBlockReceipts` gives all receipts of a block, in its order, the same as one by one."""
    if not bench.receipts:
        raise NotApplicable("nothing was sent")
    number = max(receipt.block for receipt in bench.receipts.values())
    block = bench.rpc.call("eth_getBlockByNumber", hex(number), False)
    found = bench.rpc.batch([("eth_getBlockReceipts", [hex(number)])])[0]
    expect(isinstance(found, list), "an answer to eth_getBlockReceipts", found)
    hashes = [receipt["transactionHash"] for receipt in found]
    expect(hashes == block["transactions"], "the receipts of the block's transactions, in order", hashes)
    single = bench.rpc.call("eth_getTransactionReceipt", hashes[0])
    for name in ("status", "gasUsed", "blockNumber", "transactionHash"):
        expect(single[name] == found[0][name], f"the same {name} both ways", (single[name], found[0][name]))
    return {"block": number, "receipts": len(found)}


def logs(bench: Bench) -> Measured:
    """Events are found by address, topic and range, in order, none missing; many at once."""
    parts = 5
    each = _MANY_LOGS // parts
    sent = [
        bench.tx(f"logs/{at}", "noteMany", 1_000_000 + at * each, each, gas=60_000 + 2_200 * each)
        for at in range(parts)
    ]
    made = bench.send(*sent)
    expect(all(receipt.ok for receipt in made), "events are emitted", [r.reason for r in made if not r.ok])
    first, last = min(r.block for r in made), max(r.block for r in made)
    found = _logs(bench, first, last)
    numbers = [int(log["topics"][1], 16) for log in found if int(log["topics"][1], 16) >= 1_000_000]
    expected = list(range(1_000_000, 1_000_000 + parts * each))
    expect(numbers == expected, f"{len(expected)} events in their order", f"{len(numbers)} events")
    one = _logs(bench, first, last, number=1_000_005)
    expect(len(one) == 1, "one event by its indexed number", len(one))
    nobody = {"address": "0x" + "12" * 20, "fromBlock": hex(first), "toBlock": hex(last)}
    expect(bench.rpc.call("eth_getLogs", nobody) == [], "none of an address without events")
    return {"events": len(numbers), "blocks": last - first + 1}


def log_range(bench: Bench) -> Measured:
    """A range of up to 2,000 blocks is answered at once: the follower asks so."""
    head = int(bench.rpc.call("eth_blockNumber"), 16)
    first = max(0, head - 1_999)
    found = _logs(bench, first, head)
    expect(len(found) > 0, "the probe's events", found)
    return {"blocks": head - first + 1, "events": len(found)}


def log_order(bench: Bench) -> Measured:
    """Logs of several blocks come in the chain's order; the follower sorts them, some tools do not."""
    head = int(bench.rpc.call("eth_blockNumber"), 16)
    query = {"address": to_hex(bench.probe), "fromBlock": hex(max(0, head - 1_999)), "toBlock": hex(head)}
    places = [_place(log) for log in bench.rpc.call("eth_getLogs", query)]
    wrong = [pair for pair in itertools.pairwise(places) if pair[0] >= pair[1]]
    expect(not wrong, "(block, log index) ascending", wrong[:3])
    return {"events": len(places)}


def gas_limit(bench: Bench) -> Measured:
    """A transaction of nearly 16 million gas runs: a full batch on fresh storage is as large."""
    gas = min(bench.limits.max_tx_gas, 16_000_000)
    begun = time.monotonic()
    receipt = bench.send(bench.tx("burn", "burn", 100_000, gas=gas))[0]
    expect(receipt.ok, f"a transaction with {gas:,} gas", receipt.reason)
    expect(gas - 200_000 < receipt.gas_used <= gas, "what was burnt is what is billed", receipt.gas_used)
    return {"gas": receipt.gas_used, "seconds": round(time.monotonic() - begun, 2)}


def transaction_size(bench: Bench) -> Measured:
    """Nearly 128 KiB of call data are taken."""
    size = bench.limits.max_tx_bytes - 1_024
    receipt = bench.send(bench.tx("size", "note", 5_000_000, b"\x01" * size, gas=8_000_000))[0]
    expect(receipt.ok, f"{size:,} bytes of call data", receipt.reason)
    stored = bench.call("notes", 5_000_000)
    expect(stored == hashlib.sha256(b"\x01" * size).digest(), "they arrive whole", stored.hex())
    return {"bytes": size, "gas": receipt.gas_used}


def same_bytes_again(bench: Bench) -> Measured:
    """The same signed bytes, sent three times, are one transaction; sent when mined, they change nothing."""
    before = bench.call("count")
    signer = LegacySigner(bench.key.private_key, bench.chain_id)
    nonce = int(bench.rpc.call("eth_getTransactionCount", to_hex(bench.key.address), "latest"), 16)
    tx = bench.tx("twin", "note", 77, b"twin")
    raw, tx_hash = signer.sign(tx.to, tx.data, tx.gas, nonce)
    said: list[Any] = []
    for _ in range(3):
        said += bench.rpc.batch([("eth_sendRawTransaction", [to_hex(raw)])])
    receipt = bench.send(tx)[0]  # the sender signs the same bytes: it meets them in the pool, or mined
    expect(receipt.tx_hash == tx_hash, "the sender's transaction is this one", receipt.tx_hash)
    said += bench.rpc.batch([("eth_sendRawTransaction", [to_hex(raw)])])
    time.sleep(_TWIN_PATIENCE)
    expect(bench.call("count") == before + 1, "one effect", bench.call("count") - before)
    words = sorted({str(answer)[:80] for answer in said if isinstance(answer, RpcError)})
    return {"words": words}


def pending_count(bench: Bench) -> Measured:
    """`pending` counts at least what is mined, and the account's own count is right."""
    latest, pending = (
        int(bench.rpc.call("eth_getTransactionCount", to_hex(bench.key.address), tag), 16)
        for tag in ("latest", "pending")
    )
    sent = bench.sender.first_nonce + len(bench.receipts)
    expect(latest == sent, f"{sent} transactions of this account", latest)
    expect(pending >= latest, "no fewer pending than mined", (pending, latest))
    return {"transactions": latest}


def past_states(bench: Bench) -> Measured:
    """State as of past blocks, from the first one of this run on: auditors ask for it."""
    first = bench.receipts["deploy"].block
    expect(bench.call("count", block=hex(first)) == 0, f"the count of block {first}", None)
    address = to_hex(bench.key.address)
    count = int(bench.rpc.call("eth_getTransactionCount", address, hex(first)), 16)
    expect(count == bench.sender.first_nonce + 1, f"the account's count at block {first}", count)
    return {"block": first}


def traces(bench: Bench) -> Measured:
    """`debug_traceTransaction` with the call tracer: auditors ask for it."""
    tx_hash = bench.receipts["spawn"].tx_hash
    found = bench.rpc.call("debug_traceTransaction", tx_hash, {"tracer": "callTracer"})
    kinds = [call["type"] for call in found.get("calls", ())]
    expect("CREATE" in kinds, "the nested creation in its trace", kinds)
    return {}


def restart(bench: Bench) -> Measured:
    """After a restart: the same chain, nothing final lost, and it goes on."""
    if bench.restart is None:
        raise NotApplicable("the engine is not restarted from here")
    final, count = bench.note_final(), bench.call("count")
    last = max(bench.receipts.values(), key=lambda receipt: receipt.block)
    begun = time.monotonic()
    bench.rpc.close()
    urls = bench.restart()
    _reconnect(bench, urls)
    head = int(bench.rpc.call("eth_blockNumber"), 16)
    expect(head >= final, f"at least block {final}", head)
    receipt = bench.rpc.call("eth_getTransactionReceipt", last.tx_hash)
    expect(receipt and int(receipt["blockNumber"], 16) == last.block, f"{last.tx_hash} in block {last.block}", receipt)
    expect(bench.call("count") == count, f"the state as it was ({count})", bench.call("count"))
    seconds = time.monotonic() - begun
    made = bench.send(bench.tx("after-restart", "note", 9_000_000, b"on"))[0]
    expect(made.ok, "it goes on", made.reason)
    return {"seconds": round(seconds, 1)}


def no_reorg(bench: Bench) -> Measured:
    """No block that was final has changed."""
    bench.note_final()
    numbers = sorted(bench.seen)
    found = bench.rpc.batch([("eth_getBlockByNumber", [hex(number), False]) for number in numbers])
    changed = [
        number
        for number, block in zip(numbers, found, strict=True)
        if not isinstance(block, dict) or block["hash"] != bench.seen[number]
    ]
    expect(not changed, "the same hashes as before", f"other hashes at {changed[:10]}")
    for receipt in bench.receipts.values():
        _still_there(bench, receipt)
    return {"blocks": len(numbers), "transactions": len(bench.receipts)}


def _still_there(bench: Bench, receipt: Receipt) -> None:
    tx = bench.rpc.call("eth_getTransactionByHash", receipt.tx_hash)
    expect(tx and int(tx["blockNumber"], 16) == receipt.block, f"{receipt.key} in block {receipt.block}", tx)


def _reconnect(bench: Bench, urls: Any) -> None:
    """The endpoint may be elsewhere now, and needs a moment."""
    fresh = connect(urls)
    deadline = time.monotonic() + 120
    while True:
        try:
            found = int(fresh.call("eth_chainId"), 16)
            break
        except (RpcUnavailable, RpcError) as error:
            if time.monotonic() > deadline:
                raise NotMet(f"expected: it answers within two minutes after its restart; found: {error}") from error
            time.sleep(0.3)
    expect(found == bench.chain_id, f"chain {bench.chain_id}", found)
    bench.rpc = fresh
    bench.sender.move_to(fresh)


def _logs(bench: Bench, first: int, last: int, number: int | None = None) -> list[dict[str, Any]]:
    """The probe's `Noted` events of a range, in the chain's order."""
    topics: list[Any] = [to_hex(probe.abi().events["Noted"].topic)]
    if number is not None:
        topics.append(f"0x{number:064x}")
    query = {"address": to_hex(bench.probe), "topics": topics, "fromBlock": hex(first), "toBlock": hex(last)}
    try:
        found: list[dict[str, Any]] = bench.rpc.call("eth_getLogs", query)
    except NodeError as error:
        raise NotMet(f"expected: logs of blocks {first} to {last}; found: {error}") from error
    places = [_place(log) for log in found]
    expect(len(set(places)) == len(places), "each log once")
    return sorted(found, key=_place)


def _place(log: dict[str, Any]) -> tuple[int, int]:
    return int(log["blockNumber"], 16), int(log["logIndex"], 16)


CHECKS: Final = (
    Check("identity", NEEDED, "chain id, zero base fee", identity),
    Check("blocks", NEEDED, "blocks by themselves, linked, in time's order", blocks),
    Check("finality", NEEDED, "the finality rule works", finality),
    Check("deploy", NEEDED, "deploys a contract at price zero", deploy),
    Check("contract-size", NEEDED, "contracts of 24,576 bytes", contract_size),
    Check("cancun", NEEDED, "Cancun opcodes, SHA-256 and ecrecover", cancun),
    Check("nested-creation", WANTED, "a contract creates a contract", nested_creation),
    Check("refusal", NEEDED, "reverts: status 0, custom error readable", refusal),
    Check("batch", NEEDED, "100 transactions in flight, in order, once each", batch),
    Check("receipts", WANTED, "eth_getBlockReceipts, whole and in order", receipts),
    Check("logs", NEEDED, "eth_getLogs: 2,500 events, none missing", logs),
    Check("log-range", WANTED, "eth_getLogs over 2,000 blocks", log_range),
    Check("log-order", WANTED, "eth_getLogs in the chain's order", log_order),
    Check("gas-limit", NEEDED, "a transaction of 16 million gas", gas_limit),
    Check("transaction-size", NEEDED, "call data of nearly 128 KiB", transaction_size),
    Check("same-bytes-again", NEEDED, "the same bytes again are the same transaction", same_bytes_again),
    Check("pending-count", NEEDED, "counts of the account's transactions", pending_count),
    Check("past-states", WANTED, "state of past blocks (archive)", past_states),
    Check("traces", WANTED, "debug_traceTransaction", traces),
    Check("restart", NEEDED, "restart: nothing final lost, it goes on", restart),
    Check("no-reorg", NEEDED, "no final block has changed", no_reorg),
)
