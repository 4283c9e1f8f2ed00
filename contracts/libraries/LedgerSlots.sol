// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title Where the ledger's state lies in storage
/// @notice For readers of `extsload`. A test holds that these are the compiler's positions.
library LedgerSlots {
    /// @notice log size u64 (bits 0–63), paused until u64 (64–127), sealed (128).
    uint256 internal constant HEAD = 0;
    uint256 internal constant LOG_KEY = 1;
    uint256 internal constant ROOTS = 2;
    uint256 internal constant ACCOUNTS = 3;
    uint256 internal constant OLDER = 4;
    uint256 internal constant DEBTS = 5;
    uint256 internal constant WORDS = 6;
    uint256 internal constant NULLIFIERS = 7;
    uint256 internal constant FEEDS = 8;
    uint256 internal constant TOTALS = 9;
    uint256 internal constant REVOKED = 10;
    uint256 internal constant IDENTITIES = 11;
    uint256 internal constant IDENTITY_OF = 12;
    uint256 internal constant MODULES = 13;
    uint256 internal constant ORIGIN = 14;
    uint256 internal constant URI = 15;
    /// @notice 48 words, one a level.
    uint256 internal constant EDGE = 16;
    /// @notice Totals by `Buckets.key`: ERC-7201 of "luya.ledger.buckets".
    uint256 internal constant BUCKETS = 0x0add581ff3c55b6434aef3cdefd6badf358cebebd93cfc232ae6397b05913b00;

    /// @notice The position of a mapping's value.
    function position(uint256 mapping_, uint256 key) internal pure returns (bytes32) {
        return keccak256(abi.encode(key, mapping_));
    }

    /// @notice The key of an account's balance in a vintage older than its newest.
    function olderKey(address account, uint256 year) internal pure returns (uint256) {
        return (uint256(uint160(account)) << 16) | year;
    }
}
