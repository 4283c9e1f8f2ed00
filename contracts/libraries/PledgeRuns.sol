// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Calendar} from "./Calendar.sol";
import {HeldParts} from "./HeldParts.sol";

/// @title Of which vintage each millipoint in a project is
/// @notice All pledges' parts one after the other are one line of millipoints, and unit u of a project at price p lies
/// at [u × p, (u + 1) × p). Stretches of one vintage are kept by their ends, three a word, so that a delivery's parts
/// cost no look at its pledges.
library PledgeRuns {
    /// @notice A stretch is end u64 << 16 | vintage u16, three in a word, the first lowest.
    struct Runs {
        uint256 count;
        mapping(uint256 place => uint256 word) words;
    }

    /// @notice Points of more than 32 vintages: fewer units at a time have fewer.
    error PledgeRunsTooManyVintages(uint256 vintages);

    uint256 private constant _BITS = 80;
    uint256 private constant _MASK = (1 << _BITS) - 1;
    uint256 private constant _EACH = 3;
    /// 2008 … 2149, the last year of a day that fits in 16 bits.
    uint256 private constant _YEARS = 142;

    /// @notice Puts millipoints of a vintage at the line's end. The line stays below 2^64.
    function append(Runs storage runs, uint256 vintage, uint256 amount) internal {
        uint256 count = runs.count;
        if (count != 0) {
            uint256 last = _at(runs, count - 1);
            amount += last >> 16;
            if (uint16(last) == vintage) return _put(runs, count - 1, (amount << 16) | vintage);
        }
        _put(runs, count, (amount << 16) | vintage);
        runs.count = count + 1;
    }

    /// @notice An empty sum.
    function open() internal pure returns (uint64[] memory) {
        return new uint64[](_YEARS);
    }

    /// @notice Adds what lies in [from, to) to a sum by year from 2008 on. The line reaches at least to `to`.
    function add(Runs storage runs, uint256 from, uint256 to, uint64[] memory sum) internal view {
        for (uint256 i = _find(runs, from); from < to; ++i) {
            uint256 run = _at(runs, i);
            uint256 end = run >> 16 < to ? run >> 16 : to;
            // Beyond the last stretch there is 0: this reverts.
            sum[uint16(run) - Calendar.FIRST_VINTAGE] += uint64(end - from);
            from = end;
        }
    }

    /// @notice A sum as an entry's parts: n u8, then n times vintage u16 and amount u64, vintages ascending.
    function toParts(uint64[] memory sum) internal pure returns (bytes memory parts) {
        uint256 count = 0;
        for (uint256 i = 0; i < _YEARS; ++i) {
            if (sum[i] == 0) continue;
            ++count;
            parts = abi.encodePacked(parts, uint16(Calendar.FIRST_VINTAGE + i), sum[i]);
        }
        if (count > HeldParts.MOST) revert PledgeRunsTooManyVintages(count);
        return bytes.concat(bytes1(uint8(count)), parts);
    }

    /// @dev The first stretch that ends after `position`.
    function _find(Runs storage runs, uint256 position) private view returns (uint256 low) {
        uint256 high = runs.count;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (_at(runs, middle) >> 16 > position) high = middle;
            else low = middle + 1;
        }
    }

    function _at(Runs storage runs, uint256 i) private view returns (uint256) {
        return (runs.words[i / _EACH] >> (_BITS * (i % _EACH))) & _MASK;
    }

    function _put(Runs storage runs, uint256 i, uint256 run) private {
        uint256 shift = _BITS * (i % _EACH);
        runs.words[i / _EACH] = (runs.words[i / _EACH] & ~(_MASK << shift)) | (run << shift);
    }
}
