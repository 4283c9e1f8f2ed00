// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
import {World} from "./support/World.sol";

/// @title Methods: versions that never change, announced before they take effect
contract LuyaLawMethodsTest is World {
    function setUp() public {
        deployWorld();
        sealEmpty();
    }

    function test_Method() public {
        vm.recordLogs();
        ILuyaLaw.MethodSettings memory s = methodSettings(MEAL, 4, hex"0326254b25782d", 3);
        law.announceMethod(s);
        bytes memory entry = abi.encodePacked(
            uint8(0x43),
            uint64(block.timestamp),
            MEAL,
            MEAL,
            uint8(4),
            s.creditNum,
            s.creditDen,
            s.pointNum,
            s.pointDen
        );
        entry = abi.encodePacked(
            entry,
            s.maxActivity,
            s.maxPerSlot,
            s.window,
            FIRST_DAY,
            uint16(65_535),
            uint8(3),
            s.text
        );
        assertEq(firstEntry(), entry, "entry");
        assertEq(abi.encode(law.method(MEAL)), abi.encode(s), "settings");
        assertEq(law.method(99).id, 0, "unknown");
        setGroupCaps(4, 7, 8);
        (bytes memory terms, uint64 credits, uint64 millipoints) = law.methodTerms(MEAL);
        assertEq(terms, entry, "terms");
        assertEq(credits, 7, "cap");
        assertEq(millipoints, 8, "cap");
    }

    function test_MethodRefuses() public {
        ILuyaLaw.MethodSettings memory s = methodSettings(0, 1, hex"00", 0);
        _refusesMethod(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawMethodNotNew.selector, 0));
        s = methodSettings(STEPS, 0, hex"00", 0);
        _refusesMethod(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawBadBehaviour.selector, STEPS, 0));
        bytes memory bad = abi.encodeWithSelector(ILuyaLaw.LuyaLawBadTerms.selector, STEPS);
        s = methodSettings(STEPS, 1, hex"00", 0);
        s.creditDen = 0;
        _refusesMethod(s, bad);
        s = methodSettings(STEPS, 1, hex"00", 0);
        s.pointDen = 0;
        _refusesMethod(s, bad);
        s = methodSettings(STEPS, 1, hex"00", 0);
        s.maxActivity = 0;
        _refusesMethod(s, bad);
        _refusesMethod(methodSettings(STEPS, 1, hex"00", 6), bad);
        _refusesMethod(methodSettings(STEPS, 1, hex"00", 8), bad);
        s = methodSettings(STEPS, 1, hex"00", 0);
        law.announceMethod(s);
        _refusesMethod(s, abi.encodeWithSelector(ILuyaLaw.LuyaLawMethodNotNew.selector, STEPS));
    }

    function test_MethodRefusesWindows() public {
        bytes[8] memory windows = [
            bytes(""),
            hex"0000",
            hex"01",
            hex"010100",
            hex"01b401",
            hex"0100b400",
            hex"09000100010001000100010001000100010001",
            hex"ff00"
        ];
        for (uint256 i = 0; i < windows.length; ++i) {
            _refusesMethod(
                methodSettings(STEPS, 1, windows[i], 1),
                abi.encodeWithSelector(ILuyaLaw.LuyaLawBadWindow.selector, STEPS)
            );
        }
        _refusesMethod(
            methodSettings(STEPS, 1, hex"ff", 0),
            abi.encodeWithSelector(ILuyaLaw.LuyaLawBadWindow.selector, STEPS)
        );
        law.announceMethod(methodSettings(STEPS, 1, hex"0800010101020103010401050106010701", 0));
    }

    function test_ValidityBeforeAndAfterTheGenesis() public {
        ILuyaLaw.MethodSettings memory s = methodSettings(STEPS, 1, hex"00", 0);
        s.validFrom = FIRST_DAY - 1;
        _refusesMethod(s, _badValidity(s));
        s.validFrom = TODAY;
        s.validTo = TODAY - 1;
        _refusesMethod(s, _badValidity(s));
        law.closeGenesis();
        assertTrue(law.isGenesisClosed(), "closed");
        vm.expectRevert(ILuyaLaw.LuyaLawGenesisAlreadyClosed.selector);
        law.closeGenesis();
        s.validFrom = TODAY;
        s.validTo = 65_535;
        _refusesMethod(s, _badValidity(s));
        s.validFrom = TODAY + 1;
        law.announceMethod(s);
    }

    function test_VersionsOfABehaviour() public {
        ILuyaLaw.MethodSettings memory first = methodSettings(STEPS, 2, hex"0100b4", 0);
        first.validTo = TODAY + 10;
        law.announceMethod(first);
        ILuyaLaw.MethodSettings memory second = methodSettings(2, 2, hex"0100b4", 0);
        second.behaviour = STEPS;
        second.validFrom = TODAY + 10;
        _refusesMethod(second, abi.encodeWithSelector(ILuyaLaw.LuyaLawValidityOverlaps.selector, 2, STEPS));
        second.validFrom = TODAY + 11;
        second.group = 3;
        _refusesMethod(second, abi.encodeWithSelector(ILuyaLaw.LuyaLawBadBehaviour.selector, STEPS, 3));
        second.group = 2;
        second.behaviour = 77;
        _refusesMethod(second, abi.encodeWithSelector(ILuyaLaw.LuyaLawBadBehaviour.selector, 77, 2));
        second.behaviour = STEPS;
        law.announceMethod(second);
        ILuyaLaw.MethodSettings memory third = methodSettings(4, 2, hex"0100b4", 0);
        third.behaviour = 2;
        third.validFrom = TODAY + 500;
        _refusesMethod(third, abi.encodeWithSelector(ILuyaLaw.LuyaLawBadBehaviour.selector, 2, 2));
        third.behaviour = STEPS;
        _refusesMethod(third, abi.encodeWithSelector(ILuyaLaw.LuyaLawValidityOverlaps.selector, 4, 2));
        // Ended before it began: it is valid on no day and blocks none.
        law.endMethod(2, TODAY + 1);
        law.announceMethod(third);
    }

    function test_EndMethod() public {
        law.announceMethod(methodSettings(STEPS, 2, hex"0100b4", 0));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawUnknownMethod.selector, 99));
        law.endMethod(99, TODAY);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawBadValidity.selector, STEPS, FIRST_DAY, TODAY - 1));
        law.endMethod(STEPS, TODAY - 1);
        law.endMethod(STEPS, TODAY + 5);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawBadValidity.selector, STEPS, FIRST_DAY, TODAY + 5));
        law.endMethod(STEPS, TODAY + 5);
        law.endMethod(STEPS, TODAY);
        assertEq(law.method(STEPS).validTo, TODAY, "last day");
    }

    // ----------------------------------------------------------------------------------------------------- helpers

    function _refusesMethod(ILuyaLaw.MethodSettings memory settings, bytes memory reason) private {
        vm.expectRevert(reason);
        law.announceMethod(settings);
    }

    function _badValidity(ILuyaLaw.MethodSettings memory s) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILuyaLaw.LuyaLawBadValidity.selector, s.id, s.validFrom, s.validTo);
    }
}
