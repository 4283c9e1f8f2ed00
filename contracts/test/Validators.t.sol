// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ICouncil} from "../interfaces/ICouncil.sol";
import {IValidators} from "../interfaces/IValidators.sol";
import {Network} from "./support/Network.sol";

/// @title What the validators' contract does and refuses. The council acts itself here: its own rules have their tests.
contract ValidatorsTest is Network {
    /// @notice Four run a validator; the fifth organisation has none yet.
    function setUp() public {
        deployNetwork(4, 3, 0);
        enact(address(council), abi.encodeCall(ICouncil.setMember, (account(5), 5, nameOf(5), 0)));
        roll(2);
    }

    function test_TheGenesis() public view {
        IValidators.Validator[] memory set = validators.validators();
        assertEq(set.length, 4, "four");
        for (uint32 i = 0; i < 4; ++i) {
            assertEq(set[i].key, key(i + 1), "key");
            assertEq(set[i].power, POWER, "power");
            assertEq(set[i].organisation, i + 1, "organisation");
            assertEq(validators.organisationOfNode(node(i + 1)), i + 1, "node");
        }
        assertEq(validators.totalPower(), 40, "total");
        assertEq(validators.changedAt(), 0, "never changed");
        assertEq(validators.council(), address(council), "council");
        assertEq(validators.nodes().length, 4, "nodes");
    }

    function test_NobodyElseChangesTheSet() public {
        address[3] memory callers = [address(this), account(1), authority];
        for (uint256 i = 0; i < callers.length; ++i) {
            bytes memory refusal = abi.encodeWithSelector(
                IAccessManaged.AccessManagedUnauthorized.selector,
                callers[i]
            );
            vm.prank(callers[i]);
            vm.expectRevert(refusal);
            validators.setValidator(key(1), 0, 1);
            vm.prank(callers[i]);
            vm.expectRevert(refusal);
            validators.replaceKey(key(1), key(9));
            vm.prank(callers[i]);
            vm.expectRevert(refusal);
            validators.listNode(node(9), 1);
            vm.prank(callers[i]);
            vm.expectRevert(refusal);
            validators.unlistNode(node(1));
            vm.prank(callers[i]);
            vm.expectRevert(refusal);
            validators.unlistNodes(1);
        }
    }

    function test_AddWeighRemove() public {
        vm.expectEmit(true, true, true, true, address(validators));
        emit IValidators.ValidatorSet(key(5), 10, 5);
        _set(key(5), 10, 5);
        assertEq(validators.totalPower(), 50, "total");
        assertEq(validators.changedAt(), 2, "changedAt");
        assertEq(validators.validator(key(5)).power, 10, "power");
        roll(3);
        _set(key(5), 12, 5);
        assertEq(validators.totalPower(), 52, "total");
        roll(4);
        _set(key(2), 0, 2);
        assertEq(validators.totalPower(), 42, "total");
        assertEq(validators.validators().length, 4, "count");
        assertEq(validators.validator(key(2)).power, 0, "gone");
        assertEq(validators.validator(key(5)).power, 12, "moved in the list, still found");
        roll(5);
        _set(key(2), 10, 2);
        assertEq(validators.totalPower(), 52, "back");
    }

    function test_AValidatorIsWhole() public {
        _refuses(bytes32(0), 10, 1, _bad(0, 10, 1));
        _refuses(key(5), 1001, 1, abi.encodeWithSelector(IValidators.ValidatorsChangeTooLarge.selector, 1001, 40));
        _refuses(key(5), 0, 1, abi.encodeWithSelector(IValidators.ValidatorsUnknownKey.selector, key(5)));
        _refuses(key(5), 10, 6, abi.encodeWithSelector(IValidators.ValidatorsNotMember.selector, 6));
        _refuses(key(5), 10, 0, abi.encodeWithSelector(IValidators.ValidatorsNotMember.selector, 0));
        bytes memory other = abi.encodeWithSelector(IValidators.ValidatorsOtherOrganisation.selector, key(1), 1);
        _refuses(key(1), 11, 2, other);
        _refuses(key(1), 0, 2, other);
        deployNetwork(3, 2, 0);
        roll(2);
        _refuses(key(5), 1001, 1, _bad(key(5), 1001, 1));
        _refuses(key(1), 1001, 1, _bad(key(1), 1001, 1));
    }

    function test_OneChangeABlock() public {
        _set(key(5), 10, 5);
        bytes memory refusal = abi.encodeWithSelector(IValidators.ValidatorsAlreadyChanged.selector, 2);
        _refuses(key(6), 5, 5, refusal);
        vm.prank(address(council));
        vm.expectRevert(refusal);
        validators.replaceKey(key(1), key(6));
        // Nodes are another list.
        vm.prank(address(council));
        validators.listNode(node(9), 1);
        roll(3);
        _set(key(6), 5, 5);
    }

    function test_ChangesAreAtMostAThird() public {
        _refuses(key(5), 14, 5, abi.encodeWithSelector(IValidators.ValidatorsChangeTooLarge.selector, 14, 40));
        _refuses(key(1), 24, 1, abi.encodeWithSelector(IValidators.ValidatorsChangeTooLarge.selector, 14, 40));
        _set(key(5), 13, 5);
        roll(3);
        _set(key(1), 1, 1);
        assertEq(validators.totalPower(), 44, "total");
    }

    function test_NobodyIsRaisedToAThird() public {
        _refuses(key(1), 15, 1, abi.encodeWithSelector(IValidators.ValidatorsShareTooLarge.selector, 15, 45));
        _set(key(1), 14, 1);
        assertEq(validators.totalPower(), 44, "total");
    }

    /// @notice It is the organisation that could stop the chain, with however many keys.
    function test_NoOrganisationIsRaisedToAThirdByASecondKey() public {
        _refuses(key(5), 10, 1, abi.encodeWithSelector(IValidators.ValidatorsShareTooLarge.selector, 20, 50));
        _refuses(key(5), 5, 1, abi.encodeWithSelector(IValidators.ValidatorsShareTooLarge.selector, 15, 45));
        _set(key(5), 4, 1);
        roll(3);
        _refuses(key(1), 11, 1, abi.encodeWithSelector(IValidators.ValidatorsShareTooLarge.selector, 15, 45));
        _set(key(6), 10, 5);
        assertEq(validators.totalPower(), 54, "total");
    }

    /// @notice A removal is let through even where it leaves another with a third: a bad validator must go.
    function test_ARemovalIsNotHeldUpByTheOthersShares() public {
        _set(key(1), 14, 1);
        roll(3);
        _set(key(5), 1, 5);
        roll(4);
        _set(key(2), 0, 2);
        assertEq(validators.totalPower(), 35, "total");
    }

    function test_SmallSetsChangeFreelyDownToOne() public {
        for (uint32 i = 4; i > 1; --i) {
            roll(10 - i);
            _set(key(i), 0, i);
        }
        assertEq(validators.totalPower(), 10, "one left");
        roll(20);
        _refuses(key(1), 0, 1, abi.encodeWithSelector(IValidators.ValidatorsLast.selector, key(1)));
        _set(key(1), 1000, 1);
        roll(21);
        _set(key(2), 1000, 2);
        assertEq(validators.totalPower(), 2000, "two");
    }

    function test_AHundredValidators() public {
        for (uint256 i = 5; i <= 100; ++i) {
            roll(i);
            _set(key(i), 1, uint32(1 + (i % 4)));
        }
        roll(101);
        _refuses(key(101), 1, 1, abi.encodeWithSelector(IValidators.ValidatorsTooMany.selector, 100));
    }

    function test_ReplaceKey() public {
        vm.expectEmit(true, true, true, true, address(validators));
        emit IValidators.ValidatorReplaced(key(2), key(22));
        _replace(key(2), key(22));
        assertEq(validators.validator(key(22)).power, POWER, "power");
        assertEq(validators.validator(key(22)).organisation, 2, "organisation");
        assertEq(validators.validator(key(2)).power, 0, "gone");
        assertEq(validators.totalPower(), 40, "total");
        assertEq(validators.changedAt(), 2, "changedAt");
        roll(3);
        vm.prank(address(council));
        vm.expectRevert(abi.encodeWithSelector(IValidators.ValidatorsUnknownKey.selector, key(2)));
        validators.replaceKey(key(2), key(23));
        vm.prank(address(council));
        vm.expectRevert(abi.encodeWithSelector(IValidators.ValidatorsKeyTaken.selector, key(1)));
        validators.replaceKey(key(22), key(1));
        vm.prank(address(council));
        vm.expectRevert(_bad(0, POWER, 2));
        validators.replaceKey(key(22), 0);
        _set(key(22), 0, 2);
        assertEq(validators.validators().length, 3, "the new key is the one in the index");
    }

    function test_AKeyOfMoreThanAThirdIsNotReplacedAtOnce() public {
        deployNetwork(3, 2, 0);
        roll(2);
        _set(key(1), 100, 1);
        roll(3);
        _set(key(4), 10, 2);
        roll(4);
        vm.prank(address(council));
        vm.expectRevert(abi.encodeWithSelector(IValidators.ValidatorsChangeTooLarge.selector, 100, 130));
        validators.replaceKey(key(1), key(9));
    }

    function test_FoundingIsHeldToTheSameRules() public {
        IValidators.Validator[] memory set = new IValidators.Validator[](2);
        IValidators.Node[] memory nodes = new IValidators.Node[](2);
        set[0] = IValidators.Validator(key(1), 10, 1);
        set[1] = IValidators.Validator(key(2), 10, 2);
        nodes[0] = IValidators.Node(node(1), 1);
        nodes[1] = IValidators.Node(node(2), 2);
        assertTrue(_founds(set, nodes), "good");
        set[1].key = key(1);
        assertTrue(!_founds(set, nodes), "key twice");
        set[1].key = 0;
        assertTrue(!_founds(set, nodes), "no key");
        set[1] = IValidators.Validator(key(2), 0, 2);
        assertTrue(!_founds(set, nodes), "no power");
        set[1].power = 1001;
        assertTrue(!_founds(set, nodes), "too much power");
        set[1] = IValidators.Validator(key(2), 10, 0);
        assertTrue(!_founds(set, nodes), "no organisation");
        set[1].organisation = 2;
        nodes[1].id = node(1);
        assertTrue(!_founds(set, nodes), "node twice");
        nodes[1] = IValidators.Node(node(2), 0);
        assertTrue(!_founds(set, nodes), "node of nobody");
        assertTrue(!_founds(new IValidators.Validator[](0), new IValidators.Node[](0)), "no validator");
    }

    function _founds(IValidators.Validator[] memory set, IValidators.Node[] memory nodes) private returns (bool) {
        return tryCreate("Validators", abi.encode(authority, council, set, nodes)) != address(0);
    }

    function _bad(bytes32 key_, uint64 power, uint32 organisation) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IValidators.ValidatorsBadValidator.selector, key_, power, organisation);
    }

    function _set(bytes32 key_, uint64 power, uint32 organisation) private {
        vm.prank(address(council));
        validators.setValidator(key_, power, organisation);
    }

    function _replace(bytes32 oldKey, bytes32 newKey) private {
        vm.prank(address(council));
        validators.replaceKey(oldKey, newKey);
    }

    function _refuses(bytes32 key_, uint64 power, uint32 organisation, bytes memory reason) private {
        vm.prank(address(council));
        vm.expectRevert(reason);
        validators.setValidator(key_, power, organisation);
    }
}

