// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
import {ILuyaViews} from "../interfaces/ILuyaViews.sol";
import {LedgerSlots} from "../libraries/LedgerSlots.sol";
import {AccountWord} from "../libraries/Words.sol";
import {ILedger} from "./support/ILedger.sol";
import {Operator} from "./support/Operator.sol";
import {Test} from "./support/Test.sol";

/// @title The operator that the invariant runner drives, and what must hold after each of its acts
contract Handler is Operator {
    uint256 public acts;

    function open() external {
        openWorld();
    }

    function operate(uint256 seed) external {
        act(seed);
        ++acts;
    }

    /// @notice Per vintage, for credits and for points: minted = free + revoked; and minted is what the records say.
    function checkConservation() external view {
        uint256 credits = 0;
        uint256 millipoints = 0;
        for (uint16 year = FIRST_YEAR; year <= LAST_YEAR; ++year) {
            ILuyaViews.TotalsView memory totals = totalsOf(year);
            uint256 freeCredits = 0;
            uint256 freeMillipoints = 0;
            for (uint256 i = 0; i < PEOPLE; ++i) {
                freeCredits += ledger.balanceOf(person(i), 10_000 + uint256(year));
                freeMillipoints += ledger.balanceOf(person(i), 20_000 + uint256(year));
            }
            assertEq(totals.creditsMinted, freeCredits + totals.creditsRevoked, "credits");
            assertEq(totals.millipointsMinted, freeMillipoints + totals.millipointsRevoked, "points");
            credits += totals.creditsMinted;
            millipoints += totals.millipointsMinted;
        }
        assertEq(credits, mintedCredits, "minted credits");
        assertEq(millipoints, mintedMillipoints, "minted points");
    }

    /// @notice Size and root are those of the entries that the events tell, hashed as RFC 6962 is written.
    function checkRoot() external {
        assertEq(ledger.logSize(), entries.length, "size");
        assertEq(ledger.root(), rootOf(entries.length), "root");
    }

    function checkSlots() external view {
        assertEq(slotConflicts, 0, "slots used twice");
    }

    function checkSequences() external view {
        assertEq(ledger.nextSequence(FEED), expectedSequence[FEED], "feed");
        assertEq(ledger.nextSequence(TRIAL), expectedSequence[TRIAL], "trial");
    }

    /// @notice An account's word tells the oldest vintage before its newest that holds something.
    function checkOldest() external view {
        for (uint256 i = 0; i < PEOPLE; ++i) {
            AccountWord word = AccountWord.wrap(uint256(_load(LedgerSlots.ACCOUNTS, uint160(person(i)))));
            uint256 oldest = 0;
            for (uint256 year = FIRST_YEAR; year < word.vintage() && oldest == 0; ++year) {
                if (_load(LedgerSlots.OLDER, LedgerSlots.olderKey(person(i), year)) != 0) oldest = year;
            }
            assertEq(word.oldest(), oldest, "oldest");
        }
    }

    function _load(uint256 mapping_, uint256 key) private view returns (bytes32) {
        return vm.load(address(ledger), LedgerSlots.position(mapping_, key));
    }

    function totalsOf(uint16 year) public view returns (ILuyaViews.TotalsView memory) {
        uint16[] memory one = new uint16[](1);
        one[0] = year;
        return views.totals(one)[0];
    }
}

/// @title Whatever is done in whatever order
contract InvariantsTest is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Handler private _handler;

    function setUp() public {
        _handler = new Handler();
        _handler.open();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = Handler.operate.selector;
        targets[0] = FuzzSelector(address(_handler), selectors);
    }

    function invariant_Conservation() public view {
        _handler.checkConservation();
    }

    function invariant_RootEqualsAnIndependentComputation() public {
        _handler.checkRoot();
    }

    function invariant_TheOldestVintageIsKnown() public view {
        _handler.checkOldest();
    }

    function invariant_NoSlotTwice() public view {
        _handler.checkSlots();
    }

    function invariant_SequencesNeverSkip() public view {
        _handler.checkSequences();
    }
}

/// @title The random operations are not idle: they reach what the invariants are about
contract OperatorTest is Operator {
    uint256 private constant _ACTS = 160;

    function test_ReachesEveryRule() public {
        openWorld();
        for (uint256 i = 0; i < _ACTS; ++i) {
            act(uint256(keccak256(abi.encode("reach", i))));
        }
        uint8[9] memory rules = [0, 2, 13, 14, 15, 16, 17, 18, 19];
        for (uint256 i = 0; i < rules.length; ++i) {
            assertTrue(refusals[rules[i]] >= 1, string.concat("rule ", vm.toString(rules[i])));
        }
    }
}

