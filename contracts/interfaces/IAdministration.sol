// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title Who administers the AccessManager
/// @notice It alone holds ADMIN, for which OpenZeppelin allows no guardian. What it is asked to do is an ordinary act
/// of the role GOVERNANCE: it waits for the delay of whoever asks, and the guardian can cancel it until it is done.
interface IAdministration {
    /// @notice Between 1 and 16 calls at a time.
    error AdministrationBadCalls(uint256 count);
    /// @notice Only a role that makes or undoes something can be taken at once, not one that governs or brakes.
    error AdministrationNotSuspendable(uint64 role);
    /// @notice The account does not hold the role.
    error AdministrationNotAHolder(uint64 role, address account);

    /// @notice Calls the AccessManager as its admin, all calls or none. Role: governance.
    /// @param calls call data for the AccessManager, in order
    function administer(bytes[] calldata calls) external;

    /// @notice Takes a role from one of its holders at once. Role: guardian.
    /// @param role feed administrator, registrar, catalogue manager, merchant, acceptor or auditor
    /// @param account its holder
    function suspend(uint64 role, address account) external;

    /// @notice The AccessManager whose admin it is, whichever contract it takes its own orders from.
    function manager() external view returns (address);
}
