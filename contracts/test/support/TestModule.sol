// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Module} from "../../modules/Module.sol";

/// @title A module that posts whatever its entries say: header, then postings' words
/// @notice It checks nothing, so what is refused is refused by the ledger.
contract TestModule is Module {
    uint256 public applied;
    uint64 public lastIndex;
    bytes private _callBack;

    constructor(address authority_, address ledger_) Module(authority_, ledger_) {}

    /// @dev The next entry applied calls the ledger back with this.
    function setCallBack(bytes calldata call) external {
        _callBack = call;
    }

    function post(uint8 entryType, uint256[] memory words) public {
        _append(abi.encodePacked(_header(entryType), words));
    }

    function postOne(uint8 entryType, uint256 word) external {
        uint256[] memory words = new uint256[](1);
        words[0] = word;
        post(entryType, words);
    }

    /// @dev Entries that move nothing, in one transaction.
    function appendSome(uint8 entryType, uint256 count, bool close) external {
        for (uint256 i = 0; i < count; ++i) _appendOpen(abi.encodePacked(_header(entryType)));
        if (close) _closeLog();
    }

    function appendOpenRaw(bytes memory entry) external {
        _appendOpen(entry);
    }

    function appendRaw(bytes memory entry) external {
        _append(entry);
    }

    function digest(bytes32 structHash) external view returns (bytes32) {
        return _digest(structHash);
    }

    function applyEntry(uint64 index, bytes calldata entry) external onlyLedger returns (uint256[] memory words) {
        ++applied;
        lastIndex = index;
        if (_callBack.length != 0) {
            bytes memory call = _callBack;
            delete _callBack;
            (bool success, bytes memory reason) = address(_ledger).call(call);
            if (!success) {
                assembly ("memory-safe") {
                    revert(add(reason, 32), mload(reason))
                }
            }
        }
        words = new uint256[]((entry.length - 9) / 32);
        for (uint256 i = 0; i < words.length; ++i) {
            words[i] = uint256(bytes32(entry[9 + 32 * i:41 + 32 * i]));
        }
    }
}
