// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Calendar} from "./Calendar.sol";

/// @notice An account in one storage word: credits u64 (bits 0–63), millipoints u64 (64–127), both of the newest
/// vintage; that vintage's year u16 (128–143), epoch u16 (144–159), district u16 (160–175), state u8 (176–183),
/// has debt (bit 184), oldest u8 (185–192): the oldest vintage before the newest that holds something, less 2007, and 0
/// where there is none. The rest is reserved and zero.
type AccountWord is uint256;

/// @notice What one account claimed in one group on one day: slots (bits 0–179), millipoints (180–209), credits
/// (210–239), day (240–255).
type SlotWord is uint256;

/// @notice A feed's progress: next sequence u64 (bits 0–63), credits u64 (64–127) and millipoints u64 (128–191) minted
/// on the block day u16 (192–207).
type FeedWord is uint256;

/// @notice A pair of amounts: credits u64 (bits 0–63), millipoints u64 (64–127). Older balances and debts.
type AmountsWord is uint256;

/// @notice A vintage's totals: minted credits (bits 0–63) and millipoints (64–127), revoked credits (128–191) and
/// millipoints (192–255).
type TotalsWord is uint256;

using AccountWords for AccountWord global;
using SlotWords for SlotWord global;
using FeedWords for FeedWord global;
using AmountsWords for AmountsWord global;
using TotalsWords for TotalsWord global;

/// @title Fields of an account's word
library AccountWords {
    uint256 internal constant ACTIVE = 1;
    uint256 internal constant FROZEN = 2;
    uint256 internal constant CLOSED = 3;
    /// @notice An organisation's account: it never earns and is never a resident's.
    uint256 internal constant ORGANISATION = 5;

    uint256 private constant _U64 = type(uint64).max;
    uint256 private constant _DEBT = 1 << 184;
    uint256 private constant _OLDEST_AT = 185;
    uint256 private constant _OLDEST = uint256(type(uint8).max) << _OLDEST_AT;
    /// The year before the first vintage.
    uint256 private constant _BEFORE = Calendar.FIRST_VINTAGE - 1;
    /// Everything but credits, millipoints and vintage.
    uint256 private constant _NOT_BALANCE = ~uint256(type(uint144).max);
    uint256 private constant _VINTAGE_AND_DEBT = _DEBT | (uint256(type(uint16).max) << 128);
    uint256 private constant _EPOCH_AND_STATE = (uint256(type(uint8).max) << 176) | (uint256(type(uint16).max) << 144);
    /// epoch, district and state.
    uint256 private constant _IDENTITY = uint256(type(uint40).max) << 144;

    function credits(AccountWord word) internal pure returns (uint256) {
        return AccountWord.unwrap(word) & _U64;
    }

    function millipoints(AccountWord word) internal pure returns (uint256) {
        return (AccountWord.unwrap(word) >> 64) & _U64;
    }

    function vintage(AccountWord word) internal pure returns (uint256) {
        return uint16(AccountWord.unwrap(word) >> 128);
    }

    function epoch(AccountWord word) internal pure returns (uint256) {
        return uint16(AccountWord.unwrap(word) >> 144);
    }

    function district(AccountWord word) internal pure returns (uint256) {
        return uint16(AccountWord.unwrap(word) >> 160);
    }

    function state(AccountWord word) internal pure returns (uint256) {
        return uint8(AccountWord.unwrap(word) >> 176);
    }

    function hasDebt(AccountWord word) internal pure returns (bool) {
        return AccountWord.unwrap(word) & _DEBT != 0;
    }

    /// @notice The oldest vintage before the newest that holds something, 0 where there is none.
    function oldest(AccountWord word) internal pure returns (uint256 year) {
        year = uint8(AccountWord.unwrap(word) >> _OLDEST_AT);
        if (year != 0) year += _BEFORE;
    }

    /// @notice The word with another oldest vintage, 0 for none.
    function withOldest(AccountWord word, uint256 year) internal pure returns (AccountWord) {
        uint256 place = year == 0 ? 0 : year - _BEFORE;
        return AccountWord.wrap((AccountWord.unwrap(word) & ~_OLDEST) | (place << _OLDEST_AT));
    }

    /// @notice Whether the year is the newest vintage and there is no debt.
    function isPlainlyOf(AccountWord word, uint256 year) internal pure returns (bool) {
        return AccountWord.unwrap(word) & _VINTAGE_AND_DEBT == year << 128;
    }

    /// @notice Whether the account is active and may earn in any year.
    function isPlainlyActive(AccountWord word) internal pure returns (bool) {
        return AccountWord.unwrap(word) & _EPOCH_AND_STATE == ACTIVE << 176;
    }

    /// @notice The word with amounts added to the newest vintage; no field runs into the next, see `AmountsWords.plus`.
    function plus(AccountWord word, AmountsWord added) internal pure returns (AccountWord) {
        unchecked {
            return AccountWord.wrap(AccountWord.unwrap(word) + AmountsWord.unwrap(added));
        }
    }

    /// @notice The newest vintage's balance.
    function amounts(AccountWord word) internal pure returns (AmountsWord) {
        return AmountsWord.wrap(uint128(AccountWord.unwrap(word)));
    }

    /// @notice The word with another newest vintage and balance. Amounts are below 2^64.
    function withBalance(AccountWord word, uint256 year, AmountsWord balance) internal pure returns (AccountWord) {
        return
            AccountWord.wrap((AccountWord.unwrap(word) & _NOT_BALANCE) | (year << 128) | AmountsWord.unwrap(balance));
    }

    function withDebt(AccountWord word, bool debt) internal pure returns (AccountWord) {
        uint256 rest = AccountWord.unwrap(word) & ~_DEBT;
        return AccountWord.wrap(debt ? rest | _DEBT : rest);
    }

    /// @notice The word with another epoch, district and state.
    function withIdentity(
        AccountWord word,
        uint16 epoch_,
        uint16 district_,
        uint8 state_
    ) internal pure returns (AccountWord) {
        return
            AccountWord.wrap(
                (AccountWord.unwrap(word) & ~_IDENTITY) |
                    (uint256(epoch_) << 144) |
                    (uint256(district_) << 160) |
                    (uint256(state_) << 176)
            );
    }
}

