// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title A contract that owns some of the ledger's entry types
/// @notice A module checks, builds the entry, applies it to its own state and hands it to `ILuyaLedger.append`.
/// While a ledger is being imported, the ledger hands archived entries back to the module that owns their type.
interface ILuyaModule {
    /// @notice Applies an archived entry without checks. Only the ledger may call it, and only while it is imported.
    /// @param entry the entry's bytes, header included
    function applyEntry(bytes calldata entry) external;
}
