// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
import {EntryReader} from "../libraries/EntryReader.sol";
import {EntryLayout} from "../libraries/EntryLayout.sol";
import {Calendar} from "../libraries/Calendar.sol";
import {Method, Methods} from "../libraries/Methods.sol";
import {RecordHead} from "../libraries/RecordHead.sol";
import {Rfc6962} from "../libraries/Rfc6962.sol";
import {AmountsWord, AmountsWords, SlotWord, SlotWords} from "../libraries/Words.sol";
import {LedgerBalances} from "./LedgerBalances.sol";

/// @title What a revocation undoes
abstract contract LedgerRevocation is LedgerBalances {
    using EntryReader for bytes;

    /// @dev Checks that `target` is the reduction at `index` of the tree of `size`, and that it stands.
    function _checkTarget(uint64 index, uint64 size, bytes memory target, bytes32[] calldata proof) internal view {
        bytes32 known = _roots[size];
        if (known == 0 || !Rfc6962.verify(Rfc6962.leaf(target), index, size, proof, known)) {
            revert LuyaLedgerProofInvalid(index, size);
        }
        uint8 entryType = target.u8(EntryLayout.TYPE_AT);
        if (entryType != EntryLayout.REDUCTION && entryType != EntryLayout.REDUCTION_WITH_NULLIFIER) {
            revert LuyaLedgerNotAReduction(index);
        }
        if (_revoked[index >> 8] & (1 << (index & 255)) != 0) revert LuyaLedgerAlreadyRevoked(index);
    }

    /// @dev Marks, burns, books debt, and with `release` frees slots, caps and nullifier.
    function _applyRevocation(
        uint64 index,
        bytes memory target,
        bool release
    ) internal returns (AmountsWord minted, AmountsWord owed) {
        _revoked[index >> 8] |= 1 << (index & 255);
        RecordHead head = RecordHead.wrap(target.word(EntryLayout.REDUCTION_RECORD_AT));
        uint256 millipoints = target.u64(EntryLayout.REDUCTION_MILLIPOINTS_AT);
        minted = AmountsWords.pack(
            target.u64(EntryLayout.REDUCTION_CREDITS_AT),
            millipoints + target.u64(EntryLayout.REDUCTION_BONUS_AT)
        );
        owed = _burn(head.account(), Calendar.yearOf(head.day()), minted);
        if (!release) return (minted, owed);
        _releaseSlots(head, minted.credits(), millipoints);
        if (target.u8(EntryLayout.TYPE_AT) == EntryLayout.REDUCTION_WITH_NULLIFIER) {
            _nullifiers[bytes32(target.word(EntryLayout.REDUCTION_NULLIFIER_AT))] = 0;
        }
    }

    /// @dev Takes the claim out of its word, unless the ring has moved on. The bonus was never in it.
    function _releaseSlots(RecordHead head, uint256 credits, uint256 millipoints) private {
        Method method = _askMethod(head.method(), Methods.NONE);
        uint256 key = SlotWords.key(uint160(head.account()), method.group(), head.day());
        SlotWord word = _words[key];
        if (word.day() == head.day()) _words[key] = word.release(method.mask(head), credits, millipoints);
    }

    /// @dev A method's terms, asked of the law, put in front of a list.
    function _askMethod(uint256 id, Method next) internal view returns (Method method) {
        (bytes memory entry, uint64 creditsCap, uint64 millipointsCap) = ILuyaLaw(_modules[EntryLayout.METHOD])
            .methodTerms(uint16(id));
        method = Methods.parse(entry, creditsCap, millipointsCap, true, next);
        if (method.isNone()) revert LuyaLedgerUnknownMethod(uint16(id));
    }
}