/// @title Fields of a slot word
library SlotWords {
    uint256 internal constant RING = 64;

    uint256 private constant _U30 = (1 << 30) - 1;
    uint256 private constant _SLOTS = (1 << 180) - 1;

    /// @notice The key of a word: account, group and place in the ring.
    function key(uint256 account, uint256 group, uint256 day_) internal pure returns (uint256) {
        return (account << 16) | (group << 8) | (day_ % RING);
    }

    /// @notice The bits of `count` slots from `first`; first + count ≤ 180.
    function mask(uint256 first, uint256 count) internal pure returns (uint256) {
        unchecked {
            // count ≤ 180, so the shift leaves at least 1.
            return ((1 << count) - 1) << first;
        }
    }

    function day(SlotWord word) internal pure returns (uint256) {
        return SlotWord.unwrap(word) >> 240;
    }

    function credits(SlotWord word) internal pure returns (uint256) {
        return (SlotWord.unwrap(word) >> 210) & _U30;
    }

    function millipoints(SlotWord word) internal pure returns (uint256) {
        return (SlotWord.unwrap(word) >> 180) & _U30;
    }

    function slots(SlotWord word) internal pure returns (uint256) {
        return SlotWord.unwrap(word) & _SLOTS;
    }

    /// @notice Whether slots of the mask are taken, or an amount would pass its cap; without branches. No field runs
    /// over: the word's fields have 30 bits, the amounts at most 96.
    function refuses(
        SlotWord word,
        uint256 mask_,
        uint256 credits_,
        uint256 millipoints_,
        uint256 creditsCap,
        uint256 millipointsCap
    ) internal pure returns (bool refused) {
        assembly ("memory-safe") {
            refused := or(
                or(
                    gt(add(and(shr(210, word), 0x3fffffff), credits_), creditsCap),
                    gt(add(and(shr(180, word), 0x3fffffff), millipoints_), millipointsCap)
                ),
                and(word, mask_)
            )
            refused := iszero(iszero(refused))
        }
    }

    /// @notice The word as it stands for `day_`: itself, or empty when it is of an older day.
    function onDay(SlotWord word, uint256 day_) internal pure returns (SlotWord) {
        return day(word) == day_ ? word : SlotWord.wrap(day_ << 240);
    }

    /// @notice The word with slots and amounts added. The caller has checked that the slots are free and that the
    /// sums are below 2^30, so no field runs into the next.
    function claim(
        SlotWord word,
        uint256 mask_,
        uint256 credits_,
        uint256 millipoints_
    ) internal pure returns (SlotWord) {
        unchecked {
            return SlotWord.wrap((SlotWord.unwrap(word) | mask_) + (credits_ << 210) + (millipoints_ << 180));
        }
    }

    /// @notice The word with a former claim taken back: its slots and amounts are in the word, so nothing borrows.
    function release(
        SlotWord word,
        uint256 mask_,
        uint256 credits_,
        uint256 millipoints_
    ) internal pure returns (SlotWord) {
        return SlotWord.wrap((SlotWord.unwrap(word) & ~mask_) - (credits_ << 210) - (millipoints_ << 180));
    }
}

