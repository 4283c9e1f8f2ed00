// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {IAdministration} from "../interfaces/IAdministration.sol";
import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
import {World} from "./support/World.sol";

/// @title Who administers the roles, who can cancel it, and what the guardian can and cannot do
contract AdministrationTest is World {
    uint32 private constant _NOTICE = 2 days;
    /// OpenZeppelin's own: `AccessManager.minSetback`.
    uint32 private constant _SETBACK = 5 days;
    address private constant _EVE = address(0xE5E);
    address private constant _GUARD = address(0x6A);
    address private constant _GOVERNOR = address(0xC0);

    IAdministration private _administration;

    function setUp() public {
        deployWorld();
        sealEmpty();
        enactLaw();
        manager.grantRole(GUARDIAN, _GUARD, 0);
        manager.grantRole(GOVERNANCE, _GOVERNOR, _NOTICE);
        manager.renounceRole(GUARDIAN, address(this));
        _administration = deployAdministration();
        manager.renounceRole(GOVERNANCE, address(this));
    }

    // ------------------------------------------------------------------------------------------------- administering

    function test_NobodyElseAdministers() public {
        assertEq(_administration.manager(), address(manager), "its manager");
        bytes memory grant = abi.encodeCall(IAccessManager.grantRole, (GOVERNANCE, _EVE, 0));
        address[3] memory all = [address(this), _GOVERNOR, _GUARD];
        for (uint256 i = 0; i < all.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IAccessManager.AccessManagerUnauthorizedAccount.selector, all[i], 0)
            );
            vm.prank(all[i]);
            manager.grantRole(GOVERNANCE, _EVE, 0);
        }
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, _GUARD));
        vm.prank(_GUARD);
        _administration.administer(_one(grant));
        vm.expectPartialRevert(IAccessManager.AccessManagerNotScheduled.selector);
        vm.prank(_GOVERNOR);
        _administration.administer(_one(grant));
    }

    function test_WhatGovernanceScheduledIsDoneAfterItsNotice() public {
        bytes memory act = _scheduled(_one(abi.encodeCall(IAccessManager.grantRole, (AUDITOR, _EVE, 0))));
        vm.expectPartialRevert(IAccessManager.AccessManagerNotReady.selector);
        vm.prank(_GOVERNOR);
        manager.execute(address(_administration), act);
        vm.warp(block.timestamp + _NOTICE);
        vm.prank(_GOVERNOR);
        manager.execute(address(_administration), act);
        assertTrue(_holds(AUDITOR, _EVE), "granted");
    }

    /// @dev A stolen key of governance that schedules a grant without delay to itself.
    function test_TheGuardianCancelsAGrantOfGovernance() public {
        bytes memory act = _scheduled(_one(abi.encodeCall(IAccessManager.grantRole, (GOVERNANCE, _EVE, 0))));
        vm.prank(_GUARD);
        manager.cancel(_GOVERNOR, address(_administration), act);
        vm.warp(block.timestamp + _NOTICE);
        vm.expectPartialRevert(IAccessManager.AccessManagerNotScheduled.selector);
        vm.prank(_GOVERNOR);
        manager.execute(address(_administration), act);
        assertTrue(!_holds(GOVERNANCE, _EVE), "not granted");
    }

    function test_AllCallsOrNone() public {
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(IAccessManager.grantRole, (AUDITOR, _EVE, 0));
        calls[1] = abi.encodeCall(IAccessManager.setRoleGuardian, (0, GUARDIAN));
        bytes memory act = _scheduled(calls);
        vm.warp(block.timestamp + _NOTICE);
        // OpenZeppelin allows no guardian of ADMIN: that is why there is this contract.
        vm.expectRevert(abi.encodeWithSelector(IAccessManager.AccessManagerLockedRole.selector, 0));
        vm.prank(_GOVERNOR);
        manager.execute(address(_administration), act);
        assertTrue(!_holds(AUDITOR, _EVE), "the first is not done either");
        _refusesCount(0);
        _refusesCount(17);
    }

    function _refusesCount(uint256 count) private {
        bytes memory act = _scheduled(new bytes[](count));
        vm.warp(block.timestamp + _NOTICE);
        vm.expectRevert(abi.encodeWithSelector(IAdministration.AdministrationBadCalls.selector, count));
        vm.prank(_GOVERNOR);
        manager.execute(address(_administration), act);
    }

    // -------------------------------------------------------------------------------------------------------- delays

    function test_AGrantDelayBeginsFiveDaysAfterItWasRaised() public {
        assertEq(manager.minSetback(), _SETBACK, "OpenZeppelin's");
        assertEq(manager.getRoleGrantDelay(GOVERNANCE), 0, "a new ledger has none");
        vm.warp(block.timestamp + _SETBACK - 1);
        assertEq(manager.getRoleGrantDelay(GOVERNANCE), 0, "none yet");
        vm.warp(block.timestamp + 1);
        assertEq(manager.getRoleGrantDelay(GOVERNANCE), 2 days, "now");
        _done(abi.encodeCall(IAccessManager.grantRole, (GOVERNANCE, _EVE, _NOTICE)));
        assertTrue(!_holds(GOVERNANCE, _EVE), "granted, but not before the grant's own delay");
        vm.warp(block.timestamp + 2 days);
        assertTrue(_holds(GOVERNANCE, _EVE), "and now");
        _done(abi.encodeCall(IAccessManager.setGrantDelay, (GOVERNANCE, 0)));
        assertEq(manager.getRoleGrantDelay(GOVERNANCE), 2 days, "lowering takes the five days, too");
        vm.warp(block.timestamp + _SETBACK);
        assertEq(manager.getRoleGrantDelay(GOVERNANCE), 0, "lowered");
    }

    /// @dev Which role may call what, and under whose authority a contract is: announced twice, by a delay of its own.
    function test_AContractsAuthorityIsAnnouncedTwice() public {
        vm.warp(block.timestamp + _SETBACK);
        bytes memory move = abi.encodeCall(IAccessManager.updateAuthority, (address(ledger), address(manager)));
        bytes memory act = _scheduled(_one(move));
        vm.warp(block.timestamp + _NOTICE);
        vm.expectPartialRevert(IAccessManager.AccessManagerNotScheduled.selector);
        vm.prank(_GOVERNOR);
        manager.execute(address(_administration), act);
        bytes memory second = abi.encodeCall(IAccessManager.execute, (address(manager), move));
        _done(abi.encodeCall(IAccessManager.schedule, (address(manager), move, 0)));
        bytes memory early = _scheduled(_one(second));
        vm.warp(block.timestamp + _NOTICE);
        vm.prank(_GOVERNOR);
        manager.execute(address(_administration), early);
        assertEq(IAccessManaged(address(ledger)).authority(), address(manager), "done after both");
    }

    // -------------------------------------------------------------------------------------------------- the guardian

    function test_TheGuardianTakesARoleAtOnce() public {
        manager.renounceRole(AUDITOR, address(this));
        _done(abi.encodeCall(IAccessManager.grantRole, (AUDITOR, _EVE, 0)));
        vm.prank(_GUARD);
        _administration.suspend(AUDITOR, _EVE);
        assertTrue(!_holds(AUDITOR, _EVE), "taken");
        vm.expectRevert(abi.encodeWithSelector(IAdministration.AdministrationNotAHolder.selector, AUDITOR, _EVE));
        vm.prank(_GUARD);
        _administration.suspend(AUDITOR, _EVE);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, _GOVERNOR));
        vm.prank(_GOVERNOR);
        _administration.suspend(REGISTRAR, address(this));
    }

    /// @dev A grant that waits for its grant delay is taken, too.
    function test_TheGuardianTakesARoleBeforeItBegins() public {
        vm.warp(block.timestamp + _SETBACK);
        _done(abi.encodeCall(IAccessManager.grantRole, (FEED_ADMIN, _EVE, 0)));
        assertTrue(!_holds(FEED_ADMIN, _EVE), "not yet");
        vm.prank(_GUARD);
        _administration.suspend(FEED_ADMIN, _EVE);
        vm.warp(block.timestamp + 2 days);
        assertTrue(!_holds(FEED_ADMIN, _EVE), "never");
    }

    function test_OnlyWhatMakesOrUndoesIsTaken() public {
        uint64[8] memory kept = [uint64(0), GOVERNANCE, FEED_BRAKE, GUARDIAN, IMPORTER, 11, 255, 256];
        for (uint256 i = 0; i < kept.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAdministration.AdministrationNotSuspendable.selector, kept[i]));
            vm.prank(_GUARD);
            _administration.suspend(kept[i], address(this));
        }
        for (uint64 role = FEED_ADMIN; role <= AUDITOR; ++role) {
            if (role == FEED_BRAKE) continue;
            vm.prank(_GUARD);
            _administration.suspend(role, address(this));
        }
    }

    /// @dev What docs/governance.md says: it cancels whatever governance schedules, its own removal included.
    function test_TheGuardianCancelsAlsoItsOwnRemoval() public {
        bytes memory act = _scheduled(_one(abi.encodeCall(IAccessManager.revokeRole, (GUARDIAN, _GUARD))));
        vm.prank(_GUARD);
        manager.cancel(_GOVERNOR, address(_administration), act);
        bytes memory law_ = abi.encodeCall(ILuyaLaw.setOrganisation, (3, keccak256("three"), 1, 0));
        vm.prank(_GOVERNOR);
        manager.schedule(address(law), law_, 0);
        vm.prank(_GUARD);
        manager.cancel(_GOVERNOR, address(law), law_);
        vm.prank(_GUARD);
        ledger.pause(uint64(block.timestamp + 7 days));
        vm.warp(block.timestamp + 7 days);
        vm.prank(_GUARD);
        ledger.pause(uint64(block.timestamp + 7 days));
    }

    function test_WithoutAVetoTheGuardianIsReplaced() public {
        _done(abi.encodeCall(IAccessManager.revokeRole, (GUARDIAN, _GUARD)));
        assertTrue(!_holds(GUARDIAN, _GUARD), "removed");
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, _GUARD));
        vm.prank(_GUARD);
        ledger.pause(uint64(block.timestamp + 1 days));
    }

    // ------------------------------------------------------------------------------------------------------- helpers

    function _holds(uint64 role, address account) private view returns (bool held) {
        (held, ) = manager.hasRole(role, account);
    }

    function _one(bytes memory call) private pure returns (bytes[] memory calls) {
        calls = new bytes[](1);
        calls[0] = call;
    }

    function _scheduled(bytes[] memory calls) private returns (bytes memory act) {
        act = abi.encodeCall(IAdministration.administer, (calls));
        vm.prank(_GOVERNOR);
        manager.schedule(address(_administration), act, 0);
    }

    function _done(bytes memory call) private {
        bytes memory act = _scheduled(_one(call));
        vm.warp(block.timestamp + _NOTICE);
        vm.prank(_GOVERNOR);
        manager.execute(address(_administration), act);
    }
}
