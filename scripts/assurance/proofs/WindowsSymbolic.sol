// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Method, Methods} from "../../../contracts/libraries/Methods.sol";
import {RecordHead} from "../../../contracts/libraries/RecordHead.sol";
import {Rules} from "../../../contracts/libraries/Rules.sol";

/// @title What a method says of a record, for all records and all terms
/// @notice Proved by halmos, for up to three windows. Of the bound of activity a slot some values stand for all: a
/// product of two unknowns is what solvers cannot decide.
contract WindowsSymbolic {
    struct Terms {
        uint32 maxActivity;
        uint32 maxPerSlot;
        uint16 validFrom;
        uint16 validTo;
        bool nullified;
    }

    /// @dev The one expression without branches and the walk through the rules agree.
    function check_PlainlyPossibleIsPossible(uint32 most, uint256 chosen, uint256 raw) external pure {
        for (uint256 i = 0; i < 4; ++i) {
            if (i != chosen) continue;
            Method method = _parse(Terms(most, _perSlot(i), 0, 0, false), hex"00");
            RecordHead head = RecordHead.wrap(raw);
            assert(method.isPlainlyPossible(head) == (method.impossible(head) == Rules.NONE));
        }
    }

    /// @dev Where there are windows, or no slots, the expression never says yes.
    function check_WindowsAreNeverPlain(uint32 most, uint256 raw, uint16[3] calldata pairs) external pure {
        RecordHead head = RecordHead.wrap(raw);
        Terms memory terms = Terms(most, 0, 0, 0, false);
        assert(!_parse(terms, hex"ff").isPlainlyPossible(head));
        assert(!_parse(terms, abi.encodePacked(uint8(3), pairs[0], pairs[1], pairs[2])).isPlainlyPossible(head));
    }

    /// @dev The bounds as the protocol has them, first to last.
    function check_BoundsAreTheProtocols(
        uint32 most,
        uint256 chosen,
        uint256 raw,
        uint16[3] calldata pairs
    ) external pure {
        RecordHead head = RecordHead.wrap(raw);
        for (uint256 rule = 0; rule <= 3; ++rule) {
            bytes memory window = abi.encodePacked(uint8(rule));
            for (uint256 i = 0; i < rule; ++i) window = abi.encodePacked(window, pairs[i]);
            for (uint256 i = 0; i < 4; ++i) {
                if (4 * rule + i != chosen) continue;
                Terms memory terms = Terms(most, _perSlot(i), 0, 0, false);
                assert(_parse(terms, window).impossible(head) == _expected(terms, head, pairs, rule));
            }
        }
    }

    /// @dev None, the least, one in use, the most.
    function _perSlot(uint256 number) private pure returns (uint32) {
        if (number == 0) return 0;
        if (number == 1) return 1;
        return number == 2 ? 4_700 : type(uint32).max;
    }

    /// @dev A day is plain just where it is in force, not late, not early, and no nullifier is asked for.
    function check_PlainDays(Terms calldata terms, bool allowed, uint16 first, uint16 today, uint16 day) external pure {
        Method method = Methods.parse(_entry(terms, hex"00"), 1, 1, allowed, Methods.NONE);
        method.setTimely(first, today);
        bool inForce = allowed && day >= terms.validFrom && day <= terms.validTo;
        assert(method.isInForce(day) == inForce);
        assert(method.isPlain(day) == (inForce && day >= first && day <= today && !terms.nullified));
    }

    /// @dev An empty entry is no method, whatever lies behind it in memory.
    function check_NoEntryIsNoMethod(bytes32 behind, uint64 cap, bool allowed) external pure {
        bytes memory none = new bytes(0);
        bytes memory noise = abi.encodePacked(behind, behind, behind, behind);
        assert(Methods.parse(none, cap, cap, allowed, Methods.NONE).isNone());
        assert(noise.length == 128);
    }

    function _expected(
        Terms memory terms,
        RecordHead head,
        uint16[3] calldata pairs,
        uint256 windows
    ) private pure returns (uint256) {
        (uint256 slot, uint256 slots, uint256 activity) = (head.slot(), head.slots(), head.activity());
        if (slots == 0 || slot + slots > 180 || head.campaign() != 0) return Rules.MALFORMED;
        if (activity == 0) return Rules.ZERO_ACTIVITY;
        if (activity > terms.maxActivity) return Rules.OVER_BOUND;
        if (terms.maxPerSlot != 0 && activity > uint256(terms.maxPerSlot) * (slots + 1)) return Rules.OVER_SLOT_BOUND;
        bool within = windows == 0;
        for (uint256 i = 0; i < windows; ++i) within = within || pairs[i] == ((slot << 8) | slots);
        return within ? Rules.NONE : Rules.WINDOW;
    }

    function _parse(Terms memory terms, bytes memory window) private pure returns (Method) {
        return Methods.parse(_entry(terms, window), 1, 1, true, Methods.NONE);
    }

    /// @dev A method's entry (0x43) with these terms.
    function _entry(Terms memory terms, bytes memory window) private pure returns (bytes memory) {
        bytes memory front = abi.encodePacked(uint8(0x43), uint64(1), uint16(7), uint16(7), uint8(1));
        bytes memory worth = abi.encodePacked(uint64(1), uint64(1), uint64(1), uint64(1));
        return
            abi.encodePacked(
                front,
                worth,
                terms.maxActivity,
                terms.maxPerSlot,
                window,
                terms.validFrom,
                terms.validTo,
                terms.nullified ? uint8(1) : uint8(0),
                bytes32(0)
            );
    }
}
