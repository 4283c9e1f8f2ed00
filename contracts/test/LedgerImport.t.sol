// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
import {ILuyaLedger} from "../interfaces/ILuyaLedger.sol";
import {ILuyaViews} from "../interfaces/ILuyaViews.sol";
import {ILedger} from "./support/ILedger.sol";
import {Operator} from "./support/Operator.sol";

/// @title The import phase: only before the seal, and the seal only at the checkpoint
contract LedgerImportTest is Operator {
    ILedger private _ledger2;
    ILuyaLaw private _law2;
    ILuyaViews private _views2;

    function setUp() public {
        openWorld();
        (_ledger2, _law2, _views2) = deployLedger();
    }

    function test_ImportIsOverAfterTheSeal() public {
        vm.expectRevert(ILuyaLedger.LuyaLedgerAlreadySealed.selector);
        ledger.importEntries(_packed(0, 1));
        vm.expectRevert(ILuyaLedger.LuyaLedgerAlreadySealed.selector);
        ledger.importRevocation("", 0, "", new bytes32[](0));
        uint64 size = ledger.logSize();
        bytes32 root = ledger.root();
        vm.expectRevert(ILuyaLedger.LuyaLedgerAlreadySealed.selector);
        ledger.seal(size, root);
    }

    function test_NothingElseBeforeTheSeal() public {
        vm.expectRevert(ILuyaLedger.LuyaLedgerNotSealed.selector);
        _ledger2.registerAccounts(registration(70, 0));
        vm.expectRevert(ILuyaLedger.LuyaLedgerNotSealed.selector);
        _ledger2.setAccountState(person(0), 2);
        vm.expectRevert(ILuyaLedger.LuyaLedgerNotSealed.selector);
        _ledger2.closeAccount(person(0));
        vm.expectRevert(ILuyaLedger.LuyaLedgerNotSealed.selector);
        _ledger2.revoke(0, 1, "", new bytes32[](0), 1, 0, false);
        vm.expectRevert(ILuyaLedger.LuyaLedgerNotSealed.selector);
        _ledger2.pause(uint64(block.timestamp + 1));
        vm.expectRevert(ILuyaLedger.LuyaLedgerNotSealed.selector);
        _ledger2.unpause();
        vm.expectRevert(ILuyaLedger.LuyaLedgerNotSealed.selector);
        _ledger2.setLogKey(0);
        vm.expectRevert(ILuyaLedger.LuyaLedgerNotSealed.selector);
        _law2.setGroupCaps(1, 1, 1, 0);
        vm.expectRevert(ILuyaLedger.LuyaLedgerNotSealed.selector);
        _ledger2.record(FEED, 0, new bytes(64), "", 0, "");
    }

    function test_SealComparesSizeAndRoot() public {
        _ledger2.importEntries(_packed(0, entries.length - 1));
        uint64 size = ledger.logSize();
        bytes32 root = ledger.root();
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerSealMismatch.selector, size - 1, _ledger2.root()));
        _ledger2.seal(size, root);
        _ledger2.importEntries(_packed(entries.length - 1, entries.length));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerSealMismatch.selector, size, root));
        _ledger2.seal(size, bytes32(uint256(1)));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerSealMismatch.selector, size, root));
        _ledger2.seal(size + 1, root);
        vm.expectEmit(true, true, true, true, address(_ledger2));
        emit ILuyaLedger.LedgerSealed(size, root);
        _ledger2.seal(size, root);
        assertTrue(_ledger2.isSealed(), "sealed");
    }

    function test_AnImportedLedgerGoesOn() public {
        vm.recordLogs();
        submit(FEED, recordOf(person(0), CYCLING, TODAY, 10, 2, 1_000), "");
        book();
        _ledger2.importEntries(_packed(0, entries.length));
        _ledger2.seal(ledger.logSize(), ledger.root());
        _law2.closeGenesis();
        (ledger, law, views) = (_ledger2, _law2, _views2);
        assertEq(outcome(recordOf(person(0), CYCLING, TODAY, 10, 2, 1_000)), 13, "the slots are used");
        assertEq(outcome(recordOf(person(0), CYCLING, TODAY, 20, 2, 1_000)), 0, "others are free");
        assertEq(ledger.balanceOf(person(0), 12_026), 96_000, "credits");
        assertEq(ledger.nextSequence(FEED), 3, "sequence");
    }

    function test_TheImportTellsItsEntries() public {
        vm.recordLogs();
        _ledger2.importEntries(_packed(0, 3));
        Log[] memory logs = recordedLogs();
        uint256 seen = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == ILuyaLedger.EntryAppended.selector) {
                assertEq(uint256(logs[i].topics[1]), seen, "index");
                assertEq(logs[i].data, abi.encode(entries[seen]), "entry");
                ++seen;
            }
        }
        assertEq(seen, 3, "entries");
        assertEq(logs[logs.length - 1].topics[0], ILuyaLedger.LogExtended.selector, "extended");
    }

    function test_RefusesWhatNobodyOwns() public {
        _refuses(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerWrongType.selector, 0x10),
            abi.encodePacked(uint8(0x10), uint64(1))
        );
        _refuses(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerWrongType.selector, 0x00),
            abi.encodePacked(uint8(0x00), uint64(1))
        );
        _refuses(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerWrongType.selector, 0x04),
            abi.encodePacked(uint8(0x04), new bytes(83))
        );
        _refuses(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerWrongType.selector, 0x45),
            abi.encodePacked(uint8(0x45), uint64(1), uint16(1))
        );
        _refuses(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadHeader.selector), hex"4000");
        _refuses(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, 106),
            abi.encodePacked(uint8(0x01), new bytes(105))
        );
        _refuses(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, 107),
            abi.encodePacked(uint8(0x02), new bytes(106))
        );
        _refuses(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, 20),
            abi.encodePacked(uint8(0x03), new bytes(19))
        );
        _refuses(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, 87),
            abi.encodePacked(uint8(0x40), new bytes(86))
        );
    }

    function test_RefusesPausesAndLogKeysOfAnotherLength() public {
        bytes memory pause = abi.encodePacked(uint8(0x46), uint64(NOON), uint8(0), uint64(NOON + 60));
        bytes memory key = abi.encodePacked(uint8(0x47), uint64(NOON), uint8(1), keccak256("key"));
        _refusesLengthsBeside(pause, 18);
        _refusesLengthsBeside(key, 42);
        _ledger2.importEntries(bytes.concat(bytes2(uint16(18)), pause, bytes2(uint16(42)), key));
        assertEq(_ledger2.pausedUntil(), NOON + 60, "paused until");
        assertEq(_ledger2.logKey(), keccak256("key"), "key");
    }

    function test_RefusesEntriesOfTheLawOfAnotherLength() public {
        uint256 seen = 0;
        for (uint256 i = 0; i < entries.length; ++i) {
            uint8 entryType = uint8(entries[i][0]);
            if (entryType < 0x41 || entryType > 0x44) continue;
            seen |= 1 << entryType;
            bytes memory entry = entries[i];
            _refusesLawLength(slice(entry, 0, entry.length - 1));
            _refusesLawLength(bytes.concat(entry, hex"00"));
            _refusesLawLength(slice(entry, 0, 18));
            _refusesLawLength(slice(entry, 0, 9));
        }
        assertEq(seen, (1 << 0x41) | (1 << 0x42) | (1 << 0x43) | (1 << 0x44), "each kind of the law");
    }

    /// @dev What lies behind an empty entry in memory was once taken for the method's terms.
    function test_RefusesAReductionByAMethodThatNobodyAnnounced() public {
        bytes memory item = recordOf(person(5), 777, TODAY, 3, 2, 100);
        bytes memory entry = abi.encodePacked(
            uint8(1),
            uint64(NOON),
            FEED,
            uint64(0),
            item,
            uint64(5),
            uint64(5),
            uint64(0)
        );
        _refuses(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerUnknownMethod.selector, 777), entry);
    }

    /// @dev What whoever imports is trusted with: no feed, account, day or amount is judged, and any root of his may be
    /// sealed. It stays in sight: the log has the entry, and its root is another than the archive's.
    function test_AnImportIsTrustedWithWhatNoFeedEverSaid() public {
        _ledger2.importEntries(_packed(0, entries.length));
        assertEq(_ledger2.root(), ledger.root(), "the archive's");
        bytes memory item = recordOf(person(5), CYCLING, TODAY, 3, 2, 100);
        bytes memory entry = abi.encodePacked(
            uint8(1),
            uint64(block.timestamp),
            uint16(99),
            uint64(41),
            item,
            uint64(500),
            uint64(700),
            uint64(9)
        );
        _ledger2.importEntries(bytes.concat(bytes2(uint16(entry.length)), entry));
        assertEq(_ledger2.balanceOf(person(5), 12_026), 500, "by no feed, for nobody who is registered");
        push(entry);
        assertEq(_ledger2.root(), rootOf(entries.length), "the log tells");
        assertTrue(_ledger2.root() != ledger.root(), "and is no longer the archive's");
        _ledger2.seal(_ledger2.logSize(), _ledger2.root());
        assertTrue(_ledger2.isSealed(), "sealed at a root of its own");
    }

    /// @dev Blocks after the seal must not be older than an entry before it: the replay would refuse them for ever.
    function test_SealsInNoBlockBeforeAnEntry() public {
        (ILedger other, , ) = deployLedger();
        bytes memory pause = abi.encodePacked(uint8(0x46), uint64(clock + 3600), uint8(0), uint64(NOON));
        bytes memory key = abi.encodePacked(uint8(0x47), uint64(clock + 3600), uint8(1), keccak256("key"));
        other.importEntries(bytes.concat(bytes2(uint16(18)), pause));
        other.importEntries(bytes.concat(bytes2(uint16(42)), key));
        bytes32 root = other.root();
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerTimeAhead.selector, clock + 3600));
        other.seal(2, root);
        vm.warp(clock + 3599);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerTimeAhead.selector, clock + 3600));
        other.seal(2, root);
        vm.warp(clock + 3600);
        other.seal(2, root);
        bytes32[] memory head = new bytes32[](1);
        assertEq(
            uint256(other.extsload(head)[0]),
            (1 << 128) | (NOON << 64) | 2,
            "of the newest time nothing is left behind"
        );
    }

    function test_TheNewestImportedTimeStays() public {
        (ILedger other, , ) = deployLedger();
        bytes memory late = abi.encodePacked(uint8(0x46), uint64(clock + 60), uint8(0), uint64(NOON));
        bytes memory early = abi.encodePacked(uint8(0x46), uint64(clock - 60), uint8(0), uint64(NOON));
        other.importEntries(bytes.concat(bytes2(uint16(18)), late, bytes2(uint16(18)), early));
        other.importEntries(bytes.concat(bytes2(uint16(18)), early));
        bytes32 root = other.root();
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerTimeAhead.selector, clock + 60));
        other.seal(3, root);
    }

    function test_AnImportedModuleChangeChangesNothing() public {
        bytes memory change = abi.encodePacked(
            uint8(0x50),
            uint64(NOON),
            uint8(0x10),
            uint8(0x13),
            address(views),
            keccak256("code")
        );
        _refusesLengthsBeside(change, 63);
        _ledger2.importEntries(bytes.concat(bytes2(uint16(63)), change));
        assertEq(_ledger2.module(0x10), address(0), "nobody's still");
        assertEq(_ledger2.logSize(), 1, "but it is in the log");
    }

    function test_RefusesACutPackage() public {
        bytes memory packed = _packed(0, 1);
        vm.expectRevert();
        _ledger2.importEntries(slice(packed, 0, packed.length - 1));
        vm.expectRevert();
        _ledger2.importEntries(bytes.concat(packed, hex"00"));
    }

    function test_RefusesAWrongRevocation() public {
        vm.recordLogs();
        submit(FEED, recordOf(person(0), CYCLING, TODAY, 10, 2, 1_000), "");
        book();
        uint64 index = uint64(entries.length - 1);
        _ledger2.importEntries(_packed(0, entries.length));
        bytes32[] memory proof = pathOf(index, index + 1);
        bytes memory target = entries[index];
        bytes memory wrong = _revocation(index, 48_001, 4_800);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerRevocationMismatch.selector, index));
        _ledger2.importRevocation(wrong, index + 1, target, proof);
        wrong = _revocation(index + 1, 48_000, 4_800);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerProofInvalid.selector, index + 1, index + 1));
        _ledger2.importRevocation(wrong, index + 1, target, proof);
        wrong = bytes.concat(_revocation(index, 48_000, 4_800), hex"00");
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerWrongType.selector, 0x04));
        _ledger2.importRevocation(wrong, index + 1, target, proof);
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerWrongType.selector, 0x00));
        _ledger2.importRevocation("", index + 1, target, proof);
        _ledger2.importRevocation(_revocation(index, 48_000, 4_800), index + 1, target, proof);
        assertEq(_ledger2.balanceOf(person(0), 12_026), 0, "burned");
    }

    /// @dev Spending is not built yet, so the balance is taken away in storage before the revocation comes.
    function test_AnImportedRevocationBooksDebt() public {
        vm.recordLogs();
        submit(FEED, recordOf(person(0), CYCLING, TODAY, 10, 2, 1_000), "");
        book();
        uint64 index = uint64(entries.length - 1);
        _ledger2.importEntries(_packed(0, entries.length));
        bytes32 slot = keccak256(abi.encode(person(0), uint256(3)));
        uint256 word = uint256(vm.load(address(_ledger2), slot));
        vm.store(address(_ledger2), slot, bytes32((word >> 128) << 128));
        bytes memory entry = bytes.concat(
            slice(_revocation(index, 0, 0), 0, 68),
            bytes8(uint64(48_000)),
            bytes8(uint64(4_800))
        );
        _ledger2.importRevocation(entry, index + 1, entries[index], pathOf(index, index + 1));
        address[] memory one = new address[](1);
        one[0] = person(0);
        assertEq(_views2.accounts(one)[0].creditsDebt, 48_000, "credits");
        assertEq(_views2.accounts(one)[0].millipointsDebt, 4_800, "points");
    }

    /// @dev No campaign is built yet; an archive that has bonuses is imported all the same.
    function test_ABonusIsMintedButNotClaimed() public {
        vm.recordLogs();
        submit(FEED, recordOf(person(0), CYCLING, TODAY, 10, 2, 1_000), "");
        book();
        uint64 index = uint64(entries.length - 1);
        _ledger2.importEntries(_packed(0, index));
        bytes memory target = entries[index];
        target[106] = 0x07;
        _ledger2.importEntries(bytes.concat(bytes2(uint16(target.length)), target));
        assertEq(_ledger2.balanceOf(person(0), 22_026), 4_807, "points and bonus");
        uint256[] memory one = new uint256[](1);
        one[0] = wordKey(person(0), 1, TODAY);
        assertEq((_views2.words(one)[0] >> 180) & 0x3fffffff, 4_800, "the group's cap counts the base only");
        assertEq(_views2.feedState(FEED).millipointsUsed, 4_800, "and the feed's");

        entries.pop();
        push(target);
        bytes memory entry = _revocation(index, 48_000, 4_807);
        entry[51] = 0x01;
        _ledger2.importRevocation(entry, index + 1, target, pathOf(index, index + 1));
        assertEq(_ledger2.balanceOf(person(0), 22_026), 0, "revoked with the bonus");
        assertEq(_views2.words(one)[0], uint256(TODAY) << 240, "released");
    }

    function test_OnlyTheLedgerHandsEntriesToTheLaw() public {
        bytes memory entry = entries[0];
        vm.expectRevert(abi.encodeWithSelector(ILuyaLaw.LuyaLawNotLedger.selector, address(this)));
        _law2.applyEntry(0, entry);
    }

    // ----------------------------------------------------------------------------------------------------- helpers

    function _packed(uint256 from, uint256 to) private view returns (bytes memory packed) {
        for (uint256 i = from; i < to; ++i) {
            packed = bytes.concat(packed, bytes2(uint16(entries[i].length)), entries[i]);
        }
    }

    function _refusesLawLength(bytes memory entry) private {
        _refuses(abi.encodeWithSelector(ILuyaLaw.LuyaLawBadLength.selector, entry.length), entry);
    }

    function _refusesLengthsBeside(bytes memory entry, uint256 length) private {
        assertEq(entry.length, length, "the protocol's length");
        _refuses(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, length - 1),
            slice(entry, 0, length - 1)
        );
        _refuses(
            abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, length + 1),
            bytes.concat(entry, hex"00")
        );
        _refuses(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerBadLength.selector, 9), slice(entry, 0, 9));
    }

    function _refuses(bytes memory reason, bytes memory entry) private {
        vm.expectRevert(reason);
        _ledger2.importEntries(bytes.concat(bytes2(uint16(entry.length)), entry));
    }

    function _revocation(uint64 index, uint64 credits, uint64 millipoints) private view returns (bytes memory) {
        return
            abi.encodePacked(
                uint8(4),
                uint64(block.timestamp),
                index,
                uint16(5),
                keccak256("reason"),
                uint8(0),
                credits,
                millipoints,
                uint128(0)
            );
    }
}
