// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaLedger} from "../interfaces/ILuyaLedger.sol";
import {Calendar} from "../libraries/Calendar.sol";
import {EntryLayout} from "../libraries/EntryLayout.sol";
import {Method} from "../libraries/Methods.sol";
import {RecordHead} from "../libraries/RecordHead.sol";
import {Rfc6962} from "../libraries/Rfc6962.sol";
import {Rules} from "../libraries/Rules.sol";
import {AccountWord, AccountWords, FeedWord, FeedWords, SlotWord, SlotWords} from "../libraries/Words.sol";
import {LedgerBatch} from "./LedgerBatch.sol";

/// @title The hot path: an attested batch of records becomes entries
/// @notice Two passes. The first knows no accounts: it refuses what can never be right, hashes the records and asks for
/// the quorum. The second takes the records one by one: check, entry, apply, append. A record that has nothing unusual
/// about it passes few branches; one that has is looked at again in the protocol's order of rules.
abstract contract LedgerRecording is LedgerBatch {
    /// @inheritdoc ILuyaLedger
    function record(
        uint16 feed,
        uint64 firstSequence,
        bytes calldata records,
        bytes calldata nullifiers,
        bytes32 configDigest,
        bytes calldata signatures
    ) external onlySealed {
        if (block.timestamp < _pausedUntil) revert LuyaLedgerPaused(_pausedUntil);
        if (records.length == 0 || records.length % EntryLayout.RECORD_BYTES != 0) {
            revert LuyaLedgerBadLength(records.length);
        }
        Batch memory batch = _openBatch(feed, firstSequence);
        bytes32 digest = _digest(feed, firstSequence, _checkRecords(batch, records, nullifiers), configDigest, records);
        _checkQuorum(batch.terms, digest, signatures);
        uint64 firstIndex = uint64(batch.edge.size);
        _takeRecords(batch, records, nullifiers);
        bytes32 newRoot = _closeBatch(batch);
        emit BatchRecorded(
            feed,
            firstSequence,
            firstIndex,
            uint64(block.timestamp),
            newRoot,
            records,
            nullifiers,
            configDigest,
            signatures
        );
    }

    function _takeRecords(Batch memory batch, bytes calldata records, bytes calldata nullifiers) private {
        (uint256 position, uint256 nullifier, ) = _positions(records, nullifiers);
        uint256 end;
        uint256 entry = batch.entry;
        uint256 header = batch.header;
        assembly ("memory-safe") {
            end := add(position, records.length)
            mstore(entry, header)
        }
        uint256 known = type(uint256).max;
        Method method;
        while (position != end) {
            RecordHead head = _head(position);
            if (head.method() != known) {
                known = head.method();
                method = _method(batch, known);
            }
            _takeRecord(batch, method, head, position, nullifier);
            unchecked {
                // Calldata positions, and a sequence far below 2^64.
                nullifier += method.nullifierBytes();
                position += EntryLayout.RECORD_BYTES;
                ++batch.sequence;
            }
        }
    }

    function _takeRecord(
        Batch memory batch,
        Method method,
        RecordHead head,
        uint256 position,
        uint256 nullifier
    ) private {
        uint256 day = head.day();
        AccountWord account = _accounts[head.account()];
        if (!method.isPlain(day) || !account.isPlainlyActive()) {
            uint256 rule = _refusedBy(batch, method, account, day, nullifier);
            if (rule != Rules.NONE) return _refuse(batch, rule);
        }
        uint256 key = SlotWords.key(uint160(head.account()), method.group(), day);
        SlotWord word = _words[key];
        if (word.day() != day) {
            if (word.day() > day) return _refuse(batch, Rules.TOO_LATE);
            word = word.onDay(day);
        }
        uint256 mask = method.mask(head);
        uint256 credits = method.creditsOf(head.activity());
        uint256 millipoints = method.millipointsOf(head.activity());
        if (word.refuses(mask, credits, millipoints, method.creditsCap(), method.millipointsCap())) {
            return _refuse(batch, word.slots() & mask != 0 ? Rules.OVERLAP : Rules.OVER_CAP);
        }
        if (!_use(batch, credits, millipoints)) return _refuse(batch, Rules.OVER_CAP);
        _words[key] = word.claim(mask, credits, millipoints);
        _accounts[head.account()] = _mint(batch.totals, day, head.account(), account, credits, millipoints);
        _append(batch, position, method.nullifierBytes() == 0 ? 0 : nullifier, credits, millipoints);
    }

    /// @dev The rule that speaks against a record before its slots are looked at, in the protocol's order.
    function _refusedBy(
        Batch memory batch,
        Method method,
        AccountWord account,
        uint256 day,
        uint256 nullifier
    ) private view returns (uint256) {
        if (!method.isInForce(day)) return Rules.NOT_IN_FORCE;
        uint256 state = account.state();
        if (state != AccountWords.ACTIVE) return state == 0 ? Rules.UNKNOWN_PERSON : Rules.FROZEN;
        uint256 epoch = account.epoch();
        if (epoch != 0 && epoch != Calendar.yearOf(day)) return Rules.NOT_IN_FORCE;
        if (day > batch.today) return Rules.TOO_EARLY;
        if (day < batch.minDay) return Rules.TOO_LATE;
        if (method.nullifierBytes() != 0 && _nullifiers[_word(nullifier)] != 0) return Rules.NULLIFIER_USED;
        return Rules.NONE;
    }

    /// @dev Counts amounts against the feed's caps of the day; false where they would be passed. Amounts have at most
    /// 30 bits here (they are within a group's caps), what is used at most 64.
    function _use(Batch memory batch, uint256 credits, uint256 millipoints) private pure returns (bool) {
        unchecked {
            credits += batch.creditsUsed;
            millipoints += batch.millipointsUsed;
        }
        if (credits > batch.creditsCap || millipoints > batch.millipointsCap) return false;
        batch.creditsUsed = credits;
        batch.millipointsUsed = millipoints;
        return true;
    }

    /// @dev Writes a reduction over the one before it and appends it. Words are written from the front, so that what a
    /// word puts behind its field is overwritten by the next; the last ends within the allocated room.
    /// @param nullifier calldata position of the nullifier, 0 where the record has none
    function _append(
        Batch memory batch,
        uint256 position,
        uint256 nullifier,
        uint256 credits,
        uint256 millipoints
    ) private {
        uint256 entry = batch.entry;
        uint256 sequence = batch.sequence;
        uint256 length = EntryLayout.REDUCTION_BYTES;
        uint256 kind = EntryLayout.REDUCTION;
        uint256 sequenceAt = EntryLayout.REDUCTION_SEQUENCE_AT;
        uint256 recordAt = EntryLayout.REDUCTION_RECORD_AT;
        uint256 recordBytes = EntryLayout.RECORD_BYTES;
        uint256 amountsAt = EntryLayout.REDUCTION_CREDITS_AT;
        uint256 behindCredits = 192 - 8 * (EntryLayout.REDUCTION_MILLIPOINTS_AT - EntryLayout.REDUCTION_CREDITS_AT);
        batch.accepted = true;
        assembly ("memory-safe") {
            mstore8(entry, kind)
            mstore(add(entry, sequenceAt), shl(192, sequence))
            calldatacopy(add(entry, recordAt), position, recordBytes)
            mstore(add(entry, amountsAt), or(shl(192, credits), shl(behindCredits, millipoints))) // and a bonus of 0
        }
        if (nullifier != 0) {
            length = EntryLayout.REDUCTION_WITH_NULLIFIER_BYTES;
            uint256 longer = EntryLayout.REDUCTION_WITH_NULLIFIER;
            uint256 nullifierAt = EntryLayout.REDUCTION_NULLIFIER_AT;
            assembly ("memory-safe") {
                mstore8(entry, longer)
                mstore(add(entry, nullifierAt), calldataload(nullifier))
            }
            unchecked {
                _nullifiers[_word(nullifier)] = batch.edge.size + 1;
            }
        }
        Rfc6962.append(batch.edge, Rfc6962.leafAt(entry, length));
    }

    function _refuse(Batch memory batch, uint256 rule) private {
        uint256 index = batch.edge.size;
        uint256 sequence = batch.sequence;
        uint256 entry = batch.entry + REFUSAL_ROOM;
        unchecked {
            // REFUSAL instead of REDUCTION, then sequence u64 and rule u16: all of it at the top of a word.
            uint256 word =
                batch.header +
                    (uint256(EntryLayout.REFUSAL - EntryLayout.REDUCTION) << EntryLayout.TYPE_SHIFT) +
                    (sequence << EntryLayout.REFUSAL_SEQUENCE_SHIFT) +
                    (rule << EntryLayout.REFUSAL_RULE_SHIFT);
            assembly ("memory-safe") {
                mstore(entry, word)
            }
        }
        Rfc6962.append(batch.edge, Rfc6962.leafAt(entry, EntryLayout.REFUSAL_BYTES));
        emit RecordRefused(uint16(batch.feed), uint64(index), uint64(sequence), uint16(rule));
    }

    function _closeBatch(Batch memory batch) private returns (bytes32) {
        FeedWord word = batch.word;
        _feeds[batch.feed] =
            batch.accepted
                ? FeedWords.pack(batch.sequence, batch.creditsUsed, batch.millipointsUsed, batch.today)
                : FeedWords.pack(batch.sequence, word.credits(), word.millipoints(), word.capDay());
        _closeTotals(batch.totals);
        return _closeLog(batch.edge);
    }

    function _word(uint256 position) private pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := calldataload(position)
        }
    }
}
