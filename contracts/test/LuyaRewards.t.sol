// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaControllers} from "../interfaces/ILuyaControllers.sol";
import {ILuyaModule} from "../interfaces/ILuyaModule.sol";
import {ILuyaRewards} from "../interfaces/ILuyaRewards.sol";
import {HeldParts} from "../libraries/HeldParts.sol";
import {Shop} from "./support/Shop.sol";

/// @title Orders, fulfilments and refunds: what each does, and each rule that refuses one
contract LuyaRewardsTest is Shop {
    uint256 private constant _STRANGER_KEY = uint256(keccak256("stranger"));

    address private _resident;

    function setUp() public {
        openShop(2);
        _resident = resident(0);
    }

    // ------------------------------------------------------------------------------------------------ what is ordered

    function test_AnOrderBurnsTheOldestPointsAndTakesStock() public {
        uint64 id = buy(_resident, 5);
        assertEq(pointsOf(_resident, 2025), 0, "all of 2025");
        assertEq(pointsOf(_resident, 2026), NEW_POINTS - (5 * PRICE - OLD_POINTS), "the rest of 2026");
        assertEq(sold(MUG), 5, "sold");
        assertEq(uint256(rewards.orderState(id)), uint256(ILuyaRewards.OrderState.OPEN), "open");
        assertEq(controllers.nonceOf(_resident, vm.addr(CUSTODIAN_KEY)), 1, "the nonce is used");
    }

    function test_AnOrdersEntryIsByTheProtocol() public {
        ILuyaRewards.OrderAct memory act = signed(orderOf(_resident, 5));
        vm.recordLogs();
        rewards.order(act);
        bytes memory front = abi.encodePacked(
            uint8(0x11),
            uint64(block.timestamp),
            _resident,
            MUG,
            uint16(5),
            PRICE,
            uint64(990),
            act.codeHash,
            uint64(block.timestamp + 7 days),
            uint64(block.timestamp + 3 days)
        );
        bytes memory parts = abi.encodePacked(uint8(2), uint16(2025), OLD_POINTS, uint16(2026), uint64(1_200));
        bytes memory tail = abi.encodePacked(vm.addr(CUSTODIAN_KEY), act.nonce, act.deadline, act.signature);
        assertEq(firstEntry(), bytes.concat(front, abi.encodePacked(act.maxPrice), parts, tail), "bytes");
    }

    function test_AnOrderOfNewPointsAloneHasOnePart() public {
        buy(_resident, 4);
        uint64 id = buy(_resident, 1);
        assertEq(slice(orders[id], 107, 11), abi.encodePacked(uint8(1), uint16(2026), PRICE), "one part");
    }

    function test_AnyoneMaySendAnOrder() public {
        ILuyaRewards.OrderAct memory act = signed(orderOf(_resident, 1));
        vm.prank(address(0xBEEF));
        rewards.order(act);
        assertEq(sold(MUG), 1, "taken");
    }

    // -------------------------------------------------------------------------------------------- what refuses an order

    function _refused(ILuyaRewards.OrderAct memory act, bytes memory reason) private {
        vm.expectRevert(reason);
        rewards.order(act);
    }

    function test_PastItsDeadline() public {
        ILuyaRewards.OrderAct memory act = signed(orderOf(_resident, 1));
        vm.warp(act.deadline + 1);
        _refused(act, abi.encodeWithSelector(ILuyaRewards.LuyaRewardsPastDeadline.selector, act.deadline));
        vm.warp(act.deadline);
        rewards.order(act);
    }

    function test_AnUnknownItem() public {
        ILuyaRewards.OrderAct memory act = orderOf(_resident, 1);
        act.item = 99;
        _refused(signed(act), abi.encodeWithSelector(ILuyaRewards.LuyaRewardsNotForSale.selector, 99));
    }

    function test_AWithdrawnItem() public {
        rewards.withdrawItem(MUG);
        ILuyaRewards.OrderAct memory act = signed(orderOf(_resident, 1));
        _refused(act, abi.encodeWithSelector(ILuyaRewards.LuyaRewardsNotForSale.selector, MUG));
    }

    function test_BeforeItOpensAndOnceItIsClosed() public {
        ILuyaRewards.ItemTerms memory terms = mug();
        terms.item = 2;
        terms.opens += 1 days;
        rewards.setItem(terms);
        ILuyaRewards.OrderAct memory act = orderOf(_resident, 1);
        act.item = 2;
        bytes memory reason = abi.encodeWithSelector(
            ILuyaRewards.LuyaRewardsNotOpen.selector,
            2,
            terms.opens,
            terms.closes
        );
        act.deadline = terms.closes;
        act = signed(act);
        vm.warp(terms.opens - 1);
        _refused(act, reason);
        vm.warp(terms.closes);
        _refused(act, reason);
        vm.warp(terms.closes - 1);
        rewards.order(act);
    }

    function test_OfNothing() public {
        ILuyaRewards.OrderAct memory act = signed(orderOf(_resident, 0));
        _refused(act, abi.encodeWithSelector(ILuyaRewards.LuyaRewardsNoQuantity.selector));
    }

    function test_DearerThanAgreedTo() public {
        ILuyaRewards.OrderAct memory act = orderOf(_resident, 2);
        act.maxPrice = 2 * PRICE - 1;
        act = signed(act);
        _refused(act, abi.encodeWithSelector(ILuyaRewards.LuyaRewardsTooDear.selector, MUG, 2 * PRICE, 2 * PRICE - 1));
    }

    /// @dev Price times quantity has more than 64 bits: no order costs a small rest of it.
    function test_ACostBeyond64BitsIsNoSmallOne() public {
        ILuyaRewards.ItemTerms memory terms = mug();
        terms.item = 2;
        terms.price = 1 << 63;
        rewards.setItem(terms);
        ILuyaRewards.OrderAct memory act = orderOf(_resident, 2);
        act.item = 2;
        act.maxPrice = type(uint64).max;
        _refused(
            signed(act),
            abi.encodeWithSelector(ILuyaRewards.LuyaRewardsTooDear.selector, 2, 1 << 64, type(uint64).max)
        );
    }

    function test_MoreThanTheStock() public {
        _limit(2, 2, 0, 0);
        ILuyaRewards.OrderAct memory act = orderOf(_resident, 3);
        act.item = 2;
        _refused(signed(act), abi.encodeWithSelector(ILuyaRewards.LuyaRewardsOutOfStock.selector, 2, 2));
        _buyOf(2, 2);
        act = orderOf(_resident, 1);
        act.item = 2;
        _refused(signed(act), abi.encodeWithSelector(ILuyaRewards.LuyaRewardsOutOfStock.selector, 2, 0));
    }

    /// @dev A stock lowered below what was sold sells nothing more, and breaks nothing.
    function test_AStockBelowWhatWasSold() public {
        _limit(2, 4, 0, 0);
        _buyOf(2, 3);
        _limit(2, 1, 0, 0);
        ILuyaRewards.OrderAct memory act = orderOf(_resident, 1);
        act.item = 2;
        _refused(signed(act), abi.encodeWithSelector(ILuyaRewards.LuyaRewardsOutOfStock.selector, 2, 0));
    }

    function test_MoreThanAPersonMayHave() public {
        _limit(2, 100, 3, 0);
        _buyOf(2, 2);
        assertEq(rewards.boughtBy(2, _resident), 2, "two of three");
        ILuyaRewards.OrderAct memory act = orderOf(_resident, 2);
        act.item = 2;
        bytes4 selector = ILuyaRewards.LuyaRewardsOverPersonLimit.selector;
        _refused(signed(act), abi.encodeWithSelector(selector, 2, _resident, 1));
        // Another person has a limit of their own.
        act = orderOf(resident(1), 2);
        act.item = 2;
        rewards.order(signed(act));
    }

    function test_MoreThanADayHas() public {
        _limit(2, 100, 0, 3);
        _buyOf(2, 2);
        ILuyaRewards.OrderAct memory act = orderOf(_resident, 2);
        act.item = 2;
        _refused(signed(act), abi.encodeWithSelector(ILuyaRewards.LuyaRewardsOverDayLimit.selector, 2, 1));
        // The next day at UTC+8 begins twelve hours after noon.
        vm.warp(NOON + 12 hours);
        _buyOf(2, 2);
        (, , uint32 all, uint32 today) = rewards.itemOf(2);
        assertEq(all, 4, "on both days");
        assertEq(today, 2, "today");
    }

    function test_MoreThanTheAccountHas() public {
        ILuyaRewards.OrderAct memory act = signed(orderOf(_resident, 7));
        uint256 missing = 7 * PRICE - OLD_POINTS - NEW_POINTS;
        _refused(act, abi.encodeWithSelector(HeldParts.HeldPartsTooFew.selector, _resident, missing));
        buy(_resident, 6);
        act = signed(orderOf(_resident, 1));
        _refused(act, abi.encodeWithSelector(HeldParts.HeldPartsTooFew.selector, _resident, PRICE));
    }

    function test_SignedByAStranger() public {
        ILuyaRewards.OrderAct memory act = signed(orderOf(_resident, 1), _STRANGER_KEY);
        _refused(
            act,
            abi.encodeWithSelector(
                ILuyaControllers.LuyaControllersNotAllowed.selector,
                _resident,
                vm.addr(_STRANGER_KEY)
            )
        );
    }

    function test_WithASignatureThatIsNone() public {
        ILuyaRewards.OrderAct memory act = signed(orderOf(_resident, 1));
        act.signature = slice(act.signature, 0, 64);
        _refused(act, abi.encodeWithSelector(ILuyaRewards.LuyaRewardsNotAllowed.selector, address(0)));
        act.signature = new bytes(65);
        _refused(act, abi.encodeWithSelector(ILuyaRewards.LuyaRewardsNotAllowed.selector, address(0)));
    }

    /// @dev Each signed field: another value is another signer.
    function test_ChangedAfterSigning() public {
        for (uint256 field = 0; field < 7; ++field) {
            ILuyaRewards.OrderAct memory act = signed(orderOf(_resident, 1));
            if (field == 0) act.account = resident(1);
            if (field == 1) {
                _limit(2, 100, 0, 0);
                act.item = 2;
            }
            if (field == 2) {
                act = signed(orderOf(_resident, 2));
                act.quantity = 1;
            }
            if (field == 3) ++act.maxPrice;
            if (field == 4) act.codeHash = keccak256("another");
            if (field == 5) ++act.nonce;
            if (field == 6) ++act.deadline;
            vm.expectPartialRevert(ILuyaControllers.LuyaControllersNotAllowed.selector);
            rewards.order(act);
        }
    }

    function test_TheSameOrderTwice() public {
        ILuyaRewards.OrderAct memory act = signed(orderOf(_resident, 1));
        rewards.order(act);
        _refused(
            act,
            abi.encodeWithSelector(
                ILuyaControllers.LuyaControllersWrongNonce.selector,
                _resident,
                vm.addr(CUSTODIAN_KEY),
                1,
                0
            )
        );
        assertEq(sold(MUG), 1, "once");
        assertEq(pointsOf(_resident, 2025), OLD_POINTS - PRICE, "paid once");
    }

    function test_OfAFrozenAccount() public {
        ledger.setAccountState(_resident, 2);
        ILuyaRewards.OrderAct memory act = signed(orderOf(_resident, 1));
        _refused(act, abi.encodeWithSelector(ILuyaControllers.LuyaControllersAccountNotActive.selector, _resident, 2));
    }

    // -------------------------------------------------------------------------------------------------- terms that change

    function test_AnOrderKeepsItsTerms() public {
        uint64 id = buy(_resident, 4);
        bytes memory before = orders[id];
        ILuyaRewards.ItemTerms memory terms = mug();
        terms.price = 1;
        terms.settlement = 1;
        terms.refundWithin = 30 days;
        rewards.setItem(terms);
        refund(id, ILuyaRewards.Cause.MERCHANT);
        assertEq(pointsOf(_resident, 2025), OLD_POINTS, "what was paid, not what it costs now");
        assertEq(orders[id], before, "the entry");
    }

    // ------------------------------------------------------------------------------------------------------ fulfilment

    function test_AFulfilmentsEntryIsByTheProtocol() public {
        uint64 id = buy(_resident, 1);
        bytes memory signature = fulfilmentOf(id, CODE, CASHIER_KEY);
        vm.recordLogs();
        rewards.fulfil(id, orders[id], CODE, signature);
        bytes memory wanted = abi.encodePacked(
            uint8(0x12),
            uint64(block.timestamp),
            id,
            CODE,
            vm.addr(CASHIER_KEY),
            signature
        );
        assertEq(firstEntry(), wanted, "bytes");
        assertEq(uint256(rewards.orderState(id)), uint256(ILuyaRewards.OrderState.FULFILLED), "fulfilled");
        assertEq(sold(MUG), 1, "still sold");
    }

    function test_OnlyOnce() public {
        uint64 id = buy(_resident, 1);
        fulfil(id);
        bytes memory signature = fulfilmentOf(id, CODE, CASHIER_KEY);
        vm.expectRevert(
            abi.encodeWithSelector(ILuyaRewards.LuyaRewardsWrongState.selector, id, ILuyaRewards.OrderState.FULFILLED)
        );
        rewards.fulfil(id, orders[id], CODE, signature);
    }

    function test_NotWithAnotherCode() public {
        uint64 id = buy(_resident, 1);
        bytes32 code = keccak256("another");
        bytes memory signature = fulfilmentOf(id, code, CASHIER_KEY);
        vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsWrongCode.selector, id));
        rewards.fulfil(id, orders[id], code, signature);
    }

    function test_NotAfterItsTime() public {
        uint64 id = buy(_resident, 1);
        bytes memory signature = fulfilmentOf(id, CODE, CASHIER_KEY);
        vm.warp(NOON + 7 days + 1);
        vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsTooLate.selector, id, uint64(NOON + 7 days)));
        rewards.fulfil(id, orders[id], CODE, signature);
        vm.warp(NOON + 7 days);
        rewards.fulfil(id, orders[id], CODE, signature);
    }

    /// @dev A stranger, a merchant of another organisation, an acceptor of this one, a merchant who was disabled.
    function test_NotByAnybodyElse() public {
        uint64 id = buy(_resident, 1);
        agents.setAgent(vm.addr(11), 1, 1, 1);
        agents.setAgent(vm.addr(12), MERCHANT, 2, 1);
        agents.setAgent(vm.addr(13), MERCHANT, 1, 1);
        agents.disableAgent(vm.addr(13));
        for (uint256 key = 10; key <= 13; ++key) {
            bytes memory signature = fulfilmentOf(id, CODE, key);
            vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsNotAllowed.selector, vm.addr(key)));
            rewards.fulfil(id, orders[id], CODE, signature);
        }
    }

    function test_NotOfAnotherEntry() public {
        uint64 id = buy(_resident, 1);
        uint64 other = buy(_resident, 1);
        bytes memory signature = fulfilmentOf(id, CODE, CASHIER_KEY);
        bytes memory reason = abi.encodeWithSelector(ILuyaRewards.LuyaRewardsNotTheOrder.selector, id);
        vm.expectRevert(reason);
        rewards.fulfil(id, orders[other], CODE, signature);
        vm.expectRevert(reason);
        rewards.fulfil(id, "", CODE, signature);
        // An index that is no order's: the item's entry.
        vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsNotTheOrder.selector, 1));
        rewards.fulfil(1, orders[id], CODE, signature);
    }

    // ---------------------------------------------------------------------------------------------------------- refunds

    function test_ARefundRestoresTheSameVintages() public {
        uint64 id = buy(_resident, 5);
        vm.recordLogs();
        bytes memory signature = refundOf(id, ILuyaRewards.Cause.RESIDENT, CUSTODIAN_KEY);
        rewards.refund(id, orders[id], ILuyaRewards.Cause.RESIDENT, signature);
        bytes memory parts = abi.encodePacked(uint8(2), uint16(2025), OLD_POINTS, uint16(2026), uint64(1_200));
        bytes memory front = abi.encodePacked(uint8(0x13), uint64(block.timestamp), id, _resident, uint8(1));
        bytes memory tail = abi.encodePacked(vm.addr(CUSTODIAN_KEY), signature);
        assertEq(firstEntry(), bytes.concat(front, parts, tail), "bytes");
        assertEq(pointsOf(_resident, 2025), OLD_POINTS, "2025");
        assertEq(pointsOf(_resident, 2026), NEW_POINTS, "2026");
        assertEq(uint256(rewards.orderState(id)), uint256(ILuyaRewards.OrderState.REFUNDED), "refunded");
        assertEq(sold(MUG), 0, "the units are free again");
    }

    function test_ARefundGivesTheLimitsBack() public {
        _limit(2, 2, 2, 2);
        uint64 id = _buyOf(2, 2);
        refund(id, ILuyaRewards.Cause.RESIDENT);
        assertEq(rewards.boughtBy(2, _resident), 0, "the person's");
        _buyOf(2, 2);
    }

    /// @dev What was ordered yesterday takes nothing off today's count.
    function test_ARefundOfYesterdaysOrderLeavesTodaysCount() public {
        _limit(2, 100, 0, 3);
        uint64 id = _buyOf(2, 1);
        vm.warp(NOON + 1 days);
        _buyOf(2, 2);
        refund(id, ILuyaRewards.Cause.RESIDENT);
        (, , uint32 all, uint32 today) = rewards.itemOf(2);
        assertEq(all, 2, "sold");
        assertEq(today, 2, "today");
    }

    /// @dev A limit that begins later counts only what was ordered under it, and gives back only that.
    function test_ARefundOfAnOrderThatDidNotCount() public {
        _limit(2, 100, 0, 0);
        uint64 id = _buyOf(2, 1);
        _limit(2, 100, 2, 0);
        _buyOf(2, 2);
        refund(id, ILuyaRewards.Cause.RESIDENT);
        assertEq(rewards.boughtBy(2, _resident), 2, "what counts");
    }

    /// @dev Points that were spent before they were revoked: the refund pays the debt first, with the oldest.
    function test_ARefundMeetsADebt() public {
        uint64 size = uint64(entries.length);
        uint64 id = buy(_resident, 6);
        for (uint256 i = 0; i < reductions.length; ++i) {
            Reduction memory reduction = reductions[i];
            if (reduction.account != _resident || reduction.day != TODAY) continue;
            bytes32[] memory proof = pathOf(reduction.index, size);
            ledger.revoke(reduction.index, size, entries[reduction.index], proof, 5, keccak256("reason"), false);
        }
        assertEq(_debt(), NEW_POINTS, "all was spent");
        refund(id, ILuyaRewards.Cause.RESIDENT);
        assertEq(pointsOf(_resident, 2025), OLD_POINTS - NEW_POINTS, "less what was owed");
        assertEq(pointsOf(_resident, 2026), NEW_POINTS, "nothing is owed any more");
        assertEq(_debt(), 0, "no debt");
    }

    function _debt() private view returns (uint256) {
        address[] memory one = new address[](1);
        one[0] = _resident;
        return views.accounts(one)[0].millipointsDebt;
    }

    function test_NotByTheResidentAfterTheWindow() public {
        uint64 id = buy(_resident, 1);
        bytes memory signature = refundOf(id, ILuyaRewards.Cause.RESIDENT, CUSTODIAN_KEY);
        vm.warp(NOON + 3 days);
        vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsTooLate.selector, id, uint64(NOON + 3 days)));
        rewards.refund(id, orders[id], ILuyaRewards.Cause.RESIDENT, signature);
        vm.warp(NOON + 3 days - 1);
        rewards.refund(id, orders[id], ILuyaRewards.Cause.RESIDENT, signature);
    }

    function test_NotByTheResidentOnceItIsFulfilled() public {
        uint64 id = buy(_resident, 1);
        fulfil(id);
        bytes memory signature = refundOf(id, ILuyaRewards.Cause.RESIDENT, CUSTODIAN_KEY);
        _wrongState(id, ILuyaRewards.OrderState.FULFILLED);
        rewards.refund(id, orders[id], ILuyaRewards.Cause.RESIDENT, signature);
    }

    function test_ByTheMerchantWhatWasBroughtBackInTime() public {
        uint64 id = buy(_resident, 1);
        fulfil(id);
        bytes memory signature = refundOf(id, ILuyaRewards.Cause.MERCHANT, CASHIER_KEY);
        vm.warp(NOON + 3 days);
        vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsTooLate.selector, id, uint64(NOON + 3 days)));
        rewards.refund(id, orders[id], ILuyaRewards.Cause.MERCHANT, signature);
        vm.warp(NOON + 3 days - 1);
        rewards.refund(id, orders[id], ILuyaRewards.Cause.MERCHANT, signature);
        assertEq(pointsOf(_resident, 2025), OLD_POINTS, "given back");
    }

    function test_ByTheMerchantAnOpenOrderAtAnyTime() public {
        uint64 id = buy(_resident, 1);
        vm.warp(NOON + 300 days);
        refund(id, ILuyaRewards.Cause.MERCHANT);
        assertEq(pointsOf(_resident, 2025), OLD_POINTS, "given back");
    }

    function test_ByAnyoneWhatWasNotFulfilledInTime() public {
        uint64 id = buy(_resident, 1);
        vm.warp(NOON + 7 days);
        vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsTooEarly.selector, id, uint64(NOON + 7 days)));
        rewards.refund(id, orders[id], ILuyaRewards.Cause.UNFULFILLED, "");
        vm.warp(NOON + 7 days + 1);
        vm.recordLogs();
        vm.prank(address(0xBEEF));
        rewards.refund(id, orders[id], ILuyaRewards.Cause.UNFULFILLED, "");
        assertEq(pointsOf(_resident, 2025), OLD_POINTS, "given back");
        bytes memory entry = firstEntry();
        assertEq(slice(entry, entry.length - 85, 85), new bytes(85), "nobody signed");
    }

    function test_NotByAnyoneWhatWasFulfilled() public {
        uint64 id = buy(_resident, 1);
        fulfil(id);
        vm.warp(NOON + 8 days);
        _wrongState(id, ILuyaRewards.OrderState.FULFILLED);
        rewards.refund(id, orders[id], ILuyaRewards.Cause.UNFULFILLED, "");
    }

    function test_NeverTwice() public {
        uint64 id = buy(_resident, 1);
        refund(id, ILuyaRewards.Cause.MERCHANT);
        vm.warp(NOON + 8 days);
        for (uint8 cause = 1; cause <= 3; ++cause) {
            uint256 key = cause == 1 ? CUSTODIAN_KEY : CASHIER_KEY;
            bytes memory signature = refundOf(id, ILuyaRewards.Cause(cause), key);
            _wrongState(id, ILuyaRewards.OrderState.REFUNDED);
            rewards.refund(id, orders[id], ILuyaRewards.Cause(cause), signature);
        }
        vm.warp(NOON);
        bytes memory fulfilment = fulfilmentOf(id, CODE, CASHIER_KEY);
        _wrongState(id, ILuyaRewards.OrderState.REFUNDED);
        rewards.fulfil(id, orders[id], CODE, fulfilment);
    }

    function test_NotWithoutACause() public {
        uint64 id = buy(_resident, 1);
        vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsNoCause.selector));
        rewards.refund(id, orders[id], ILuyaRewards.Cause.NONE, "");
    }

    /// @dev Who may sign for one cause may not for the other.
    function test_ARefundIsSignedByWhoMay() public {
        uint64 id = buy(_resident, 1);
        uint256[4] memory keys = [CASHIER_KEY, _STRANGER_KEY, CUSTODIAN_KEY, _STRANGER_KEY];
        for (uint256 i = 0; i < 4; ++i) {
            ILuyaRewards.Cause cause = ILuyaRewards.Cause(1 + i / 2);
            bytes memory signature = refundOf(id, cause, keys[i]);
            vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsNotAllowed.selector, vm.addr(keys[i])));
            rewards.refund(id, orders[id], cause, signature);
        }
    }

    // ------------------------------------------------------------------------------------------------- the ledger alone

    /// @dev From outside it would leave the log without a root.
    function test_NobodyCallsTheBatchesOwnWay() public {
        ILuyaRewards.OrderAct memory act = signed(orderOf(_resident, 1));
        vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsNotAllowed.selector, address(this)));
        rewards.orderInBatch(act);
    }

    function test_OnlyTheLedgerApplies() public {
        vm.expectRevert(abi.encodeWithSelector(ILuyaModule.LuyaModuleNotLedger.selector, address(this)));
        rewards.applyEntry(0, "");
    }

    function test_EntriesOfAnotherTypeOrLength() public {
        uint64 id = buy(_resident, 1);
        bytes memory longer = bytes.concat(orders[id], hex"00");
        vm.prank(address(ledger));
        vm.expectRevert(abi.encodeWithSelector(ILuyaModule.LuyaModuleBadLength.selector, longer.length));
        rewards.applyEntry(9, longer);
        for (uint8 entryType = 0x10; entryType <= 0x14; ++entryType) {
            if (entryType == 0x11) continue;
            bytes memory entry = bytes.concat(bytes1(entryType), new bytes(300));
            bytes4 selector =
                entryType == 0x14 ? ILuyaModule.LuyaModuleWrongType.selector : ILuyaModule.LuyaModuleBadLength.selector;
            vm.prank(address(ledger));
            vm.expectRevert(abi.encodeWithSelector(selector, entryType == 0x14 ? entryType : 301));
            rewards.applyEntry(9, entry);
        }
    }

    // --------------------------------------------------------------------------------------------------------- private

    function _wrongState(uint64 id, ILuyaRewards.OrderState state) private {
        vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsWrongState.selector, id, state));
    }

    /// @dev The mug once more, under another id and with these limits.
    function _limit(uint32 item, uint32 stock, uint16 perPerson, uint32 perDay) private {
        ILuyaRewards.ItemTerms memory terms = mug();
        terms.item = item;
        terms.opens = uint64(NOON);
        terms.stock = stock;
        terms.perPerson = perPerson;
        terms.perDay = perDay;
        rewards.setItem(terms);
    }

    function _buyOf(uint32 item, uint16 quantity) private returns (uint64 id) {
        ILuyaRewards.OrderAct memory act = orderOf(_resident, quantity);
        act.item = item;
        id = ledger.logSize();
        vm.recordLogs();
        rewards.order(signed(act));
        orders[id] = firstEntry();
        ++nonces[_resident];
    }
}
