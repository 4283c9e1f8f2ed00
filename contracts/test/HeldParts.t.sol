// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {HeldParts} from "../libraries/HeldParts.sol";
import {LedgerSlots} from "../libraries/LedgerSlots.sol";
import {Moves} from "../libraries/Moves.sol";
import {AccountWord, AmountsWords} from "../libraries/Words.sol";
import {World} from "./support/World.sol";

/// @title What an account holds, oldest first, over the vectors that Python's postings give
contract HeldPartsTest is World {
    string private _vectors;

    function setUp() public {
        deployWorld();
        _vectors = vm.readFile("hardhat_config/redemption-vectors.json");
    }

    function oldestFirst(address account, uint256 unit, uint256 amount) external view returns (bytes memory) {
        return HeldParts.oldestFirst(ledger, account, unit, amount);
    }

    function test_TheVectors() public {
        string[] memory names = vm.parseJsonKeys(_vectors, "$.cases");
        assertTrue(names.length > 100, "many");
        uint256 refused = 0;
        for (uint256 i = 0; i < names.length; ++i) {
            address account = person(i);
            _hold(account, vm.parseJsonBytes(_vectors, _path(names[i], "held")));
            uint256 unit = vm.parseJsonUint(_vectors, _path(names[i], "unit"));
            uint256 amount = vm.parseJsonUint(_vectors, _path(names[i], "amount"));
            uint256 missing = vm.parseJsonUint(_vectors, _path(names[i], "missing"));
            if (missing != 0) {
                ++refused;
                vm.expectRevert(abi.encodeWithSelector(HeldParts.HeldPartsTooFew.selector, account, missing));
                this.oldestFirst(account, unit, amount);
            } else {
                bytes memory expected = vm.parseJsonBytes(_vectors, _path(names[i], "parts"));
                assertEq(this.oldestFirst(account, unit, amount), expected, names[i]);
            }
        }
        assertTrue(refused > 10 && refused < names.length / 2, "some of them");
    }

    /// @dev 32 parts, an entry's most; one more vintage is too many.
    function test_AsManyPartsAsAnEntryHas() public {
        bytes memory held;
        for (uint16 year = 2008; year < 2041; ++year) {
            held = abi.encodePacked(held, year, uint64(0), uint64(7));
        }
        _hold(person(0), held);
        bytes memory parts = this.oldestFirst(person(0), Moves.MILLIPOINTS, 32 * 7);
        assertEq(parts.length, 321, "length");
        assertEq(uint8(parts[0]), 32, "parts");
        assertEq(slice(parts, 311, 10), abi.encodePacked(uint16(2039), uint64(7)), "the last");
        vm.expectRevert(abi.encodeWithSelector(HeldParts.HeldPartsTooFew.selector, person(0), 1));
        this.oldestFirst(person(0), Moves.MILLIPOINTS, 32 * 7 + 1);
    }

    function test_PostingsOfAnEntrysParts() public pure {
        bytes memory entry = abi.encodePacked(
            "before",
            uint8(2),
            uint16(2025),
            uint64(5),
            uint16(2026),
            type(uint64).max,
            "behind"
        );
        assertEq(HeldParts.end(entry, 6), entry.length - 6, "end");
        uint256[] memory words = HeldParts.postings(entry, 6, Moves.REDEEM, Moves.MILLIPOINTS, person(0));
        assertEq(words.length, 2, "words");
        assertEq(words[0], Moves.word(Moves.REDEEM, Moves.MILLIPOINTS, 2025, 5, person(0)), "first");
        assertEq(words[1], Moves.word(Moves.REDEEM, Moves.MILLIPOINTS, 2026, type(uint64).max, person(0)), "second");
    }

    /// @dev Writes books into the ledger's storage: n × (year u16, credits u64, millipoints u64), ascending.
    function _hold(address account, bytes memory held) private {
        AccountWord word = AccountWord.wrap(0);
        for (uint256 at = 0; at < held.length; at += 18) {
            uint256 year = uint16(bytes2(slice(held, at, 2)));
            uint256 amounts = uint64(bytes8(slice(held, at + 2, 8)));
            amounts |= uint256(uint64(bytes8(slice(held, at + 10, 8)))) << 64;
            if (at + 18 == held.length) {
                word = word.withBalance(year, AmountsWords.pack(uint64(amounts), amounts >> 64));
            } else if (amounts != 0) {
                _store(LedgerSlots.OLDER, LedgerSlots.olderKey(account, year), amounts);
                if (word.oldest() == 0) word = word.withOldest(year);
            }
        }
        _store(LedgerSlots.ACCOUNTS, uint160(account), AccountWord.unwrap(word));
    }

    function _store(uint256 mapping_, uint256 key, uint256 value) private {
        vm.store(address(ledger), LedgerSlots.position(mapping_, key), bytes32(value));
    }

    function _path(string memory name, string memory field) private pure returns (string memory) {
        return string.concat("$.cases['", name, "'].", field);
    }
}
