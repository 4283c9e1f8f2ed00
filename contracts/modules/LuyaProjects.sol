// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaAgents} from "../interfaces/ILuyaAgents.sol";
import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
import {ILuyaProjects} from "../interfaces/ILuyaProjects.sol";
import {AgentRoles} from "../libraries/AgentRoles.sol";
import {Calendar} from "../libraries/Calendar.sol";
import {EntryLayout} from "../libraries/EntryLayout.sol";
import {HeldParts} from "../libraries/HeldParts.sol";
import {Moves} from "../libraries/Moves.sol";
import {PledgeRuns} from "../libraries/PledgeRuns.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {UnitBits} from "../libraries/UnitBits.sol";
import {Module} from "./Module.sol";
import {ProjectBooks} from "./ProjectBooks.sol";

/// @title Public-good projects: what is checked before an entry is made
contract LuyaProjects is ProjectBooks {
    using PledgeRuns for PledgeRuns.Runs;
    using UnitBits for UnitBits.Bits;

    bytes32 private constant _PLEDGE_TYPE = keccak256(
        "Pledge(address account,uint32 project,uint32 units,uint64 maxPrice,uint64 nonce,uint64 deadline)"
    );
    bytes32 private constant _DELIVERY_TYPE = keccak256(
        "Delivery(uint32 project,uint32 first,uint32 units,uint16 day,uint32 latitude,uint32 longitude,"
        "bytes32 evidence,bytes32 nullifier)"
    );
    bytes32 private constant _ACCEPTANCE_TYPE = keccak256(
        "Acceptance(uint64 delivery,uint8 accepted,bytes32 evidence)"
    );
    bytes32 private constant _SURVIVAL_TYPE = keccak256(
        "Survival(uint64 delivery,uint8 months,uint32 surviving,uint16 day,bytes32 evidence,bytes32 nullifier)"
    );

    uint8 private constant _LAST_KIND = 3;
    uint8 private constant _ORGANISATION_ACTIVE = 1;
    uint32 private constant _MOST_UNITS = 1_000;
    uint32 private constant _MOST_LATITUDE = 180_000_000;
    uint32 private constant _MOST_LONGITUDE = 360_000_000;
    /// So many days after a delivery, 12 or 36 months have passed whatever the years.
    uint256 private constant _SHORT_DAYS = 366;
    uint256 private constant _LONG_DAYS = 1_096;

    /// @param authority_ the AccessManager
    /// @param ledger_ the ledger whose module this becomes
    constructor(address authority_, address ledger_) Module(authority_, ledger_) {}

    // --------------------------------------------------------------------------------------------- acts of the office

    /// @inheritdoc ILuyaProjects
    function setProject(Terms calldata terms, State state) external restricted {
        bytes memory entry = abi.encodePacked(
            _header(EntryLayout.PROJECT),
            terms.project,
            terms.organisation,
            terms.kind,
            terms.price,
            terms.settlement,
            terms.target,
            terms.opens,
            terms.closes,
            terms.survival,
            terms.text,
            uint8(state)
        );
        Project storage project = _projects[terms.project];
        State current = project.state;
        if (current == State.NONE) {
            _checkTerms(terms);
            if (state != State.OPEN) revert LuyaProjectsBadState(terms.project, current, state);
        } else {
            if (_termsOf(entry) != project.terms) revert LuyaProjectsTermsChanged(terms.project);
            // Also refuses OPEN again, and NONE: both are not above what it is.
            if (state <= current) revert LuyaProjectsBadState(terms.project, current, state);
        }
        _append(entry);
    }

    function _checkTerms(Terms calldata terms) private view {
        if (
            terms.project == 0 ||
            terms.kind == 0 ||
            terms.kind > _LAST_KIND ||
            terms.price == 0 ||
            terms.target == 0 ||
            terms.survival > 1 ||
            terms.text == 0 ||
            uint256(terms.price) * terms.target > type(uint64).max ||
            uint256(terms.settlement) * terms.target > type(uint64).max
        ) revert LuyaProjectsBadTerms(terms.project);
        if (terms.closes <= terms.opens || terms.closes <= block.timestamp) {
            revert LuyaProjectsBadPeriod(terms.project, terms.opens, terms.closes);
        }
        (, uint8 state) = ILuyaLaw(_ledger.module(EntryLayout.ORGANISATION)).organisation(terms.organisation);
        if (state != _ORGANISATION_ACTIVE) revert LuyaProjectsOrganisationNotActive(terms.organisation);
    }

    // ----------------------------------------------------------------------------------------------- acts of residents

    /// @inheritdoc ILuyaProjects
    function pledge(PledgeAct calldata act) public {
        Project memory project = _projects[act.project];
        if (project.state != State.OPEN || block.timestamp < project.opens || block.timestamp >= project.closes) {
            revert LuyaProjectsNotOpen(act.project, project.state, project.opens, project.closes);
        }
        if (act.units == 0 || act.units > _MOST_UNITS) revert LuyaProjectsBadUnits(act.units);
        uint32 left = project.target - project.pledged;
        if (act.units > left) revert LuyaProjectsOverTarget(act.project, left, act.units);
        // Price times target is below 2^64.
        uint64 amount = act.units * project.price;
        if (amount > act.maxPrice) revert LuyaProjectsOverPrice(act.project, amount, act.maxPrice);
        if (block.timestamp > act.deadline) revert LuyaProjectsPastDeadline(act.deadline);
        address signer = _signerOf(
            abi.encode(_PLEDGE_TYPE, act.account, act.project, act.units, act.maxPrice, act.nonce, act.deadline),
            act.signature
        );
        // Who may sign, and the nonce, is asked when the entry is applied.
        _append(
            bytes.concat(
                abi.encodePacked(
                    _header(EntryLayout.PLEDGE),
                    act.account,
                    act.project,
                    project.pledged,
                    act.units,
                    project.price,
                    act.maxPrice
                ),
                HeldParts.oldestFirst(_ledger, act.account, Moves.MILLIPOINTS, amount),
                abi.encodePacked(signer, act.nonce, act.deadline, act.signature)
            )
        );
    }

    /// @inheritdoc ILuyaProjects
    function pledgeMany(PledgeAct[] calldata acts) external {
        for (uint256 i = 0; i < acts.length; ++i) {
            try this.pledge(acts[i]) {
                continue;
            } catch (bytes memory reason) {
                // All refusals have a reason: without one the gas ran out, which is the sender's fault.
                if (reason.length == 0) revert LuyaProjectsOutOfGas(i);
                emit ActRefused(i, reason);
            }
        }
    }

    /// @inheritdoc ILuyaProjects
    function returnPledge(uint64 index) external {
        PledgeRecord memory pledged = _pledges[index];
        Project memory project = _projects[pledged.project];
        if (project.state != State.ABANDONED) revert LuyaProjectsNothingToReturn(index);
        (uint32 units, bytes memory parts) = _undelivered(pledged, project.price);
        if (units == 0) revert LuyaProjectsNothingToReturn(index);
        _append(
            bytes.concat(
                abi.encodePacked(_header(EntryLayout.PLEDGE_RETURNED), index, pledged.project, pledged.account, units),
                parts
            )
        );
    }

    /// @dev How many of a pledge's units are free, and their points.
    function _undelivered(
        PledgeRecord memory pledged,
        uint256 price
    ) private view returns (uint32 units, bytes memory parts) {
        uint64[] memory sum = PledgeRuns.open();
        uint256 end = uint256(pledged.first) + pledged.units;
        for (uint256 unit = pledged.first; unit < end; ++unit) {
            if (_taken.isTaken(pledged.project, unit)) continue;
            uint256 from = unit;
            while (unit < end && !_taken.isTaken(pledged.project, unit)) ++unit;
            units += uint32(unit - from);
            _runs[pledged.project].add(from * price, unit * price, sum);
        }
        parts = PledgeRuns.toParts(sum);
    }

    // -------------------------------------------------------------------------------------------------- acts of agents

    /// @inheritdoc ILuyaProjects
    function deliver(DeliveryAct calldata act, bytes calldata signature) external {
        Project memory project = _projects[act.project];
        if (project.state != State.OPEN && project.state != State.CLOSED) {
            revert LuyaProjectsNoDeliveries(act.project, project.state);
        }
        if (act.units == 0 || act.units > _MOST_UNITS) revert LuyaProjectsBadUnits(act.units);
        if (uint256(act.first) + act.units > project.pledged) {
            revert LuyaProjectsNotPledged(act.project, act.first, act.units, project.pledged);
        }
        if (_taken.anyTaken(act.project, act.first, act.units)) {
            revert LuyaProjectsUnitsTaken(act.project, act.first, act.units);
        }
        _checkDay(act.day, Calendar.dayOf(project.opens));
        if (act.latitude > _MOST_LATITUDE || act.longitude > _MOST_LONGITUDE) {
            revert LuyaProjectsBadPlace(act.latitude, act.longitude);
        }
        _checkPhoto(act.evidence, act.nullifier);
        address signer = _signerOf(
            abi.encode(
                _DELIVERY_TYPE,
                act.project,
                act.first,
                act.units,
                act.day,
                act.latitude,
                act.longitude,
                act.evidence,
                act.nullifier
            ),
            signature
        );
        (uint16 organisation, uint8 role, bool active) = _agents().agentOf(signer);
        if (!active || role != AgentRoles.MERCHANT || organisation != project.organisation) {
            revert LuyaProjectsNotAgent(signer, organisation, role);
        }
        _append(
            abi.encodePacked(
                _header(EntryLayout.DELIVERY),
                act.project,
                act.first,
                act.units,
                act.day,
                act.latitude,
                act.longitude,
                act.evidence,
                act.nullifier,
                signer,
                signature
            )
        );
    }

    /// @inheritdoc ILuyaProjects
    function accept(uint64 index, uint8 accepted, bytes32 evidence, bytes calldata signature) external {
        DeliveryRecord memory delivery = _deliveries[index];
        if (delivery.outcome != Outcome.PENDING) revert LuyaProjectsBadDelivery(index, delivery.outcome);
        if (accepted > 1) revert LuyaProjectsBadDecision(accepted);
        if (evidence == 0) revert LuyaProjectsNoEvidence();
        address signer = _signerOf(abi.encode(_ACCEPTANCE_TYPE, index, accepted, evidence), signature);
        Project memory project = _projects[delivery.project];
        _checkAcceptor(signer, project.organisation);
        uint64[] memory sum = PledgeRuns.open();
        if (accepted == 1) {
            uint256 from = delivery.first * uint256(project.price);
            _runs[delivery.project].add(from, from + delivery.units * uint256(project.price), sum);
        }
        _append(
            bytes.concat(
                abi.encodePacked(_header(EntryLayout.ACCEPTANCE), index, delivery.project, accepted, evidence),
                PledgeRuns.toParts(sum),
                abi.encodePacked(signer, signature)
            )
        );
    }

    /// @inheritdoc ILuyaProjects
    function reportSurvival(SurvivalAct calldata act, bytes calldata signature) external {
        DeliveryRecord memory delivery = _deliveries[act.delivery];
        if (delivery.outcome != Outcome.ACCEPTED) revert LuyaProjectsBadDelivery(act.delivery, delivery.outcome);
        Project memory project = _projects[delivery.project];
        uint8 bit = _reportBit(act.months);
        if (project.survival == 0 || bit == 0 || delivery.reports & bit != 0) {
            revert LuyaProjectsReportNotDue(act.delivery, act.months);
        }
        if (act.surviving > delivery.units) {
            revert LuyaProjectsTooManySurvive(act.delivery, act.surviving, delivery.units);
        }
        _checkDay(act.day, delivery.day + (act.months == SHORT_MONTHS ? _SHORT_DAYS : _LONG_DAYS));
        _checkPhoto(act.evidence, act.nullifier);
        address signer = _signerOf(
            abi.encode(_SURVIVAL_TYPE, act.delivery, act.months, act.surviving, act.day, act.evidence, act.nullifier),
            signature
        );
        _checkAcceptor(signer, project.organisation);
        _append(
            abi.encodePacked(
                _header(EntryLayout.SURVIVAL_REPORT),
                act.delivery,
                delivery.project,
                act.months,
                act.surviving,
                act.day,
                act.evidence,
                act.nullifier,
                signer,
                signature
            )
        );
    }

    function _checkDay(uint16 day, uint256 earliest) private view {
        uint256 today = Calendar.dayOf(block.timestamp);
        if (day < earliest || day > today) revert LuyaProjectsBadDay(day, uint32(earliest), uint32(today));
    }

    function _checkPhoto(bytes32 evidence, bytes32 nullifier) private view {
        if (evidence == 0 || nullifier == 0) revert LuyaProjectsNoEvidence();
        if (_nullifiers[nullifier]) revert LuyaProjectsNullifierUsed(nullifier);
    }

    function _checkAcceptor(address signer, uint16 organisation) private view {
        (uint16 own, uint8 role, bool active) = _agents().agentOf(signer);
        if (!active || role != AgentRoles.ACCEPTOR || own == organisation) {
            revert LuyaProjectsNotAgent(signer, own, role);
        }
    }

    function _agents() private view returns (ILuyaAgents) {
        return ILuyaAgents(_ledger.module(EntryLayout.AGENT));
    }

    function _signerOf(bytes memory act, bytes calldata signature) private view returns (address signer) {
        if (signature.length != Signatures.BYTES) revert LuyaProjectsBadSignature();
        signer = Signatures.recover(_digest(keccak256(act)), signature);
        if (signer == address(0)) revert LuyaProjectsBadSignature();
    }
}
