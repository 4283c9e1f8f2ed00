// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaControllers} from "../interfaces/ILuyaControllers.sol";
import {ILuyaModule} from "../interfaces/ILuyaModule.sol";
import {ILuyaProjects} from "../interfaces/ILuyaProjects.sol";
import {EntryLayout} from "../libraries/EntryLayout.sol";
import {EntryReader} from "../libraries/EntryReader.sol";
import {HeldParts} from "../libraries/HeldParts.sol";
import {Moves} from "../libraries/Moves.sol";
import {PledgeRuns} from "../libraries/PledgeRuns.sol";
import {Scopes} from "../libraries/Scopes.sol";
import {UnitBits} from "../libraries/UnitBits.sol";
import {Module} from "./Module.sol";

/// @title What entries change in the projects' state, live and at import alike, and what is read of it
abstract contract ProjectBooks is ILuyaProjects, Module {
    using EntryReader for bytes;
    using PledgeRuns for PledgeRuns.Runs;
    using UnitBits for UnitBits.Bits;

    /// @param settled units accepted or returned: their points have left the project
    /// @param terms hash of all that never changes
    struct Project {
        State state;
        uint8 survival;
        uint16 organisation;
        uint32 target;
        uint32 pledged;
        uint32 settled;
        uint64 price;
        uint64 opens;
        uint64 closes;
        bytes32 terms;
    }

    struct PledgeRecord {
        address account;
        uint32 project;
        uint32 first;
        uint32 units;
    }

    /// @param reports bit 0: after 12 months, bit 1: after 36
    struct DeliveryRecord {
        uint32 project;
        uint32 first;
        uint32 units;
        uint16 day;
        Outcome outcome;
        uint8 reports;
    }

    uint8 internal constant SHORT_MONTHS = 12;
    uint8 internal constant LONG_MONTHS = 36;

    mapping(uint32 project => Project) internal _projects;
    mapping(uint64 index => PledgeRecord) internal _pledges;
    mapping(uint64 index => DeliveryRecord) internal _deliveries;
    mapping(uint32 project => PledgeRuns.Runs) internal _runs;
    mapping(bytes32 nullifier => bool used) internal _nullifiers;
    /// Units in a pending or accepted delivery, or returned.
    UnitBits.Bits internal _taken;

    // ------------------------------------------------------------------------------------------------------- entries

    /// @inheritdoc ILuyaModule
    function applyEntry(uint64 index, bytes calldata entry_) external onlyLedger returns (uint256[] memory postings) {
        bytes memory entry = entry_;
        uint8 entryType = entry.u8(EntryLayout.TYPE_AT);
        if (entryType == EntryLayout.PROJECT) {
            _requireLength(entry, EntryLayout.PROJECT_BYTES);
            _applyProject(entry);
        } else if (entryType == EntryLayout.PLEDGE) {
            _requireWhole(entry, EntryLayout.PLEDGE_PARTS_COUNT_AT, EntryLayout.PLEDGE_TAIL_BYTES);
            postings = _applyPledge(index, entry);
        } else if (entryType == EntryLayout.DELIVERY) {
            _requireLength(entry, EntryLayout.DELIVERY_BYTES);
            _applyDelivery(index, entry);
        } else if (entryType == EntryLayout.ACCEPTANCE) {
            _requireWhole(entry, EntryLayout.ACCEPTANCE_PARTS_COUNT_AT, EntryLayout.ACCEPTANCE_TAIL_BYTES);
            postings = _applyAcceptance(entry);
        } else if (entryType == EntryLayout.SURVIVAL_REPORT) {
            _requireLength(entry, EntryLayout.SURVIVAL_REPORT_BYTES);
            _applySurvival(entry);
        } else if (entryType == EntryLayout.PLEDGE_RETURNED) {
            _requireWhole(entry, EntryLayout.PLEDGE_RETURNED_PARTS_COUNT_AT, 0);
            postings = _applyReturn(entry);
        } else {
            revert LuyaModuleWrongType(entryType);
        }
    }

    function _applyProject(bytes memory entry) private {
        uint32 id = entry.u32(EntryLayout.PROJECT_PROJECT_AT);
        Project storage project = _projects[id];
        if (project.state == State.NONE) {
            project.survival = entry.u8(EntryLayout.PROJECT_SURVIVAL_AT);
            project.organisation = entry.u16(EntryLayout.PROJECT_ORGANISATION_AT);
            project.target = entry.u32(EntryLayout.PROJECT_TARGET_AT);
            project.price = entry.u64(EntryLayout.PROJECT_PRICE_AT);
            project.opens = entry.u64(EntryLayout.PROJECT_OPENS_AT);
            project.closes = entry.u64(EntryLayout.PROJECT_CLOSES_AT);
            project.terms = _termsOf(entry);
        }
        project.state = State(entry.u8(EntryLayout.PROJECT_STATE_AT));
        emit ProjectSet(id, project.organisation, project.state);
    }

    function _applyPledge(uint64 index, bytes memory entry) private returns (uint256[] memory postings) {
        address account = entry.addr(EntryLayout.PLEDGE_ACCOUNT_AT);
        uint32 id = entry.u32(EntryLayout.PLEDGE_PROJECT_AT);
        uint32 first = entry.u32(EntryLayout.PLEDGE_FIRST_AT);
        uint32 units = entry.u32(EntryLayout.PLEDGE_UNITS_AT);
        _projects[id].pledged = first + units;
        _pledges[index] = PledgeRecord(account, id, first, units);
        postings = HeldParts.postings(
            entry,
            EntryLayout.PLEDGE_PARTS_COUNT_AT,
            Moves.PLEDGE,
            Moves.MILLIPOINTS,
            account
        );
        PledgeRuns.Runs storage runs = _runs[id];
        for (uint256 i = 0; i < postings.length; ++i) {
            runs.append(Moves.vintage(postings[i]), Moves.amount(postings[i]));
        }
        _use(entry, account, units * entry.u64(EntryLayout.PLEDGE_PRICE_AT));
        emit Pledged(index, account, id, first, units);
    }

    function _use(bytes memory entry, address account, uint64 amount) private {
        uint256 tail = entry.length - EntryLayout.PLEDGE_TAIL_BYTES;
        ILuyaControllers(_ledger.module(EntryLayout.CONTROLLER)).use(
            EntryLayout.PLEDGE,
            account,
            entry.addr(tail + EntryLayout.PLEDGE_TAIL_SIGNER_AT),
            entry.u64(tail + EntryLayout.PLEDGE_TAIL_NONCE_AT),
            Scopes.PLEDGES,
            amount,
            entry.u64(EntryLayout.TIME_AT)
        );
    }

    function _applyDelivery(uint64 index, bytes memory entry) private {
        uint32 id = entry.u32(EntryLayout.DELIVERY_PROJECT_AT);
        uint32 first = entry.u32(EntryLayout.DELIVERY_FIRST_AT);
        uint32 units = entry.u32(EntryLayout.DELIVERY_UNITS_AT);
        uint16 day = entry.u16(EntryLayout.DELIVERY_DAY_AT);
        _taken.take(id, first, units);
        _nullifiers[bytes32(entry.word(EntryLayout.DELIVERY_NULLIFIER_AT))] = true;
        _deliveries[index] = DeliveryRecord(id, first, units, day, Outcome.PENDING, 0);
        emit Delivered(index, id, first, units);
    }

    function _applyAcceptance(bytes memory entry) private returns (uint256[] memory postings) {
        uint64 index = entry.u64(EntryLayout.ACCEPTANCE_DELIVERY_AT);
        DeliveryRecord storage delivery = _deliveries[index];
        uint32 id = delivery.project;
        bool accepted = entry.u8(EntryLayout.ACCEPTANCE_ACCEPTED_AT) != 0;
        if (accepted) {
            delivery.outcome = Outcome.ACCEPTED;
            _projects[id].settled += delivery.units;
        } else {
            delivery.outcome = Outcome.REFUSED;
            _taken.free(id, delivery.first, delivery.units);
        }
        emit DeliveryDecided(index, id, accepted);
        // A project is no account: what lies in all projects is one bucket of the ledger's.
        return
            HeldParts.postings(
                entry,
                EntryLayout.ACCEPTANCE_PARTS_COUNT_AT,
                Moves.DELIVER,
                Moves.MILLIPOINTS,
                address(0)
            );
    }

    function _applySurvival(bytes memory entry) private {
        uint64 index = entry.u64(EntryLayout.SURVIVAL_REPORT_DELIVERY_AT);
        uint8 months = entry.u8(EntryLayout.SURVIVAL_REPORT_MONTHS_AT);
        _nullifiers[bytes32(entry.word(EntryLayout.SURVIVAL_REPORT_NULLIFIER_AT))] = true;
        _deliveries[index].reports |= _reportBit(months);
        uint32 surviving = entry.u32(EntryLayout.SURVIVAL_REPORT_SURVIVING_AT);
        emit SurvivalReported(index, _deliveries[index].project, months, surviving);
    }

    function _applyReturn(bytes memory entry) private returns (uint256[] memory) {
        uint64 index = entry.u64(EntryLayout.PLEDGE_RETURNED_PLEDGE_AT);
        address account = entry.addr(EntryLayout.PLEDGE_RETURNED_ACCOUNT_AT);
        uint32 units = entry.u32(EntryLayout.PLEDGE_RETURNED_UNITS_AT);
        PledgeRecord memory pledged = _pledges[index];
        _projects[pledged.project].settled += units;
        _taken.take(pledged.project, pledged.first, pledged.units);
        emit PledgeReturned(index, account, pledged.project, units);
        return
            HeldParts.postings(
                entry,
                EntryLayout.PLEDGE_RETURNED_PARTS_COUNT_AT,
                Moves.RETURN,
                Moves.MILLIPOINTS,
                account
            );
    }

    /// @dev The bit of a report; 0: there is none after so many months.
    function _reportBit(uint8 months) internal pure returns (uint8) {
        if (months == SHORT_MONTHS) return 1;
        return months == LONG_MONTHS ? 2 : 0;
    }

    /// @dev Hash of what of a project's entry never changes: all between its time and its state.
    function _termsOf(bytes memory entry) internal pure returns (bytes32 hash) {
        uint256 from = entry.addressOf(EntryLayout.HEADER_BYTES);
        uint256 length = EntryLayout.PROJECT_STATE_AT - EntryLayout.HEADER_BYTES;
        assembly ("memory-safe") {
            // Within the entry: its length has been checked, or it was built here.
            hash := keccak256(from, length)
        }
    }

    function _requireWhole(bytes memory entry, uint256 partsAt, uint256 tail) private pure {
        if (entry.length <= partsAt) revert LuyaModuleBadLength(entry.length);
        _requireLength(entry, HeldParts.end(entry, partsAt) + tail);
    }

    function _requireLength(bytes memory entry, uint256 length) private pure {
        if (entry.length != length) revert LuyaModuleBadLength(entry.length);
    }

    // --------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ILuyaProjects
    function progress(uint32 id) external view returns (Progress memory) {
        Project memory project = _projects[id];
        return
            Progress(
                project.state,
                project.organisation,
                project.survival,
                project.price,
                project.target,
                project.pledged,
                project.settled,
                project.opens,
                project.closes
            );
    }

    /// @inheritdoc ILuyaProjects
    function pledgeAt(
        uint64 index
    ) external view returns (address account, uint32 project, uint32 first, uint32 units) {
        PledgeRecord memory found = _pledges[index];
        return (found.account, found.project, found.first, found.units);
    }

    /// @inheritdoc ILuyaProjects
    function deliveryAt(
        uint64 index
    ) external view returns (uint32 project, uint32 first, uint32 units, uint16 day, Outcome outcome, uint8 reports) {
        DeliveryRecord memory found = _deliveries[index];
        return (found.project, found.first, found.units, found.day, found.outcome, found.reports);
    }

    /// @inheritdoc ILuyaProjects
    function pledgedIn(uint32 id) external view returns (uint64) {
        Project memory project = _projects[id];
        return (project.pledged - project.settled) * project.price;
    }

    /// @inheritdoc ILuyaProjects
    function isTaken(uint32 project, uint32 unit) external view returns (bool) {
        return _taken.isTaken(project, unit);
    }

    /// @inheritdoc ILuyaProjects
    function isUsed(bytes32 nullifier) external view returns (bool) {
        return _nullifiers[nullifier];
    }
}
