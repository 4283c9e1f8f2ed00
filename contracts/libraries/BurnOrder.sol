// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Calendar} from "./Calendar.sol";

/// @title The order in which an account's vintages are burned
/// @notice Here and nowhere else in Solidity; Python has it in chain_node/protocol/postings.py, and a test drives both.
library BurnOrder {
    /// @notice What a revocation takes at a position: of the record's own vintage, then newest to oldest, each once.
    /// @param position from 0
    /// @param own vintage of the revoked record
    /// @param newest the account's newest vintage
    /// @return vintage 0: there is none any more
    function revoked(uint256 position, uint256 own, uint256 newest) internal pure returns (uint256 vintage) {
        if (position == 0) return own;
        // Ask by ascending positions and stop at 0: so `position` never passes the years there are.
        vintage = newest + 1 - position;
        if (own <= newest && vintage <= own) --vintage;
        if (vintage < Calendar.FIRST_VINTAGE) return 0;
    }
}
