// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaLedger} from "../interfaces/ILuyaLedger.sol";
import {Rfc6962} from "../libraries/Rfc6962.sol";
import {AccountWord, AmountsWord, FeedWord, SlotWord, TotalsWord} from "../libraries/Words.sol";

/// @title All of the ledger's state, and its raw reads
/// @notice The order of the variables is the storage layout in `LedgerSlots`.
abstract contract LedgerState is ILuyaLedger {
    uint64 internal _size;
    uint64 internal _pausedUntil;
    bool internal _sealed;
    /// Of the entries imported so far, the newest time; zero again after the seal.
    uint64 internal _importedTime;
    bytes32 internal _logKey;
    mapping(uint256 size => bytes32 root) internal _roots;
    mapping(address account => AccountWord) internal _accounts;
    mapping(uint256 accountAndYear => AmountsWord) internal _older;
    mapping(address account => AmountsWord) internal _debts;
    mapping(uint256 accountGroupAndPlace => SlotWord) internal _words;
    mapping(bytes32 nullifier => uint256 indexPlusOne) internal _nullifiers;
    mapping(uint256 feed => FeedWord) internal _feeds;
    mapping(uint256 year => TotalsWord) internal _totals;
    mapping(uint256 indexDiv256 => uint256 bits) internal _revoked;
    mapping(bytes32 identity => address account) internal _identities;
    mapping(address account => bytes32 identity) internal _identityOf;
    mapping(uint256 entryType => address) internal _modules;
    string internal _origin;
    string internal _uri;
    bytes32[48] internal _edge;

    modifier onlySealed() {
        if (!_sealed) revert LuyaLedgerNotSealed();
        _;
    }

    modifier onlyImporting() {
        if (_sealed) revert LuyaLedgerAlreadySealed();
        _;
    }

    /// @inheritdoc ILuyaLedger
    function logSize() external view returns (uint64) {
        return _size;
    }

    /// @inheritdoc ILuyaLedger
    function root() public view returns (bytes32) {
        bytes32 known = _roots[_size];
        return known != 0 ? known : Rfc6962.root(_openLog());
    }

    /// @inheritdoc ILuyaLedger
    function rootAt(uint64 size) external view returns (bytes32) {
        return _roots[size];
    }

    /// @inheritdoc ILuyaLedger
    function nextSequence(uint16 feed) external view returns (uint64) {
        return uint64(_feeds[feed].nextSequence());
    }

    /// @inheritdoc ILuyaLedger
    function logOrigin() external view returns (string memory) {
        return _origin;
    }

    /// @inheritdoc ILuyaLedger
    function logKey() external view returns (bytes32) {
        return _logKey;
    }

    /// @inheritdoc ILuyaLedger
    function isSealed() external view returns (bool) {
        return _sealed;
    }

    /// @inheritdoc ILuyaLedger
    function pausedUntil() external view returns (uint64) {
        return _pausedUntil;
    }

    /// @inheritdoc ILuyaLedger
    function module(uint8 entryType) external view returns (address) {
        return _modules[entryType];
    }

    /// @inheritdoc ILuyaLedger
    function extsload(bytes32[] calldata slots) external view returns (bytes32[] memory words) {
        words = new bytes32[](slots.length);
        for (uint256 i = 0; i < slots.length; ++i) {
            bytes32 slot = slots[i];
            bytes32 value;
            assembly ("memory-safe") {
                value := sload(slot)
            }
            words[i] = value;
        }
    }

    /// @dev The log's edge: only levels whose bit is set in the size are read.
    function _openLog() internal view returns (Rfc6962.Edge memory edge) {
        uint256 rest = _size;
        edge = Rfc6962.open(rest);
        for (uint256 level = 0; rest != 0; ++level) {
            if (rest & 1 != 0) Rfc6962.setNode(edge, level, _edge[level]);
            rest >>= 1;
        }
    }

    /// @dev Stores what changed of the edge, and the root at its size.
    function _closeLog(Rfc6962.Edge memory edge) internal returns (bytes32 newRoot) {
        _storeEdge(edge);
        newRoot = Rfc6962.root(edge);
        _roots[edge.size] = newRoot;
    }

    /// @dev The node of a level covers the leaves up to (size >> level) << level, so it changed just where size >>
    /// level did.
    function _storeEdge(Rfc6962.Edge memory edge) internal {
        uint256 before = _size;
        uint256 rest = edge.size;
        _size = uint64(rest);
        for (uint256 level = 0; rest != before; ++level) {
            if (rest & 1 != 0) _edge[level] = Rfc6962.node(edge, level);
            rest >>= 1;
            before >>= 1;
        }
    }

    /// @dev Appends one entry of a call that is not a batch.
    function _append(Rfc6962.Edge memory edge, bytes memory entry) internal {
        uint64 index = uint64(edge.size);
        Rfc6962.append(edge, Rfc6962.leaf(entry));
        emit EntryAppended(index, entry);
    }

    /// @dev Ends a call that is not a batch.
    function _extend(Rfc6962.Edge memory edge) internal {
        bytes32 newRoot = _closeLog(edge);
        emit LogExtended(uint64(edge.size), newRoot);
    }

    /// @dev A call of one entry.
    function _appendOne(bytes memory entry) internal {
        Rfc6962.Edge memory edge = _openLog();
        _append(edge, entry);
        _extend(edge);
    }
}
