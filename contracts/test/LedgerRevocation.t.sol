// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaLedger} from "../interfaces/ILuyaLedger.sol";
import {ILuyaViews} from "../interfaces/ILuyaViews.sol";
import {Operator} from "./support/Operator.sol";

/// @title Revocation: what it burns, what it owes, what it frees
contract LedgerRevocationTest is Operator {
    address private _person;

    function setUp() public {
        openWorld();
        _person = person(0);
    }

    function test_BurnsTheVintage() public {
        uint64 index = _earn(TODAY, 10, 1_000);
        _earn(TODAY, 20, 500);
        vm.recordLogs();
        _revokeUnbooked(index, false);
        Log[] memory logs = recordedLogs();
        bytes memory entry = abi.encodePacked(
            uint8(4),
            uint64(block.timestamp),
            index,
            uint16(5),
            keccak256("reason"),
            uint8(0),
            uint64(48_000),
            uint64(4_800),
            uint64(0),
            uint64(0)
        );
        assertEq(abi.decode(logs[1].data, (bytes)), entry, "entry");
        assertEq(entry.length, 84, "length");
        assertEq(logs[0].topics[0], keccak256("TransferBatch(address,address,address,uint256[],uint256[])"), "burn");
        assertEq(address(uint160(uint256(logs[0].topics[2]))), _person, "from");
        assertEq(logs[0].topics[3], bytes32(0), "to");
        assertEq(ledger.balanceOf(_person, 12_026), 24_000, "credits");
        assertEq(ledger.balanceOf(_person, 22_026), 2_400, "points");
        ILuyaViews.TotalsView memory totals = _totals(2026);
        assertEq(totals.creditsMinted, 72_000, "minted");
        assertEq(totals.creditsRevoked, 48_000, "revoked");
        assertEq(totals.millipointsRevoked, 4_800, "revoked points");
    }

    function test_BurnsNewestFirst() public {
        uint64 first = _trial(20_000, 1_000); // 2024
        _trial(20_100, 400); // 2025
        _trial(20_460, 500); // 2026
        vm.store(address(ledger), _slotOf(4, (uint256(uint160(_person)) << 16) | 2024), bytes32(0));
        _revoke(first, false);
        assertEq(ledger.balanceOf(_person, 12_026), 0, "2026 gives 24,000");
        assertEq(ledger.balanceOf(_person, 12_025), 0, "2025 gives 19,200");
        assertEq(_totals(2024).creditsRevoked, 0, "2024 had none");
        assertEq(_totals(2025).creditsRevoked, 19_200, "2025");
        assertEq(_totals(2026).creditsRevoked, 24_000, "2026");
        assertEq(_account().creditsDebt, 48_000 - 43_200, "debt");
    }

    function test_OnlyOnce() public {
        uint64 index = _earn(TODAY, 10, 1_000);
        _revoke(index, false);
        _refuses(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerAlreadyRevoked.selector, index), index);
        uint64[] memory one = new uint64[](2);
        (one[0], one[1]) = (index, index + 1);
        assertTrue(views.revoked(one)[0] && !views.revoked(one)[1], "marked");
    }

    function test_WithoutReleaseNothingIsFree() public {
        uint64 index = _earn(TODAY, 10, 1_000);
        _revoke(index, false);
        assertEq(outcome(recordOf(_person, CYCLING, TODAY, 10, 2, 10)), 13, "slots stay used");
    }

    function test_ReleaseFreesSlotsCapsAndNullifier() public {
        bytes memory nullifier = abi.encodePacked(keccak256("photo"));
        bytes memory meal = recordOf(_person, MEAL, TODAY, 38, 37, 1_000);
        uint64 index = _submit(FEED, meal, nullifier);
        assertEq(uint8(entries[index][0]), 2, "with nullifier");
        _revoke(index, true);
        assertEq(_word(4, TODAY), uint256(TODAY) << 240, "the word is of the day, empty");
        assertEq(outcome(FEED, meal, nullifier), 0, "may be claimed again");
    }

    function test_ReleaseLeavesAWordThatMovedOn() public {
        uint64 index = _trial(TODAY - 64, 1_000);
        _earn(TODAY, 10, 500);
        uint256 before = _word(1, TODAY);
        _revoke(index, true);
        assertEq(_word(1, TODAY), before, "word");
    }

    /// @dev Spending is not built yet, so a balance is taken away in storage.
    function test_BurnsOtherVintagesThenOwes() public {
        uint64 first = _earn(TODAY, 10, 1_000); // 48,000 mg and 4,800 in 2026
        _trial(20_100, 500); // 24,000 mg and 2,400 in 2025
        _setBalanceOfNewest(10_000, 1_000);
        _revoke(first, false);
        bytes memory entry = entries[entries.length - 1];
        assertEq(uint64(bytes8(slice(entry, 52, 8))), 34_000, "burned: 10,000 of 2026, then 24,000 of 2025");
        assertEq(uint64(bytes8(slice(entry, 60, 8))), 3_400, "burned points");
        assertEq(uint64(bytes8(slice(entry, 68, 8))), 14_000, "owed");
        assertEq(uint64(bytes8(slice(entry, 76, 8))), 1_400, "owed points");
        assertEq(_account().creditsDebt, 14_000, "debt");
        assertEq(_totals(2025).creditsRevoked, 24_000, "2025 gave all it had");

        // The next mint meets a part, the one after the rest.
        vm.recordLogs();
        submit(FEED, recordOf(_person, CYCLING, TODAY, 30, 2, 100), "");
        Log[] memory logs = recordedLogs();
        assertEq(logs[2].topics[0], ILuyaLedger.DebtSettled.selector, "event");
        assertEq(logs[2].data, abi.encode(uint16(2026), uint64(4_800), uint64(480)), "settled");
        assertEq(ledger.balanceOf(_person, 12_026), 0, "nothing left");
        assertEq(_account().creditsDebt, 9_200, "debt");
        submit(FEED, recordOf(_person, CYCLING, TODAY, 40, 2, 1_000), "");
        assertEq(ledger.balanceOf(_person, 12_026), 48_000 - 9_200, "the rest is theirs");
        assertEq(ledger.balanceOf(_person, 22_026), 4_800 - 920, "points");
        assertEq(_account().creditsDebt, 0, "debt");
        assertEq(_totals(2026).creditsRevoked, 10_000 + 4_800 + 9_200, "what was met counts as revoked");
        assertEq(_totals(2026).millipointsRevoked, 1_000 + 480 + 920, "points too");
        submit(FEED, recordOf(_person, CYCLING, TODAY, 50, 2, 100), "");
        assertEq(ledger.balanceOf(_person, 12_026), 48_000 - 9_200 + 4_800, "no debt any more");
    }

    function test_RefusesAWrongProof() public {
        uint64 index = _earn(TODAY, 10, 1_000);
        uint64 size = ledger.logSize();
        bytes32[] memory proof = pathOf(index, size);
        bytes memory entry = entries[index];
        _refusesProof(index + 1, size, entry, proof);
        _refusesProof(index, size - 1, entry, proof);
        _refusesProof(index, size + 1, entry, proof);
        _refusesProof(index, size, entry, new bytes32[](proof.length));
        _refusesProof(index, size, entry, new bytes32[](0));
        entry[90] = 0x01;
        _refusesProof(index, size, entry, proof);
    }

    function test_RefusesOtherEntries() public {
        uint64 index = uint64(entries.length - 1); // an account
        assertEq(uint8(entries[index][0]), 0x40, "an account");
        _refuses(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerNotAReduction.selector, index), index);
    }

    function test_OldRootsServeToo() public {
        uint64 index = _earn(TODAY, 10, 1_000);
        uint64 size = ledger.logSize();
        bytes32[] memory proof = pathOf(index, size);
        _earn(TODAY, 20, 1_000);
        _earn(TODAY, 30, 1_000);
        ledger.revoke(index, size, entries[index], proof, 5, keccak256("reason"), true);
        assertEq(ledger.balanceOf(_person, 12_026), 96_000, "credits");
    }

    // ----------------------------------------------------------------------------------------------------- helpers

    function _earn(uint256 day, uint256 slot, uint256 activity) private returns (uint64) {
        return _submit(FEED, recordOf(_person, CYCLING, day, slot, 2, activity), "");
    }

    function _trial(uint256 day, uint256 activity) private returns (uint64) {
        return _submit(TRIAL, recordOf(_person, CYCLING, day, 10, 20, activity), "");
    }

    function _submit(uint16 feed, bytes memory item, bytes memory nullifiers) private returns (uint64) {
        vm.recordLogs();
        submit(feed, item, nullifiers);
        book();
        return reductions[reductions.length - 1].index;
    }

    function _revoke(uint64 index, bool release) private {
        vm.recordLogs();
        _revokeUnbooked(index, release);
        book();
    }

    function _revokeUnbooked(uint64 index, bool release) private {
        uint64 size = uint64(entries.length);
        bytes32[] memory proof = pathOf(index, size);
        ledger.revoke(index, size, entries[index], proof, 5, keccak256("reason"), release);
    }

    function _refuses(bytes memory reason, uint64 index) private {
        uint64 size = uint64(entries.length);
        bytes32[] memory proof = pathOf(index, size);
        bytes memory target = entries[index];
        vm.expectRevert(reason);
        ledger.revoke(index, size, target, proof, 5, keccak256("reason"), false);
    }

    function _refusesProof(uint64 index, uint64 size, bytes memory entry, bytes32[] memory proof) private {
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerProofInvalid.selector, index, size));
        ledger.revoke(index, size, entry, proof, 5, keccak256("reason"), false);
    }

    function _setBalanceOfNewest(uint256 credits, uint256 millipoints) private {
        bytes32 slot = _slotOf(3, uint256(uint160(_person)));
        uint256 word = uint256(vm.load(address(ledger), slot));
        vm.store(address(ledger), slot, bytes32(((word >> 128) << 128) | (millipoints << 64) | credits));
    }

    /// @dev Position of a mapping's value, by the layout in the documentation.
    function _slotOf(uint256 mapping_, uint256 key) private pure returns (bytes32) {
        return keccak256(abi.encode(key, mapping_));
    }

    function _word(uint256 group, uint256 day) private view returns (uint256) {
        uint256[] memory one = new uint256[](1);
        one[0] = wordKey(_person, group, day);
        return views.words(one)[0];
    }

    function _totals(uint16 year) private view returns (ILuyaViews.TotalsView memory) {
        uint16[] memory one = new uint16[](1);
        one[0] = year;
        return views.totals(one)[0];
    }

    function _account() private view returns (ILuyaViews.AccountView memory) {
        address[] memory one = new address[](1);
        one[0] = _person;
        return views.accounts(one)[0];
    }
}
