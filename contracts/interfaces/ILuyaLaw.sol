// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaModule} from "./ILuyaModule.sol";

/// @title The law: organisations, feeds, methods, caps of exclusion groups
/// @notice Each act is one entry in the ledger's log that carries the full value; the law keeps the latest entry of
/// each id verbatim and answers from it.
interface ILuyaLaw is ILuyaModule {
    /// @notice What a feed's administrator decides.
    /// @param feed its id, not 0
    /// @param organisation an active organisation
    /// @param threshold signatures needed, more than half of the signers
    /// @param signers 1 … 32 addresses, strictly ascending
    /// @param lateDays 0 … 63, or 65535 for a trial feed
    /// @param creditsCap milligrams for all accounts together per block day
    /// @param millipointsCap millipoints for all accounts together per block day
    /// @param methods 1 … 64 announced methods, strictly ascending
    struct FeedSettings {
        uint16 feed;
        uint16 organisation;
        uint8 threshold;
        address[] signers;
        uint16 lateDays;
        uint64 creditsCap;
        uint64 millipointsCap;
        uint16[] methods;
    }

    /// @notice One immutable version of a methodology.
    /// @param id its id, not 0, never used before
    /// @param behaviour the id of the behaviour's first version
    /// @param group exclusion group, the same for all versions of a behaviour, not 0
    /// @param creditNum milligrams per unit of activity: numerator
    /// @param creditDen … denominator, not 0
    /// @param pointNum millipoints per unit of activity: numerator
    /// @param pointDen … denominator, not 0
    /// @param maxActivity most activity of one record, not 0
    /// @param maxPerSlot most activity per claimed slot (and one more), 0 = no such bound
    /// @param window 0x00 free; 0x01…0x08 and that many (first, count) pairs; 0xff none (needs the nullifier flag)
    /// @param validFrom first day
    /// @param validTo last day, 65535 = open
    /// @param flags bit 0 nullifier required, bits 1–2 evidence class 0 … 2
    /// @param text SHA-256 of the published text
    struct MethodSettings {
        uint16 id;
        uint16 behaviour;
        uint8 group;
        uint64 creditNum;
        uint64 creditDen;
        uint64 pointNum;
        uint64 pointDen;
        uint32 maxActivity;
        uint32 maxPerSlot;
        bytes window;
        uint16 validFrom;
        uint16 validTo;
        uint8 flags;
        bytes32 text;
    }

    /// @notice An organisation was registered or changed.
    event OrganisationSet(uint16 indexed organisation, bytes32 description, uint8 state);
    /// @notice A feed was registered or changed.
    event FeedSet(uint16 indexed feed, uint32 signerSetVersion, uint8 state);
    /// @notice A method was announced, or its validity shortened.
    event MethodSet(uint16 indexed method, uint16 validFrom, uint16 validTo);
    /// @notice The caps of a group were set.
    event GroupCapsSet(uint8 indexed group, uint64 credits, uint64 millipoints);
    /// @notice From now on methods are announced before they take effect.
    event GenesisClosed();

    /// @notice Only the ledger may call this.
    error LuyaLawNotLedger(address caller);
    /// @notice The entry's type is not the law's.
    error LuyaLawWrongType(uint8 entryType);
    /// @notice An imported entry has not the length of its kind.
    error LuyaLawBadLength(uint256 length);
    /// @notice Ids start at 1 and states are 1 (active) or 2 (disabled).
    error LuyaLawBadOrganisation(uint16 organisation, uint8 state);
    /// @notice The organisation is unknown or disabled.
    error LuyaLawOrganisationNotActive(uint16 organisation);
    /// @notice The feed's id is 0, or the feed is unknown.
    error LuyaLawUnknownFeed(uint16 feed);
    /// @notice The threshold is not more than half of the signers, or above their number.
    error LuyaLawBadThreshold(uint8 threshold, uint256 signers);
    /// @notice The signer at this position is zero, not above the one before it, or beyond the 32nd.
    error LuyaLawBadSigner(uint256 position, address signer);
    /// @notice The address is none of the feed's signers.
    error LuyaLawUnknownSigner(uint16 feed, address signer);
    /// @notice Late days are 0 … 63, or 65535 for a trial feed.
    error LuyaLawBadLateDays(uint16 lateDays);
    /// @notice The method at this position is unknown, not above the one before it, or beyond the 64th.
    error LuyaLawBadMethod(uint256 position, uint16 method);
    /// @notice The method is unknown.
    error LuyaLawUnknownMethod(uint16 method);
    /// @notice The id is 0 or was announced before: versions never change.
    error LuyaLawMethodNotNew(uint16 method);
    /// @notice The behaviour is unknown or has another group.
    error LuyaLawBadBehaviour(uint16 behaviour, uint8 group);
    /// @notice A denominator or the maximum activity is 0, or a flag is unknown.
    error LuyaLawBadTerms(uint16 method);
    /// @notice The window rule is malformed, or claims nothing without a nullifier.
    error LuyaLawBadWindow(uint16 method);
    /// @notice The validity is empty, before 2008, begins too early, or is not a shortening.
    error LuyaLawBadValidity(uint16 method, uint16 validFrom, uint16 validTo);
    /// @notice Another version of the behaviour is valid on one of these days.
    error LuyaLawValidityOverlaps(uint16 method, uint16 other);
    /// @notice A group is not 0 and its caps are below 2^30.
    error LuyaLawBadCaps(uint8 group, uint64 credits, uint64 millipoints);
    /// @notice The act was made to replace another entry than the one in force, whose hash is `current` (0: none).
    error LuyaLawReplacesAnother(uint8 entryType, uint16 id, bytes32 current);
    /// @notice A feed stays with the organisation that it was registered for.
    error LuyaLawFeedKeepsOrganisation(uint16 feed, uint16 organisation);
    /// @notice A brake may lower, never raise.
    error LuyaLawCapsNotLower();
    /// @notice The genesis is closed already.
    error LuyaLawGenesisAlreadyClosed();

