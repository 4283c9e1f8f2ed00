// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaModule} from "../interfaces/ILuyaModule.sol";
import {Buckets} from "../libraries/Buckets.sol";
import {Calendar} from "../libraries/Calendar.sol";
import {EntryLayout} from "../libraries/EntryLayout.sol";
import {EntryReader} from "../libraries/EntryReader.sol";
import {LedgerSlots} from "../libraries/LedgerSlots.sol";
import {Moves} from "../libraries/Moves.sol";
import {AccountWord, AccountWords, AmountsWord, AmountsWords} from "../libraries/Words.sol";
import {LedgerBalances} from "./LedgerBalances.sol";

/// @title The one door for modules: an entry is applied by the module of its type, and what it moves is posted here
/// @notice Live and at import the same. A module says what moves; whether its type may, whether it is there, and what
/// debt an inflow meets is the ledger's.
abstract contract LedgerPostings is LedgerBalances {
    using EntryReader for bytes;

    /// What a source other than a reduction may bring to a vintage, of each unit: with it `TotalsWords.fits` leaves
    /// room for all of them in 64 bits.
    uint256 private constant _SOURCE_BOUND = 1 << 60;

    /// @custom:storage-location erc7201:luya.ledger.buckets
    struct BucketTotals {
        mapping(uint256 vintageAndBucket => AmountsWord) totals;
    }

    /// @dev Hands an entry to the module of its type and posts what it moves. Nothing may be appended, sealed or paused
    /// meanwhile: the caller holds the log's edge and the vintage's totals in memory.
    function _handOver(Totals memory totals, uint64 index, uint8 entryType, bytes memory entry) internal {
        bytes32 before = _head();
        uint256[] memory postings = ILuyaModule(_modules[entryType]).applyEntry(index, entry);
        if (_head() != before) revert LuyaLedgerLogMoved(index);
        if (entryType == EntryLayout.ORGANISATION_ACCOUNT) _markOrganisation(index, entry);
        uint256 allowed = Moves.allowed(entryType);
        for (uint256 i = 0; i < postings.length; ++i) {
            uint256 posting = postings[i];
            uint256 move = Moves.move(posting);
            if (allowed & (1 << move) == 0) revert LuyaLedgerMoveNotAllowed(entryType, uint8(move));
            uint256 receiver = uint160(posting);
            if (move == Moves.TRANSFER) {
                // One word more. A list that ends before it reverts with the array's bounds.
                receiver = postings[++i];
                if (receiver >> 160 != 0) revert LuyaLedgerBadPosting(receiver);
            }
            _post(totals, posting, address(uint160(receiver)));
        }
    }

    /// @dev The account's word says for ever that it is an organisation's: it is never registered, and earns nothing.
    function _markOrganisation(uint64 index, bytes memory entry) private {
        address account = entry.addr(EntryLayout.ORGANISATION_ACCOUNT_ACCOUNT_AT);
        AccountWord word = _accounts[account];
        if (word.state() == AccountWords.ORGANISATION) return;
        if (word.state() != 0) revert LuyaLedgerAccountNotNew(index, account);
        _accounts[account] = word.withIdentity(0, 0, uint8(AccountWords.ORGANISATION));
    }

    /// @dev A posting by `Moves`' table: out of one bucket, into another, and the ERC-1155 event where a holder's
    /// balance changes.
    function _post(Totals memory totals, uint256 posting, address receiver) private {
        uint256 origin = Moves.origin(Moves.move(posting));
        uint256 target = Moves.target(Moves.move(posting));
        uint256 year = Moves.vintage(posting);
        AmountsWord amounts = _amountsOf(posting);
        if (origin == Buckets.BOOKED || origin == Buckets.OWED) {
            if (year != 0) revert LuyaLedgerBadPosting(posting);
        } else {
            if (year < Calendar.FIRST_VINTAGE || year > Calendar.LAST_VINTAGE) revert LuyaLedgerBadPosting(posting);
            if (totals.year != year) _turnToYear(totals, year);
        }
        address giver = Moves.account(posting);
        _takeFrom(totals, origin, giver, year, amounts);
        if (origin == Buckets.HELD || target == Buckets.HELD) {
            _emitTransfer(
                totals.transfer,
                origin == Buckets.HELD ? giver : address(0),
                target == Buckets.HELD ? receiver : address(0),
                amounts.credits(),
                amounts.millipoints()
            );
        }
        _bringTo(totals, target, receiver, year, amounts);
    }

    function _takeFrom(
        Totals memory totals,
        uint256 origin,
        address account,
        uint256 year,
        AmountsWord amounts
    ) private {
        if (origin == Buckets.HELD) {
            AccountWord word = _accounts[account];
            _requireEnough(_held(account, word, year), amounts, origin, year);
            _accounts[account] = _take(account, word, year, amounts);
        } else if (origin == Buckets.OWED) {
            AmountsWord debt = _debts[account];
            _requireEnough(debt, amounts, origin, year);
            debt = debt.minus(amounts);
            _debts[account] = debt;
            _accounts[account] = _accounts[account].withDebt(!debt.isZero());
        } else if (origin == Buckets.ISSUED || origin == Buckets.BONUS) {
            totals.minted += amounts.credits() | (amounts.millipoints() << 128);
        } else if (origin < Buckets.HELD) {
            AmountsWord given = _bucket(year, origin).plus(amounts);
            if (given.credits() > _SOURCE_BOUND || given.millipoints() > _SOURCE_BOUND) {
                revert LuyaLedgerTotalOverflow(uint16(year));
            }
            _setBucket(year, origin, given);
        } else if (origin != Buckets.BOOKED) {
            AmountsWord there = _bucket(year, origin);
            _requireEnough(there, amounts, origin, year);
            _setBucket(year, origin, there.minus(amounts));
        }
    }

    function _bringTo(
        Totals memory totals,
        uint256 target,
        address account,
        uint256 year,
        AmountsWord amounts
    ) private {
        if (target == Buckets.HELD) {
            _accounts[account] = _addTo(totals, account, _accounts[account], amounts);
        } else if (target == Buckets.OWED) {
            _debts[account] = _debts[account].plus(amounts);
            _accounts[account] = _accounts[account].withDebt(true);
        } else if (target == Buckets.REVOKED) {
            totals.word = totals.word.revoke(amounts);
        } else {
            _setBucket(year, target, _bucket(year, target).plus(amounts));
        }
    }

    function _amountsOf(uint256 posting) private pure returns (AmountsWord) {
        uint256 unit = Moves.unit(posting);
        uint256 amount = Moves.amount(posting);
        if (unit > Moves.MILLIPOINTS || amount == 0) revert LuyaLedgerBadPosting(posting);
        return unit == Moves.CREDITS ? AmountsWords.pack(amount, 0) : AmountsWords.pack(0, amount);
    }

    function _requireEnough(AmountsWord there, AmountsWord wanted, uint256 bucket, uint256 year) private pure {
        if (there.credits() < wanted.credits() || there.millipoints() < wanted.millipoints()) {
            revert LuyaLedgerTooLittle(uint8(bucket), uint16(year));
        }
    }

    function _bucket(uint256 year, uint256 bucket) private view returns (AmountsWord) {
        return _buckets().totals[Buckets.key(year, bucket)];
    }

    function _setBucket(uint256 year, uint256 bucket, AmountsWord amounts) private {
        _buckets().totals[Buckets.key(year, bucket)] = amounts;
    }

    /// @dev The AccessManager's variable is the last of the layout, so what came later lies in a slot of its own name.
    function _buckets() private pure returns (BucketTotals storage place) {
        bytes32 slot = bytes32(LedgerSlots.BUCKETS);
        assembly ("memory-safe") {
            place.slot := slot
        }
    }

    /// @dev Size, pause and seal: all that an entry appended meanwhile, a pause or a seal would change.
    function _head() private view returns (bytes32 head) {
        uint256 slot = LedgerSlots.HEAD;
        assembly ("memory-safe") {
            head := sload(slot)
        }
    }
}
