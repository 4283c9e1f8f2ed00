// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
import {ILuyaLedger} from "../interfaces/ILuyaLedger.sol";
import {World} from "./support/World.sol";

/// @title What a batch must be, and what refuses a record of it
contract LedgerRecordingTest is World {
    address private _person;

    function setUp() public {
        deployWorld();
        sealEmpty();
        enactLaw();
        registerMany(0, 3);
        _person = person(0);
    }

    // ------------------------------------------------------------------------------------------- what is accepted

    function test_Accepted() public {
        uint64 index = ledger.logSize();
        bytes memory item = _ride(TODAY, 10);
        assertEq(outcome(item), 0, "rule");
        assertEq(ledger.nextSequence(FEED), 1, "sequence");
        assertEq(ledger.logSize(), index + 1, "size");
        assertEq(ledger.balanceOf(_person, 12_026), 1_000 * 48, "credits: floor(1000 x 48 / 1)");
        assertEq(ledger.balanceOf(_person, 22_026), 4_800, "millipoints: floor(1000 x 48 / 10)");
        uint256 word = _wordOf(1, TODAY);
        assertEq(word >> 240, TODAY, "day");
        assertEq((word >> 210) & 0x3fffffff, 48_000, "credits claimed");
        assertEq((word >> 180) & 0x3fffffff, 4_800, "millipoints claimed");
        assertEq(word & ((1 << 180) - 1), 3 << 10, "slots 10 and 11");
    }

    function test_AmountsAreFloored() public {
        assertEq(outcome(recordOf(_person, STEPS, TODAY - 1, 0, 180, 61)), 0, "rule");
        assertEq(ledger.balanceOf(_person, 12_026), 1_000, "61 x 8200 / 500 = 1000.4");
        assertEq(ledger.balanceOf(_person, 22_026), 122, "61 x 1000 / 500");
    }

    function test_AnyoneMaySend() public {
        bytes memory item = _ride(TODAY, 10);
        bytes memory signatures = quorum(digestOf(FEED, 0, item, ""));
        vm.prank(person(99));
        ledger.record(FEED, 0, item, "", CONFIG, signatures);
        assertEq(ledger.nextSequence(FEED), 1, "sequence");
    }

    function test_VintageIsTheYearOfTheRecordsDay() public {
        assertEq(outcome(TRIAL, _ride(20_453, 1), ""), 0, "2025-12-31");
        assertEq(outcome(TRIAL, _ride(20_454, 1), ""), 0, "2026-01-01");
        assertEq(outcome(TRIAL, _ride(20_089, 1), ""), 0, "2025-01-01");
        assertEq(ledger.balanceOf(_person, 12_025), 96_000, "2025");
        assertEq(ledger.balanceOf(_person, 12_026), 48_000, "2026");
    }

    function test_EventsTellTheBatch() public {
        bytes memory records = bytes.concat(_ride(TODAY, 1), _ride(TODAY, 1), _ride(TODAY, 5));
        uint64 index = ledger.logSize();
        vm.recordLogs();
        submit(FEED, records, "");
        Log[] memory logs = recordedLogs();
        assertEq(logs.length, 4, "two transfers, one refusal, one batch");
        assertEq(logs[1].topics[0], ILuyaLedger.RecordRefused.selector, "refusal");
        assertEq(logs[1].data, abi.encode(uint64(1), uint16(13)), "sequence and rule");
        assertEq(uint256(logs[1].topics[2]), index + 1, "index");
        assertEq(logs[3].topics[0], ILuyaLedger.BatchRecorded.selector, "batch");
        assertEq(uint256(logs[3].topics[3]), index, "first index");
        assertEq(
            logs[3].data,
            abi.encode(uint64(block.timestamp), ledger.root(), records, bytes("")),
            "time, root, records"
        );
    }

    function test_TransferBatchIsStandard() public {
        vm.recordLogs();
        submit(FEED, _ride(TODAY, 1), "");
        Log memory log = recordedLogs()[0];
        assertEq(log.topics[0], keccak256("TransferBatch(address,address,address,uint256[],uint256[])"), "topic");
        assertEq(address(uint160(uint256(log.topics[1]))), address(this), "operator");
        assertEq(log.topics[2], bytes32(0), "from");
        assertEq(address(uint160(uint256(log.topics[3]))), _person, "to");
        (uint256[] memory ids, uint256[] memory amounts) = abi.decode(log.data, (uint256[], uint256[]));
        assertEq(keccak256(abi.encode(ids, amounts)), keccak256(_twoIds(12_026, 22_026, 48_000, 4_800)), "data");
    }

    // ------------------------------------------------------------------------------------- what reverts the batch

    function test_RefusesBadLength() public {
        _reverts(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, 0), FEED, "", "");
        bytes memory cut = slice(_ride(TODAY, 1), 0, 63);
        _reverts(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, 63), FEED, cut, "");
        _reverts(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, 31),
            FEED,
            _ride(TODAY, 1),
            new bytes(31)
        );
    }

    function test_RefusesAnotherSequence() public {
        bytes memory item = _ride(TODAY, 1);
        submit(FEED, item, "");
        bytes memory signatures = quorum(digestOf(FEED, 0, item, ""));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerWrongSequence.selector, FEED, 1, 0));
        ledger.record(FEED, 0, item, "", CONFIG, signatures);
        signatures = quorum(digestOf(FEED, 2, item, ""));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerWrongSequence.selector, FEED, 1, 2));
        ledger.record(FEED, 2, item, "", CONFIG, signatures);
    }

    function test_RefusesUnknownOrDisabledFeed() public {
        bytes memory item = _ride(TODAY, 1);
        _reverts(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerFeedNotActive.selector, 8), 8, item, "");
        law.disableFeed(FEED);
        _reverts(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerFeedNotActive.selector, FEED), FEED, item, "");
        law.setOrganisation(1, keccak256("organisation"), 2);
        _reverts(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerFeedNotActive.selector, TRIAL), TRIAL, item, "");
    }

    function test_RefusesWhilePaused() public {
        uint64 until = uint64(block.timestamp + 1 hours);
        ledger.pause(until);
        bytes memory item = _ride(TODAY, 1);
        _reverts(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerPaused.selector, until), FEED, item, "");
        vm.warp(until);
        assertEq(outcome(item), 0, "the pause lapses");
    }

    function test_ImpossibleRecords() public {
        bytes memory good = _ride(TODAY, 1);
        _impossible(bytes.concat(good, recordOf(_person, 999, TODAY, 0, 1, 1)), 1, 1);
        _impossible(bytes.concat(good, recordOf(_person, CYCLING, TODAY, 5, 0, 1)), 1, 1);
        _impossible(recordOf(_person, CYCLING, TODAY, 179, 2, 1), 0, 1);
        _impossible(recordOf(_person, CYCLING, TODAY, 180, 1, 1), 0, 1);
        _impossible(bytes.concat(good, good, recordOf(_person, CYCLING, TODAY, 5, 1, 0)), 2, 7);
        _impossible(recordOf(_person, CYCLING, TODAY, 5, 20, 50_001), 0, 10);
        _impossible(recordOf(_person, CYCLING, TODAY, 5, 1, 9_401), 0, 11);
        _impossible(recordOf(_person, STEPS, TODAY, 0, 179, 100), 0, 12);
        _impossible(recordOf(_person, STEPS, TODAY, 0, 180, 50_001), 0, 10);
        bytes memory campaign = recordOf(_person, CYCLING, TODAY, 5, 1, 1);
        campaign[27] = 0x01;
        _impossible(campaign, 0, 1);
    }

    function test_BoundsAreInclusive() public {
        assertEq(outcome(recordOf(_person, CYCLING, TODAY, 178, 2, 14_100)), 0, "last slot, 4700 x 3");
        assertEq(outcome(recordOf(_person, STEPS, TODAY, 0, 180, 50_000)), 0, "50,000 steps");
    }

    function test_WindowsMustMatch() public {
        uint8[3] memory firsts = [38, 75, 120];
        uint8[3] memory counts = [37, 37, 45];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory item = recordOf(_person, MEAL, TODAY, firsts[i], counts[i], 1);
            assertEq(outcome(FEED, item, abi.encodePacked(bytes32(i + 1))), 0, "a window");
            _reverts(
                _impossibleError(0, 12),
                FEED,
                recordOf(_person, MEAL, TODAY, firsts[i] + 1, counts[i], 1),
                new bytes(32)
            );
        }
        _reverts(_impossibleError(0, 12), FEED, recordOf(_person, MEAL, TODAY, 38, 45, 1), new bytes(32));
    }

    function test_NullifiersMustBeComplete() public {
        bytes memory meal = recordOf(_person, MEAL, TODAY, 38, 37, 1);
        bytes memory ride = _ride(TODAY, 1);
        _reverts(_impossibleError(0, 1), FEED, meal, "");
        _reverts(_impossibleError(2, 1), FEED, bytes.concat(ride, meal, meal), abi.encodePacked(bytes32(uint256(1))));
        _reverts(_impossibleError(1, 1), FEED, ride, new bytes(32));
        _reverts(_impossibleError(2, 1), FEED, bytes.concat(ride, meal), new bytes(64));
    }

    // ------------------------------------------------------------------------------------------------------ quorum

    function test_QuorumOfAnyTwo() public {
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory item = _ride(TODAY, 10 * i);
            bytes32 digest = digestOf(FEED, uint64(i), item, "");
            bytes memory signatures = bytes.concat(
                signatureOf(keys[i == 0 ? 1 : 0], digest),
                signatureOf(keys[i == 2 ? 1 : 2], digest)
            );
            ledger.record(FEED, uint64(i), item, "", CONFIG, signatures);
        }
        assertEq(ledger.nextSequence(FEED), 3, "sequence");
    }

    function test_AllMaySign() public {
        bytes memory item = _ride(TODAY, 1);
        bytes32 digest = digestOf(FEED, 0, item, "");
        bytes memory signatures = bytes.concat(quorum(digest), signatureOf(keys[2], digest));
        ledger.record(FEED, 0, item, "", CONFIG, signatures);
    }

    function test_RefusesTooFewSignatures() public {
        bytes memory item = _ride(TODAY, 1);
        bytes memory one = signatureOf(keys[0], digestOf(FEED, 0, item, ""));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerQuorumMissing.selector, 1, 2));
        ledger.record(FEED, 0, item, "", CONFIG, one);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerQuorumMissing.selector, 0, 2));
        ledger.record(FEED, 0, item, "", CONFIG, "");
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, 66));
        ledger.record(FEED, 0, item, "", CONFIG, bytes.concat(one, hex"00"));
    }

    function test_RefusesTheSameSignerTwiceOrOutOfOrder() public {
        bytes memory item = _ride(TODAY, 1);
        bytes32 digest = digestOf(FEED, 0, item, "");
        bytes memory first = signatureOf(keys[0], digest);
        bytes memory second = signatureOf(keys[1], digest);
        _badSignature(item, bytes.concat(first, first), 1, vm.addr(keys[0]));
        _badSignature(item, bytes.concat(second, first), 1, vm.addr(keys[0]));
        bytes memory stranger = signatureOf(123, digest);
        _badSignature(item, bytes.concat(first, stranger), 1, vm.addr(123));
        _badSignature(item, bytes.concat(first, second, stranger), 2, vm.addr(123));
    }

    function test_RefusesHighSAndBadV() public {
        bytes memory item = _ride(TODAY, 1);
        bytes32 digest = digestOf(FEED, 0, item, "");
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[0], digest);
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        bytes memory high = abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        bytes memory second = signatureOf(keys[1], digest);
        _badSignature(item, bytes.concat(high, second), 0, address(0));
        _badSignature(item, bytes.concat(abi.encodePacked(r, s, v - 27), second), 0, address(0));
    }

    function test_SignaturesBindEveryPart() public {
        bytes memory item = _ride(TODAY, 1);
        bytes memory signatures = quorum(digestOf(FEED, 0, item, ""));
        vm.expectPartialRevert(ILuyaLedger.LuyaLedgerBadSignature.selector);
        ledger.record(FEED, 0, item, "", keccak256("another configuration"), signatures);
        vm.expectPartialRevert(ILuyaLedger.LuyaLedgerBadSignature.selector);
        ledger.record(TRIAL, 0, item, "", CONFIG, signatures);
        vm.expectPartialRevert(ILuyaLedger.LuyaLedgerBadSignature.selector);
        ledger.record(FEED, 0, bytes.concat(item, item), "", CONFIG, signatures);
        bytes memory meal = recordOf(_person, MEAL, TODAY, 38, 37, 1);
        signatures = quorum(digestOf(FEED, 0, meal, abi.encodePacked(bytes32(uint256(1)))));
        vm.expectPartialRevert(ILuyaLedger.LuyaLedgerBadSignature.selector);
        ledger.record(FEED, 0, meal, abi.encodePacked(bytes32(uint256(2))), CONFIG, signatures);
        signatures = quorum(digestOf(FEED, 0, item, ""));
        vm.chainId(99);
        vm.expectPartialRevert(ILuyaLedger.LuyaLedgerBadSignature.selector);
        ledger.record(FEED, 0, item, "", CONFIG, signatures);
    }

    // ---------------------------------------------------------------------------------------- what refuses a record

    function test_NotInForceForTheFeed() public {
        ILuyaLaw.FeedSettings memory settings = feedSettings(FEED, 63);
        settings.methods = new uint16[](1);
        settings.methods[0] = STEPS;
        law.setFeed(settings);
        assertEq(outcome(_ride(TODAY, 1)), 17, "rule");
    }

    function test_NotInForceOnTheDay() public {
        ILuyaLaw.MethodSettings memory settings = methodSettings(102, 1, hex"00", 0);
        settings.validFrom = TODAY + 1;
        settings.validTo = TODAY + 2;
        law.announceMethod(settings);
        ILuyaLaw.FeedSettings memory feed = feedSettings(FEED, 63);
        feed.methods[3] = 102;
        law.setFeed(feed);
        assertEq(outcome(recordOf(_person, 102, TODAY, 1, 1, 1)), 17, "the day before");
        vm.warp(NOON + 3 days);
        assertEq(outcome(recordOf(_person, 102, TODAY + 1, 1, 1, 1)), 0, "first day");
        assertEq(outcome(recordOf(_person, 102, TODAY + 2, 1, 1, 1)), 0, "last day");
        assertEq(outcome(recordOf(_person, 102, TODAY + 3, 1, 1, 1)), 17, "the day after");
    }

    function test_UnknownPerson() public {
        assertEq(outcome(recordOf(person(77), CYCLING, TODAY, 1, 1, 1)), 2, "rule");
    }

    function test_FrozenAndClosed() public {
        ledger.setAccountState(_person, 2);
        assertEq(outcome(_ride(TODAY, 1)), 19, "frozen");
        ledger.setAccountState(_person, 1);
        assertEq(outcome(_ride(TODAY, 1)), 0, "thawed");
        ledger.closeAccount(_person);
        assertEq(outcome(_ride(TODAY, 20)), 19, "closed");
    }

    function test_Epoch() public {
        ledger.registerAccounts(registration(50, 2025));
        assertEq(outcome(TRIAL, recordOf(person(50), CYCLING, 20_453, 1, 1, 1), ""), 0, "its year");
        assertEq(outcome(TRIAL, recordOf(person(50), CYCLING, 20_454, 1, 1, 1), ""), 17, "another year");
    }

    function test_TooEarly() public {
        assertEq(outcome(_ride(TODAY + 1, 1)), 16, "tomorrow");
        assertEq(outcome(TRIAL, _ride(TODAY + 1, 1), ""), 16, "tomorrow, trial");
    }

    function test_TooLate() public {
        assertEq(outcome(_ride(TODAY - 63, 1)), 0, "63 days");
        assertEq(outcome(_ride(TODAY - 64, 1)), 15, "64 days");
        law.setFeed(feedSettings(FEED, 0));
        assertEq(outcome(_ride(TODAY, 1)), 0, "today");
        assertEq(outcome(_ride(TODAY - 1, 1)), 15, "yesterday");
        assertEq(outcome(TRIAL, recordOf(person(1), CYCLING, FIRST_DAY, 1, 1, 1), ""), 0, "trial, 2008");
        assertEq(outcome(TRIAL, recordOf(person(1), CYCLING, FIRST_DAY - 1, 1, 1, 1), ""), 17, "before 2008");
    }

    function test_VintageClosesOn5March() public {
        uint256 newYear = 20_454;
        vm.warp((newYear + 62) * 86_400);
        assertEq(outcome(_ride(newYear - 1, 1)), 0, "4 March: last year is open");
        assertEq(outcome(_ride(newYear, 1)), 0, "this year");
        vm.warp((newYear + 63) * 86_400 - 28_801);
        assertEq(outcome(_ride(newYear - 1, 10)), 0, "4 March 23:59:59");
        vm.warp((newYear + 63) * 86_400 - 28_800);
        assertEq(outcome(_ride(newYear - 1, 20)), 15, "5 March 00:00:00");
        assertEq(outcome(_ride(newYear, 20)), 0, "this year");
        assertEq(outcome(TRIAL, _ride(newYear - 2, 20), ""), 0, "trial");
    }

    function test_NullifierUsed() public {
        bytes memory nullifier = abi.encodePacked(keccak256("photo"));
        bytes memory meal = recordOf(_person, MEAL, TODAY, 38, 37, 1);
        bytes memory other = recordOf(person(1), MEAL, TODAY, 75, 37, 1);
        assertEq(outcome(FEED, bytes.concat(meal, other), bytes.concat(nullifier, nullifier)), 18, "in one batch");
        assertEq(outcome(FEED, other, nullifier), 18, "later");
        assertEq(outcome(TRIAL, other, nullifier), 18, "another feed");
        bytes32[] memory one = new bytes32[](1);
        one[0] = keccak256("photo");
        assertEq(views.nullifiers(one)[0], ledger.logSize() - 4 + 1, "index + 1");
    }

    function test_OlderThanTheRingsWord() public {
        assertEq(outcome(TRIAL, _ride(TODAY, 1), ""), 0, "today");
        assertEq(outcome(TRIAL, _ride(TODAY - 64, 1), ""), 15, "the same word");
        assertEq(outcome(TRIAL, _ride(TODAY - 63, 1), ""), 0, "another word");
    }

    function test_ANewDayTakesTheRingsWord() public {
        assertEq(outcome(TRIAL, _ride(TODAY - 64, 1), ""), 0, "old");
        assertEq(outcome(TRIAL, _ride(TODAY, 1), ""), 0, "the same slots, a new day");
        assertEq(_wordOf(1, TODAY) & ((1 << 180) - 1), 3 << 1, "only the new day's slots");
    }

    function test_Overlap() public {
        assertEq(outcome(_ride(TODAY, 10)), 0, "first");
        assertEq(outcome(_ride(TODAY, 10)), 13, "the same");
        assertEq(outcome(_ride(TODAY, 11)), 13, "one slot");
        assertEq(outcome(TRIAL, _ride(TODAY, 9), ""), 13, "another feed");
        assertEq(outcome(_ride(TODAY, 12)), 0, "after");
        assertEq(outcome(_ride(TODAY, 8)), 0, "before");
        assertEq(outcome(recordOf(_person, STEPS, TODAY, 0, 180, 1)), 0, "another group");
        assertEq(outcome(_ride(TODAY - 1, 10)), 0, "another day");
        assertEq(outcome(recordOf(person(1), CYCLING, TODAY, 10, 2, 1)), 0, "another person");
    }

    function test_MethodsWithoutSlotsDoNotOverlap() public {
        bytes memory item = recordOf(_person, PAYMENT, TODAY, 3, 1, 1);
        assertEq(outcome(FEED, item, abi.encodePacked(keccak256("a"))), 0, "first");
        assertEq(outcome(FEED, item, abi.encodePacked(keccak256("b"))), 0, "second");
        assertEq(_wordOf(9, TODAY) & ((1 << 180) - 1), 0, "no slots");
        assertEq((_wordOf(9, TODAY) >> 210) & 0x3fffffff, 96, "but amounts");
    }

    function test_OverGroupCap() public {
        law.setGroupCaps(1, 96_000, 1_000_000);
        assertEq(outcome(_ride(TODAY, 1)), 0, "half");
        assertEq(outcome(recordOf(_person, CYCLING, TODAY, 5, 2, 1_001)), 14, "one metre more");
        assertEq(outcome(_ride(TODAY, 5)), 0, "exactly");
        assertEq(outcome(_ride(TODAY - 1, 5)), 0, "another day");
        law.setGroupCaps(1, 1_000_000, 9_600);
        assertEq(outcome(recordOf(_person, CYCLING, TODAY, 9, 1, 10)), 14, "points");
    }

    function test_OverFeedCap() public {
        law.lowerFeedCaps(FEED, 96_000, 10_000);
        assertEq(outcome(_ride(TODAY, 1)), 0, "half");
        assertEq(
            outcome(recordOf(person(1), CYCLING, TODAY - 5, 5, 2, 1_001)),
            14,
            "one metre more, any person, any day"
        );
        assertEq(outcome(recordOf(person(1), CYCLING, TODAY - 5, 5, 2, 1_000)), 0, "exactly");
        vm.warp(NOON + 1 days);
        assertEq(outcome(_ride(TODAY, 20)), 0, "another block day");
        law.lowerFeedCaps(FEED, 96_000, 4_800);
        assertEq(outcome(recordOf(person(1), CYCLING, TODAY, 9, 1, 10)), 14, "points");
        assertEq(views.feedState(FEED).creditsUsed, 48_000, "used");
        assertEq(views.feedState(FEED).capDay, TODAY + 1, "on");
    }

    function test_ARefusedRecordChangesNothingElse() public {
        assertEq(outcome(_ride(TODAY, 10)), 0, "first");
        bytes32 before = keccak256(abi.encode(views.feedState(FEED).creditsUsed, _wordOf(1, TODAY)));
        vm.warp(NOON + 1 days);
        assertEq(outcome(_ride(TODAY, 10)), 13, "refused");
        assertEq(keccak256(abi.encode(views.feedState(FEED).creditsUsed, _wordOf(1, TODAY))), before, "state");
        assertEq(views.feedState(FEED).capDay, TODAY, "cap day");
        assertEq(ledger.nextSequence(FEED), 2, "sequence");
    }

    /// @dev When several rules speak against a record, the first in the protocol's order is the answer.
    function test_OrderOfRules() public {
        address stranger = person(77);
        assertEq(outcome(recordOf(stranger, CYCLING, FIRST_DAY - 1, 1, 1, 1)), 17, "in force before person");
        assertEq(outcome(recordOf(stranger, CYCLING, TODAY + 1, 1, 1, 1)), 2, "person before time");
        ledger.registerAccounts(registration(50, 2025));
        assertEq(outcome(recordOf(person(50), CYCLING, TODAY + 1, 1, 1, 1)), 17, "epoch before too early");
        ledger.setAccountState(person(50), 2);
        assertEq(outcome(recordOf(person(50), CYCLING, TODAY + 1, 1, 1, 1)), 19, "frozen before epoch");
        bytes memory nullifier = abi.encodePacked(keccak256("photo"));
        assertEq(outcome(FEED, recordOf(_person, MEAL, TODAY, 38, 37, 1), nullifier), 0, "used");
        assertEq(
            outcome(FEED, recordOf(_person, MEAL, TODAY - 64, 38, 37, 1), nullifier),
            15,
            "too late before nullifier"
        );
        assertEq(
            outcome(TRIAL, recordOf(_person, MEAL, TODAY - 64, 38, 37, 1), nullifier),
            18,
            "nullifier before ring"
        );
        law.setGroupCaps(4, 0, 0);
        bytes memory fresh = abi.encodePacked(keccak256("another"));
        assertEq(outcome(TRIAL, recordOf(_person, MEAL, TODAY - 64, 38, 37, 1), fresh), 15, "ring before cap");
        assertEq(outcome(FEED, recordOf(_person, MEAL, TODAY, 38, 37, 1), fresh), 13, "overlap before cap");
    }

    function testFuzz_AcceptedAmounts(uint32 activity, uint8 slot, uint8 slots) public {
        slots = uint8(bound(slots, 1, 180));
        slot = uint8(bound(slot, 0, 180 - uint256(slots)));
        uint256 most = 4_700 * (uint256(slots) + 1);
        activity = uint32(bound(activity, 1, most < 50_000 ? most : 50_000));
        assertEq(outcome(recordOf(_person, CYCLING, TODAY, slot, slots, activity)), 0, "rule");
        assertEq(ledger.balanceOf(_person, 12_026), uint256(activity) * 48, "credits");
        assertEq(ledger.balanceOf(_person, 22_026), (uint256(activity) * 48) / 10, "millipoints");
        assertEq(_wordOf(1, TODAY) & ((1 << 180) - 1), ((1 << uint256(slots)) - 1) << slot, "slots");
    }

    // ----------------------------------------------------------------------------------------------------- helpers

    function _ride(uint256 day, uint256 slot) private view returns (bytes memory) {
        return recordOf(_person, CYCLING, day, slot, 2, 1_000);
    }

    function _wordOf(uint256 group, uint256 day) private view returns (uint256) {
        uint256[] memory one = new uint256[](1);
        one[0] = (uint256(uint160(_person)) << 16) | (group << 8) | (day % 64);
        return views.words(one)[0];
    }

    function _twoIds(uint256 id1, uint256 id2, uint256 amount1, uint256 amount2) private pure returns (bytes memory) {
        uint256[] memory ids = new uint256[](2);
        uint256[] memory amounts = new uint256[](2);
        (ids[0], ids[1], amounts[0], amounts[1]) = (id1, id2, amount1, amount2);
        return abi.encode(ids, amounts);
    }

    function _reverts(bytes memory reason, uint16 feed, bytes memory records, bytes memory nullifiers) private {
        uint64 sequence = ledger.nextSequence(feed);
        bytes memory signatures = quorum(digestOf(feed, sequence, records, nullifiers));
        vm.expectRevert(reason);
        ledger.record(feed, sequence, records, nullifiers, CONFIG, signatures);
    }

    function _impossibleError(uint256 position, uint16 rule) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILuyaLedger.LuyaLedgerImpossibleRecord.selector, position, rule);
    }

    function _impossible(bytes memory records, uint256 position, uint16 rule) private {
        _reverts(_impossibleError(position, rule), FEED, records, "");
    }

    function _badSignature(bytes memory item, bytes memory signatures, uint256 position, address recovered) private {
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadSignature.selector, position, recovered));
        ledger.record(FEED, 0, item, "", CONFIG, signatures);
    }
}
