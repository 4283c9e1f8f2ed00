// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @notice The first 32 of a record's 64 bytes: all but the evidence.
type RecordHead is uint256;

using RecordHeads for RecordHead global;

/// @title Fields of a record's head
library RecordHeads {
    /// @notice Bytes of a record.
    uint256 internal constant RECORD_BYTES = 64;

    function account(RecordHead head) internal pure returns (address) {
        return address(uint160(RecordHead.unwrap(head) >> 96));
    }

    function method(RecordHead head) internal pure returns (uint256) {
        return uint16(RecordHead.unwrap(head) >> 80);
    }

    function day(RecordHead head) internal pure returns (uint256) {
        return uint16(RecordHead.unwrap(head) >> 64);
    }

    function slot(RecordHead head) internal pure returns (uint256) {
        return uint8(RecordHead.unwrap(head) >> 56);
    }

    function slots(RecordHead head) internal pure returns (uint256) {
        return uint8(RecordHead.unwrap(head) >> 48);
    }

    function campaign(RecordHead head) internal pure returns (uint256) {
        return uint16(RecordHead.unwrap(head) >> 32);
    }

    function activity(RecordHead head) internal pure returns (uint256) {
        return uint32(RecordHead.unwrap(head));
    }
}
