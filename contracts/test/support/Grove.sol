// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaAgents} from "../../interfaces/ILuyaAgents.sol";
import {ILuyaControllers} from "../../interfaces/ILuyaControllers.sol";
import {ILuyaProjects} from "../../interfaces/ILuyaProjects.sol";
import {Buckets} from "../../libraries/Buckets.sol";
import {LedgerSlots} from "../../libraries/LedgerSlots.sol";
import {World} from "./World.sol";

/// @title A world with a project that plants trees, and residents who have points of two years
/// @notice Organisation 2 plants, organisation 3 accepts; the custodian acts for everybody.
abstract contract Grove is World {
    uint16 internal constant PLANTER = 2;
    uint16 internal constant INSPECTORS = 3;
    uint32 internal constant TREES = 1;
    /// @dev One point a tree.
    uint64 internal constant PRICE = 1_000;
    uint64 internal constant OLD_POINTS = 4_800;
    uint64 internal constant NEW_POINTS = 2_400;
    /// @dev 2025-12-31, a day of the vintage before.
    uint16 internal constant OLD_DAY = 20_453;

    uint256 internal constant CUSTODIAN_KEY = uint256(keccak256("custodian"));
    uint256 internal constant PLANTER_KEY = uint256(keccak256("planter"));
    uint256 internal constant INSPECTOR_KEY = uint256(keccak256("inspector"));

    ILuyaControllers internal controllers;
    ILuyaAgents internal agents;
    ILuyaProjects internal projects;
    mapping(address account => uint64) internal nonces;
    uint256 private _photos;

    /// @dev So many people have 4.8 points of 2025 and 2.4 of 2026.
    function openGrove(uint256 people) internal {
        deployWorld();
        sealEmpty();
        enactLaw();
        setOrganisation(PLANTER, keccak256("planter"), 1);
        setOrganisation(INSPECTORS, keccak256("inspectors"), 1);
        controllers = ILuyaControllers(deployModule("LuyaControllers", 0x48, 0x4A));
        ledger.setModule(0x4F, 0x4F, address(controllers));
        agents = ILuyaAgents(deployModule("LuyaAgents", 0x4B, 0x4C));
        projects = ILuyaProjects(deployModule("LuyaProjects", 0x18, 0x1D));
        controllers.setCustodian(vm.addr(CUSTODIAN_KEY));
        agents.setAgent(vm.addr(PLANTER_KEY), PLANTER, 1, 1);
        agents.setAgent(vm.addr(INSPECTOR_KEY), INSPECTORS, 2, 1);
        registerMany(0, people);
        for (uint256 i = 0; i < people; ++i) {
            earn(person(i));
        }
        projects.setProject(trees(), ILuyaProjects.State.OPEN);
    }

    function earn(address account) internal {
        submit(TRIAL, recordOf(account, CYCLING, OLD_DAY, 10, 2, 1_000), "");
        submit(FEED, recordOf(account, CYCLING, TODAY, 10, 2, 500), "");
    }

    function trees() internal pure returns (ILuyaProjects.Terms memory terms) {
        terms.project = TREES;
        terms.organisation = PLANTER;
        terms.kind = 1;
        terms.price = PRICE;
        terms.settlement = 2_000;
        terms.target = 100;
        terms.opens = uint64(NOON);
        terms.closes = uint64(NOON + 90 days);
        terms.survival = 1;
        terms.text = keccak256("trees");
    }

    function setState(ILuyaProjects.State state) internal {
        projects.setProject(trees(), state);
    }

    // -------------------------------------------------------------------------------------------------------- pledges

    function pledgeOf(address account, uint32 units) internal view returns (ILuyaProjects.PledgeAct memory act) {
        act.account = account;
        act.project = TREES;
        act.units = units;
        act.maxPrice = PRICE * units;
        act.nonce = nonces[account];
        act.deadline = uint64(block.timestamp + 1 hours);
    }

    function signed(
        ILuyaProjects.PledgeAct memory act,
        uint256 key
    ) internal view returns (ILuyaProjects.PledgeAct memory) {
        bytes32 typeHash = keccak256(
            "Pledge(address account,uint32 project,uint32 units,uint64 maxPrice,uint64 nonce,uint64 deadline)"
        );
        bytes memory words = abi.encode(
            typeHash,
            act.account,
            act.project,
            act.units,
            act.maxPrice,
            act.nonce,
            act.deadline
        );
        act.signature = signatureOf(key, digestOfAct(keccak256(words)));
        return act;
    }

    function signed(ILuyaProjects.PledgeAct memory act) internal view returns (ILuyaProjects.PledgeAct memory) {
        return signed(act, CUSTODIAN_KEY);
    }

    function pledgeBy(address account, uint32 units) internal returns (uint64 index) {
        index = ledger.logSize();
        projects.pledge(signed(pledgeOf(account, units)));
        ++nonces[account];
    }

    // ----------------------------------------------------------------------------------------------------- deliveries

    function photo() internal returns (bytes32) {
        return keccak256(abi.encode("photo", ++_photos));
    }

    function deliveryOf(uint32 first, uint32 units) internal returns (ILuyaProjects.DeliveryAct memory act) {
        act.project = TREES;
        act.first = first;
        act.units = units;
        act.day = today();
        act.latitude = 118_870_000;
        act.longitude = 285_440_000;
        act.evidence = keccak256("evidence");
        act.nullifier = photo();
    }

    function signatureFor(ILuyaProjects.DeliveryAct memory act, uint256 key) internal view returns (bytes memory) {
        bytes32 typeHash = keccak256(
            "Delivery(uint32 project,uint32 first,uint32 units,uint16 day,uint32 latitude,uint32 longitude,bytes32 evidence,bytes32 nullifier)"
        );
        return signatureOf(key, digestOfAct(keccak256(bytes.concat(typeHash, abi.encode(act)))));
    }

    function deliver(uint32 first, uint32 units) internal returns (uint64 index) {
        index = ledger.logSize();
        ILuyaProjects.DeliveryAct memory act = deliveryOf(first, units);
        projects.deliver(act, signatureFor(act, PLANTER_KEY));
    }

    function decisionOf(uint64 delivery, uint8 accepted, uint256 key) internal view returns (bytes memory) {
        bytes32 typeHash = keccak256("Acceptance(uint64 delivery,uint8 accepted,bytes32 evidence)");
        bytes memory words = abi.encode(typeHash, delivery, accepted, keccak256("seen"));
        return signatureOf(key, digestOfAct(keccak256(words)));
    }

    function decide(uint64 delivery, uint8 accepted) internal {
        projects.accept(delivery, accepted, keccak256("seen"), decisionOf(delivery, accepted, INSPECTOR_KEY));
    }

    function reportOf(
        uint64 delivery,
        uint8 months,
        uint32 surviving
    ) internal returns (ILuyaProjects.SurvivalAct memory) {
        return ILuyaProjects.SurvivalAct(delivery, months, surviving, today(), keccak256("they live"), photo());
    }

    function signatureFor(ILuyaProjects.SurvivalAct memory act, uint256 key) internal view returns (bytes memory) {
        bytes32 typeHash = keccak256(
            "Survival(uint64 delivery,uint8 months,uint32 surviving,uint16 day,bytes32 evidence,bytes32 nullifier)"
        );
        return signatureOf(key, digestOfAct(keccak256(bytes.concat(typeHash, abi.encode(act)))));
    }

    function report(uint64 delivery, uint8 months, uint32 surviving) internal {
        ILuyaProjects.SurvivalAct memory act = reportOf(delivery, months, surviving);
        projects.reportSurvival(act, signatureFor(act, INSPECTOR_KEY));
    }

    // ------------------------------------------------------------------------------------------------------- readings

    function today() internal view returns (uint16) {
        return uint16((block.timestamp + 28_800) / 86_400);
    }

    function pointsOf(address account, uint256 year) internal view returns (uint256) {
        return ledger.balanceOf(account, 20_000 + year);
    }

    /// @dev Millipoints of a vintage that lie in a bucket of the ledger's.
    function inBucket(uint256 bucket, uint256 year) internal view returns (uint256) {
        bytes32[] memory slots = new bytes32[](1);
        slots[0] = LedgerSlots.position(LedgerSlots.BUCKETS, Buckets.key(year, bucket));
        return uint64(uint256(ledger.extsload(slots)[0]) >> 64);
    }

    function outcomeOf(uint64 delivery) internal view returns (ILuyaProjects.Outcome outcome_) {
        (, , , , outcome_, ) = projects.deliveryAt(delivery);
    }
}
