// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {EntryLayout} from "./EntryLayout.sol";

/// @notice The first 32 of a record's 64 bytes: all but the evidence.
type RecordHead is uint256;

using RecordHeads for RecordHead global;

/// @title Fields of a record's head
library RecordHeads {
    function account(RecordHead head) internal pure returns (address) {
        return address(uint160(RecordHead.unwrap(head) >> EntryLayout.RECORD_ACCOUNT_SHIFT));
    }

    function method(RecordHead head) internal pure returns (uint256) {
        return uint16(RecordHead.unwrap(head) >> EntryLayout.RECORD_METHOD_SHIFT);
    }

    function day(RecordHead head) internal pure returns (uint256) {
        return uint16(RecordHead.unwrap(head) >> EntryLayout.RECORD_DAY_SHIFT);
    }

    function slot(RecordHead head) internal pure returns (uint256) {
        return uint8(RecordHead.unwrap(head) >> EntryLayout.RECORD_SLOT_SHIFT);
    }

    function slots(RecordHead head) internal pure returns (uint256) {
        return uint8(RecordHead.unwrap(head) >> EntryLayout.RECORD_SLOTS_SHIFT);
    }

    function campaign(RecordHead head) internal pure returns (uint256) {
        return uint16(RecordHead.unwrap(head) >> EntryLayout.RECORD_CAMPAIGN_SHIFT);
    }

    function activity(RecordHead head) internal pure returns (uint256) {
        return uint32(RecordHead.unwrap(head) >> EntryLayout.RECORD_ACTIVITY_SHIFT);
    }
}
