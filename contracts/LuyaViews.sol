// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaLedger} from "./interfaces/ILuyaLedger.sol";
import {ILuyaViews} from "./interfaces/ILuyaViews.sol";
import {LedgerSlots} from "./libraries/LedgerSlots.sol";
import {AccountWord, AmountsWord, FeedWord, TotalsWord} from "./libraries/Words.sol";

/// @title Bulk reads of a ledger
contract LuyaViews is ILuyaViews {
    address private immutable _ledger;
    address private immutable _law;

    /// @param ledger_ the ledger
    /// @param law_ its law
    constructor(address ledger_, address law_) {
        _ledger = ledger_;
        _law = law_;
    }

    /// @inheritdoc ILuyaViews
    function accounts(address[] calldata keys) external view returns (AccountView[] memory views) {
        bytes32[] memory slots = new bytes32[](keys.length * 2);
        for (uint256 i = 0; i < keys.length; ++i) {
            uint256 key = uint160(keys[i]);
            slots[2 * i] = LedgerSlots.position(LedgerSlots.ACCOUNTS, key);
            slots[2 * i + 1] = LedgerSlots.position(LedgerSlots.DEBTS, key);
        }
        bytes32[] memory found = _load(slots);
        views = new AccountView[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            views[i] = _account(AccountWord.wrap(uint256(found[2 * i])), AmountsWord.wrap(uint256(found[2 * i + 1])));
        }
    }

    /// @inheritdoc ILuyaViews
    function balances(
        address[] calldata keys,
        uint16[] calldata vintages
    ) external view returns (BalanceView[] memory views) {
        if (keys.length != vintages.length) revert LuyaViewsLengthsDiffer(keys.length, vintages.length);
        bytes32[] memory slots = new bytes32[](keys.length * 2);
        for (uint256 i = 0; i < keys.length; ++i) {
            slots[2 * i] = LedgerSlots.position(LedgerSlots.ACCOUNTS, uint160(keys[i]));
            slots[2 * i + 1] = LedgerSlots.position(LedgerSlots.OLDER, LedgerSlots.olderKey(keys[i], vintages[i]));
        }
        bytes32[] memory found = _load(slots);
        views = new BalanceView[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            AccountWord word = AccountWord.wrap(uint256(found[2 * i]));
            AmountsWord held =
                word.vintage() == vintages[i] ? word.amounts() : AmountsWord.wrap(uint256(found[2 * i + 1]));
            views[i] = BalanceView(uint64(held.credits()), uint64(held.millipoints()));
        }
    }

    /// @inheritdoc ILuyaViews
    function words(uint256[] calldata keys) external view returns (uint256[] memory values) {
        bytes32[] memory slots = new bytes32[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            slots[i] = LedgerSlots.position(LedgerSlots.WORDS, keys[i]);
        }
        bytes32[] memory found = _load(slots);
        values = new uint256[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            values[i] = uint256(found[i]);
        }
    }

    /// @inheritdoc ILuyaViews
    function feedState(uint16 feed) external view returns (FeedStateView memory) {
        FeedWord word = FeedWord.wrap(uint256(_loadOne(LedgerSlots.FEEDS, feed)));
        return
            FeedStateView(
                uint64(word.nextSequence()),
                uint16(word.capDay()),
                uint64(word.credits()),
                uint64(word.millipoints())
            );
    }

    /// @inheritdoc ILuyaViews
    function totals(uint16[] calldata vintages) external view returns (TotalsView[] memory views) {
        views = new TotalsView[](vintages.length);
        for (uint256 i = 0; i < vintages.length; ++i) {
            TotalsWord word = TotalsWord.wrap(uint256(_loadOne(LedgerSlots.TOTALS, vintages[i])));
            AmountsWord minted = word.minted();
            AmountsWord taken = word.revoked();
            views[i] = TotalsView(
                uint64(minted.credits()),
                uint64(minted.millipoints()),
                uint64(taken.credits()),
                uint64(taken.millipoints())
            );
        }
    }

    /// @inheritdoc ILuyaViews
    function nullifiers(bytes32[] calldata keys) external view returns (uint64[] memory indexes) {
        indexes = new uint64[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            indexes[i] = uint64(uint256(_loadOne(LedgerSlots.NULLIFIERS, uint256(keys[i]))));
        }
    }

    /// @inheritdoc ILuyaViews
    function revoked(uint64[] calldata indexes) external view returns (bool[] memory flags) {
        flags = new bool[](indexes.length);
        for (uint256 i = 0; i < indexes.length; ++i) {
            uint256 bits = uint256(_loadOne(LedgerSlots.REVOKED, indexes[i] >> 8));
            flags[i] = bits & (1 << (indexes[i] & 255)) != 0;
        }
    }

    /// @inheritdoc ILuyaViews
    function identities(bytes32[] calldata keys) external view returns (address[] memory found) {
        found = new address[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            found[i] = address(uint160(uint256(_loadOne(LedgerSlots.IDENTITIES, uint256(keys[i])))));
        }
    }

    /// @inheritdoc ILuyaViews
    function ledger() external view returns (address) {
        return _ledger;
    }

    /// @inheritdoc ILuyaViews
    function law() external view returns (address) {
        return _law;
    }

    function _account(AccountWord word, AmountsWord debt) private pure returns (AccountView memory) {
        return
            AccountView(
                uint8(word.state()),
                uint16(word.epoch()),
                uint16(word.vintage()),
                uint64(word.credits()),
                uint64(word.millipoints()),
                uint64(debt.credits()),
                uint64(debt.millipoints())
            );
    }

    function _load(bytes32[] memory slots) private view returns (bytes32[] memory) {
        return ILuyaLedger(_ledger).extsload(slots);
    }

    function _loadOne(uint256 mapping_, uint256 key) private view returns (bytes32) {
        bytes32[] memory slots = new bytes32[](1);
        slots[0] = LedgerSlots.position(mapping_, key);
        return _load(slots)[0];
    }
}
