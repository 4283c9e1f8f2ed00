// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
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
        setOrganisation(1, keccak256("organisation"), 2);
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

/// @title Of two things wrong with a call, the first in the protocol's order is the answer
contract LedgerBatchOrderTest is Rider {
    bytes32 private constant _PHOTO = keccak256("photo");
    bytes32 private constant _PHOTO2 = keccak256("another photo");
    uint16 private constant _BOUNDED = 103;

    // What can be wrong with a call, in the order of the answers.
    uint256 private constant _PAUSED = 0;
    uint256 private constant _LENGTH = 1;
    uint256 private constant _FEED = 2;
    uint256 private constant _SEQUENCE = 3;
    uint256 private constant _NULLIFIERS_LENGTH = 4;
    uint256 private constant _METHOD = 5;
    uint256 private constant _BOUND = 6;
    uint256 private constant _NULLIFIER_MISSING = 7;
    uint256 private constant _NEXT_RECORD = 8;
    uint256 private constant _NULLIFIER_LEFT = 9;
    uint256 private constant _SIGNATURES_LENGTH = 10;
    uint256 private constant _TOO_FEW = 11;
    uint256 private constant _SIGNATURE = 12;
    uint256 private constant _FAULTS = 13;

    error Answer(bytes reason);

    function test_EveryPairOfFaults() public {
        uint256 pairs = 0;
        for (uint256 first = 0; first < _FAULTS; ++first) {
            for (uint256 second = first; second < _FAULTS; ++second) {
                // A nullifier is missing or left over, not both.
                if (first == _NULLIFIER_MISSING && second == _NULLIFIER_LEFT) continue;
                bytes memory expected = _reason(first, second);
                assertEq(_answerTo((1 << first) | (1 << second)), expected, _name(first, second));
                ++pairs;
            }
        }
        assertEq(pairs, 90, "pairs, and each alone");
        assertEq(_answerTo(0), "", "with no fault the batch is taken");
    }

    function test_NothingIsLookedAtBeforeTheSeal() public {
        deployWorld();
        vm.expectRevert(ILuyaLedger.LuyaLedgerNotSealed.selector);
        ledger.record(8, 1, new bytes(63), new bytes(31), CONFIG, new bytes(66));
    }

    /// @dev Section 4's bounds, each pair that one record can break.
    function test_EveryPairOfBounds() public {
        ILuyaLaw.MethodSettings memory settings = methodSettings(_BOUNDED, 1, hex"010505", 0);
        settings.maxPerSlot = 100;
        settings.validFrom = TODAY + 1;
        law.announceMethod(settings);
        _impossible(recordOf(rider, _BOUNDED, TODAY, 5, 0, 0), 1, "malformed before zero activity");
        _impossible(recordOf(rider, _BOUNDED, TODAY, 179, 2, 60_000), 1, "malformed before over bound");
        _impossible(recordOf(rider, _BOUNDED, TODAY, 5, 0, 5_000), 1, "malformed before over slot bound");
        _impossible(recordOf(rider, _BOUNDED, TODAY, 178, 3, 1), 1, "malformed before window");
        _impossible(recordOf(rider, _BOUNDED, TODAY, 6, 5, 0), 7, "zero activity before window");
        _impossible(recordOf(rider, _BOUNDED, TODAY, 5, 5, 60_000), 10, "over bound before over slot bound");
        _impossible(recordOf(rider, _BOUNDED, TODAY, 6, 179 - 6, 60_000), 10, "over bound before window");
        _impossible(recordOf(rider, _BOUNDED, TODAY, 6, 5, 601), 11, "over slot bound before window");
        _impossible(recordOf(rider, _BOUNDED, TODAY, 6, 5, 600), 12, "window");
    }

    /// @dev Makes the call with these faults, and takes back what it did.
    function answer(uint256 faults) external {
        (uint16 feed, uint64 sequence) = (_has(faults, _FEED) ? 8 : FEED, _has(faults, _SEQUENCE) ? 1 : 0);
        (bytes memory records, bytes memory nullifiers) = (_records(faults), _nullifiers(faults));
        bytes memory signatures = _signatures(faults, digestOf(feed, sequence, records, nullifiers));
        if (_has(faults, _PAUSED)) ledger.pause(uint64(block.timestamp + 1));
        try ledger.record(feed, sequence, records, nullifiers, CONFIG, signatures) {
            revert Answer("");
        } catch (bytes memory reason) {
            revert Answer(reason);
        }
    }

    function _answerTo(uint256 faults) private returns (bytes memory reason) {
        try this.answer(faults) {
            revert Untrue("taken back");
        } catch (bytes memory wrapped) {
            assertEq(bytes32(bytes4(wrapped)), bytes32(Answer.selector), "an answer");
            return abi.decode(slice(wrapped, 4, wrapped.length - 4), (bytes));
        }
    }

    function _records(uint256 faults) private view returns (bytes memory) {
        bytes memory one = recordOf(
            rider,
            _has(faults, _METHOD) ? 999 : MEAL,
            TODAY,
            38,
            37,
            _has(faults, _BOUND) ? 0 : 1
        );
        bytes memory two = recordOf(rider, CYCLING, TODAY, 5, _has(faults, _NEXT_RECORD) ? 0 : 1, 1);
        return bytes.concat(one, two, new bytes(_has(faults, _LENGTH) ? 1 : 0));
    }

    function _nullifiers(uint256 faults) private pure returns (bytes memory) {
        bytes memory all = _has(faults, _NULLIFIER_MISSING) ? bytes("") : abi.encodePacked(_PHOTO);
        if (_has(faults, _NULLIFIER_LEFT)) all = abi.encodePacked(all, _PHOTO2);
        return bytes.concat(all, new bytes(_has(faults, _NULLIFIERS_LENGTH) ? 1 : 0));
    }

    function _signatures(uint256 faults, bytes32 digest) private view returns (bytes memory all) {
        all = signatureOf(_has(faults, _SIGNATURE) ? 123 : keys[0], digest);
        if (!_has(faults, _TOO_FEW)) all = bytes.concat(all, signatureOf(keys[1], digest));
        return bytes.concat(all, new bytes(_has(faults, _SIGNATURES_LENGTH) ? 1 : 0));
    }

    function _reason(uint256 fault, uint256 other) private view returns (bytes memory) {
        if (fault == _PAUSED) {
            return abi.encodeWithSelector(ILuyaLedger.LuyaLedgerPaused.selector, block.timestamp + 1);
        }
        if (fault == _LENGTH) return _badLength(129);
        if (fault == _FEED) return abi.encodeWithSelector(ILuyaLedger.LuyaLedgerFeedNotActive.selector, 8);
        if (fault == _SEQUENCE) {
            return abi.encodeWithSelector(ILuyaLedger.LuyaLedgerWrongSequence.selector, FEED, 0, 1);
        }
        if (fault == _NULLIFIERS_LENGTH) {
            return
                _badLength(
                    other == _NULLIFIER_MISSING
                        ? 1
                        : other == _NULLIFIER_LEFT
                            ? 65
                            : 33
                );
        }
        if (fault == _METHOD || fault == _NULLIFIER_MISSING) return _impossibleError(0, 1);
        if (fault == _BOUND) return _impossibleError(0, 7);
        if (fault == _NEXT_RECORD) return _impossibleError(1, 1);
        if (fault == _NULLIFIER_LEFT) return _impossibleError(2, 1);
        if (fault == _SIGNATURES_LENGTH) return _badLength(other == _TOO_FEW ? 66 : 131);
        if (fault == _TOO_FEW) return abi.encodeWithSelector(ILuyaLedger.LuyaLedgerQuorumMissing.selector, 1, 2);
        return abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadSignature.selector, 0, vm.addr(123));
    }

    function _impossible(bytes memory item, uint16 rule, string memory what) private {
        bytes memory signatures = quorum(digestOf(FEED, 0, item, ""));
        try ledger.record(FEED, 0, item, "", CONFIG, signatures) {
            revert Untrue(what);
        } catch (bytes memory reason) {
            assertEq(reason, _impossibleError(0, rule), what);
        }
    }

    function _impossibleError(uint256 position, uint16 rule) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILuyaLedger.LuyaLedgerImpossibleRecord.selector, position, rule);
    }

    function _badLength(uint256 length) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, length);
    }

    function _has(uint256 faults, uint256 fault) private pure returns (bool) {
        return faults & (1 << fault) != 0;
    }

    function _name(uint256 first, uint256 second) private pure returns (string memory) {
        return string.concat(vm.toString(first), " and ", vm.toString(second));
    }
}
