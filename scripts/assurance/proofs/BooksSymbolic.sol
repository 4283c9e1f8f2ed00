// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {LuyaLedger} from "../../../contracts/LuyaLedger.sol";
import {LedgerSlots} from "../../../contracts/libraries/LedgerSlots.sol";
import {AccountWord, AmountsWord, AmountsWords} from "../../../contracts/libraries/Words.sol";

/// @title One account's books over three vintages, for all amounts
/// @notice Proved by halmos on the ledger's own functions: 2008 and 2009 lie in the mapping, 2010 in the account's word. The account is
/// an argument: of a constant the compiler works storage slots out itself, and halmos takes those for others.
contract BooksSymbolic is LuyaLedger {
    uint256 private constant _FIRST = 2008;
    uint256 private constant _NEWEST = 2010;

    constructor() LuyaLedger(address(1), "books", 0, "") {}

    /// @dev A revocation of a record of any of the three: its own vintage first, then newest to oldest, the rest owed.
    function check_ARevocationBurnsInItsOrder(
        address who,
        uint256 chosen,
        uint56[3] calldata held,
        uint56 wanted
    ) external {
        for (uint256 own = _FIRST; own <= _NEWEST; ++own) {
            if (own != chosen) continue;
            _open(who, held, 0);
            AmountsWord owed = _burn(who, own, AmountsWords.pack(wanted, 0));
            uint256 rest = _expect(who, held, own, wanted);
            for (uint256 year = _NEWEST; year >= _FIRST; --year) {
                if (year != own) rest = _expect(who, held, year, rest);
            }
            assert(owed.credits() == rest && owed.millipoints() == 0);
            assert(_debts[who].credits() == rest);
            assert(_accounts[who].hasDebt() == (rest != 0));
        }
    }

    /// @dev The two units never touch each other.
    function check_UnitsAreApart(address who, uint56[3] calldata held, uint56 credits, uint56 millipoints) external {
        _open(who, held, 0);
        AmountsWord owed = _burn(who, _NEWEST, AmountsWords.pack(credits, millipoints));
        assert(owed.millipoints() == millipoints);
        uint256 left = 0;
        for (uint256 year = _FIRST; year <= _NEWEST; ++year) left += _heldOf(who, year);
        uint256 before = uint256(held[0]) + held[1] + held[2];
        assert(left + credits == before + owed.credits());
    }

    /// @dev What comes in meets the debt first, in whichever vintage it comes; the rest is held there and nowhere else.
    function check_AnInflowMeetsTheDebt(
        address who,
        uint256 chosen,
        uint56[3] calldata held,
        uint56 debt,
        uint56 inflow
    ) external {
        for (uint256 year = _FIRST; year <= _NEWEST + 1; ++year) {
            if (year != chosen) continue;
            _open(who, held, debt);
            Totals memory totals = _openTotals();
            _turnToYear(totals, year);
            _accounts[who] = _addTo(totals, who, _accounts[who], AmountsWords.pack(inflow, 0));
            uint256 met = debt < inflow ? debt : inflow;
            for (uint256 one = _FIRST; one <= _NEWEST + 1; ++one) {
                uint256 before = one > _NEWEST ? 0 : held[one - _FIRST];
                assert(_heldOf(who, one) == (one == year ? before + inflow - met : before));
            }
            assert(_debts[who].credits() == debt - met);
            assert(_accounts[who].hasDebt() == (debt != met));
            assert(totals.word.revoked().credits() == met);
        }
    }

    /// @dev What is given and taken from one vintage leaves the others alone.
    function check_TakingFromAVintage(address who, uint256 chosen, uint56[3] calldata held, uint56 taken) external {
        for (uint256 year = _FIRST; year <= _NEWEST; ++year) {
            if (year != chosen || taken > held[year - _FIRST]) continue;
            _open(who, held, 0);
            _accounts[who] = _take(who, _accounts[who], year, AmountsWords.pack(taken, 0));
            for (uint256 one = _FIRST; one <= _NEWEST; ++one) {
                assert(_heldOf(who, one) == held[one - _FIRST] - (one == year ? taken : 0));
            }
        }
    }

    function _open(address who, uint56[3] calldata held, uint256 debt) private {
        AccountWord word = AccountWord.wrap(0).withIdentity(0, 510, 1);
        _accounts[who] = word.withBalance(_NEWEST, AmountsWords.pack(held[2], 0)).withDebt(debt != 0);
        _older[LedgerSlots.olderKey(who, _FIRST)] = AmountsWords.pack(held[0], 0);
        _older[LedgerSlots.olderKey(who, _FIRST + 1)] = AmountsWords.pack(held[1], 0);
        _older[LedgerSlots.olderKey(who, _NEWEST)] = AmountsWord.wrap(0);
        _debts[who] = AmountsWords.pack(debt, 0);
    }

    /// @dev Of `wanted` a vintage gives what it has; gives what is still wanted.
    function _expect(
        address who,
        uint56[3] calldata held,
        uint256 year,
        uint256 wanted
    ) private view returns (uint256) {
        uint256 before = held[year - _FIRST];
        uint256 given = before < wanted ? before : wanted;
        assert(_heldOf(who, year) == before - given);
        return wanted - given;
    }

    function _heldOf(address who, uint256 year) private view returns (uint256) {
        return balanceOf(who, CREDITS_ID + year);
    }
}
