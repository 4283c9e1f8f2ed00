// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaAgents} from "../interfaces/ILuyaAgents.sol";
import {ILuyaControllers} from "../interfaces/ILuyaControllers.sol";
import {ILuyaProjects} from "../interfaces/ILuyaProjects.sol";
import {Buckets} from "../libraries/Buckets.sol";
import {Grove} from "./support/Grove.sol";
import {Operator} from "./support/Operator.sol";

/// @title A ledger imported from the log of another knows its projects as that one does, and goes on with them
contract LuyaProjectsImportTest is Grove, Operator {
    uint64 private _one;
    uint64 private _two;
    uint64 private _pending;
    uint64 private _accepted;

    function test_AnImportedLedgerGoesOn() public {
        vm.recordLogs();
        openGrove(2);
        _one = pledgeBy(person(0), 6);
        _two = pledgeBy(person(1), 4);
        decide(deliver(0, 2), 0);
        _accepted = deliver(4, 4);
        decide(_accepted, 1);
        _pending = deliver(0, 2);
        vm.warp(block.timestamp + 366 days);
        report(_accepted, 12, 3);
        setState(ILuyaProjects.State.ABANDONED);
        projects.returnPledge(_two);
        book();
        assertEq(entries.length, ledger.logSize(), "the whole log");
        bytes memory before = _known();
        _import();
        assertEq(_known(), before, "state");
        decide(_pending, 0);
        projects.returnPledge(_one);
        assertEq(pointsOf(person(0), 2025), 4_000, "units 0 to 3");
        assertEq(pointsOf(person(0), 2026), NEW_POINTS - 1_200, "4 and 5 are delivered");
        assertEq(projects.pledgedIn(TREES), 0, "nothing is left");
        assertEq(inBucket(Buckets.PLEDGED, 2025) + inBucket(Buckets.PLEDGED, 2026), 0, "nor in the ledger");
    }

    /// @dev Everything that the contract says of the projects, and what the ledger has of it.
    function _known() private view returns (bytes memory known) {
        known = abi.encode(projects.progress(TREES), projects.pledgedIn(TREES));
        for (uint64 index = 0; index < ledger.logSize(); ++index) {
            (address account, uint32 project, uint32 first, uint32 units) = projects.pledgeAt(index);
            known = abi.encodePacked(known, account, project, first, units, _delivery(index));
        }
        for (uint32 unit = 0; unit < 10; ++unit) {
            known = abi.encodePacked(known, projects.isTaken(TREES, unit));
        }
        for (uint256 year = 2025; year < 2027; ++year) {
            known = abi.encodePacked(known, inBucket(Buckets.PLEDGED, year), inBucket(Buckets.REDEEMED, year));
            known = abi.encodePacked(known, pointsOf(person(0), year), pointsOf(person(1), year));
        }
        for (uint256 number = 1; number < 6; ++number) {
            known = abi.encodePacked(known, projects.isUsed(keccak256(abi.encode("photo", number))));
        }
    }

    function _delivery(uint64 index) private view returns (bytes memory) {
        (
            uint32 project,
            uint32 first,
            uint32 units,
            uint16 day,
            ILuyaProjects.Outcome outcome_,
            uint8 reports
        ) = projects.deliveryAt(index);
        return abi.encode(project, first, units, day, outcome_, reports);
    }

    function _import() private {
        bytes32 root = ledger.root();
        uint64 size = ledger.logSize();
        (ledger, law, views) = deployLedger();
        controllers = ILuyaControllers(deployModule("LuyaControllers", 0x48, 0x4A));
        ledger.setModule(0x4F, 0x4F, address(controllers));
        agents = ILuyaAgents(deployModule("LuyaAgents", 0x4B, 0x4C));
        projects = ILuyaProjects(deployModule("LuyaProjects", 0x18, 0x1D));
        bytes memory packed;
        for (uint256 i = 0; i < entries.length; ++i) {
            packed = abi.encodePacked(packed, uint16(entries[i].length), entries[i]);
        }
        ledger.importEntries(packed);
        ledger.seal(size, root);
    }
}
