// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {console} from "hardhat/console.sol";
import {ILuyaRewards} from "../interfaces/ILuyaRewards.sol";
import {Shop} from "./support/Shop.sol";

/// @title Gas of an order, alone and in a batch of 50, as whole transactions: calldata, signature, log, events
/// @notice Residents who have ordered before, an item that has been sold before, a log of usual length. Runs isolated
/// (every call from the test is a transaction of its own). The snapshot is compared by the toolchain; the marks are
/// held here.
/// hardhat-config: isolate = true
contract GasOrdersTest is Shop {
    uint256 private constant _COUNT = 50;

    function setUp() public {
        openShop(_COUNT);
        for (uint256 i = 0; i < _COUNT; ++i) {
            buy(resident(i), 1);
        }
        // The log of a city after some years.
        plantLog(300_000);
    }

    function test_AnOrderAlone() public {
        ILuyaRewards.OrderAct memory act = signed(orderOf(resident(0), 1));
        rewards.order(act);
        _measure("order, alone", vm.lastCallGas().gasTotalUsed, 200_000);
    }

    /// @dev The first nonce takes a new storage slot: 17,100 more than any later one.
    function test_AFirstOrderAlone() public {
        registerMany(1_000, 1);
        earn(person(1_000));
        ILuyaRewards.OrderAct memory act = signed(orderOf(person(1_000), 1));
        rewards.order(act);
        _measure("order, first of an account", vm.lastCallGas().gasTotalUsed, 220_000);
    }

    function test_AnOrderInABatch() public {
        ILuyaRewards.OrderAct[] memory acts = new ILuyaRewards.OrderAct[](_COUNT);
        for (uint256 i = 0; i < _COUNT; ++i) {
            acts[i] = signed(orderOf(resident(i), 1));
        }
        rewards.orderMany(acts);
        uint256 used = vm.lastCallGas().gasTotalUsed;
        assertEq(sold(MUG), 2 * _COUNT, "all were taken");
        _measure("order, in a batch of 50", used / _COUNT, 100_000);
    }

    function test_AFulfilment() public {
        uint64 id = buy(resident(0), 1);
        bytes memory signature = fulfilmentOf(id, CODE, CASHIER_KEY);
        rewards.fulfil(id, orders[id], CODE, signature);
        _measure("fulfilment, alone", vm.lastCallGas().gasTotalUsed, 160_000);
    }

    function test_ARefund() public {
        uint64 id = buy(resident(0), 1);
        bytes memory signature = refundOf(id, ILuyaRewards.Cause.MERCHANT, CASHIER_KEY);
        rewards.refund(id, orders[id], ILuyaRewards.Cause.MERCHANT, signature);
        _measure("refund, alone", vm.lastCallGas().gasTotalUsed, 180_000);
    }

    /// @dev Prints the gas, holds it to the mark, and compares it with the committed snapshot.
    function _measure(string memory name, uint256 used, uint256 mark) private view {
        console.log(string.concat("act/", name), used);
        assertTrue(used <= mark, string.concat(name, ": gas ", vm.toString(used)));
        if (vm.envOr("LUYA_GAS_WRITE", false)) return;
        string memory path = string.concat("$.gas_per_act['", name, "']");
        assertEq(used, vm.parseJsonUint(vm.readFile("hardhat_config/gas-snapshot.json"), path), name);
    }

    /// @dev Size u64 at the bottom of slot 0, the edge's 48 words from slot 16.
    function plantLog(uint256 size) private {
        bytes32 head = vm.load(address(ledger), bytes32(0));
        vm.store(address(ledger), bytes32(0), bytes32(((uint256(head) >> 64) << 64) | size));
        for (uint256 level = 0; level < 19; ++level) {
            bytes32 node = keccak256(abi.encode("node", size, level));
            vm.store(address(ledger), bytes32(16 + level), node);
        }
    }
}