    /// @notice Registers or changes an organisation. Role: governance.
    /// @param organisation its id, not 0
    /// @param description SHA-256 of its published description
    /// @param state 1 active, 2 disabled
    /// @param replaces keccak256 of the entry in force (`entryHash`), 0 where there is none: what was scheduled before
    /// another change, a brake's above all, does not undo it
    function setOrganisation(uint16 organisation, bytes32 description, uint8 state, bytes32 replaces) external;

    /// @notice Disables an organisation, and with it all its feeds, at once. Role: feed brake.
    /// @param organisation an active organisation
    function disableOrganisation(uint16 organisation) external;

    /// @notice Registers or changes a feed; it becomes active. Its version grows, whatever changes. Role: feed
    /// administrator.
    /// @param settings all its settings; the organisation is the one it was registered for
    /// @param replaces keccak256 of the entry in force (`entryHash`), 0 where there is none: what was scheduled before
    /// another change, a brake's above all, does not undo it
    function setFeed(FeedSettings calldata settings, bytes32 replaces) external;

    /// @notice Disables a feed at once. Role: feed brake.
    /// @param feed the feed
    function disableFeed(uint16 feed) external;

    /// @notice Lowers a feed's daily caps at once. Role: feed brake.
    /// @param feed the feed
    /// @param credits milligrams, not above the present cap
    /// @param millipoints not above the present cap
    function lowerFeedCaps(uint16 feed, uint64 credits, uint64 millipoints) external;

    /// @notice Takes a signer out of a feed at once. Where the rest could no longer reach the threshold, the feed is
    /// disabled instead. Role: feed brake.
    /// @param feed the feed
    /// @param signer one of its signers
    function disableSigner(uint16 feed, address signer) external;

    /// @notice Announces a method. Role: governance.
    /// @param settings its terms; after the genesis is closed it begins tomorrow at the earliest
    function announceMethod(MethodSettings calldata settings) external;

    /// @notice Shortens a method's validity, at once. Role: feed brake.
    /// @param method the method
    /// @param validTo its new last day, today at the earliest
    function endMethod(uint16 method, uint16 validTo) external;

    /// @notice Sets the caps per account and day of a group. Role: governance.
    /// @param group the exclusion group
    /// @param credits milligrams, below 2^30
    /// @param millipoints below 2^30
    /// @param replaces keccak256 of the entry in force (`entryHash`), 0 where there is none: what was scheduled before
    /// another change, a brake's above all, does not undo it
    function setGroupCaps(uint8 group, uint64 credits, uint64 millipoints, bytes32 replaces) external;

    /// @notice Lowers the caps of a group at once. Role: feed brake.
    /// @param group the exclusion group
    /// @param credits milligrams, not above the present cap
    /// @param millipoints not above the present cap
    function lowerGroupCaps(uint8 group, uint64 credits, uint64 millipoints) external;

    /// @notice Ends the genesis, in which methods may be valid from the past. One way. Role: importer.
    function closeGenesis() external;

    /// @notice The ledger whose law this is.
    function ledger() external view returns (address);

    /// @notice Whether methods must be announced before they take effect.
    function isGenesisClosed() external view returns (bool);

    /// @notice An organisation; state 0: unknown.
    /// @param organisation its id
    function organisation(uint16 organisation) external view returns (bytes32 description, uint8 state);

    /// @notice A feed; state 0: unknown.
    /// @param feed its id
    /// @return settings as last set
    /// @return version how often its settings were set or it lost a signer
    /// @return state 1 active, 2 disabled
    function feed(uint16 feed) external view returns (FeedSettings memory settings, uint32 version, uint8 state);

    /// @notice A method; id 0: unknown.
    /// @param method its id
    function method(uint16 method) external view returns (MethodSettings memory settings);

    /// @notice The caps per account and day of a group.
    /// @param group the exclusion group
    function groupCaps(uint8 group) external view returns (uint64 credits, uint64 millipoints);

    /// @notice keccak256 of the entry in force: what the next act on it must name as replaced. 0: there is none.
    /// @param entryType 0x41 organisation, 0x42 feed, 0x43 method, 0x44 caps of a group
    /// @param id of the organisation, feed, method or group
    function entryHash(uint8 entryType, uint16 id) external view returns (bytes32);

    /// @notice What the ledger asks once a batch: the feed's entry, empty when unknown, and whether it may record.
    /// @param feed its id
    function feedTerms(uint16 feed) external view returns (bytes memory entry, bool active);

    /// @notice What the ledger asks once a batch and method: its entry, empty when unknown, and its group's caps.
    /// @param method its id
    function methodTerms(
        uint16 method
    ) external view returns (bytes memory entry, uint64 creditsCap, uint64 millipointsCap);
}
