// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaLedger} from "../interfaces/ILuyaLedger.sol";
import {LedgerSlots} from "./LedgerSlots.sol";
import {AccountWord} from "./Words.sol";

/// @title What modules read of the ledger's storage
library LedgerReads {
    /// @notice State of an account; 0: an address that was never registered.
    function stateOf(ILuyaLedger ledger, address account) internal view returns (uint8) {
        bytes32[] memory slots = new bytes32[](1);
        slots[0] = LedgerSlots.position(LedgerSlots.ACCOUNTS, uint160(account));
        return uint8(AccountWord.wrap(uint256(ledger.extsload(slots)[0])).state());
    }
}
