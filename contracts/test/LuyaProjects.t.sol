// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ILuyaControllers} from "../interfaces/ILuyaControllers.sol";
import {ILuyaModule} from "../interfaces/ILuyaModule.sol";
import {ILuyaProjects} from "../interfaces/ILuyaProjects.sol";
import {Buckets} from "../libraries/Buckets.sol";
import {HeldParts} from "../libraries/HeldParts.sol";
import {Grove} from "./support/Grove.sol";

/// @title Projects and the pledges for them
contract LuyaProjectsTest is Grove {
    function setUp() public {
        openGrove(3);
    }

    // ------------------------------------------------------------------------------------------------------- projects

    function test_Project() public {
        ILuyaProjects.Terms memory terms = trees();
        terms.project = 7;
        terms.kind = 3;
        terms.survival = 0;
        vm.recordLogs();
        projects.setProject(terms, ILuyaProjects.State.OPEN);
        bytes memory entry = abi.encodePacked(uint8(0x18), uint64(block.timestamp), uint32(7), PLANTER, uint8(3));
        entry = abi.encodePacked(entry, PRICE, uint64(2_000), uint32(100), terms.opens, terms.closes);
        assertEq(firstEntry(), abi.encodePacked(entry, uint8(0), keccak256("trees"), uint8(1)), "entry");
        ILuyaProjects.Progress memory found = projects.progress(7);
        assertTrue(found.state == ILuyaProjects.State.OPEN, "open");
        assertEq(found.organisation, PLANTER, "organisation");
        assertEq(found.price, PRICE, "price");
        assertEq(found.target, 100, "target");
        assertEq(found.opens, terms.opens, "opens");
        assertEq(found.closes, terms.closes, "closes");
        assertEq(uint256(found.pledged) + found.settled + found.survival, 0, "nothing yet");
        assertTrue(projects.progress(8).state == ILuyaProjects.State.NONE, "unknown");
    }

    function test_ProjectRefusesBadTerms() public {
        for (uint256 i = 0; i < 9; ++i) {
            ILuyaProjects.Terms memory terms = trees();
            terms.project = 7;
            if (i == 0) terms.project = 0;
            if (i == 1) terms.kind = 0;
            if (i == 2) terms.kind = 4;
            if (i == 3) terms.price = 0;
            if (i == 4) terms.target = 0;
            if (i == 5) terms.survival = 2;
            if (i == 6) terms.text = 0;
            if (i == 7) terms.price = type(uint64).max / 100 + 1;
            if (i == 8) terms.settlement = type(uint64).max / 100 + 1;
            vm.expectRevert(abi.encodeWithSelector(ILuyaProjects.LuyaProjectsBadTerms.selector, terms.project));
            projects.setProject(terms, ILuyaProjects.State.OPEN);
        }
    }

    function test_ProjectRefusesPeriodOrganisationAndCaller() public {
        ILuyaProjects.Terms memory terms = trees();
        terms.project = 7;
        terms.closes = terms.opens;
        _refusesPeriod(terms);
        terms.opens = 1;
        terms.closes = uint64(block.timestamp);
        _refusesPeriod(terms);
        terms = trees();
        terms.project = 7;
        setOrganisation(PLANTER, keccak256("planter"), 2);
        vm.expectRevert(abi.encodeWithSelector(ILuyaProjects.LuyaProjectsOrganisationNotActive.selector, PLANTER));
        projects.setProject(terms, ILuyaProjects.State.OPEN);
        terms.organisation = 99;
        vm.expectRevert(abi.encodeWithSelector(ILuyaProjects.LuyaProjectsOrganisationNotActive.selector, 99));
        projects.setProject(terms, ILuyaProjects.State.OPEN);
        vm.prank(address(0xbad));
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, address(0xbad)));
        projects.setProject(trees(), ILuyaProjects.State.CLOSED);
    }

    function _refusesPeriod(ILuyaProjects.Terms memory terms) private {
        vm.expectRevert(
            abi.encodeWithSelector(ILuyaProjects.LuyaProjectsBadPeriod.selector, 7, terms.opens, terms.closes)
        );
        projects.setProject(terms, ILuyaProjects.State.OPEN);
    }

    function test_TermsNeverChange() public {
        for (uint256 i = 0; i < 9; ++i) {
            ILuyaProjects.Terms memory terms = trees();
            if (i == 0) terms.organisation = INSPECTORS;
            if (i == 1) terms.kind = 2;
            if (i == 2) terms.price = PRICE - 1;
            if (i == 3) terms.settlement = 1;
            if (i == 4) terms.target = 101;
            if (i == 5) terms.opens -= 1;
            if (i == 6) terms.closes += 1;
            if (i == 7) terms.survival = 0;
            if (i == 8) terms.text = keccak256("others");
            vm.expectRevert(abi.encodeWithSelector(ILuyaProjects.LuyaProjectsTermsChanged.selector, TREES));
            projects.setProject(terms, ILuyaProjects.State.CLOSED);
        }
    }

    /// @dev State to state: just open → closed, open → abandoned, closed → abandoned; and none → open.
    function test_StatesGoOneWay() public {
        ILuyaProjects.Terms memory terms = trees();
        for (uint32 from = 0; from < 4; ++from) {
            for (uint32 to = 0; to < 4; ++to) {
                terms.project = 100 + 4 * from + to;
                if (from != 0) projects.setProject(terms, ILuyaProjects.State.OPEN);
                if (from > 1) projects.setProject(terms, ILuyaProjects.State(from));
                bool allowed = from == 0 ? to == 1 : to > from;
                if (!allowed) {
                    vm.expectRevert(
                        abi.encodeWithSelector(ILuyaProjects.LuyaProjectsBadState.selector, terms.project, from, to)
                    );
                }
                projects.setProject(terms, ILuyaProjects.State(to));
                assertEq(uint256(projects.progress(terms.project).state), allowed ? to : from, "state");
            }
        }
    }

    // -------------------------------------------------------------------------------------------------------- pledges

    function test_PledgeTakesTheOldestPoints() public {
        ILuyaProjects.PledgeAct memory act = signed(pledgeOf(person(1), 6));
        vm.recordLogs();
        projects.pledge(act);
        bytes memory entry = abi.encodePacked(uint8(0x19), uint64(block.timestamp), person(1), TREES, uint32(0));
        entry = abi.encodePacked(entry, uint32(6), PRICE, 6 * PRICE, uint8(2));
        entry = abi.encodePacked(entry, uint16(2025), OLD_POINTS, uint16(2026), 6 * PRICE - OLD_POINTS);
        entry = abi.encodePacked(entry, vm.addr(CUSTODIAN_KEY), act.nonce, act.deadline, act.signature);
        assertEq(firstEntry(), entry, "entry");
        assertEq(pointsOf(person(1), 2025), 0, "all of 2025");
        assertEq(pointsOf(person(1), 2026), OLD_POINTS + NEW_POINTS - 6 * PRICE, "rest of 2026");
        assertEq(inBucket(Buckets.PLEDGED, 2025), OLD_POINTS, "2025 pledged");
        assertEq(inBucket(Buckets.PLEDGED, 2026), 6 * PRICE - OLD_POINTS, "2026 pledged");
        assertEq(projects.pledgedIn(TREES), 6 * PRICE, "in the project");
    }

    function test_UnitsAreNumbered() public {
        uint64 one = pledgeBy(person(0), 2);
        uint64 two = pledgeBy(person(1), 3);
        uint64 three = pledgeBy(person(0), 1);
        uint64[3] memory indexes = [one, two, three];
        uint32[3] memory firsts = [uint32(0), 2, 5];
        uint32[3] memory counts = [uint32(2), 3, 1];
        for (uint256 i = 0; i < 3; ++i) {
            (address account, uint32 project, uint32 first, uint32 units) = projects.pledgeAt(indexes[i]);
            assertEq(account, person(i % 2), "account");
            assertEq(project, TREES, "project");
            assertEq(first, firsts[i], "first");
            assertEq(units, counts[i], "units");
        }
        (, , , uint32 none) = projects.pledgeAt(one - 1);
        assertEq(none, 0, "no pledge");
        assertEq(projects.progress(TREES).pledged, 6, "pledged");
    }

    function test_PledgeRefusesWhenItIsNotOpen() public {
        _refusesNotOpen(8, ILuyaProjects.State.NONE, 0, 0);
        ILuyaProjects.Terms memory terms = trees();
        terms.project = 9;
        terms.opens = uint64(block.timestamp + 1);
        projects.setProject(terms, ILuyaProjects.State.OPEN);
        _refusesNotOpen(9, ILuyaProjects.State.OPEN, terms.opens, terms.closes);
        vm.warp(terms.opens);
        ILuyaProjects.PledgeAct memory act = pledgeOf(person(0), 1);
        act.project = 9;
        projects.pledge(signed(act));
        vm.warp(trees().closes - 1);
        pledgeBy(person(1), 1);
        vm.warp(trees().closes);
        _refusesNotOpen(TREES, ILuyaProjects.State.OPEN, trees().opens, trees().closes);
    }

    function test_PledgeRefusesAClosedOrAbandonedProject() public {
        setState(ILuyaProjects.State.CLOSED);
        _refusesNotOpen(TREES, ILuyaProjects.State.CLOSED, trees().opens, trees().closes);
        setState(ILuyaProjects.State.ABANDONED);
        _refusesNotOpen(TREES, ILuyaProjects.State.ABANDONED, trees().opens, trees().closes);
    }

    function _refusesNotOpen(uint32 project, ILuyaProjects.State state, uint64 opens, uint64 closes) private {
        ILuyaProjects.PledgeAct memory act = pledgeOf(person(0), 1);
        act.project = project;
        act = signed(act);
        vm.expectRevert(
            abi.encodeWithSelector(ILuyaProjects.LuyaProjectsNotOpen.selector, project, state, opens, closes)
        );
        projects.pledge(act);
    }

    function test_PledgeRefusesBounds() public {
        ILuyaProjects.PledgeAct memory act = signed(pledgeOf(person(0), 0));
        vm.expectRevert(abi.encodeWithSelector(ILuyaProjects.LuyaProjectsBadUnits.selector, 0));
        projects.pledge(act);
        act = signed(pledgeOf(person(0), 1_001));
        vm.expectRevert(abi.encodeWithSelector(ILuyaProjects.LuyaProjectsBadUnits.selector, 1_001));
        projects.pledge(act);
        act = pledgeOf(person(0), 2);
        act.maxPrice -= 1;
        act = signed(act);
        vm.expectRevert(
            abi.encodeWithSelector(ILuyaProjects.LuyaProjectsOverPrice.selector, TREES, 2 * PRICE, 2 * PRICE - 1)
        );
        projects.pledge(act);
        act = pledgeOf(person(0), 2);
        act.deadline = uint64(block.timestamp - 1);
        act = signed(act);
        vm.expectRevert(abi.encodeWithSelector(ILuyaProjects.LuyaProjectsPastDeadline.selector, act.deadline));
        projects.pledge(act);
        act = signed(pledgeOf(person(0), 8));
        vm.expectRevert(
            abi.encodeWithSelector(HeldParts.HeldPartsTooFew.selector, person(0), 8 * PRICE - OLD_POINTS - NEW_POINTS)
        );
        projects.pledge(act);
    }

    function test_PledgesNeverPassTheTarget() public {
        ILuyaProjects.Terms memory terms = trees();
        terms.project = 9;
        terms.target = 5;
        projects.setProject(terms, ILuyaProjects.State.OPEN);
        ILuyaProjects.PledgeAct memory act = pledgeOf(person(0), 4);
        act.project = 9;
        projects.pledge(signed(act));
        act = pledgeOf(person(1), 2);
        act.project = 9;
        act = signed(act);
        vm.expectRevert(abi.encodeWithSelector(ILuyaProjects.LuyaProjectsOverTarget.selector, 9, 1, 2));
        projects.pledge(act);
        act.units = 1;
        projects.pledge(signed(act));
        act = pledgeOf(person(2), 1);
        act.project = 9;
        act = signed(act);
        vm.expectRevert(abi.encodeWithSelector(ILuyaProjects.LuyaProjectsOverTarget.selector, 9, 0, 1));
        projects.pledge(act);
    }

    function test_PledgeRefusesWhoMayNotSign() public {
        ILuyaProjects.PledgeAct memory act = signed(pledgeOf(person(0), 1), PLANTER_KEY);
        vm.expectRevert(
            abi.encodeWithSelector(ILuyaControllers.LuyaControllersNotAllowed.selector, person(0), vm.addr(PLANTER_KEY))
        );
        projects.pledge(act);
        act = signed(pledgeOf(person(0), 1));
        act.signature = slice(act.signature, 0, 64);
        vm.expectRevert(ILuyaProjects.LuyaProjectsBadSignature.selector);
        projects.pledge(act);
        act.signature = abi.encodePacked(act.signature, uint8(2));
        vm.expectRevert(ILuyaProjects.LuyaProjectsBadSignature.selector);
        projects.pledge(act);
        // What is changed after it was signed is signed by nobody who may.
        act = signed(pledgeOf(person(0), 1));
        act.units = 2;
        act.maxPrice = 2 * PRICE;
        vm.expectPartialRevert(ILuyaControllers.LuyaControllersNotAllowed.selector);
        projects.pledge(act);
        act = signed(pledgeOf(person(0), 1));
        projects.pledge(act);
        vm.expectPartialRevert(ILuyaControllers.LuyaControllersWrongNonce.selector);
        projects.pledge(act);
        ledger.setAccountState(person(1), 2);
        act = signed(pledgeOf(person(1), 1));
        vm.expectRevert(
            abi.encodeWithSelector(ILuyaControllers.LuyaControllersAccountNotActive.selector, person(1), 2)
        );
        projects.pledge(act);
    }

    function test_ManyPledgesSkipTheBadOnes() public {
        ILuyaProjects.PledgeAct[] memory acts = new ILuyaProjects.PledgeAct[](4);
        acts[0] = signed(pledgeOf(person(0), 2));
        acts[1] = signed(pledgeOf(person(1), 8));
        acts[2] = acts[0];
        acts[3] = signed(pledgeOf(person(2), 3));
        vm.recordLogs();
        projects.pledgeMany(acts);
        Log[] memory logs = recordedLogs();
        uint256 refused = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != ILuyaProjects.ActRefused.selector) continue;
            assertEq(uint256(logs[i].topics[1]), 1 + refused++, "position");
            bytes memory reason = abi.decode(logs[i].data, (bytes));
            bytes4 selector =
                refused == 1 ? HeldParts.HeldPartsTooFew.selector : ILuyaControllers.LuyaControllersWrongNonce.selector;
            assertTrue(bytes4(reason) == selector, "reason");
        }
        assertEq(refused, 2, "refused");
        assertEq(projects.progress(TREES).pledged, 5, "pledged");
        assertEq(pointsOf(person(1), 2025), OLD_POINTS, "nothing taken");
    }

    function test_ManyPledgesDoNotBlameAnActForTheGas() public {
        ILuyaProjects.PledgeAct[] memory acts = new ILuyaProjects.PledgeAct[](2);
        acts[0] = signed(pledgeOf(person(0), 2));
        acts[1] = signed(pledgeOf(person(1), 2));
        vm.expectPartialRevert(ILuyaProjects.LuyaProjectsOutOfGas.selector);
        projects.pledgeMany{gas: 330_000}(acts);
    }

    // -------------------------------------------------------------------------------------------------------- entries

    function test_OnlyTheLedgerAppliesEntries() public {
        vm.expectRevert(abi.encodeWithSelector(ILuyaModule.LuyaModuleNotLedger.selector, address(this)));
        projects.applyEntry(0, hex"18");
    }

    function test_EntriesOfAnotherLengthOrTypeAreRefused() public {
        uint16[6] memory lengths = [uint16(86), 58 + 101, 180, 55 + 85, 177, 46];
        for (uint8 i = 0; i < 6; ++i) {
            bytes memory entry = abi.encodePacked(uint8(0x18 + i), new bytes(lengths[i]));
            vm.prank(address(ledger));
            vm.expectRevert(abi.encodeWithSelector(ILuyaModule.LuyaModuleBadLength.selector, lengths[i] + 1));
            projects.applyEntry(0, entry);
            vm.prank(address(ledger));
            vm.expectRevert(abi.encodeWithSelector(ILuyaModule.LuyaModuleBadLength.selector, 9));
            projects.applyEntry(0, slice(entry, 0, 9));
        }
        vm.prank(address(ledger));
        vm.expectRevert(abi.encodeWithSelector(ILuyaModule.LuyaModuleWrongType.selector, 0x1E));
        projects.applyEntry(0, abi.encodePacked(uint8(0x1E), uint64(0)));
    }
}
