// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaModule} from "./ILuyaModule.sol";

/// @title Public-good projects: points pledged unit by unit, deliveries with evidence, accepted by somebody else
/// @notice Units of a project are numbered from 0 in the order in which they are pledged. A pledge holds a range of
/// them, a delivery too: so each pledge leads to its deliveries, and each delivery to its pledges. A unit's points are
/// those at its place in its pledge's parts, the oldest vintage first. Acts of residents and agents are EIP-712 under
/// the ledger's domain, signed by who acts; anybody may send them.
interface ILuyaProjects is ILuyaModule {
    // -------------------------------------------------------------------------------------------------------- types

    /// @notice A project's state. OPEN takes pledges and deliveries; CLOSED deliveries only; ABANDONED neither, and
    /// what is not delivered goes back.
    enum State {
        NONE,
        OPEN,
        CLOSED,
        ABANDONED
    }

    /// @notice What has become of a delivery. REFUSED: its units are free to be delivered again.
    enum Outcome {
        NONE,
        PENDING,
        ACCEPTED,
        REFUSED
    }

    /// @notice A project's terms; they never change.
    /// @param project its number, not 0
    /// @param organisation who carries it out
    /// @param kind 1 seedlings, 2 fish released, 3 river cleanings
    /// @param price millipoints a unit, not 0
    /// @param settlement fen that a delivered unit is worth to the organisation
    /// @param target units that can be pledged at most, not 0
    /// @param opens unix seconds, the first at which units may be pledged
    /// @param closes unix seconds, the first at which they no longer may
    /// @param survival 1: reports are due 12 and 36 months after a delivery
    /// @param text SHA-256 of its published description, not 0
    struct Terms {
        uint32 project;
        uint16 organisation;
        uint8 kind;
        uint64 price;
        uint64 settlement;
        uint32 target;
        uint64 opens;
        uint64 closes;
        uint8 survival;
        bytes32 text;
    }

    /// @notice Pledge(address account,uint32 project,uint32 units,uint64 maxPrice,uint64 nonce,uint64 deadline)
    /// @param units 1 … 1,000
    /// @param maxPrice millipoints for all units together, at most
    /// @param deadline unix seconds, the last at which it may be appended
    /// @param signature of the account's controller, or of its session key with that scope
    struct PledgeAct {
        address account;
        uint32 project;
        uint32 units;
        uint64 maxPrice;
        uint64 nonce;
        uint64 deadline;
        bytes signature;
    }

    /// @notice Delivery(uint32 project,uint32 first,uint32 units,uint16 day,uint32 latitude,uint32 longitude,
    /// bytes32 evidence,bytes32 nullifier)
    /// @param first its first unit
    /// @param units 1 … 1,000
    /// @param day when it was carried out
    /// @param latitude (degrees north + 90) × 10^6
    /// @param longitude (degrees east + 180) × 10^6
    /// @param evidence salted commitment, not 0
    /// @param nullifier of its photo, not 0: once over all deliveries and survival reports
    struct DeliveryAct {
        uint32 project;
        uint32 first;
        uint32 units;
        uint16 day;
        uint32 latitude;
        uint32 longitude;
        bytes32 evidence;
        bytes32 nullifier;
    }

    /// @notice Survival(uint64 delivery,uint8 months,uint32 surviving,uint16 day,bytes32 evidence,bytes32 nullifier)
    /// @param delivery log index of the delivery
    /// @param months 12 or 36
    /// @param surviving units that still live, at most the delivery's
    /// @param day when it was looked at: at least 366 or 1,096 days after the delivery's
    /// @param evidence salted commitment, not 0
    /// @param nullifier of its photo, not 0
    struct SurvivalAct {
        uint64 delivery;
        uint8 months;
        uint32 surviving;
        uint16 day;
        bytes32 evidence;
        bytes32 nullifier;
    }

