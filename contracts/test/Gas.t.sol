// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {console} from "hardhat/console.sol";
import {World} from "./support/World.sol";

/// @title Gas of a record in a batch of 200, as whole transactions: calldata, 2-of-3 signatures, log, events
/// @notice Runs isolated (every call from the test is a transaction of its own). The snapshot is compared by the
/// toolchain; the marks are held here.
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
        _measure("new day in the ring's first lap", 38_000);
    }

    function test_NewDayFirstLapNullifier() public {
        _fill(PAYMENT, TODAY - 2, 0, 1);
        _run();
        _fill(PAYMENT, TODAY - 1, 0, 1);
        _measure("new day in the ring's first lap, nullifier", 61_000);
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

    function test_Refused() public {
        _fill(CYCLING, TODAY - 1, 0, 1);
        _run();
        _measure("refused: overlap", 14_000);
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

    function _measure(string memory name, uint256 mark) private {
        uint256 used = _run() / _COUNT;
        console.log(name, used);
        vm.snapshotValue("record", name, used);
        assertTrue(used <= mark, string.concat(name, ": gas ", vm.toString(used)));
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
