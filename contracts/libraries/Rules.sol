// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title Numbers of the rules that the contracts enforce
/// @notice Numbers not listed here are rules that only oracles check.
library Rules {
    /// @notice Nothing speaks against the record.
    uint256 internal constant NONE = 0;
    uint256 internal constant MALFORMED = 1;
    uint256 internal constant UNKNOWN_PERSON = 2;
    uint256 internal constant ZERO_ACTIVITY = 7;
    uint256 internal constant OVER_BOUND = 10;
    uint256 internal constant OVER_SLOT_BOUND = 11;
    uint256 internal constant WINDOW = 12;
    uint256 internal constant OVERLAP = 13;
    uint256 internal constant OVER_CAP = 14;
    uint256 internal constant TOO_LATE = 15;
    uint256 internal constant TOO_EARLY = 16;
    uint256 internal constant NOT_IN_FORCE = 17;
    uint256 internal constant NULLIFIER_USED = 18;
    uint256 internal constant FROZEN = 19;
}
