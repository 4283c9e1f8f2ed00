// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title Who may send transactions, and who may create contracts
/// @notice luyad reads this contract's storage when it takes a transaction and when it makes a block, so a change holds
/// from the next block on and needs no restart. Members of the council may always send to the council.
interface IPermissions {
    /// @notice What an account may do.
    /// @param account the account
    /// @param flags bit 0: send; bit 1: create contracts, nested creation included (brings bit 0 along)
    struct Permission {
        address account;
        uint256 flags;
    }

    /// @notice An account may do this from now on; 0: nothing.
    event PermissionSet(address indexed account, uint256 flags);
    /// @notice Every account may send, or only those with the flag.
    event SendingOpened(bool open);

    /// @notice There are two flags, and the account is not zero.
    error PermissionsBadFlags(address account, uint256 flags);
    /// @notice More deployers than the limit.
    error PermissionsTooManyDeployers(uint256 limit);

    /// @notice Sets what an account may do.
    /// @param flags 0 nothing, 1 send, 2 or 3 create contracts and send
    function setPermission(address account, uint256 flags) external;

    /// @notice Lets every account send, or only those with the flag.
    function setOpenSending(bool open) external;

    /// @notice The flags of an account.
    function flagsOf(address account) external view returns (uint256);

    /// @notice Whether an account may send.
    function maySend(address account) external view returns (bool);

    /// @notice Whether an account may create contracts.
    function mayDeploy(address account) external view returns (bool);

    /// @notice Whether every account may send.
    function isSendingOpen() external view returns (bool);

    /// @notice All accounts that may create contracts.
    function deployers() external view returns (address[] memory);

    /// @notice How many accounts have a flag.
    function accountCount() external view returns (uint256);

    /// @notice Accounts with a flag: `count` of them from the `start`th on, or what there is.
    function accounts(uint256 start, uint256 count) external view returns (Permission[] memory);
}
