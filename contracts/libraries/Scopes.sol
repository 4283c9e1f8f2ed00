// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title What a session key may do for its account: one bit each
library Scopes {
    /// @notice No bit: an act of the controller alone.
    uint16 internal constant CONTROLLER = 0;
    uint16 internal constant ORDERS = 1;
    uint16 internal constant PLEDGES = 2;
    uint16 internal constant CONSENTS = 4;
    uint16 internal constant ALL = 7;
}
