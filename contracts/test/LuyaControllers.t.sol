// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ILuyaControllers} from "../interfaces/ILuyaControllers.sol";
import {ILuyaModule} from "../interfaces/ILuyaModule.sol";
import {Scopes} from "../libraries/Scopes.sol";
import {Residents} from "./support/Residents.sol";

/// @title Who may act for a resident, and who may not
contract LuyaControllersTest is Residents {
    uint64 private constant _WEEK = 7 days;

    function setUp() public {
        openResidents();
    }

    // ---------------------------------------------------------------------------------------------------- custodian

    function test_CustodianActsWhereNobodyElseDoes() public view {
        (address key, uint8 kind, uint64 since) = controllers.controllerOf(person(0));
        assertEq(key, vm.addr(CUSTODIAN), "key");
        assertEq(kind, CUSTODIAL, "kind");
        assertEq(since, block.timestamp, "since");
        controllers.authorise(person(0), vm.addr(CUSTODIAN), 0, Scopes.ORDERS, type(uint64).max);
    }

    function test_CustodianEntries() public {
        vm.recordLogs();
        controllers.setCustodian(vm.addr(PHONE));
        bytes memory entry = abi.encodePacked(uint8(0x4F), uint64(block.timestamp), vm.addr(PHONE), uint8(1));
        assertEq(firstEntry(), entry, "set");
        vm.recordLogs();
        controllers.disableCustodian();
        entry = abi.encodePacked(uint8(0x4F), uint64(block.timestamp), vm.addr(PHONE), uint8(2));
        assertEq(firstEntry(), entry, "disabled");
    }

    function test_AnotherCustodianActsAndTheOldOneDoesNot() public {
        setSessionKey(CUSTODIAN, 100, inAnHour(), Scopes.ORDERS);
        vm.warp(block.timestamp + 1);
        controllers.setCustodian(vm.addr(PHONE));
        controllers.authorise(person(0), vm.addr(PHONE), 0, 0, 0);
        _refuses(CUSTODIAN, 1, 0, 0, _notAllowed(CUSTODIAN));
        // What the old custodian's session keys could do ended with it.
        _refuses(SESSION, 0, Scopes.ORDERS, 1, _notAllowed(SESSION));
    }

    function test_WithoutACustodianNobodyActsForACustodialAccount() public {
        controllers.disableCustodian();
        _refuses(CUSTODIAN, 0, 0, 0, _notAllowed(CUSTODIAN));
        expect(abi.encodeWithSelector(ILuyaControllers.LuyaControllersBadSignature.selector, person(0)));
        controllers.authorise(person(0), address(0), 0, 0, 0);
        expect(abi.encodeWithSelector(ILuyaControllers.LuyaControllersBadCustodian.selector, address(0)));
        controllers.disableCustodian();
        expect(abi.encodeWithSelector(ILuyaControllers.LuyaControllersBadCustodian.selector, address(0)));
        controllers.setCustodian(address(0));
    }

    function test_AControllerEndsTheCustodiansPower() public {
        setController(CUSTODIAN, PHONE, 0);
        _refuses(CUSTODIAN, 1, 0, 0, _notAllowed(CUSTODIAN));
        controllers.authorise(person(0), vm.addr(PHONE), 0, 0, 0);
    }

    // -------------------------------------------------------------------------------------------------- controllers

    function test_ControllerEntry() public {
        ILuyaControllers.ControllerAct memory act = controllerAct(CUSTODIAN, PHONE, 0);
        bytes memory signature = signAct(CUSTODIAN, controllerHash(act));
        vm.recordLogs();
        controllers.setController(act, signature);
        bytes memory entry = abi.encodePacked(
            uint8(0x48),
            uint64(block.timestamp),
            person(0),
            vm.addr(PHONE),
            DEVICE,
            uint64(0),
            uint8(1),
            uint64(0),
            act.deadline,
            signature
        );
        assertEq(firstEntry(), entry, "entry");
        assertEq(entry.length, 140, "length");
        (address key, uint8 kind, uint64 since) = controllers.controllerOf(person(0));
        assertEq(key, vm.addr(PHONE), "key");
        assertEq(kind, DEVICE, "kind");
        assertEq(since, block.timestamp, "since");
        assertEq(controllers.nonceOf(person(0), vm.addr(CUSTODIAN)), 1, "nonce");
    }

    function test_ControllerLater() public {
        setController(CUSTODIAN, PHONE, 0);
        uint64 then = uint64(block.timestamp + 2 days);
        setController(PHONE, NEW_PHONE, then);
        (address key, , uint64 effective) = controllers.pendingController(person(0));
        assertEq(key, vm.addr(NEW_PHONE), "pending");
        assertEq(effective, then, "effective");
        vm.warp(then - 1);
        _refuses(NEW_PHONE, 0, 0, 0, _notAllowed(NEW_PHONE));
        vm.warp(then);
        controllers.authorise(person(0), vm.addr(NEW_PHONE), 0, 0, 0);
        _refuses(PHONE, 1, 0, 0, _notAllowed(PHONE));
        (, uint8 kind, ) = controllers.pendingController(person(0));
        assertEq(kind, 0, "pending no more");
        // The one that has come into force is what the next one replaces.
        setController(NEW_PHONE, PHONE, then + 100);
        (key, , effective) = controllers.controllerOf(person(0));
        assertEq(key, vm.addr(NEW_PHONE), "still");
        assertEq(effective, then, "since");
    }

    function test_BackToTheCustodian() public {
        setController(CUSTODIAN, PHONE, 0);
        ILuyaControllers.ControllerAct memory act = controllerAct(PHONE, PHONE, 0);
        act.kind = CUSTODIAL;
        act.key = address(0);
        controllers.setController(act, signAct(PHONE, controllerHash(act)));
        (address key, uint8 kind, ) = controllers.controllerOf(person(0));
        assertEq(key, vm.addr(CUSTODIAN), "key");
        assertEq(kind, CUSTODIAL, "kind");
        controllers.setCustodian(vm.addr(NEW_PHONE));
        (key, , ) = controllers.controllerOf(person(0));
        assertEq(key, vm.addr(NEW_PHONE), "whoever it is");
    }

    function test_ControllerRefuses() public {
        bytes4 bad = ILuyaControllers.LuyaControllersBadController.selector;
        ILuyaControllers.ControllerAct memory act = controllerAct(CUSTODIAN, PHONE, 0);
        act.kind = 0;
        _refusesController(CUSTODIAN, act, abi.encodeWithSelector(bad, person(0), act.key, 0));
        act.kind = 5;
        _refusesController(CUSTODIAN, act, abi.encodeWithSelector(bad, person(0), act.key, 5));
        act.kind = CUSTODIAL;
        _refusesController(CUSTODIAN, act, abi.encodeWithSelector(bad, person(0), act.key, CUSTODIAL));
        act.kind = DEVICE;
        act.key = address(0);
        _refusesController(CUSTODIAN, act, abi.encodeWithSelector(bad, person(0), address(0), DEVICE));
        uint64 latest = uint64(block.timestamp + 366 days);
        act = controllerAct(CUSTODIAN, PHONE, latest + 1);
        bad = ILuyaControllers.LuyaControllersBadEffective.selector;
        _refusesController(CUSTODIAN, act, abi.encodeWithSelector(bad, latest + 1, 0, latest));
        act = controllerAct(PHONE, PHONE, 0);
        _refusesController(PHONE, act, _notAllowed(PHONE));
        act = controllerAct(CUSTODIAN, PHONE, 0);
        act.nonce = 1;
        _refusesController(CUSTODIAN, act, _wrongNonce(CUSTODIAN, 0, 1));
        act.nonce = 0;
        act.deadline = uint64(block.timestamp - 1);
        bad = ILuyaControllers.LuyaControllersPastDeadline.selector;
        _refusesController(CUSTODIAN, act, abi.encodeWithSelector(bad, person(0), act.deadline));
        act.deadline = uint64(block.timestamp);
        controllers.setController(act, signAct(CUSTODIAN, controllerHash(act)));
        // Once only.
        act = controllerAct(PHONE, PHONE, 0);
        controllers.setController(act, signAct(PHONE, controllerHash(act)));
        _refusesController(PHONE, act, _wrongNonce(PHONE, 1, 0));
    }

    function test_ASessionKeySetsNoController() public {
        setController(CUSTODIAN, PHONE, 0);
        setSessionKey(PHONE, 100, inAnHour(), Scopes.ALL);
        ILuyaControllers.ControllerAct memory act = controllerAct(SESSION, NEW_PHONE, 0);
        _refusesController(SESSION, act, _notAllowed(SESSION));
        ILuyaControllers.SessionAct memory session = sessionAct(SESSION, 1_000, inAnHour(), Scopes.ALL);
        bytes memory signature = signAct(SESSION, sessionHash(session));
        expect(_outOfScope(0));
        controllers.setSessionKey(session, signature);
    }

    // --------------------------------------------------------------------------------------------------- lost phones

    function test_LostPhone() public {
        setController(CUSTODIAN, PHONE, 0);
        setSessionKey(PHONE, 100, inAnHour() + _WEEK * 2, Scopes.ORDERS);
        uint64 then = uint64(block.timestamp) + _WEEK;
        vm.recordLogs();
        controllers.setControllerFor(person(0), vm.addr(NEW_PHONE), DEVICE, then);
        bytes memory front = abi.encodePacked(
            uint8(0x48),
            uint64(block.timestamp),
            person(0),
            vm.addr(NEW_PHONE),
            DEVICE,
            then
        );
        assertEq(firstEntry(), bytes.concat(front, hex"02", new bytes(81)), "entry");
        vm.warp(then - 1);
        controllers.authorise(person(0), vm.addr(PHONE), 1, 0, 0);
        controllers.authorise(person(0), vm.addr(SESSION), 0, Scopes.ORDERS, 100);
        vm.warp(then);
        controllers.authorise(person(0), vm.addr(NEW_PHONE), 0, 0, 0);
        _refuses(PHONE, 1, 0, 0, _notAllowed(PHONE));
        // The old phone's session keys end with it.
        _refuses(SESSION, 0, Scopes.ORDERS, 1, _notAllowed(SESSION));
        expect(abi.encodeWithSelector(ILuyaControllers.LuyaControllersNothingPending.selector, person(0)));
        this.cancelBy(NEW_PHONE);
    }

    function test_TheOldKeyCancels() public {
        setController(CUSTODIAN, PHONE, 0);
        controllers.setControllerFor(person(0), vm.addr(NEW_PHONE), DEVICE, uint64(block.timestamp) + _WEEK);
        vm.warp(block.timestamp + _WEEK - 1);
        expect(_notAllowed(NEW_PHONE));
        this.cancelBy(NEW_PHONE);
        uint64 deadline = inAnHour();
        bytes memory signature = signAct(PHONE, cancelHash(person(0), 0, deadline));
        vm.recordLogs();
        controllers.cancelController(person(0), 0, deadline, signature);
        bytes memory front = abi.encodePacked(uint8(0x49), uint64(block.timestamp), person(0), vm.addr(PHONE));
        assertEq(firstEntry(), abi.encodePacked(front, uint64(0), deadline, signature), "entry");
        vm.warp(block.timestamp + 30 days);
        controllers.authorise(person(0), vm.addr(PHONE), 1, 0, 0);
        _refuses(NEW_PHONE, 0, 0, 0, _notAllowed(NEW_PHONE));
    }

    function test_TheCustodianCancelsForItsAccounts() public {
        controllers.setControllerFor(person(0), vm.addr(PHONE), DEVICE, uint64(block.timestamp) + _WEEK);
        cancelController(CUSTODIAN);
        vm.warp(block.timestamp + _WEEK);
        _refuses(PHONE, 0, 0, 0, _notAllowed(PHONE));
    }

    /// @dev Who holds a lost phone could cancel for ever: frozen, it can't.
    function test_AFrozenAccountIsReplacedAndCancelsNothing() public {
        setController(CUSTODIAN, PHONE, 0);
        ledger.setAccountState(person(0), 2);
        controllers.setControllerFor(person(0), vm.addr(NEW_PHONE), DEVICE, uint64(block.timestamp) + _WEEK);
        expect(_notActive(person(0), 2));
        this.cancelBy(PHONE);
        vm.warp(block.timestamp + _WEEK);
        _refuses(NEW_PHONE, 0, 0, 0, _notActive(person(0), 2));
        ledger.setAccountState(person(0), 1);
        controllers.authorise(person(0), vm.addr(NEW_PHONE), 0, 0, 0);
    }

    function test_TheRegistrarRefuses() public {
        uint64 now_ = uint64(block.timestamp);
        bytes4 bad = ILuyaControllers.LuyaControllersBadEffective.selector;
        address key = vm.addr(PHONE);
        expect(abi.encodeWithSelector(bad, now_ + _WEEK - 1, now_ + _WEEK, now_ + 366 days));
        controllers.setControllerFor(person(0), key, DEVICE, now_ + _WEEK - 1);
        expect(abi.encodeWithSelector(bad, now_ + 366 days + 1, now_ + _WEEK, now_ + 366 days));
        controllers.setControllerFor(person(0), key, DEVICE, now_ + 366 days + 1);
        bad = ILuyaControllers.LuyaControllersBadController.selector;
        expect(abi.encodeWithSelector(bad, person(0), key, 5));
        controllers.setControllerFor(person(0), key, 5, now_ + _WEEK);
        expect(_notActive(person(7), 0));
        controllers.setControllerFor(person(7), key, DEVICE, now_ + _WEEK);
        ledger.closeAccount(person(0));
        expect(_notActive(person(0), 3));
        controllers.setControllerFor(person(0), key, DEVICE, now_ + _WEEK);
    }

    // -------------------------------------------------------------------------------------------------- session keys

    function test_SessionKeyEntry() public {
        ILuyaControllers.SessionAct memory act = sessionAct(CUSTODIAN, 100, inAnHour(), 3);
        bytes memory signature = signAct(CUSTODIAN, sessionHash(act));
        vm.recordLogs();
        controllers.setSessionKey(act, signature);
        bytes memory front = abi.encodePacked(
            uint8(0x4A),
            uint64(block.timestamp),
            person(0),
            vm.addr(SESSION),
            uint64(100),
            act.expires,
            uint16(3)
        );
        bytes memory entry = abi.encodePacked(front, vm.addr(CUSTODIAN), uint64(0), act.deadline, signature);
        assertEq(firstEntry(), entry, "entry");
        (uint64 limit, uint64 expires, uint16 scopes, uint64 spent, bool live) = controllers.sessionKey(
            person(0),
            vm.addr(SESSION)
        );
        assertEq(limit, 100, "limit");
        assertEq(expires, act.expires, "expires");
        assertEq(scopes, 3, "scopes");
        assertEq(spent, 0, "spent");
        assertTrue(live, "live");
    }

    function test_SessionKeyRefuses() public {
        uint64 now_ = uint64(block.timestamp);
        _refusesSession(100, now_, 1);
        _refusesSession(100, now_ + 366 days + 1, 1);
        _refusesSession(100, now_ + 1, 0);
        _refusesSession(100, now_ + 1, 8);
        _refusesSession(1, 0, 0);
        _refusesSession(0, 0, 1);
        ILuyaControllers.SessionAct memory act = sessionAct(CUSTODIAN, 1, now_ + 1, 1);
        act.key = address(0);
        bytes memory signature = signAct(CUSTODIAN, sessionHash(act));
        bytes4 bad = ILuyaControllers.LuyaControllersBadSession.selector;
        expect(abi.encodeWithSelector(bad, person(0), address(0), act.expires, 1));
        controllers.setSessionKey(act, signature);
    }

    function test_SessionKeyActsInItsScopesOnly() public {
        setSessionKey(CUSTODIAN, 100, inAnHour(), Scopes.ORDERS | Scopes.CONSENTS);
        controllers.authorise(person(0), vm.addr(SESSION), 0, Scopes.ORDERS, 100);
        _refuses(SESSION, 0, Scopes.PLEDGES, 1, _outOfScope(Scopes.PLEDGES));
        _refuses(SESSION, 0, Scopes.ORDERS | Scopes.PLEDGES, 1, _outOfScope(Scopes.ORDERS | Scopes.PLEDGES));
        _refuses(SESSION, 0, Scopes.CONTROLLER, 0, _outOfScope(0));
    }

    function test_SessionKeyExpires() public {
        uint64 expires = inAnHour();
        setSessionKey(CUSTODIAN, 100, expires, Scopes.ORDERS);
        vm.warp(expires - 1);
        controllers.authorise(person(0), vm.addr(SESSION), 0, Scopes.ORDERS, 100);
        vm.warp(expires);
        bytes4 expired = ILuyaControllers.LuyaControllersSessionExpired.selector;
        bytes memory reason = abi.encodeWithSelector(expired, person(0), vm.addr(SESSION), expires);
        _refuses(SESSION, 0, Scopes.ORDERS, 1, reason);
    }

    function test_SessionKeyRevoked() public {
        setSessionKey(CUSTODIAN, 100, inAnHour(), Scopes.ORDERS);
        setSessionKey(CUSTODIAN, 0, 0, 0);
        bytes4 expired = ILuyaControllers.LuyaControllersSessionExpired.selector;
        bytes memory reason = abi.encodeWithSelector(expired, person(0), vm.addr(SESSION), 0);
        _refuses(SESSION, 0, Scopes.ORDERS, 1, reason);
    }

    function test_OneLimitADayOverTwoModules() public {
        _openModules();
        setSessionKey(CUSTODIAN, 100, inAnHour() + 2 days, Scopes.ORDERS | Scopes.PLEDGES);
        _useBy(0x11, SESSION, 0, Scopes.ORDERS, 60);
        _refuses(SESSION, 1, Scopes.PLEDGES, 41, _overLimit(40, 41));
        expect(_overLimit(40, 41));
        this.useBy(0x19, SESSION, 1, Scopes.PLEDGES, 41);
        _useBy(0x19, SESSION, 1, Scopes.PLEDGES, 40);
        _refuses(SESSION, 2, Scopes.ORDERS, 1, _overLimit(0, 1));
        (, , , uint64 spent, ) = controllers.sessionKey(person(0), vm.addr(SESSION));
        assertEq(spent, 100, "spent");
        // Bounds given anew, lower or the same: what was spent today stays spent.
        setSessionKey(CUSTODIAN, 100, inAnHour() + 2 days, Scopes.ORDERS);
        _refuses(SESSION, 2, Scopes.ORDERS, 1, _overLimit(0, 1));
        setSessionKey(CUSTODIAN, 10, inAnHour() + 2 days, Scopes.ORDERS);
        _refuses(SESSION, 2, Scopes.ORDERS, 1, _overLimit(0, 1));
        // The next day at UTC+8 begins at 16:00 UTC: 12 hours after noon there.
        vm.warp(NOON + 12 hours - 1);
        _refuses(SESSION, 2, Scopes.ORDERS, 1, _overLimit(0, 1));
        vm.warp(NOON + 12 hours);
        (, , , spent, ) = controllers.sessionKey(person(0), vm.addr(SESSION));
        assertEq(spent, 0, "a new day");
        _useBy(0x11, SESSION, 2, Scopes.ORDERS, 10);
        _refuses(SESSION, 3, Scopes.ORDERS, type(uint64).max, _overLimit(0, type(uint64).max));
    }

    function test_ANewControllerEndsSessionKeysAlsoWhereTheKeyComesBack() public {
        setController(CUSTODIAN, PHONE, 0);
        setSessionKey(PHONE, 100, inAnHour(), Scopes.ORDERS);
        vm.warp(block.timestamp + 1);
        setController(PHONE, NEW_PHONE, 0);
        setController(NEW_PHONE, PHONE, 0);
        _refuses(SESSION, 0, Scopes.ORDERS, 1, _notAllowed(SESSION));
        (, , , , bool live) = controllers.sessionKey(person(0), vm.addr(SESSION));
        assertTrue(!live, "dead");
    }

    // ------------------------------------------------------------------------------------------------------ consents

    function test_Consent() public {
        ILuyaControllers.ConsentAct memory act = consentAct(CUSTODIAN, 4, 2, true);
        bytes memory signature = signAct(CUSTODIAN, consentHash(act));
        vm.recordLogs();
        controllers.setConsent(act, signature);
        bytes memory front = abi.encodePacked(
            uint8(0x4D),
            uint64(block.timestamp),
            person(0),
            uint16(4),
            uint16(2),
            keccak256("text"),
            uint8(1)
        );
        bytes memory entry = abi.encodePacked(front, vm.addr(CUSTODIAN), uint64(0), act.deadline, signature);
        assertEq(firstEntry(), entry, "entry");
        (uint16 version, bool given) = controllers.consentOf(person(0), 4);
        assertEq(version, 2, "version");
        assertTrue(given, "given");
        setConsent(CUSTODIAN, 4, 2, false);
        (, given) = controllers.consentOf(person(0), 4);
        assertTrue(!given, "taken back");
        (version, ) = controllers.consentOf(person(0), 5);
        assertEq(version, 0, "another purpose");
    }

    function test_ConsentByASessionKey() public {
        setSessionKey(CUSTODIAN, 0, inAnHour(), Scopes.CONSENTS);
        setConsent(SESSION, 1, 1, true);
        setSessionKey(CUSTODIAN, 0, inAnHour(), Scopes.ORDERS);
        ILuyaControllers.ConsentAct memory act = consentAct(SESSION, 1, 1, false);
        bytes memory signature = signAct(SESSION, consentHash(act));
        expect(_outOfScope(Scopes.CONSENTS));
        controllers.setConsent(act, signature);
    }

    function test_ConsentRefuses() public {
        bytes4 bad = ILuyaControllers.LuyaControllersBadConsent.selector;
        expect(abi.encodeWithSelector(bad, person(0), 0, 1));
        this.consentBy(0, 1);
        expect(abi.encodeWithSelector(bad, person(0), 1, 0));
        this.consentBy(1, 0);
    }

    // ---------------------------------------------------------------------------------------------------- signatures

    function test_OnlyCanonicalSignatures() public {
        ILuyaControllers.ConsentAct memory act = consentAct(CUSTODIAN, 1, 1, true);
        bytes memory good = signAct(CUSTODIAN, consentHash(act));
        bytes memory reason = abi.encodeWithSelector(ILuyaControllers.LuyaControllersBadSignature.selector, person(0));
        // The same signature with s in the upper half.
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        uint256 s = order - uint256(bytes32(slice(good, 32, 32)));
        expect(reason);
        controllers.setConsent(act, abi.encodePacked(slice(good, 0, 32), s, good[64] == 0x1b ? uint8(28) : uint8(27)));
        expect(reason);
        controllers.setConsent(act, abi.encodePacked(slice(good, 0, 64), uint8(0)));
        expect(reason);
        controllers.setConsent(act, slice(good, 0, 64));
        expect(reason);
        controllers.setConsent(act, bytes.concat(good, hex"00"));
        expect(reason);
        controllers.setConsent(act, "");
        controllers.setConsent(act, good);
    }

    function test_AnActOfAnotherLedgerOrAnotherTextIsAnothersSignature() public {
        ILuyaControllers.ConsentAct memory act = consentAct(CUSTODIAN, 1, 1, true);
        bytes memory signature = signAct(CUSTODIAN, consentHash(act));
        act.text = keccak256("another text");
        vm.expectPartialRevert(ILuyaControllers.LuyaControllersNotAllowed.selector);
        controllers.setConsent(act, signature);
        act.text = keccak256("text");
        vm.chainId(block.chainid + 1);
        vm.expectPartialRevert(ILuyaControllers.LuyaControllersNotAllowed.selector);
        controllers.setConsent(act, signature);
    }

    // ----------------------------------------------------------------------------------------------------- accounts

    function test_OnlyActiveAccountsAct() public {
        ledger.setAccountState(person(0), 2);
        _refuses(CUSTODIAN, 0, 0, 0, _notActive(person(0), 2));
        ledger.closeAccount(person(0));
        _refuses(CUSTODIAN, 0, 0, 0, _notActive(person(0), 3));
        expect(_notActive(person(1), 0));
        controllers.authorise(person(1), vm.addr(CUSTODIAN), 0, 0, 0);
    }

    // ------------------------------------------------------------------------------------------------------- modules

    function test_NoncesAreOfAccountAndSigner() public {
        _openModules();
        registerMany(1, 1);
        _useBy(0x11, CUSTODIAN, 0, 0, 5);
        _refuses(CUSTODIAN, 0, 0, 0, _wrongNonce(CUSTODIAN, 1, 0));
        _refuses(CUSTODIAN, 2, 0, 0, _wrongNonce(CUSTODIAN, 1, 2));
        controllers.authorise(person(1), vm.addr(CUSTODIAN), 0, 0, 0);
        setSessionKey(CUSTODIAN, 100, inAnHour(), Scopes.ORDERS);
        controllers.authorise(person(0), vm.addr(SESSION), 0, Scopes.ORDERS, 5);
    }

    function test_OnlyTheModuleOfTheTypeUses() public {
        _openModules();
        bytes4 bad = ILuyaControllers.LuyaControllersNotModule.selector;
        expect(abi.encodeWithSelector(bad, address(this), 0x11));
        controllers.use(0x11, person(0), vm.addr(CUSTODIAN), 0, 0, 0, uint64(block.timestamp));
        address pledges = ledger.module(0x19);
        expect(abi.encodeWithSelector(bad, pledges, 0x11));
        vm.prank(pledges);
        controllers.use(0x11, person(0), vm.addr(CUSTODIAN), 0, 0, 0, uint64(block.timestamp));
    }

    function test_OnlyTheLedgerApplies() public {
        expect(abi.encodeWithSelector(ILuyaModule.LuyaModuleNotLedger.selector, address(this)));
        controllers.applyEntry(0, abi.encodePacked(uint8(0x4F), uint64(block.timestamp), vm.addr(PHONE), uint8(1)));
        vm.prank(address(ledger));
        expect(abi.encodeWithSelector(ILuyaModule.LuyaModuleWrongType.selector, 0x11));
        controllers.applyEntry(0, abi.encodePacked(uint8(0x11), uint64(block.timestamp)));
        uint8[5] memory types = [0x48, 0x49, 0x4A, 0x4D, 0x4F];
        for (uint256 i = 0; i < types.length; ++i) {
            vm.prank(address(ledger));
            expect(abi.encodeWithSelector(ILuyaModule.LuyaModuleBadLength.selector, 9));
            controllers.applyEntry(0, abi.encodePacked(types[i], uint64(block.timestamp)));
        }
    }

    function test_RolesAreNeeded() public {
        address eve = address(0xE0E);
        bytes memory reason = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, eve);
        vm.prank(eve);
        expect(reason);
        controllers.setCustodian(eve);
        vm.prank(eve);
        expect(reason);
        controllers.disableCustodian();
        vm.prank(eve);
        expect(reason);
        controllers.setControllerFor(person(0), eve, DEVICE, uint64(block.timestamp) + _WEEK);
    }

    // -------------------------------------------------------------------------------------------------------- import

    /// @dev A second ledger that takes the first one's entries answers as the first one does.
    function test_ImportGivesTheSameState() public {
        deployResidents();
        uint64 time = uint64(block.timestamp);
        bytes[] memory log = new bytes[](5);
        bytes memory tail = abi.encodePacked(vm.addr(CUSTODIAN), uint64(0), time, new bytes(65));
        bytes memory account = abi.encodePacked(person(0), identityOf(0), uint16(1), uint16(0), uint8(1), address(0));
        log[0] = abi.encodePacked(uint8(0x40), time, account);
        log[1] = abi.encodePacked(uint8(0x4F), time, vm.addr(CUSTODIAN), uint8(1));
        log[2] = abi.encodePacked(
            uint8(0x4A),
            time,
            person(0),
            vm.addr(SESSION),
            uint64(9),
            time + 99,
            uint16(4),
            tail
        );
        tail = abi.encodePacked(vm.addr(SESSION), uint64(0), time, new bytes(65));
        log[3] = abi.encodePacked(uint8(0x4D), time, person(0), uint16(1), uint16(1), bytes32(0), uint8(1), tail);
        tail = abi.encodePacked(uint8(2), uint64(0), uint64(0), new bytes(65));
        log[4] = abi.encodePacked(uint8(0x48), time, person(0), vm.addr(PHONE), DEVICE, time + _WEEK, tail);
        bytes memory packed;
        for (uint256 i = 0; i < log.length; ++i) {
            packed = abi.encodePacked(packed, uint16(log[i].length), log[i]);
        }
        ledger.importEntries(packed);
        assertEq(controllers.nonceOf(person(0), vm.addr(CUSTODIAN)), 1, "custodian's nonce");
        assertEq(controllers.nonceOf(person(0), vm.addr(SESSION)), 1, "session's nonce");
        (, bool given) = controllers.consentOf(person(0), 1);
        assertTrue(given, "consent");
        (address key, , uint64 effective) = controllers.pendingController(person(0));
        assertEq(key, vm.addr(PHONE), "pending");
        assertEq(effective, time + _WEEK, "effective");
        // An entry that could not have been appended then is not imported now.
        expect(_wrongNonce(SESSION, 1, 0));
        ledger.importEntries(abi.encodePacked(uint16(log[3].length), log[3]));
    }

    // -------------------------------------------------------------------------------------- by itself, to be refused

    function cancelBy(uint256 signer) external {
        cancelController(signer);
    }

    function consentBy(uint16 purpose, uint16 version) external {
        setConsent(CUSTODIAN, purpose, version, true);
    }

    function useBy(uint8 entryType, uint256 signer, uint64 nonce, uint16 scope, uint64 amount) external {
        _useBy(entryType, signer, nonce, scope, amount);
    }

    function _useBy(uint8 entryType, uint256 signer, uint64 nonce, uint16 scope, uint64 amount) private {
        address module = ledger.module(entryType);
        vm.prank(module);
        controllers.use(entryType, person(0), vm.addr(signer), nonce, scope, amount, uint64(block.timestamp));
    }

    /// @dev Two contracts with code, for orders and for pledges.
    function _openModules() private {
        deployModule("LuyaAgents", 0x11, 0x11);
        deployModule("LuyaAgents", 0x19, 0x19);
    }

    function _refuses(uint256 signer, uint64 nonce, uint16 scope, uint64 amount, bytes memory reason) private {
        expect(reason);
        controllers.authorise(person(0), vm.addr(signer), nonce, scope, amount);
    }

    function _refusesController(
        uint256 signer,
        ILuyaControllers.ControllerAct memory act,
        bytes memory reason
    ) private {
        bytes memory signature = signAct(signer, controllerHash(act));
        expect(reason);
        controllers.setController(act, signature);
    }

    function _refusesSession(uint64 limit, uint64 expires, uint16 scopes) private {
        ILuyaControllers.SessionAct memory act = sessionAct(CUSTODIAN, limit, expires, scopes);
        bytes memory signature = signAct(CUSTODIAN, sessionHash(act));
        bytes4 bad = ILuyaControllers.LuyaControllersBadSession.selector;
        expect(abi.encodeWithSelector(bad, person(0), act.key, expires, scopes));
        controllers.setSessionKey(act, signature);
    }

    function _notAllowed(uint256 signer) private pure returns (bytes memory) {
        bytes4 selector = ILuyaControllers.LuyaControllersNotAllowed.selector;
        return abi.encodeWithSelector(selector, person(0), vm.addr(signer));
    }

    function _wrongNonce(uint256 signer, uint64 expected, uint64 given) private pure returns (bytes memory) {
        bytes4 selector = ILuyaControllers.LuyaControllersWrongNonce.selector;
        return abi.encodeWithSelector(selector, person(0), vm.addr(signer), expected, given);
    }

    function _notActive(address account, uint8 state) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILuyaControllers.LuyaControllersAccountNotActive.selector, account, state);
    }

    function _outOfScope(uint16 scope) private pure returns (bytes memory) {
        bytes4 selector = ILuyaControllers.LuyaControllersOutOfScope.selector;
        return abi.encodeWithSelector(selector, person(0), vm.addr(SESSION), scope);
    }

    function _overLimit(uint64 left, uint64 amount) private pure returns (bytes memory) {
        bytes4 selector = ILuyaControllers.LuyaControllersOverLimit.selector;
        return abi.encodeWithSelector(selector, person(0), vm.addr(SESSION), left, amount);
    }
}
