// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title One bit for each unit of each project: taken by a delivery, or given back
/// @notice Units and projects are u32, ranges are not empty and end at most at 2^32.
library UnitBits {
    /// @notice Bits by project << 32 | unit / 256.
    struct Bits {
        mapping(uint256 projectAndPlace => uint256 word) words;
    }

    function isTaken(Bits storage bits, uint256 project, uint256 unit) internal view returns (bool) {
        return bits.words[_key(project, unit)] & (1 << (unit & 255)) != 0;
    }

    /// @notice Whether any unit of the range is taken.
    function anyTaken(Bits storage bits, uint256 project, uint256 first, uint256 units) internal view returns (bool) {
        uint256 end = first + units;
        for (uint256 unit = first; unit < end; unit = _next(unit)) {
            if (bits.words[_key(project, unit)] & _mask(unit, end) != 0) return true;
        }
        return false;
    }

    function take(Bits storage bits, uint256 project, uint256 first, uint256 units) internal {
        uint256 end = first + units;
        for (uint256 unit = first; unit < end; unit = _next(unit)) {
            bits.words[_key(project, unit)] |= _mask(unit, end);
        }
    }

    function free(Bits storage bits, uint256 project, uint256 first, uint256 units) internal {
        uint256 end = first + units;
        for (uint256 unit = first; unit < end; unit = _next(unit)) {
            bits.words[_key(project, unit)] &= ~_mask(unit, end);
        }
    }

    function _key(uint256 project, uint256 unit) private pure returns (uint256) {
        return (project << 32) | (unit >> 8);
    }

    /// @dev The first unit of the next word.
    function _next(uint256 unit) private pure returns (uint256) {
        return ((unit >> 8) + 1) << 8;
    }

    /// @dev Bits from `unit` on in its word, up to `end` or the word's end.
    function _mask(uint256 unit, uint256 end) private pure returns (uint256 mask) {
        mask = type(uint256).max << (unit & 255);
        if (end < _next(unit)) mask &= (1 << (end & 255)) - 1;
    }
}
