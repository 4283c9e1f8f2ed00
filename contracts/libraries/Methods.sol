// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {EntryReader} from "./EntryReader.sol";
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

    /// @notice How the terms lie in memory, one word each.
    /// @param id the method
    /// @param next the next known method
    /// @param nullifierBytes 32 where the method asks for a nullifier, else 0
    /// @param firstDay first day on which the feed may use it, beyond every day where it may not
    /// @param lastDay last such day
    /// @param timelyFirst the later of firstDay and the first day that is not too late for the feed
    /// @param timelyLast the earlier of lastDay and the block's day
    /// @param maxPerSlot most activity per claimed slot and one more; above every activity where there is no such bound
    /// @param windowRule as in the entry: 0 free, 1 … 8 pairs, 255 none
    /// @param windows memory address of the pairs
    struct Terms {
        uint256 id;
        Method next;
        uint256 nullifierBytes;
        uint256 firstDay;
        uint256 lastDay;
        uint256 group;
        uint256 creditNum;
        uint256 creditDen;
        uint256 pointNum;
        uint256 pointDen;
        uint256 maxActivity;
        uint256 maxPerSlot;
        uint256 windowRule;
        uint256 windows;
        uint256 creditsCap;
        uint256 millipointsCap;
        uint256 timelyFirst;
        uint256 timelyLast;
    }

    function isNone(Method method) internal pure returns (bool) {
        return Method.unwrap(method) == 0;
    }

    function id(Method method) internal pure returns (uint256) {
        return _field(method, 0x00);
    }

    function next(Method method) internal pure returns (Method) {
        return Method.wrap(_field(method, 0x20));
    }

    function nullifierBytes(Method method) internal pure returns (uint256) {
        return _field(method, 0x40);
    }

    /// @notice Whether the feed may use the method on that day.
    function isInForce(Method method, uint256 day) internal pure returns (bool) {
        return day >= _field(method, 0x60) && day <= _field(method, 0x80);
    }

    function group(Method method) internal pure returns (uint256) {
        return _field(method, 0xa0);
    }

    function creditsCap(Method method) internal pure returns (uint256) {
        return _field(method, 0x1c0);
    }

    function millipointsCap(Method method) internal pure returns (uint256) {
        return _field(method, 0x1e0);
    }

    /// @notice Narrows the days to those that are neither too late nor too early for the feed at this block.
    function setTimely(Method method, uint256 first, uint256 last) internal pure {
        uint256 firstDay = _field(method, 0x60);
        uint256 lastDay = _field(method, 0x80);
        if (first < firstDay) first = firstDay;
        if (last > lastDay) last = lastDay;
        assembly ("memory-safe") {
            mstore(add(method, 0x200), first)
            mstore(add(method, 0x220), last)
        }
    }

    /// @notice Whether the day is in force, not too late and not too early, and no nullifier has to be asked for; where
    /// not, `isInForce` and the others tell why.
    function isPlain(Method method, uint256 day) internal pure returns (bool plain) {
        assembly ("memory-safe") {
            plain := iszero(
                or(or(lt(day, mload(add(method, 0x200))), gt(day, mload(add(method, 0x220)))), mload(add(method, 0x40)))
            )
        }
    }

    /// @notice Unpacks a method's entry, which the law built.
    /// @param allowed whether the feed's entry lists it; where not, it is in force on no day
    /// @param next_ the list that it is put in front of
    function parse(
        bytes memory entry,
        uint64 creditsCap_,
        uint64 millipointsCap_,
        bool allowed,
        Method next_
    ) internal pure returns (Method method) {
        Terms memory terms;
        terms.id = entry.u16(EntryTypes.FEED_AT);
        terms.next = next_;
        terms.group = entry.u8(EntryTypes.METHOD_GROUP_AT);
        terms.creditNum = entry.u64(EntryTypes.METHOD_CREDIT_NUM_AT);
        terms.creditDen = entry.u64(EntryTypes.METHOD_CREDIT_DEN_AT);
        terms.pointNum = entry.u64(EntryTypes.METHOD_POINT_NUM_AT);
        terms.pointDen = entry.u64(EntryTypes.METHOD_POINT_DEN_AT);
        terms.maxActivity = entry.u32(EntryTypes.METHOD_MAX_ACTIVITY_AT);
        terms.maxPerSlot = entry.u32(EntryTypes.METHOD_MAX_PER_SLOT_AT);
        if (terms.maxPerSlot == 0) terms.maxPerSlot = type(uint32).max;
        terms.windowRule = entry.u8(EntryTypes.METHOD_WINDOW_AT);
        uint256 windows;
        assembly ("memory-safe") {
            windows := add(entry, 87) // 32 (length word) + METHOD_WINDOW_AT + 1
        }
        terms.windows = windows;
        uint256 tail = windowEnd(terms.windowRule);
        terms.firstDay = allowed ? entry.u16(tail) : type(uint256).max;
        terms.lastDay = entry.u16(tail + 2);
        terms.nullifierBytes = 32 * uint256(entry.u8(tail + 4) & 1);
        terms.creditsCap = creditsCap_;
        terms.millipointsCap = millipointsCap_;
        assembly ("memory-safe") {
            // The struct stays where it is: memory is never freed within a call.
            method := terms
        }
    }

    /// @notice The offset behind a window rule in a method's entry.
    function windowEnd(uint256 rule) internal pure returns (uint256) {
        uint256 pairs = rule == EntryTypes.WINDOW_NONE ? 0 : rule;
        return EntryTypes.METHOD_WINDOW_AT + 1 + 2 * pairs;
    }

    /// @notice The bits that a record claims: none where the method claims no slots.
    function mask(Method method, RecordHead head) internal pure returns (uint256) {
        uint256 rule = _field(method, 0x180);
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
                        gt(activity, mload(add(method, 0x140)))
                    ),
                    or(
                        gt(activity, mul(mload(add(method, 0x160)), add(slots, 1))),
                        mload(add(method, 0x180)) // a window rule other than free
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
            if (activity > _field(method, 0x140)) return Rules.OVER_BOUND;
            if (activity > _field(method, 0x160) * (slots + 1)) return Rules.OVER_SLOT_BOUND;
        }
        uint256 rule = _field(method, 0x180);
        if (rule != EntryTypes.WINDOW_FREE && rule != EntryTypes.WINDOW_NONE && !_inWindow(method, head)) {
            return Rules.WINDOW;
        }
        return Rules.NONE;
    }

    /// @notice The credits of an activity, in milligrams: floor, once, at the end. The product of 32 and 64 bits fits,
    /// and the law takes no denominator of 0.
    function creditsOf(Method method, uint256 activity) internal pure returns (uint256 credits) {
        assembly ("memory-safe") {
            credits := div(mul(activity, mload(add(method, 0xc0))), mload(add(method, 0xe0)))
        }
    }

    /// @notice The millipoints of an activity, likewise.
    function millipointsOf(Method method, uint256 activity) internal pure returns (uint256 millipoints) {
        assembly ("memory-safe") {
            millipoints := div(mul(activity, mload(add(method, 0x100))), mload(add(method, 0x120)))
        }
    }

    function _inWindow(Method method, RecordHead head) private pure returns (bool) {
        uint256 wanted = (head.slot() << 8) | head.slots();
        uint256 from = _field(method, 0x1a0);
        uint256 pairs = _field(method, 0x180);
        for (uint256 i = 0; i < pairs; ++i) {
            uint256 pair;
            assembly ("memory-safe") {
                pair := shr(240, mload(add(from, shl(1, i))))
            }
            if (pair == wanted) return true;
        }
        return false;
    }

    /// @dev A word of `Terms`; only read.
    function _field(Method method, uint256 offset) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(method, offset))
        }
    }
}
