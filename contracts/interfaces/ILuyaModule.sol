// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title A contract that owns some of the ledger's entry types
/// @notice A module checks an act, builds its entry and hands it to `ILuyaLedger.append`. The ledger hands it back to
/// `applyEntry`, as it does with archived entries while it is imported: what an entry changes, it changes there and
/// nowhere else.
interface ILuyaModule {
    /// @notice The caller is not the ledger.
    error LuyaModuleNotLedger(address caller);
    /// @notice The entry's type is not one of this module's.
    error LuyaModuleWrongType(uint8 entryType);
    /// @notice The entry has another length than its kind.
    error LuyaModuleBadLength(uint256 length);

    /// @notice Applies an entry of a type it owns to its own state, from the entry alone: live after the module's own
    /// checks, at import without. Only the ledger may call it. It must not append, nor have anybody append.
    /// @param index the entry's log index
    /// @param entry the entry's bytes, header included
    /// @return postings what the entry moves in the books, as words of `Moves`
    function applyEntry(uint64 index, bytes calldata entry) external returns (uint256[] memory postings);
}
