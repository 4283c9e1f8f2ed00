// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {BurnOrder} from "../libraries/BurnOrder.sol";
import {Calendar} from "../libraries/Calendar.sol";
import {EntryLayout} from "../libraries/EntryLayout.sol";
import {KeccakTree} from "../libraries/KeccakTree.sol";
import {Method, Methods} from "../libraries/Methods.sol";
import {RecordHead} from "../libraries/RecordHead.sol";
import {Rfc6962} from "../libraries/Rfc6962.sol";
import {
    AmountsWord,
    AmountsWords,
    AccountWord,
    FeedWord,
    FeedWords,
    SlotWord,
    SlotWords,
    TotalsWord
} from "../libraries/Words.sol";
import {ReferenceLog} from "./support/ReferenceLog.sol";
import {ReferenceTree} from "./support/ReferenceTree.sol";
import {Test} from "./support/Test.sol";

/// @title The calendar against a walk from year to year
contract CalendarTest is Test {
    function test_EveryDayOfSixteenBits() public pure {
        uint256 year = 1970;
        uint256 start = 0;
        for (uint256 day = 0; day < 65_536; ++day) {
            uint256 length = _isLeap(year) ? 366 : 365;
            if (day == start + length) {
                start = day;
                ++year;
                assertEq(Calendar.firstDayOf(year), start, "first day");
            }
            if (day % 7 == 0 || day - start < 2 || day - start > 362) assertEq(Calendar.yearOf(day), year, "year");
        }
        assertEq(year, 2149, "the last day's year");
    }

    function test_DaysBeginAtUtcPlus8() public pure {
        assertEq(Calendar.dayOf(1_767_196_799), 20_453, "2025-12-31 23:59:59");
        assertEq(Calendar.dayOf(1_767_196_800), 20_454, "2026-01-01 00:00:00");
        assertEq(Calendar.FIRST_DAY, Calendar.firstDayOf(2008), "2008-01-01");
    }

    function test_VintagesCloseOn5March() public pure {
        for (uint256 year = 1972; year < 2149; ++year) {
            uint256 fifth = Calendar.firstDayOf(year) + 63 + (_isLeap(year) ? 1 : 0);
            assertEq(Calendar.firstOpenDay(fifth - 1), Calendar.firstDayOf(year - 1), "4 March");
            assertEq(Calendar.firstOpenDay(fifth), Calendar.firstDayOf(year), "5 March");
            assertEq(
                Calendar.firstOpenDay(Calendar.firstDayOf(year + 1) - 1),
                Calendar.firstDayOf(year),
                "31 December"
            );
        }
    }

    function _isLeap(uint256 year) private pure returns (bool) {
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    }
}

