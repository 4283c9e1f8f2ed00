// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaModule} from "../interfaces/ILuyaModule.sol";
import {Calendar} from "../libraries/Calendar.sol";
import {EntryReader} from "../libraries/EntryReader.sol";
import {EntryTypes} from "../libraries/EntryTypes.sol";
import {Method} from "../libraries/Methods.sol";
import {RecordHead} from "../libraries/RecordHead.sol";
import {Rfc6962} from "../libraries/Rfc6962.sol";
import {AmountsWord, FeedWord, FeedWords, SlotWords} from "../libraries/Words.sol";
import {LedgerRevocation} from "./LedgerRevocation.sol";

/// @title Applying entries: those of the administration, and archived ones while the ledger is imported
/// @notice The seal compares size and root with a checkpoint, so a wrong entry is found whatever it is.
abstract contract LedgerImport is LedgerRevocation {
    using EntryReader for bytes;

    /// @notice What an import call keeps in memory.
    /// @param methods list of the known methods
    struct Import {
        Rfc6962.Edge edge;
        Totals totals;
        Method methods;
    }

    function _importEntries(bytes calldata packed) internal {
        Import memory state;
        state.edge = _openLog();
        state.totals = _openTotals();
        uint256 at = 0;
        while (at < packed.length) {
            // Slicing checks bounds: a packed argument that is cut short reverts.
            uint256 start = at + 2;
            at = start + uint16(bytes2(packed[at:start]));
            bytes memory entry = packed[start:at];
            if (entry.length < EntryTypes.HEADER_BYTES) revert LuyaLedgerBadHeader();
            _applyEntry(state, entry);
            _append(state.edge, entry);
        }
        _closeTotals(state.totals);
        _extend(state.edge);
    }

    function _importRevocation(
        bytes calldata entry_,
        uint64 size,
        bytes calldata target_,
        bytes32[] calldata proof
    ) internal {
        bytes memory entry = entry_;
        bytes memory target = target_;
        if (entry.length != EntryTypes.REVOCATION_BYTES || entry.u8(0) != EntryTypes.REVOCATION) {
            revert LuyaLedgerWrongType(entry.length == 0 ? 0 : entry.u8(0));
        }
        uint64 index = entry.u64(9);
        _checkTarget(index, size, target, proof);
        (AmountsWord minted, AmountsWord owed) = _applyRevocation(index, target, entry.u8(51) != 0);
        AmountsWord burned = minted.minus(owed);
        if (
            burned.credits() != entry.u64(52) ||
            burned.millipoints() != entry.u64(60) ||
            owed.credits() != entry.u64(68) ||
            owed.millipoints() != entry.u64(76)
        ) revert LuyaLedgerRevocationMismatch(index);
        _appendOne(entry);
    }

    function _applyEntry(Import memory state, bytes memory entry) private {
        uint8 entryType = entry.u8(0);
        if (entryType == EntryTypes.REDUCTION || entryType == EntryTypes.REDUCTION_WITH_NULLIFIER) {
            _applyReduction(state, entry);
        } else if (entryType == EntryTypes.REFUSAL) {
            _requireLength(entry, EntryTypes.REFUSAL_BYTES);
            uint256 feed = entry.u16(EntryTypes.FEED_AT);
            FeedWord word = _feeds[feed];
            _feeds[feed] = FeedWords.pack(
                uint256(entry.u64(EntryTypes.SEQUENCE_AT)) + 1,
                word.credits(),
                word.millipoints(),
                word.capDay()
            );
        } else if (entryType == EntryTypes.ACCOUNT) {
            _requireLength(entry, EntryTypes.ACCOUNT_BYTES);
            _applyAccount(entry);
        } else if (entryType == EntryTypes.PAUSE) {
            _pausedUntil = entry.u64(10);
        } else if (entryType == EntryTypes.LOG_KEY) {
            _logKey = bytes32(entry.word(10));
        } else {
            address owner = _modules[entryType];
            if (owner == address(0)) revert LuyaLedgerWrongType(entryType);
            ILuyaModule(owner).applyEntry(entry);
        }
    }

    function _applyReduction(Import memory state, bytes memory entry) private {
        bool withNullifier = entry.u8(0) == EntryTypes.REDUCTION_WITH_NULLIFIER;
        _requireLength(entry, withNullifier ? EntryTypes.REDUCTION_WITH_NULLIFIER_BYTES : EntryTypes.REDUCTION_BYTES);
        RecordHead head = RecordHead.wrap(entry.word(EntryTypes.RECORD_AT));
        uint256 credits = entry.u64(EntryTypes.CREDITS_AT);
        uint256 millipoints = entry.u64(EntryTypes.MILLIPOINTS_AT);
        if (withNullifier) _nullifiers[bytes32(entry.word(EntryTypes.NULLIFIER_AT))] = state.edge.size + 1;
        _applyFeed(entry, credits, millipoints);
        _applyClaim(_known(state, head.method()), head, credits, millipoints);
        address account = head.account();
        millipoints += entry.u64(EntryTypes.BONUS_AT);
        _accounts[account] = _mint(state.totals, head.day(), account, _accounts[account], credits, millipoints);
    }

    /// @dev The feed's sequence, and what it minted on the entry's block day.
    function _applyFeed(bytes memory entry, uint256 credits, uint256 millipoints) private {
        uint256 feed = entry.u16(EntryTypes.FEED_AT);
        uint256 day = Calendar.dayOf(entry.u64(EntryTypes.TIME_AT));
        FeedWord word = _feeds[feed];
        if (word.capDay() == day) {
            credits += word.credits();
            millipoints += word.millipoints();
        }
        _feeds[feed] = FeedWords.pack(uint256(entry.u64(EntryTypes.SEQUENCE_AT)) + 1, credits, millipoints, day);
    }

    function _applyClaim(Method method, RecordHead head, uint256 credits, uint256 millipoints) private {
        uint256 day = head.day();
        uint256 key = SlotWords.key(uint160(head.account()), method.group(), day);
        _words[key] = _words[key].onDay(day).claim(method.mask(head), credits, millipoints);
    }

    function _known(Import memory state, uint256 id) private view returns (Method method) {
        for (method = state.methods; !method.isNone(); method = method.next()) {
            if (method.id() == id) return method;
        }
        method = _askMethod(id, state.methods);
        state.methods = method;
    }

    /// @dev An account's entry: identity, epoch, district and state; balances stay.
    function _applyAccount(bytes memory entry) internal {
        address account = entry.addr(9);
        bytes32 identity = bytes32(entry.word(29));
        _accounts[account] = _accounts[account].withIdentity(entry.u16(63), entry.u16(61), entry.u8(65));
        if (_identityOf[account] != identity) {
            _identityOf[account] = identity;
            _identities[identity] = account;
        }
    }

    function _requireLength(bytes memory entry, uint256 length) private pure {
        if (entry.length != length) revert LuyaLedgerBadLength(entry.length);
    }
}