/// @title A random ledger, imported into a new one
contract ImportFuzzTest is Operator {
    uint256 private constant _ACTS = 24;

    ILedger private _ledger2;
    ILuyaLaw private _law2;
    ILuyaViews private _views2;

    function setUp() public {
        openWorld();
        (_ledger2, _law2, _views2) = deployLedger();
    }

    function testFuzz_ImportGivesTheSameRootAndState(uint256 seed) public {
        for (uint256 i = 0; i < _ACTS; ++i) {
            act(uint256(keccak256(abi.encode(seed, i))));
        }
        _import(seed);
        _ledger2.seal(ledger.logSize(), ledger.root());
        assertEq(_ledger2.root(), ledger.root(), "root");
        assertEq(_stateOf(views, ledger, law), _stateOf(_views2, _ledger2, _law2), "state");
    }

    /// @dev In calls of random length; revocations in calls of their own.
    function _import(uint256 seed) private {
        bytes memory packed;
        for (uint256 i = 0; i < entries.length; ++i) {
            bytes memory entry = entries[i];
            bool revocation = entry[0] == 0x04;
            if (packed.length != 0 && (revocation || uint256(keccak256(abi.encode(seed, i))) % 5 == 0)) {
                _ledger2.importEntries(packed);
                packed = "";
            }
            if (revocation) _importRevocation(entry, i);
            else packed = bytes.concat(packed, bytes2(uint16(entry.length)), entry);
        }
        if (packed.length != 0) _ledger2.importEntries(packed);
    }

    function _importRevocation(bytes memory entry, uint256 at) private {
        uint256 index = uint64(bytes8(slice(entry, 9, 8)));
        _ledger2.importRevocation(entry, uint64(at), entries[index], pathOf(index, at));
    }

    function _stateOf(ILuyaViews views_, ILedger ledger_, ILuyaLaw law_) private view returns (bytes32 digest) {
        address[] memory people = new address[](PEOPLE);
        bytes32[] memory identities = new bytes32[](PEOPLE);
        bytes32[] memory nullifiers = new bytes32[](16);
        uint64[] memory indexes = new uint64[](entries.length);
        uint16[] memory vintages = new uint16[](LAST_YEAR - FIRST_YEAR + 1);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            people[i] = person(i);
            identities[i] = identityOf(i);
            digest = keccak256(abi.encode(digest, views_.words(_keysOf(people[i]))));
        }
        for (uint256 i = 0; i < nullifiers.length; ++i) {
            nullifiers[i] = keccak256(abi.encode("photo", i));
        }
        for (uint64 i = 0; i < indexes.length; ++i) {
            indexes[i] = i;
        }
        for (uint16 i = 0; i < vintages.length; ++i) {
            vintages[i] = FIRST_YEAR + i;
            digest = keccak256(abi.encode(digest, views_.balances(people, _repeat(vintages[i]))));
        }
        digest = keccak256(abi.encode(digest, views_.accounts(people), views_.identities(identities)));
        digest = keccak256(abi.encode(digest, views_.nullifiers(nullifiers), views_.revoked(indexes)));
        digest = keccak256(abi.encode(digest, views_.totals(vintages)));
        digest = keccak256(abi.encode(digest, views_.feedState(FEED), views_.feedState(TRIAL)));
        digest = keccak256(abi.encode(digest, ledger_.pausedUntil(), ledger_.logKey(), ledger_.logSize()));
        return keccak256(abi.encode(digest, _lawOf(law_)));
    }

    function _lawOf(ILuyaLaw law_) private view returns (bytes32 digest) {
        uint16[4] memory methods = [STEPS, MEAL, PAYMENT, CYCLING];
        for (uint256 i = 0; i < 4; ++i) {
            (bytes memory entry, uint64 credits, uint64 millipoints) = law_.methodTerms(methods[i]);
            digest = keccak256(abi.encode(digest, entry, credits, millipoints));
        }
        (bytes memory feed, bool active) = law_.feedTerms(FEED);
        (bytes memory trial, ) = law_.feedTerms(TRIAL);
        return keccak256(abi.encode(digest, feed, active, trial));
    }

    function _keysOf(address account) private pure returns (uint256[] memory keys_) {
        uint8[4] memory groups = [1, 2, 4, 9];
        keys_ = new uint256[](256);
        for (uint256 i = 0; i < 256; ++i) {
            keys_[i] = wordKey(account, groups[i / 64], i % 64);
        }
    }

    function _repeat(uint16 year) private pure returns (uint16[] memory list) {
        list = new uint16[](PEOPLE);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            list[i] = year;
        }
    }
}
