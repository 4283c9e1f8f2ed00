// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ILuyaAgents} from "../interfaces/ILuyaAgents.sol";
import {ILuyaLedger} from "../interfaces/ILuyaLedger.sol";
import {ILuyaModule} from "../interfaces/ILuyaModule.sol";
import {AgentRoles} from "../libraries/AgentRoles.sol";
import {Residents} from "./support/Residents.sol";

/// @title Agents, organisations' accounts and districts: what is set, and what is refused
contract LuyaAgentsTest is Residents {
    address private constant _KEY = address(0xA6E47);
    address private constant _ACCOUNT = address(0xACC0);
    uint8 private constant _ACTIVE = 1;
    uint8 private constant _ENDED = 2;

    function setUp() public {
        openResidents();
    }

    // -------------------------------------------------------------------------------------------------------- agents

    function test_Agent() public {
        vm.recordLogs();
        agents.setAgent(_KEY, 2, AgentRoles.ACCEPTOR, _ACTIVE);
        bytes memory entry = abi.encodePacked(uint8(0x4B), uint64(block.timestamp), _KEY, uint16(2), uint8(2), _ACTIVE);
        assertEq(firstEntry(), entry, "entry");
        assertEq(entry.length, 33, "length");
        _isAgent(2, AgentRoles.ACCEPTOR, true);
        (uint16 organisation, , bool active) = agents.agentOf(address(this));
        assertEq(organisation, 0, "unknown");
        assertTrue(!active, "unknown");
    }

    function test_AnAgentKeepsItsOrganisationAndRole() public {
        agents.setAgent(_KEY, 2, AgentRoles.ACCEPTOR, _ACTIVE);
        _refusesAgent(_KEY, 1, AgentRoles.ACCEPTOR, _ACTIVE);
        _refusesAgent(_KEY, 2, AgentRoles.MERCHANT, _ACTIVE);
        agents.setAgent(_KEY, 2, AgentRoles.ACCEPTOR, _ENDED);
        _refusesAgent(_KEY, 1, AgentRoles.ACCEPTOR, _ACTIVE);
        _isAgent(2, AgentRoles.ACCEPTOR, false);
        agents.setAgent(_KEY, 2, AgentRoles.ACCEPTOR, _ACTIVE);
        _isAgent(2, AgentRoles.ACCEPTOR, true);
    }

    function test_AgentRefuses() public {
        _refusesAgent(address(0), 1, AgentRoles.MERCHANT, _ACTIVE);
        _refusesAgent(_KEY, 1, 0, _ACTIVE);
        _refusesAgent(_KEY, 1, 5, _ACTIVE);
        _refusesAgent(_KEY, 1, AgentRoles.ORGANISER, 0);
        _refusesAgent(_KEY, 1, AgentRoles.ORGANISER, 3);
        expect(abi.encodeWithSelector(ILuyaAgents.LuyaAgentsOrganisationNotActive.selector, 3));
        agents.setAgent(_KEY, 3, AgentRoles.MERCHANT, _ACTIVE);
    }

    function test_ADisabledOrganisationsAgentsActNoMore() public {
        agents.setAgent(_KEY, 2, AgentRoles.MERCHANT, _ACTIVE);
        setOrganisation(2, keccak256("another"), _ENDED);
        _isAgent(2, AgentRoles.MERCHANT, false);
        expect(abi.encodeWithSelector(ILuyaAgents.LuyaAgentsOrganisationNotActive.selector, 2));
        agents.setAgent(_KEY, 2, AgentRoles.MERCHANT, _ACTIVE);
    }

    function test_DisableAgent() public {
        expect(abi.encodeWithSelector(ILuyaAgents.LuyaAgentsUnknownAgent.selector, _KEY));
        agents.disableAgent(_KEY);
        agents.setAgent(_KEY, 2, AgentRoles.AUDITOR, _ACTIVE);
        // At once, whatever has become of the organisation.
        setOrganisation(2, keccak256("another"), _ENDED);
        vm.recordLogs();
        agents.disableAgent(_KEY);
        bytes memory entry = abi.encodePacked(uint8(0x4B), uint64(block.timestamp), _KEY, uint16(2), uint8(3), _ENDED);
        assertEq(firstEntry(), entry, "entry");
        setOrganisation(2, keccak256("another"), _ACTIVE);
        _isAgent(2, AgentRoles.AUDITOR, false);
    }

    // ------------------------------------------------------------------------------------------ organisation accounts

    function test_OrganisationAccount() public {
        vm.recordLogs();
        agents.setOrganisationAccount(_ACCOUNT, 2, 1, keccak256("scheme"), _ACTIVE);
        bytes memory entry = abi.encodePacked(
            uint8(0x4C),
            uint64(block.timestamp),
            _ACCOUNT,
            uint16(2),
            uint16(1),
            keccak256("scheme"),
            _ACTIVE
        );
        assertEq(firstEntry(), entry, "entry");
        assertEq(entry.length, 66, "length");
        (uint16 organisation, uint16 parent, bytes32 scheme, uint8 state) = agents.organisationAccount(_ACCOUNT);
        assertEq(organisation, 2, "organisation");
        assertEq(parent, 1, "parent");
        assertEq(scheme, keccak256("scheme"), "scheme");
        assertEq(state, _ACTIVE, "state");
    }

    function test_AnOrganisationAccountIsNeverAResidents() public {
        expect(abi.encodeWithSelector(ILuyaAgents.LuyaAgentsResidentsAccount.selector, person(0)));
        agents.setOrganisationAccount(person(0), 2, 0, 0, _ACTIVE);
        ledger.closeAccount(person(0));
        expect(abi.encodeWithSelector(ILuyaAgents.LuyaAgentsResidentsAccount.selector, person(0)));
        agents.setOrganisationAccount(person(0), 2, 0, 0, _ACTIVE);
        agents.setOrganisationAccount(person(1), 2, 0, 0, _ACTIVE);
        bytes memory packed = registration(1, 0);
        expect(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerAccountNotNew.selector, 0, person(1)));
        ledger.registerAccounts(packed);
        // Nor after it was closed.
        agents.setOrganisationAccount(person(1), 2, 0, 0, _ENDED);
        expect(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerAccountNotNew.selector, 0, person(1)));
        ledger.registerAccounts(packed);
    }

    function test_AnOrganisationAccountEarnsNothingAndIsNotThawed() public {
        enactLaw();
        agents.setOrganisationAccount(person(1), 2, 0, 0, _ACTIVE);
        // 19 is 'frozen': the account is there, and not an active one.
        assertEq(outcome(recordOf(person(1), STEPS, TODAY, 0, 180, 5_000)), 19, "refused");
        bytes4 bad = ILuyaLedger.LuyaLedgerBadAccountState.selector;
        expect(abi.encodeWithSelector(bad, person(1), 5, 1));
        ledger.setAccountState(person(1), 1);
        expect(abi.encodeWithSelector(bad, person(1), 5, 3));
        ledger.closeAccount(person(1));
    }

    function test_OrganisationAccountRefuses() public {
        _refusesAccount(address(0), 2, 0, _ACTIVE);
        _refusesAccount(_ACCOUNT, 2, 2, _ACTIVE);
        _refusesAccount(_ACCOUNT, 2, 0, 0);
        _refusesAccount(_ACCOUNT, 2, 0, 3);
        _refusesAccount(_ACCOUNT, 2, 0, _ENDED);
        expect(abi.encodeWithSelector(ILuyaAgents.LuyaAgentsOrganisationNotActive.selector, 3));
        agents.setOrganisationAccount(_ACCOUNT, 3, 0, 0, _ACTIVE);
        expect(abi.encodeWithSelector(ILuyaAgents.LuyaAgentsOrganisationNotActive.selector, 3));
        agents.setOrganisationAccount(_ACCOUNT, 2, 3, 0, _ACTIVE);
        agents.setOrganisationAccount(_ACCOUNT, 2, 0, 0, _ACTIVE);
        _refusesAccount(_ACCOUNT, 1, 0, _ACTIVE);
        agents.setOrganisationAccount(_ACCOUNT, 2, 1, keccak256("scheme"), _ACTIVE);
        // Closed also where the organisation is disabled, and for ever.
        setOrganisation(2, keccak256("another"), _ENDED);
        agents.setOrganisationAccount(_ACCOUNT, 2, 0, 0, _ENDED);
        setOrganisation(2, keccak256("another"), _ACTIVE);
        _refusesAccount(_ACCOUNT, 2, 0, _ACTIVE);
    }

    // ----------------------------------------------------------------------------------------------------- districts

    function test_District() public {
        vm.recordLogs();
        agents.setDistrict(7, 510_502, keccak256("name"), _ACTIVE);
        bytes memory entry = abi.encodePacked(
            uint8(0x4E),
            uint64(block.timestamp),
            uint16(7),
            uint32(510_502),
            keccak256("name"),
            _ACTIVE
        );
        assertEq(firstEntry(), entry, "entry");
        assertEq(entry.length, 48, "length");
        (uint32 code, bytes32 name, uint8 state) = agents.district(7);
        assertEq(code, 510_502, "code");
        assertEq(name, keccak256("name"), "name");
        assertEq(state, _ACTIVE, "state");
    }

    function test_ACodeIsOneDistricts() public {
        agents.setDistrict(7, 510_502, 0, _ACTIVE);
        expect(abi.encodeWithSelector(ILuyaAgents.LuyaAgentsCodeTaken.selector, 510_502, 7));
        agents.setDistrict(8, 510_502, 0, _ACTIVE);
        agents.setDistrict(7, 510_502, keccak256("new name"), _ENDED);
        expect(abi.encodeWithSelector(ILuyaAgents.LuyaAgentsCodeTaken.selector, 510_502, 7));
        agents.setDistrict(8, 510_502, 0, _ACTIVE);
        agents.setDistrict(7, 510_503, 0, _ACTIVE);
        agents.setDistrict(8, 510_502, 0, _ACTIVE);
    }

    function test_DistrictRefuses() public {
        _refusesDistrict(0, 510_502, _ACTIVE);
        _refusesDistrict(7, 510_502, 0);
        _refusesDistrict(7, 510_502, 3);
        _refusesDistrict(7, 99_999, _ACTIVE);
        _refusesDistrict(7, 1_000_000, _ACTIVE);
        _refusesDistrict(7, 99_999_999, _ACTIVE);
        _refusesDistrict(7, 1_000_000_000, _ACTIVE);
        agents.setDistrict(7, 100_000, 0, _ACTIVE);
        agents.setDistrict(7, 999_999, 0, _ACTIVE);
        agents.setDistrict(7, 100_000_000, 0, _ACTIVE);
        agents.setDistrict(7, 999_999_999, 0, _ACTIVE);
    }

    // -------------------------------------------------------------------------------------------------------- entries

    function test_OnlyTheLedgerApplies() public {
        expect(abi.encodeWithSelector(ILuyaModule.LuyaModuleNotLedger.selector, address(this)));
        agents.applyEntry(0, abi.encodePacked(uint8(0x4B), uint64(block.timestamp)));
        vm.prank(address(ledger));
        expect(abi.encodeWithSelector(ILuyaModule.LuyaModuleWrongType.selector, 0x4D));
        agents.applyEntry(0, abi.encodePacked(uint8(0x4D), uint64(block.timestamp)));
        uint8[3] memory types = [0x4B, 0x4C, 0x4E];
        for (uint256 i = 0; i < types.length; ++i) {
            vm.prank(address(ledger));
            expect(abi.encodeWithSelector(ILuyaModule.LuyaModuleBadLength.selector, 9));
            agents.applyEntry(0, abi.encodePacked(types[i], uint64(block.timestamp)));
        }
    }

    function test_RolesAreNeeded() public {
        address eve = address(0xE0E);
        bytes memory reason = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, eve);
        vm.prank(eve);
        expect(reason);
        agents.setAgent(eve, 1, 1, _ACTIVE);
        vm.prank(eve);
        expect(reason);
        agents.disableAgent(eve);
        vm.prank(eve);
        expect(reason);
        agents.setOrganisationAccount(eve, 1, 0, 0, _ACTIVE);
        vm.prank(eve);
        expect(reason);
        agents.setDistrict(1, 510_502, 0, _ACTIVE);
    }

    function test_ImportGivesTheSameState() public {
        deployResidents();
        uint64 time = uint64(block.timestamp);
        bytes memory agent = abi.encodePacked(uint8(0x4B), time, _KEY, uint16(1), uint8(1), _ACTIVE);
        bytes memory account = abi.encodePacked(
            uint8(0x4C),
            time,
            person(1),
            uint16(1),
            uint16(0),
            bytes32(0),
            _ACTIVE
        );
        bytes memory place = abi.encodePacked(uint8(0x4E), time, uint16(7), uint32(510_502), bytes32(0), _ACTIVE);
        bytes memory packed = abi.encodePacked(uint16(33), agent, uint16(66), account, uint16(48), place);
        ledger.importEntries(packed);
        ledger.seal(ledger.logSize(), ledger.root());
        (uint16 organisation, , bool active) = agents.agentOf(_KEY);
        assertEq(organisation, 1, "organisation");
        assertTrue(!active, "its organisation was not imported");
        (uint32 code, , ) = agents.district(7);
        assertEq(code, 510_502, "code");
        packed = registration(1, 0);
        expect(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerAccountNotNew.selector, 0, person(1)));
        ledger.registerAccounts(packed);
    }

    /// @dev The chain's other way: what is a resident's never becomes an organisation's, also at import.
    function test_ImportRefusesAResidentsAccountAsAnOrganisations() public {
        deployResidents();
        uint64 time = uint64(block.timestamp);
        bytes memory resident = abi.encodePacked(
            uint8(0x40),
            time,
            person(0),
            identityOf(0),
            uint16(1),
            uint16(0),
            uint8(1),
            address(0)
        );
        bytes memory account = abi.encodePacked(
            uint8(0x4C),
            time,
            person(0),
            uint16(1),
            uint16(0),
            bytes32(0),
            _ACTIVE
        );
        expect(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerAccountNotNew.selector, 1, person(0)));
        ledger.importEntries(abi.encodePacked(uint16(86), resident, uint16(66), account));
    }

    // ------------------------------------------------------------------------------------------------------- helpers

    function _isAgent(uint16 organisation, uint8 role, bool active) private view {
        (uint16 organisation_, uint8 role_, bool active_) = agents.agentOf(_KEY);
        assertEq(organisation_, organisation, "organisation");
        assertEq(role_, role, "role");
        assertTrue(active_ == active, "active");
    }

    function _refusesAgent(address key, uint16 organisation, uint8 role, uint8 state) private {
        expect(abi.encodeWithSelector(ILuyaAgents.LuyaAgentsBadAgent.selector, key, organisation, role, state));
        agents.setAgent(key, organisation, role, state);
    }

    function _refusesAccount(address account, uint16 organisation, uint16 parent, uint8 state) private {
        bytes4 bad = ILuyaAgents.LuyaAgentsBadOrganisationAccount.selector;
        expect(abi.encodeWithSelector(bad, account, organisation, parent, state));
        agents.setOrganisationAccount(account, organisation, parent, 0, state);
    }

    function _refusesDistrict(uint16 id, uint32 code, uint8 state) private {
        expect(abi.encodeWithSelector(ILuyaAgents.LuyaAgentsBadDistrict.selector, id, code, state));
        agents.setDistrict(id, code, 0, state);
    }
}
