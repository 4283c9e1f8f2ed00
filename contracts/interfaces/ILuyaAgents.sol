// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaModule} from "./ILuyaModule.sol";

/// @title Who acts for organisations, organisations' own accounts, and districts
/// @notice A key acts for one organisation in one role, for ever: who signed what as whom never changes afterwards.
interface ILuyaAgents is ILuyaModule {
    /// @notice A key acts for an organisation, or no longer does.
    event AgentSet(address indexed key, uint16 indexed organisation, uint8 role, uint8 state);
    /// @notice An address is an organisation's account, or a closed one.
    event OrganisationAccountSet(
        address indexed account,
        uint16 indexed organisation,
        uint16 parent,
        bytes32 scheme,
        uint8 state
    );
    /// @notice A district and its national code.
    event DistrictSet(uint16 indexed district, uint32 indexed code, bytes32 name, uint8 state);

    /// @notice No key, an unknown role or state, or the key already acts for another organisation or in another role.
    error LuyaAgentsBadAgent(address key, uint16 organisation, uint8 role, uint8 state);
    /// @notice No such agent.
    error LuyaAgentsUnknownAgent(address key);
    /// @notice The organisation is unknown or disabled.
    error LuyaAgentsOrganisationNotActive(uint16 organisation);
    /// @notice No address, an unknown state, another organisation's, closed already, or its own parent.
    error LuyaAgentsBadOrganisationAccount(address account, uint16 organisation, uint16 parent, uint8 state);
    /// @notice The address is, or once was, a resident's account.
    error LuyaAgentsResidentsAccount(address account);
    /// @notice Number 0, an unknown state, or a national code that has not 6 or 9 digits.
    error LuyaAgentsBadDistrict(uint16 district, uint32 code, uint8 state);
    /// @notice Another district has this national code.
    error LuyaAgentsCodeTaken(uint32 code, uint16 district);

    /// @notice Lets a key act for an organisation, again or for the first time, or no longer.
    /// @param role of `AgentRoles`
    /// @param state 1 active, 2 disabled
    function setAgent(address key, uint16 organisation, uint8 role, uint8 state) external;

    /// @notice Stops an agent at once.
    function disableAgent(address key) external;

    /// @notice Makes an address an organisation's account, changes its parent or how it was identified, or closes it
    /// for ever. Such an account can't earn and is never a registered resident's.
    /// @param parent the organisation above it, 0 none
    /// @param scheme hash of how the organisation was identified
    /// @param state 1 active, 2 closed
    function setOrganisationAccount(
        address account,
        uint16 organisation,
        uint16 parent,
        bytes32 scheme,
        uint8 state
    ) external;

    /// @notice Sets a district's national code and name.
    /// @param code of 6 digits (county) or 9 (town)
    /// @param name SHA-256 of its name
    /// @param state 1 active, 2 closed
    function setDistrict(uint16 district, uint32 code, bytes32 name, uint8 state) external;

    /// @notice Whom a key acts for; active only while its organisation is. Organisation 0: no agent.
    function agentOf(address key) external view returns (uint16 organisation, uint8 role, bool active);

    /// @notice An organisation's account; state 0: it is none.
    function organisationAccount(
        address account
    ) external view returns (uint16 organisation, uint16 parent, bytes32 scheme, uint8 state);

    /// @notice A district; state 0: it was never set.
    function district(uint16 id) external view returns (uint32 code, bytes32 name, uint8 state);
}
