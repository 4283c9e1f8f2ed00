// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ReferenceLog} from "./ReferenceLog.sol";
import {World} from "./World.sol";

/// @title Random, always valid operations on a ledger, and a second book of what must come of them
/// @notice The book is kept from events and from the protocol's text alone: entries are encoded here, amounts computed
/// here, slots counted here.
abstract contract Operator is World, ReferenceLog {
    uint256 internal constant PEOPLE = 8;
    uint16 internal constant FIRST_YEAR = 2024;
    uint16 internal constant LAST_YEAR = 2028;
    uint256 private constant _NULLIFIERS = 12;

    struct Reduction {
        uint64 index;
        address account;
        uint16 method;
        uint16 day;
        uint8 slot;
        uint8 slots;
        bool revoked;
    }

    Reduction[] internal reductions;
    uint256 internal registered;
    uint256 internal clock;
    uint256 internal slotConflicts;
    uint256 internal mintedCredits;
    uint256 internal mintedMillipoints;
    mapping(uint16 feed => uint64) internal expectedSequence;
    mapping(address account => bool) internal closed;
    mapping(bytes32 accountGroupDaySlot => bool) internal taken;
    mapping(uint256 rule => uint256) internal refusals;

    function openWorld() internal {
        deployWorld();
        clock = NOON;
        vm.recordLogs();
        sealEmpty();
        enactLaw();
        registerMany(0, 4);
        ledger.registerAccounts(registration(4, 2026));
        registered = 5;
        book();
    }

    /// @dev One random operation. Batches are half of all.
    function act(uint256 seed) internal {
        vm.warp(clock);
        vm.recordLogs();
        uint256 choice = seed % 16;
        seed = uint256(keccak256(abi.encode(seed)));
        if (choice < 8) _recordSome(seed);
        else if (choice == 8) _register(seed);
        else if (choice == 9) _freezeOrThaw(seed);
        else if (choice < 13) _revokeSome(seed);
        else if (choice == 13) _changeLaw(seed);
        else if (choice == 14) clock += bound(seed, 1 hours, 30 days);
        else _administer(seed);
        book();
    }

    // -------------------------------------------------------------------------------------------------- operations

    function _recordSome(uint256 seed) private {
        uint16 feed = seed & 3 == 0 ? TRIAL : FEED;
        uint256 count = bound(seed >> 8, 1, 6);
        bytes memory records;
        bytes memory nullifiers;
        for (uint256 i = 0; i < count; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(seed, i)));
            bytes memory item = _randomRecord(feed, dice);
            records = bytes.concat(records, item);
            if (isNullified(uint16(bytes2(slice(item, 20, 2))))) {
                nullifiers = bytes.concat(nullifiers, keccak256(abi.encode("photo", (dice >> 200) % _NULLIFIERS)));
            }
        }
        submit(feed, records, nullifiers);
    }

    function _randomRecord(uint16 feed, uint256 dice) private view returns (bytes memory) {
        address account = person(dice & 0xf0 == 0 ? dice % PEOPLE : dice % 5);
        uint256 today = (clock + 28_800) / 86_400;
        // Mostly the last days, so that claims meet; else far back, beyond the ring and the late days.
        uint256 back = (dice >> 16) % 4 != 0 ? (dice >> 20) % 3 : (dice >> 20) % 70;
        if (feed == TRIAL) back = (dice >> 20) % 700;
        uint256 day = dice & 0x1f00 == 0 ? today + 1 : today - back;
        uint256 kind = (dice >> 32) % 8;
        if (kind == 0) return recordOf(account, STEPS, day, 0, 180, bound(dice >> 40, 1, 50_000));
        if (kind == 1) return recordOf(account, PAYMENT, day, 0, 1, bound(dice >> 40, 1, 10_000));
        if (kind == 2) {
            uint8[3] memory firsts = [38, 75, 120];
            uint8[3] memory counts = [37, 37, 45];
            uint256 meal = (dice >> 60) % 3;
            return recordOf(account, MEAL, day, firsts[meal], counts[meal], bound(dice >> 40, 1, 20_000));
        }
        uint256 first = (dice >> 60) % 20;
        uint256 slots = bound(dice >> 70, 1, 10);
        uint256 most = 4_700 * (slots + 1);
        return recordOf(account, CYCLING, day, first, slots, bound(dice >> 40, 1, most < 50_000 ? most : 50_000));
    }

    function _register(uint256 seed) private {
        if (registered == PEOPLE) return;
        uint16 epoch = seed & 1 == 0 ? 2026 : 0;
        ledger.registerAccounts(registration(registered, epoch));
        ++registered;
    }

    function _freezeOrThaw(uint256 seed) private {
        address account = person(seed % registered);
        if (closed[account]) return;
        if (seed & 0xf000 == 0) {
            closed[account] = true;
            return ledger.closeAccount(account);
        }
        address[] memory one = new address[](1);
        one[0] = account;
        bool active = views.accounts(one)[0].state == 1;
        // Mostly thawed, so that most records are looked at to the end.
        if (!active) ledger.setAccountState(account, 1);
        else if (seed & 0x300 == 0) ledger.setAccountState(account, 2);
    }

    function _revokeSome(uint256 seed) private {
        if (reductions.length == 0) return;
        uint256 chosen = seed % reductions.length;
        Reduction memory reduction = reductions[chosen];
        if (reduction.revoked) return;
        bool release = (seed >> 100) & 1 == 1;
        if (release) _free(reduction);
        reductions[chosen].revoked = true;
        uint64 size = uint64(entries.length);
        bytes32[] memory proof = pathOf(reduction.index, size);
        ledger.revoke(reduction.index, size, entries[reduction.index], proof, 5, keccak256("reason"), release);
    }

    /// @dev In the book a released slot is free again, unless the ring has moved on.
    function _free(Reduction memory reduction) private {
        uint256 group = groupOf(reduction.method);
        uint256[] memory one = new uint256[](1);
        one[0] = wordKey(reduction.account, group, reduction.day);
        if (views.words(one)[0] >> 240 != reduction.day || reduction.method == PAYMENT) return;
        for (uint256 slot = reduction.slot; slot < uint256(reduction.slot) + reduction.slots; ++slot) {
            taken[keccak256(abi.encode(reduction.account, group, reduction.day, slot))] = false;
        }
    }

    function _changeLaw(uint256 seed) private {
        uint8[4] memory groups = [1, 2, 4, 9];
        uint8 group = groups[seed % 4];
        if (seed & 0x100 == 0) {
            setGroupCaps(group, uint64(bound(seed >> 16, 100_000, 2_000_000)), 1_000_000);
        } else {
            (uint64 credits, uint64 millipoints) = law.groupCaps(group);
            law.lowerGroupCaps(group, credits - credits / 8, millipoints);
        }
        if (seed & 0xe00 == 0) law.lowerFeedCaps(FEED, 100_000_000, 10_000_000);
        if (seed & 0xe00 == 0x200) setFeed(feedSettings(FEED, uint16((seed >> 32) % 64)));
    }

    function _administer(uint256 seed) private {
        if (seed & 1 == 0) {
            ledger.pause(uint64(clock + 1 hours));
            ledger.unpause();
        } else {
            ledger.setLogKey(keccak256(abi.encode(seed)));
        }
    }

    // -------------------------------------------------------------------------------------------------- second book

    function groupOf(uint16 method) internal pure returns (uint256) {
        if (method == CYCLING) return 1;
        if (method == STEPS) return 2;
        return method == MEAL ? 4 : 9;
    }

    function wordKey(address account, uint256 group, uint256 day) internal pure returns (uint256) {
        return (uint256(uint160(account)) << 16) | (group << 8) | (day % 64);
    }

    /// @dev Takes the recorded events into the book.
    function book() internal {
        Log[] memory logs = recordedLogs();
        bytes memory rules;
        for (uint256 i = 0; i < logs.length; ++i) {
            bytes32 topic = logs[i].topics[0];
            if (topic == keccak256("EntryAppended(uint64,bytes)")) {
                push(abi.decode(logs[i].data, (bytes)));
            } else if (topic == keccak256("RecordRefused(uint16,uint64,uint64,uint16)")) {
                rules = bytes.concat(rules, logs[i].topics[2], logs[i].data);
            } else if (
                topic == keccak256("BatchRecorded(uint16,uint64,uint64,uint64,bytes32,bytes,bytes,bytes32,bytes)")
            ) {
                _bookBatch(logs[i], rules);
            }
        }
    }

    function _bookBatch(Log memory log, bytes memory refused) private {
        uint16 feed = uint16(uint256(log.topics[1]));
        uint64 sequence = uint64(uint256(log.topics[2]));
        assertEq(entries.length, uint256(log.topics[3]), "first index");
        assertEq(sequence, expectedSequence[feed], "sequences are neither skipped nor repeated");
        (uint64 time, , bytes memory records, bytes memory nullifiers, , ) = abi.decode(
            log.data,
            (uint64, bytes32, bytes, bytes, bytes32, bytes)
        );
        uint256 used = 0;
        for (uint256 i = 0; i < records.length / 64; ++i) {
            bytes memory item = slice(records, 64 * i, 64);
            bytes memory own;
            if (isNullified(uint16(bytes2(slice(item, 20, 2))))) {
                own = slice(nullifiers, used, 32);
                used += 32;
            }
            bytes memory front = abi.encodePacked(time, feed, sequence);
            uint16 rule = _ruleOf(refused, entries.length);
            ++refusals[rule];
            if (rule != 0) push(abi.encodePacked(uint8(3), front, rule));
            else _bookReduction(front, item, own);
            ++sequence;
        }
        expectedSequence[feed] = sequence;
    }

    function _bookReduction(bytes memory front, bytes memory item, bytes memory own) private {
        Reduction memory reduction = Reduction({
            index: uint64(entries.length),
            account: address(bytes20(slice(item, 0, 20))),
            method: uint16(bytes2(slice(item, 20, 2))),
            day: uint16(bytes2(slice(item, 22, 2))),
            slot: uint8(item[24]),
            slots: uint8(item[25]),
            revoked: false
        });
        uint256 activity = uint32(bytes4(slice(item, 28, 4)));
        bool steps = reduction.method == STEPS;
        uint256 credits = steps ? (activity * 8_200) / 500 : activity * 48;
        uint256 millipoints = steps ? activity * 2 : (activity * 48) / 10;
        uint8 entryType = own.length == 0 ? 1 : 2;
        push(abi.encodePacked(entryType, front, item, uint64(credits), uint64(millipoints), uint64(0), own));
        reductions.push(reduction);
        mintedCredits += credits;
        mintedMillipoints += millipoints;
        if (reduction.method == PAYMENT) return;
        for (uint256 slot = reduction.slot; slot < uint256(reduction.slot) + reduction.slots; ++slot) {
            bytes32 key = keccak256(abi.encode(reduction.account, groupOf(reduction.method), reduction.day, slot));
            if (taken[key]) ++slotConflicts;
            taken[key] = true;
        }
    }

    /// @dev Refusals are (index, sequence, rule) of 32 bytes each.
    function _ruleOf(bytes memory refused, uint256 index) private pure returns (uint16) {
        for (uint256 at = 0; at < refused.length; at += 96) {
            if (uint256(bytes32(slice(refused, at, 32))) == index) {
                return uint16(uint256(bytes32(slice(refused, at + 64, 32))));
            }
        }
        return 0;
    }
}
