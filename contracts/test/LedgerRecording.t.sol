// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
import {ILuyaLedger} from "../interfaces/ILuyaLedger.sol";
import {Rider} from "./support/Rider.sol";

/// @title What is accepted, and what refuses one record of a batch
contract LedgerRecordingTest is Rider {
    // ------------------------------------------------------------------------------------------- what is accepted

    function test_Accepted() public {
        uint64 index = ledger.logSize();
        bytes memory item = rideOn(TODAY, 10);
        assertEq(outcome(item), 0, "rule");
        assertEq(ledger.nextSequence(FEED), 1, "sequence");
        assertEq(ledger.logSize(), index + 1, "size");
        assertEq(ledger.balanceOf(rider, 12_026), 1_000 * 48, "credits: floor(1000 x 48 / 1)");
        assertEq(ledger.balanceOf(rider, 22_026), 4_800, "millipoints: floor(1000 x 48 / 10)");
        uint256 word = wordOn(1, TODAY);
        assertEq(word >> 240, TODAY, "day");
        assertEq((word >> 210) & 0x3fffffff, 48_000, "credits claimed");
        assertEq((word >> 180) & 0x3fffffff, 4_800, "millipoints claimed");
        assertEq(word & ((1 << 180) - 1), 3 << 10, "slots 10 and 11");
    }

    function test_AmountsAreFloored() public {
        assertEq(outcome(recordOf(rider, STEPS, TODAY - 1, 0, 180, 61)), 0, "rule");
        assertEq(ledger.balanceOf(rider, 12_026), 1_000, "61 x 8200 / 500 = 1000.4");
        assertEq(ledger.balanceOf(rider, 22_026), 122, "61 x 1000 / 500");
    }

    function test_AnyoneMaySend() public {
        bytes memory item = rideOn(TODAY, 10);
        bytes memory signatures = quorum(digestOf(FEED, 0, item, ""));
        vm.prank(person(99));
        ledger.record(FEED, 0, item, "", CONFIG, signatures);
        assertEq(ledger.nextSequence(FEED), 1, "sequence");
    }

    function test_VintageIsTheYearOfTheRecordsDay() public {
        assertEq(outcome(TRIAL, rideOn(20_453, 1), ""), 0, "2025-12-31");
        assertEq(outcome(TRIAL, rideOn(20_454, 1), ""), 0, "2026-01-01");
        assertEq(outcome(TRIAL, rideOn(20_089, 1), ""), 0, "2025-01-01");
        assertEq(ledger.balanceOf(rider, 12_025), 96_000, "2025");
        assertEq(ledger.balanceOf(rider, 12_026), 48_000, "2026");
    }

    function test_EventsTellTheBatch() public {
        bytes memory records = bytes.concat(rideOn(TODAY, 1), rideOn(TODAY, 1), rideOn(TODAY, 5));
        uint64 index = ledger.logSize();
        bytes memory signatures = quorum(digestOf(FEED, 0, records, ""));
        vm.recordLogs();
        ledger.record(FEED, 0, records, "", CONFIG, signatures);
        Log[] memory logs = recordedLogs();
        assertEq(logs.length, 4, "two transfers, one refusal, one batch");
        assertEq(logs[1].topics[0], ILuyaLedger.RecordRefused.selector, "refusal");
        assertEq(logs[1].data, abi.encode(uint64(1), uint16(13)), "sequence and rule");
        assertEq(uint256(logs[1].topics[2]), index + 1, "index");
        assertEq(logs[3].topics[0], ILuyaLedger.BatchRecorded.selector, "batch");
        assertEq(uint256(logs[3].topics[3]), index, "first index");
        assertEq(
            logs[3].data,
            abi.encode(uint64(block.timestamp), ledger.root(), records, bytes(""), CONFIG, signatures),
            "time, root, records, settings, signatures"
        );
    }

    function test_TransferBatchIsStandard() public {
        vm.recordLogs();
        submit(FEED, rideOn(TODAY, 1), "");
        Log memory log = recordedLogs()[0];
        assertEq(log.topics[0], keccak256("TransferBatch(address,address,address,uint256[],uint256[])"), "topic");
        assertEq(address(uint160(uint256(log.topics[1]))), address(this), "operator");
        assertEq(log.topics[2], bytes32(0), "from");
        assertEq(address(uint160(uint256(log.topics[3]))), rider, "to");
        (uint256[] memory ids, uint256[] memory amounts) = abi.decode(log.data, (uint256[], uint256[]));
        assertEq(keccak256(abi.encode(ids, amounts)), keccak256(_twoIds(12_026, 22_026, 48_000, 4_800)), "data");
    }

    // ---------------------------------------------------------------------------------------- what refuses a record

    function test_NotInForceForTheFeed() public {
        ILuyaLaw.FeedSettings memory settings = feedSettings(FEED, 63);
        settings.methods = new uint16[](1);
        settings.methods[0] = STEPS;
        setFeed(settings);
        assertEq(outcome(rideOn(TODAY, 1)), 17, "rule");
    }

    function test_NotInForceOnTheDay() public {
        ILuyaLaw.MethodSettings memory settings = methodSettings(102, 1, hex"00", 0);
        settings.validFrom = TODAY + 1;
        settings.validTo = TODAY + 2;
        law.announceMethod(settings);
        ILuyaLaw.FeedSettings memory feed = feedSettings(FEED, 63);
        feed.methods[3] = 102;
        setFeed(feed);
        assertEq(outcome(recordOf(rider, 102, TODAY, 1, 1, 1)), 17, "the day before");
        vm.warp(NOON + 3 days);
        assertEq(outcome(recordOf(rider, 102, TODAY + 1, 1, 1, 1)), 0, "first day");
        assertEq(outcome(recordOf(rider, 102, TODAY + 2, 1, 1, 1)), 0, "last day");
        assertEq(outcome(recordOf(rider, 102, TODAY + 3, 1, 1, 1)), 17, "the day after");
    }

    function test_UnknownPerson() public {
        assertEq(outcome(recordOf(person(77), CYCLING, TODAY, 1, 1, 1)), 2, "rule");
    }

    function test_FrozenAndClosed() public {
        ledger.setAccountState(rider, 2);
        assertEq(outcome(rideOn(TODAY, 1)), 19, "frozen");
        ledger.setAccountState(rider, 1);
        assertEq(outcome(rideOn(TODAY, 1)), 0, "thawed");
        ledger.closeAccount(rider);
        assertEq(outcome(rideOn(TODAY, 20)), 19, "closed");
    }

    function test_Epoch() public {
        ledger.registerAccounts(registration(50, 2025));
        assertEq(outcome(TRIAL, recordOf(person(50), CYCLING, 20_453, 1, 1, 1), ""), 0, "its year");
        assertEq(outcome(TRIAL, recordOf(person(50), CYCLING, 20_454, 1, 1, 1), ""), 17, "another year");
    }

    function test_TooEarly() public {
        assertEq(outcome(rideOn(TODAY + 1, 1)), 16, "tomorrow");
        assertEq(outcome(TRIAL, rideOn(TODAY + 1, 1), ""), 16, "tomorrow, trial");
    }

    function test_TooLate() public {
        assertEq(outcome(rideOn(TODAY - 63, 1)), 0, "63 days");
        assertEq(outcome(rideOn(TODAY - 64, 1)), 15, "64 days");
        setFeed(feedSettings(FEED, 0));
        assertEq(outcome(rideOn(TODAY, 1)), 0, "today");
        assertEq(outcome(rideOn(TODAY - 1, 1)), 15, "yesterday");
        assertEq(outcome(TRIAL, recordOf(person(1), CYCLING, FIRST_DAY, 1, 1, 1), ""), 0, "trial, 2008");
        assertEq(outcome(TRIAL, recordOf(person(1), CYCLING, FIRST_DAY - 1, 1, 1, 1), ""), 17, "before 2008");
    }

    function test_VintageClosesOn5March() public {
        uint256 newYear = 20_454;
        vm.warp((newYear + 62) * 86_400);
        assertEq(outcome(rideOn(newYear - 1, 1)), 0, "4 March: last year is open");
        assertEq(outcome(rideOn(newYear, 1)), 0, "this year");
        vm.warp((newYear + 63) * 86_400 - 28_801);
        assertEq(outcome(rideOn(newYear - 1, 10)), 0, "4 March 23:59:59");
        vm.warp((newYear + 63) * 86_400 - 28_800);
        assertEq(outcome(rideOn(newYear - 1, 20)), 15, "5 March 00:00:00");
        assertEq(outcome(rideOn(newYear, 20)), 0, "this year");
        assertEq(outcome(TRIAL, rideOn(newYear - 2, 20), ""), 0, "trial");
    }

    function test_NullifierUsed() public {
        bytes memory nullifier = abi.encodePacked(keccak256("photo"));
        bytes memory meal = recordOf(rider, MEAL, TODAY, 38, 37, 1);
        bytes memory other = recordOf(person(1), MEAL, TODAY, 75, 37, 1);
        assertEq(outcome(FEED, bytes.concat(meal, other), bytes.concat(nullifier, nullifier)), 18, "in one batch");
        assertEq(outcome(FEED, other, nullifier), 18, "later");
        assertEq(outcome(TRIAL, other, nullifier), 18, "another feed");
        bytes32[] memory one = new bytes32[](1);
        one[0] = keccak256("photo");
        assertEq(views.nullifiers(one)[0], ledger.logSize() - 4 + 1, "index + 1");
    }

    function test_OlderThanTheRingsWord() public {
        assertEq(outcome(TRIAL, rideOn(TODAY, 1), ""), 0, "today");
        assertEq(outcome(TRIAL, rideOn(TODAY - 64, 1), ""), 15, "the same word");
        assertEq(outcome(TRIAL, rideOn(TODAY - 63, 1), ""), 0, "another word");
    }

    function test_ANewDayTakesTheRingsWord() public {
        assertEq(outcome(TRIAL, rideOn(TODAY - 64, 1), ""), 0, "old");
        assertEq(outcome(TRIAL, rideOn(TODAY, 1), ""), 0, "the same slots, a new day");
        assertEq(wordOn(1, TODAY) & ((1 << 180) - 1), 3 << 1, "only the new day's slots");
    }

    function test_Overlap() public {
        assertEq(outcome(rideOn(TODAY, 10)), 0, "first");
        assertEq(outcome(rideOn(TODAY, 10)), 13, "the same");
        assertEq(outcome(rideOn(TODAY, 11)), 13, "one slot");
        assertEq(outcome(TRIAL, rideOn(TODAY, 9), ""), 13, "another feed");
        assertEq(outcome(rideOn(TODAY, 12)), 0, "after");
        assertEq(outcome(rideOn(TODAY, 8)), 0, "before");
        assertEq(outcome(recordOf(rider, STEPS, TODAY, 0, 180, 1)), 0, "another group");
        assertEq(outcome(rideOn(TODAY - 1, 10)), 0, "another day");
        assertEq(outcome(recordOf(person(1), CYCLING, TODAY, 10, 2, 1)), 0, "another person");
    }

    function test_MethodsWithoutSlotsDoNotOverlap() public {
        bytes memory item = recordOf(rider, PAYMENT, TODAY, 3, 1, 1);
        assertEq(outcome(FEED, item, abi.encodePacked(keccak256("a"))), 0, "first");
        assertEq(outcome(FEED, item, abi.encodePacked(keccak256("b"))), 0, "second");
        assertEq(wordOn(9, TODAY) & ((1 << 180) - 1), 0, "no slots");
        assertEq((wordOn(9, TODAY) >> 210) & 0x3fffffff, 96, "but amounts");
    }

    function test_OverGroupCap() public {
        setGroupCaps(1, 96_000, 1_000_000);
        assertEq(outcome(rideOn(TODAY, 1)), 0, "half");
        assertEq(outcome(recordOf(rider, CYCLING, TODAY, 5, 2, 1_001)), 14, "one metre more");
        assertEq(outcome(rideOn(TODAY, 5)), 0, "exactly");
        assertEq(outcome(rideOn(TODAY - 1, 5)), 0, "another day");
        setGroupCaps(1, 1_000_000, 9_600);
        assertEq(outcome(recordOf(rider, CYCLING, TODAY, 9, 1, 10)), 14, "points");
    }

    function test_OverFeedCap() public {
        law.lowerFeedCaps(FEED, 96_000, 10_000);
        assertEq(outcome(rideOn(TODAY, 1)), 0, "half");
        assertEq(
            outcome(recordOf(person(1), CYCLING, TODAY - 5, 5, 2, 1_001)),
            14,
            "one metre more, any person, any day"
        );
        assertEq(outcome(recordOf(person(1), CYCLING, TODAY - 5, 5, 2, 1_000)), 0, "exactly");
        vm.warp(NOON + 1 days);
        assertEq(outcome(rideOn(TODAY, 20)), 0, "another block day");
        law.lowerFeedCaps(FEED, 96_000, 4_800);
        assertEq(outcome(recordOf(person(1), CYCLING, TODAY, 9, 1, 10)), 14, "points");
        assertEq(views.feedState(FEED).creditsUsed, 48_000, "used");
        assertEq(views.feedState(FEED).capDay, TODAY + 1, "on");
    }

    function test_ARefusedRecordChangesNothingElse() public {
        assertEq(outcome(rideOn(TODAY, 10)), 0, "first");
        bytes32 before = keccak256(abi.encode(views.feedState(FEED).creditsUsed, wordOn(1, TODAY)));
        vm.warp(NOON + 1 days);
        assertEq(outcome(rideOn(TODAY, 10)), 13, "refused");
        assertEq(keccak256(abi.encode(views.feedState(FEED).creditsUsed, wordOn(1, TODAY))), before, "state");
        assertEq(views.feedState(FEED).capDay, TODAY, "cap day");
        assertEq(ledger.nextSequence(FEED), 2, "sequence");
    }

    /// @dev Days count, not slots: what happens later today may be recorded now, and takes its slots as usual.
    function test_ASlotLaterTodayIsAccepted() public {
        assertEq(outcome(recordOf(rider, CYCLING, TODAY, 170, 10, 100)), 0, "at noon, for 22:40 to 24:00");
        assertEq(outcome(recordOf(rider, CYCLING, TODAY, 179, 1, 100)), 13, "once");
        assertEq(outcome(recordOf(rider, CYCLING, TODAY + 1, 0, 1, 100)), 16, "but not tomorrow's");
    }

    /// @dev An attestation has no deadline: who holds it back chooses the block whose day and state judge it.
    function test_ABatchIsJudgedWhenItArrives() public {
        bytes memory item = rideOn(TODAY, 10);
        bytes memory signatures = quorum(digestOf(FEED, 0, item, ""));
        vm.warp(NOON + 63 days);
        vm.recordLogs();
        ledger.record(FEED, 0, item, "", CONFIG, signatures);
        assertEq(refusedRule(), 0, "on the last day of the late window");
        signatures = quorum(digestOf(FEED, 1, rideOn(TODAY, 20), ""));
        vm.warp(NOON + 64 days);
        vm.recordLogs();
        ledger.record(FEED, 1, rideOn(TODAY, 20), "", CONFIG, signatures);
        assertEq(refusedRule(), 15, "later: refused, whatever the day of signing");
        assertEq(ledger.nextSequence(FEED), 2, "and its sequence is used");
        signatures = quorum(digestOf(FEED, 2, rideOn(TODAY + 64, 20), ""));
        ILuyaLaw.FeedSettings memory settings = feedSettings(FEED, 63);
        (settings.signers[0], settings.signers[1], settings.signers[2]) = _ascending(
            vm.addr(keys[0]),
            vm.addr(keys[1]),
            person(99)
        );
        settings.threshold = 3;
        setFeed(settings);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerQuorumMissing.selector, 2, 3));
        ledger.record(FEED, 2, rideOn(TODAY + 64, 20), "", CONFIG, signatures);
    }

    function testFuzz_AcceptedAmounts(uint32 activity, uint8 slot, uint8 slots) public {
        slots = uint8(bound(slots, 1, 180));
        slot = uint8(bound(slot, 0, 180 - uint256(slots)));
        uint256 most = 4_700 * (uint256(slots) + 1);
        activity = uint32(bound(activity, 1, most < 50_000 ? most : 50_000));
        assertEq(outcome(recordOf(rider, CYCLING, TODAY, slot, slots, activity)), 0, "rule");
        assertEq(ledger.balanceOf(rider, 12_026), uint256(activity) * 48, "credits");
        assertEq(ledger.balanceOf(rider, 22_026), (uint256(activity) * 48) / 10, "millipoints");
        assertEq(wordOn(1, TODAY) & ((1 << 180) - 1), ((1 << uint256(slots)) - 1) << slot, "slots");
    }

    // ----------------------------------------------------------------------------------------------------- helpers

    function _ascending(address a, address b, address c) private pure returns (address, address, address) {
        if (c < a) return (c, a, b);
        return c < b ? (a, c, b) : (a, b, c);
    }

    function _twoIds(uint256 id1, uint256 id2, uint256 amount1, uint256 amount2) private pure returns (bytes memory) {
        uint256[] memory ids = new uint256[](2);
        uint256[] memory amounts = new uint256[](2);
        (ids[0], ids[1], amounts[0], amounts[1]) = (id1, id2, amount1, amount2);
        return abi.encode(ids, amounts);
    }
}

