// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title Days at UTC+8 and the calendar years they lie in
/// @notice Days are counted from 1970-01-01. Correct for every day that fits in 16 bits (to 2149-06-06).
library Calendar {
    /// @notice 2008-01-01, the first day a reduction may have.
    uint256 internal constant FIRST_DAY = 13_879;
    /// @notice The first vintage.
    uint256 internal constant FIRST_VINTAGE = 2008;
    /// @notice The last vintage that has days of 16 bits.
    uint256 internal constant LAST_VINTAGE = 2149;

    uint256 private constant _ZONE_SECONDS = 28_800;
    uint256 private constant _DAY_SECONDS = 86_400;
    /// Days from the start of a year to 5 March, without a leap day: 31 + 28 + 4.
    uint256 private constant _CLOSING_OFFSET = 63;

    /// @notice The local day of an instant.
    /// @param time unix seconds
    function dayOf(uint256 time) internal pure returns (uint256) {
        return (time + _ZONE_SECONDS) / _DAY_SECONDS;
    }

    /// @notice The first day of a year, for 1970 ≤ year ≤ 2200.
    function firstDayOf(uint256 year) internal pure returns (uint256) {
        unchecked {
            // Leap days in the years 1 … year-1, minus the 477 in 1 … 1969. No term underflows for year ≥ 1970.
            uint256 past = year - 1;
            return (year - 1970) * 365 + past / 4 - past / 100 + past / 400 - 477;
        }
    }

    /// @notice The calendar year of a day.
    function yearOf(uint256 day) internal pure returns (uint256 year) {
        // 366 days a year never overestimates, and is less than one year short up to the year 2500.
        year = 1970 + day / 366;
        if (firstDayOf(year + 1) <= day) ++year;
    }

    /// @notice The first day that may still earn on `today`: the vintage before closes on 5 March.
    function firstOpenDay(uint256 today) internal pure returns (uint256) {
        uint256 year = yearOf(today);
        uint256 start = firstDayOf(year);
        uint256 leap = firstDayOf(year + 1) - start - 365;
        // On 5 March and later only this year is open. Before 1971 there is no year before.
        if (today >= start + _CLOSING_OFFSET + leap || year == 1970) return start;
        return firstDayOf(year - 1);
    }
}