/// @title The log's edge against RFC 6962's recursive definition
contract Rfc6962Test is Test, ReferenceLog {
    using Rfc6962 for Rfc6962.Edge;

    function test_KnownAnswers() public view {
        // The eight leaves of the Certificate Transparency reference implementation's tests.
        bytes[8] memory leaves = [
            bytes(""),
            hex"00",
            hex"10",
            hex"2021",
            hex"3031",
            hex"40414243",
            hex"5051525354555657",
            hex"606162636465666768696a6b6c6d6e6f"
        ];
        bytes32[8] memory roots = [
            bytes32(0x6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d),
            0xfac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125,
            0xaeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77,
            0xd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7,
            0x4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4,
            0x76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef,
            0xddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c,
            0x5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328
        ];
        Rfc6962.Edge memory edge = Rfc6962.open(0);
        assertEq(edge.root(), sha256(""), "empty");
        for (uint256 i = 0; i < 8; ++i) {
            edge.append(Rfc6962.leaf(leaves[i]));
            assertEq(edge.root(), roots[i], "root");
        }
    }

    function test_EverySizeUpTo130() public {
        Rfc6962.Edge memory edge = Rfc6962.open(0);
        for (uint256 size = 1; size <= 130; ++size) {
            bytes memory entry = abi.encode("entry", size);
            push(entry);
            edge.append(Rfc6962.leaf(entry));
            assertEq(edge.root(), rootOf(size), "root");
            assertEq(entry, abi.encode("entry", size), "the entry is as it was");
        }
    }

    function testFuzz_InclusionProofs(uint256 seed) public {
        uint256 size = bound(seed, 1, 70);
        uint256 index = bound(seed >> 64, 0, size - 1);
        for (uint256 i = 0; i < size; ++i) {
            push(abi.encode(seed, i));
        }
        bytes32 root = rootOf(size);
        bytes32[] memory proof = pathOf(index, size);
        bytes32 leaf = sha256(abi.encodePacked(uint8(0), entries[index]));
        assertTrue(this.verify(leaf, index, size, proof, root), "true proof");
        assertTrue(!this.verify(leaf, index + 1, size, proof, root), "another index");
        assertTrue(!this.verify(leaf, index, size, proof, keccak256("root")), "another root");
        assertTrue(!this.verify(keccak256("leaf"), index, size, proof, root), "another leaf");
        assertTrue(!this.verify(leaf, size, size, proof, root), "beyond the end");
        if (proof.length == 0) return;
        uint256 at = (seed >> 128) % proof.length;
        proof[at] ^= bytes32(uint256(1));
        assertTrue(!this.verify(leaf, index, size, proof, root), "a changed bit");
        proof[at] ^= bytes32(uint256(1));
        assertTrue(!this.verify(leaf, index, size, _resize(proof, proof.length - 1), root), "too short");
        assertTrue(!this.verify(leaf, index, size, _resize(proof, proof.length + 1), root), "too long");
    }

    function verify(
        bytes32 leaf,
        uint256 index,
        uint256 size,
        bytes32[] calldata proof,
        bytes32 root
    ) external pure returns (bool) {
        return Rfc6962.verify(leaf, index, size, proof, root);
    }

    function _resize(bytes32[] memory list, uint256 length) private pure returns (bytes32[] memory other) {
        other = new bytes32[](length);
        for (uint256 i = 0; i < length && i < list.length; ++i) {
            other[i] = list[i];
        }
    }
}

/// @title The records' tree against RFC 6962's recursive definition
contract KeccakTreeTest is Test {
    function test_EverySizeUpTo70() public view {
        for (uint256 count = 1; count <= 70; ++count) {
            bytes memory records = new bytes(64 * count);
            for (uint256 i = 0; i < records.length; ++i) {
                records[i] = bytes1(uint8(uint256(keccak256(abi.encode(count, i)))));
            }
            this.check(records, abi.encodePacked(keccak256(abi.encode(count))));
        }
    }

    /// @dev Every third record has the nullifier.
    function check(bytes calldata records, bytes calldata nullifier) external pure {
        bytes32[] memory leaves = new bytes32[](records.length / 64);
        bytes[] memory expected = new bytes[](leaves.length);
        uint256 buffer;
        uint256 place;
        uint256 position;
        uint256 nullifierPosition;
        assembly ("memory-safe") {
            buffer := mload(0x40)
            mstore(0x40, add(buffer, 128))
            mstore8(buffer, 0)
            place := add(leaves, 32)
            position := records.offset
            nullifierPosition := nullifier.offset
        }
        for (uint256 i = 0; i < leaves.length; ++i) {
            bool with = i % 3 == 0;
            KeccakTree.writeLeaf(place + 32 * i, buffer, position + 64 * i, nullifierPosition, with ? 32 : 0);
            bytes memory item = records[64 * i:64 * (i + 1)];
            expected[i] = with ? bytes.concat(item, nullifier) : item;
        }
        assertEq(KeccakTree.root(leaves, buffer), ReferenceTree.keccakRoot(expected), "root");
    }
}

