// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaViews} from "../interfaces/ILuyaViews.sol";
import {World} from "./support/World.sol";

/// @title Bulk reads agree with the ledger's own
contract LuyaViewsTest is World {
    function setUp() public {
        deployWorld();
        sealEmpty();
        enactLaw();
        registerMany(0, 3);
        submit(TRIAL, recordOf(person(1), CYCLING, 20_453, 10, 2, 1_000), "");
        submit(FEED, recordOf(person(1), CYCLING, TODAY, 10, 2, 500), "");
    }

    function test_Addresses() public view {
        assertEq(views.ledger(), address(ledger), "ledger");
        assertEq(views.law(), address(law), "law");
        assertEq(law.ledger(), address(ledger), "the law's ledger");
    }

    function test_AccountsAndBalances() public {
        address[] memory people = new address[](3);
        uint16[] memory vintages = new uint16[](3);
        (people[0], people[1], people[2]) = (person(1), person(1), person(2));
        (vintages[0], vintages[1], vintages[2]) = (2025, 2026, 2026);
        ILuyaViews.AccountView memory account = views.accounts(people)[1];
        assertEq(account.vintage, 2026, "newest");
        assertEq(account.credits, 24_000, "credits");
        assertEq(account.millipoints, 2_400, "points");
        ILuyaViews.BalanceView[] memory balances = views.balances(people, vintages);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(balances[i].credits, ledger.balanceOf(people[i], 10_000 + uint256(vintages[i])), "credits");
            assertEq(balances[i].millipoints, ledger.balanceOf(people[i], 20_000 + uint256(vintages[i])), "points");
        }
        assertEq(balances[0].credits, 48_000, "2025");
        vm.expectRevert(abi.encodeWithSelector(ILuyaViews.LuyaViewsLengthsDiffer.selector, 3, 1));
        views.balances(people, new uint16[](1));
    }

    function test_FeedStateAndTotals() public view {
        ILuyaViews.FeedStateView memory state = views.feedState(FEED);
        assertEq(state.nextSequence, ledger.nextSequence(FEED), "sequence");
        assertEq(state.capDay, TODAY, "day");
        assertEq(state.creditsUsed, 24_000, "credits");
        assertEq(state.millipointsUsed, 2_400, "points");
        uint16[] memory vintages = new uint16[](2);
        (vintages[0], vintages[1]) = (2026, 2025);
        assertEq(views.totals(vintages)[0].creditsMinted, 24_000, "2026");
        assertEq(views.totals(vintages)[1].millipointsMinted, 4_800, "2025");
    }

    function test_Identities() public view {
        bytes32[] memory identities = new bytes32[](2);
        (identities[0], identities[1]) = (identityOf(2), identityOf(3));
        assertEq(views.identities(identities)[0], person(2), "registered");
        assertEq(views.identities(identities)[1], address(0), "unknown");
    }
}
