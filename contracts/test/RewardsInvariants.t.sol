// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaRewards} from "../interfaces/ILuyaRewards.sol";
import {Buckets} from "../libraries/Buckets.sol";
import {LedgerSlots} from "../libraries/LedgerSlots.sol";
import {Shop} from "./support/Shop.sol";
import {Test} from "./support/Test.sol";

/// @title A shop at its wildest: orders, fulfilments, refunds and terms, sensible or not, and a second book of them
contract RewardsHandler is Shop {
    uint256 private constant _RESIDENTS = 4;

    struct Taken {
        uint64 id;
        address account;
        uint16 quantity;
        ILuyaRewards.OrderState state;
        uint64[2] parts;
    }

    /// @dev By kind: orders, fulfilments, refunds, terms.
    uint256[4] public done;
    uint256 public refused;
    Taken[] private _taken;
    uint256[2] private _earned;

    function open() external {
        openShop(_RESIDENTS);
        _earned = [_RESIDENTS * OLD_POINTS, _RESIDENTS * NEW_POINTS];
    }

    function operate(uint256 seed) external {
        vm.warp(clock);
        seed = uint256(keccak256(abi.encode(seed)));
        uint256 choice = seed % 16;
        if (choice < 6) _order(seed >> 8);
        else if (choice < 9) _fulfilOne(seed >> 8);
        else if (choice < 13) _refundOne(seed >> 8);
        else if (choice == 13) _changeTerms(seed >> 8);
        else if (choice == 14) clock += bound(seed >> 8, 1 minutes, 2 days);
        else _earnMore(seed >> 8);
    }

    function _order(uint256 seed) private {
        address account = resident(seed % _RESIDENTS);
        ILuyaRewards.OrderAct memory act = orderOf(account, uint16((seed >> 8) % 5));
        act.maxPrice = uint64(PRICE * act.quantity * bound(seed >> 16, 1, 2));
        act = signed(act);
        uint64[2] memory before = _points(account);
        uint64 id = ledger.logSize();
        vm.recordLogs();
        try rewards.order(act) {
            ++done[0];
            orders[id] = firstEntry();
            ++nonces[account];
            uint64[2] memory now_ = _points(account);
            uint64[2] memory parts = [before[0] - now_[0], before[1] - now_[1]];
            assertTrue(parts[1] == 0 || now_[0] == 0, "oldest first");
            (ILuyaRewards.ItemTerms memory terms, , uint32 units, uint32 today) = rewards.itemOf(MUG);
            assertTrue(units <= terms.stock, "the stock is never passed");
            assertTrue(terms.perDay == 0 || today <= terms.perDay, "nor the day's");
            assertEq(parts[0] + parts[1], terms.price * act.quantity, "it costs its price");
            _taken.push(Taken(id, account, act.quantity, ILuyaRewards.OrderState.OPEN, parts));
        } catch {
            ++refused;
            assertEq(keccak256(abi.encode(_points(account))), keccak256(abi.encode(before)), "nothing burned");
        }
    }

    function _fulfilOne(uint256 seed) private {
        if (_taken.length == 0) return;
        Taken storage one = _taken[seed % _taken.length];
        bytes32 code = (seed >> 64) % 4 == 0 ? keccak256("another") : CODE;
        bytes memory signature = fulfilmentOf(one.id, code, CASHIER_KEY);
        try rewards.fulfil(one.id, orders[one.id], code, signature) {
            ++done[1];
            assertTrue(one.state == ILuyaRewards.OrderState.OPEN && code == CODE, "once, and with its code");
            one.state = ILuyaRewards.OrderState.FULFILLED;
        } catch {
            ++refused;
        }
    }

    function _refundOne(uint256 seed) private {
        if (_taken.length == 0) return;
        Taken storage one = _taken[seed % _taken.length];
        ILuyaRewards.Cause cause = ILuyaRewards.Cause(bound(seed >> 64, 1, 3));
        uint256 key = cause == ILuyaRewards.Cause.RESIDENT ? CUSTODIAN_KEY : CASHIER_KEY;
        bytes memory signature = refundOf(one.id, cause, key);
        uint64[2] memory before = _points(one.account);
        try rewards.refund(one.id, orders[one.id], cause, signature) {
            ++done[2];
            assertTrue(one.state != ILuyaRewards.OrderState.REFUNDED, "once");
            one.state = ILuyaRewards.OrderState.REFUNDED;
            uint64[2] memory now_ = _points(one.account);
            assertEq(now_[0], before[0] + one.parts[0], "2025 is back");
            assertEq(now_[1], before[1] + one.parts[1], "2026 is back");
        } catch {
            ++refused;
        }
    }

    function _changeTerms(uint256 seed) private {
        ILuyaRewards.ItemTerms memory terms = mug();
        terms.opens = uint64(NOON);
        terms.closes = uint64(NOON + 30 days);
        terms.stock = uint32(bound(seed, 5, 40));
        terms.perDay = uint32(bound(seed >> 32, 0, 12));
        terms.perPerson = uint16(bound(seed >> 64, 0, 12));
        terms.price = uint64(bound(seed >> 96, 400, 2_000));
        terms.effective = uint64(clock + bound(seed >> 160, 0, 2 days));
        try rewards.setItem(terms) {
            ++done[3];
        } catch {
            ++refused;
        }
    }

    function _earnMore(uint256 seed) private {
        address account = resident(seed % _RESIDENTS);
        uint64[2] memory before = _points(account);
        uint16 day = uint16((clock + 8 hours) / 1 days);
        submit(FEED, recordOf(account, CYCLING, day, bound(seed >> 8, 0, 170), 2, 2_000), "");
        _earned[1] += _points(account)[1] - before[1];
    }

    // -------------------------------------------------------------------------------------------- what always holds

    function checkStock() external view {
        (, , uint32 units, uint32 today) = rewards.itemOf(MUG);
        uint256 standing = 0;
        for (uint256 i = 0; i < _taken.length; ++i) {
            if (_taken[i].state != ILuyaRewards.OrderState.REFUNDED) standing += _taken[i].quantity;
            assertTrue(rewards.orderState(_taken[i].id) == _taken[i].state, "state");
        }
        assertEq(units, standing, "sold is what stands");
        assertTrue(units <= 100, "and never more than the largest stock");
        assertTrue(today <= units, "today's among them");
    }

    /// @notice Per vintage: redeemed is what standing orders burned, and the rest of what was earned is held.
    function checkRedeemed() external view {
        for (uint256 at = 0; at < 2; ++at) {
            uint256 standing = 0;
            for (uint256 i = 0; i < _taken.length; ++i) {
                if (_taken[i].state != ILuyaRewards.OrderState.REFUNDED) standing += _taken[i].parts[at];
            }
            bytes32[] memory slots = new bytes32[](1);
            slots[0] = LedgerSlots.position(LedgerSlots.BUCKETS, Buckets.key(2025 + at, Buckets.REDEEMED));
            assertEq(uint64(uint256(ledger.extsload(slots)[0]) >> 64), standing, "redeemed");
            uint256 held = 0;
            for (uint256 i = 0; i < _RESIDENTS; ++i) {
                held += pointsOf(resident(i), 2025 + at);
            }
            assertEq(held + standing, _earned[at], "nothing lost, nothing made");
        }
    }

    function _points(address account) private view returns (uint64[2] memory) {
        return [uint64(pointsOf(account, 2025)), uint64(pointsOf(account, 2026))];
    }
}

/// @title Whatever is ordered, handed over and given back in whatever order
contract RewardsInvariantsTest is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    RewardsHandler private _handler;

    function setUp() public {
        _handler = new RewardsHandler();
        _handler.open();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = RewardsHandler.operate.selector;
        targets[0] = FuzzSelector(address(_handler), selectors);
    }

    function invariant_SoldIsWhatStands() public view {
        _handler.checkStock();
    }

    function invariant_RedeemedIsWhatStandingOrdersBurned() public view {
        _handler.checkRedeemed();
    }

    /// @dev A long run that must have seen every kind of act done and refused.
    function test_ManyActs() public {
        for (uint256 i = 0; i < 400; ++i) {
            _handler.operate(i);
        }
        for (uint256 kind = 0; kind < 4; ++kind) {
            assertTrue(_handler.done(kind) >= 3, string.concat(vm.toString(kind), ": hardly ever done"));
        }
        assertTrue(_handler.refused() >= 30, "hardly ever refused");
        _handler.checkStock();
        _handler.checkRedeemed();
    }
}
