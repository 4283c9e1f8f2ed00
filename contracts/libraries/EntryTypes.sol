// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {EntryLayout} from "./EntryLayout.sol";

/// @title What the protocol says of entries beside their layout
library EntryTypes {
    /// @notice A campaign: not of the law, its module is its own.
    uint8 internal constant CAMPAIGN = 0x45;

    /// @notice Whether a type is a module's. The ledger's own are 0x01–0x04, 0x40, 0x46, 0x47 and 0x50.
    function isOfModules(uint256 entryType) internal pure returns (bool) {
        if (entryType < 0x05 || entryType == 0x40 || entryType == 0x46 || entryType == 0x47) return false;
        return entryType <= 0x5F && entryType != EntryLayout.MODULE_CHANGE;
    }

    /// @notice A window rule: slots are free to choose.
    uint8 internal constant WINDOW_FREE = 0;
    /// @notice A window rule: at most this many (first, count) pairs.
    uint8 internal constant WINDOW_MAX = 8;
    /// @notice A window rule: no slots are claimed, the nullifier tells one thing from another.
    uint8 internal constant WINDOW_NONE = 255;

    /// @notice Late days of a feed on trial: no bound, and closed vintages still earn.
    uint16 internal constant TRIAL_LATE_DAYS = 65_535;
}
