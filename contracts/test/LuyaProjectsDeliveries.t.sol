// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaProjects} from "../interfaces/ILuyaProjects.sol";
import {Buckets} from "../libraries/Buckets.sol";
import {LedgerSlots} from "../libraries/LedgerSlots.sol";
import {AccountWord} from "../libraries/Words.sol";
import {Grove} from "./support/Grove.sol";

/// @title Deliveries, who decides on them, what survives, and what an abandoned project gives back
contract LuyaProjectsDeliveriesTest is Grove {
    /// @dev Units 0–5 are person 0's (4,800 of 2025, 1,200 of 2026), 6–9 person 1's (4,000 of 2025).
    uint64 private _one;
    uint64 private _two;

    function setUp() public {
        openGrove(3);
        _one = pledgeBy(person(0), 6);
        _two = pledgeBy(person(1), 4);
    }

    // ----------------------------------------------------------------------------------------------------- deliveries

    function test_Delivery() public {
        ILuyaProjects.DeliveryAct memory act = deliveryOf(2, 3);
        bytes memory signature = signatureFor(act, PLANTER_KEY);
        uint64 index = ledger.logSize();
        vm.recordLogs();
        projects.deliver(act, signature);
        bytes memory entry = abi.encodePacked(uint8(0x1A), uint64(block.timestamp), TREES, uint32(2), uint32(3));
        entry = abi.encodePacked(entry, act.day, act.latitude, act.longitude, act.evidence, act.nullifier);
        assertEq(firstEntry(), abi.encodePacked(entry, vm.addr(PLANTER_KEY), signature), "entry");
        (
            uint32 project,
            uint32 first,
            uint32 units,
            uint16 day,
            ILuyaProjects.Outcome outcome_,
            uint8 reports
        ) = projects.deliveryAt(index);
        assertEq(project, TREES, "project");
        assertEq(first, 2, "first");
        assertEq(units, 3, "units");
        assertEq(day, act.day, "day");
        assertTrue(outcome_ == ILuyaProjects.Outcome.PENDING, "pending");
        assertEq(reports, 0, "no reports");
        for (uint32 unit = 0; unit < 7; ++unit) {
            assertTrue(projects.isTaken(TREES, unit) == (unit >= 2 && unit < 5), "taken");
        }
        assertTrue(projects.isUsed(act.nullifier), "used");
        assertEq(projects.pledgedIn(TREES), 10 * PRICE, "nothing moves yet");
    }

    function test_DeliveryRefusesUnits() public {
        _refuses(deliveryOf(0, 0), abi.encodeWithSelector(ILuyaProjects.LuyaProjectsBadUnits.selector, 0));
        _refuses(deliveryOf(0, 1_001), abi.encodeWithSelector(ILuyaProjects.LuyaProjectsBadUnits.selector, 1_001));
        bytes4 notPledged = ILuyaProjects.LuyaProjectsNotPledged.selector;
        _refuses(deliveryOf(9, 2), abi.encodeWithSelector(notPledged, TREES, 9, 2, 10));
        uint32 last = type(uint32).max;
        _refuses(deliveryOf(last, 1), abi.encodeWithSelector(notPledged, TREES, last, 1, 10));
        deliver(3, 3);
        bytes4 taken = ILuyaProjects.LuyaProjectsUnitsTaken.selector;
        _refuses(deliveryOf(3, 3), abi.encodeWithSelector(taken, TREES, 3, 3));
        _refuses(deliveryOf(5, 5), abi.encodeWithSelector(taken, TREES, 5, 5));
        _refuses(deliveryOf(0, 4), abi.encodeWithSelector(taken, TREES, 0, 4));
        deliver(0, 3);
        deliver(6, 4);
    }

    function test_DeliveryRefusesWhatShowsNothing() public {
        ILuyaProjects.DeliveryAct memory act = deliveryOf(0, 1);
        act.day = today() + 1;
        _refuses(act, abi.encodeWithSelector(ILuyaProjects.LuyaProjectsBadDay.selector, act.day, TODAY, today()));
        act.day = TODAY - 1;
        _refuses(act, abi.encodeWithSelector(ILuyaProjects.LuyaProjectsBadDay.selector, act.day, TODAY, today()));
        act = deliveryOf(0, 1);
        act.latitude = 180_000_001;
        _refuses(act, abi.encodeWithSelector(ILuyaProjects.LuyaProjectsBadPlace.selector, act.latitude, act.longitude));
        act = deliveryOf(0, 1);
        act.longitude = 360_000_001;
        _refuses(act, abi.encodeWithSelector(ILuyaProjects.LuyaProjectsBadPlace.selector, act.latitude, act.longitude));
        act = deliveryOf(0, 1);
        act.evidence = 0;
        _refuses(act, abi.encodeWithSelector(ILuyaProjects.LuyaProjectsNoEvidence.selector));
        act = deliveryOf(0, 1);
        act.nullifier = 0;
        _refuses(act, abi.encodeWithSelector(ILuyaProjects.LuyaProjectsNoEvidence.selector));
    }

    function test_DeliveryRefusesTheProject() public {
        ILuyaProjects.DeliveryAct memory act = deliveryOf(0, 1);
        act.project = 9;
        _refuses(act, abi.encodeWithSelector(ILuyaProjects.LuyaProjectsNoDeliveries.selector, 9, 0));
        setState(ILuyaProjects.State.CLOSED);
        deliver(0, 1);
        setState(ILuyaProjects.State.ABANDONED);
        _refuses(deliveryOf(1, 1), abi.encodeWithSelector(ILuyaProjects.LuyaProjectsNoDeliveries.selector, TREES, 3));
    }

    function test_DeliveryIsSignedByTheProjectsMerchant() public {
        uint256 stranger = uint256(keccak256("stranger"));
        _refusesSigner(stranger, 0, 0);
        agents.setAgent(vm.addr(stranger), INSPECTORS, 1, 1);
        _refusesSigner(stranger, INSPECTORS, 1);
        uint256 auditor = uint256(keccak256("auditor"));
        agents.setAgent(vm.addr(auditor), PLANTER, 3, 1);
        _refusesSigner(auditor, PLANTER, 3);
        agents.disableAgent(vm.addr(PLANTER_KEY));
        _refusesSigner(PLANTER_KEY, PLANTER, 1);
        agents.setAgent(vm.addr(PLANTER_KEY), PLANTER, 1, 1);
        setOrganisation(PLANTER, keccak256("planter"), 2);
        _refusesSigner(PLANTER_KEY, PLANTER, 1);
        ILuyaProjects.DeliveryAct memory act = deliveryOf(0, 1);
        vm.expectRevert(ILuyaProjects.LuyaProjectsBadSignature.selector);
        projects.deliver(act, new bytes(65));
        vm.expectRevert(ILuyaProjects.LuyaProjectsBadSignature.selector);
        projects.deliver(act, "");
    }

    function _refusesSigner(uint256 key, uint16 organisation, uint8 role) private {
        ILuyaProjects.DeliveryAct memory act = deliveryOf(0, 1);
        bytes memory signature = signatureFor(act, key);
        vm.expectRevert(_notAgent(key, organisation, role));
        projects.deliver(act, signature);
    }

    function _notAgent(uint256 key, uint16 organisation, uint8 role) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILuyaProjects.LuyaProjectsNotAgent.selector, vm.addr(key), organisation, role);
    }

    function _refuses(ILuyaProjects.DeliveryAct memory act, bytes memory reason) private {
        bytes memory signature = signatureFor(act, PLANTER_KEY);
        vm.expectRevert(reason);
        projects.deliver(act, signature);
    }

    // ------------------------------------------------------------------------------------------------------ decisions

    /// @dev Units 4–7: 800 of 2025 and 1,200 of 2026 by person 0, 2,000 of 2025 by person 1.
    function test_AcceptanceRedeemsTheUnitsOwnPoints() public {
        uint64 delivery = deliver(4, 4);
        bytes memory signature = decisionOf(delivery, 1, INSPECTOR_KEY);
        vm.recordLogs();
        projects.accept(delivery, 1, keccak256("seen"), signature);
        bytes memory entry = abi.encodePacked(uint8(0x1B), uint64(block.timestamp), delivery, TREES, uint8(1));
        entry = abi.encodePacked(entry, keccak256("seen"), uint8(2), uint16(2025), uint64(2_800));
        entry = abi.encodePacked(entry, uint16(2026), uint64(1_200), vm.addr(INSPECTOR_KEY), signature);
        assertEq(firstEntry(), entry, "entry");
        assertTrue(outcomeOf(delivery) == ILuyaProjects.Outcome.ACCEPTED, "accepted");
        assertEq(inBucket(Buckets.REDEEMED, 2025), 2_800, "2025 redeemed");
        assertEq(inBucket(Buckets.REDEEMED, 2026), 1_200, "2026 redeemed");
        assertEq(inBucket(Buckets.PLEDGED, 2025), 8_800 - 2_800, "2025 left");
        assertEq(inBucket(Buckets.PLEDGED, 2026), 0, "2026 left");
        assertEq(projects.pledgedIn(TREES), 6 * PRICE, "in the project");
    }

    function test_ARefusedDeliveryFreesItsUnits() public {
        uint64 delivery = deliver(4, 4);
        vm.recordLogs();
        decide(delivery, 0);
        bytes memory entry = abi.encodePacked(uint8(0x1B), uint64(block.timestamp), delivery, TREES, uint8(0));
        entry = abi.encodePacked(entry, keccak256("seen"), uint8(0), vm.addr(INSPECTOR_KEY));
        assertEq(firstEntry(), bytes.concat(entry, decisionOf(delivery, 0, INSPECTOR_KEY)), "entry");
        assertTrue(outcomeOf(delivery) == ILuyaProjects.Outcome.REFUSED, "refused");
        assertEq(projects.pledgedIn(TREES), 10 * PRICE, "nothing moves");
        decide(deliver(0, 10), 1);
        assertEq(projects.pledgedIn(TREES), 0, "all delivered");
    }

    function test_AcceptanceIsIndependent() public {
        uint64 delivery = deliver(0, 1);
        uint256 own = uint256(keccak256("own acceptor"));
        agents.setAgent(vm.addr(own), PLANTER, 2, 1);
        _refusesDecision(delivery, own, PLANTER, 2);
        _refusesDecision(delivery, PLANTER_KEY, PLANTER, 1);
        uint256 merchant = uint256(keccak256("another merchant"));
        agents.setAgent(vm.addr(merchant), INSPECTORS, 1, 1);
        _refusesDecision(delivery, merchant, INSPECTORS, 1);
        agents.disableAgent(vm.addr(INSPECTOR_KEY));
        _refusesDecision(delivery, INSPECTOR_KEY, INSPECTORS, 2);
        _refusesDecision(delivery, uint256(keccak256("stranger")), 0, 0);
    }

    function _refusesDecision(uint64 delivery, uint256 key, uint16 organisation, uint8 role) private {
        bytes memory signature = decisionOf(delivery, 1, key);
        vm.expectRevert(_notAgent(key, organisation, role));
        projects.accept(delivery, 1, keccak256("seen"), signature);
    }

    function test_DecisionRefuses() public {
        bytes memory signature = new bytes(65);
        vm.expectRevert(abi.encodeWithSelector(ILuyaProjects.LuyaProjectsBadDelivery.selector, _one, 0));
        projects.accept(_one, 1, keccak256("seen"), signature);
        uint64 delivery = deliver(0, 1);
        vm.expectRevert(abi.encodeWithSelector(ILuyaProjects.LuyaProjectsBadDecision.selector, 2));
        projects.accept(delivery, 2, keccak256("seen"), signature);
        vm.expectRevert(ILuyaProjects.LuyaProjectsNoEvidence.selector);
        projects.accept(delivery, 1, 0, signature);
        vm.expectRevert(ILuyaProjects.LuyaProjectsBadSignature.selector);
        projects.accept(delivery, 1, keccak256("seen"), signature);
        decide(delivery, 1);
        vm.expectRevert(abi.encodeWithSelector(ILuyaProjects.LuyaProjectsBadDelivery.selector, delivery, 2));
        projects.accept(delivery, 0, keccak256("seen"), signature);
        uint64 other = deliver(1, 1);
        decide(other, 0);
        vm.expectRevert(abi.encodeWithSelector(ILuyaProjects.LuyaProjectsBadDelivery.selector, other, 3));
        projects.accept(other, 1, keccak256("seen"), signature);
    }

    // ------------------------------------------------------------------------------------------------------- survival

    function test_SurvivalIsDueAfterTwelveAndThirtySixMonths() public {
        uint64 delivery = deliver(0, 5);
        decide(delivery, 1);
        uint16 planted = today();
        vm.warp(block.timestamp + 365 days);
        _refusesDay(delivery, 12, planted + 366);
        vm.warp(block.timestamp + 1 days);
        ILuyaProjects.SurvivalAct memory act = reportOf(delivery, 12, 4);
        bytes memory signature = signatureFor(act, INSPECTOR_KEY);
        vm.recordLogs();
        projects.reportSurvival(act, signature);
        bytes memory entry = abi.encodePacked(uint8(0x1C), uint64(block.timestamp), delivery, TREES, uint8(12));
        entry = abi.encodePacked(entry, uint32(4), act.day, act.evidence, act.nullifier);
        assertEq(firstEntry(), abi.encodePacked(entry, vm.addr(INSPECTOR_KEY), signature), "entry");
        vm.warp(block.timestamp + 729 days);
        _refusesDay(delivery, 36, planted + 1_096);
        vm.warp(block.timestamp + 1 days);
        report(delivery, 36, 5);
        (, , , , , uint8 reports) = projects.deliveryAt(delivery);
        assertEq(reports, 3, "both reports");
    }

    function _refusesDay(uint64 delivery, uint8 months, uint32 earliest) private {
        ILuyaProjects.SurvivalAct memory act = reportOf(delivery, months, 1);
        bytes memory signature = signatureFor(act, INSPECTOR_KEY);
        vm.expectRevert(abi.encodeWithSelector(ILuyaProjects.LuyaProjectsBadDay.selector, act.day, earliest, today()));
        projects.reportSurvival(act, signature);
    }

    function test_SurvivalRefuses() public {
        uint64 delivery = deliver(0, 5);
        vm.warp(block.timestamp + 2_000 days);
        bytes4 bad = ILuyaProjects.LuyaProjectsBadDelivery.selector;
        _refuses(reportOf(delivery, 12, 1), abi.encodeWithSelector(bad, delivery, 1));
        _refuses(reportOf(_one, 12, 1), abi.encodeWithSelector(bad, _one, 0));
        decide(delivery, 1);
        bytes4 notDue = ILuyaProjects.LuyaProjectsReportNotDue.selector;
        _refuses(reportOf(delivery, 24, 1), abi.encodeWithSelector(notDue, delivery, 24));
        bytes4 tooMany = ILuyaProjects.LuyaProjectsTooManySurvive.selector;
        _refuses(reportOf(delivery, 12, 6), abi.encodeWithSelector(tooMany, delivery, 6, 5));
        ILuyaProjects.SurvivalAct memory act = reportOf(delivery, 12, 5);
        act.evidence = 0;
        _refuses(act, abi.encodeWithSelector(ILuyaProjects.LuyaProjectsNoEvidence.selector));
        act = reportOf(delivery, 12, 5);
        bytes memory signature = signatureFor(act, PLANTER_KEY);
        vm.expectRevert(_notAgent(PLANTER_KEY, PLANTER, 1));
        projects.reportSurvival(act, signature);
        report(delivery, 12, 0);
        _refuses(reportOf(delivery, 12, 1), abi.encodeWithSelector(notDue, delivery, 12));
    }

    function test_SurvivalOnlyWhereTheProjectHasIt() public {
        ILuyaProjects.Terms memory terms = trees();
        terms.project = 9;
        terms.survival = 0;
        projects.setProject(terms, ILuyaProjects.State.OPEN);
        ILuyaProjects.PledgeAct memory act = pledgeOf(person(2), 1);
        act.project = 9;
        projects.pledge(signed(act));
        uint64 delivery = ledger.logSize();
        ILuyaProjects.DeliveryAct memory cleaning = deliveryOf(0, 1);
        cleaning.project = 9;
        projects.deliver(cleaning, signatureFor(cleaning, PLANTER_KEY));
        decide(delivery, 1);
        vm.warp(block.timestamp + 2_000 days);
        bytes4 notDue = ILuyaProjects.LuyaProjectsReportNotDue.selector;
        _refuses(reportOf(delivery, 12, 1), abi.encodeWithSelector(notDue, delivery, 12));
    }

    function _refuses(ILuyaProjects.SurvivalAct memory act, bytes memory reason) private {
        bytes memory signature = signatureFor(act, INSPECTOR_KEY);
        vm.expectRevert(reason);
        projects.reportSurvival(act, signature);
    }

    /// @dev A photo shows one delivery, or one report, whether it was accepted or not.
    function test_APhotoIsUsedOnce() public {
        ILuyaProjects.DeliveryAct memory act = deliveryOf(0, 1);
        bytes32 used = act.nullifier;
        uint64 refused = ledger.logSize();
        projects.deliver(act, signatureFor(act, PLANTER_KEY));
        decide(refused, 0);
        act = deliveryOf(1, 1);
        act.nullifier = used;
        _refuses(act, abi.encodeWithSelector(ILuyaProjects.LuyaProjectsNullifierUsed.selector, used));
        uint64 delivery = deliver(0, 1);
        decide(delivery, 1);
        vm.warp(block.timestamp + 366 days);
        ILuyaProjects.SurvivalAct memory again = reportOf(delivery, 12, 1);
        again.nullifier = used;
        _refuses(again, abi.encodeWithSelector(ILuyaProjects.LuyaProjectsNullifierUsed.selector, used));
        again = reportOf(delivery, 12, 1);
        projects.reportSurvival(again, signatureFor(again, INSPECTOR_KEY));
        act = deliveryOf(1, 1);
        act.nullifier = again.nullifier;
        _refuses(act, abi.encodeWithSelector(ILuyaProjects.LuyaProjectsNullifierUsed.selector, again.nullifier));
    }

    // -------------------------------------------------------------------------------------------------------- returns

    /// @dev Delivered: units 1, 2 and 6. Returned: of person 0 units 0, 3, 4, 5, of person 1 units 7–9.
    function test_AnAbandonedProjectReturnsWhatIsNotDelivered() public {
        decide(deliver(1, 2), 1);
        decide(deliver(6, 1), 1);
        setState(ILuyaProjects.State.ABANDONED);
        vm.recordLogs();
        projects.returnPledge(_one);
        bytes memory entry = abi.encodePacked(uint8(0x1D), uint64(block.timestamp), _one, TREES, person(0));
        entry = abi.encodePacked(entry, uint32(4), uint8(2), uint16(2025), uint64(2_800));
        assertEq(firstEntry(), abi.encodePacked(entry, uint16(2026), uint64(1_200)), "entry");
        projects.returnPledge(_two);
        assertEq(pointsOf(person(0), 2025), 2_800, "2025 of 0");
        assertEq(pointsOf(person(0), 2026), NEW_POINTS, "2026 of 0");
        assertEq(pointsOf(person(1), 2025), OLD_POINTS - 1_000, "2025 of 1");
        assertEq(projects.pledgedIn(TREES), 0, "nothing left");
        assertEq(inBucket(Buckets.PLEDGED, 2025) + inBucket(Buckets.PLEDGED, 2026), 0, "nor in the ledger");
        _nothingToReturn(_one);
        _nothingToReturn(_two);
    }

    function test_OnlyAnAbandonedProjectReturns() public {
        _nothingToReturn(_one);
        setState(ILuyaProjects.State.CLOSED);
        _nothingToReturn(_one);
        setState(ILuyaProjects.State.ABANDONED);
        _nothingToReturn(_one + 1_000);
        vm.prank(address(0xbeef));
        projects.returnPledge(_one);
    }

    /// @dev A delivery that waits for its acceptor is neither: its units come back only if it is refused.
    function test_APendingDeliveryIsDecidedFirst() public {
        uint64 delivery = deliver(2, 3);
        uint64 other = deliver(8, 1);
        setState(ILuyaProjects.State.ABANDONED);
        projects.returnPledge(_one);
        projects.returnPledge(_two);
        _nothingToReturn(_one);
        assertEq(projects.pledgedIn(TREES), 4 * PRICE, "pending");
        decide(delivery, 0);
        decide(other, 1);
        projects.returnPledge(_one);
        _nothingToReturn(_two);
        assertEq(pointsOf(person(0), 2025), OLD_POINTS, "2025 of 0");
        assertEq(pointsOf(person(0), 2026), NEW_POINTS, "2026 of 0");
        assertEq(pointsOf(person(1), 2025), OLD_POINTS - 1_000, "2025 of 1");
        assertEq(projects.pledgedIn(TREES), 0, "nothing left");
    }

    function test_AReturnMeetsADebt() public {
        uint64 pledged = pledgeBy(person(2), 7);
        // 5 points are owed, as after a revocation.
        bytes32 debts = LedgerSlots.position(LedgerSlots.DEBTS, uint160(person(2)));
        vm.store(address(ledger), debts, bytes32(uint256(5_000) << 64));
        bytes32 slot = LedgerSlots.position(LedgerSlots.ACCOUNTS, uint160(person(2)));
        AccountWord word = AccountWord.wrap(uint256(vm.load(address(ledger), slot)));
        vm.store(address(ledger), slot, bytes32(AccountWord.unwrap(word.withDebt(true))));
        setState(ILuyaProjects.State.ABANDONED);
        projects.returnPledge(pledged);
        assertEq(pointsOf(person(2), 2025), 0, "4,800 of 2025 are met");
        assertEq(pointsOf(person(2), 2026), NEW_POINTS - 200, "200 of 2026 are met");
        assertEq(uint256(vm.load(address(ledger), debts)), 0, "nothing is owed");
    }

    function _nothingToReturn(uint64 index) private {
        vm.expectRevert(abi.encodeWithSelector(ILuyaProjects.LuyaProjectsNothingToReturn.selector, index));
        projects.returnPledge(index);
    }
}
