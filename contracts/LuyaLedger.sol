// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ILuyaLedger} from "./interfaces/ILuyaLedger.sol";
import {Calendar} from "./libraries/Calendar.sol";
import {EntryReader} from "./libraries/EntryReader.sol";
import {EntryLayout} from "./libraries/EntryLayout.sol";
import {EntryTypes} from "./libraries/EntryTypes.sol";
import {Moves} from "./libraries/Moves.sol";
import {Rfc6962} from "./libraries/Rfc6962.sol";
import {AccountWords, AmountsWord} from "./libraries/Words.sol";
import {LedgerImport} from "./ledger/LedgerImport.sol";
import {LedgerRecording} from "./ledger/LedgerRecording.sol";

/// @title Luya's ledger
/// @notice Administration, each act one entry: check, entry, apply, append. Roles are one AccessManager's table.
contract LuyaLedger is LedgerRecording, LedgerImport, AccessManaged {
    using EntryReader for bytes;

    // A registration: account (20), identity nullifier (32), district u16, epoch u16.
    uint256 private constant _ACCOUNT_AT = 0;
    uint256 private constant _IDENTITY_AT = 20;
    uint256 private constant _DISTRICT_AT = 52;
    uint256 private constant _EPOCH_AT = 54;
    uint256 private constant _REGISTRATION_BYTES = 56;
    uint256 private constant _LONGEST_PAUSE = 7 days;
    /// The only kind of checkpoint key: Ed25519.
    uint8 private constant _ED25519 = 1;

    /// @param authority_ the AccessManager
    /// @param origin the log's origin line, never used by another network
    /// @param genesisNonce_ 32 random bytes
    /// @param uri_ ERC-1155 metadata URI, with {id}
    constructor(
        address authority_,
        string memory origin,
        bytes32 genesisNonce_,
        string memory uri_
    ) AccessManaged(authority_) {
        if (sha256("") != Rfc6962.EMPTY_ROOT) revert LuyaLedgerNoSha256();
        _origin = origin;
        _uri = uri_;
        _genesisNonce = genesisNonce_;
        _domainSalt = keccak256(abi.encodePacked(origin, genesisNonce_));
        _roots[0] = Rfc6962.EMPTY_ROOT;
    }

    /// @inheritdoc ILuyaLedger
    function registerAccounts(bytes calldata packed) external restricted onlySealed {
        uint256 length = packed.length;
        if (length == 0 || length % _REGISTRATION_BYTES != 0) revert LuyaLedgerBadLength(length);
        Rfc6962.Edge memory edge = _openLog();
        for (uint256 i = 0; i < length / _REGISTRATION_BYTES; ++i) {
            bytes memory item = packed[i * _REGISTRATION_BYTES:(i + 1) * _REGISTRATION_BYTES];
            address account = item.addr(_ACCOUNT_AT);
            bytes32 identity = bytes32(item.word(_IDENTITY_AT));
            uint16 epoch = item.u16(_EPOCH_AT);
            if (account == address(0) || _accounts[account].state() != 0) {
                revert LuyaLedgerAccountNotNew(i, account);
            }
            if (identity == 0 || _identities[identity] != address(0)) revert LuyaLedgerIdentityNotNew(i, identity);
            if (epoch != 0 && epoch < Calendar.FIRST_VINTAGE) revert LuyaLedgerBadEpoch(i, epoch);
            _enterAccount(edge, account, identity, item.u16(_DISTRICT_AT), epoch, uint8(AccountWords.ACTIVE));
        }
        _extend(edge);
    }

    /// @inheritdoc ILuyaLedger
    function setAccountState(address account, uint8 state) external restricted onlySealed {
        uint256 current = _accounts[account].state();
        bool freezes = current == AccountWords.ACTIVE && state == AccountWords.FROZEN;
        bool thaws = current == AccountWords.FROZEN && state == AccountWords.ACTIVE;
        if (!freezes && !thaws) revert LuyaLedgerBadAccountState(account, uint8(current), state);
        _changeAccount(account, uint16(_accounts[account].district()), state);
    }

    /// @inheritdoc ILuyaLedger
    function closeAccount(address account) external restricted onlySealed {
        _requireOpen(account, uint8(AccountWords.CLOSED));
        _changeAccount(account, uint16(_accounts[account].district()), uint8(AccountWords.CLOSED));
    }

    /// @inheritdoc ILuyaLedger
    function moveAccount(address account, uint16 district) external restricted onlySealed {
        uint8 state = uint8(_accounts[account].state());
        _requireOpen(account, state);
        if (_accounts[account].district() == district) revert LuyaLedgerSameDistrict(account, district);
        _changeAccount(account, district, state);
    }

    /// @inheritdoc ILuyaLedger
    function revoke(
        uint64 index,
        uint64 size,
        bytes calldata entry,
        bytes32[] calldata proof,
        uint16 reason,
        bytes32 reasonHash,
        bool release
    ) external restricted onlySealed {
        bytes memory target = entry;
        _checkTarget(index, size, target, proof);
        (AmountsWord minted, AmountsWord owed) = _applyRevocation(index, target, release);
        AmountsWord burned = minted.minus(owed);
        _appendOne(
            abi.encodePacked(
                _header(EntryLayout.REVOCATION),
                index,
                reason,
                reasonHash,
                release,
                uint64(burned.credits()),
                uint64(burned.millipoints()),
                uint64(owed.credits()),
                uint64(owed.millipoints())
            )
        );
    }

    /// @inheritdoc ILuyaLedger
    function pause(uint64 until) external restricted onlySealed {
        if (until <= block.timestamp || until > block.timestamp + _LONGEST_PAUSE) {
            revert LuyaLedgerPauseOutOfBounds(until);
        }
        _setPause(until);
    }

    /// @inheritdoc ILuyaLedger
    function unpause() external restricted onlySealed {
        _setPause(0);
    }

    /// @inheritdoc ILuyaLedger
    function setLogKey(bytes32 publicKey) external restricted onlySealed {
        if (publicKey == 0) revert LuyaLedgerNoLogKey();
        _logKey = publicKey;
        _appendOne(abi.encodePacked(_header(EntryLayout.LOG_KEY), _ED25519, publicKey));
    }

    /// @inheritdoc ILuyaLedger
    function setModule(uint8 firstType, uint8 lastType, address module_) external restricted {
        if (firstType > lastType) revert LuyaLedgerBadRange(firstType, lastType);
        if (module_.code.length == 0) revert LuyaLedgerNoCode(module_);
        for (uint256 entryType = firstType; entryType <= lastType; ++entryType) {
            if (!EntryTypes.isOfModules(entryType)) revert LuyaLedgerWrongType(uint8(entryType));
            if (_modules[entryType] != address(0) && _isFixed(entryType)) {
                revert LuyaLedgerModuleFixed(uint8(entryType));
            }
            _modules[entryType] = module_;
            emit ModuleSet(uint8(entryType), module_);
        }
        // The first wiring is the deployment's, in its manifest; whatever changes later is an entry.
        if (!_sealed) return;
        _appendOne(
            abi.encodePacked(_header(EntryLayout.MODULE_CHANGE), firstType, lastType, module_, module_.codehash)
        );
    }

    /// @inheritdoc ILuyaLedger
    function append(bytes calldata entry) external onlySealed {
        _extend(_appendOfModule(entry));
    }

    /// @inheritdoc ILuyaLedger
    function appendOpen(bytes calldata entry) external onlySealed {
        _storeEdge(_appendOfModule(entry));
    }

    /// @inheritdoc ILuyaLedger
    function closeLog() external onlySealed {
        if (_roots[_size] == 0) _extend(_openLog());
    }

    /// @inheritdoc ILuyaLedger
    function importEntries(bytes calldata packed) external restricted onlyImporting {
        _importEntries(packed);
    }

    /// @inheritdoc ILuyaLedger
    function importRevocation(
        bytes calldata entry,
        uint64 size,
        bytes calldata target,
        bytes32[] calldata proof
    ) external restricted onlyImporting {
        _importRevocation(entry, size, target, proof);
    }

    /// @inheritdoc ILuyaLedger
    function seal(uint64 size, bytes32 root_) external restricted onlyImporting {
        if (size != _size || root_ != root()) revert LuyaLedgerSealMismatch(_size, root());
        // From here on blocks give the times: none may be before an entry that is there already.
        if (_importedTime > block.timestamp) revert LuyaLedgerTimeAhead(_importedTime);
        _importedTime = 0;
        _sealed = true;
        emit LedgerSealed(size, root_);
    }

    /// @dev The law, and whatever may bring in what was not there: chosen once.
    function _isFixed(uint256 entryType) private pure returns (bool) {
        bool ofLaw = entryType >= EntryLayout.ORGANISATION && entryType <= EntryLayout.GROUP_CAPS;
        return ofLaw || Moves.allowed(entryType) & Moves.SOURCES != 0;
    }

    /// @dev Applies and appends; the caller stores the edge.
    function _appendOfModule(bytes calldata entry_) private returns (Rfc6962.Edge memory edge) {
        if (entry_.length < EntryLayout.HEADER_BYTES) revert LuyaLedgerBadHeader();
        // Longer ones could not be imported again: their length is 16 bits there.
        if (entry_.length > type(uint16).max) revert LuyaLedgerBadLength(entry_.length);
        uint8 entryType = uint8(entry_[0]);
        if (msg.sender != _modules[entryType]) revert LuyaLedgerWrongType(entryType);
        if (bytes9(entry_[0:9]) != _header(entryType)) revert LuyaLedgerBadHeader();
        bytes memory entry = entry_;
        Totals memory totals = _openTotals();
        _handOver(totals, _size, entryType, entry);
        _closeTotals(totals);
        edge = _openLog();
        _append(edge, entry);
    }

    function _setPause(uint64 until) private {
        _pausedUntil = until;
        // Scope 0: recording.
        _appendOne(abi.encodePacked(_header(EntryLayout.PAUSE), uint8(0), until));
    }

    /// @dev Active or frozen: what is closed, or an organisation's, stays as it is.
    function _requireOpen(address account, uint8 wanted) private view {
        uint256 current = _accounts[account].state();
        if (current != AccountWords.ACTIVE && current != AccountWords.FROZEN) {
            revert LuyaLedgerBadAccountState(account, uint8(current), wanted);
        }
    }

    function _changeAccount(address account, uint16 district, uint8 state) private {
        Rfc6962.Edge memory edge = _openLog();
        _enterAccount(edge, account, _identityOf[account], district, uint16(_accounts[account].epoch()), state);
        _extend(edge);
    }

    function _enterAccount(
        Rfc6962.Edge memory edge,
        address account,
        bytes32 identity,
        uint16 district,
        uint16 epoch,
        uint8 state
    ) private {
        // No successor: replacing an account is not built yet.
        bytes memory entry = abi.encodePacked(
            _header(EntryLayout.ACCOUNT),
            account,
            identity,
            district,
            epoch,
            state,
            address(0)
        );
        _applyAccount(entry);
        _append(edge, entry);
    }

    function _header(uint8 entryType) private view returns (bytes9) {
        return
            bytes9(
                bytes32((uint256(entryType) << EntryLayout.TYPE_SHIFT) | (block.timestamp << EntryLayout.TIME_SHIFT))
            );
    }
}
