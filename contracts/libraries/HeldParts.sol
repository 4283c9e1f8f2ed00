// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaLedger} from "../interfaces/ILuyaLedger.sol";
import {EntryReader} from "./EntryReader.sol";
import {LedgerSlots} from "./LedgerSlots.sol";
import {Moves} from "./Moves.sol";
import {AccountWord, AmountsWord} from "./Words.sol";

/// @title What an account holds, in parts by vintage, oldest first; and the parts of an entry
/// @notice Parts are written as n u8, then n times vintage u16 and amount u64, vintages ascending. Python has the order
/// in chain_node/protocol/postings.py; both are held to the same vectors.
library HeldParts {
    using EntryReader for bytes;

    /// @notice The account holds too little, or it lies in more than 32 vintages.
    error HeldPartsTooFew(address account, uint256 missing);

    uint256 internal constant MOST = 32;
    uint256 internal constant PART_BYTES = 10;

    /// @notice The parts that make up an amount, taken from the oldest vintage on; reverts where the account has less.
    /// @param ledger the ledger, whose storage is read
    /// @param account whose
    /// @param unit `Moves.CREDITS` or `Moves.MILLIPOINTS`
    /// @param amount of that unit
    function oldestFirst(
        ILuyaLedger ledger,
        address account,
        uint256 unit,
        uint256 amount
    ) internal view returns (bytes memory parts) {
        AccountWord word = _word(ledger, account);
        uint256 first = word.oldest() == 0 ? word.vintage() : word.oldest();
        bytes32[] memory older = _older(ledger, account, first, word.vintage());
        // Parts are written as words, so there is room for the rest of the last one.
        parts = new bytes(1 + PART_BYTES * MOST + 22);
        uint256 count = 0;
        for (uint256 i = 0; amount != 0 && i <= older.length && count < MOST; ++i) {
            uint256 part = _of(i == older.length ? word.amounts() : AmountsWord.wrap(uint256(older[i])), unit);
            if (part > amount) part = amount;
            if (part == 0) continue;
            amount -= part;
            _write(parts, count++, first + i, part);
        }
        if (amount != 0) revert HeldPartsTooFew(account, amount);
        parts[0] = bytes1(uint8(count));
        uint256 length = 1 + PART_BYTES * count;
        assembly ("memory-safe") {
            // Cut to what was written.
            mstore(parts, length)
        }
    }

    /// @notice Where the byte after the parts at `at` is.
    function end(bytes memory entry, uint256 at) internal pure returns (uint256) {
        return at + 1 + PART_BYTES * uint256(entry.u8(at));
    }

    /// @notice The posting of each part at `at`.
    function postings(
        bytes memory entry,
        uint256 at,
        uint256 move,
        uint256 unit,
        address account
    ) internal pure returns (uint256[] memory words) {
        words = new uint256[](entry.u8(at));
        for (uint256 i = 0; i < words.length; ++i) {
            uint256 part = at + 1 + PART_BYTES * i;
            words[i] = Moves.word(move, unit, entry.u16(part), entry.u64(part + 2), account);
        }
    }

    function _word(ILuyaLedger ledger, address account) private view returns (AccountWord) {
        bytes32[] memory slots = new bytes32[](1);
        slots[0] = LedgerSlots.position(LedgerSlots.ACCOUNTS, uint160(account));
        return AccountWord.wrap(uint256(ledger.extsload(slots)[0]));
    }

    /// @dev Amounts of the vintages first … newest − 1.
    function _older(
        ILuyaLedger ledger,
        address account,
        uint256 first,
        uint256 newest
    ) private view returns (bytes32[] memory slots) {
        slots = new bytes32[](newest - first);
        if (slots.length == 0) return slots;
        for (uint256 i = 0; i < slots.length; ++i) {
            slots[i] = LedgerSlots.position(LedgerSlots.OLDER, LedgerSlots.olderKey(account, first + i));
        }
        return ledger.extsload(slots);
    }

    function _of(AmountsWord amounts, uint256 unit) private pure returns (uint256) {
        return unit == Moves.CREDITS ? amounts.credits() : amounts.millipoints();
    }

    function _write(bytes memory parts, uint256 place, uint256 year, uint256 amount) private pure {
        uint256 at = parts.addressOf(1 + PART_BYTES * place);
        uint256 part = (year << 240) | (amount << 176);
        assembly ("memory-safe") {
            // 32 bytes from the part's start, within the array: what runs over into the next part is written before it.
            mstore(at, part)
        }
    }
}
