// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ILuyaLedger} from "../interfaces/ILuyaLedger.sol";
import {ILuyaModule} from "../interfaces/ILuyaModule.sol";
import {EntryLayout} from "../libraries/EntryLayout.sol";

/// @title What every module has: its ledger, the one way in, and the one way out
/// @notice An act is: check → entry → `_append`. What the entry changes is in `applyEntry`, which the ledger calls back
/// before `_append` returns.
abstract contract Module is ILuyaModule, AccessManaged {
    bytes32 private constant _DOMAIN_TYPE = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
    );
    bytes32 private constant _NAME_HASH = keccak256("LuyaLedger");
    bytes32 private constant _VERSION_HASH = keccak256("1");

    ILuyaLedger internal immutable _ledger;
    /// The ledger's never changes.
    bytes32 private immutable _salt;

    modifier onlyLedger() {
        if (msg.sender != address(_ledger)) revert LuyaModuleNotLedger(msg.sender);
        _;
    }

    /// @param authority_ the AccessManager
    /// @param ledger_ the ledger whose module this becomes
    constructor(address authority_, address ledger_) AccessManaged(authority_) {
        _ledger = ILuyaLedger(ledger_);
        _salt = ILuyaLedger(ledger_).domainSalt();
    }

    /// @notice The ledger whose module this is.
    function ledger() external view returns (address) {
        return address(_ledger);
    }

    /// @dev Hands an entry to the ledger, which applies it here. Its index is the log's size before.
    function _append(bytes memory entry) internal {
        _ledger.append(entry);
    }

    /// @dev The same for one of several: `_closeLog` follows the last.
    function _appendOpen(bytes memory entry) internal {
        _ledger.appendOpen(entry);
    }

    /// @dev Ends a transaction that has appended by `_appendOpen`.
    function _closeLog() internal {
        _ledger.closeLog();
    }

    /// @dev Type and block time: how every entry begins.
    function _header(uint8 entryType) internal view returns (bytes9) {
        return
            bytes9(
                bytes32((uint256(entryType) << EntryLayout.TYPE_SHIFT) | (block.timestamp << EntryLayout.TIME_SHIFT))
            );
    }

    /// @dev EIP-712: what is signed for an act, under the ledger's domain as it is on this chain now.
    function _digest(bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(_DOMAIN_TYPE, _NAME_HASH, _VERSION_HASH, block.chainid, address(_ledger), _salt)
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }
}
