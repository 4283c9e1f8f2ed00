// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC1155MetadataURI} from "@openzeppelin/contracts/token/ERC1155/extensions/IERC1155MetadataURI.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {BurnOrder} from "../libraries/BurnOrder.sol";
import {Calendar} from "../libraries/Calendar.sol";
import {LedgerSlots} from "../libraries/LedgerSlots.sol";
import {AccountWord, AmountsWord, AmountsWords, TotalsWord} from "../libraries/Words.sol";
import {LedgerState} from "./LedgerState.sol";

/// @title Balances by vintage: minted, burned, owed; visible as ERC-1155 ids that nobody can transfer
/// @notice Credits of year Y are id 10000 + Y in milligrams, points 20000 + Y in millipoints.
abstract contract LedgerBalances is LedgerState, IERC1155MetadataURI {
    uint256 internal constant CREDITS_ID = 10_000;
    uint256 internal constant POINTS_ID = 20_000;
    uint256 private constant _LAST_YEAR = 9_999;

    bytes32 private constant _TRANSFER_BATCH = keccak256("TransferBatch(address,address,address,uint256[],uint256[])");

    /// @notice The totals of one vintage, held in memory while a batch runs.
    /// @param year the vintage, 0 before the first
    /// @param firstDay first day of the year
    /// @param endDay first day of the next year
    /// @param word the totals as stored
    /// @param minted what was minted since: credits (bits 0–127), millipoints (128–255); it is added, and the sums are
    /// held to 64 bits, when the vintage is closed
    /// @param transfer memory address of the TransferBatch data: 8 words, of which only ids and amounts change
    struct Totals {
        uint256 year;
        uint256 firstDay;
        uint256 endDay;
        TotalsWord word;
        uint256 minted;
        uint256 transfer;
    }

    /// @inheritdoc IERC1155
    function balanceOf(address account, uint256 id) public view returns (uint256) {
        if (id > POINTS_ID) return id - POINTS_ID > _LAST_YEAR ? 0 : _balance(account, id - POINTS_ID).millipoints();
        if (id > CREDITS_ID) return id - CREDITS_ID > _LAST_YEAR ? 0 : _balance(account, id - CREDITS_ID).credits();
        return 0;
    }

    /// @inheritdoc IERC1155
    function balanceOfBatch(
        address[] calldata accounts,
        uint256[] calldata ids
    ) external view returns (uint256[] memory amounts) {
        if (accounts.length != ids.length) revert LuyaLedgerLengthsDiffer(accounts.length, ids.length);
        amounts = new uint256[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            amounts[i] = balanceOf(accounts[i], ids[i]);
        }
    }

    /// @inheritdoc IERC1155MetadataURI
    function uri(uint256) external view returns (string memory) {
        return _uri;
    }

    /// @inheritdoc IERC1155
    function isApprovedForAll(address, address) external pure returns (bool) {
        return false;
    }

    /// @inheritdoc IERC1155
    function setApprovalForAll(address, bool) external pure {
        revert LuyaLedgerNotTransferable();
    }

    /// @inheritdoc IERC1155
    function safeTransferFrom(address, address, uint256, uint256, bytes calldata) external pure {
        revert LuyaLedgerNotTransferable();
    }

    /// @inheritdoc IERC1155
    function safeBatchTransferFrom(
        address,
        address,
        uint256[] calldata,
        uint256[] calldata,
        bytes calldata
    ) external pure {
        revert LuyaLedgerNotTransferable();
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return
            interfaceId == type(IERC165).interfaceId ||
            interfaceId == type(IERC1155).interfaceId ||
            interfaceId == type(IERC1155MetadataURI).interfaceId;
    }

    function _balance(address account, uint256 year) private view returns (AmountsWord) {
        return _held(account, _accounts[account], year);
    }

    function _held(address account, AccountWord word, uint256 year) internal view returns (AmountsWord) {
        return word.vintage() == year ? word.amounts() : _older[LedgerSlots.olderKey(account, year)];
    }

    // ------------------------------------------------------------------------------------------------------ totals

    function _openTotals() internal pure returns (Totals memory totals) {
        uint256 transfer;
        assembly ("memory-safe") {
            // ABI of two arrays of two: offsets 0x40 and 0xa0, then length 2, ids, length 2, amounts.
            transfer := mload(0x40)
            mstore(transfer, 0x40)
            mstore(add(transfer, 0x20), 0xa0)
            mstore(add(transfer, 0x40), 2)
            mstore(add(transfer, 0xa0), 2)
            mstore(0x40, add(transfer, 0x100))
        }
        totals.transfer = transfer;
    }

    /// @dev Turns to the vintage of a day.
    function _turnTo(Totals memory totals, uint256 day) internal {
        if (day >= totals.firstDay && day < totals.endDay) return;
        _turnToYear(totals, Calendar.yearOf(day));
    }

    function _turnToYear(Totals memory totals, uint256 year) internal {
        _closeTotals(totals);
        totals.year = year;
        totals.firstDay = Calendar.firstDayOf(year);
        totals.endDay = Calendar.firstDayOf(year + 1);
        totals.word = _totals[year];
        uint256 transfer = totals.transfer;
        assembly ("memory-safe") {
            mstore(add(transfer, 0x60), add(year, 10000)) // CREDITS_ID
            mstore(add(transfer, 0x80), add(year, 20000)) // POINTS_ID
        }
    }

    function _closeTotals(Totals memory totals) internal {
        uint256 year = totals.year;
        if (year == 0) return;
        uint256 credits = uint128(totals.minted);
        uint256 millipoints = totals.minted >> 128;
        if (!totals.word.fits(credits, millipoints)) revert LuyaLedgerTotalOverflow(uint16(year));
        totals.word = totals.word.mint(AmountsWords.pack(credits, millipoints));
        totals.minted = 0;
        _totals[year] = totals.word;
    }

    // ----------------------------------------------------------------------------------------------- mint and burn

    /// @dev Mints into the vintage of a day, meets debt from it, and returns the account's new word, which the caller
    /// stores. Amounts are below 2^64.
    function _mint(
        Totals memory totals,
        uint256 day,
        address account,
        AccountWord word,
        uint256 credits,
        uint256 millipoints
    ) internal returns (AccountWord) {
        _turnTo(totals, day);
        AmountsWord amounts = AmountsWords.pack(credits, millipoints);
        unchecked {
            // 128 bits each: fewer than 2^64 mints of 64 bits.
            totals.minted += credits | (millipoints << 128);
        }
        _emitTransfer(totals.transfer, address(0), account, credits, millipoints);
        if (word.isPlainlyOf(totals.year)) return word.plus(amounts);
        return _addTo(totals, account, word, amounts);
    }

    /// @dev Adds an inflow to any vintage of the account, and meets debt from it.
    function _addTo(
        Totals memory totals,
        address account,
        AccountWord word,
        AmountsWord amounts
    ) internal returns (AccountWord) {
        uint256 year = totals.year;
        uint256 vintage = word.vintage();
        if (year == vintage) {
            word = word.plus(amounts);
        } else if (year > vintage) {
            // The older vintage moves out of the word: nothing of a newer year can be in the mapping yet.
            if (!word.amounts().isZero()) {
                _older[LedgerSlots.olderKey(account, vintage)] = word.amounts();
                if (word.oldest() == 0) word = word.withOldest(vintage);
            }
            word = word.withBalance(year, amounts);
        } else {
            uint256 key = LedgerSlots.olderKey(account, year);
            _older[key] = _older[key].plus(amounts);
            uint256 oldest = word.oldest();
            if (oldest == 0 || year < oldest) word = word.withOldest(year);
        }
        return word.hasDebt() ? _settle(totals, account, word, amounts) : word;
    }

    /// @dev Burns what was just minted against the account's debt.
    function _settle(
        Totals memory totals,
        address account,
        AccountWord word,
        AmountsWord minted
    ) private returns (AccountWord) {
        AmountsWord debt = _debts[account];
        AmountsWord paid = debt.min(minted);
        if (paid.isZero()) return word;
        AmountsWord left = debt.minus(paid);
        _debts[account] = left;
        word = _take(account, word, totals.year, paid).withDebt(!left.isZero());
        totals.word = totals.word.revoke(paid);
        _emitTransfer(totals.transfer, account, address(0), paid.credits(), paid.millipoints());
        emit DebtSettled(account, uint16(totals.year), uint64(paid.credits()), uint64(paid.millipoints()));
        return word;
    }

    /// @dev Burns up to `wanted` in the order of a revocation, and books the rest as debt.
    function _burn(address account, uint256 year, AmountsWord wanted) internal returns (AmountsWord owed) {
        AccountWord word = _accounts[account];
        Totals memory totals = _openTotals();
        uint256 newest = word.vintage();
        owed = wanted;
        for (uint256 i = 0; !owed.isZero(); ++i) {
            uint256 vintage = BurnOrder.revoked(i, year, newest);
            if (vintage == 0) break;
            (word, owed) = _burnFrom(totals, account, word, vintage, owed);
        }
        if (!owed.isZero()) {
            _debts[account] = _debts[account].plus(owed);
            word = word.withDebt(true);
        }
        _accounts[account] = word;
    }

    function _burnFrom(
        Totals memory totals,
        address account,
        AccountWord word,
        uint256 year,
        AmountsWord wanted
    ) private returns (AccountWord, AmountsWord) {
        AmountsWord held = _held(account, word, year);
        AmountsWord burned = held.min(wanted);
        if (burned.isZero()) return (word, wanted);
        _turnToYear(totals, year);
        word = _take(account, word, year, burned);
        totals.word = totals.word.revoke(burned);
        _closeTotals(totals);
        _emitTransfer(totals.transfer, account, address(0), burned.credits(), burned.millipoints());
        return (word, wanted.minus(burned));
    }

    /// @dev Takes amounts that are there out of a vintage.
    function _take(
        address account,
        AccountWord word,
        uint256 year,
        AmountsWord amounts
    ) internal returns (AccountWord) {
        if (word.vintage() == year) return word.withBalance(year, word.amounts().minus(amounts));
        uint256 key = LedgerSlots.olderKey(account, year);
        AmountsWord left = _older[key].minus(amounts);
        _older[key] = left;
        return left.isZero() && word.oldest() == year ? _withNextOldest(account, word) : word;
    }

    /// @dev The oldest vintage is empty: the next one that holds something.
    function _withNextOldest(address account, AccountWord word) private view returns (AccountWord) {
        for (uint256 year = word.oldest() + 1; year < word.vintage(); ++year) {
            if (!_older[LedgerSlots.olderKey(account, year)].isZero()) return word.withOldest(year);
        }
        return word.withOldest(0);
    }

    /// @dev ERC-1155 TransferBatch([credits id, points id]) from the reused memory at `transfer`.
    function _emitTransfer(uint256 transfer, address from, address to, uint256 credits, uint256 millipoints) internal {
        bytes32 topic = _TRANSFER_BATCH;
        assembly ("memory-safe") {
            // 8 words allocated by _openTotals; only the two amounts are written. Addresses are clean: `from` and `to`
            // are cut to 160 bits here.
            mstore(add(transfer, 0xc0), credits)
            mstore(add(transfer, 0xe0), millipoints)
            log4(transfer, 0x100, topic, caller(), shr(96, shl(96, from)), shr(96, shl(96, to)))
        }
    }
}
