// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title What an agent does for its organisation
library AgentRoles {
    uint8 internal constant MERCHANT = 1;
    uint8 internal constant ACCEPTOR = 2;
    uint8 internal constant AUDITOR = 3;
    uint8 internal constant ORGANISER = 4;
}
