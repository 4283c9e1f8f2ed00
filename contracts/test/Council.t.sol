// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ICouncil} from "../interfaces/ICouncil.sol";
import {IPermissions} from "../interfaces/IPermissions.sol";
import {Network} from "./support/Network.sol";

/// @title What the council does and refuses: its proposals
contract CouncilTest is Network {
    function setUp() public {
        deployNetwork(4, 3, DELAY);
    }

    function test_AnActOfTheCouncil() public {
        bytes memory data = abi.encodeCall(IPermissions.setPermission, (address(7), 2));
        bytes32 id = proposeBy(1, address(permissions), data);
        assertEq(council.openProposals()[0], id, "open");
        assertEq(council.idOf(one(address(permissions), data), bytes32(uint256(1))), id, "id");
        approveBy(2, id);
        ICouncil.Proposal memory found = council.proposal(id);
        assertEq(found.proposer, account(1), "proposer");
        assertEq(found.proposedAt, START, "proposedAt");
        assertEq(found.readyAt, 0, "not ready");
        assertEq(found.expiresAt, START + LIFETIME, "expiresAt");
        assertEq(found.approvals.length, 2, "approvals");
        assertEq(found.calls[0].target, address(permissions), "target");
        assertEq(found.calls[0].data, data, "data");
        vm.warp(START + 1 hours);
        approveBy(4, id);
        assertEq(council.proposal(id).readyAt, START + 1 hours + DELAY, "readyAt");
        vm.warp(START + 1 hours + DELAY);
        executeBy(3, id);
        assertTrue(council.proposal(id).state == ICouncil.State.Executed, "state");
        assertEq(council.openProposals().length, 0, "closed");
        assertTrue(permissions.mayDeploy(address(7)), "done");
    }

    function test_Events() public {
        bytes memory data = abi.encodeCall(IPermissions.setOpenSending, (true));
        ICouncil.Call[] memory calls = one(address(permissions), data);
        bytes32 id = council.idOf(calls, 0);
        vm.expectEmit(true, true, true, true, address(council));
        emit ICouncil.Proposed(id, account(1), calls, 0, uint64(START) + LIFETIME);
        vm.expectEmit(true, true, true, true, address(council));
        emit ICouncil.Approved(id, account(1), 1);
        vm.prank(account(1));
        council.propose(calls, 0);
        vm.expectEmit(true, true, true, true, address(council));
        emit ICouncil.ApprovalRevoked(id, account(1), 0);
        vm.prank(account(1));
        council.revokeApproval(id);
        for (uint256 i = 2; i <= 4; ++i) approveBy(i, id);
        vm.warp(START + DELAY);
        vm.expectEmit(true, true, true, true, address(council));
        emit ICouncil.Executed(id, account(4));
        executeBy(4, id);
    }

    function test_OnlyMembersAct() public {
        bytes32 id = _some(1);
        bytes memory refusal = abi.encodeWithSelector(ICouncil.CouncilNotMember.selector, address(this));
        vm.expectRevert(refusal);
        council.propose(one(address(permissions), ""), 0);
        vm.expectRevert(refusal);
        council.approve(id);
        vm.expectRevert(refusal);
        council.revokeApproval(id);
        vm.expectRevert(refusal);
        council.execute(id);
    }

    function test_CallsAreFewAndNeverTheSameTwice() public {
        vm.prank(account(1));
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilBadCalls.selector, 0));
        council.propose(new ICouncil.Call[](0), 0);
        vm.prank(account(1));
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilBadCalls.selector, 17));
        council.propose(new ICouncil.Call[](17), 0);
        vm.prank(account(1));
        bytes32 id = council.propose(new ICouncil.Call[](16), 0);
        vm.prank(account(1));
        council.cancel(id);
        vm.prank(account(2));
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilAlreadyProposed.selector, id));
        council.propose(new ICouncil.Call[](16), 0);
    }

    function test_AMemberHasSixteenOpenProposals() public {
        for (uint256 i = 0; i < 16; ++i) _some(1);
        vm.prank(account(1));
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilTooManyOpen.selector, account(1), 16));
        council.propose(one(address(permissions), ""), "more");
        _some(2);
        bytes32 first = council.openProposals()[0];
        vm.prank(account(1));
        council.cancel(first);
        _some(1);
        assertEq(council.openProposals().length, 17, "open");
    }

    function test_ApprovalsOnceAndWithdrawn() public {
        bytes32 id = _some(1);
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilAlreadyApproved.selector, id, account(1)));
        approveBy(1, id);
        vm.prank(account(2));
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilNotApproved.selector, id, account(2)));
        council.revokeApproval(id);
        approveBy(2, id);
        approveBy(3, id);
        vm.prank(account(2));
        council.revokeApproval(id);
        vm.warp(START + DELAY);
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilTooFewApprovals.selector, id, 2, 3));
        executeBy(1, id);
    }

    function test_TheDelayRunsFromTheApprovalThatWasEnough() public {
        bytes32 id = _some(1);
        approveBy(2, id);
        vm.warp(START + 1 days);
        approveBy(3, id);
        uint64 ready = uint64(START + 1 days + DELAY);
        vm.warp(ready - 1);
        // A further approval puts nothing off …
        approveBy(4, id);
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilTooEarly.selector, id, ready));
        executeBy(1, id);
        vm.warp(ready);
        // … but one that had to be given again does.
        for (uint256 i = 3; i <= 4; ++i) {
            vm.prank(account(i));
            council.revokeApproval(id);
        }
        approveBy(4, id);
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilTooEarly.selector, id, ready + DELAY));
        executeBy(1, id);
        vm.warp(ready + DELAY);
        executeBy(1, id);
    }

    function test_Expiry() public {
        bytes32 id = _some(1);
        for (uint256 i = 2; i <= 3; ++i) approveBy(i, id);
        vm.prank(account(2));
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilMayNotCancel.selector, id, account(2)));
        council.cancel(id);
        vm.warp(START + LIFETIME);
        bytes memory refusal = abi.encodeWithSelector(ICouncil.CouncilExpired.selector, id, START + LIFETIME);
        vm.expectRevert(refusal);
        approveBy(4, id);
        vm.expectRevert(refusal);
        executeBy(1, id);
        vm.prank(account(2));
        council.cancel(id);
        assertTrue(council.proposal(id).state == ICouncil.State.Cancelled, "cancelled");
    }

    function test_CancelledOrExecutedIsOver() public {
        bytes32 id = _some(1);
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilMayNotCancel.selector, id, address(this)));
        council.cancel(id);
        vm.prank(account(1));
        council.cancel(id);
        bytes memory refusal = abi.encodeWithSelector(ICouncil.CouncilNotOpen.selector, id, ICouncil.State.Cancelled);
        vm.expectRevert(refusal);
        approveBy(2, id);
        vm.expectRevert(refusal);
        executeBy(1, id);
        vm.prank(account(1));
        vm.expectRevert(refusal);
        council.cancel(id);
        id = _pass(abi.encodeCall(IPermissions.setOpenSending, (true)));
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilNotOpen.selector, id, ICouncil.State.Executed));
        executeBy(1, id);
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilNotOpen.selector, bytes32(0), ICouncil.State.Unknown));
        approveBy(1, 0);
        assertTrue(council.proposal(0).state == ICouncil.State.Unknown, "unknown");
    }

    /// @notice Once enough members want it, it is not its proposer's alone to end.
    function test_WhatEnoughApproveIsNotCancelledByItsProposer() public {
        bytes32 id = _some(1);
        approveBy(2, id);
        approveBy(3, id);
        bytes memory refusal = abi.encodeWithSelector(ICouncil.CouncilMayNotCancel.selector, id, account(1));
        vm.prank(account(1));
        vm.expectRevert(refusal);
        council.cancel(id);
        vm.prank(account(1));
        council.revokeApproval(id);
        approveBy(4, id);
        vm.prank(account(1));
        vm.expectRevert(refusal);
        council.cancel(id);
        vm.warp(START + DELAY);
        executeBy(4, id);
    }

    function test_TheCouncilCancelsAMembersProposal() public {
        bytes32 id = _some(4);
        enact(address(council), abi.encodeCall(ICouncil.cancel, (id)));
        assertTrue(council.proposal(id).state == ICouncil.State.Cancelled, "cancelled");
    }

    function test_AllCallsOrNone() public {
        ICouncil.Call[] memory calls = new ICouncil.Call[](2);
        calls[0] = ICouncil.Call(address(permissions), abi.encodeCall(IPermissions.setOpenSending, (true)));
        calls[1] = ICouncil.Call(address(permissions), abi.encodeCall(IPermissions.setPermission, (address(0), 1)));
        vm.prank(account(1));
        bytes32 id = council.propose(calls, 0);
        approveBy(2, id);
        approveBy(3, id);
        vm.warp(START + DELAY);
        vm.expectRevert(abi.encodeWithSelector(IPermissions.PermissionsBadFlags.selector, address(0), 1));
        executeBy(1, id);
        assertTrue(!permissions.isSendingOpen(), "none");
        assertTrue(council.proposal(id).state == ICouncil.State.Open, "still open");
    }

    function test_ATargetWithoutCodeIsRefused() public {
        bytes32 id = proposeBy(1, address(0xdead), "");
        approveBy(2, id);
        approveBy(3, id);
        vm.warp(START + DELAY);
        vm.expectRevert(abi.encodeWithSelector(Address.AddressEmptyCode.selector, address(0xdead)));
        executeBy(1, id);
    }

    /// @notice Any number of proposals is open at once; what becomes of one changes nothing in another.
    function testFuzz_ProposalsDoNotTouchEachOther(uint256 seed) public {
        bytes32[] memory ids = new bytes32[](8);
        for (uint256 i = 0; i < ids.length; ++i) {
            bytes memory data = abi.encodeCall(IPermissions.setPermission, (address(uint160(0xB000 + i)), 1));
            ids[i] = proposeBy(1 + (i % 4), address(permissions), data);
            for (uint256 m = 1; m <= 4; ++m) if (m != 1 + (i % 4) && _bit(seed, i * 4 + m)) approveBy(m, ids[i]);
        }
        vm.warp(START + DELAY);
        for (uint256 n = 0; n < ids.length; ++n) {
            uint256 i = (n * 5 + (seed % 8)) % 8;
            uint256 approvals = council.proposal(ids[i]).approvals.length;
            if (approvals < 3) {
                vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilTooFewApprovals.selector, ids[i], approvals, 3));
            }
            executeBy(1, ids[i]);
            assertTrue(permissions.maySend(address(uint160(0xB000 + i))) == (approvals >= 3), "effect");
        }
        for (uint256 i = 0; i < ids.length; ++i) {
            bool open = council.proposal(ids[i]).state == ICouncil.State.Open;
            assertTrue(open == (council.proposal(ids[i]).approvals.length < 3), "open");
            bool listed = false;
            for (uint256 j = 0; j < council.openProposals().length; ++j) {
                listed = listed || council.openProposals()[j] == ids[i];
            }
            assertTrue(listed == open, "listed");
        }
    }

    function _bit(uint256 seed, uint256 at) private pure returns (bool) {
        return uint256(keccak256(abi.encode(seed, at))) & 1 == 1;
    }

    function _some(uint256 organisation) private returns (bytes32) {
        return proposeBy(organisation, address(permissions), abi.encodeCall(IPermissions.setOpenSending, (true)));
    }

    function _pass(bytes memory data) private returns (bytes32 id) {
        id = proposeBy(1, address(permissions), data);
        approveBy(2, id);
        approveBy(3, id);
        vm.warp(block.timestamp + DELAY);
        executeBy(1, id);
    }
}
