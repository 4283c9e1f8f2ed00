// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title Where amounts lie: numbers of the books' buckets
/// @notice In the order of chain_node/protocol/postings.py, and a test compares them.
library Buckets {
    uint256 internal constant ISSUED = 0;
    uint256 internal constant BONUS = 1;
    uint256 internal constant CARRIED_IN = 2;
    uint256 internal constant RECOGNISED = 3;
    uint256 internal constant PRIZE = 4;
    uint256 internal constant HELD = 5;
    uint256 internal constant PLEDGED = 6;
    uint256 internal constant BATCH = 7;
    uint256 internal constant BUFFER = 8;
    uint256 internal constant QUARANTINED = 9;
    uint256 internal constant LOCKED = 10;
    uint256 internal constant TREASURY = 11;
    uint256 internal constant REVOKED = 12;
    uint256 internal constant REDEEMED = 13;
    uint256 internal constant RETIRED = 14;
    uint256 internal constant EXPORTED = 15;
    uint256 internal constant EXPIRED = 16;
    uint256 internal constant CARRIED_OUT = 17;
    uint256 internal constant DONATED = 18;
    uint256 internal constant LAPSED = 19;
    uint256 internal constant BOOKED = 20;
    uint256 internal constant OWED = 21;
    uint256 internal constant MET = 22;
    uint256 internal constant WAIVED = 23;

    /// @notice The key of a vintage's total in a bucket (`LedgerSlots.BUCKETS`); vintage 0 is that of debts.
    function key(uint256 vintage, uint256 bucket) internal pure returns (uint256) {
        return (vintage << 8) | bucket;
    }
}
