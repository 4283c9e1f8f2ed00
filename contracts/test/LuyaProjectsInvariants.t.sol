// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaProjects} from "../interfaces/ILuyaProjects.sol";
import {Buckets} from "../libraries/Buckets.sol";
import {Grove} from "./support/Grove.sol";

/// @title Random pledges, deliveries, decisions and returns against a book that is kept unit by unit
/// @notice A tree costs 0.07 points here, so that pledges have many units, cross the contract's words of 256 and of
/// three stretches, and change their vintage within a unit.
contract LuyaProjectsInvariantsTest is Grove {
    uint64 private constant _CHEAP = 70;
    uint32 private constant _TARGET = 300;
    uint256 private constant _PEOPLE = 3;

    enum Fate {
        FREE,
        PENDING,
        ACCEPTED,
        RETURNED
    }

    struct Unit {
        uint256 owner;
        uint64 old;
        Fate fate;
    }

    struct Sent {
        uint64 index;
        uint32 first;
        uint32 units;
    }

    Unit[] private _units;
    Sent[] private _pledges;
    Sent[] private _pending;
    uint64[3] private _old;
    uint64[3] private _new;
    bool private _abandoned;

    function setUp() public {
        openGrove(_PEOPLE);
        ILuyaProjects.Terms memory terms = _terms();
        projects.setProject(terms, ILuyaProjects.State.OPEN);
        for (uint256 i = 0; i < _PEOPLE; ++i) {
            _old[i] = OLD_POINTS;
            _new[i] = NEW_POINTS;
        }
    }

    function _terms() private pure returns (ILuyaProjects.Terms memory terms) {
        terms = trees();
        terms.project = 2;
        terms.price = _CHEAP;
        terms.target = _TARGET;
    }

    function testFuzz_EveryUnitIsAccountedFor(uint256 seed) public {
        for (uint256 i = 0; i < 16; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 choice = seed % 8;
            if (choice < 3) _pledge(seed >> 8);
            else if (choice < 5) _deliver(seed >> 8);
            else if (choice < 7) _decide(seed >> 8);
            else _return(seed >> 8);
            _checkProject();
        }
        _checkBooks();
    }

    // ----------------------------------------------------------------------------------------------------- operations

    function _pledge(uint256 dice) private {
        uint256 who = dice % _PEOPLE;
        uint32 units = uint32(bound(dice >> 8, 1, 60));
        ILuyaProjects.PledgeAct memory act = pledgeOf(person(who), units);
        act.project = 2;
        act = signed(act);
        uint64 index = ledger.logSize();
        bool fits = _units.length + units <= _TARGET && _old[who] + _new[who] >= units * _CHEAP && !_abandoned;
        if (!fits) vm.expectRevert();
        projects.pledge(act);
        if (!fits) return;
        ++nonces[person(who)];
        _pledges.push(Sent(index, uint32(_units.length), units));
        for (uint256 i = 0; i < units; ++i) {
            uint64 old = _old[who] < _CHEAP ? _old[who] : _CHEAP;
            _old[who] -= old;
            _new[who] -= _CHEAP - old;
            _units.push(Unit(who, old, Fate.FREE));
        }
    }

    function _deliver(uint256 dice) private {
        uint32 first = uint32((dice >> 8) % (_units.length + 1));
        uint32 units = uint32(bound(dice >> 40, 1, 50));
        bool fits = first + units <= _units.length && !_abandoned;
        for (uint256 unit = first; fits && unit < first + units; ++unit) {
            if (_units[unit].fate != Fate.FREE) fits = false;
        }
        ILuyaProjects.DeliveryAct memory act = deliveryOf(first, units);
        act.project = 2;
        bytes memory signature = signatureFor(act, PLANTER_KEY);
        uint64 index = ledger.logSize();
        if (!fits) vm.expectRevert();
        projects.deliver(act, signature);
        if (!fits) return;
        _pending.push(Sent(index, first, units));
        _mark(first, units, Fate.PENDING);
    }

    function _decide(uint256 dice) private {
        if (_pending.length == 0) return;
        uint256 chosen = dice % _pending.length;
        Sent memory sent = _pending[chosen];
        _pending[chosen] = _pending[_pending.length - 1];
        _pending.pop();
        bool accepted = (dice >> 64) % 3 != 0;
        decide(sent.index, accepted ? 1 : 0);
        _mark(sent.first, sent.units, accepted ? Fate.ACCEPTED : Fate.FREE);
    }

    function _return(uint256 dice) private {
        if (_pledges.length == 0) return;
        if (!_abandoned && dice % 4 == 0) {
            projects.setProject(_terms(), ILuyaProjects.State.ABANDONED);
            _abandoned = true;
        }
        Sent memory sent = _pledges[(dice >> 8) % _pledges.length];
        bool any = false;
        for (uint256 unit = sent.first; unit < sent.first + sent.units; ++unit) {
            if (_units[unit].fate == Fate.FREE) any = true;
        }
        if (!any || !_abandoned) {
            bytes4 nothing = ILuyaProjects.LuyaProjectsNothingToReturn.selector;
            vm.expectRevert(abi.encodeWithSelector(nothing, sent.index));
            return projects.returnPledge(sent.index);
        }
        projects.returnPledge(sent.index);
        for (uint256 unit = sent.first; unit < sent.first + sent.units; ++unit) {
            if (_units[unit].fate != Fate.FREE) continue;
            _units[unit].fate = Fate.RETURNED;
            _old[_units[unit].owner] += _units[unit].old;
            _new[_units[unit].owner] += _CHEAP - _units[unit].old;
        }
    }

    function _mark(uint256 first, uint256 units, Fate fate) private {
        for (uint256 unit = first; unit < first + units; ++unit) {
            _units[unit].fate = fate;
        }
    }

    // --------------------------------------------------------------------------------------------------------- checks

    /// @dev What the contract says is in the project is what lies in the ledger's bucket.
    function _checkProject() private view {
        uint256 there = inBucket(Buckets.PLEDGED, 2025) + inBucket(Buckets.PLEDGED, 2026);
        assertEq(projects.pledgedIn(2), there, "pledged");
        assertEq(projects.progress(2).pledged, _units.length, "units");
    }

    /// @dev Vintage by vintage: what lies in the project, what is redeemed, what each resident has.
    function _checkBooks() private view {
        uint256[2] memory pledged;
        uint256[2] memory redeemed;
        for (uint256 i = 0; i < _units.length; ++i) {
            Unit memory unit = _units[i];
            assertTrue(projects.isTaken(2, uint32(i)) == (unit.fate != Fate.FREE), "taken");
            if (unit.fate == Fate.RETURNED) continue;
            uint256[2] memory sums = unit.fate == Fate.ACCEPTED ? redeemed : pledged;
            sums[0] += unit.old;
            sums[1] += _CHEAP - unit.old;
        }
        for (uint256 i = 0; i < 2; ++i) {
            assertEq(inBucket(Buckets.PLEDGED, 2025 + i), pledged[i], "pledged of a year");
            assertEq(inBucket(Buckets.REDEEMED, 2025 + i), redeemed[i], "redeemed of a year");
        }
        for (uint256 i = 0; i < _PEOPLE; ++i) {
            assertEq(pointsOf(person(i), 2025), _old[i], "old points");
            assertEq(pointsOf(person(i), 2026), _new[i], "new points");
        }
    }
}
