// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
import {EntryTypes} from "./EntryTypes.sol";

/// @title What settings must be in themselves, whatever else is registered
library LawRules {
    uint256 private constant _MOST_SIGNERS = 32;
    uint256 private constant _MOST_METHODS = 64;
    /// One less than the ring of slot words.
    uint256 private constant _MOST_LATE_DAYS = 63;
    uint256 private constant _SLOTS = 180;
    /// Bit 0 nullifier, bits 1–2 evidence class.
    uint8 private constant _FLAGS = 7;
    uint8 private constant _MOST_EVIDENCE_CLASS = 2;

    /// @notice Signers, threshold, late days, order of methods.
    function checkFeed(ILuyaLaw.FeedSettings calldata settings) internal pure {
        uint256 signers = settings.signers.length;
        address before = address(0);
        for (uint256 i = 0; i < signers; ++i) {
            address signer = settings.signers[i];
            if (signer <= before || i == _MOST_SIGNERS) revert ILuyaLaw.LuyaLawBadSigner(i, signer);
            before = signer;
        }
        if (uint256(settings.threshold) * 2 <= signers || settings.threshold > signers) {
            revert ILuyaLaw.LuyaLawBadThreshold(settings.threshold, signers);
        }
        if (settings.lateDays > _MOST_LATE_DAYS && settings.lateDays != EntryTypes.TRIAL_LATE_DAYS) {
            revert ILuyaLaw.LuyaLawBadLateDays(settings.lateDays);
        }
        if (settings.methods.length == 0) revert ILuyaLaw.LuyaLawBadMethod(0, 0);
        uint16 last = 0;
        for (uint256 i = 0; i < settings.methods.length; ++i) {
            uint16 id = settings.methods[i];
            if (id <= last || i == _MOST_METHODS) revert ILuyaLaw.LuyaLawBadMethod(i, id);
            last = id;
        }
    }

    /// @notice Fractions, bounds, flags, window.
    function checkMethod(ILuyaLaw.MethodSettings calldata settings) internal pure {
        if (settings.group == 0) revert ILuyaLaw.LuyaLawBadBehaviour(settings.behaviour, 0);
        if (
            settings.creditDen == 0 ||
            settings.pointDen == 0 ||
            settings.maxActivity == 0 ||
            settings.flags > _FLAGS ||
            settings.flags >> 1 > _MOST_EVIDENCE_CLASS
        ) revert ILuyaLaw.LuyaLawBadTerms(settings.id);
        if (!_isWindow(settings.window, settings.flags & 1 != 0)) revert ILuyaLaw.LuyaLawBadWindow(settings.id);
    }

    /// @notice The signers without one of them; all of them when it is not among them.
    function without(address[] memory signers, address signer) internal pure returns (address[] memory rest) {
        uint256 found = 0;
        for (uint256 i = 0; i < signers.length; ++i) {
            if (signers[i] == signer) ++found;
        }
        rest = new address[](signers.length - found);
        uint256 next = 0;
        for (uint256 i = 0; i < signers.length; ++i) {
            if (signers[i] != signer) rest[next++] = signers[i];
        }
    }

    function _isWindow(bytes calldata window, bool nullifier) private pure returns (bool) {
        if (window.length == 0) return false;
        uint8 rule = uint8(window[0]);
        if (rule == EntryTypes.WINDOW_NONE) return nullifier && window.length == 1;
        if (rule > EntryTypes.WINDOW_MAX || window.length != 1 + 2 * uint256(rule)) return false;
        for (uint256 i = 1; i < window.length; i += 2) {
            uint256 count = uint8(window[i + 1]);
            if (count == 0 || uint8(window[i]) + count > _SLOTS) return false;
        }
        return true;
    }
}
