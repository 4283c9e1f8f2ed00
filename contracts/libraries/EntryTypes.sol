// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title Types, lengths and field offsets of log entries
library EntryTypes {
    uint8 internal constant REDUCTION = 0x01;
    uint8 internal constant REDUCTION_WITH_NULLIFIER = 0x02;
    uint8 internal constant REFUSAL = 0x03;
    uint8 internal constant REVOCATION = 0x04;
    /// @notice First and last type of what becomes of points and credits: given to modules.
    uint8 internal constant FIRST_MODULE = 0x10;
    uint8 internal constant LAST_MODULE = 0x2F;
    uint8 internal constant ACCOUNT = 0x40;
    uint8 internal constant ORGANISATION = 0x41;
    uint8 internal constant FEED = 0x42;
    uint8 internal constant METHOD = 0x43;
    uint8 internal constant GROUP_CAPS = 0x44;
    uint8 internal constant CAMPAIGN = 0x45;
    uint8 internal constant PAUSE = 0x46;
    uint8 internal constant LOG_KEY = 0x47;

    /// @notice type u8 ‖ time u64.
    uint256 internal constant HEADER_BYTES = 9;
    uint256 internal constant REDUCTION_BYTES = 107;
    uint256 internal constant REDUCTION_WITH_NULLIFIER_BYTES = 139;
    uint256 internal constant REFUSAL_BYTES = 21;
    uint256 internal constant REVOCATION_BYTES = 84;
    uint256 internal constant ACCOUNT_BYTES = 86;

    // Offsets in reductions (and refusals, up to the sequence).
    uint256 internal constant TIME_AT = 1;
    uint256 internal constant FEED_AT = 9;
    uint256 internal constant SEQUENCE_AT = 11;
    uint256 internal constant RECORD_AT = 19;
    uint256 internal constant CREDITS_AT = 83;
    uint256 internal constant MILLIPOINTS_AT = 91;
    uint256 internal constant BONUS_AT = 99;
    uint256 internal constant NULLIFIER_AT = 107;

    // Offsets in feeds: signers begin at SIGNERS_AT, what follows them is counted from there.
    uint256 internal constant FEED_ORGANISATION_AT = 11;
    uint256 internal constant FEED_VERSION_AT = 13;
    uint256 internal constant FEED_THRESHOLD_AT = 17;
    uint256 internal constant FEED_SIGNER_COUNT_AT = 18;
    uint256 internal constant FEED_SIGNERS_AT = 19;
    /// @notice late days u16, caps u64 u64: between signers and methods.
    uint256 internal constant FEED_BOUNDS_BYTES = 18;

    // Offsets in methods: what follows the window's pairs is counted from their end.
    uint256 internal constant METHOD_BEHAVIOUR_AT = 11;
    uint256 internal constant METHOD_GROUP_AT = 13;
    uint256 internal constant METHOD_CREDIT_NUM_AT = 14;
    uint256 internal constant METHOD_CREDIT_DEN_AT = 22;
    uint256 internal constant METHOD_POINT_NUM_AT = 30;
    uint256 internal constant METHOD_POINT_DEN_AT = 38;
    uint256 internal constant METHOD_MAX_ACTIVITY_AT = 46;
    uint256 internal constant METHOD_MAX_PER_SLOT_AT = 50;
    uint256 internal constant METHOD_WINDOW_AT = 54;

    /// @notice A window rule: slots are free to choose.
    uint8 internal constant WINDOW_FREE = 0;
    /// @notice A window rule: at most this many (first, count) pairs.
    uint8 internal constant WINDOW_MAX = 8;
    /// @notice A window rule: no slots are claimed, the nullifier tells one thing from another.
    uint8 internal constant WINDOW_NONE = 255;

    /// @notice Late days of a feed on trial: no bound, and closed vintages still earn.
    uint16 internal constant TRIAL_LATE_DAYS = 65_535;
}
