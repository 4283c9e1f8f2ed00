// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IPermissions} from "../interfaces/IPermissions.sol";
import {Network} from "./support/Network.sol";

/// @title What the permissions' contract does and refuses
contract PermissionsTest is Network {
    function setUp() public {
        deployNetwork(4, 3, DELAY);
    }

    function test_TheGenesis() public view {
        assertTrue(!permissions.isSendingOpen(), "closed");
        assertEq(permissions.accountCount(), 4, "accounts");
        assertEq(permissions.deployers().length, 0, "deployers");
        assertTrue(permissions.maySend(account(1)), "member");
        assertTrue(!permissions.maySend(address(7)), "stranger");
    }

    function test_NobodyElseSets() public {
        address[3] memory callers = [address(this), account(1), authority];
        for (uint256 i = 0; i < callers.length; ++i) {
            bytes memory refusal = abi.encodeWithSelector(
                IAccessManaged.AccessManagedUnauthorized.selector,
                callers[i]
            );
            vm.prank(callers[i]);
            vm.expectRevert(refusal);
            permissions.setPermission(address(7), 1);
            vm.prank(callers[i]);
            vm.expectRevert(refusal);
            permissions.setOpenSending(true);
        }
    }

    function test_ByAVote() public {
        enact(address(permissions), abi.encodeCall(IPermissions.setPermission, (address(7), 2)));
        assertEq(permissions.flagsOf(address(7)), 3, "creating brings sending along");
        assertTrue(permissions.mayDeploy(address(7)) && permissions.maySend(address(7)), "may");
        assertEq(permissions.deployers()[0], address(7), "deployers");
        enact(address(permissions), abi.encodeCall(IPermissions.setPermission, (address(7), 1)));
        assertTrue(!permissions.mayDeploy(address(7)) && permissions.maySend(address(7)), "may send");
        assertEq(permissions.deployers().length, 0, "no deployers");
        assertEq(permissions.accountCount(), 5, "accounts");
        enact(address(permissions), abi.encodeCall(IPermissions.setPermission, (address(7), 0)));
        assertTrue(!permissions.maySend(address(7)), "may nothing");
        assertEq(permissions.accountCount(), 4, "accounts");
        enact(address(permissions), abi.encodeCall(IPermissions.setOpenSending, (true)));
        assertTrue(permissions.maySend(address(7)), "everybody may");
        assertTrue(!permissions.mayDeploy(address(7)), "but not create");
    }

    function test_Events() public {
        vm.expectEmit(true, true, true, true, address(permissions));
        emit IPermissions.PermissionSet(address(7), 3);
        _set(address(7), 2);
        vm.expectEmit(true, true, true, true, address(permissions));
        emit IPermissions.SendingOpened(true);
        vm.prank(address(council));
        permissions.setOpenSending(true);
    }

    function test_TwoFlags() public {
        vm.prank(address(council));
        vm.expectRevert(abi.encodeWithSelector(IPermissions.PermissionsBadFlags.selector, address(7), 4));
        permissions.setPermission(address(7), 4);
        vm.prank(address(council));
        vm.expectRevert(abi.encodeWithSelector(IPermissions.PermissionsBadFlags.selector, address(0), 1));
        permissions.setPermission(address(0), 1);
    }

    function test_SixtyFourDeployers() public {
        for (uint160 i = 1; i <= 64; ++i) _set(address(0xB000 + i), 2);
        vm.prank(address(council));
        vm.expectRevert(abi.encodeWithSelector(IPermissions.PermissionsTooManyDeployers.selector, 64));
        permissions.setPermission(address(7), 2);
        _set(address(0xB001), 2);
        _set(address(0xB001), 1);
        _set(address(7), 3);
    }

    function test_Pages() public view {
        assertEq(permissions.accounts(0, 3).length, 3, "part");
        assertEq(permissions.accounts(3, 3).length, 1, "rest");
        assertEq(permissions.accounts(4, 3).length, 0, "beyond");
        assertEq(permissions.accounts(9, type(uint256).max).length, 0, "far beyond");
        assertEq(permissions.accounts(0, type(uint256).max).length, 4, "all");
        assertEq(permissions.accounts(3, 1)[0].account, account(4), "account");
        assertEq(permissions.accounts(3, 1)[0].flags, 1, "flags");
    }

    /// @notice The lists hold exactly the accounts whose flags say so.
    function testFuzz_ListsFollowFlags(uint256 seed) public {
        for (uint256 i = 0; i < 24; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            _set(address(uint160(0xB000 + (seed % 7))), (seed >> 32) % 4);
            uint256 deployers = 0;
            uint256 accounts = 4;
            for (uint160 a = 0xB000; a < 0xB007; ++a) {
                if (permissions.mayDeploy(address(a))) ++deployers;
                if (permissions.maySend(address(a))) ++accounts;
                assertTrue(permissions.flagsOf(address(a)) != 2, "creating without sending");
            }
            assertEq(permissions.deployers().length, deployers, "deployers");
            assertEq(permissions.accountCount(), accounts, "accounts");
        }
    }

    function _set(address account_, uint256 flags) private {
        vm.prank(address(council));
        permissions.setPermission(account_, flags);
    }
}
