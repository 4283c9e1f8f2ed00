// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ICouncil} from "../interfaces/ICouncil.sol";
import {IPermissions} from "../interfaces/IPermissions.sol";
import {Network} from "./support/Network.sol";

/// @title What the council does and refuses: its members, its threshold, its times
contract CouncilMembersTest is Network {
    function setUp() public {
        deployNetwork(4, 3, DELAY);
    }

    function test_OnlyTheCouncilGovernsItself() public {
        address[2] memory callers = [address(this), account(1)];
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory refusal = abi.encodeWithSelector(ICouncil.CouncilNotItself.selector, callers[i]);
            vm.prank(callers[i]);
            vm.expectRevert(refusal);
            council.setMember(account(9), 9, "nine", 3);
            vm.prank(callers[i]);
            vm.expectRevert(refusal);
            council.removeMember(4, 3);
            vm.prank(callers[i]);
            vm.expectRevert(refusal);
            council.setThreshold(4);
            vm.prank(callers[i]);
            vm.expectRevert(refusal);
            council.setTimes(0, LIFETIME);
        }
    }

    function test_AFifthJoinsAndLeaves() public {
        enact(address(council), abi.encodeCall(ICouncil.setMember, (account(5), 5, "five", 3)));
        assertEq(council.members().length, 5, "five");
        assertEq(council.organisationOf(account(5)), 5, "organisation");
        assertEq(council.accountOf(5), account(5), "account");
        assertEq(council.members()[4].name, "five", "name");
        enact(address(council), abi.encodeCall(ICouncil.removeMember, (5, 3)));
        assertEq(council.members().length, 4, "four");
        assertEq(council.organisationOf(account(5)), 0, "no organisation");
        assertEq(council.accountOf(5), address(0), "no account");
        _refused(5);
    }

    function test_RemovingFromTheMiddleKeepsTheOthers() public {
        enact(address(council), abi.encodeCall(ICouncil.removeMember, (2, 2)));
        ICouncil.Member[] memory left = council.members();
        assertEq(left.length, 3, "three");
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(council.organisationOf(left[i].account), left[i].organisation, "organisation");
            assertEq(council.accountOf(left[i].organisation), left[i].account, "account");
            assertEq(left[i].name, nameOf(left[i].organisation), "name");
        }
        bytes32 id = proposeBy(4, address(council), abi.encodeCall(ICouncil.removeMember, (4, 2)));
        approveBy(1, id);
        vm.warp(block.timestamp + DELAY);
        executeBy(1, id);
        assertEq(council.members().length, 2, "two");
    }

    function test_AnotherAddressOrName() public {
        enact(address(council), abi.encodeCall(ICouncil.setMember, (account(2), 2, "renamed", 3)));
        assertEq(council.members()[1].name, "renamed", "name");
        enact(address(council), abi.encodeCall(ICouncil.setMember, (account(12), 2, "moved", 3)));
        assertEq(council.members().length, 4, "four");
        assertEq(council.accountOf(2), account(12), "moved");
        _refused(2);
    }

    /// @notice A removed member's approval is void, even when the member comes back.
    function test_ApprovalsEndWithTheMembership() public {
        bytes32 id = proposeBy(4, address(permissions), abi.encodeCall(IPermissions.setOpenSending, (true)));
        approveBy(1, id);
        approveBy(2, id);
        ICouncil.Call[] memory calls = new ICouncil.Call[](2);
        calls[0] = ICouncil.Call(address(council), abi.encodeCall(ICouncil.removeMember, (4, 3)));
        calls[1] = ICouncil.Call(address(council), abi.encodeCall(ICouncil.setMember, (account(4), 4, "four", 3)));
        vm.prank(account(1));
        bytes32 change = council.propose(calls, "again");
        approveBy(2, change);
        approveBy(3, change);
        vm.warp(START + DELAY);
        executeBy(1, change);
        assertEq(council.proposal(id).approvals.length, 2, "void");
        vm.warp(START + DELAY * 3);
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilTooFewApprovals.selector, id, 2, 3));
        executeBy(1, id);
        approveBy(4, id);
        vm.warp(START + DELAY * 4);
        executeBy(1, id);
        assertTrue(permissions.isSendingOpen(), "done");
    }

    /// @notice Renaming a member keeps its approvals; moving it to another address does not.
    function test_ANewNameKeepsApprovals() public {
        bytes32 id = proposeBy(4, address(permissions), abi.encodeCall(IPermissions.setOpenSending, (true)));
        enact(address(council), abi.encodeCall(ICouncil.setMember, (account(4), 4, "renamed", 3)));
        assertEq(council.proposal(id).approvals.length, 1, "kept");
        enact(address(council), abi.encodeCall(ICouncil.setMember, (account(14), 4, "moved", 3)));
        assertEq(council.proposal(id).approvals.length, 0, "void");
    }

    /// @notice A lower threshold or delay does not let through at once what was waiting.
    function test_AChangeOfTheCouncilStartsTheDelayAnew() public {
        bytes32 id = proposeBy(1, address(permissions), abi.encodeCall(IPermissions.setOpenSending, (true)));
        approveBy(2, id);
        bytes32 waiting = proposeBy(
            3,
            address(permissions),
            abi.encodeCall(IPermissions.setPermission, (address(7), 1))
        );
        approveBy(1, waiting);
        approveBy(2, waiting);
        ICouncil.Call[] memory calls = new ICouncil.Call[](2);
        calls[0] = ICouncil.Call(address(council), abi.encodeCall(ICouncil.removeMember, (4, 2)));
        calls[1] = ICouncil.Call(address(council), abi.encodeCall(ICouncil.setTimes, (0, LIFETIME)));
        vm.prank(account(1));
        bytes32 change = council.propose(calls, "change");
        approveBy(2, change);
        approveBy(3, change);
        vm.warp(START + DELAY);
        executeBy(1, change);
        uint64 ready = uint64(START + DELAY * 2);
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilTooEarly.selector, id, ready));
        executeBy(1, id);
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilTooEarly.selector, waiting, ready));
        executeBy(1, waiting);
        vm.warp(ready);
        executeBy(1, id);
        executeBy(1, waiting);
        bytes32 quick = proposeBy(1, address(permissions), abi.encodeCall(IPermissions.setOpenSending, (false)));
        approveBy(2, quick);
        executeBy(1, quick);
    }

    function test_AMemberIsWhole() public {
        _selfRefuses(
            abi.encodeCall(ICouncil.setMember, (address(0), 9, "nine", 3)),
            abi.encodeWithSelector(ICouncil.CouncilBadMember.selector, address(0), 9, bytes32("nine"))
        );
        _selfRefuses(
            abi.encodeCall(ICouncil.setMember, (address(council), 9, "nine", 3)),
            abi.encodeWithSelector(ICouncil.CouncilBadMember.selector, address(council), 9, bytes32("nine"))
        );
        _selfRefuses(
            abi.encodeCall(ICouncil.setMember, (account(9), 0, "nine", 3)),
            abi.encodeWithSelector(ICouncil.CouncilBadMember.selector, account(9), 0, bytes32("nine"))
        );
        _selfRefuses(
            abi.encodeCall(ICouncil.setMember, (account(9), 9, "", 3)),
            abi.encodeWithSelector(ICouncil.CouncilBadMember.selector, account(9), 9, bytes32(0))
        );
        _selfRefuses(
            abi.encodeCall(ICouncil.setMember, (account(2), 9, "nine", 3)),
            abi.encodeWithSelector(ICouncil.CouncilAccountTaken.selector, account(2), 2)
        );
        _selfRefuses(
            abi.encodeCall(ICouncil.removeMember, (9, 3)),
            abi.encodeWithSelector(ICouncil.CouncilUnknownOrganisation.selector, 9)
        );
    }

    function test_ThresholdIsMoreThanHalfAndAtMostAll() public {
        for (uint32 k = 0; k <= 6; ++k) {
            if (k == 3 || k == 4) continue;
            bytes memory refusal = abi.encodeWithSelector(ICouncil.CouncilBadThreshold.selector, k, 4);
            _selfRefuses(abi.encodeCall(ICouncil.setThreshold, (k)), refusal);
        }
        _selfRefuses(
            abi.encodeCall(ICouncil.setMember, (account(5), 5, "five", 2)),
            abi.encodeWithSelector(ICouncil.CouncilBadThreshold.selector, 2, 5)
        );
        _selfRefuses(
            abi.encodeCall(ICouncil.removeMember, (4, 4)),
            abi.encodeWithSelector(ICouncil.CouncilBadThreshold.selector, 4, 3)
        );
        enact(address(council), abi.encodeCall(ICouncil.setThreshold, (4)));
        assertEq(council.threshold(), 4, "four");
    }

    /// @notice Two open votes on the members, in either order: neither holds the other up nor moves the bar.
    function test_OpenVotesOnMembersSurviveEachOther() public {
        for (uint256 first = 0; first < 2; ++first) {
            deployNetwork(4, 3, 0);
            bytes memory join = abi.encodeCall(ICouncil.setMember, (account(5), 5, "five", 0));
            bytes memory leave = abi.encodeCall(ICouncil.removeMember, (4, 0));
            bytes32[2] memory ids = [
                proposeBy(1, address(council), first == 0 ? join : leave),
                proposeBy(1, address(council), first == 0 ? leave : join)
            ];
            for (uint256 i = 0; i < 2; ++i) {
                approveBy(2, ids[i]);
                approveBy(3, ids[i]);
                if (council.threshold() > 3) {
                    vm.prank(account(5));
                    council.approve(ids[i]);
                }
                executeBy(1, ids[i]);
                assertEq(council.threshold(), i == 1 ? 3 : (first == 0 ? 4 : 2), "two thirds of 5, or of 3, then of 4");
            }
            assertEq(council.members().length, 4, "four");
        }
    }

    /// @notice A threshold that the council has chosen stays while it is one.
    function test_AChosenThresholdIsKeptWhileItIsRight() public {
        enact(address(council), abi.encodeCall(ICouncil.setThreshold, (4)));
        bytes32 id = proposeBy(1, address(council), abi.encodeCall(ICouncil.setMember, (account(5), 5, "five", 0)));
        for (uint256 i = 2; i <= 4; ++i) approveBy(i, id);
        vm.warp(block.timestamp + DELAY);
        executeBy(1, id);
        assertEq(council.threshold(), 4, "kept: four of five");
        id = proposeBy(1, address(council), abi.encodeCall(ICouncil.removeMember, (5, 0)));
        for (uint256 i = 2; i <= 4; ++i) approveBy(i, id);
        vm.warp(block.timestamp + DELAY);
        executeBy(1, id);
        assertEq(council.threshold(), 3, "four of five is two thirds: it follows");
    }

    function test_TheLastMemberStays() public {
        deployNetwork(1, 1, 0);
        bytes32 id = proposeBy(1, address(council), abi.encodeCall(ICouncil.removeMember, (1, 0)));
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilBadThreshold.selector, 0, 0));
        executeBy(1, id);
    }

    function test_TimesAreBounded() public {
        uint32[2][4] memory bad = [
            [uint32(30 days + 1), 365 days],
            [uint32(0), 365 days + 1],
            [uint32(0), 1 hours - 1],
            [uint32(1 days), 1 days + 1 hours - 1]
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            bytes memory refusal = abi.encodeWithSelector(ICouncil.CouncilBadTimes.selector, bad[i][0], bad[i][1]);
            _selfRefuses(abi.encodeCall(ICouncil.setTimes, (bad[i][0], bad[i][1])), refusal);
        }
        enact(address(council), abi.encodeCall(ICouncil.setTimes, (30 days, 365 days)));
        (uint32 delay, uint32 lifetime) = council.times();
        assertEq(delay, 30 days, "delay");
        assertEq(lifetime, 365 days, "lifetime");
    }

    function test_SixtyFourMembers() public {
        deployNetwork(64, 33, 0);
        bytes memory data = abi.encodeCall(ICouncil.setMember, (account(65), 65, "too many", 33));
        bytes32 id = proposeBy(1, address(council), data);
        for (uint256 i = 2; i <= 33; ++i) approveBy(i, id);
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilTooManyMembers.selector, 64));
        executeBy(1, id);
    }

    function test_FoundingIsHeldToTheSameRules() public {
        ICouncil.Member[] memory members = new ICouncil.Member[](2);
        members[0] = ICouncil.Member(account(1), 1, "one");
        members[1] = ICouncil.Member(account(2), 2, "two");
        assertTrue(tryCreate("Council", abi.encode(members, 2, DELAY, LIFETIME)) != address(0), "good");
        assertTrue(tryCreate("Council", abi.encode(members, 1, DELAY, LIFETIME)) == address(0), "threshold");
        assertTrue(tryCreate("Council", abi.encode(members, 2, 31 days, LIFETIME)) == address(0), "times");
        members[1].organisation = 1;
        assertTrue(tryCreate("Council", abi.encode(members, 1, DELAY, LIFETIME)) == address(0), "organisation twice");
        members[1] = ICouncil.Member(account(1), 2, "two");
        assertTrue(tryCreate("Council", abi.encode(members, 1, DELAY, LIFETIME)) == address(0), "account twice");
        members = new ICouncil.Member[](0);
        assertTrue(tryCreate("Council", abi.encode(members, 0, DELAY, LIFETIME)) == address(0), "nobody");
    }

    /// @notice However members come and go, the lists agree and the threshold is more than half.
    function testFuzz_MembersStayConsistent(uint256 seed) public {
        for (uint256 i = 0; i < 12; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint32 organisation = uint32(bound(seed, 1, 6));
            uint32 count = uint32(council.members().length);
            bool there = council.accountOf(organisation) != address(0);
            bytes memory data = abi.encodeCall(ICouncil.removeMember, (organisation, (count - 1) / 2 + 1));
            if (!there || seed & 256 == 0) {
                uint32 more = there ? count : count + 1;
                address who = account(organisation + (uint32(seed >> 16) % 2) * 16);
                data = abi.encodeCall(ICouncil.setMember, (who, organisation, nameOf(organisation), more / 2 + 1));
            } else if (count == 1) {
                continue;
            }
            _passWith(data);
            ICouncil.Member[] memory all = council.members();
            assertTrue(uint256(council.threshold()) * 2 > all.length && council.threshold() <= all.length, "threshold");
            for (uint256 j = 0; j < all.length; ++j) {
                assertEq(council.accountOf(all[j].organisation), all[j].account, "account");
                assertEq(council.organisationOf(all[j].account), all[j].organisation, "organisation");
            }
        }
    }

    function _passWith(bytes memory data) private {
        ICouncil.Member[] memory all = council.members();
        bytes32 id = 0;
        for (uint256 i = 0; i < all.length; ++i) {
            if (id == 0) id = proposeBy(uint160(all[i].account) - 0xA000, address(council), data);
            else approveBy(uint160(all[i].account) - 0xA000, id);
        }
        vm.warp(block.timestamp + DELAY);
        executeBy(uint160(all[0].account) - 0xA000, id);
    }

    function _selfRefuses(bytes memory data, bytes memory reason) private {
        bytes32 id = proposeBy(1, address(council), data);
        approveBy(2, id);
        approveBy(3, id);
        vm.warp(block.timestamp + DELAY);
        vm.expectRevert(reason);
        executeBy(1, id);
        vm.prank(account(2));
        council.revokeApproval(id);
        vm.prank(account(1));
        council.cancel(id);
    }

    function _refused(uint256 organisation) private {
        vm.expectRevert(abi.encodeWithSelector(ICouncil.CouncilNotMember.selector, account(organisation)));
        proposeBy(organisation, address(permissions), "");
    }
}
