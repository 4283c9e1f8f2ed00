// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";

/// @title What `luya bench contracts` compares the ledger with: OpenZeppelin's ERC-1155 behind a nullifier mapping
/// @notice Not a part of the ledger, and deployed by the bench alone. It takes the owner's word for what a record is
/// worth, keeps no log and computes no root; all that it refuses is a nullifier seen before.
contract NullifiedCredits is ERC1155, Ownable {
    /// @notice What the owner says of one record.
    /// @param account who did it.
    /// @param credits mg CO2e.
    /// @param points millipoints; only read where points are minted at all.
    /// @param nullifier the record's own, never used twice.
    struct Reduction {
        address account;
        uint64 credits;
        uint64 points;
        bytes32 nullifier;
    }

    /// @notice A record of this nullifier was recorded before.
    error NullifierUsed(bytes32 nullifier);

    /// @notice Nullifiers of what was recorded.
    mapping(bytes32 nullifier => bool) public used;

    constructor() ERC1155("") Ownable(msg.sender) {}

    /// @notice Records a batch, all of it or nothing.
    /// @param creditsId token of the credits.
    /// @param pointsId token of the points; 0 mints credits alone.
    function record(uint256 creditsId, uint256 pointsId, Reduction[] calldata batch) external onlyOwner {
        uint256[] memory ids = new uint256[](2);
        uint256[] memory amounts = new uint256[](2);
        (ids[0], ids[1]) = (creditsId, pointsId);
        for (uint256 i = 0; i < batch.length; ++i) {
            Reduction calldata one = batch[i];
            if (used[one.nullifier]) revert NullifierUsed(one.nullifier);
            used[one.nullifier] = true;
            if (pointsId == 0) {
                _mint(one.account, creditsId, one.credits, "");
            } else {
                (amounts[0], amounts[1]) = (one.credits, one.points);
                _mintBatch(one.account, ids, amounts, "");
            }
        }
    }
}
