// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
import {EntryReader} from "./EntryReader.sol";
import {EntryLayout} from "./EntryLayout.sol";
import {Methods} from "./Methods.sol";

/// @title The law's entries: settings to bytes and back
library LawEntries {
    using EntryReader for bytes;

    /// @notice Whether an entry of the law has the length of its kind. Of a type that is not the law's nothing is said.
    function isWhole(bytes memory entry) internal pure returns (bool) {
        uint8 entryType = entry.u8(EntryLayout.TYPE_AT);
        uint256 length = entry.length;
        if (entryType == EntryLayout.ORGANISATION) return length == EntryLayout.ORGANISATION_BYTES;
        if (entryType == EntryLayout.GROUP_CAPS) return length == EntryLayout.GROUP_CAPS_BYTES;
        if (entryType == EntryLayout.METHOD) {
            if (length < EntryLayout.METHOD_PAIRS_AT) return false;
            uint256 tail = Methods.windowEnd(entry.u8(EntryLayout.METHOD_WINDOW_AT));
            return length == tail + EntryLayout.METHOD_TAIL_BYTES;
        }
        if (entryType != EntryLayout.FEED) return true;
        if (length < EntryLayout.FEED_SIGNERS_AT) return false;
        uint256 signers = EntryLayout.ADDRESS_BYTES * uint256(entry.u8(EntryLayout.FEED_SIGNER_COUNT_AT));
        uint256 methods = EntryLayout.FEED_SIGNERS_AT + signers + EntryLayout.FEED_BOUNDS_METHODS_AT;
        // Methods of two bytes each, and the state.
        return length > methods && (length - methods) % 2 == 1;
    }

    function organisation(uint16 id, bytes32 description, uint8 state) internal view returns (bytes memory) {
        return abi.encodePacked(_header(EntryLayout.ORGANISATION), id, description, state);
    }

    function toOrganisation(bytes memory entry) internal pure returns (bytes32 description, uint8 state) {
        return (
            bytes32(entry.word(EntryLayout.ORGANISATION_DESCRIPTION_AT)),
            entry.u8(EntryLayout.ORGANISATION_STATE_AT)
        );
    }

    function toGroupCaps(bytes memory entry) internal pure returns (uint64 credits, uint64 millipoints) {
        return (entry.u64(EntryLayout.GROUP_CAPS_CREDITS_AT), entry.u64(EntryLayout.GROUP_CAPS_MILLIPOINTS_AT));
    }

    function groupCaps(uint8 group, uint64 credits, uint64 millipoints) internal view returns (bytes memory) {
        return abi.encodePacked(_header(EntryLayout.GROUP_CAPS), group, credits, millipoints);
    }

    function feed(
        ILuyaLaw.FeedSettings memory settings,
        uint32 version,
        uint8 state
    ) internal view returns (bytes memory) {
        bytes memory signers = "";
        for (uint256 i = 0; i < settings.signers.length; ++i) {
            signers = abi.encodePacked(signers, settings.signers[i]);
        }
        bytes memory methods = "";
        for (uint256 i = 0; i < settings.methods.length; ++i) {
            methods = abi.encodePacked(methods, settings.methods[i]);
        }
        bytes memory front = abi.encodePacked(
            _header(EntryLayout.FEED),
            settings.feed,
            settings.organisation,
            version,
            settings.threshold,
            uint8(settings.signers.length),
            signers
        );
        return abi.encodePacked(front, settings.lateDays, settings.creditsCap, settings.millipointsCap, methods, state);
    }

    function toFeed(
        bytes memory entry
    ) internal pure returns (ILuyaLaw.FeedSettings memory settings, uint32 version, uint8 state) {
        settings.feed = entry.u16(EntryLayout.FEED_FEED_AT);
        settings.organisation = entry.u16(EntryLayout.FEED_ORGANISATION_AT);
        version = entry.u32(EntryLayout.FEED_VERSION_AT);
        settings.threshold = entry.u8(EntryLayout.FEED_THRESHOLD_AT);
        settings.signers = new address[](entry.u8(EntryLayout.FEED_SIGNER_COUNT_AT));
        uint256 at = EntryLayout.FEED_SIGNERS_AT;
        for (uint256 i = 0; i < settings.signers.length; ++i) {
            settings.signers[i] = entry.addr(at);
            at += EntryLayout.ADDRESS_BYTES;
        }
        settings.lateDays = entry.u16(at + EntryLayout.FEED_BOUNDS_LATE_DAYS_AT);
        settings.creditsCap = entry.u64(at + EntryLayout.FEED_BOUNDS_CREDITS_CAP_AT);
        settings.millipointsCap = entry.u64(at + EntryLayout.FEED_BOUNDS_MILLIPOINTS_CAP_AT);
        at += EntryLayout.FEED_BOUNDS_METHODS_AT;
        settings.methods = new uint16[]((entry.length - 1 - at) / 2);
        for (uint256 i = 0; i < settings.methods.length; ++i) {
            settings.methods[i] = entry.u16(at + 2 * i);
        }
        state = entry.u8(entry.length - 1);
    }

    function method(ILuyaLaw.MethodSettings memory settings) internal view returns (bytes memory) {
        bytes memory front = abi.encodePacked(
            _header(EntryLayout.METHOD),
            settings.id,
            settings.behaviour,
            settings.group,
            settings.creditNum,
            settings.creditDen,
            settings.pointNum,
            settings.pointDen,
            settings.maxActivity,
            settings.maxPerSlot
        );
        return
            abi.encodePacked(
                front,
                settings.window,
                settings.validFrom,
                settings.validTo,
                settings.flags,
                settings.text
            );
    }

    function toMethod(bytes memory entry) internal pure returns (ILuyaLaw.MethodSettings memory settings) {
        settings.id = entry.u16(EntryLayout.METHOD_ID_AT);
        settings.behaviour = entry.u16(EntryLayout.METHOD_BEHAVIOUR_AT);
        settings.group = entry.u8(EntryLayout.METHOD_GROUP_AT);
        settings.creditNum = entry.u64(EntryLayout.METHOD_CREDIT_NUM_AT);
        settings.creditDen = entry.u64(EntryLayout.METHOD_CREDIT_DEN_AT);
        settings.pointNum = entry.u64(EntryLayout.METHOD_POINT_NUM_AT);
        settings.pointDen = entry.u64(EntryLayout.METHOD_POINT_DEN_AT);
        settings.maxActivity = entry.u32(EntryLayout.METHOD_MAX_ACTIVITY_AT);
        settings.maxPerSlot = entry.u32(EntryLayout.METHOD_MAX_PER_SLOT_AT);
        uint256 tail = Methods.windowEnd(entry.u8(EntryLayout.METHOD_WINDOW_AT));
        bytes memory window = new bytes(tail - EntryLayout.METHOD_WINDOW_AT);
        for (uint256 i = 0; i < window.length; ++i) {
            window[i] = entry[EntryLayout.METHOD_WINDOW_AT + i];
        }
        settings.window = window;
        settings.validFrom = entry.u16(tail + EntryLayout.METHOD_TAIL_VALID_FROM_AT);
        settings.validTo = entry.u16(tail + EntryLayout.METHOD_TAIL_VALID_TO_AT);
        settings.flags = entry.u8(tail + EntryLayout.METHOD_TAIL_FLAGS_AT);
        settings.text = bytes32(entry.word(tail + EntryLayout.METHOD_TAIL_TEXT_AT));
    }

    function _header(uint8 entryType) private view returns (bytes9) {
        return
            bytes9(
                bytes32((uint256(entryType) << EntryLayout.TYPE_SHIFT) | (block.timestamp << EntryLayout.TIME_SHIFT))
            );
    }
}