/// @title The list of nodes
contract ValidatorsNodesTest is Network {
    function setUp() public {
        deployNetwork(4, 3, 0);
    }

    function test_ListAndUnlist() public {
        vm.expectEmit(true, true, true, true, address(validators));
        emit IValidators.NodeListed(node(9), 2);
        vm.prank(address(council));
        validators.listNode(node(9), 2);
        assertEq(validators.organisationOfNode(node(9)), 2, "listed");
        vm.expectEmit(true, true, true, true, address(validators));
        emit IValidators.NodeUnlisted(node(1), 1);
        vm.prank(address(council));
        validators.unlistNode(node(1));
        assertEq(validators.organisationOfNode(node(1)), 0, "unlisted");
        assertEq(validators.organisationOfNode(node(9)), 2, "moved in the list, still found");
        assertEq(validators.nodes().length, 4, "count");
    }

    function test_ANodeIsWhole() public {
        vm.prank(address(council));
        vm.expectRevert(abi.encodeWithSelector(IValidators.ValidatorsBadNode.selector, bytes20(0), 1));
        validators.listNode(0, 1);
        vm.prank(address(council));
        vm.expectRevert(abi.encodeWithSelector(IValidators.ValidatorsNotMember.selector, 9));
        validators.listNode(node(9), 9);
        vm.prank(account(2));
        vm.expectRevert(abi.encodeWithSelector(IValidators.ValidatorsNodeListed.selector, node(1), 1));
        validators.listOwnNode(node(1));
        vm.prank(address(council));
        vm.expectRevert(abi.encodeWithSelector(IValidators.ValidatorsNodeNotListed.selector, node(9)));
        validators.unlistNode(node(9));
    }

    /// @notice A member that lists a newcomer's node as its own does not keep it out, nor keep it.
    function test_TheCouncilTakesANodeOver() public {
        vm.prank(account(2));
        validators.listOwnNode(node(9));
        vm.expectEmit(true, true, true, true, address(validators));
        emit IValidators.NodeUnlisted(node(9), 2);
        vm.expectEmit(true, true, true, true, address(validators));
        emit IValidators.NodeListed(node(9), 3);
        vm.prank(address(council));
        validators.listNode(node(9), 3);
        assertEq(validators.organisationOfNode(node(9)), 3, "taken over");
        vm.prank(address(council));
        validators.listNode(node(9), 3);
        assertEq(validators.nodes().length, 5, "once");
        vm.prank(account(2));
        vm.expectRevert(abi.encodeWithSelector(IValidators.ValidatorsNodeNotListed.selector, node(9)));
        validators.unlistOwnNode(node(9));
    }

    /// @notice Whatever an organisation has listed or unlisted since its expulsion was proposed, none of it stays.
    function test_AllNodesOfAnOrganisationGo() public {
        for (uint256 i = 100; i < 115; ++i) {
            vm.prank(account(2));
            validators.listOwnNode(node(i));
        }
        vm.prank(account(2));
        validators.unlistOwnNode(node(2));
        vm.prank(address(council));
        validators.unlistNodes(2);
        assertEq(validators.nodes().length, 3, "the others' remain");
        for (uint32 i = 1; i <= 4; ++i) {
            assertEq(validators.organisationOfNode(node(i)), i == 2 ? 0 : i, "found by its id");
        }
        vm.prank(address(council));
        validators.unlistNodes(2);
        vm.prank(account(2));
        validators.listOwnNode(node(100));
        assertEq(validators.organisationOfNode(node(100)), 2, "its count began anew");
    }

    function test_AMemberListsItsOwn() public {
        vm.prank(account(2));
        validators.listOwnNode(node(9));
        assertEq(validators.organisationOfNode(node(9)), 2, "listed");
        vm.prank(account(3));
        vm.expectRevert(abi.encodeWithSelector(IValidators.ValidatorsNodeNotListed.selector, node(9)));
        validators.unlistOwnNode(node(9));
        vm.prank(account(2));
        validators.unlistOwnNode(node(9));
        vm.prank(account(2));
        vm.expectRevert(abi.encodeWithSelector(IValidators.ValidatorsNodeNotListed.selector, node(9)));
        validators.unlistOwnNode(node(9));
        vm.expectRevert(abi.encodeWithSelector(IValidators.ValidatorsCallerNotMember.selector, address(this)));
        validators.listOwnNode(node(9));
        vm.expectRevert(abi.encodeWithSelector(IValidators.ValidatorsCallerNotMember.selector, address(this)));
        validators.unlistOwnNode(node(1));
    }

    function test_SixteenOfItsOwn() public {
        for (uint256 i = 100; i < 115; ++i) {
            vm.prank(account(2));
            validators.listOwnNode(node(i));
        }
        vm.prank(account(2));
        vm.expectRevert(abi.encodeWithSelector(IValidators.ValidatorsTooManyNodes.selector, 16));
        validators.listOwnNode(node(115));
        vm.prank(address(council));
        validators.listNode(node(115), 2);
        vm.prank(account(2));
        validators.unlistOwnNode(node(100));
        vm.prank(account(2));
        validators.unlistOwnNode(node(101));
        vm.prank(account(2));
        validators.listOwnNode(node(100));
    }

    /// @notice However many nodes its members have listed: a vote lists one more, and so does a member that has listed none.
    function test_MembersLeaveRoomForVotesAndForEachOther() public {
        deployNetwork(64, 43, 0);
        for (uint32 i = 1; i < 64; ++i) {
            for (uint256 j = 1; j < 16; ++j) {
                vm.prank(account(i));
                validators.listOwnNode(node(100 * i + j));
            }
        }
        vm.prank(account(64));
        validators.listOwnNode(node(6401));
        vm.prank(address(council));
        validators.listNode(node(7000), 64);
        assertEq(validators.organisationOfNode(node(7000)), 64, "by a vote");
        for (uint256 j = 3; j < 16; ++j) {
            vm.prank(account(64));
            validators.listOwnNode(node(6400 + j));
        }
        for (uint256 i = 1; i < 257; ++i) {
            vm.prank(address(council));
            validators.listNode(node(8000 + i), 1);
        }
        vm.prank(address(council));
        vm.expectRevert(abi.encodeWithSelector(IValidators.ValidatorsTooManyNodes.selector, 1280));
        validators.listNode(node(9000), 1);
    }
}