/// @title Words hold their fields apart
contract WordsTest is Test {
    function testFuzz_SlotWord(uint16 day, uint256 seed) public pure {
        uint256 count = bound(seed, 1, 180);
        uint256 first = bound(seed >> 16, 0, 180 - count);
        uint256 credits = bound(seed >> 32, 0, (1 << 30) - 1);
        uint256 millipoints = bound(seed >> 96, 0, (1 << 30) - 1);
        SlotWord word = SlotWord.wrap(0).onDay(day);
        uint256 mask = ((1 << count) - 1) << first;
        SlotWord claimed = word.claim(mask, credits, millipoints);
        assertEq(claimed.day(), day, "day");
        assertEq(claimed.credits(), credits, "credits");
        assertEq(claimed.millipoints(), millipoints, "points");
        assertEq(claimed.slots(), mask, "slots");
        assertTrue(SlotWord.unwrap(claimed.onDay(day)) == SlotWord.unwrap(claimed), "same day");
        SlotWord freed = claimed.release(mask, credits, millipoints);
        assertEq(SlotWord.unwrap(freed), uint256(day) << 240, "released");
        uint256 most = (1 << 30) - 1;
        assertTrue(claimed.refuses(mask, 0, 0, most, most), "overlap");
        assertTrue(!claimed.refuses(0, most - credits, most - millipoints, most, most), "up to the caps");
        assertTrue(claimed.refuses(0, most - credits + 1, 0, most, most), "credits beyond");
        assertTrue(claimed.refuses(0, 0, most - millipoints + 1, most, most), "points beyond");
        assertTrue(claimed.refuses(0, 1 << 95, 0, most, most), "far beyond");
    }

    function testFuzz_SlotKeys(uint160 account, uint8 group, uint16 day) public pure {
        uint256 key = SlotWords.key(account, group, day);
        assertEq(key >> 16, account, "account");
        assertEq((key >> 8) & 0xff, group, "group");
        assertEq(key & 0xff, day % 64, "place");
    }

    function testFuzz_AccountWord(
        uint64 credits,
        uint64 millipoints,
        uint16 year,
        uint16 epoch,
        uint16 district,
        uint8 state
    ) public pure {
        AccountWord word = AccountWord.wrap(0).withIdentity(epoch, district, state);
        word = word.withBalance(year, AmountsWords.pack(credits, millipoints)).withDebt(true);
        assertEq(word.credits(), credits, "credits");
        assertEq(word.millipoints(), millipoints, "points");
        assertEq(word.vintage(), year, "year");
        assertEq(word.epoch(), epoch, "epoch");
        assertEq(word.district(), district, "district");
        assertEq(word.state(), state, "state");
        assertTrue(word.hasDebt(), "debt");
        assertTrue(!word.isPlainlyOf(year), "debt is not plain");
        AccountWord free = word.withDebt(false);
        assertTrue(free.isPlainlyOf(year), "plain");
        assertTrue(!free.hasDebt(), "no debt");
        assertTrue(free.isPlainlyActive() == (state == 1 && epoch == 0), "active");
        AccountWord other = word.withIdentity(1, 2, 3);
        assertEq(other.credits(), credits, "balances stay");
        assertEq(other.epoch() * 1e6 + other.district() * 1e3 + other.state(), 1_002_003, "identity changes");
    }

    /// @dev Every vintage in a byte, beside all other fields; 0 is none.
    function testFuzz_OldestVintage(uint256 raw, uint256 seed) public pure {
        uint256 year = bound(seed, Calendar.FIRST_VINTAGE, Calendar.LAST_VINTAGE);
        AccountWord before = AccountWord.wrap(raw & ~(uint256(type(uint8).max) << 185));
        AccountWord word = before.withOldest(year);
        assertEq(word.oldest(), year, "year");
        assertEq(AccountWord.unwrap(word.withOldest(0)), AccountWord.unwrap(before), "none, and nothing else changes");
        assertEq(word.withOldest(0).oldest(), 0, "none");
        assertEq(word.withOldest(Calendar.FIRST_VINTAGE).oldest(), Calendar.FIRST_VINTAGE, "the first, over another");
    }

    function testFuzz_FeedWord(uint64 sequence, uint64 credits, uint64 millipoints, uint16 day) public pure {
        FeedWord word = FeedWords.pack(sequence, credits, millipoints, day);
        assertEq(word.nextSequence(), sequence, "sequence");
        assertEq(word.credits(), credits, "credits");
        assertEq(word.millipoints(), millipoints, "points");
        assertEq(word.capDay(), day, "day");
    }

    /// @dev Each field alone is filled up to its bound, and no further.
    function testFuzz_TotalsWord(uint256 a, uint256 b, uint64 burned, uint64 burnedPoints) public pure {
        uint256 most = 3 << 62;
        AmountsWord given = AmountsWords.pack(bound(a, 0, most), bound(b, 0, most));
        TotalsWord word = TotalsWord.wrap(0).mint(given).revoke(AmountsWords.pack(burned, burnedPoints));
        assertEq(AmountsWord.unwrap(word.minted()), AmountsWord.unwrap(given), "minted");
        assertEq(word.revoked().credits(), burned, "revoked");
        assertEq(word.revoked().millipoints(), burnedPoints, "revoked points");
        (uint256 credits, uint256 millipoints) = (most - given.credits(), most - given.millipoints());
        assertTrue(word.fits(credits, millipoints), "up to the bound");
        assertTrue(!word.fits(credits + 1, 0), "credits beyond");
        assertTrue(!word.fits(0, millipoints + 1), "points beyond");
        TotalsWord twice = word.revoke(AmountsWords.pack(0, 0)).mint(AmountsWords.pack(0, 0));
        assertEq(TotalsWord.unwrap(twice), TotalsWord.unwrap(word), "nothing adds nothing");
    }

    function testFuzz_Amounts(uint64 a, uint64 b, uint64 c, uint64 d) public pure {
        AmountsWord left = AmountsWords.pack(a, b);
        AmountsWord small = left.min(AmountsWords.pack(c, d));
        assertEq(small.credits(), a < c ? a : c, "smaller credits");
        assertEq(small.millipoints(), b < d ? b : d, "smaller points");
        AmountsWord rest = left.minus(small);
        assertEq(rest.credits(), a - small.credits(), "difference");
        assertEq(rest.millipoints(), b - small.millipoints(), "difference");
        assertEq(AmountsWord.unwrap(rest.plus(small)), AmountsWord.unwrap(left), "sum");
    }
}

