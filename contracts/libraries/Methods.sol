// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {EntryReader} from "./EntryReader.sol";
import {EntryLayout} from "./EntryLayout.sol";
import {EntryTypes} from "./EntryTypes.sol";
import {RecordHead} from "./RecordHead.sol";
import {Rules} from "./Rules.sol";

/// @notice The memory address of a method's unpacked terms; 0: no method. An address and not a struct, because
/// Solidity clears new memory for every struct that a function returns.
type Method is uint256;

using Methods for Method global;

/// @title A method's terms, unpacked once a batch, and what they say of a record
library Methods {
    using EntryReader for bytes;

    Method internal constant NONE = Method.wrap(0);

    // How the terms lie in memory: the place of each, in words.
    /// The method.
    uint256 private constant _ID = 0;
    /// The next known method.
    uint256 private constant _NEXT = 1;
    /// 32 where the method asks for a nullifier, else 0.
    uint256 private constant _NULLIFIER_BYTES = 2;
    /// First day on which the feed may use it, beyond every day where it may not.
    uint256 private constant _FIRST_DAY = 3;
    /// Last such day.
    uint256 private constant _LAST_DAY = 4;
    uint256 private constant _GROUP = 5;
    uint256 private constant _CREDIT_NUM = 6;
    uint256 private constant _CREDIT_DEN = 7;
    uint256 private constant _POINT_NUM = 8;
    uint256 private constant _POINT_DEN = 9;
    uint256 private constant _MAX_ACTIVITY = 10;
    /// Most activity per claimed slot and one more; above every activity where there is no such bound.
    uint256 private constant _MAX_PER_SLOT = 11;
    /// As in the entry: 0 free, 1 … 8 pairs, 255 none.
    uint256 private constant _WINDOW_RULE = 12;
    /// Memory address of the pairs.
    uint256 private constant _PAIRS = 13;
    uint256 private constant _CREDITS_CAP = 14;
    uint256 private constant _MILLIPOINTS_CAP = 15;
    /// The later of the first day and the first that is not too late for the feed.
    uint256 private constant _TIMELY_FIRST = 16;
    /// The earlier of the last day and the block's day.
    uint256 private constant _TIMELY_LAST = 17;
    uint256 private constant _WORDS = 18;

    function isNone(Method method) internal pure returns (bool) {
        return Method.unwrap(method) == 0;
    }

    function id(Method method) internal pure returns (uint256) {
        return _get(method, _ID);
    }

    function next(Method method) internal pure returns (Method) {
        return Method.wrap(_get(method, _NEXT));
    }

    function nullifierBytes(Method method) internal pure returns (uint256) {
        return _get(method, _NULLIFIER_BYTES);
    }

    /// @notice Whether the feed may use the method on that day.
    function isInForce(Method method, uint256 day) internal pure returns (bool) {
        return day >= _get(method, _FIRST_DAY) && day <= _get(method, _LAST_DAY);
    }

    function group(Method method) internal pure returns (uint256) {
        return _get(method, _GROUP);
    }

    function creditsCap(Method method) internal pure returns (uint256) {
        return _get(method, _CREDITS_CAP);
    }

    function millipointsCap(Method method) internal pure returns (uint256) {
        return _get(method, _MILLIPOINTS_CAP);
    }

    /// @notice Narrows the days to those that are neither too late nor too early for the feed at this block.
    function setTimely(Method method, uint256 first, uint256 last) internal pure {
        uint256 firstDay = _get(method, _FIRST_DAY);
        uint256 lastDay = _get(method, _LAST_DAY);
        if (first < firstDay) first = firstDay;
        if (last > lastDay) last = lastDay;
        _set(method, _TIMELY_FIRST, first);
        _set(method, _TIMELY_LAST, last);
    }

    /// @notice Whether the day is in force, not too late and not too early, and no nullifier has to be asked for; where
    /// not, `isInForce` and the others tell why.
    function isPlain(Method method, uint256 day) internal pure returns (bool plain) {
        assembly ("memory-safe") {
            plain := iszero(
                or(
                    or(
                        lt(day, mload(add(method, shl(5, _TIMELY_FIRST)))),
                        gt(day, mload(add(method, shl(5, _TIMELY_LAST))))
                    ),
                    mload(add(method, shl(5, _NULLIFIER_BYTES)))
                )
            )
        }
    }

    /// @notice Unpacks a method's entry, which the law built; no entry, no method.
    /// @param allowed whether the feed's entry lists it; where not, it is in force on no day
    /// @param next_ the list that it is put in front of
    function parse(
        bytes memory entry,
        uint64 creditsCap_,
        uint64 millipointsCap_,
        bool allowed,
        Method next_
    ) internal pure returns (Method method) {
        if (entry.length == 0) return NONE;
        method = _allocate();
        _set(method, _ID, entry.u16(EntryLayout.METHOD_ID_AT));
        _set(method, _NEXT, Method.unwrap(next_));
        _set(method, _GROUP, entry.u8(EntryLayout.METHOD_GROUP_AT));
        _set(method, _CREDIT_NUM, entry.u64(EntryLayout.METHOD_CREDIT_NUM_AT));
        _set(method, _CREDIT_DEN, entry.u64(EntryLayout.METHOD_CREDIT_DEN_AT));
        _set(method, _POINT_NUM, entry.u64(EntryLayout.METHOD_POINT_NUM_AT));
        _set(method, _POINT_DEN, entry.u64(EntryLayout.METHOD_POINT_DEN_AT));
        _set(method, _MAX_ACTIVITY, entry.u32(EntryLayout.METHOD_MAX_ACTIVITY_AT));
        uint256 perSlot = entry.u32(EntryLayout.METHOD_MAX_PER_SLOT_AT);
        _set(method, _MAX_PER_SLOT, perSlot == 0 ? type(uint32).max : perSlot);
        uint256 rule = entry.u8(EntryLayout.METHOD_WINDOW_AT);
        _set(method, _WINDOW_RULE, rule);
        _set(method, _PAIRS, entry.addressOf(EntryLayout.METHOD_PAIRS_AT));
        uint256 tail = windowEnd(rule);
        uint256 firstDay = entry.u16(tail + EntryLayout.METHOD_TAIL_VALID_FROM_AT);
        _set(method, _FIRST_DAY, allowed ? firstDay : type(uint256).max);
        _set(method, _LAST_DAY, entry.u16(tail + EntryLayout.METHOD_TAIL_VALID_TO_AT));
        _set(method, _NULLIFIER_BYTES, 32 * uint256(entry.u8(tail + EntryLayout.METHOD_TAIL_FLAGS_AT) & 1));
        _set(method, _CREDITS_CAP, creditsCap_);
        _set(method, _MILLIPOINTS_CAP, millipointsCap_);
        // Until `setTimely` says which days are timely, none is.
        _set(method, _TIMELY_FIRST, type(uint256).max);
    }

    /// @notice The offset behind a window rule in a method's entry.
    function windowEnd(uint256 rule) internal pure returns (uint256) {
        uint256 pairs = rule == EntryTypes.WINDOW_NONE ? 0 : rule;
        return EntryLayout.METHOD_PAIRS_AT + 2 * pairs;
    }

    /// @notice The bits that a record claims: none where the method claims no slots.
    function mask(Method method, RecordHead head) internal pure returns (uint256) {
        uint256 rule = _get(method, _WINDOW_RULE);
        unchecked {
            // slots ≤ 180 (checked before the record was accepted), so the shift leaves at least 1.
            uint256 bits = ((1 << head.slots()) - 1) << head.slot();
            return rule == EntryTypes.WINDOW_NONE ? 0 : bits;
        }
    }

    /// @notice Whether a record of a method with free slots is possible, in one expression without branches. Where this
    /// says no, `impossible` says why, or that it is possible after all (in one of its windows).
    function isPlainlyPossible(Method method, RecordHead head) internal pure returns (bool possible) {
        uint256 slots = head.slots();
        uint256 end = head.slot();
        uint256 activity = head.activity();
        uint256 campaign = head.campaign();
        assembly ("memory-safe") {
            // Sums and products of numbers below 2^8 and 2^32.
            end := add(end, slots)
            possible := iszero(
                or(
                    or(
                        or(or(iszero(slots), gt(end, 180)), or(campaign, iszero(activity))),
                        gt(activity, mload(add(method, shl(5, _MAX_ACTIVITY))))
                    ),
                    or(
                        gt(activity, mul(mload(add(method, shl(5, _MAX_PER_SLOT))), add(slots, 1))),
                        mload(add(method, shl(5, _WINDOW_RULE))) // other than free
                    )
                )
            )
        }
    }

    /// @notice What makes a record impossible whoever it is of, or `Rules.NONE`.
    function impossible(Method method, RecordHead head) internal pure returns (uint256) {
        uint256 slots = head.slots();
        uint256 activity = head.activity();
        unchecked {
            // Sums and products of numbers below 2^32 and 2^8.
            if (slots == 0 || head.slot() + slots > 180 || head.campaign() != 0) return Rules.MALFORMED;
            if (activity == 0) return Rules.ZERO_ACTIVITY;
            if (activity > _get(method, _MAX_ACTIVITY)) return Rules.OVER_BOUND;
            if (activity > _get(method, _MAX_PER_SLOT) * (slots + 1)) return Rules.OVER_SLOT_BOUND;
        }
        uint256 rule = _get(method, _WINDOW_RULE);
        if (rule != EntryTypes.WINDOW_FREE && rule != EntryTypes.WINDOW_NONE && !_inWindow(method, head)) {
            return Rules.WINDOW;
        }
        return Rules.NONE;
    }

    /// @notice The credits of an activity, in milligrams: floor, once, at the end. The product of 32 and 64 bits fits,
    /// and the law takes no denominator of 0.
    function creditsOf(Method method, uint256 activity) internal pure returns (uint256 credits) {
        assembly ("memory-safe") {
            credits := div(
                mul(activity, mload(add(method, shl(5, _CREDIT_NUM)))),
                mload(add(method, shl(5, _CREDIT_DEN)))
            )
        }
    }

    /// @notice The millipoints of an activity, likewise.
    function millipointsOf(Method method, uint256 activity) internal pure returns (uint256 millipoints) {
        assembly ("memory-safe") {
            millipoints := div(
                mul(activity, mload(add(method, shl(5, _POINT_NUM)))),
                mload(add(method, shl(5, _POINT_DEN)))
            )
        }
    }

    function _inWindow(Method method, RecordHead head) private pure returns (bool) {
        uint256 wanted = (head.slot() << 8) | head.slots();
        uint256 from = _get(method, _PAIRS);
        uint256 pairs = _get(method, _WINDOW_RULE);
        for (uint256 i = 0; i < pairs; ++i) {
            uint256 pair;
            assembly ("memory-safe") {
                pair := shr(240, mload(add(from, shl(1, i))))
            }
            if (pair == wanted) return true;
        }
        return false;
    }

    /// @dev Room for the terms, not cleared: `parse` writes what is read. Memory is never freed within a call.
    function _allocate() private pure returns (Method method) {
        assembly ("memory-safe") {
            method := mload(0x40)
            mstore(0x40, add(method, shl(5, _WORDS)))
        }
    }

    function _get(Method method, uint256 place) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(method, shl(5, place)))
        }
    }

    function _set(Method method, uint256 place, uint256 value) private pure {
        assembly ("memory-safe") {
            mstore(add(method, shl(5, place)), value)
        }
    }
}
