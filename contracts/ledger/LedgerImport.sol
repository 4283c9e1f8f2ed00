// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Calendar} from "../libraries/Calendar.sol";
import {EntryReader} from "../libraries/EntryReader.sol";
import {EntryLayout} from "../libraries/EntryLayout.sol";
import {Method} from "../libraries/Methods.sol";
import {RecordHead} from "../libraries/RecordHead.sol";
import {Rfc6962} from "../libraries/Rfc6962.sol";
import {AmountsWord, FeedWord, FeedWords, SlotWords} from "../libraries/Words.sol";
import {LedgerPostings} from "./LedgerPostings.sol";
import {LedgerRevocation} from "./LedgerRevocation.sol";

/// @title Applying entries: those of the administration, and archived ones while the ledger is imported
/// @notice The seal compares size and root with a checkpoint, so a wrong entry is found whatever it is.
abstract contract LedgerImport is LedgerRevocation, LedgerPostings {
    using EntryReader for bytes;

    /// @notice What an import call keeps in memory.
    /// @param methods list of the known methods
    /// @param newest the newest time among the entries
    struct Import {
        Rfc6962.Edge edge;
        Totals totals;
        Method methods;
        uint256 newest;
    }

    function _importEntries(bytes calldata packed) internal {
        Import memory state;
        state.edge = _openLog();
        state.totals = _openTotals();
        state.newest = _importedTime;
        uint256 at = 0;
        while (at < packed.length) {
            // Slicing checks bounds: a packed argument that is cut short reverts.
            uint256 start = at + 2;
            at = start + uint16(bytes2(packed[at:start]));
            bytes memory entry = packed[start:at];
            if (entry.length < EntryLayout.HEADER_BYTES) revert LuyaLedgerBadHeader();
            _applyEntry(state, entry);
            _append(state.edge, entry);
            uint256 time = entry.u64(EntryLayout.TIME_AT);
            if (time > state.newest) state.newest = time;
        }
        _closeTotals(state.totals);
        _extend(state.edge);
        _importedTime = uint64(state.newest);
    }

    function _importRevocation(
        bytes calldata entry_,
        uint64 size,
        bytes calldata target_,
        bytes32[] calldata proof
    ) internal {
        bytes memory entry = entry_;
        bytes memory target = target_;
        if (entry.length != EntryLayout.REVOCATION_BYTES || entry.u8(EntryLayout.TYPE_AT) != EntryLayout.REVOCATION) {
            revert LuyaLedgerWrongType(entry.length == 0 ? 0 : entry.u8(EntryLayout.TYPE_AT));
        }
        uint64 index = entry.u64(EntryLayout.REVOCATION_INDEX_AT);
        _checkTarget(index, size, target, proof);
        (AmountsWord minted, AmountsWord owed) = _applyRevocation(
            index,
            target,
            entry.u8(EntryLayout.REVOCATION_RELEASE_AT) != 0
        );
        AmountsWord burned = minted.minus(owed);
        if (
            burned.credits() != entry.u64(EntryLayout.REVOCATION_CREDITS_BURNED_AT) ||
            burned.millipoints() != entry.u64(EntryLayout.REVOCATION_MILLIPOINTS_BURNED_AT) ||
            owed.credits() != entry.u64(EntryLayout.REVOCATION_CREDITS_OWED_AT) ||
            owed.millipoints() != entry.u64(EntryLayout.REVOCATION_MILLIPOINTS_OWED_AT)
        ) revert LuyaLedgerRevocationMismatch(index);
        _appendOne(entry);
        uint64 time = entry.u64(EntryLayout.TIME_AT);
        if (time > _importedTime) _importedTime = time;
    }

    function _applyEntry(Import memory state, bytes memory entry) private {
        uint8 entryType = entry.u8(EntryLayout.TYPE_AT);
        if (entryType == EntryLayout.REDUCTION || entryType == EntryLayout.REDUCTION_WITH_NULLIFIER) {
            _applyReduction(state, entry);
        } else if (entryType == EntryLayout.REFUSAL) {
            _requireLength(entry, EntryLayout.REFUSAL_BYTES);
            uint256 feed = entry.u16(EntryLayout.REFUSAL_FEED_AT);
            FeedWord word = _feeds[feed];
            _feeds[feed] = FeedWords.pack(
                uint256(entry.u64(EntryLayout.REFUSAL_SEQUENCE_AT)) + 1,
                word.credits(),
                word.millipoints(),
                word.capDay()
            );
        } else if (entryType == EntryLayout.ACCOUNT) {
            _requireLength(entry, EntryLayout.ACCOUNT_BYTES);
            _applyAccount(entry);
        } else if (entryType == EntryLayout.PAUSE) {
            _requireLength(entry, EntryLayout.PAUSE_BYTES);
            _pausedUntil = entry.u64(EntryLayout.PAUSE_UNTIL_AT);
        } else if (entryType == EntryLayout.LOG_KEY) {
            _requireLength(entry, EntryLayout.LOG_KEY_BYTES);
            _logKey = bytes32(entry.word(EntryLayout.LOG_KEY_PUBLIC_KEY_AT));
        } else if (entryType == EntryLayout.MODULE_CHANGE) {
            // The new ledger's modules are its own: they were set before.
            _requireLength(entry, EntryLayout.MODULE_CHANGE_BYTES);
        } else {
            if (_modules[entryType] == address(0)) revert LuyaLedgerWrongType(entryType);
            _handOver(state.totals, uint64(state.edge.size), entryType, entry);
        }
    }

    function _applyReduction(Import memory state, bytes memory entry) private {
        bool withNullifier = entry.u8(EntryLayout.TYPE_AT) == EntryLayout.REDUCTION_WITH_NULLIFIER;
        _requireLength(entry, withNullifier ? EntryLayout.REDUCTION_WITH_NULLIFIER_BYTES : EntryLayout.REDUCTION_BYTES);
        RecordHead head = RecordHead.wrap(entry.word(EntryLayout.REDUCTION_RECORD_AT));
        uint256 credits = entry.u64(EntryLayout.REDUCTION_CREDITS_AT);
        uint256 millipoints = entry.u64(EntryLayout.REDUCTION_MILLIPOINTS_AT);
        if (withNullifier) _nullifiers[bytes32(entry.word(EntryLayout.REDUCTION_NULLIFIER_AT))] = state.edge.size + 1;
        _applyFeed(entry, credits, millipoints);
        _applyClaim(_known(state, head.method()), head, credits, millipoints);
        address account = head.account();
        millipoints += entry.u64(EntryLayout.REDUCTION_BONUS_AT);
        _accounts[account] = _mint(state.totals, head.day(), account, _accounts[account], credits, millipoints);
    }

    /// @dev The feed's sequence, and what it minted on the entry's block day.
    function _applyFeed(bytes memory entry, uint256 credits, uint256 millipoints) private {
        uint256 feed = entry.u16(EntryLayout.REDUCTION_FEED_AT);
        uint256 day = Calendar.dayOf(entry.u64(EntryLayout.TIME_AT));
        FeedWord word = _feeds[feed];
        if (word.capDay() == day) {
            credits += word.credits();
            millipoints += word.millipoints();
        }
        _feeds[feed] = FeedWords.pack(
            uint256(entry.u64(EntryLayout.REDUCTION_SEQUENCE_AT)) + 1,
            credits,
            millipoints,
            day
        );
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
        address account = entry.addr(EntryLayout.ACCOUNT_ACCOUNT_AT);
        bytes32 identity = bytes32(entry.word(EntryLayout.ACCOUNT_NULLIFIER_AT));
        _accounts[account] = _accounts[account].withIdentity(
            entry.u16(EntryLayout.ACCOUNT_EPOCH_AT),
            entry.u16(EntryLayout.ACCOUNT_DISTRICT_AT),
            entry.u8(EntryLayout.ACCOUNT_STATE_AT)
        );
        if (_identityOf[account] != identity) {
            _identityOf[account] = identity;
            _identities[identity] = account;
        }
    }

    function _requireLength(bytes memory entry, uint256 length) private pure {
        if (entry.length != length) revert LuyaLedgerBadLength(entry.length);
    }
}
