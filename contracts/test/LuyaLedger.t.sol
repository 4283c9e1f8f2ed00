// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ILuyaLedger} from "../interfaces/ILuyaLedger.sol";
import {ILedger} from "./support/ILedger.sol";
import {TestModule} from "./support/TestModule.sol";
import {World} from "./support/World.sol";

/// @title Administration of the ledger: accounts, pause, log key, modules, seal, roles
contract LuyaLedgerTest is World {
    function setUp() public {
        deployWorld();
        sealEmpty();
    }

    function test_AFreshLedger() public view {
        assertEq(ledger.logSize(), 0, "size");
        assertEq(ledger.root(), sha256(""), "root");
        assertEq(bytes(ledger.logOrigin()), bytes(ORIGIN), "origin");
        assertEq(ledger.genesisNonce(), keccak256("nonce"), "nonce");
        assertEq(ledger.domainSalt(), keccak256(abi.encodePacked(ORIGIN, keccak256("nonce"))), "salt");
        assertTrue(ledger.isSealed(), "sealed");
        assertEq(ledger.module(0x43), address(law), "module");
    }

    function test_Eip712Domain() public view {
        (bytes1 fields, string memory name, string memory version, uint256 chain, address at, bytes32 salt, ) = ledger
            .eip712Domain();
        assertEq(uint8(fields), 0x1f, "fields");
        assertEq(bytes(name), "LuyaLedger", "name");
        assertEq(bytes(version), "1", "version");
        assertEq(chain, block.chainid, "chain");
        assertEq(at, address(ledger), "contract");
        assertEq(salt, ledger.domainSalt(), "salt");
    }

    // ---------------------------------------------------------------------------------------------------- accounts

    function test_RegisterAccountsAppendsEntries() public {
        vm.recordLogs();
        ledger.registerAccounts(bytes.concat(registration(0, 0), registration(1, 2026)));
        Log[] memory logs = recordedLogs();
        bytes memory first = abi.encodePacked(
            uint8(0x40),
            uint64(block.timestamp),
            person(0),
            identityOf(0),
            uint16(510),
            uint16(0),
            uint8(1),
            address(0)
        );
        assertEq(logs[0].data, abi.encode(first), "entry");
        assertEq(first.length, 86, "length");
        assertEq(logs[2].topics[0], ILuyaLedger.LogExtended.selector, "extended");
        assertEq(logs[2].data, abi.encode(ledger.root()), "root");
        assertEq(ledger.logSize(), 2, "size");
        assertEq(ledger.rootAt(1), bytes32(0), "no root within a call");
        address[] memory two = new address[](2);
        (two[0], two[1]) = (person(0), person(1));
        assertEq(views.accounts(two)[0].state, 1, "state");
        assertEq(views.accounts(two)[1].epoch, 2026, "epoch");
    }

    function test_RegisterAccountsRefuses() public {
        ledger.registerAccounts(registration(0, 0));
        bytes memory good = registration(1, 0);
        _refuses(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, 0), "");
        _refuses(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, 57), bytes.concat(good, hex"00"));
        _refuses(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerAccountNotNew.selector, 1, person(0)),
            bytes.concat(good, registration(0, 0))
        );
        _refuses(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerAccountNotNew.selector, 1, person(1)),
            bytes.concat(good, good)
        );
        _refuses(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerAccountNotNew.selector, 0, address(0)),
            abi.encodePacked(address(0), identityOf(5), uint32(0))
        );
        _refuses(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerIdentityNotNew.selector, 1, identityOf(0)),
            bytes.concat(good, abi.encodePacked(person(2), identityOf(0), uint32(0)))
        );
        _refuses(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerIdentityNotNew.selector, 0, bytes32(0)),
            abi.encodePacked(person(2), bytes32(0), uint32(0))
        );
        _refuses(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadEpoch.selector, 1, 2007),
            bytes.concat(good, registration(2, 2007))
        );
    }

    function test_AClosedAccountsIdentityStaysUsed() public {
        ledger.registerAccounts(registration(0, 0));
        ledger.closeAccount(person(0));
        _refuses(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerIdentityNotNew.selector, 0, identityOf(0)),
            abi.encodePacked(person(2), identityOf(0), uint32(0))
        );
    }

    function test_StatesOfAnAccount() public {
        address account = person(0);
        _refusesState(account, 2, 0);
        ledger.registerAccounts(registration(0, 2026));
        _refusesState(account, 1, 1);
        _refusesState(account, 3, 1);
        _refusesState(account, 4, 1);
        vm.recordLogs();
        ledger.setAccountState(account, 2);
        bytes memory entry = abi.decode(recordedLogs()[0].data, (bytes));
        assertEq(
            entry,
            abi.encodePacked(
                uint8(0x40),
                uint64(block.timestamp),
                account,
                identityOf(0),
                uint16(510),
                uint16(2026),
                uint8(2),
                address(0)
            ),
            "the full value"
        );
        _refusesState(account, 2, 2);
        ledger.setAccountState(account, 1);
        ledger.setAccountState(account, 2);
        ledger.closeAccount(account);
        _refusesState(account, 1, 3);
        _refusesState(account, 2, 3);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadAccountState.selector, account, 3, 3));
        ledger.closeAccount(account);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadAccountState.selector, person(9), 0, 3));
        ledger.closeAccount(person(9));
    }

    // --------------------------------------------------------------------------------------------- pause, log key

    function test_AResidentMoves() public {
        registerMany(0, 1);
        ledger.setAccountState(person(0), 2);
        vm.recordLogs();
        ledger.moveAccount(person(0), 511);
        bytes memory front = abi.encodePacked(uint8(0x40), uint64(block.timestamp), person(0), identityOf(0));
        assertEq(firstEntry(), abi.encodePacked(front, uint16(511), uint16(0), uint8(2), address(0)), "entry");
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerSameDistrict.selector, person(0), 511));
        ledger.moveAccount(person(0), 511);
        bytes4 bad = ILuyaLedger.LuyaLedgerBadAccountState.selector;
        vm.expectRevert(abi.encodeWithSelector(bad, person(9), 0, 0));
        ledger.moveAccount(person(9), 511);
        ledger.closeAccount(person(0));
        vm.expectRevert(abi.encodeWithSelector(bad, person(0), 3, 3));
        ledger.moveAccount(person(0), 512);
    }

    function test_PauseIsBounded() public {
        uint64 now_ = uint64(block.timestamp);
        _refusesPause(now_);
        _refusesPause(now_ + 7 days + 1);
        vm.recordLogs();
        ledger.pause(now_ + 7 days);
        assertEq(ledger.pausedUntil(), now_ + 7 days, "until");
        bytes memory entry = abi.encodePacked(uint8(0x46), now_, uint8(0), now_ + 7 days);
        assertEq(abi.decode(recordedLogs()[0].data, (bytes)), entry, "entry");
        ledger.unpause();
        assertEq(ledger.pausedUntil(), 0, "lifted");
        assertEq(ledger.logSize(), 2, "both are entries");
    }

    function test_SetLogKey() public {
        vm.recordLogs();
        ledger.setLogKey(keccak256("key"));
        bytes memory entry = abi.encodePacked(uint8(0x47), uint64(block.timestamp), uint8(1), keccak256("key"));
        assertEq(abi.decode(recordedLogs()[0].data, (bytes)), entry, "entry");
        assertEq(ledger.logKey(), keccak256("key"), "key");
    }

    function test_NoLogIsWithoutAKey() public {
        bytes32 before = ledger.logKey();
        vm.expectRevert(ILuyaLedger.LuyaLedgerNoLogKey.selector);
        ledger.setLogKey(0);
        assertEq(ledger.logKey(), before, "key");
    }

    // ----------------------------------------------------------------------------------------------------- modules

    function test_TheLawIsChosenOnce() public {
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerModuleFixed.selector, 0x43));
        ledger.setModule(0x43, 0x43, address(views));
        ledger.setModule(0x10, 0x1F, address(law));
        ledger.setModule(0x10, 0x10, address(views));
        assertEq(ledger.module(0x10), address(views), "others may change");
        assertEq(ledger.module(0x1F), address(law), "range");
    }

    /// @dev Whatever may bring in what was not there: draws, the year's end, recognition.
    function test_WhoeverBringsInFromASourceIsChosenOnce() public {
        ledger.setModule(0x20, 0x3F, address(law));
        uint8[3] memory types = [0x23, 0x24, 0x34];
        for (uint256 i = 0; i < types.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerModuleFixed.selector, types[i]));
            ledger.setModule(types[i], types[i], address(views));
        }
        ledger.setModule(0x25, 0x33, address(views));
        assertEq(ledger.module(0x33), address(views), "the rest may change");
    }

    /// @dev A campaign is no law: it waits for an owner of its own.
    function test_ACampaignHasItsOwnModule() public {
        assertEq(ledger.module(0x45), address(0), "nobody's at first");
        ledger.setModule(0x45, 0x45, address(views));
        ledger.setModule(0x45, 0x45, address(law));
        assertEq(ledger.module(0x45), address(law), "and may change");
    }

    function test_AModuleIsAContract() public {
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerNoCode.selector, person(0)));
        ledger.setModule(0x10, 0x10, person(0));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerNoCode.selector, address(0)));
        ledger.setModule(0x10, 0x10, address(0));
        assertEq(ledger.module(0x10), address(0), "nothing set");
    }

    function test_ARangeGoesUpwards() public {
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadRange.selector, 0x20, 0x10));
        ledger.setModule(0x20, 0x10, address(views));
    }

    function test_ModulesOwnOnlyTheirTypes() public {
        for (uint256 entryType = 0; entryType <= 255; ++entryType) {
            bool ofLaw = entryType >= 0x41 && entryType <= 0x44;
            bool open =
                (entryType >= 0x05 && entryType <= 0x3F) ||
                    entryType == 0x45 ||
                    (entryType >= 0x48 && entryType <= 0x5F && entryType != 0x50);
            bytes4 reason = ILuyaLedger.LuyaLedgerWrongType.selector;
            if (ofLaw) reason = ILuyaLedger.LuyaLedgerModuleFixed.selector;
            if (!open) vm.expectRevert(abi.encodeWithSelector(reason, uint8(entryType)));
            ledger.setModule(uint8(entryType), uint8(entryType), address(views));
            if (open) assertEq(ledger.module(uint8(entryType)), address(views), vm.toString(entryType));
        }
    }

    function test_AChangeAfterTheSealIsAnEntry() public {
        vm.recordLogs();
        ledger.setModule(0x10, 0x13, address(views));
        Log[] memory logs = recordedLogs();
        bytes memory entry = abi.encodePacked(
            uint8(0x50),
            uint64(block.timestamp),
            uint8(0x10),
            uint8(0x13),
            address(views),
            keccak256(address(views).code)
        );
        assertEq(entry.length, 63, "the protocol's length");
        assertEq(logs.length, 6, "four types, the entry, the log's end");
        assertEq(logs[3].topics[0], ILuyaLedger.ModuleSet.selector, "of each type");
        assertEq(logs[4].data, abi.encode(entry), "entry");
        assertEq(ledger.root(), sha256(abi.encodePacked(uint8(0), entry)), "in the log");
    }

    function test_TheFirstWiringIsNoEntry() public {
        (ledger, , ) = deployLedger();
        ledger.setModule(0x10, 0x13, address(views));
        assertEq(ledger.logSize(), 0, "size");
        sealEmpty();
    }

    function test_AppendIsForTheModule() public {
        (ledger, , ) = deployLedger();
        TestModule module = new TestModule(address(manager), address(ledger));
        ledger.setModule(0x10, 0x10, address(module));
        sealEmpty();
        bytes memory entry = abi.encodePacked(uint8(0x10), uint64(block.timestamp), "anything");
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerWrongType.selector, 0x10));
        ledger.append(entry);
        module.appendRaw(entry);
        assertEq(ledger.logSize(), 1, "size");
        assertEq(ledger.root(), sha256(abi.encodePacked(uint8(0), entry)), "root of one leaf");
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerWrongType.selector, 0x11));
        module.appendRaw(abi.encodePacked(uint8(0x11), uint64(block.timestamp)));
        vm.expectRevert(ILuyaLedger.LuyaLedgerBadHeader.selector);
        module.appendRaw(abi.encodePacked(uint8(0x10), uint64(block.timestamp + 1)));
        vm.expectRevert(ILuyaLedger.LuyaLedgerBadHeader.selector);
        module.appendRaw(hex"10");
    }

    // -------------------------------------------------------------------------------------------------------- roots

    function test_RootAfterEveryCall() public {
        bytes32 before = ledger.root();
        for (uint256 i = 0; i < 9; ++i) {
            registerMany(3 * i, 3);
            assertTrue(ledger.root() != before, "changes");
            assertEq(ledger.rootAt(uint64(3 * i)), before, "the one before stays");
            before = ledger.root();
        }
    }

    function test_Extsload() public view {
        bytes32[] memory slots = new bytes32[](2);
        slots[1] = bytes32(uint256(14));
        bytes32[] memory words = ledger.extsload(slots);
        assertEq(uint256(words[0]), 1 << 128, "sealed, size 0, no pause");
        assertTrue(words[1] != 0, "origin");
    }

    // -------------------------------------------------------------------------------------------------------- roles

    function test_EveryActHasARole() public {
        bytes[] memory calls = new bytes[](12);
        calls[0] = abi.encodeCall(ILuyaLedger.registerAccounts, (registration(0, 0)));
        calls[1] = abi.encodeCall(ILuyaLedger.setAccountState, (person(0), 2));
        calls[2] = abi.encodeCall(ILuyaLedger.closeAccount, (person(0)));
        calls[3] = abi.encodeCall(ILuyaLedger.revoke, (0, 1, "", new bytes32[](0), 1, 0, false));
        calls[4] = abi.encodeCall(ILuyaLedger.pause, (uint64(block.timestamp + 1)));
        calls[5] = abi.encodeCall(ILuyaLedger.unpause, ());
        calls[6] = abi.encodeCall(ILuyaLedger.setLogKey, (keccak256("key")));
        calls[7] = abi.encodeCall(ILuyaLedger.setModule, (0x10, 0x10, person(0)));
        calls[8] = abi.encodeCall(ILuyaLedger.importEntries, (""));
        calls[9] = abi.encodeCall(ILuyaLedger.importRevocation, ("", 0, "", new bytes32[](0)));
        calls[10] = abi.encodeCall(ILuyaLedger.seal, (0, bytes32(0)));
        calls[11] = abi.encodeCall(ILuyaLedger.moveAccount, (person(0), 1));
        address stranger = person(99);
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(stranger);
            (bool success, bytes memory reason) = address(ledger).call(calls[i]);
            assertTrue(!success, "succeeded");
            assertEq(
                reason,
                abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, stranger),
                "reason"
            );
        }
    }

    // ----------------------------------------------------------------------------------------------------- helpers

    function _refuses(bytes memory reason, bytes memory packed) private {
        vm.expectRevert(reason);
        ledger.registerAccounts(packed);
    }

    function _refusesState(address account, uint8 asked, uint8 current) private {
        vm.expectRevert(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadAccountState.selector, account, current, asked)
        );
        ledger.setAccountState(account, asked);
    }

    function _refusesPause(uint64 until) private {
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerPauseOutOfBounds.selector, until));
        ledger.pause(until);
    }
}
