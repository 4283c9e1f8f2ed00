// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
import {EntryReader} from "./EntryReader.sol";
import {EntryTypes} from "./EntryTypes.sol";
import {Methods} from "./Methods.sol";

/// @title The law's entries: settings to bytes and back
library LawEntries {
    using EntryReader for bytes;

    function organisation(uint16 id, bytes32 description, uint8 state) internal view returns (bytes memory) {
        return abi.encodePacked(_header(EntryTypes.ORGANISATION), id, description, state);
    }

    function toOrganisation(bytes memory entry) internal pure returns (bytes32 description, uint8 state) {
        return (bytes32(entry.word(11)), entry.u8(43));
    }

    function groupCaps(uint8 group, uint64 credits, uint64 millipoints) internal view returns (bytes memory) {
        return abi.encodePacked(_header(EntryTypes.GROUP_CAPS), group, credits, millipoints);
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
            _header(EntryTypes.FEED),
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
        settings.feed = entry.u16(EntryTypes.FEED_AT);
        settings.organisation = entry.u16(EntryTypes.FEED_ORGANISATION_AT);
        version = entry.u32(EntryTypes.FEED_VERSION_AT);
        settings.threshold = entry.u8(EntryTypes.FEED_THRESHOLD_AT);
        settings.signers = new address[](entry.u8(EntryTypes.FEED_SIGNER_COUNT_AT));
        uint256 at = EntryTypes.FEED_SIGNERS_AT;
        for (uint256 i = 0; i < settings.signers.length; ++i) {
            settings.signers[i] = entry.addr(at);
            at += 20;
        }
        settings.lateDays = entry.u16(at);
        settings.creditsCap = entry.u64(at + 2);
        settings.millipointsCap = entry.u64(at + 10);
        at += EntryTypes.FEED_BOUNDS_BYTES;
        settings.methods = new uint16[]((entry.length - 1 - at) / 2);
        for (uint256 i = 0; i < settings.methods.length; ++i) {
            settings.methods[i] = entry.u16(at + 2 * i);
        }
        state = entry.u8(entry.length - 1);
    }

    function method(ILuyaLaw.MethodSettings memory settings) internal view returns (bytes memory) {
        bytes memory front = abi.encodePacked(
            _header(EntryTypes.METHOD),
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
        settings.id = entry.u16(EntryTypes.FEED_AT);
        settings.behaviour = entry.u16(EntryTypes.METHOD_BEHAVIOUR_AT);
        settings.group = entry.u8(EntryTypes.METHOD_GROUP_AT);
        settings.creditNum = entry.u64(EntryTypes.METHOD_CREDIT_NUM_AT);
        settings.creditDen = entry.u64(EntryTypes.METHOD_CREDIT_DEN_AT);
        settings.pointNum = entry.u64(EntryTypes.METHOD_POINT_NUM_AT);
        settings.pointDen = entry.u64(EntryTypes.METHOD_POINT_DEN_AT);
        settings.maxActivity = entry.u32(EntryTypes.METHOD_MAX_ACTIVITY_AT);
        settings.maxPerSlot = entry.u32(EntryTypes.METHOD_MAX_PER_SLOT_AT);
        uint256 tail = Methods.windowEnd(entry.u8(EntryTypes.METHOD_WINDOW_AT));
        bytes memory window = new bytes(tail - EntryTypes.METHOD_WINDOW_AT);
        for (uint256 i = 0; i < window.length; ++i) {
            window[i] = entry[EntryTypes.METHOD_WINDOW_AT + i];
        }
        settings.window = window;
        settings.validFrom = entry.u16(tail);
        settings.validTo = entry.u16(tail + 2);
        settings.flags = entry.u8(tail + 4);
        settings.text = bytes32(entry.word(tail + 5));
    }

    function _header(uint8 entryType) private view returns (bytes9) {
        return bytes9(bytes32((uint256(entryType) << 248) | (block.timestamp << 184)));
    }
}
