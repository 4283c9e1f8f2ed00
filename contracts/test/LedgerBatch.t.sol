// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaLedger} from "../interfaces/ILuyaLedger.sol";
import {Rider} from "./support/Rider.sol";

/// @title What a batch must be: length, sequence, possible records, quorum
contract LedgerBatchTest is Rider {
    // ------------------------------------------------------------------------------------- what reverts the batch

    function test_RefusesBadLength() public {
        _reverts(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, 0), FEED, "", "");
        bytes memory cut = slice(rideOn(TODAY, 1), 0, 63);
        _reverts(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, 63), FEED, cut, "");
        _reverts(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, 31),
            FEED,
            rideOn(TODAY, 1),
            new bytes(31)
        );
    }

    function test_RefusesAnotherSequence() public {
        bytes memory item = rideOn(TODAY, 1);
        submit(FEED, item, "");
        bytes memory signatures = quorum(digestOf(FEED, 0, item, ""));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerWrongSequence.selector, FEED, 1, 0));
        ledger.record(FEED, 0, item, "", CONFIG, signatures);
        signatures = quorum(digestOf(FEED, 2, item, ""));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerWrongSequence.selector, FEED, 1, 2));
        ledger.record(FEED, 2, item, "", CONFIG, signatures);
    }

    function test_RefusesUnknownOrDisabledFeed() public {
        bytes memory item = rideOn(TODAY, 1);
        _reverts(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerFeedNotActive.selector, 8), 8, item, "");
        law.disableFeed(FEED);
        _reverts(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerFeedNotActive.selector, FEED), FEED, item, "");
        law.setOrganisation(1, keccak256("organisation"), 2);
        _reverts(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerFeedNotActive.selector, TRIAL), TRIAL, item, "");
    }

    function test_RefusesWhilePaused() public {
        uint64 until = uint64(block.timestamp + 1 hours);
        ledger.pause(until);
        bytes memory item = rideOn(TODAY, 1);
        _reverts(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerPaused.selector, until), FEED, item, "");
        vm.warp(until);
        assertEq(outcome(item), 0, "the pause lapses");
    }

    function test_ImpossibleRecords() public {
        bytes memory good = rideOn(TODAY, 1);
        _impossible(bytes.concat(good, recordOf(rider, 999, TODAY, 0, 1, 1)), 1, 1);
        _impossible(bytes.concat(good, recordOf(rider, CYCLING, TODAY, 5, 0, 1)), 1, 1);
        _impossible(recordOf(rider, CYCLING, TODAY, 179, 2, 1), 0, 1);
        _impossible(recordOf(rider, CYCLING, TODAY, 180, 1, 1), 0, 1);
        _impossible(bytes.concat(good, good, recordOf(rider, CYCLING, TODAY, 5, 1, 0)), 2, 7);
        _impossible(recordOf(rider, CYCLING, TODAY, 5, 20, 50_001), 0, 10);
        _impossible(recordOf(rider, CYCLING, TODAY, 5, 1, 9_401), 0, 11);
        _impossible(recordOf(rider, STEPS, TODAY, 0, 179, 100), 0, 12);
        _impossible(recordOf(rider, STEPS, TODAY, 0, 180, 50_001), 0, 10);
        bytes memory campaign = recordOf(rider, CYCLING, TODAY, 5, 1, 1);
        campaign[27] = 0x01;
        _impossible(campaign, 0, 1);
    }

    function test_BoundsAreInclusive() public {
        assertEq(outcome(recordOf(rider, CYCLING, TODAY, 178, 2, 14_100)), 0, "last slot, 4700 x 3");
        assertEq(outcome(recordOf(rider, STEPS, TODAY, 0, 180, 50_000)), 0, "50,000 steps");
    }

    function test_WindowsMustMatch() public {
        uint8[3] memory firsts = [38, 75, 120];
        uint8[3] memory counts = [37, 37, 45];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory item = recordOf(rider, MEAL, TODAY, firsts[i], counts[i], 1);
            assertEq(outcome(FEED, item, abi.encodePacked(bytes32(i + 1))), 0, "a window");
            _reverts(
                _impossibleError(0, 12),
                FEED,
                recordOf(rider, MEAL, TODAY, firsts[i] + 1, counts[i], 1),
                new bytes(32)
            );
        }
        _reverts(_impossibleError(0, 12), FEED, recordOf(rider, MEAL, TODAY, 38, 45, 1), new bytes(32));
    }

    function test_NullifiersMustBeComplete() public {
        bytes memory meal = recordOf(rider, MEAL, TODAY, 38, 37, 1);
        bytes memory ride = rideOn(TODAY, 1);
        _reverts(_impossibleError(0, 1), FEED, meal, "");
        _reverts(_impossibleError(2, 1), FEED, bytes.concat(ride, meal, meal), abi.encodePacked(bytes32(uint256(1))));
        _reverts(_impossibleError(1, 1), FEED, ride, new bytes(32));
        _reverts(_impossibleError(2, 1), FEED, bytes.concat(ride, meal), new bytes(64));
    }

    // ------------------------------------------------------------------------------------------------------ quorum

    function test_QuorumOfAnyTwo() public {
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory item = rideOn(TODAY, 10 * i);
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
        bytes memory item = rideOn(TODAY, 1);
        bytes32 digest = digestOf(FEED, 0, item, "");
        bytes memory signatures = bytes.concat(quorum(digest), signatureOf(keys[2], digest));
        ledger.record(FEED, 0, item, "", CONFIG, signatures);
    }

    function test_RefusesTooFewSignatures() public {
        bytes memory item = rideOn(TODAY, 1);
        bytes memory one = signatureOf(keys[0], digestOf(FEED, 0, item, ""));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerQuorumMissing.selector, 1, 2));
        ledger.record(FEED, 0, item, "", CONFIG, one);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerQuorumMissing.selector, 0, 2));
        ledger.record(FEED, 0, item, "", CONFIG, "");
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, 66));
        ledger.record(FEED, 0, item, "", CONFIG, bytes.concat(one, hex"00"));
    }

    function test_RefusesTheSameSignerTwiceOrOutOfOrder() public {
        bytes memory item = rideOn(TODAY, 1);
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
        bytes memory item = rideOn(TODAY, 1);
        bytes32 digest = digestOf(FEED, 0, item, "");
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[0], digest);
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        bytes memory high = abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        bytes memory second = signatureOf(keys[1], digest);
        _badSignature(item, bytes.concat(high, second), 0, address(0));
        _badSignature(item, bytes.concat(abi.encodePacked(r, s, v - 27), second), 0, address(0));
    }

    function test_SignaturesBindEveryPart() public {
        bytes memory item = rideOn(TODAY, 1);
        bytes memory signatures = quorum(digestOf(FEED, 0, item, ""));
        vm.expectPartialRevert(ILuyaLedger.LuyaLedgerBadSignature.selector);
        ledger.record(FEED, 0, item, "", keccak256("another configuration"), signatures);
        vm.expectPartialRevert(ILuyaLedger.LuyaLedgerBadSignature.selector);
        ledger.record(TRIAL, 0, item, "", CONFIG, signatures);
        vm.expectPartialRevert(ILuyaLedger.LuyaLedgerBadSignature.selector);
        ledger.record(FEED, 0, bytes.concat(item, item), "", CONFIG, signatures);
        bytes memory meal = recordOf(rider, MEAL, TODAY, 38, 37, 1);
        signatures = quorum(digestOf(FEED, 0, meal, abi.encodePacked(bytes32(uint256(1)))));
        vm.expectPartialRevert(ILuyaLedger.LuyaLedgerBadSignature.selector);
        ledger.record(FEED, 0, meal, abi.encodePacked(bytes32(uint256(2))), CONFIG, signatures);
        signatures = quorum(digestOf(FEED, 0, item, ""));
        vm.chainId(99);
        vm.expectPartialRevert(ILuyaLedger.LuyaLedgerBadSignature.selector);
        ledger.record(FEED, 0, item, "", CONFIG, signatures);
    }

    // ----------------------------------------------------------------------------------------------------- helpers

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
