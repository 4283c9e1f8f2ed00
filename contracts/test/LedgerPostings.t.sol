// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
import {ILuyaLedger} from "../interfaces/ILuyaLedger.sol";
import {ILuyaModule} from "../interfaces/ILuyaModule.sol";
import {ILuyaViews} from "../interfaces/ILuyaViews.sol";
import {Buckets} from "../libraries/Buckets.sol";
import {LedgerSlots} from "../libraries/LedgerSlots.sol";
import {Moves} from "../libraries/Moves.sol";
import {ILedger} from "./support/ILedger.sol";
import {Operator} from "./support/Operator.sol";
import {TestModule} from "./support/TestModule.sol";

/// @title The one door for modules: what the ledger posts, and what it refuses whatever a module says
contract LedgerPostingsTest is Operator {
    uint8 private constant _ORDER = 0x11;
    uint8 private constant _REFUND = 0x13;
    uint8 private constant _DRAW = 0x23;
    uint8 private constant _YEAR_END = 0x24;

    TestModule private _module;
    address private _person;

    function setUp() public {
        openWorld();
        vm.recordLogs();
        _module = _moduleOf(ledger);
        _person = person(0);
        submit(TRIAL, recordOf(_person, CYCLING, 20_453, 10, 2, 1_000), ""); // 2025: 48,000 and 4,800
        submit(FEED, recordOf(_person, CYCLING, TODAY, 10, 2, 500), ""); // 2026: 24,000 and 2,400
        book();
    }

    // ------------------------------------------------------------------------------------------ several in one call

    function test_EntriesOfOneCallHaveOneRoot() public {
        uint64 size = ledger.logSize();
        _module.appendSome(_ORDER, 5, true);
        Log[] memory logs = _loggedAndBooked();
        assertEq(logs.length, 6, "five entries, and the log's end once");
        assertEq(logs[5].topics[0], keccak256("LogExtended(uint64,bytes32)"), "the end");
        assertEq(uint256(logs[5].topics[1]), size + 5, "size");
        for (uint64 i = 1; i < 5; ++i) assertEq(ledger.rootAt(size + i), bytes32(0), "none between");
        assertEq(ledger.rootAt(size + 5), rootOf(entries.length), "the root");
    }

    /// @dev A module that forgets to close leaves a log that is whole, and that anybody closes.
    function test_ALogThatNobodyClosedHasItsRoot() public {
        uint64 size = ledger.logSize();
        _module.appendSome(_ORDER, 3, false);
        assertEq(_loggedAndBooked().length, 3, "entries alone");
        assertEq(ledger.rootAt(size + 3), bytes32(0), "not kept");
        assertEq(ledger.root(), rootOf(entries.length), "computed");
        vm.prank(address(0xBEEF));
        ledger.closeLog();
        assertEq(ledger.rootAt(size + 3), rootOf(entries.length), "kept");
        vm.recordLogs();
        ledger.closeLog();
        assertEq(recordedLogs().length, 0, "once");
        // And whatever is appended next stands on it.
        vm.recordLogs();
        ledger.setLogKey(keccak256("key"));
        book();
        assertEq(ledger.root(), rootOf(entries.length), "afterwards");
    }

    function test_AnOpenAppendIsHeldToTheSameRules() public {
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerWrongType.selector, 0x41));
        _module.appendOpenRaw(abi.encodePacked(uint8(0x41), uint64(block.timestamp)));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadHeader.selector));
        _module.appendOpenRaw(abi.encodePacked(_ORDER, uint64(block.timestamp - 1)));
        (ILedger other, , ) = deployLedger();
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerNotSealed.selector));
        other.appendOpen(abi.encodePacked(_ORDER, uint64(block.timestamp)));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerNotSealed.selector));
        other.closeLog();
    }

    /// @dev What was logged since the last, taken into the book.
    function _loggedAndBooked() private returns (Log[] memory logs) {
        logs = recordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == keccak256("EntryAppended(uint64,bytes)")) push(abi.decode(logs[i].data, (bytes)));
        }
    }

    // ----------------------------------------------------------------------------------------------- what may move

    /// @dev The protocol's table, written down a second time.
    function _tableOf(uint8 entryType) private pure returns (bytes memory moves) {
        if (entryType == 0x11) return hex"05";
        if (entryType == 0x13) return hex"06";
        if (entryType == 0x19) return hex"07";
        if (entryType == 0x1B) return hex"08";
        if (entryType == 0x1D) return hex"09";
        if (entryType == 0x23) return hex"19";
        if (entryType == 0x24) return hex"0a0b0c";
        if (entryType == 0x28) return hex"0d10";
        if (entryType == 0x29 || entryType == 0x51) return hex"1d";
        if (entryType == 0x2A) return hex"0e";
        if (entryType == 0x2B) return hex"0f";
        if (entryType == 0x2C) return hex"1113";
        if (entryType == 0x2D) return hex"12";
        if (entryType == 0x2E) return hex"14";
        if (entryType == 0x30) return hex"151617";
        if (entryType == 0x34) return hex"1805";
        if (entryType >= 0x35 && entryType <= 0x37) return hex"1e1f";
        if (entryType == 0x52) return hex"1a1b1c";
    }

    function test_NoTypeMakesAMoveThatIsNotInItsTable() public {
        for (uint256 entryType = 0x05; entryType <= 0x5F; ++entryType) {
            if (ledger.module(uint8(entryType)) != address(_module)) continue;
            uint256 allowed = 0;
            bytes memory table = _tableOf(uint8(entryType));
            for (uint256 i = 0; i < table.length; ++i) {
                allowed |= 1 << uint8(table[i]);
            }
            for (uint256 move = 0; move <= 255; move = move == 32 ? 255 : move + 1) {
                if (allowed & (1 << move) != 0) continue;
                uint256 word = Moves.word(move, 1, 2026, 1, _person);
                vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerMoveNotAllowed.selector, entryType, move));
                _module.postOne(uint8(entryType), word);
            }
        }
    }

    /// @dev Each move of the table takes from its origin and brings to its target, and nothing else changes. What a move
    /// needs is brought by the moves before it.
    function test_EveryMoveOfTheTableMovesWhatItSays() public {
        _moves(0x11, Moves.REDEEM, Buckets.HELD, Buckets.REDEEMED);
        _moves(0x13, Moves.REFUND, Buckets.REDEEMED, Buckets.HELD);
        _moves(0x19, Moves.PLEDGE, Buckets.HELD, Buckets.PLEDGED);
        _moves(0x1D, Moves.RETURN, Buckets.PLEDGED, Buckets.HELD);
        _moves(0x19, Moves.PLEDGE, Buckets.HELD, Buckets.PLEDGED);
        _moves(0x1B, Moves.DELIVER, Buckets.PLEDGED, Buckets.REDEEMED);
        _moves(0x23, Moves.PRIZE, Buckets.PRIZE, Buckets.HELD);
        _moves(0x24, Moves.EXPIRE, Buckets.HELD, Buckets.EXPIRED);
        _moves(0x24, Moves.CARRY_OUT, Buckets.HELD, Buckets.CARRIED_OUT);
        _moves(0x24, Moves.CARRY_IN, Buckets.CARRIED_IN, Buckets.HELD);
        _moves(0x28, Moves.RETIRE, Buckets.HELD, Buckets.RETIRED);
        for (uint256 i = 0; i < 4; ++i) {
            _moves(0x2A, Moves.AGGREGATE, Buckets.HELD, Buckets.BATCH);
        }
        _moves(0x28, Moves.RETIRE_BATCH, Buckets.BATCH, Buckets.RETIRED);
        _moves(0x2B, Moves.BUFFER, Buckets.BATCH, Buckets.BUFFER);
        _moves(0x2E, Moves.ANSWER, Buckets.BUFFER, Buckets.REVOKED);
        _moves(0x2C, Moves.LOCK, Buckets.BATCH, Buckets.LOCKED);
        _moves(0x2C, Moves.UNLOCK, Buckets.LOCKED, Buckets.BATCH);
        _moves(0x2C, Moves.LOCK, Buckets.BATCH, Buckets.LOCKED);
        _moves(0x2D, Moves.EXPORT, Buckets.LOCKED, Buckets.EXPORTED);
        _moves(0x30, Moves.QUARANTINE, Buckets.HELD, Buckets.QUARANTINED);
        _moves(0x30, Moves.RELEASE, Buckets.QUARANTINED, Buckets.HELD);
        _moves(0x30, Moves.QUARANTINE, Buckets.HELD, Buckets.QUARANTINED);
        _moves(0x30, Moves.WITHDRAW, Buckets.QUARANTINED, Buckets.REVOKED);
        _moves(0x34, Moves.RECOGNISE, Buckets.RECOGNISED, Buckets.HELD);
        _moves(0x35, Moves.TO_TREASURY, Buckets.HELD, Buckets.TREASURY);
        _moves(0x37, Moves.FROM_TREASURY, Buckets.TREASURY, Buckets.HELD);
        _moves(0x52, Moves.DONATE, Buckets.HELD, Buckets.DONATED);
        _moves(0x52, Moves.LAPSE, Buckets.HELD, Buckets.LAPSED);
    }

    function test_ATransferGoesToTheWordBehindIt() public {
        vm.recordLogs();
        _module.post(0x29, _two(Moves.word(Moves.TRANSFER, 0, 2025, 8_000, _person), uint160(person(1))));
        assertEq(ledger.balanceOf(_person, 12_025), 40_000, "giver");
        assertEq(ledger.balanceOf(person(1), 12_025), 8_000, "receiver");
        Log[] memory logs = recordedLogs();
        assertEq(logs[0].topics[0], IERC1155.TransferBatch.selector, "one event");
        assertEq(logs[0].topics[2], bytes32(uint256(uint160(_person))), "from");
        assertEq(logs[0].topics[3], bytes32(uint256(uint160(person(1)))), "to");
        assertEq(logs[1].topics[0], ILuyaLedger.EntryAppended.selector, "then the entry");
    }

    function test_ATransferWithoutAReceiver() public {
        uint256 word = Moves.word(Moves.TRANSFER, 0, 2025, 1, _person);
        vm.expectRevert();
        _module.postOne(0x29, word);
        uint256 crooked = (1 << 160) | uint160(person(1));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadPosting.selector, crooked));
        _module.post(0x29, _two(word, crooked));
    }

    function test_AWordWithAFieldThatIsNone() public {
        _refusesWord(Moves.word(Moves.REDEEM, 2, 2026, 1, _person), "a third unit");
        _refusesWord(Moves.word(Moves.REDEEM, 1, 2026, 0, _person), "nothing");
        _refusesWord(Moves.word(Moves.REDEEM, 1, 0, 1, _person), "the vintage of debts");
        _refusesWord(Moves.word(Moves.REDEEM, 1, 2007, 1, _person), "before the first vintage");
        _refusesWord(Moves.word(Moves.REDEEM, 1, 2150, 1, _person), "after the last");
    }

    // --------------------------------------------------------------------------------------------- never below zero

    function test_NobodyGivesWhatTheyDoNotHold() public {
        _refusesTooLittle(_ORDER, Moves.word(Moves.REDEEM, 1, 2026, 2_401, _person), Buckets.HELD, 2026);
        _refusesTooLittle(_ORDER, Moves.word(Moves.REDEEM, 1, 2025, 4_801, _person), Buckets.HELD, 2025);
        _refusesTooLittle(_ORDER, Moves.word(Moves.REDEEM, 0, 2026, 24_001, _person), Buckets.HELD, 2026);
        _refusesTooLittle(_ORDER, Moves.word(Moves.REDEEM, 1, 2024, 1, _person), Buckets.HELD, 2024);
        _refusesTooLittle(_ORDER, Moves.word(Moves.REDEEM, 1, 2026, 1, person(1)), Buckets.HELD, 2026);
        _module.postOne(_ORDER, Moves.word(Moves.REDEEM, 1, 2026, 2_400, _person));
        _module.postOne(_ORDER, Moves.word(Moves.REDEEM, 1, 2025, 4_800, _person));
        assertEq(ledger.balanceOf(_person, 22_026) + ledger.balanceOf(_person, 22_025), 0, "all of it");
        assertEq(ledger.balanceOf(_person, 12_026), 24_000, "the other unit stays");
    }

    function test_NoBucketGivesWhatIsNotInIt() public {
        _module.postOne(_ORDER, Moves.word(Moves.REDEEM, 1, 2026, 100, _person));
        _refusesTooLittle(_REFUND, Moves.word(Moves.REFUND, 1, 2026, 101, _person), Buckets.REDEEMED, 2026);
        _refusesTooLittle(_REFUND, Moves.word(Moves.REFUND, 1, 2025, 1, _person), Buckets.REDEEMED, 2025);
        _refusesTooLittle(_REFUND, Moves.word(Moves.REFUND, 0, 2026, 1, _person), Buckets.REDEEMED, 2026);
        _refusesTooLittle(0x1D, Moves.word(Moves.RETURN, 1, 2026, 1, _person), Buckets.PLEDGED, 2026);
        _refusesTooLittle(0x52, Moves.word(Moves.WAIVE, 1, 0, 1, _person), Buckets.OWED, 0);
    }

    /// @dev One word too many undoes the whole entry.
    function test_AllOrNothing() public {
        uint256 size = ledger.logSize();
        uint256 word = Moves.word(Moves.REDEEM, 1, 2026, 2_000, _person);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerTooLittle.selector, Buckets.HELD, 2026));
        _module.post(_ORDER, _two(word, word));
        assertEq(ledger.balanceOf(_person, 22_026), 2_400, "balance");
        assertEq(ledger.logSize(), size, "log");
        assertEq(_module.applied(), 0, "the module's own state too");
    }

    function test_OtherSourcesAreBounded() public {
        uint256 most = 1 << 60;
        _module.postOne(_DRAW, Moves.word(Moves.PRIZE, 1, 2026, most, person(1)));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerTotalOverflow.selector, 2026));
        _module.postOne(_DRAW, Moves.word(Moves.PRIZE, 1, 2026, 1, person(1)));
        _module.postOne(_DRAW, Moves.word(Moves.PRIZE, 1, 2027, 1, person(1)));
        assertEq(ledger.balanceOf(person(1), 22_026), most, "balance");
    }

    // ----------------------------------------------------------------------------------------------------- settling

    /// @dev Whatever brings points to one who owes meets the debt at once, of that unit, and no more than there is.
    function test_EveryInflowMeetsDebt() public {
        _owe();
        _settles(_REFUND, Moves.REFUND);
        _settles(0x1D, Moves.RETURN);
        _settles(_YEAR_END, Moves.CARRY_IN);
        _settles(0x30, Moves.RELEASE);
        _settles(0x34, Moves.RECOGNISE);
        _settles(_DRAW, Moves.PRIZE);
        _settles(0x36, Moves.FROM_TREASURY);
        uint256 owed = _debt();
        _fund(person(1));
        _module.post(0x29, _two(Moves.word(Moves.TRANSFER, 1, 2026, 10, person(1)), uint160(_person)));
        assertEq(_debt(), owed - 10, "transfer");
        assertEq(ledger.balanceOf(_person, 22_026), 0, "who owes holds nothing");
        _module.postOne(_DRAW, Moves.word(Moves.PRIZE, 1, 2026, owed, _person));
        assertEq(_debt(), 0, "met");
        assertEq(ledger.balanceOf(_person, 22_026), 10, "the rest is held");
    }

    function test_ADebtOfPointsIsNotMetInCredits() public {
        _owe();
        uint256 owed = _debt();
        _module.postOne(0x34, Moves.word(Moves.RECOGNISE, 0, 2026, 500, _person));
        assertEq(ledger.balanceOf(_person, 12_026), 500, "held");
        assertEq(_debt(), owed, "owed");
    }

    function test_ADebtIsWaived() public {
        _owe();
        uint256 owed = _debt();
        _module.postOne(0x52, Moves.word(Moves.WAIVE, 1, 0, owed - 1, _person));
        assertEq(_debt(), 1, "but one");
        assertEq(_total(0, Buckets.WAIVED) >> 64, owed - 1, "total");
        _refusesTooLittle(0x52, Moves.word(Moves.WAIVE, 1, 0, 2, _person), Buckets.OWED, 0);
        vm.expectRevert();
        _module.postOne(0x52, Moves.word(Moves.WAIVE, 1, 2026, 1, _person));
        _module.postOne(0x52, Moves.word(Moves.WAIVE, 1, 0, 1, _person));
        _module.postOne(_DRAW, Moves.word(Moves.PRIZE, 1, 2026, 7, _person));
        assertEq(ledger.balanceOf(_person, 22_026), 7, "and then holds again");
    }

    // -------------------------------------------------------------------------------------------------- who, and when

    function test_OnlyTheLedgerHandsEntriesToAModule() public {
        vm.expectRevert(abi.encodeWithSelector(ILuyaModule.LuyaModuleNotLedger.selector, address(this)));
        _module.applyEntry(0, abi.encodePacked(_ORDER, uint64(NOON)));
    }

    function test_AModuleLearnsTheIndexOfItsEntry() public {
        uint64 size = ledger.logSize();
        _module.postOne(_ORDER, Moves.word(Moves.REDEEM, 1, 2026, 1, _person));
        assertEq(_module.lastIndex(), size, "index");
        assertEq(ledger.logSize(), size + 1, "size");
    }

    /// @dev The ledger holds edge and totals in memory while a module applies: nothing may be appended meanwhile.
    function test_AModuleThatAppendsWhileItApplies() public {
        uint64 size = ledger.logSize();
        bytes memory inner = abi.encodePacked(_ORDER, uint64(NOON), Moves.word(Moves.REDEEM, 1, 2026, 60, _person));
        _module.setCallBack(abi.encodeCall(ILuyaLedger.append, (inner)));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerLogMoved.selector, size));
        _module.postOne(_ORDER, Moves.word(Moves.REDEEM, 1, 2026, 100, _person));
    }

    function test_AModuleThatRecordsABatchWhileItApplies() public {
        bytes memory item = recordOf(person(1), CYCLING, TODAY, 20, 2, 500);
        uint64 sequence = ledger.nextSequence(FEED);
        bytes memory signatures = quorum(digestOf(FEED, sequence, item, ""));
        _module.setCallBack(abi.encodeCall(ILuyaLedger.record, (FEED, sequence, item, "", CONFIG, signatures)));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerLogMoved.selector, ledger.logSize()));
        _module.postOne(_ORDER, Moves.word(Moves.REDEEM, 1, 2026, 100, _person));
    }

    function test_AModuleThatSealsWhileItApplies() public {
        (ILedger other, , ) = deployLedger();
        TestModule module = _moduleOf(other);
        manager.grantRole(IMPORTER, address(module), 0);
        module.setCallBack(abi.encodeCall(ILuyaLedger.seal, (0, sha256(""))));
        bytes memory entry = abi.encodePacked(uint8(0x10), uint64(NOON));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerLogMoved.selector, 0));
        other.importEntries(_packed(entry));
    }

    function test_AnEntryFitsInSixteenBits() public {
        uint256[] memory none = new uint256[](0);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, 65_536));
        _module.appendRaw(abi.encodePacked(uint8(0x10), uint64(NOON), new bytes(65_527)));
        vm.expectRevert(ILuyaLedger.LuyaLedgerBadHeader.selector);
        _module.appendRaw(hex"1000000000000000");
        uint64 size = ledger.logSize();
        _module.post(0x10, none);
        assertEq(ledger.logSize(), size + 1, "a header alone");
        // 65,535 bytes: room for 2,047 words and a rest that says nothing.
        bytes memory longest = abi.encodePacked(uint8(0x11), uint64(NOON), new bytes(65_526));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerMoveNotAllowed.selector, 0x11, 0));
        _module.appendRaw(longest);
    }

    function test_TheLedgersDomainIsTheModules() public view {
        bytes memory item = recordOf(person(1), CYCLING, TODAY, 20, 2, 500);
        bytes32 message = keccak256(
            abi.encode(
                keccak256(
                    "Attestation(uint16 feed,uint64 firstSequence,uint32 count,bytes32 recordsRoot,bytes32 configDigest)"
                ),
                FEED,
                uint64(0),
                uint32(1),
                recordsRoot(item, ""),
                CONFIG
            )
        );
        assertEq(_module.digest(message), digestOf(FEED, 0, item, ""), "one domain");
        assertEq(_module.ledger(), address(ledger), "ledger");
    }

    // ------------------------------------------------------------------------------------------------------- import

    /// @dev A mint and what burns of it in one package: the totals that the import holds in memory are those posted to.
    function test_AnImportKeepsWhatAModuleMovedMeanwhile() public {
        (ILedger other, , ILuyaViews views_) = deployLedger();
        TestModule module = _moduleOf(other);
        bytes memory reduction = abi.encodePacked(
            uint8(0x01),
            uint64(NOON),
            FEED,
            uint64(0),
            recordOf(person(1), CYCLING, TODAY, 30, 2, 1_000),
            uint64(100),
            uint64(0),
            uint64(0)
        );
        bytes memory burn = abi.encodePacked(
            uint8(0x30),
            uint64(NOON),
            Moves.word(Moves.QUARANTINE, 0, 2026, 40, person(1)),
            Moves.word(Moves.WITHDRAW, 0, 2026, 40, person(1))
        );
        other.importEntries(
            bytes.concat(_packed(_methodEntry()), _packed(reduction), _packed(burn), _packed(reduction))
        );
        uint16[] memory vintages = new uint16[](1);
        vintages[0] = 2026;
        ILuyaViews.TotalsView memory totals = views_.totals(vintages)[0];
        assertEq(totals.creditsMinted, 200, "minted");
        assertEq(totals.creditsRevoked, 40, "revoked");
        assertEq(other.balanceOf(person(1), 12_026), 160, "held");
        assertEq(module.lastIndex(), 2, "index");
    }

    function test_AnImportRefusesTheSameMoves() public {
        (ILedger other, , ) = deployLedger();
        _moduleOf(other);
        bytes memory entry = abi.encodePacked(
            uint8(0x10),
            uint64(NOON),
            Moves.word(Moves.PRIZE, 1, 2026, 5, person(1))
        );
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerMoveNotAllowed.selector, 0x10, Moves.PRIZE));
        other.importEntries(_packed(entry));
        entry[0] = 0x23;
        other.importEntries(_packed(entry));
        assertEq(other.balanceOf(person(1), 22_026), 5, "a draw may");
    }

    // ------------------------------------------------------------------------------------------------------ helpers

    /// @dev Owns every type that is not the law's.
    function _moduleOf(ILedger ledger_) private returns (TestModule module) {
        module = new TestModule(address(manager), address(ledger_));
        ledger_.setModule(0x05, 0x3F, address(module));
        ledger_.setModule(0x45, 0x45, address(module));
        ledger_.setModule(0x48, 0x4F, address(module));
        ledger_.setModule(0x51, 0x5F, address(module));
    }

    function _moves(uint8 entryType, uint256 move, uint256 origin, uint256 target) private {
        for (uint256 unit = 0; unit <= 1; ++unit) {
            uint256[24] memory before = _all(unit);
            _module.postOne(entryType, Moves.word(move, unit, 2026, 5, _person));
            uint256[24] memory later = _all(unit);
            for (uint256 bucket = 0; bucket < 24; ++bucket) {
                // A source counts what it has given.
                uint256 expected = before[bucket];
                if (bucket == origin) expected = origin < Buckets.HELD ? expected + 5 : expected - 5;
                if (bucket == target) expected += 5;
                assertEq(later[bucket], expected, string.concat(vm.toString(move), " bucket ", vm.toString(bucket)));
            }
        }
    }

    /// @dev All buckets of 2026, of one unit.
    function _all(uint256 unit) private view returns (uint256[24] memory amounts) {
        for (uint256 bucket = 0; bucket < 24; ++bucket) {
            amounts[bucket] = uint64(_total(2026, bucket) >> (64 * unit));
        }
        amounts[Buckets.HELD] = ledger.balanceOf(_person, 12_026 + 10_000 * unit);
        uint16[] memory vintages = new uint16[](1);
        vintages[0] = 2026;
        ILuyaViews.TotalsView memory totals = views.totals(vintages)[0];
        amounts[Buckets.ISSUED] = unit == 0 ? totals.creditsMinted : totals.millipointsMinted;
        amounts[Buckets.REVOKED] = unit == 0 ? totals.creditsRevoked : totals.millipointsRevoked;
    }

    function _total(uint256 year, uint256 bucket) private view returns (uint256) {
        bytes32 slot = LedgerSlots.position(LedgerSlots.BUCKETS, Buckets.key(year, bucket));
        return uint256(vm.load(address(ledger), slot));
    }

    /// @dev All points spent, then the record revoked: 2,400 owed. The other buckets have something to give back.
    function _owe() private {
        _module.postOne(_ORDER, Moves.word(Moves.REDEEM, 1, 2025, 4_800, _person));
        _module.postOne(_ORDER, Moves.word(Moves.REDEEM, 1, 2026, 2_370, _person));
        _module.postOne(0x19, Moves.word(Moves.PLEDGE, 1, 2026, 10, _person));
        _module.postOne(0x30, Moves.word(Moves.QUARANTINE, 1, 2026, 10, _person));
        _module.postOne(0x35, Moves.word(Moves.TO_TREASURY, 1, 2026, 10, _person));
        uint64 size = uint64(entries.length);
        ledger.revoke(size - 1, size, entries[size - 1], pathOf(size - 1, size), 1, 0, false);
    }

    function _debt() private view returns (uint256) {
        address[] memory one = new address[](1);
        one[0] = _person;
        return views.accounts(one)[0].millipointsDebt;
    }

    function _fund(address account) private {
        _module.postOne(_DRAW, Moves.word(Moves.PRIZE, 1, 2026, 10, account));
    }

    function _settles(uint8 entryType, uint256 move) private {
        uint256 owed = _debt();
        vm.expectEmit(true, true, true, true, address(ledger));
        emit ILuyaLedger.DebtSettled(_person, 2026, 0, 10);
        _module.postOne(entryType, Moves.word(move, 1, 2026, 10, _person));
        assertEq(_debt(), owed - 10, vm.toString(move));
        assertEq(ledger.balanceOf(_person, 22_026), 0, vm.toString(move));
    }

    function _refusesWord(uint256 word, string memory what) private {
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadPosting.selector, word));
        _module.postOne(_ORDER, word);
        assertEq(ledger.balanceOf(_person, 22_026), 2_400, what);
    }

    function _refusesTooLittle(uint8 entryType, uint256 word, uint256 bucket, uint256 year) private {
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerTooLittle.selector, bucket, year));
        _module.postOne(entryType, word);
    }

    function _methodEntry() private returns (bytes memory) {
        vm.recordLogs();
        law.endMethod(CYCLING, 65_534);
        return firstEntry();
    }

    function _two(uint256 first, uint256 second) private pure returns (uint256[] memory words) {
        words = new uint256[](2);
        (words[0], words[1]) = (first, second);
    }

    function _packed(bytes memory entry) private pure returns (bytes memory) {
        return abi.encodePacked(uint16(entry.length), entry);
    }
}
