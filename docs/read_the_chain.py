"""Reads the ledger with web3.py alone: a balance, and a reduction found by its event. Nothing of Luya is imported.

    pip install web3
    python docs/read_the_chain.py RPC_URL LEDGER_ADDRESS ACCOUNT YEAR

RPC_URL and LEDGER_ADDRESS are what `luya status` prints. Credits are ERC-1155 id 10000 + year, in milligrams of CO2
equivalent; points are id 20000 + year, in thousandths of a point.
"""

import sys

from web3 import Web3

ABI = [
    {
        "type": "function",
        "name": "balanceOf",
        "stateMutability": "view",
        "inputs": [{"name": "account", "type": "address"}, {"name": "id", "type": "uint256"}],
        "outputs": [{"name": "", "type": "uint256"}],
    },
    {
        "type": "event",
        "name": "TransferBatch",
        "anonymous": False,
        "inputs": [
            {"name": "operator", "type": "address", "indexed": True},
            {"name": "from", "type": "address", "indexed": True},
            {"name": "to", "type": "address", "indexed": True},
            {"name": "ids", "type": "uint256[]", "indexed": False},
            {"name": "values", "type": "uint256[]", "indexed": False},
        ],
    },
    {
        "type": "event",
        "name": "BatchRecorded",
        "anonymous": False,
        "inputs": [
            {"name": "feed", "type": "uint16", "indexed": True},
            {"name": "firstSequence", "type": "uint64", "indexed": True},
            {"name": "firstIndex", "type": "uint64", "indexed": True},
            {"name": "time", "type": "uint64", "indexed": False},
            {"name": "root", "type": "bytes32", "indexed": False},
            {"name": "records", "type": "bytes", "indexed": False},
            {"name": "nullifiers", "type": "bytes", "indexed": False},
            {"name": "configDigest", "type": "bytes32", "indexed": False},
            {"name": "signatures", "type": "bytes", "indexed": False},
        ],
    },
]
BLOCKS_AT_ONCE = 1_000


def main() -> None:
    url, ledger_address, account, year = sys.argv[1:5]
    w3 = Web3(Web3.HTTPProvider(url))
    ledger = w3.eth.contract(address=Web3.to_checksum_address(ledger_address), abi=ABI)
    account = Web3.to_checksum_address(account)
    print("credits_mg", ledger.functions.balanceOf(account, 10_000 + int(year)).call())
    print("millipoints", ledger.functions.balanceOf(account, 20_000 + int(year)).call())

    for first in range(0, w3.eth.block_number + 1, BLOCKS_AT_ONCE):
        span = {"from_block": first, "to_block": min(first + BLOCKS_AT_ONCE - 1, w3.eth.block_number)}
        minted = ledger.events.TransferBatch.get_logs(argument_filters={"to": account}, **span)
        if not minted:
            continue
        transaction = minted[0]["transactionHash"]
        for batch in ledger.events.BatchRecorded.get_logs(**span):
            if batch["transactionHash"] != transaction:
                continue
            records = batch["args"]["records"]
            for position in range(len(records) // 64):
                record = records[position * 64 : position * 64 + 64]
                if record[:20] == Web3.to_bytes(hexstr=account):
                    print("entry", batch["args"]["firstIndex"] + position)
                    print("transaction", transaction.to_0x_hex())
                    print("method", int.from_bytes(record[20:22], "big"), "day", int.from_bytes(record[22:24], "big"))
                    print("first slot", record[24], "slots", record[25])
                    print("activity", int.from_bytes(record[28:32], "big"))
                    return
    print("no reduction of this account")


if __name__ == "__main__":
    main()
