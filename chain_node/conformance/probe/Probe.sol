// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title What the conformance suite asks of an engine, as a contract.
/// @notice Not a part of the ledger: it stores, emits, refuses, burns gas and creates, and nothing else.
contract Probe {
    /// @notice Something was noted.
    event Noted(uint256 indexed number, address indexed sender, bytes data);

    /// @notice What `refuse` reverts with.
    error ProbeRefused(uint256 number);

    /// @notice How often `note` succeeded.
    uint256 public count;

    /// @notice SHA-256 of what was noted under a number.
    mapping(uint256 number => bytes32 digest) public notes;

    /// @notice Stores the digest and emits the data.
    function note(uint256 number, bytes calldata data) external {
        count += 1;
        notes[number] = sha256(data);
        emit Noted(number, msg.sender, data);
    }

    /// @notice Emits `many` events with numbers from `first` on.
    function noteMany(uint256 first, uint256 many) external {
        for (uint256 i = 0; i < many; i++) emit Noted(first + i, msg.sender, "");
    }

    /// @notice Always reverts with ProbeRefused.
    function refuse(uint256 number) external pure {
        revert ProbeRefused(number);
    }

    /// @notice Burns gas in fresh storage until less than `rest` is left.
    function burn(uint256 rest) external {
        uint256 slot = uint256(keccak256(abi.encode(block.number, count)));
        while (gasleft() > rest) {
            assembly ("memory-safe") {
                sstore(slot, 1)
                slot := add(slot, 1)
            }
        }
        count += 1;
    }

    /// @notice Creates a contract whose code is one STOP.
    function spawn() external returns (address made) {
        assembly ("memory-safe") {
            mstore(0, 0x600060005360016000f300000000000000000000000000000000000000000000)
            made := create(0, 0, 10)
        }
        count += 1;
    }

    /// @notice Precompiles 1 and 2, and what came with Cancun: true where all are as they should be.
    function cancun(bytes calldata data, bytes32 expected, bytes32 digest, uint8 v, bytes32 r, bytes32 s, address who)
        external
        returns (bool)
    {
        uint256 back;
        bytes32 copied;
        assembly ("memory-safe") {
            tstore(7, 42)
            back := tload(7)
            let free := mload(0x40)
            mstore(free, expected)
            mcopy(add(free, 32), free, 32)
            copied := mload(add(free, 32))
        }
        return back == 42 && copied == expected && sha256(data) == expected && ecrecover(digest, v, r, s) == who;
    }

    /// @notice The block as a contract sees it.
    function here() external view returns (uint256 chain, uint256 number, uint256 time, uint256 price) {
        return (block.chainid, block.number, block.timestamp, tx.gasprice);
    }
}
