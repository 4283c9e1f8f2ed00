// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC1155MetadataURI} from "@openzeppelin/contracts/token/ERC1155/extensions/IERC1155MetadataURI.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {ILuyaLedger} from "../interfaces/ILuyaLedger.sol";
import {World} from "./support/World.sol";

/// @title Balances as an ERC-1155 reader sees them
contract LedgerBalancesTest is World {
    address private _person;

    function setUp() public {
        deployWorld();
        sealEmpty();
        enactLaw();
        registerMany(0, 2);
        _person = person(0);
        submit(TRIAL, recordOf(_person, CYCLING, 20_453, 10, 2, 1_000), ""); // 2025
        submit(TRIAL, recordOf(_person, CYCLING, 20_460, 10, 2, 500), ""); // 2026
        submit(TRIAL, recordOf(_person, CYCLING, 20_453, 20, 2, 100), ""); // 2025 again, an older vintage now
    }

    function test_BalanceOf() public view {
        assertEq(ledger.balanceOf(_person, 12_025), 52_800, "credits 2025");
        assertEq(ledger.balanceOf(_person, 12_026), 24_000, "credits 2026");
        assertEq(ledger.balanceOf(_person, 22_025), 5_280, "points 2025");
        assertEq(ledger.balanceOf(_person, 22_026), 2_400, "points 2026");
        assertEq(ledger.balanceOf(person(1), 12_026), 0, "another person");
    }

    function test_OtherIdsAreEmpty() public view {
        uint256[10] memory ids = [
            uint256(0),
            2_026,
            10_000,
            12_024,
            20_000,
            19_999,
            22_024,
            30_000,
            65_536 + 12_026,
            type(uint256).max
        ];
        for (uint256 i = 0; i < ids.length; ++i) {
            assertEq(ledger.balanceOf(_person, ids[i]), 0, vm.toString(ids[i]));
        }
    }

    function test_BalanceOfBatch() public {
        address[] memory accounts = new address[](2);
        uint256[] memory ids = new uint256[](2);
        (accounts[0], accounts[1]) = (_person, _person);
        (ids[0], ids[1]) = (12_025, 22_026);
        uint256[] memory amounts = ledger.balanceOfBatch(accounts, ids);
        assertEq(amounts[0], 52_800, "first");
        assertEq(amounts[1], 2_400, "second");
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerLengthsDiffer.selector, 2, 1));
        ledger.balanceOfBatch(accounts, new uint256[](1));
    }

    function test_NotTransferable() public {
        uint256[] memory one = new uint256[](1);
        vm.expectRevert(ILuyaLedger.LuyaLedgerNotTransferable.selector);
        vm.prank(_person);
        ledger.safeTransferFrom(_person, person(1), 12_026, 1, "");
        vm.expectRevert(ILuyaLedger.LuyaLedgerNotTransferable.selector);
        vm.prank(_person);
        ledger.safeBatchTransferFrom(_person, person(1), one, one, "");
        vm.expectRevert(ILuyaLedger.LuyaLedgerNotTransferable.selector);
        vm.prank(_person);
        ledger.setApprovalForAll(person(1), true);
        assertTrue(!ledger.isApprovedForAll(_person, _person), "no approvals");
    }

    function test_Metadata() public view {
        assertEq(bytes(ledger.uri(12_026)), bytes("https://luya.test/{id}.json"), "uri");
        assertTrue(ledger.supportsInterface(type(IERC165).interfaceId), "ERC-165");
        assertTrue(ledger.supportsInterface(type(IERC1155).interfaceId), "ERC-1155");
        assertTrue(ledger.supportsInterface(type(IERC1155MetadataURI).interfaceId), "metadata");
        assertTrue(!ledger.supportsInterface(0xffffffff), "nothing else");
    }

    function test_TotalsDoNotOverflow() public {
        bytes32 slot = keccak256(abi.encode(uint256(2026), uint256(9)));
        vm.store(address(ledger), slot, bytes32((uint256(3) << 62) - 47_999));
        uint64 sequence = ledger.nextSequence(FEED);
        bytes memory item = recordOf(_person, CYCLING, TODAY, 10, 2, 1_000);
        bytes memory signatures = quorum(digestOf(FEED, sequence, item, ""));
        vm.expectRevert(abi.encodeWithSelector(ILuyaLedger.LuyaLedgerTotalOverflow.selector, 2026));
        ledger.record(FEED, sequence, item, "", CONFIG, signatures);
        vm.store(address(ledger), slot, bytes32((uint256(3) << 62) - 48_000));
        ledger.record(FEED, sequence, item, "", CONFIG, signatures);
    }
}
