// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaControllers} from "../interfaces/ILuyaControllers.sol";
import {ILuyaLedger} from "../interfaces/ILuyaLedger.sol";
import {ILuyaModule} from "../interfaces/ILuyaModule.sol";
import {ILuyaRetirement} from "../interfaces/ILuyaRetirement.sol";
import {AgentRoles} from "../libraries/AgentRoles.sol";
import {Buckets} from "../libraries/Buckets.sol";
import {Moves} from "../libraries/Moves.sol";
import {Scopes} from "../libraries/Scopes.sol";
import {Residents} from "./support/Residents.sol";
import {TestModule} from "./support/TestModule.sol";

/// @title Credits retired: who may, for whom, and serials that never meet
contract LuyaRetirementTest is Residents {
    uint256 private constant _ORGANISER = uint256(keccak256("organiser"));
    address private constant _OWN_ACCOUNT = address(0xACC0);
    uint8 private constant _RECOGNITION = 0x34;

    ILuyaRetirement private _retirement;
    TestModule private _source;

    function setUp() public {
        openResidents();
        _retirement = ILuyaRetirement(deployModule("LuyaRetirement", 0x28, 0x28));
        _source = new TestModule(address(manager), address(ledger));
        ledger.setModule(_RECOGNITION, _RECOGNITION, address(_source));
        _bring(person(0), 2025, 5_000);
        _bring(person(0), 2026, 7_000);
        agents.setOrganisationAccount(_OWN_ACCOUNT, 2, 0, keccak256("scheme"), 1);
        agents.setAgent(vm.addr(_ORGANISER), 2, AgentRoles.ORGANISER, 1);
        _bring(_OWN_ACCOUNT, 2025, 3_000);
    }

    // ------------------------------------------------------------------------------------------------------- certificate

    function test_TheEntryOfACertificate() public {
        ILuyaRetirement.RetirementAct memory act = _act(person(0), _lines(2025, 5_000, 2026, 1_000));
        bytes memory signature = _sign(CUSTODIAN, act);
        uint64 index = ledger.logSize();
        vm.recordLogs();
        vm.expectEmit(true, true, true, true, address(_retirement));
        emit ILuyaRetirement.CreditsRetired(index, person(0), 1, bytes32(uint256(2)), 6_000);
        _retirement.retire(act, signature);
        bytes memory front = abi.encodePacked(
            uint8(0x28),
            uint64(block.timestamp),
            person(0),
            uint8(1),
            bytes32(uint256(2)),
            uint8(4),
            "trip",
            new bytes(196)
        );
        bytes memory parts = abi.encodePacked(uint8(2), uint16(2025), uint16(0), uint64(1), uint64(5_000));
        parts = abi.encodePacked(parts, uint16(2026), uint16(0), uint64(1), uint64(1_000));
        bytes memory tail = abi.encodePacked(vm.addr(CUSTODIAN), uint64(0), act.deadline, signature);
        assertEq(firstEntry(), bytes.concat(front, parts, tail), "entry");
        assertEq(_held(person(0), 2025), 0, "2025");
        assertEq(_held(person(0), 2026), 6_000, "2026");
        assertEq(_retirement.lastSerial(2025), 5_000, "serials of 2025");
        assertEq(_retirement.lastSerial(2026), 1_000, "serials of 2026");
        assertEq(controllers.nonceOf(person(0), vm.addr(CUSTODIAN)), 1, "nonce");
    }

    function test_SerialsGoOnWhereTheLastOnesEnded() public {
        _retire(CUSTODIAN, _act(person(0), _line(2025, 1_200)));
        _retire(_ORGANISER, _act(_OWN_ACCOUNT, _line(2025, 3_000)));
        vm.recordLogs();
        _retire(CUSTODIAN, _act(person(0), _line(2025, 1)));
        bytes memory entry = firstEntry();
        assertEq(
            slice(entry, 263, 21),
            abi.encodePacked(uint8(1), uint16(2025), uint16(0), uint64(4_201), uint64(1)),
            ""
        );
        assertEq(_retirement.lastSerial(2025), 4_201, "last");
        assertEq(_retirement.lastSerial(2026), 0, "another vintage");
    }

    /// @dev Whoever retires how much of which vintages in whatever order: no serial twice, none left out.
    function testFuzz_SerialsOfAVintageNeverMeet(uint256 seed) public {
        uint64[2] memory last;
        for (uint256 i = 0; i < 12; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(seed, i)));
            uint64 older = uint64(bound(dice >> 8, 1, 200));
            uint64 newer = uint64(bound(dice >> 72, 1, 500));
            bool both = dice & 2 == 0;
            vm.recordLogs();
            if (dice & 1 == 0) _retire(_ORGANISER, _act(_OWN_ACCOUNT, _line(2025, older)));
            else _retire(CUSTODIAN, _act(person(0), both ? _lines(2025, older, 2026, newer) : _line(2025, older)));
            bytes memory entry = firstEntry();
            _follows(entry, 264, 2025, older, last[0]);
            last[0] += older;
            if (dice & 1 == 0 || !both) continue;
            _follows(entry, 284, 2026, newer, last[1]);
            last[1] += newer;
        }
        assertEq(_retirement.lastSerial(2025), last[0], "2025");
        assertEq(_retirement.lastSerial(2026), last[1], "2026");
        assertEq(_held(person(0), 2025) + _held(_OWN_ACCOUNT, 2025), 8_000 - last[0], "what is retired is gone");
    }

    function _follows(bytes memory entry, uint256 at, uint16 vintage, uint64 amount, uint64 last) private pure {
        assertEq(slice(entry, at, 20), abi.encodePacked(vintage, uint16(0), last + 1, amount), "line");
    }

    // --------------------------------------------------------------------------------------------------------- whom for

    function test_ForAPerson() public {
        ILuyaRetirement.RetirementAct memory act = _act(person(0), _line(2026, 10));
        act.beneficiaryKind = 2;
        act.beneficiary = keccak256("salt and name");
        _retire(CUSTODIAN, act);
        act.beneficiary = 0;
        _refusesBeneficiary(act);
    }

    function test_ForAnOrganisationThatIsActive() public {
        ILuyaRetirement.RetirementAct memory act = _act(person(0), _line(2026, 10));
        act.beneficiary = bytes32(uint256(3));
        _refusesBeneficiary(act);
        act.beneficiary = bytes32((uint256(1) << 16) + 2);
        _refusesBeneficiary(act);
        act.beneficiary = 0;
        _refusesBeneficiary(act);
        act.beneficiary = bytes32(uint256(2));
        act.beneficiaryKind = 3;
        _refusesBeneficiary(act);
        act.beneficiaryKind = 0;
        _refusesBeneficiary(act);
        act.beneficiaryKind = 1;
        setOrganisation(2, keccak256("another"), 2);
        _refusesBeneficiary(act);
    }

    function _refusesBeneficiary(ILuyaRetirement.RetirementAct memory act) private {
        bytes4 reason = ILuyaRetirement.LuyaRetirementBadBeneficiary.selector;
        _refuses(CUSTODIAN, act, abi.encodeWithSelector(reason, act.beneficiaryKind, act.beneficiary));
    }

    function test_AReasonIsOneTo200Bytes() public {
        ILuyaRetirement.RetirementAct memory act = _act(person(0), _line(2026, 10));
        act.reason = "";
        _refuses(CUSTODIAN, act, abi.encodeWithSelector(ILuyaRetirement.LuyaRetirementBadReason.selector, 0));
        act.reason = new bytes(201);
        _refuses(CUSTODIAN, act, abi.encodeWithSelector(ILuyaRetirement.LuyaRetirementBadReason.selector, 201));
        act.reason = new bytes(200);
        _retire(CUSTODIAN, act);
    }

    // ------------------------------------------------------------------------------------------------------------ lines

    function test_LinesRefused() public {
        bytes4 bad = ILuyaRetirement.LuyaRetirementBadLines.selector;
        _refuses(CUSTODIAN, _act(person(0), ""), abi.encodeWithSelector(bad, 0));
        _refuses(CUSTODIAN, _act(person(0), new bytes(11)), abi.encodeWithSelector(bad, 11));
        _refuses(CUSTODIAN, _act(person(0), new bytes(330)), abi.encodeWithSelector(bad, 330));
        bad = ILuyaRetirement.LuyaRetirementBadLine.selector;
        _refuses(CUSTODIAN, _act(person(0), _line(2025, 0)), abi.encodeWithSelector(bad, 0));
        _refuses(CUSTODIAN, _act(person(0), _lines(2025, 1, 2025, 1)), abi.encodeWithSelector(bad, 1));
        _refuses(CUSTODIAN, _act(person(0), _lines(2026, 1, 2025, 1)), abi.encodeWithSelector(bad, 1));
    }

    function test_WhatIsRetiredIsHeld() public {
        bytes4 little = ILuyaLedger.LuyaLedgerTooLittle.selector;
        bytes memory reason = abi.encodeWithSelector(little, Buckets.HELD, 2025);
        _refuses(CUSTODIAN, _act(person(0), _line(2025, 5_001)), reason);
        _retire(CUSTODIAN, _act(person(0), _line(2025, 5_000)));
        _refuses(CUSTODIAN, _act(person(0), _line(2025, 1)), reason);
        _refuses(CUSTODIAN, _act(person(0), _line(2024, 1)), abi.encodeWithSelector(little, Buckets.HELD, 2024));
        assertEq(_retirement.lastSerial(2024), 0, "a refused act uses no serial");
    }

    /// @dev Also of an archive that somebody made: an entry with other serials is not applied.
    function test_AnEntryWithOtherSerialsIsNotApplied() public {
        bytes4 reason = ILuyaRetirement.LuyaRetirementBadSerial.selector;
        _refusesEntry(_part(2025, 0, 2, 10), abi.encodeWithSelector(reason, 2025, 1, 2));
        _refusesEntry(_part(2025, 0, 0, 10), abi.encodeWithSelector(reason, 2025, 1, 0));
        reason = ILuyaRetirement.LuyaRetirementBadLine.selector;
        _refusesEntry(_part(2025, 1, 1, 10), abi.encodeWithSelector(reason, 0));
        _refusesEntry(bytes.concat(_part(2025, 0, 1, 10), _part(2025, 0, 11, 10)), abi.encodeWithSelector(reason, 1));
    }

    function test_AnEntryOfAnotherFormIsNotApplied() public {
        bytes4 reason = ILuyaModule.LuyaModuleBadLength.selector;
        _refusesEntry("", abi.encodeWithSelector(reason, 365));
        _refusesEntry(new bytes(19), abi.encodeWithSelector(reason, 384));
        _refusesEntry(new bytes(20 * 33), abi.encodeWithSelector(reason, 1_025));
        bytes memory entry = _entry(_part(2025, 0, 1, 10));
        entry[0] = 0x29;
        vm.expectRevert(abi.encodeWithSelector(ILuyaModule.LuyaModuleWrongType.selector, 0x29));
        vm.prank(address(ledger));
        _retirement.applyEntry(0, entry);
        vm.expectRevert(abi.encodeWithSelector(ILuyaModule.LuyaModuleNotLedger.selector, address(this)));
        _retirement.applyEntry(0, entry);
    }

    function _part(uint16 vintage, uint16 method, uint64 first, uint64 amount) private pure returns (bytes memory) {
        return abi.encodePacked(vintage, method, first, amount);
    }

    function _entry(bytes memory parts) private view returns (bytes memory) {
        bytes memory front = abi.encodePacked(uint8(0x28), uint64(block.timestamp), person(0), uint8(1));
        front = abi.encodePacked(
            front,
            bytes32(uint256(2)),
            uint8(4),
            "trip",
            new bytes(196),
            uint8(parts.length / 20)
        );
        return abi.encodePacked(front, parts, vm.addr(CUSTODIAN), uint64(0), inAnHour(), new bytes(65));
    }

    function _refusesEntry(bytes memory parts, bytes memory reason) private {
        bytes memory entry = _entry(parts);
        vm.expectRevert(reason);
        vm.prank(address(ledger));
        _retirement.applyEntry(0, entry);
    }

    // ----------------------------------------------------------------------------------------------------------- who may

    function test_OnlyWhoControlsTheAccount() public {
        ILuyaRetirement.RetirementAct memory act = _act(person(0), _line(2025, 1));
        bytes4 reason = ILuyaControllers.LuyaControllersNotAllowed.selector;
        _refuses(PHONE, act, abi.encodeWithSelector(reason, person(0), vm.addr(PHONE)));
        setController(CUSTODIAN, PHONE, 0);
        act.nonce = 1;
        _refuses(CUSTODIAN, act, abi.encodeWithSelector(reason, person(0), vm.addr(CUSTODIAN)));
        act.nonce = 0;
        _retire(PHONE, act);
        reason = ILuyaControllers.LuyaControllersWrongNonce.selector;
        _refuses(PHONE, act, abi.encodeWithSelector(reason, person(0), vm.addr(PHONE), 1, 0));
    }

    function test_NeverASessionKey() public {
        setSessionKey(CUSTODIAN, type(uint64).max, inAnHour(), Scopes.ALL);
        bytes4 reason = ILuyaControllers.LuyaControllersOutOfScope.selector;
        ILuyaRetirement.RetirementAct memory act = _act(person(0), _line(2025, 1));
        _refuses(SESSION, act, abi.encodeWithSelector(reason, person(0), vm.addr(SESSION), Scopes.CONTROLLER));
    }

    function test_AFrozenAccountRetiresNothing() public {
        ledger.setAccountState(person(0), 2);
        bytes4 reason = ILuyaControllers.LuyaControllersAccountNotActive.selector;
        _refuses(CUSTODIAN, _act(person(0), _line(2025, 1)), abi.encodeWithSelector(reason, person(0), 2));
    }

    function test_WhatIsSignedIsWhatIsRetired() public {
        ILuyaRetirement.RetirementAct memory act = _act(person(0), _line(2025, 1));
        bytes memory signature = _sign(CUSTODIAN, act);
        act.lines = _line(2025, 2);
        _refusesAltered(act, signature);
        act.lines = _line(2025, 1);
        act.reason = "trap";
        _refusesAltered(act, signature);
        act.reason = "trip";
        act.beneficiary = bytes32(uint256(1));
        _refusesAltered(act, signature);
        act.beneficiary = bytes32(uint256(2));
        act.deadline += 1;
        _refusesAltered(act, signature);
        act.deadline -= 1;
        _retirement.retire(act, signature);
    }

    /// @dev Other bytes have another signer, who is nobody.
    function _refusesAltered(ILuyaRetirement.RetirementAct memory act, bytes memory signature) private {
        vm.expectPartialRevert(ILuyaControllers.LuyaControllersNotAllowed.selector);
        _retirement.retire(act, signature);
    }

    function test_SignatureAndDeadline() public {
        ILuyaRetirement.RetirementAct memory act = _act(person(0), _line(2025, 1));
        bytes memory signature = _sign(CUSTODIAN, act);
        vm.expectRevert(ILuyaRetirement.LuyaRetirementBadSignature.selector);
        _retirement.retire(act, new bytes(65));
        vm.expectRevert(ILuyaRetirement.LuyaRetirementBadSignature.selector);
        _retirement.retire(act, slice(signature, 0, 64));
        vm.warp(act.deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(ILuyaRetirement.LuyaRetirementPastDeadline.selector, act.deadline));
        _retirement.retire(act, signature);
        vm.warp(act.deadline);
        _retirement.retire(act, signature);
    }

    // ------------------------------------------------------------------------------------------- organisations' accounts

    function test_AnOrganisationsAccountByItsOrganiser() public {
        _retire(_ORGANISER, _act(_OWN_ACCOUNT, _line(2025, 1_000)));
        assertEq(_held(_OWN_ACCOUNT, 2025), 2_000, "held");
        assertEq(_retirement.organiserNonce(_OWN_ACCOUNT, vm.addr(_ORGANISER)), 1, "nonce");
        ILuyaRetirement.RetirementAct memory act = _act(_OWN_ACCOUNT, _line(2025, 1));
        act.nonce = 0;
        bytes4 reason = ILuyaRetirement.LuyaRetirementWrongNonce.selector;
        _refuses(_ORGANISER, act, abi.encodeWithSelector(reason, _OWN_ACCOUNT, vm.addr(_ORGANISER), 1, 0));
    }

    function test_NobodyElseOfAnOrganisationsAccount() public {
        _refusesOrganiser(CUSTODIAN);
        agents.setAgent(vm.addr(PHONE), 1, AgentRoles.ORGANISER, 1);
        _refusesOrganiser(PHONE);
        agents.setAgent(vm.addr(NEW_PHONE), 2, AgentRoles.MERCHANT, 1);
        _refusesOrganiser(NEW_PHONE);
        agents.disableAgent(vm.addr(_ORGANISER));
        _refusesOrganiser(_ORGANISER);
        agents.setAgent(vm.addr(_ORGANISER), 2, AgentRoles.ORGANISER, 1);
        agents.setOrganisationAccount(_OWN_ACCOUNT, 2, 0, keccak256("scheme"), 2);
        _refusesOrganiser(_ORGANISER);
    }

    function test_AnOrganiserDoesNotRetireAResidentsCredits() public {
        bytes4 reason = ILuyaControllers.LuyaControllersNotAllowed.selector;
        ILuyaRetirement.RetirementAct memory act = _act(person(0), _line(2025, 1));
        _refuses(_ORGANISER, act, abi.encodeWithSelector(reason, person(0), vm.addr(_ORGANISER)));
    }

    function _refusesOrganiser(uint256 key) private {
        bytes4 reason = ILuyaRetirement.LuyaRetirementNotOrganiser.selector;
        bytes memory data = abi.encodeWithSelector(reason, _OWN_ACCOUNT, vm.addr(key));
        _refuses(key, _act(_OWN_ACCOUNT, _line(2025, 1)), data);
    }

    // ----------------------------------------------------------------------------------------------------------- helpers

    function _bring(address account, uint16 vintage, uint64 credits) private {
        _source.postOne(_RECOGNITION, Moves.word(Moves.RECOGNISE, Moves.CREDITS, vintage, credits, account));
    }

    function _held(address account, uint16 vintage) private view returns (uint64) {
        address[] memory accounts = new address[](1);
        uint16[] memory vintages = new uint16[](1);
        (accounts[0], vintages[0]) = (account, vintage);
        return views.balances(accounts, vintages)[0].credits;
    }

    function _line(uint16 vintage, uint64 amount) private pure returns (bytes memory) {
        return abi.encodePacked(vintage, amount);
    }

    function _lines(uint16 first, uint64 amount, uint16 second, uint64 more) private pure returns (bytes memory) {
        return abi.encodePacked(first, amount, second, more);
    }

    /// @dev For organisation 2; the nonce is the next of whoever usually signs.
    function _act(address account, bytes memory lines) private view returns (ILuyaRetirement.RetirementAct memory) {
        uint64 nonce =
            account == _OWN_ACCOUNT
                ? _retirement.organiserNonce(account, vm.addr(_ORGANISER))
                : controllers.nonceOf(account, vm.addr(CUSTODIAN));
        return ILuyaRetirement.RetirementAct(account, 1, bytes32(uint256(2)), "trip", lines, nonce, inAnHour());
    }

    function _sign(uint256 key, ILuyaRetirement.RetirementAct memory act) private view returns (bytes memory) {
        bytes32 kind = keccak256(
            "Retirement(address account,uint8 beneficiaryKind,bytes32 beneficiary,bytes32 reason,bytes32 lines,uint64 nonce,uint64 deadline)"
        );
        bytes32 reason = keccak256(act.reason);
        bytes32 lines = keccak256(act.lines);
        bytes memory fields = abi.encode(kind, act.account, act.beneficiaryKind, act.beneficiary, reason, lines);
        return signAct(key, keccak256(bytes.concat(fields, abi.encode(act.nonce, act.deadline))));
    }

    function _retire(uint256 key, ILuyaRetirement.RetirementAct memory act) private {
        _retirement.retire(act, _sign(key, act));
    }

    function _refuses(uint256 key, ILuyaRetirement.RetirementAct memory act, bytes memory reason) private {
        bytes memory signature = _sign(key, act);
        uint64 size = ledger.logSize();
        vm.expectRevert(reason);
        _retirement.retire(act, signature);
        assertEq(ledger.logSize(), size, "nothing is appended");
    }
}
