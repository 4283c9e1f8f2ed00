// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {IPermissions} from "../interfaces/IPermissions.sol";

/// @title The permissions of accounts
/// @dev luyad reads the storage directly: the order of the variables is chain_node/luyad/layout.go's, and a test holds
/// it. It lies at a fixed address from the genesis on and is never upgraded.
contract Permissions is IPermissions, AccessManaged {
    using EnumerableSet for EnumerableSet.AddressSet;

    uint256 private constant _SEND = 1;
    uint256 private constant _DEPLOY = 2;
    uint256 private constant _MAX_DEPLOYERS = 64;

    mapping(address account => uint256 flags) private _flags;
    EnumerableSet.AddressSet private _deployers;
    EnumerableSet.AddressSet private _accounts;
    bool private _open;

    /// @param authority_ the AccessManager
    /// @param permissions what accounts may do from the first block on
    /// @param open whether every account may send
    constructor(address authority_, Permission[] memory permissions, bool open) AccessManaged(authority_) {
        for (uint256 i = 0; i < permissions.length; ++i) _set(permissions[i].account, permissions[i].flags);
        _setOpen(open);
    }

    /// @inheritdoc IPermissions
    function setPermission(address account, uint256 flags) external restricted {
        _set(account, flags);
    }

    /// @inheritdoc IPermissions
    function setOpenSending(bool open) external restricted {
        _setOpen(open);
    }

    function _set(address account, uint256 flags) private {
        if (account == address(0) || flags > _SEND + _DEPLOY) revert PermissionsBadFlags(account, flags);
        if (flags & _DEPLOY != 0) {
            flags |= _SEND;
            _deployers.add(account);
            if (_deployers.length() > _MAX_DEPLOYERS) revert PermissionsTooManyDeployers(_MAX_DEPLOYERS);
        } else {
            _deployers.remove(account);
        }
        if (flags == 0) _accounts.remove(account);
        else _accounts.add(account);
        _flags[account] = flags;
        emit PermissionSet(account, flags);
    }

    function _setOpen(bool open) private {
        _open = open;
        emit SendingOpened(open);
    }

    /// @inheritdoc IPermissions
    function flagsOf(address account) external view returns (uint256) {
        return _flags[account];
    }

    /// @inheritdoc IPermissions
    function maySend(address account) external view returns (bool) {
        return _open || _flags[account] & _SEND != 0;
    }

    /// @inheritdoc IPermissions
    function mayDeploy(address account) external view returns (bool) {
        return _flags[account] & _DEPLOY != 0;
    }

    /// @inheritdoc IPermissions
    function isSendingOpen() external view returns (bool) {
        return _open;
    }

    /// @inheritdoc IPermissions
    function deployers() external view returns (address[] memory) {
        return _deployers.values();
    }

    /// @inheritdoc IPermissions
    function accountCount() external view returns (uint256) {
        return _accounts.length();
    }

    /// @inheritdoc IPermissions
    function accounts(uint256 start, uint256 count) external view returns (Permission[] memory page) {
        uint256 length = _accounts.length();
        uint256 left = start < length ? length - start : 0;
        page = new Permission[](count < left ? count : left);
        for (uint256 i = 0; i < page.length; ++i) {
            address account = _accounts.at(start + i);
            page[i] = Permission(account, _flags[account]);
        }
    }
}
