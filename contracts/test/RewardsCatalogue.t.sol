// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ILuyaRewards} from "../interfaces/ILuyaRewards.sol";
import {Shop} from "./support/Shop.sol";

/// @title The catalogue: what terms may be, when they hold, and what is announced
contract RewardsCatalogueTest is Shop {
    function setUp() public {
        openShop(1);
    }

    function test_AnItemsEntryIsByTheProtocol() public {
        ILuyaRewards.ItemTerms memory terms = mug();
        (terms.item, terms.perPerson, terms.perDay) = (9, 3, 40);
        vm.recordLogs();
        rewards.setItem(terms);
        bytes memory front = abi.encodePacked(
            uint8(0x10),
            uint64(block.timestamp),
            uint32(9),
            MERCHANT,
            uint8(1),
            PRICE,
            uint64(990),
            uint32(100),
            uint16(3),
            uint32(40)
        );
        bytes memory rest = abi.encodePacked(
            terms.opens,
            terms.closes,
            uint32(7 days),
            uint32(3 days),
            uint64(block.timestamp),
            terms.text,
            uint8(1)
        );
        assertEq(firstEntry(), bytes.concat(front, rest), "bytes");
        (ILuyaRewards.ItemTerms memory found, bool active, , ) = rewards.itemOf(9);
        terms.effective = uint64(block.timestamp);
        assertEq(keccak256(abi.encode(found)), keccak256(abi.encode(terms)), "in force at once");
        assertTrue(active, "for sale");
    }

    function test_OnlyTheCatalogueManager() public {
        ILuyaRewards.ItemTerms memory terms = mug();
        bytes memory reason = abi.encodeWithSelector(
            IAccessManaged.AccessManagedUnauthorized.selector,
            address(0xBEEF)
        );
        vm.prank(address(0xBEEF));
        vm.expectRevert(reason);
        rewards.setItem(terms);
        vm.prank(address(0xBEEF));
        vm.expectRevert(reason);
        rewards.withdrawItem(MUG);
    }

    function test_TermsOutOfBounds() public {
        string[10] memory fields = [
            "item",
            "kind",
            "kind",
            "price",
            "opens",
            "closes",
            "effective",
            "fulfilWithin",
            "text",
            ""
        ];
        for (uint256 i = 0; i < fields.length; ++i) {
            ILuyaRewards.ItemTerms memory terms = mug();
            if (i == 0) terms.item = 0;
            if (i == 1) terms.kind = 0;
            if (i == 2) terms.kind = 6;
            if (i == 3) terms.price = 0;
            if (i == 4) terms.opens = terms.closes;
            if (i == 5) terms.closes = 1 << 40;
            if (i == 6) terms.effective = 1 << 40;
            if (i == 7) terms.fulfilWithin = 0;
            if (i == 8) terms.text = 0;
            if (i < 9) {
                vm.expectRevert(
                    abi.encodeWithSelector(ILuyaRewards.LuyaRewardsBadTerms.selector, terms.item, fields[i])
                );
            }
            rewards.setItem(terms);
        }
    }

    function test_OfAnActiveOrganisation() public {
        ILuyaRewards.ItemTerms memory terms = mug();
        (terms.item, terms.organisation) = (2, 77);
        vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsOrganisationNotActive.selector, 77));
        rewards.setItem(terms);
        setOrganisation(77, keccak256("another"), 2);
        vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsOrganisationNotActive.selector, 77));
        rewards.setItem(terms);
    }

    function test_OrganisationAndKindStay() public {
        ILuyaRewards.ItemTerms memory terms = mug();
        bytes memory reason = abi.encodeWithSelector(ILuyaRewards.LuyaRewardsItemFixed.selector, MUG, MERCHANT, 1);
        terms.organisation = 1;
        vm.expectRevert(reason);
        rewards.setItem(terms);
        terms = mug();
        terms.kind = 2;
        vm.expectRevert(reason);
        rewards.setItem(terms);
        // Also of one that was announced alone, or withdrawn.
        rewards.withdrawItem(MUG);
        vm.expectRevert(reason);
        rewards.setItem(terms);
    }

    /// @dev Each change for the worse, a second too early and just in time.
    function test_WhatIsWorseIsAnnouncedADay() public {
        for (uint256 i = 0; i < 6; ++i) {
            ILuyaRewards.ItemTerms memory terms = _worse(i);
            terms.effective = uint64(block.timestamp + 1 days - 1);
            vm.expectRevert(
                abi.encodeWithSelector(
                    ILuyaRewards.LuyaRewardsTooSoon.selector,
                    MUG,
                    terms.effective,
                    uint64(block.timestamp + 1 days)
                )
            );
            rewards.setItem(terms);
            ++terms.effective;
            rewards.setItem(terms);
        }
    }

    function test_WhatIsBetterHoldsAtOnce() public {
        ILuyaRewards.ItemTerms memory terms = mug();
        --terms.price;
        terms.closes += 1;
        terms.opens -= 1;
        terms.fulfilWithin += 1;
        terms.refundWithin += 1;
        terms.settlement = 1;
        terms.stock = 1;
        terms.perPerson = 1;
        terms.perDay = 1;
        rewards.setItem(terms);
        (ILuyaRewards.ItemTerms memory found, , , ) = rewards.itemOf(MUG);
        terms.effective = uint64(block.timestamp);
        assertEq(keccak256(abi.encode(found)), keccak256(abi.encode(terms)), "all of it");
    }

    function test_AnAnnouncedPriceHoldsFromItsTimeOn() public {
        ILuyaRewards.ItemTerms memory terms = mug();
        terms.price = 2 * PRICE;
        terms.effective = uint64(NOON + 1 days);
        rewards.setItem(terms);
        (ILuyaRewards.ItemTerms memory found, bool active, , ) = rewards.itemOf(MUG);
        assertEq(found.price, PRICE, "not yet");
        assertTrue(active, "still for sale");
        assertEq(rewards.announcedOf(MUG).price, 2 * PRICE, "announced");
        buy(resident(0), 1);
        vm.warp(NOON + 1 days - 1);
        buy(resident(0), 1);
        assertEq(pointsOf(resident(0), 2025), OLD_POINTS - 2 * PRICE, "at the old price until then");
        vm.warp(NOON + 1 days);
        assertEq(rewards.announcedOf(MUG).price, 0, "nothing is announced any more");
        ILuyaRewards.OrderAct memory act = orderOf(resident(0), 1);
        ILuyaRewards.OrderAct memory cheap = signed(act);
        vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsTooDear.selector, MUG, 2 * PRICE, PRICE));
        rewards.order(cheap);
        act.maxPrice = 2 * PRICE;
        rewards.order(signed(act));
        assertEq(pointsOf(resident(0), 2025), OLD_POINTS - 4 * PRICE, "at the new one");
    }

    /// @dev What was announced is replaced, never added up: two changes in a row are each compared with what holds.
    function test_ALaterChangeReplacesTheAnnouncedOne() public {
        ILuyaRewards.ItemTerms memory terms = mug();
        terms.price = 2 * PRICE;
        terms.effective = uint64(NOON + 1 days);
        rewards.setItem(terms);
        terms.price = PRICE + 1;
        terms.effective = uint64(NOON + 1 hours);
        vm.expectPartialRevert(ILuyaRewards.LuyaRewardsTooSoon.selector);
        rewards.setItem(terms);
        terms.price = PRICE - 1;
        rewards.setItem(terms);
        vm.warp(NOON + 2 days);
        (ILuyaRewards.ItemTerms memory found, , , ) = rewards.itemOf(MUG);
        assertEq(found.price, PRICE - 1, "the last said");
        // And again once that holds: now it is what the next is compared with.
        terms.price = PRICE;
        terms.effective = 0;
        vm.expectPartialRevert(ILuyaRewards.LuyaRewardsTooSoon.selector);
        rewards.setItem(terms);
    }

    function test_AWithdrawalHoldsAtOnceAndTakesBackWhatWasAnnounced() public {
        ILuyaRewards.ItemTerms memory terms = mug();
        terms.price = 2 * PRICE;
        terms.effective = uint64(NOON + 1 days);
        rewards.setItem(terms);
        vm.recordLogs();
        rewards.withdrawItem(MUG);
        bytes memory entry = firstEntry();
        assertEq(uint8(entry[106]), 2, "withdrawn");
        assertEq(uint64(bytes8(slice(entry, 16, 8))), PRICE, "with the terms that held");
        (, bool active, , ) = rewards.itemOf(MUG);
        assertTrue(!active, "not for sale");
        vm.warp(NOON + 2 days);
        (, active, , ) = rewards.itemOf(MUG);
        assertTrue(!active, "nor later");
        vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsNotForSale.selector, MUG));
        rewards.withdrawItem(MUG);
    }

    /// @dev Withdrawing and setting anew is no way round the announcement.
    function test_AWithdrawnItemComesBackUnderTheSameRule() public {
        rewards.withdrawItem(MUG);
        ILuyaRewards.ItemTerms memory terms = mug();
        terms.price = 2 * PRICE;
        vm.expectPartialRevert(ILuyaRewards.LuyaRewardsTooSoon.selector);
        rewards.setItem(terms);
        terms.price = PRICE;
        rewards.setItem(terms);
        buy(resident(0), 1);
    }

    function test_AnItemThatHasNotBegunIsWithdrawnToo() public {
        ILuyaRewards.ItemTerms memory terms = mug();
        terms.item = 2;
        terms.effective = uint64(NOON + 1 days);
        rewards.setItem(terms);
        (ILuyaRewards.ItemTerms memory found, bool active, , ) = rewards.itemOf(2);
        assertEq(found.price, 0, "nothing holds yet");
        // Nobody has relied on it: it may change at will until it begins.
        terms.price = 5 * PRICE;
        rewards.setItem(terms);
        rewards.withdrawItem(2);
        vm.warp(NOON + 2 days);
        (, active, , ) = rewards.itemOf(2);
        assertTrue(!active, "never sold");
    }

    /// @dev A partner that leaves sells nothing more, whoever says so.
    function test_AnyoneWithdrawsWhatADisabledMerchantSells() public {
        vm.prank(address(0xBEEF));
        vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsOrganisationActive.selector, MERCHANT));
        rewards.withdrawAbandoned(MUG);
        setOrganisation(MERCHANT, keccak256("merchant"), 2);
        vm.prank(address(0xBEEF));
        rewards.withdrawAbandoned(MUG);
        (, bool active, , ) = rewards.itemOf(MUG);
        assertTrue(!active, "not for sale");
        vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsNotForSale.selector, MUG));
        rewards.withdrawAbandoned(MUG);
        vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsNotForSale.selector, 99));
        rewards.withdrawAbandoned(99);
    }

    function test_AnUnknownItemIsNotWithdrawn() public {
        vm.expectRevert(abi.encodeWithSelector(ILuyaRewards.LuyaRewardsNotForSale.selector, 99));
        rewards.withdrawItem(99);
    }

    function _worse(uint256 way) private view returns (ILuyaRewards.ItemTerms memory terms) {
        terms = mug();
        if (way == 0) ++terms.price;
        if (way == 1) ++terms.opens;
        if (way == 2) --terms.closes;
        if (way == 3) --terms.fulfilWithin;
        if (way == 4) --terms.refundWithin;
        if (way == 5) terms.text = keccak256("a smaller mug");
    }
}
