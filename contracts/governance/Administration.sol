// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IAdministration} from "../interfaces/IAdministration.sol";

/// @title The AccessManager's only admin
contract Administration is IAdministration, AccessManaged {
    uint256 private constant _MOST_CALLS = 16;
    /// Feed administrator (2), registrar … auditor (4 … 8): bit = role.
    uint256 private constant _SUSPENDABLE = 0x1f4;
    uint256 private constant _ROLES = 256;

    address private immutable _manager;

    /// @param manager_ the AccessManager, which also says who may call this
    constructor(address manager_) AccessManaged(manager_) {
        _manager = manager_;
    }

    /// @inheritdoc IAdministration
    function administer(bytes[] calldata calls) external restricted {
        if (calls.length == 0 || calls.length > _MOST_CALLS) revert AdministrationBadCalls(calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            Address.functionCall(_manager, calls[i]);
        }
    }

    /// @inheritdoc IAdministration
    function suspend(uint64 role, address account) external restricted {
        if (role >= _ROLES || (_SUSPENDABLE >> role) & 1 == 0) revert AdministrationNotSuspendable(role);
        (uint48 since, , , ) = IAccessManager(_manager).getAccess(role, account);
        if (since == 0) revert AdministrationNotAHolder(role, account);
        IAccessManager(_manager).revokeRole(role, account);
    }

    /// @inheritdoc IAdministration
    function manager() external view returns (address) {
        return _manager;
    }
}
