// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {console} from "hardhat/console.sol";
import {World} from "./support/World.sol";

/// @title Gas of a record in a batch of 200, as whole transactions: calldata, 2-of-3 signatures, log, events
/// @notice Runs isolated (every call from the test is a transaction of its own). The snapshot is compared by the
/// toolchain; the marks are held here.
/// hardhat-config: isolate = true
contract GasTest is World {
    uint256 private constant _COUNT = 200;

    bytes private _records;
    bytes private _nullifiers;

    function setUp() public {
        deployWorld();
        sealEmpty();
        enactLaw();
        registerMany(0, 100);
        registerMany(100, 100);
    }

    function test_FirstRecordEver() public {
        _fill(CYCLING, TODAY - 70, 0, 1);
        _measure("first record ever", 39_000);
    }

    function test_NewDayFirstLap() public {
        _fill(CYCLING, TODAY - 2, 0, 1);
        _run();
        _fill(CYCLING, TODAY - 1, 0, 1);
        _measure("new day, first lap of the ring", 38_000);
    }

    function test_NewDayFirstLapNullifier() public {
        _fill(PAYMENT, TODAY - 2, 0, 1);
        _run();
        _fill(PAYMENT, TODAY - 1, 0, 1);
        _measure("new day, first lap of the ring, nullifier", 61_000);
    }

    function test_WordsInUse() public {
        _fill(CYCLING, TODAY - 1, 0, 1);
        _run();
        _fill(CYCLING, TODAY - 1, 10, 1);
        _measure("words in use", 20_500);
    }

    function test_WordsInUseNullifier() public {
        _fill(PAYMENT, TODAY - 1, 0, 1);
        _run();
        _fill(PAYMENT, TODAY - 1, 10, 1);
        _measure("words in use, nullifier", 44_000);
    }

    function test_FourOfAnAccount() public {
        _fill(CYCLING, TODAY - 1, 0, 1);
        _run();
        _fill(CYCLING, TODAY - 1, 10, 4);
        _measure("four records of an account, words in use", 13_000);
    }

    /// @dev The gas of a record does not grow with the log: within 5 % from 10,000 entries to 300,000 and beyond. The
    /// log is made that long by planting its size and edge; the worst size, all ones, is among them.
    function test_FlatInTheLogsSize() public {
        uint24[6] memory sizes = [10_000, 16_383, 100_000, 262_143, 300_000, 1_048_575];
        uint256 least = type(uint256).max;
        uint256 most = 0;
        _fill(CYCLING, TODAY - 1, 0, 1);
        _run();
        for (uint256 i = 0; i < sizes.length; ++i) {
            _plantLog(sizes[i]);
            _fill(CYCLING, TODAY - 1, 10 + 3 * i, 1);
            uint256 used = _run() / _COUNT;
            console.log(string.concat("flat/", vm.toString(sizes[i])), used);
            if (used < least) least = used;
            if (used > most) most = used;
        }
        assertTrue(most * 100 <= least * 105, "within 5 %");
        assertTrue(most <= 20_500, "and within the mark");
    }

    function test_Refused() public {
        _fill(CYCLING, TODAY - 1, 0, 1);
        _run();
        _measure("refused: overlap", 14_000);
    }

    /// @dev Size u64 at the bottom of slot 0, the edge's 48 words from slot 16.
    function _plantLog(uint256 size) private {
        bytes32 head = vm.load(address(ledger), bytes32(0));
        vm.store(address(ledger), bytes32(0), bytes32(((uint256(head) >> 64) << 64) | size));
        for (uint256 level = 0; level < 24; ++level) {
            bytes32 node = keccak256(abi.encode("node", size, level));
            if ((size >> level) & 1 == 1) vm.store(address(ledger), bytes32(16 + level), node);
        }
    }

    /// @dev 200 records of 200 / `each` people.
    function _fill(uint16 method, uint256 day, uint256 slot, uint256 each) private {
        if (day < TODAY - 63) day = TODAY - 63;
        bytes[] memory parts = new bytes[](_COUNT);
        bytes[] memory own = new bytes[](_COUNT);
        for (uint256 i = 0; i < _COUNT; ++i) {
            uint256 at = slot + 3 * (i % each);
            parts[i] = recordOf(person(i / each), method, day, at, 2, 1_234);
            if (isNullified(method)) own[i] = abi.encodePacked(keccak256(abi.encode(day, slot, i)));
        }
        _records = _join(parts);
        _nullifiers = _join(own);
    }

    function _run() private returns (uint256) {
        bytes memory records = _records;
        bytes memory nullifiers = _nullifiers;
        uint64 sequence = ledger.nextSequence(FEED);
        bytes memory signatures = quorum(digestOf(FEED, sequence, records, nullifiers));
        ledger.record(FEED, sequence, records, nullifiers, CONFIG, signatures);
        return vm.lastCallGas().gasTotalUsed;
    }

    /// @dev Prints the gas of a record, holds it to the mark, and compares it with the committed snapshot.
    function _measure(string memory name, uint256 mark) private {
        uint256 used = _run() / _COUNT;
        console.log(string.concat("gas/", name), used);
        assertTrue(used <= mark, string.concat(name, ": gas ", vm.toString(used)));
        if (!vm.envOr("LUYA_GAS_WRITE", false)) assertEq(used, _snapshot(name), name);
    }

    function _snapshot(string memory name) private view returns (uint256) {
        string memory path = string.concat("$.gas_per_record['", name, "']");
        return vm.parseJsonUint(vm.readFile("hardhat_config/gas-snapshot.json"), path);
    }

    function _join(bytes[] memory parts) private pure returns (bytes memory joined) {
        uint256 length = 0;
        for (uint256 i = 0; i < parts.length; ++i) {
            length += parts[i].length;
        }
        joined = new bytes(length);
        uint256 at = 0;
        for (uint256 i = 0; i < parts.length; ++i) {
            for (uint256 j = 0; j < parts[i].length; ++j) {
                joined[at++] = parts[i][j];
            }
        }
    }
}
