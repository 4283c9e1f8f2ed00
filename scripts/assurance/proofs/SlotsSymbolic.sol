// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {SlotWord, SlotWords} from "../../../contracts/libraries/Words.sol";

/// @title What holds of a slot word, whatever is in it
/// @notice Proved by halmos for all values, not tried with some: its tests are the functions named `check_`.
contract SlotsSymbolic {
    uint256 private constant _MOST = (1 << 30) - 1;
    uint256 private constant _SLOTS = (1 << 180) - 1;

    /// @dev A word refuses just what takes a slot twice or an amount past its cap; whatever caps there are.
    function check_RefusesJustOverlapsAndAmountsPastTheirCaps(
        uint256 raw,
        uint256 mask,
        uint96 credits,
        uint96 millipoints,
        uint64 creditsCap,
        uint64 millipointsCap
    ) external pure {
        SlotWord word = SlotWord.wrap(raw);
        mask &= _SLOTS;
        bool overlaps = word.slots() & mask != 0;
        bool over = word.credits() + credits > creditsCap || word.millipoints() + millipoints > millipointsCap;
        assert(word.refuses(mask, credits, millipoints, creditsCap, millipointsCap) == (overlaps || over));
    }

    /// @dev What is claimed is in its fields and in no other, and released again leaves no trace.
    function check_AClaimFillsItsFieldsAndReleasedLeavesNoTrace(
        uint256 raw,
        uint256 mask,
        uint256 credits,
        uint256 millipoints
    ) external pure {
        SlotWord word = SlotWord.wrap(raw);
        mask &= _SLOTS;
        if (credits > _MOST || millipoints > _MOST) return;
        if (word.refuses(mask, credits, millipoints, _MOST, _MOST)) return;
        SlotWord claimed = word.claim(mask, credits, millipoints);
        assert(claimed.day() == word.day());
        assert(claimed.slots() == (word.slots() | mask));
        assert(claimed.credits() == word.credits() + credits);
        assert(claimed.millipoints() == word.millipoints() + millipoints);
        assert(SlotWord.unwrap(claimed.release(mask, credits, millipoints)) == raw);
    }

    /// @dev Of two claims, releasing the first leaves just the second.
    function check_AReleaseLeavesTheOtherClaims(
        uint16 day,
        uint256 mask,
        uint256 other,
        uint256 amounts,
        uint256 otherAmounts
    ) external pure {
        (mask, other) = (mask & _SLOTS, other & _SLOTS);
        uint256 credits = amounts & _MOST;
        uint256 millipoints = (amounts >> 30) & _MOST;
        SlotWord alone = SlotWord.wrap(uint256(day) << 240);
        SlotWord one = alone.claim(mask, credits, millipoints);
        if (one.refuses(other, otherAmounts & _MOST, (otherAmounts >> 30) & _MOST, _MOST, _MOST)) return;
        SlotWord both = one.claim(other, otherAmounts & _MOST, (otherAmounts >> 30) & _MOST);
        SlotWord left = both.release(mask, credits, millipoints);
        SlotWord second = alone.claim(other, otherAmounts & _MOST, (otherAmounts >> 30) & _MOST);
        assert(SlotWord.unwrap(left) == SlotWord.unwrap(second));
    }

    function check_ANewDayEmptiesTheWord(uint256 raw, uint16 day) external pure {
        SlotWord word = SlotWord.wrap(raw).onDay(day);
        assert(word.day() == day);
        if (SlotWord.wrap(raw).day() == day) assert(SlotWord.unwrap(word) == raw);
        else assert(SlotWord.unwrap(word) == uint256(day) << 240);
    }

    /// @dev No two claims of different accounts, groups or places of the ring share a word.
    function check_KeysAreApart(
        address account,
        uint8 group,
        uint16 day,
        address account2,
        uint8 group2,
        uint16 day2
    ) external pure {
        bool same = account == account2 && group == group2 && day & 63 == day2 & 63;
        uint256 key = SlotWords.key(uint160(account), group, day);
        assert((key == SlotWords.key(uint160(account2), group2, day2)) == same);
    }
}