/// @title A method's terms
contract MethodsTest is Test {
    function test_NoEntryIsNoMethod() public pure {
        bytes memory none = new bytes(0);
        bytes memory behind = abi.encodePacked(new bytes(9), uint16(77), type(uint256).max, type(uint256).max);
        assertTrue(Methods.parse(none, 1, 1, true, Methods.NONE).isNone(), "none");
        assertTrue(!Methods.parse(behind, 1, 1, true, Methods.NONE).isNone(), "some");
        assertEq(Methods.parse(behind, 1, 1, true, Methods.NONE).id(), 77, "id");
    }

    /// @dev Every first slot with every count that fits: just those slots; none where the method claims none.
    function test_AMaskIsTheRecordsSlots() public pure {
        Method free = Methods.parse(_entry(hex"00"), 1, 1, true, Methods.NONE);
        Method none = Methods.parse(_entry(hex"ff"), 1, 1, true, Methods.NONE);
        for (uint256 first = 0; first < 180; ++first) {
            uint256 expected = 0;
            for (uint256 count = 1; first + count <= 180; ++count) {
                expected |= 1 << (first + count - 1);
                RecordHead head = RecordHead.wrap(
                    (first << EntryLayout.RECORD_SLOT_SHIFT) | (count << EntryLayout.RECORD_SLOTS_SHIFT)
                );
                if (free.mask(head) != expected) revert Unequal("mask", free.mask(head), expected);
                if (none.mask(head) != 0) revert Unequal("no slots", none.mask(head), 0);
            }
        }
    }

    /// @dev A method's entry (0x43) with this window rule.
    function _entry(bytes memory window) private pure returns (bytes memory) {
        bytes memory front = abi.encodePacked(uint8(0x43), uint64(1), uint16(7), uint16(7), uint8(1));
        bytes memory worth = abi.encodePacked(uint64(1), uint64(1), uint64(1), uint64(1), uint32(1), uint32(0));
        return abi.encodePacked(front, worth, window, uint16(0), uint16(0), uint8(0), bytes32(0));
    }
}

/// @title The order of a revocation
contract BurnOrderTest is Test {
    /// @dev Every year once, the record's own first, then descending, then nothing.
    function testFuzz_EachVintageOnce(uint256 a, uint256 b) public pure {
        uint256 own = bound(a, Calendar.FIRST_VINTAGE, 2150);
        uint256 newest = bound(b, Calendar.FIRST_VINTAGE, 2150);
        assertEq(BurnOrder.revoked(0, own, newest), own, "own");
        uint256 position = 1;
        for (uint256 year = newest; year >= Calendar.FIRST_VINTAGE; --year) {
            if (year != own) assertEq(BurnOrder.revoked(position++, own, newest), year, "next");
        }
        assertEq(BurnOrder.revoked(position, own, newest), 0, "end");
    }
}
