// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title What auditors and the node read in bulk
/// @notice Decodes the ledger's raw storage words; holds no state and no rights. Each function takes many keys and
/// answers in their order.
interface ILuyaViews {
    /// @notice An account. `state` 0: never registered. Balances are those of `vintage`, its newest year.
    struct AccountView {
        uint8 state;
        uint16 epoch;
        uint16 vintage;
        uint64 credits;
        uint64 millipoints;
        uint64 creditsDebt;
        uint64 millipointsDebt;
    }

    /// @notice A balance: milligrams and millipoints.
    struct BalanceView {
        uint64 credits;
        uint64 millipoints;
    }

    /// @notice A feed's progress. The amounts were minted on `capDay`.
    struct FeedStateView {
        uint64 nextSequence;
        uint16 capDay;
        uint64 creditsUsed;
        uint64 millipointsUsed;
    }

    /// @notice A vintage's totals: minted = free + revoked, for credits and for points.
    struct TotalsView {
        uint64 creditsMinted;
        uint64 millipointsMinted;
        uint64 creditsRevoked;
        uint64 millipointsRevoked;
    }

    /// @notice Two arrays that must be of one length are not.
    error LuyaViewsLengthsDiffer(uint256 first, uint256 second);

    /// @notice Accounts.
    function accounts(address[] calldata accounts) external view returns (AccountView[] memory);

    /// @notice Balances of `accounts[i]` in vintage `vintages[i]`.
    function balances(
        address[] calldata accounts,
        uint16[] calldata vintages
    ) external view returns (BalanceView[] memory);

    /// @notice Slot words by key (account << 16 | group << 8 | day % 64).
    function words(uint256[] calldata keys) external view returns (uint256[] memory);

    /// @notice A feed's progress.
    function feedState(uint16 feed) external view returns (FeedStateView memory);

    /// @notice Totals by vintage year.
    function totals(uint16[] calldata vintages) external view returns (TotalsView[] memory);

    /// @notice Log index + 1 of the entry that used a nullifier; 0: unused or free again.
    function nullifiers(bytes32[] calldata keys) external view returns (uint64[] memory);

    /// @notice Whether entries were revoked.
    function revoked(uint64[] calldata indexes) external view returns (bool[] memory);

    /// @notice The account of an identity nullifier; zero: none.
    function identities(bytes32[] calldata keys) external view returns (address[] memory);

    /// @notice The ledger.
    function ledger() external view returns (address);

    /// @notice The law.
    function law() external view returns (address);
}
