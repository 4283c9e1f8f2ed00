// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaAgents} from "../interfaces/ILuyaAgents.sol";
import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
import {ILuyaModule} from "../interfaces/ILuyaModule.sol";
import {AgentRoles} from "../libraries/AgentRoles.sol";
import {EntryLayout} from "../libraries/EntryLayout.sol";
import {EntryReader} from "../libraries/EntryReader.sol";
import {LedgerReads} from "../libraries/LedgerReads.sol";
import {AccountWords} from "../libraries/Words.sol";
import {Module} from "./Module.sol";

/// @title Who acts for organisations, their own accounts, and districts
/// @notice Each act: check, entry, append. The latest entry of each key, account and district is the state.
contract LuyaAgents is ILuyaAgents, Module {
    using EntryReader for bytes;

    struct Agent {
        uint16 organisation;
        uint8 role;
        uint8 state;
    }

    struct OrganisationAccount {
        uint16 organisation;
        uint16 parent;
        uint8 state;
        bytes32 scheme;
    }

    struct District {
        uint32 code;
        uint8 state;
        bytes32 name;
    }

    uint8 private constant _ACTIVE = 1;
    /// Disabled or closed, as the kind calls it.
    uint8 private constant _ENDED = 2;

    mapping(address key => Agent) private _agents;
    mapping(address account => OrganisationAccount) private _accounts;
    mapping(uint16 district => District) private _districts;
    mapping(uint32 code => uint16 district) private _byCode;

    /// @param authority_ the AccessManager
    /// @param ledger_ the ledger whose module this becomes
    constructor(address authority_, address ledger_) Module(authority_, ledger_) {}

    // --------------------------------------------------------------------------------------------------------- acts

    /// @inheritdoc ILuyaAgents
    function setAgent(address key, uint16 organisation, uint8 role, uint8 state) external restricted {
        Agent memory before = _agents[key];
        bool another = before.state != 0 && (before.organisation != organisation || before.role != role);
        bool known = role >= AgentRoles.MERCHANT && role <= AgentRoles.ORGANISER && _isState(state);
        if (key == address(0) || another || !known) revert LuyaAgentsBadAgent(key, organisation, role, state);
        if (!_isActive(organisation)) revert LuyaAgentsOrganisationNotActive(organisation);
        _append(abi.encodePacked(_header(EntryLayout.AGENT), key, organisation, role, state));
    }

    /// @inheritdoc ILuyaAgents
    function disableAgent(address key) external restricted {
        Agent memory agent = _agents[key];
        if (agent.state == 0) revert LuyaAgentsUnknownAgent(key);
        _append(abi.encodePacked(_header(EntryLayout.AGENT), key, agent.organisation, agent.role, _ENDED));
    }

    /// @inheritdoc ILuyaAgents
    function setOrganisationAccount(
        address account,
        uint16 organisation,
        uint16 parent,
        bytes32 scheme,
        uint8 state
    ) external restricted {
        OrganisationAccount memory before = _accounts[account];
        bool another = before.state != 0 && (before.organisation != organisation || before.state == _ENDED);
        if (account == address(0) || another || parent == organisation || !_isState(state)) {
            revert LuyaAgentsBadOrganisationAccount(account, organisation, parent, state);
        }
        // One that is closed may belong to an organisation that is not active any more.
        if (state == _ACTIVE && !_isActive(organisation)) revert LuyaAgentsOrganisationNotActive(organisation);
        if (before.state == 0 && state == _ENDED) {
            revert LuyaAgentsBadOrganisationAccount(account, organisation, parent, state);
        }
        if (parent != 0 && !_isActive(parent)) revert LuyaAgentsOrganisationNotActive(parent);
        uint8 found = LedgerReads.stateOf(_ledger, account);
        if (found != 0 && found != AccountWords.ORGANISATION) revert LuyaAgentsResidentsAccount(account);
        bytes9 header = _header(EntryLayout.ORGANISATION_ACCOUNT);
        _append(abi.encodePacked(header, account, organisation, parent, scheme, state));
    }

    /// @inheritdoc ILuyaAgents
    function setDistrict(uint16 id, uint32 code, bytes32 name, uint8 state) external restricted {
        bool county = code >= 100_000 && code <= 999_999;
        bool town = code >= 100_000_000 && code <= 999_999_999;
        if (id == 0 || !_isState(state) || !(county || town)) revert LuyaAgentsBadDistrict(id, code, state);
        uint16 owner = _byCode[code];
        if (owner != 0 && owner != id) revert LuyaAgentsCodeTaken(code, owner);
        _append(abi.encodePacked(_header(EntryLayout.DISTRICT), id, code, name, state));
    }

    function _isState(uint8 state) private pure returns (bool) {
        return state == _ACTIVE || state == _ENDED;
    }

    // ------------------------------------------------------------------------------------------------------- entries

    /// @inheritdoc ILuyaModule
    function applyEntry(uint64, bytes calldata entry_) external onlyLedger returns (uint256[] memory) {
        bytes memory entry = entry_;
        uint8 entryType = entry.u8(EntryLayout.TYPE_AT);
        if (entryType == EntryLayout.AGENT) _applyAgent(entry);
        else if (entryType == EntryLayout.ORGANISATION_ACCOUNT) _applyOrganisationAccount(entry);
        else if (entryType == EntryLayout.DISTRICT) _applyDistrict(entry);
        else revert LuyaModuleWrongType(entryType);
        return new uint256[](0);
    }

    function _applyAgent(bytes memory entry) private {
        _requireLength(entry, EntryLayout.AGENT_BYTES);
        address key = entry.addr(EntryLayout.AGENT_KEY_AT);
        Agent memory agent = Agent({
            organisation: entry.u16(EntryLayout.AGENT_ORGANISATION_AT),
            role: entry.u8(EntryLayout.AGENT_ROLE_AT),
            state: entry.u8(EntryLayout.AGENT_STATE_AT)
        });
        _agents[key] = agent;
        emit AgentSet(key, agent.organisation, agent.role, agent.state);
    }

    function _applyOrganisationAccount(bytes memory entry) private {
        _requireLength(entry, EntryLayout.ORGANISATION_ACCOUNT_BYTES);
        address account = entry.addr(EntryLayout.ORGANISATION_ACCOUNT_ACCOUNT_AT);
        OrganisationAccount memory set = OrganisationAccount({
            organisation: entry.u16(EntryLayout.ORGANISATION_ACCOUNT_ORGANISATION_AT),
            parent: entry.u16(EntryLayout.ORGANISATION_ACCOUNT_PARENT_AT),
            state: entry.u8(EntryLayout.ORGANISATION_ACCOUNT_STATE_AT),
            scheme: bytes32(entry.word(EntryLayout.ORGANISATION_ACCOUNT_SCHEME_AT))
        });
        _accounts[account] = set;
        emit OrganisationAccountSet(account, set.organisation, set.parent, set.scheme, set.state);
    }

    function _applyDistrict(bytes memory entry) private {
        _requireLength(entry, EntryLayout.DISTRICT_BYTES);
        uint16 id = entry.u16(EntryLayout.DISTRICT_DISTRICT_AT);
        District memory set = District({
            code: entry.u32(EntryLayout.DISTRICT_CODE_AT),
            state: entry.u8(EntryLayout.DISTRICT_STATE_AT),
            name: bytes32(entry.word(EntryLayout.DISTRICT_NAME_AT))
        });
        // A district that was given a new code frees the old one.
        delete _byCode[_districts[id].code];
        _byCode[set.code] = id;
        _districts[id] = set;
        emit DistrictSet(id, set.code, set.name, set.state);
    }

    function _requireLength(bytes memory entry, uint256 length) private pure {
        if (entry.length != length) revert LuyaModuleBadLength(entry.length);
    }

    // -------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ILuyaAgents
    function agentOf(address key) external view returns (uint16 organisation, uint8 role, bool active) {
        Agent memory agent = _agents[key];
        active = agent.state == _ACTIVE && _isActive(agent.organisation);
        return (agent.organisation, agent.role, active);
    }

    /// @inheritdoc ILuyaAgents
    function organisationAccount(
        address account
    ) external view returns (uint16 organisation, uint16 parent, bytes32 scheme, uint8 state) {
        OrganisationAccount memory found = _accounts[account];
        return (found.organisation, found.parent, found.scheme, found.state);
    }

    /// @inheritdoc ILuyaAgents
    function district(uint16 id) external view returns (uint32 code, bytes32 name, uint8 state) {
        District memory found = _districts[id];
        return (found.code, found.name, found.state);
    }

    function _isActive(uint16 organisation) private view returns (bool) {
        (, uint8 state) = ILuyaLaw(_ledger.module(EntryLayout.ORGANISATION)).organisation(organisation);
        return state == _ACTIVE;
    }
}
