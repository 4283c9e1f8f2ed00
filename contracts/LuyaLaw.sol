// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ILuyaLaw} from "./interfaces/ILuyaLaw.sol";
import {ILuyaLedger} from "./interfaces/ILuyaLedger.sol";
import {ILuyaModule} from "./interfaces/ILuyaModule.sol";
import {Calendar} from "./libraries/Calendar.sol";
import {EntryReader} from "./libraries/EntryReader.sol";
import {EntryLayout} from "./libraries/EntryLayout.sol";
import {LawEntries} from "./libraries/LawEntries.sol";
import {LawRules} from "./libraries/LawRules.sol";

/// @title Luya's law
/// @notice Each act: check, entry, append; the ledger has it applied. The latest entry of each id is kept verbatim and
/// is the state.
contract LuyaLaw is ILuyaLaw, AccessManaged {
    using EntryReader for bytes;

    uint8 private constant _ACTIVE = 1;
    uint8 private constant _DISABLED = 2;

    address private immutable _ledger;
    bool private _genesisClosed;
    mapping(uint16 organisation => bytes entry) private _organisations;
    mapping(uint16 feed => bytes entry) private _feeds;
    mapping(uint16 method => bytes entry) private _methods;
    mapping(uint8 group => bytes entry) private _caps;
    mapping(uint16 behaviour => uint16[] methods) private _versions;

    modifier onlyLedger() {
        if (msg.sender != _ledger) revert LuyaLawNotLedger(msg.sender);
        _;
    }

    /// @param authority_ the AccessManager
    /// @param ledger_ the ledger whose module this becomes
    constructor(address authority_, address ledger_) AccessManaged(authority_) {
        _ledger = ledger_;
    }

    // ------------------------------------------------------------------------------------------------ organisations

    /// @inheritdoc ILuyaLaw
    function setOrganisation(uint16 id, bytes32 description, uint8 state, bytes32 replaces) external restricted {
        if (id == 0 || (state != _ACTIVE && state != _DISABLED)) revert LuyaLawBadOrganisation(id, state);
        _checkReplaced(EntryLayout.ORGANISATION, id, replaces);
        _enact(LawEntries.organisation(id, description, state));
    }

    /// @inheritdoc ILuyaLaw
    function disableOrganisation(uint16 id) external restricted {
        (bytes32 description, uint8 state) = organisation(id);
        if (state != _ACTIVE) revert LuyaLawOrganisationNotActive(id);
        _enact(LawEntries.organisation(id, description, _DISABLED));
    }

    // -------------------------------------------------------------------------------------------------------- feeds

    /// @inheritdoc ILuyaLaw
    function setFeed(FeedSettings calldata settings, bytes32 replaces) external restricted {
        if (settings.feed == 0) revert LuyaLawUnknownFeed(0);
        _checkReplaced(EntryLayout.FEED, settings.feed, replaces);
        if (!_isActive(settings.organisation)) revert LuyaLawOrganisationNotActive(settings.organisation);
        LawRules.checkFeed(settings);
        for (uint256 i = 0; i < settings.methods.length; ++i) {
            if (_methods[settings.methods[i]].length == 0) revert LuyaLawBadMethod(i, settings.methods[i]);
        }
        bytes memory before = _feeds[settings.feed];
        uint32 version = 0;
        if (before.length != 0) {
            version = before.u32(EntryLayout.FEED_VERSION_AT);
            uint16 owner = before.u16(EntryLayout.FEED_ORGANISATION_AT);
            if (owner != settings.organisation) revert LuyaLawFeedKeepsOrganisation(settings.feed, owner);
        }
        _enact(LawEntries.feed(settings, version + 1, _ACTIVE));
    }

    /// @inheritdoc ILuyaLaw
    function disableFeed(uint16 id) external restricted {
        (FeedSettings memory settings, uint32 version, ) = _feedOf(id);
        _enact(LawEntries.feed(settings, version, _DISABLED));
    }

    /// @inheritdoc ILuyaLaw
    function lowerFeedCaps(uint16 id, uint64 credits, uint64 millipoints) external restricted {
        (FeedSettings memory settings, uint32 version, uint8 state) = _feedOf(id);
        if (credits > settings.creditsCap || millipoints > settings.millipointsCap) revert LuyaLawCapsNotLower();
        settings.creditsCap = credits;
        settings.millipointsCap = millipoints;
        _enact(LawEntries.feed(settings, version, state));
    }

    /// @inheritdoc ILuyaLaw
    function disableSigner(uint16 id, address signer) external restricted {
        (FeedSettings memory settings, uint32 version, uint8 state) = _feedOf(id);
        address[] memory rest = LawRules.without(settings.signers, signer);
        if (rest.length == settings.signers.length) revert LuyaLawUnknownSigner(id, signer);
        if (rest.length < settings.threshold) {
            state = _DISABLED;
        } else {
            settings.signers = rest;
            ++version;
        }
        _enact(LawEntries.feed(settings, version, state));
    }

    // ------------------------------------------------------------------------------------------------------ methods

    /// @inheritdoc ILuyaLaw
    function announceMethod(MethodSettings calldata settings) external restricted {
        if (settings.id == 0 || _methods[settings.id].length != 0) revert LuyaLawMethodNotNew(settings.id);
        LawRules.checkMethod(settings);
        uint256 first = _genesisClosed ? Calendar.dayOf(block.timestamp) + 1 : Calendar.FIRST_DAY;
        if (settings.validFrom < first || settings.validTo < settings.validFrom) {
            revert LuyaLawBadValidity(settings.id, settings.validFrom, settings.validTo);
        }
        if (settings.behaviour != settings.id) _checkBehaviour(settings);
        _enact(LawEntries.method(settings));
    }

    /// @inheritdoc ILuyaLaw
    function endMethod(uint16 id, uint16 validTo) external restricted {
        bytes memory entry = _methods[id];
        if (entry.length == 0) revert LuyaLawUnknownMethod(id);
        MethodSettings memory settings = LawEntries.toMethod(entry);
        if (validTo >= settings.validTo || validTo < Calendar.dayOf(block.timestamp)) {
            revert LuyaLawBadValidity(id, settings.validFrom, validTo);
        }
        settings.validTo = validTo;
        _enact(LawEntries.method(settings));
    }

    /// @dev A later version: its behaviour exists, keeps its group, and no other version is valid on its days.
    function _checkBehaviour(MethodSettings calldata settings) private view {
        uint16[] storage versions = _versions[settings.behaviour];
        if (versions.length == 0 || _methods[settings.behaviour].u8(EntryLayout.METHOD_GROUP_AT) != settings.group)
            revert LuyaLawBadBehaviour(settings.behaviour, settings.group);
        for (uint256 i = 0; i < versions.length; ++i) {
            MethodSettings memory other = LawEntries.toMethod(_methods[versions[i]]);
            // A version that was ended before it began is valid on no day.
            bool ever = other.validFrom <= other.validTo;
            if (ever && settings.validFrom <= other.validTo && other.validFrom <= settings.validTo) {
                revert LuyaLawValidityOverlaps(settings.id, other.id);
            }
        }
    }

    // --------------------------------------------------------------------------------------------------------- caps

    /// @inheritdoc ILuyaLaw
    function setGroupCaps(uint8 group, uint64 credits, uint64 millipoints, bytes32 replaces) external restricted {
        _checkReplaced(EntryLayout.GROUP_CAPS, group, replaces);
        _setGroupCaps(group, credits, millipoints);
    }

    /// @inheritdoc ILuyaLaw
    function lowerGroupCaps(uint8 group, uint64 credits, uint64 millipoints) external restricted {
        (uint64 credits_, uint64 millipoints_) = groupCaps(group);
        if (credits > credits_ || millipoints > millipoints_) revert LuyaLawCapsNotLower();
        _setGroupCaps(group, credits, millipoints);
    }

    function _setGroupCaps(uint8 group, uint64 credits, uint64 millipoints) private {
        // The slot word has 30 bits for each.
        if (group == 0 || credits >= 1 << 30 || millipoints >= 1 << 30) {
            revert LuyaLawBadCaps(group, credits, millipoints);
        }
        _enact(LawEntries.groupCaps(group, credits, millipoints));
    }

    /// @inheritdoc ILuyaLaw
    function closeGenesis() external restricted {
        if (_genesisClosed) revert LuyaLawGenesisAlreadyClosed();
        _genesisClosed = true;
        emit GenesisClosed();
    }

    // ------------------------------------------------------------------------------------------------------- entries

    /// @inheritdoc ILuyaModule
    function applyEntry(uint64, bytes calldata entry_) external onlyLedger returns (uint256[] memory) {
        bytes memory entry = entry_;
        if (!LawEntries.isWhole(entry)) revert LuyaLawBadLength(entry.length);
        uint8 entryType = entry.u8(EntryLayout.TYPE_AT);
        if (entryType == EntryLayout.ORGANISATION) {
            uint16 id = entry.u16(EntryLayout.ORGANISATION_ID_AT);
            _organisations[id] = entry;
            (bytes32 description, uint8 state) = LawEntries.toOrganisation(entry);
            emit OrganisationSet(id, description, state);
        } else if (entryType == EntryLayout.FEED) {
            uint16 id = entry.u16(EntryLayout.FEED_FEED_AT);
            _feeds[id] = entry;
            emit FeedSet(id, entry.u32(EntryLayout.FEED_VERSION_AT), entry.u8(entry.length - 1));
        } else if (entryType == EntryLayout.METHOD) {
            MethodSettings memory settings = LawEntries.toMethod(entry);
            if (_methods[settings.id].length == 0) _versions[settings.behaviour].push(settings.id);
            _methods[settings.id] = entry;
            emit MethodSet(settings.id, settings.validFrom, settings.validTo);
        } else if (entryType == EntryLayout.GROUP_CAPS) {
            uint8 group = entry.u8(EntryLayout.GROUP_CAPS_GROUP_AT);
            _caps[group] = entry;
            uint64 credits = entry.u64(EntryLayout.GROUP_CAPS_CREDITS_AT);
            emit GroupCapsSet(group, credits, entry.u64(EntryLayout.GROUP_CAPS_MILLIPOINTS_AT));
        } else {
            revert LuyaLawWrongType(entryType);
        }
        // The law moves nothing.
        return new uint256[](0);
    }

    /// @dev The ledger hands the entry back to `applyEntry`.
    function _enact(bytes memory entry) private {
        ILuyaLedger(_ledger).append(entry);
    }

    // -------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ILuyaLaw
    function ledger() external view returns (address) {
        return _ledger;
    }

    /// @inheritdoc ILuyaLaw
    function isGenesisClosed() external view returns (bool) {
        return _genesisClosed;
    }

    /// @inheritdoc ILuyaLaw
    function organisation(uint16 id) public view returns (bytes32 description, uint8 state) {
        bytes memory entry = _organisations[id];
        return entry.length == 0 ? (bytes32(0), 0) : LawEntries.toOrganisation(entry);
    }

    /// @inheritdoc ILuyaLaw
    function feed(uint16 id) external view returns (FeedSettings memory settings, uint32 version, uint8 state) {
        if (_feeds[id].length != 0) return LawEntries.toFeed(_feeds[id]);
    }

    /// @inheritdoc ILuyaLaw
    function method(uint16 id) external view returns (MethodSettings memory settings) {
        if (_methods[id].length != 0) return LawEntries.toMethod(_methods[id]);
    }

    /// @inheritdoc ILuyaLaw
    function groupCaps(uint8 group) public view returns (uint64 credits, uint64 millipoints) {
        bytes memory entry = _caps[group];
        return entry.length == 0 ? (0, 0) : LawEntries.toGroupCaps(entry);
    }

    /// @inheritdoc ILuyaLaw
    function feedTerms(uint16 id) external view returns (bytes memory entry, bool active) {
        entry = _feeds[id];
        if (entry.length == 0) return (entry, false);
        active = entry.u8(entry.length - 1) == _ACTIVE && _isActive(entry.u16(EntryLayout.FEED_ORGANISATION_AT));
    }

    /// @inheritdoc ILuyaLaw
    function methodTerms(
        uint16 id
    ) external view returns (bytes memory entry, uint64 creditsCap, uint64 millipointsCap) {
        entry = _methods[id];
        if (entry.length != 0) (creditsCap, millipointsCap) = groupCaps(entry.u8(EntryLayout.METHOD_GROUP_AT));
    }

    /// @inheritdoc ILuyaLaw
    function entryHash(uint8 entryType, uint16 id) public view returns (bytes32) {
        bytes memory entry = _entryOf(entryType, id);
        return entry.length == 0 ? bytes32(0) : keccak256(entry);
    }

    /// @dev What was prepared before somebody else's act, a brake's above all, must not undo it.
    function _checkReplaced(uint8 entryType, uint16 id, bytes32 replaces) private view {
        bytes32 current = entryHash(entryType, id);
        if (replaces != current) revert LuyaLawReplacesAnother(entryType, id, current);
    }

    function _entryOf(uint8 entryType, uint16 id) private view returns (bytes memory) {
        if (entryType == EntryLayout.ORGANISATION) return _organisations[id];
        if (entryType == EntryLayout.FEED) return _feeds[id];
        if (entryType == EntryLayout.METHOD) return _methods[id];
        if (entryType != EntryLayout.GROUP_CAPS || id > type(uint8).max) revert LuyaLawWrongType(entryType);
        return _caps[uint8(id)];
    }

    function _isActive(uint16 organisation_) private view returns (bool) {
        bytes memory entry = _organisations[organisation_];
        return entry.length != 0 && entry.u8(EntryLayout.ORGANISATION_STATE_AT) == _ACTIVE;
    }

    function _feedOf(uint16 id) private view returns (FeedSettings memory, uint32, uint8) {
        bytes memory entry = _feeds[id];
        if (entry.length == 0) revert LuyaLawUnknownFeed(id);
        return LawEntries.toFeed(entry);
    }
}
