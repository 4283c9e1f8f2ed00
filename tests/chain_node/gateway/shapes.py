"""The shapes of results, written after ethereum/execution-apis (OpenRPC): a shape says what is wrong with a value."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

Shape = Callable[[Any], str]
"""Says what is wrong with a value; '' where nothing is."""


def text(pattern: str) -> Shape:
    found = re.compile(pattern)
    return lambda value: "" if isinstance(value, str) and found.fullmatch(value) else f"{value!r:.80} is not {pattern}"


UINT: Final = text(r"0x(?:0|[1-9a-f][0-9a-f]*)")
BYTES: Final = text(r"0x(?:[0-9a-f]{2})*")
HASH: Final = text(r"0x[0-9a-f]{64}")
ADDRESS: Final = text(r"0x[0-9a-fA-F]{40}")
BLOOM: Final = text(r"0x[0-9a-f]{512}")
NONCE: Final = text(r"0x[0-9a-f]{16}")
LINE: Final = text(r"[^\n]+")


def boolean(value: Any) -> str:
    return "" if isinstance(value, bool) else f"{value!r} is neither true nor false"


def either(*shapes: Shape) -> Shape:
    return lambda value: "" if any(not shape(value) for shape in shapes) else shapes[0](value)


def null(value: Any) -> str:
    return "" if value is None else f"{value!r:.80} is not null"


def many(shape: Shape) -> Shape:
    def check(value: Any) -> str:
        if not isinstance(value, list):
            return f"{value!r:.80} is no list"
        return next((f"[{at}] {wrong}" for at, one in enumerate(value) if (wrong := shape(one))), "")

    return check


def members(**shapes: Shape) -> Shape:
    """An object with at least these members."""

    def check(value: Any) -> str:
        if not isinstance(value, dict):
            return f"{value!r:.80} is no object"
        for name, shape in shapes.items():
            if name not in value:
                return f".{name} is missing"
            if wrong := shape(value[name]):
                return f".{name} {wrong}"
        return ""

    return check


LOG: Final = members(
    address=ADDRESS, topics=many(HASH), data=BYTES, blockNumber=UINT, blockHash=HASH, transactionHash=HASH,
    transactionIndex=UINT, logIndex=UINT, removed=boolean,
)  # fmt: skip
TRANSACTION: Final = members(
    hash=HASH, nonce=UINT, blockHash=HASH, blockNumber=UINT, transactionIndex=UINT, to=either(ADDRESS, null),
    value=UINT, gasPrice=UINT, gas=UINT, input=BYTES, v=UINT, r=UINT, s=UINT, type=UINT, **{"from": ADDRESS},
)  # fmt: skip
RECEIPT: Final = members(
    transactionHash=HASH, transactionIndex=UINT, blockHash=HASH, blockNumber=UINT, to=either(ADDRESS, null),
    cumulativeGasUsed=UINT, gasUsed=UINT, contractAddress=either(ADDRESS, null), logs=many(LOG), logsBloom=BLOOM,
    status=UINT, effectiveGasPrice=UINT, type=UINT, **{"from": ADDRESS},
)  # fmt: skip
HEADER: Final = members(
    number=UINT, hash=HASH, parentHash=HASH, nonce=NONCE, sha3Uncles=HASH, logsBloom=BLOOM, transactionsRoot=HASH,
    stateRoot=HASH, receiptsRoot=HASH, miner=ADDRESS, extraData=BYTES, gasLimit=UINT, gasUsed=UINT, timestamp=UINT,
)  # fmt: skip


def block(transactions: Shape) -> Shape:
    rest = members(transactions=many(transactions), uncles=many(HASH), size=UINT)
    return lambda value: HEADER(value) or rest(value)


def ratio(value: Any) -> str:
    return "" if isinstance(value, int | float) and 0 <= value <= 1 else f"{value!r} is not within 0 and 1"


FEES: Final = members(oldestBlock=UINT, baseFeePerGas=many(UINT), gasUsedRatio=many(ratio))
CALLS: Final = members(type=LINE, gas=UINT, gasUsed=UINT, input=BYTES, **{"from": ADDRESS})