    /// @notice How far a project is. `settled`: units accepted or returned.
    struct Progress {
        State state;
        uint16 organisation;
        uint8 survival;
        uint64 price;
        uint32 target;
        uint32 pledged;
        uint32 settled;
        uint64 opens;
        uint64 closes;
    }

    // ------------------------------------------------------------------------------------------------------- events

    /// @notice A project was opened, closed or abandoned.
    event ProjectSet(uint32 indexed project, uint16 indexed organisation, State state);
    /// @notice A resident pledged units `first` … `first` + `units` − 1; `index` is the pledge's name from now on.
    event Pledged(uint64 indexed index, address indexed account, uint32 indexed project, uint32 first, uint32 units);
    /// @notice Units were delivered and wait for their acceptor; `index` is the delivery's name from now on.
    event Delivered(uint64 indexed index, uint32 indexed project, uint32 first, uint32 units);
    /// @notice An acceptor of another organisation decided.
    event DeliveryDecided(uint64 indexed delivery, uint32 indexed project, bool accepted);
    /// @notice What lives of a delivery after 12 or 36 months.
    event SurvivalReported(uint64 indexed delivery, uint32 indexed project, uint8 months, uint32 surviving);
    /// @notice Undelivered units of an abandoned project's pledge were given back.
    event PledgeReturned(uint64 indexed pledge, address indexed account, uint32 indexed project, uint32 units);
    /// @notice An act of a batch was refused; `reason` is the error that it would have reverted with.
    event ActRefused(uint256 indexed position, bytes reason);

    // ------------------------------------------------------------------------------------------------------- errors

    /// @notice A number that must not be 0 is, the kind or survival is unknown, or price or settlement of the whole
    /// target would not fit in 64 bits.
    error LuyaProjectsBadTerms(uint32 project);
    /// @notice The project would close before it opens, or is closed already.
    error LuyaProjectsBadPeriod(uint32 project, uint64 opens, uint64 closes);
    /// @notice The organisation is unknown or disabled.
    error LuyaProjectsOrganisationNotActive(uint16 organisation);
    /// @notice A project's terms never change.
    error LuyaProjectsTermsChanged(uint32 project);
    /// @notice A project goes from open to closed or abandoned, and from closed to abandoned.
    error LuyaProjectsBadState(uint32 project, State current, State asked);
    /// @notice The project is unknown, not open, or it is not the time for pledges.
    error LuyaProjectsNotOpen(uint32 project, State state, uint64 opens, uint64 closes);
    /// @notice No unit, or more than 1,000.
    error LuyaProjectsBadUnits(uint32 units);
    /// @notice Fewer units are left to be pledged.
    error LuyaProjectsOverTarget(uint32 project, uint32 left, uint32 units);
    /// @notice The units cost more than the act allows.
    error LuyaProjectsOverPrice(uint32 project, uint64 price, uint64 maxPrice);
    /// @notice The act's deadline has passed.
    error LuyaProjectsPastDeadline(uint64 deadline);
    /// @notice The signature is malformed or not canonical.
    error LuyaProjectsBadSignature();
    /// @notice The project is unknown or abandoned: it takes no deliveries.
    error LuyaProjectsNoDeliveries(uint32 project, State state);
    /// @notice The delivery goes beyond the units that are pledged.
    error LuyaProjectsNotPledged(uint32 project, uint32 first, uint32 units, uint32 pledged);
    /// @notice A delivery that stands, or is pending, already has one of these units.
    error LuyaProjectsUnitsTaken(uint32 project, uint32 first, uint32 units);
    /// @notice The day lies outside its bounds.
    error LuyaProjectsBadDay(uint16 day, uint32 earliest, uint32 latest);
    /// @notice There is no such place.
    error LuyaProjectsBadPlace(uint32 latitude, uint32 longitude);
    /// @notice Evidence or nullifier is missing.
    error LuyaProjectsNoEvidence();
    /// @notice The photo was used before.
    error LuyaProjectsNullifierUsed(bytes32 nullifier);
    /// @notice The signer is not an active agent with that role, or of the wrong organisation: a delivery is signed by
    /// a merchant of the project's organisation, everything about it afterwards by an acceptor of another one.
    error LuyaProjectsNotAgent(address signer, uint16 organisation, uint8 role);
    /// @notice The entry is no delivery, or it is not pending (for a decision) or not accepted (for a report).
    error LuyaProjectsBadDelivery(uint64 delivery, Outcome outcome);
    /// @notice Accepted is 0 or 1.
    error LuyaProjectsBadDecision(uint8 accepted);
    /// @notice Reports are due after 12 and 36 months, once each, and only where the project has them.
    error LuyaProjectsReportNotDue(uint64 delivery, uint8 months);
    /// @notice More live than were delivered.
    error LuyaProjectsTooManySurvive(uint64 delivery, uint32 surviving, uint32 units);
    /// @notice The entry is no pledge, its project is not abandoned, or all its units are delivered or returned.
    error LuyaProjectsNothingToReturn(uint64 pledge);
    /// @notice Too little gas was sent along for the rest of the batch.
    error LuyaProjectsOutOfGas(uint256 position);

