// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IValidators} from "../interfaces/IValidators.sol";
import {Network} from "./support/Network.sol";
import {Test} from "./support/Test.sol";

/// @title The council at its wildest: any call, sensible or not, and a second book of what must come of it
contract ValidatorsHandler is Network {
    uint256 private constant _KEYS = 12;

    uint256 public done;
    uint256 public refused;
    uint256 public changesInBlock;
    uint256 private _height;
    uint256 private _now;

    function open() external {
        deployNetwork(4, 3, 0);
        _height = 1;
        _now = START;
    }

    function operate(uint256 seed) external {
        // The runner may start each call from its own block and time.
        vm.warp(_now);
        if (seed % 3 != 0) {
            ++_height;
            changesInBlock = 0;
        }
        roll(_height);
        seed = uint256(keccak256(abi.encode(seed)));
        uint64 totalBefore = validators.totalPower();
        uint256 countBefore = validators.validators().length;
        bytes memory data = _someCall(seed);
        vm.prank(address(council));
        // Low-level, so that a refusal is one of the outcomes.
        // solhint-disable-next-line avoid-low-level-calls
        (bool ok, ) = address(validators).call(data);
        if (!ok) {
            ++refused;
            return;
        }
        ++done;
        if (validators.changedAt() == _height && seed % 8 < 7) ++changesInBlock;
        uint64 total = validators.totalPower();
        uint256 change = total > totalBefore ? total - totalBefore : totalBefore - total;
        assertTrue(countBefore < 4 || change * 3 <= totalBefore, "more than a third");
    }

    function check() external view {
        IValidators.Validator[] memory set = validators.validators();
        assertTrue(set.length >= 1 && set.length <= 100, "size");
        uint64 total = 0;
        for (uint256 i = 0; i < set.length; ++i) {
            assertTrue(set[i].key != 0 && set[i].organisation != 0, "whole");
            assertTrue(set[i].power >= 1 && set[i].power <= 1000, "power");
            for (uint256 j = 0; j < i; ++j) assertTrue(set[i].key != set[j].key, "unique");
            assertEq(validators.validator(set[i].key).power, set[i].power, "found by its key");
            total += set[i].power;
        }
        assertEq(validators.totalPower(), total, "total");
        assertTrue(changesInBlock <= 1, "one change a block");
        IValidators.Node[] memory nodes = validators.nodes();
        for (uint256 i = 0; i < nodes.length; ++i) {
            assertEq(validators.organisationOfNode(nodes[i].id), nodes[i].organisation, "node found by its id");
            for (uint256 j = 0; j < i; ++j) assertTrue(nodes[i].id != nodes[j].id, "node unique");
        }
    }

    function _someCall(uint256 seed) private view returns (bytes memory) {
        uint256 number = (seed >> 8) % _KEYS;
        uint32 organisation = uint32((seed >> 16) % 6);
        bytes32 key_ = number == 0 ? bytes32(0) : key(number);
        IValidators.Validator memory there = validators.validator(key_);
        if (there.organisation != 0) organisation = there.organisation;
        if (seed % 8 == 7) {
            if ((seed >> 48) % 8 == 0) return abi.encodeCall(IValidators.unlistNodes, (organisation));
            bytes20 id = node((seed >> 24) % 8);
            bool listed = validators.organisationOfNode(id) != 0;
            return
                listed
                    ? abi.encodeCall(IValidators.unlistNode, (id))
                    : abi.encodeCall(IValidators.listNode, (id, organisation));
        }
        if (seed % 8 == 6) return abi.encodeCall(IValidators.replaceKey, (key_, key((seed >> 24) % _KEYS)));
        if (seed % 8 >= 4) return abi.encodeCall(IValidators.setValidator, (key_, 0, organisation));
        uint64 power = uint64((seed >> 32) % ((seed >> 40) % 8 == 0 ? 1100 : 16));
        return abi.encodeCall(IValidators.setValidator, (key_, power, organisation));
    }
}

/// @title Whatever the council does to the set, in whatever order
contract ValidatorsInvariantsTest is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    ValidatorsHandler private _handler;

    function setUp() public {
        _handler = new ValidatorsHandler();
        _handler.open();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = ValidatorsHandler.operate.selector;
        targets[0] = FuzzSelector(address(_handler), selectors);
    }

    function invariant_TheSetIsSound() public view {
        _handler.check();
    }

    function test_TheHandlerIsNotIdle() public {
        for (uint256 i = 0; i < 200; ++i) _handler.operate(uint256(keccak256(abi.encode("busy", i))));
        _handler.check();
        assertTrue(_handler.done() >= 40, "done");
        assertTrue(_handler.refused() >= 40, "refused");
    }
}
