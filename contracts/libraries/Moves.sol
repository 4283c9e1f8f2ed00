// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title What entries of modules may move in the books, and the word that says what one does move
/// @notice Python has the same in chain_node/protocol/moves.py, and a test compares them. A posting's word: move u8
/// (bits 248–255), unit u8 (240–247), vintage u16 (224–239), amount u64 (160–223), account (0–159). A transfer is
/// followed by one more word: the receiving account.
library Moves {
    /// @notice Units: credits in milligrams, points in thousandths.
    uint256 internal constant CREDITS = 0;
    uint256 internal constant MILLIPOINTS = 1;

    // ------------------------------------------------------------------------------------------------------- moves

    uint256 internal constant ISSUE = 1;
    uint256 internal constant BONUS = 2;
    uint256 internal constant REVOKE = 3;
    uint256 internal constant BOOK = 4;
    uint256 internal constant REDEEM = 5;
    uint256 internal constant REFUND = 6;
    uint256 internal constant PLEDGE = 7;
    uint256 internal constant DELIVER = 8;
    uint256 internal constant RETURN = 9;
    uint256 internal constant EXPIRE = 10;
    uint256 internal constant CARRY_OUT = 11;
    uint256 internal constant CARRY_IN = 12;
    uint256 internal constant RETIRE = 13;
    uint256 internal constant AGGREGATE = 14;
    uint256 internal constant BUFFER = 15;
    uint256 internal constant RETIRE_BATCH = 16;
    uint256 internal constant LOCK = 17;
    uint256 internal constant EXPORT = 18;
    uint256 internal constant UNLOCK = 19;
    uint256 internal constant ANSWER = 20;
    uint256 internal constant QUARANTINE = 21;
    uint256 internal constant RELEASE = 22;
    uint256 internal constant WITHDRAW = 23;
    uint256 internal constant RECOGNISE = 24;
    uint256 internal constant PRIZE = 25;
    uint256 internal constant DONATE = 26;
    uint256 internal constant LAPSE = 27;
    uint256 internal constant WAIVE = 28;
    uint256 internal constant TRANSFER = 29;
    uint256 internal constant TO_TREASURY = 30;
    uint256 internal constant FROM_TREASURY = 31;

    /// @notice Moves whose origin is a source: what they bring was not there before.
    uint256 internal constant SOURCES = (1 << ISSUE) | (1 << BONUS) | (1 << CARRY_IN) | (1 << RECOGNISE) | (1 << PRIZE);

    /// Bucket of origin by move, one byte each; byte 0 is no move.
    bytes32 private constant _ORIGINS = hex"ff00010514050d05_0606050502050507_07070a0a08050909_030405051505050b";
    /// Bucket of destination by move.
    bytes32 private constant _TARGETS = hex"ff05050c150d0506_0d051011050e0708_0e0a0f070c09050c_0505121317050b05";

    /// @notice The bucket that a move takes from.
    function origin(uint256 move_) internal pure returns (uint256) {
        return uint8(_ORIGINS[move_]);
    }

    /// @notice The bucket that a move brings to.
    function target(uint256 move_) internal pure returns (uint256) {
        return uint8(_TARGETS[move_]);
    }

    // ------------------------------------------------------------------------------------------- what a type may do

    /// @notice The moves that entries of a type may make: bit n = move n. A constant: no governance adds one.
    function allowed(uint256 entryType) internal pure returns (uint256 mask) {
        if (entryType == 0x11) return 1 << REDEEM;
        if (entryType == 0x13) return 1 << REFUND;
        if (entryType == 0x19) return 1 << PLEDGE;
        if (entryType == 0x1B) return 1 << DELIVER;
        if (entryType == 0x1D) return 1 << RETURN;
        if (entryType == 0x23) return 1 << PRIZE;
        if (entryType == 0x24) return (1 << EXPIRE) | (1 << CARRY_OUT) | (1 << CARRY_IN);
        if (entryType == 0x28) return (1 << RETIRE) | (1 << RETIRE_BATCH);
        if (entryType == 0x29) return 1 << TRANSFER;
        if (entryType == 0x2A) return 1 << AGGREGATE;
        if (entryType == 0x2B) return 1 << BUFFER;
        if (entryType == 0x2C) return (1 << LOCK) | (1 << UNLOCK);
        if (entryType == 0x2D) return 1 << EXPORT;
        if (entryType == 0x2E) return 1 << ANSWER;
        if (entryType == 0x30) return (1 << QUARANTINE) | (1 << RELEASE) | (1 << WITHDRAW);
        if (entryType == 0x34) return (1 << RECOGNISE) | (1 << REDEEM);
        if (entryType >= 0x35 && entryType <= 0x37) return (1 << TO_TREASURY) | (1 << FROM_TREASURY);
        if (entryType == 0x51) return 1 << TRANSFER;
        if (entryType == 0x52) return (1 << DONATE) | (1 << LAPSE) | (1 << WAIVE);
    }

    // ------------------------------------------------------------------------------------------------ a posting's word

    /// @notice A posting. Arguments are within their fields.
    function word(
        uint256 move_,
        uint256 unit_,
        uint256 vintage_,
        uint256 amount_,
        address account_
    ) internal pure returns (uint256) {
        return (move_ << 248) | (unit_ << 240) | (vintage_ << 224) | (amount_ << 160) | uint160(account_);
    }

    function move(uint256 posting) internal pure returns (uint256) {
        return posting >> 248;
    }

    function unit(uint256 posting) internal pure returns (uint256) {
        return uint8(posting >> 240);
    }

    function vintage(uint256 posting) internal pure returns (uint256) {
        return uint16(posting >> 224);
    }

    function amount(uint256 posting) internal pure returns (uint256) {
        return uint64(posting >> 160);
    }

    function account(uint256 posting) internal pure returns (address) {
        return address(uint160(posting));
    }
}