/// @title When two rules speak against a record, the first in the protocol's order is the answer
contract LedgerRecordingOrderTest is Rider {
    // The rules in the protocol's order; several have one number.
    uint256 private constant _NOT_LISTED = 0;
    uint256 private constant _UNKNOWN = 1;
    uint256 private constant _FROZEN = 2;
    uint256 private constant _EPOCH = 3;
    uint256 private constant _EARLY = 4;
    uint256 private constant _LATE = 5;
    uint256 private constant _NULLIFIER = 6;
    uint256 private constant _RING = 7;
    uint256 private constant _OVERLAP = 8;
    uint256 private constant _GROUP_CAP = 9;
    uint256 private constant _FEED_CAP = 10;
    uint256 private constant _RULES = 11;

    /// @dev 2026-01-10, and the day of 2025 with the same word.
    uint16 private constant _NEWER = 20_463;
    uint16 private constant _DAY = _NEWER - 64;

    error Answer(uint256 rule);

    function test_EveryPairOfRules() public {
        uint16[11] memory numbers = [uint16(17), 2, 19, 17, 16, 15, 18, 15, 13, 14, 14];
        uint256 pairs = 0;
        for (uint256 first = 0; first < _RULES; ++first) {
            for (uint256 second = first; second < _RULES; ++second) {
                if (!_canBoth(first, second)) continue;
                string memory name = string.concat(vm.toString(first), " and ", vm.toString(second));
                assertEq(_answerTo((1 << first) | (1 << second)), numbers[first], name);
                ++pairs;
            }
        }
        assertEq(pairs, 58, "pairs, and each alone");
        assertEq(_answerTo(0), 0, "with nothing against it a record is accepted");
    }

    /// @dev Somebody unknown has no state, epoch or word; an account earns in its epoch's year only; nothing is early
    /// and of the past at once.
    function _canBoth(uint256 first, uint256 second) private pure returns (bool) {
        if (first == second) return true;
        if (first == _UNKNOWN) {
            return second != _FROZEN && second != _EPOCH && second != _RING && second != _OVERLAP;
        }
        if (first == _EPOCH) return second != _OVERLAP;
        if (first == _EARLY) return second != _LATE && second != _RING && second != _OVERLAP;
        return true;
    }

    /// @dev Brings about what the rules speak against, records, and takes all of it back.
    function answer(uint256 rules) external {
        uint16 day = _has(rules, _EARLY) ? TODAY + 1 : _DAY;
        address account = person(_has(rules, _UNKNOWN) ? 77 : 50);
        bytes memory item = recordOf(account, MEAL, day, 38, 37, 1);
        bytes memory used = abi.encodePacked(keccak256("photo"));
        if (!_has(rules, _UNKNOWN)) ledger.registerAccounts(registration(50, _epoch(rules)));
        if (_has(rules, _OVERLAP)) submit(TRIAL, item, abi.encodePacked(keccak256("overlap")));
        if (_has(rules, _RING)) {
            submit(TRIAL, recordOf(account, MEAL, _NEWER, 38, 37, 1), abi.encodePacked(keccak256("ring")));
        }
        if (_has(rules, _NULLIFIER)) submit(TRIAL, recordOf(person(1), MEAL, TODAY, 38, 37, 1), used);
        if (_has(rules, _FROZEN)) ledger.setAccountState(account, 2);
        uint16 feed = _has(rules, _LATE) ? FEED : TRIAL;
        if (_has(rules, _NOT_LISTED)) {
            ILuyaLaw.FeedSettings memory settings = feedSettings(feed, feed == FEED ? 63 : 65_535);
            settings.methods = new uint16[](1);
            settings.methods[0] = STEPS;
            setFeed(settings);
        }
        if (_has(rules, _GROUP_CAP)) setGroupCaps(4, 0, 0);
        if (_has(rules, _FEED_CAP)) law.lowerFeedCaps(feed, 0, 0);
        revert Answer(outcome(feed, item, used));
    }

    /// @dev For life, or a year other than the record's.
    function _epoch(uint256 rules) private pure returns (uint16) {
        if (!_has(rules, _EPOCH)) return 0;
        return _has(rules, _EARLY) ? 2025 : 2026;
    }

    function _answerTo(uint256 rules) private returns (uint256) {
        try this.answer(rules) {
            revert Untrue("taken back");
        } catch (bytes memory wrapped) {
            assertEq(bytes32(bytes4(wrapped)), bytes32(Answer.selector), "an answer");
            return abi.decode(slice(wrapped, 4, wrapped.length - 4), (uint256));
        }
    }

    function _has(uint256 rules, uint256 rule) private pure returns (bool) {
        return rules & (1 << rule) != 0;
    }
}
