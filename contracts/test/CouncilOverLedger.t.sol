// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {IAdministration} from "../interfaces/IAdministration.sol";
import {ICouncil} from "../interfaces/ICouncil.sol";
import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
import {World} from "./support/World.sol";

/// @title The ledger's own AccessManager under a council, handed over as docs/governance.md says
contract CouncilOverLedgerTest is World {
    uint32 private constant _NOTICE = 2 days;

    ICouncil private _council;
    IAdministration private _administration;
    address private constant _ANNA = address(0xA001);
    address private constant _BORIS = address(0xA002);
    address private constant _CHEN = address(0xA003);
    address private constant _GUARD = address(0xA004);

    /// @dev A deployed ledger: this key holds GOVERNANCE and waits for nothing, somebody else is the guardian.
    function setUp() public {
        deployWorld();
        sealEmpty();
        manager.grantRole(GUARDIAN, _GUARD, 0);
        manager.renounceRole(GUARDIAN, address(this));
        _administration = deployAdministration();
        _council = ICouncil(_deployCouncil());
        _handOver();
    }

    /// @dev The document's steps, in its order. Its grants take effect at once during a ledger's first five days.
    function _handOver() private {
        bytes[] memory calls = new bytes[](1);
        // 1 The council gets the role, with an execution delay.
        calls[0] = abi.encodeCall(IAccessManager.grantRole, (GOVERNANCE, address(_council), _NOTICE));
        _administration.administer(calls);
        // 2 It is seen to act.
        bytes memory act = abi.encodeCall(ILuyaLaw.setOrganisation, (2, keccak256("two"), 1, 0));
        _announceAndDo(address(law), act, "first act");
        (, uint8 state) = law.organisation(2);
        assertEq(state, 1, "the council acts");
        // 3 The key that governed gives the role up.
        manager.renounceRole(GOVERNANCE, address(this));
    }

    function test_NoKeyIsLeft() public {
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, address(this)));
        law.setOrganisation(3, keccak256("three"), 1, 0);
        bytes[] memory calls = new bytes[](1);
        calls[0] = abi.encodeCall(IAccessManager.grantRole, (GOVERNANCE, address(this), 0));
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, address(this)));
        _administration.administer(calls);
        vm.expectRevert(
            abi.encodeWithSelector(IAccessManager.AccessManagerUnauthorizedAccount.selector, address(this), 0)
        );
        manager.grantRole(GOVERNANCE, address(this), 0);
    }

    function test_AnnouncedThenDone() public {
        bytes memory act = abi.encodeCall(ILuyaLaw.setOrganisation, (3, keccak256("three"), 1, 0));
        _pass(abi.encodeCall(IAccessManager.schedule, (address(law), act, 0)), "");
        bytes memory now_ = abi.encodeCall(IAccessManager.execute, (address(law), act));
        bytes32 early = _propose(now_, "early");
        vm.expectPartialRevert(IAccessManager.AccessManagerNotReady.selector);
        vm.prank(_ANNA);
        _council.execute(early);
        vm.warp(block.timestamp + _NOTICE);
        vm.prank(_ANNA);
        _council.execute(early);
        (, uint8 state) = law.organisation(3);
        assertEq(state, 1, "done");
    }

    function test_TheCouncilAdministers() public {
        bytes[] memory calls = new bytes[](1);
        calls[0] = abi.encodeCall(IAccessManager.grantRole, (AUDITOR, _CHEN, 0));
        _announceAndDo(address(_administration), abi.encodeCall(IAdministration.administer, (calls)), "auditor");
        (bool held, ) = manager.hasRole(AUDITOR, _CHEN);
        assertTrue(held, "a new auditor");
    }

    function test_TheGuardianCancels() public {
        bytes memory act = abi.encodeCall(ILuyaLaw.setOrganisation, (3, keccak256("three"), 1, 0));
        _cancelled(address(law), act);
        bytes[] memory calls = new bytes[](1);
        calls[0] = abi.encodeCall(IAccessManager.grantRole, (GOVERNANCE, _ANNA, 0));
        _cancelled(address(_administration), abi.encodeCall(IAdministration.administer, (calls)));
    }

    function _cancelled(address target, bytes memory act) private {
        _pass(abi.encodeCall(IAccessManager.schedule, (target, act, 0)), "");
        vm.prank(_GUARD);
        manager.cancel(address(_council), target, act);
        vm.warp(block.timestamp + _NOTICE);
        bytes32 id = _propose(abi.encodeCall(IAccessManager.execute, (target, act)), "late");
        vm.expectPartialRevert(IAccessManager.AccessManagerNotScheduled.selector);
        vm.prank(_ANNA);
        _council.execute(id);
    }

    function _announceAndDo(address target, bytes memory act, bytes32 salt) private {
        _pass(abi.encodeCall(IAccessManager.schedule, (target, act, 0)), salt);
        vm.warp(block.timestamp + _NOTICE);
        _pass(abi.encodeCall(IAccessManager.execute, (target, act)), salt);
    }

    function _pass(bytes memory data, bytes32 salt) private {
        bytes32 id = _propose(data, salt);
        vm.prank(_BORIS);
        _council.execute(id);
    }

    /// @dev Two of three approve; the council's own delay is none.
    function _propose(bytes memory data, bytes32 salt) private returns (bytes32 id) {
        ICouncil.Call[] memory calls = new ICouncil.Call[](1);
        calls[0] = ICouncil.Call(address(manager), data);
        vm.prank(_ANNA);
        id = _council.propose(calls, salt);
        vm.prank(_BORIS);
        _council.approve(id);
    }

    function _deployCouncil() private returns (address deployed) {
        ICouncil.Member[] memory members = new ICouncil.Member[](3);
        members[0] = ICouncil.Member(_ANNA, 1, "one");
        members[1] = ICouncil.Member(_BORIS, 2, "two");
        members[2] = ICouncil.Member(_CHEN, 3, "three");
        bytes memory code = bytes.concat(creationOf("Council"), abi.encode(members, 2, 0, 14 days));
        assembly ("memory-safe") {
            deployed := create(0, add(code, 32), mload(code))
        }
        assertTrue(deployed != address(0), "council");
    }
}