    // -------------------------------------------------------------------------------------------- acts of the office

    /// @notice Opens a project, closes or abandons it; the terms are repeated as they are. Role: catalogue manager.
    /// @param terms all its terms
    /// @param state OPEN for a new project; CLOSED or ABANDONED later
    function setProject(Terms calldata terms, State state) external;

    // ----------------------------------------------------------------------------------------------- acts of residents

    /// @notice Pledges units: their points are moved at once, the oldest vintage first.
    function pledge(PledgeAct calldata act) external;

    /// @notice Many pledges; a refused one is skipped with `ActRefused`.
    function pledgeMany(PledgeAct[] calldata acts) external;

    /// @notice Gives back the points of a pledge's undelivered units, to the vintages that they came from, once its
    /// project is abandoned. Anyone may.
    /// @param index the pledge
    function returnPledge(uint64 index) external;

    // -------------------------------------------------------------------------------------------------- acts of agents

    /// @notice Delivers units. Signed by a merchant of the project's organisation.
    function deliver(DeliveryAct calldata act, bytes calldata signature) external;

    /// @notice Decides on a delivery: Acceptance(uint64 delivery,uint8 accepted,bytes32 evidence). Signed by an
    /// acceptor of another organisation than the project's. Accepted: its units' points are redeemed.
    /// @param delivery log index of the delivery
    /// @param accepted 1, or 0: its units are free again
    /// @param evidence salted commitment, not 0
    function accept(uint64 delivery, uint8 accepted, bytes32 evidence, bytes calldata signature) external;

    /// @notice Reports what lives of an accepted delivery. Signed as a decision is.
    function reportSurvival(SurvivalAct calldata act, bytes calldata signature) external;

    // -------------------------------------------------------------------------------------------------------- views

    /// @notice A project; state NONE: unknown.
    function progress(uint32 project) external view returns (Progress memory);

    /// @notice A pledge; units 0: the entry is none.
    function pledgeAt(uint64 index) external view returns (address account, uint32 project, uint32 first, uint32 units);

    /// @notice A delivery; outcome NONE: the entry is none.
    /// @param reports bit 0: the report after 12 months is there, bit 1: that after 36
    function deliveryAt(
        uint64 index
    ) external view returns (uint32 project, uint32 first, uint32 units, uint16 day, Outcome outcome, uint8 reports);

    /// @notice Millipoints that lie in a project: of units pledged and neither accepted nor returned.
    function pledgedIn(uint32 project) external view returns (uint64);

    /// @notice Whether a unit is in a pending or accepted delivery, or was returned.
    function isTaken(uint32 project, uint32 unit) external view returns (bool);

    /// @notice Whether a photo was used.
    function isUsed(bytes32 nullifier) external view returns (bool);
}
