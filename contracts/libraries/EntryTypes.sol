// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title What the protocol says of entries beside their layout
library EntryTypes {
    /// @notice First and last type of what becomes of points and credits: given to modules.
    uint8 internal constant FIRST_MODULE = 0x10;
    uint8 internal constant LAST_MODULE = 0x2F;
    /// @notice Reserved: its entry has no form yet.
    uint8 internal constant CAMPAIGN = 0x45;

    /// @notice A window rule: slots are free to choose.
    uint8 internal constant WINDOW_FREE = 0;
    /// @notice A window rule: at most this many (first, count) pairs.
    uint8 internal constant WINDOW_MAX = 8;
    /// @notice A window rule: no slots are claimed, the nullifier tells one thing from another.
    uint8 internal constant WINDOW_NONE = 255;

    /// @notice Late days of a feed on trial: no bound, and closed vintages still earn.
    uint16 internal constant TRIAL_LATE_DAYS = 65_535;
}
