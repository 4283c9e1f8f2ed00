// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaControllers} from "../interfaces/ILuyaControllers.sol";
import {ILuyaRewards} from "../interfaces/ILuyaRewards.sol";
import {Shop} from "./support/Shop.sol";

/// @title Orders in batches: what is right is taken, what is not is skipped and says why
contract LuyaRewardsBatchTest is Shop {
    bytes32 private constant _REFUSED = keccak256("ActRefused(uint256,bytes)");
    bytes32 private constant _APPENDED = keccak256("EntryAppended(uint64,bytes)");

    function test_TheBadAreSkippedWithTheirReason() public {
        openShop(3);
        ILuyaRewards.OrderAct[] memory acts = new ILuyaRewards.OrderAct[](5);
        acts[0] = signed(orderOf(resident(0), 1));
        acts[1] = signed(orderOf(resident(1), 1), uint256(keccak256("stranger")));
        acts[2] = acts[0];
        acts[3] = signed(orderOf(resident(1), 200));
        acts[4] = signed(orderOf(resident(2), 2));
        uint64 size = ledger.logSize();
        vm.recordLogs();
        rewards.orderMany(acts);
        Log[] memory logs = recordedLogs();
        uint256 found = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != _REFUSED) continue;
            uint256 position = uint256(logs[i].topics[1]);
            bytes4 reason = bytes4(abi.decode(logs[i].data, (bytes)));
            ++found;
            assertEq(position, found, "positions 1, 2, 3");
            if (position == 1) assertTrue(reason == ILuyaControllers.LuyaControllersNotAllowed.selector, "stranger");
            if (position == 2) assertTrue(reason == ILuyaControllers.LuyaControllersWrongNonce.selector, "twice");
            if (position == 3) assertTrue(reason == ILuyaRewards.LuyaRewardsOutOfStock.selector, "stock");
        }
        assertEq(found, 3, "refused");
        assertEq(ledger.logSize(), size + 2, "entries");
        assertEq(ledger.rootAt(size + 1), bytes32(0), "no root between the two");
        assertTrue(ledger.rootAt(size + 2) != 0 && ledger.root() == ledger.rootAt(size + 2), "one at the end");
        assertEq(sold(MUG), 3, "sold");
        assertEq(pointsOf(resident(1), 2025), OLD_POINTS, "a refused order costs nothing");
        assertEq(controllers.nonceOf(resident(1), vm.addr(CUSTODIAN_KEY)), 0, "nor a nonce");
    }

    /// @dev Nothing was taken: the log stays as it was, and so does its root.
    function test_ABatchOfBadOrdersAppendsNothing() public {
        openShop(1);
        ILuyaRewards.OrderAct[] memory acts = new ILuyaRewards.OrderAct[](1);
        acts[0] = orderOf(resident(0), 1);
        bytes32 root = ledger.root();
        rewards.orderMany(acts);
        assertEq(ledger.root(), root, "root");
        assertEq(sold(MUG), 0, "sold");
    }

    /// @dev Whoever sends too little gas can't have orders refused by it.
    function test_NoOrderIsRefusedForWantOfGas() public {
        openShop(1);
        ILuyaRewards.OrderAct[] memory acts = new ILuyaRewards.OrderAct[](1);
        acts[0] = signed(orderOf(resident(0), 1));
        for (uint256 gasSent = 60_000; gasSent <= 400_000; gasSent += 7_000) {
            try rewards.orderMany{gas: gasSent}(acts) {
                assertEq(sold(MUG), 1, "taken");
                return;
            } catch {
                // All of it is undone.
            }
        }
        assertTrue(false, "taken in the end");
    }

    /// @dev 1,000 residents, each with enough points, 100 units; batches of 50, sent in another order than signed.
    function test_AThousandOrdersForAHundredUnits() public {
        openShop(0);
        _earnAll(1_000);
        ILuyaRewards.OrderAct[] memory acts = new ILuyaRewards.OrderAct[](50);
        uint256 taken = 0;
        uint256 refused = 0;
        for (uint256 batch = 0; batch < 20; ++batch) {
            for (uint256 i = 0; i < 50; ++i) {
                // 7 and 1,000 have no common divisor: each resident once.
                acts[i] = signed(orderOf(person(1_000 + (((50 * batch + i) * 7) % 1_000)), 1));
            }
            vm.recordLogs();
            rewards.orderMany(acts);
            Log[] memory logs = recordedLogs();
            for (uint256 i = 0; i < logs.length; ++i) {
                if (logs[i].topics[0] == _APPENDED) ++taken;
                if (logs[i].topics[0] != _REFUSED) continue;
                ++refused;
                bytes memory reason = abi.decode(logs[i].data, (bytes));
                assertTrue(bytes4(reason) == ILuyaRewards.LuyaRewardsOutOfStock.selector, "for want of stock alone");
            }
        }
        assertEq(taken, 100, "taken");
        assertEq(refused, 900, "refused");
        assertEq(sold(MUG), 100, "sold");
        uint256 paid = 0;
        for (uint256 i = 0; i < 1_000; ++i) {
            if (pointsOf(person(1_000 + i), 2026) == 2_400 - PRICE) ++paid;
        }
        assertEq(paid, 100, "so many paid");
    }

    /// @dev Each has 2.4 points of 2026.
    function _earnAll(uint256 people) private {
        for (uint256 from = 0; from < people; from += 200) {
            registerMany(1_000 + from, 200);
            bytes[] memory parts = new bytes[](200);
            for (uint256 i = 0; i < 200; ++i) {
                parts[i] = recordOf(person(1_000 + from + i), CYCLING, TODAY, 10, 2, 500);
            }
            bytes memory records = "";
            for (uint256 i = 0; i < 200; i += 20) {
                bytes memory some = "";
                for (uint256 j = i; j < i + 20; ++j) {
                    some = bytes.concat(some, parts[j]);
                }
                records = bytes.concat(records, some);
            }
            submit(FEED, records, "");
        }
    }
}