/// @title Fields of a feed's word
library FeedWords {
    uint256 private constant _U64 = type(uint64).max;

    function nextSequence(FeedWord word) internal pure returns (uint256) {
        return FeedWord.unwrap(word) & _U64;
    }

    function credits(FeedWord word) internal pure returns (uint256) {
        return (FeedWord.unwrap(word) >> 64) & _U64;
    }

    function millipoints(FeedWord word) internal pure returns (uint256) {
        return (FeedWord.unwrap(word) >> 128) & _U64;
    }

    function capDay(FeedWord word) internal pure returns (uint256) {
        return FeedWord.unwrap(word) >> 192;
    }

    /// @notice All fields; each fits: amounts never exceed a cap of 64 bits, a day fits in 16 bits until 2149.
    function pack(
        uint256 sequence,
        uint256 credits_,
        uint256 millipoints_,
        uint256 day
    ) internal pure returns (FeedWord) {
        return FeedWord.wrap(sequence | (credits_ << 64) | (millipoints_ << 128) | (day << 192));
    }
}

/// @title Fields of a pair of amounts
library AmountsWords {
    uint256 private constant _U64 = type(uint64).max;

    function credits(AmountsWord word) internal pure returns (uint256) {
        return AmountsWord.unwrap(word) & _U64;
    }

    function millipoints(AmountsWord word) internal pure returns (uint256) {
        return (AmountsWord.unwrap(word) >> 64) & _U64;
    }

    function isZero(AmountsWord word) internal pure returns (bool) {
        return AmountsWord.unwrap(word) == 0;
    }

    /// @notice Both amounts are below 2^64.
    function pack(uint256 credits_, uint256 millipoints_) internal pure returns (AmountsWord) {
        return AmountsWord.wrap(credits_ | (millipoints_ << 64));
    }

    /// @notice The sum. No balance or debt exceeds what its vintages minted, and those totals are held below 2^64
    /// (`LuyaLedgerTotalOverflow`), so no field runs into the next.
    function plus(AmountsWord a, AmountsWord b) internal pure returns (AmountsWord) {
        unchecked {
            return AmountsWord.wrap(AmountsWord.unwrap(a) + AmountsWord.unwrap(b));
        }
    }

    /// @notice The difference; `b` is not above `a` in either field, so nothing borrows.
    function minus(AmountsWord a, AmountsWord b) internal pure returns (AmountsWord) {
        unchecked {
            return AmountsWord.wrap(AmountsWord.unwrap(a) - AmountsWord.unwrap(b));
        }
    }

    /// @notice The smaller of each field.
    function min(AmountsWord a, AmountsWord b) internal pure returns (AmountsWord) {
        uint256 c = credits(a) < credits(b) ? credits(a) : credits(b);
        uint256 m = millipoints(a) < millipoints(b) ? millipoints(a) : millipoints(b);
        return pack(c, m);
    }
}

/// @title Fields of a vintage's totals
library TotalsWords {
    /// What reductions may mint of a vintage. A quarter of 64 bits is left to the other sources (`LedgerPostings`).
    uint256 private constant _MOST = 3 << 62;

    function minted(TotalsWord word) internal pure returns (AmountsWord) {
        return AmountsWord.wrap(uint128(TotalsWord.unwrap(word)));
    }

    function revoked(TotalsWord word) internal pure returns (AmountsWord) {
        return AmountsWord.wrap(TotalsWord.unwrap(word) >> 128);
    }

    /// @notice Whether both minted amounts stay within their bound when these are added.
    function fits(TotalsWord word, uint256 credits_, uint256 millipoints_) internal pure returns (bool) {
        AmountsWord sum = minted(word);
        return sum.credits() + credits_ <= _MOST && sum.millipoints() + millipoints_ <= _MOST;
    }

    /// @notice The totals with a mint added; the caller has asked `fits`.
    function mint(TotalsWord word, AmountsWord amounts) internal pure returns (TotalsWord) {
        unchecked {
            return TotalsWord.wrap(TotalsWord.unwrap(word) + AmountsWord.unwrap(amounts));
        }
    }

    /// @notice The totals with a burn added: never more than was minted, so within 64 bits.
    function revoke(TotalsWord word, AmountsWord amounts) internal pure returns (TotalsWord) {
        unchecked {
            return TotalsWord.wrap(TotalsWord.unwrap(word) + (AmountsWord.unwrap(amounts) << 128));
        }
    }
}
