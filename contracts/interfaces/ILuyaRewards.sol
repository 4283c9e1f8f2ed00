// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaModule} from "./ILuyaModule.sol";

/// @title Rewards: a catalogue of items, orders that burn points for them, fulfilment by the merchant, refunds
/// @notice An order burns the account's oldest points, takes its units off the item's stock and uses up its nonce in
/// one step. Its terms are those of the item in force at that time and never change afterwards. Its event is its
/// entry's (`ILuyaLedger.EntryAppended`), whose index is its id. Acts are signed (EIP-712, under the ledger's domain)
/// and may be sent by anybody.
interface ILuyaRewards is ILuyaModule {
    // -------------------------------------------------------------------------------------------------------- types

    /// @notice The terms of an item.
    /// @param item its id, not 0
    /// @param organisation the merchant, an active organisation; the same for ever
    /// @param kind 1 good, 2 coupon, 3 public good, 4 honour, 5 policy benefit; the same for ever
    /// @param price millipoints a unit, not 0
    /// @param settlement fen a unit that the operator owes the merchant
    /// @param stock units in open and fulfilled orders at most; 0xFFFFFFFF: no such bound
    /// @param perPerson units in an account's open and fulfilled orders at most; 0: no such bound
    /// @param perDay units ordered on a day at UTC+8 at most; 0: no such bound
    /// @param opens orders are taken from this instant on, unix seconds
    /// @param closes … and before this one
    /// @param fulfilWithin seconds in which the merchant fulfils an order
    /// @param refundWithin seconds in which the resident may take an open order back, the merchant a fulfilled one
    /// @param effective from when these terms hold; at once where it is not later than the block
    /// @param text SHA-256 of the published description
    struct ItemTerms {
        uint32 item;
        uint16 organisation;
        uint8 kind;
        uint64 price;
        uint64 settlement;
        uint32 stock;
        uint16 perPerson;
        uint32 perDay;
        uint64 opens;
        uint64 closes;
        uint32 fulfilWithin;
        uint32 refundWithin;
        uint64 effective;
        bytes32 text;
    }

    /// @notice Order(address account,uint32 item,uint16 quantity,uint64 maxPrice,bytes32 codeHash,uint64 nonce,
    /// uint64 deadline)
    /// @param maxPrice millipoints for all units together
    /// @param codeHash SHA-256 of the 32 bytes that the resident shows the merchant
    /// @param signature by the account's controller, or a session key of it with the scope of orders
    struct OrderAct {
        address account;
        uint32 item;
        uint16 quantity;
        uint64 maxPrice;
        bytes32 codeHash;
        uint64 nonce;
        uint64 deadline;
        bytes signature;
    }

    /// @notice Where an order stands.
    enum OrderState {
        NONE,
        OPEN,
        FULFILLED,
        REFUNDED
    }

    /// @notice Who gives an order's points back: the resident within the window, the merchant, anyone after the
    /// deadline.
    enum Cause {
        NONE,
        RESIDENT,
        MERCHANT,
        UNFULFILLED
    }

    // ------------------------------------------------------------------------------------------------------- events

    /// @notice An item has other terms from `effective` on.
    event ItemSet(uint32 indexed item, uint16 indexed organisation, uint64 price, uint64 effective);
    /// @notice An item is no longer sold.
    event ItemWithdrawn(uint32 indexed item);
    /// @notice The merchant handed over what was ordered.
    event Fulfilled(uint64 indexed order);
    /// @notice The order's points went back, of the vintages they came from.
    event Refunded(uint64 indexed order, Cause cause);
    /// @notice The act at this position of a batch was skipped and changed nothing.
    /// @param reason the error's data
    event ActRefused(uint256 indexed position, bytes reason);

    // ------------------------------------------------------------------------------------------------------- errors

    /// @notice A field of the terms is out of its bounds.
    error LuyaRewardsBadTerms(uint32 item, string field);
    /// @notice An item keeps its organisation and its kind.
    error LuyaRewardsItemFixed(uint32 item, uint16 organisation, uint8 kind);
    /// @notice The organisation is unknown or disabled.
    error LuyaRewardsOrganisationNotActive(uint16 organisation);
    /// @notice The organisation is active: only the catalogue manager withdraws its items.
    error LuyaRewardsOrganisationActive(uint16 organisation);
    /// @notice A higher price, shorter times or another text are announced a day before they hold.
    error LuyaRewardsTooSoon(uint32 item, uint64 effective, uint64 earliest);
    /// @notice There is no such item, it has not begun or it is withdrawn.
    error LuyaRewardsNotForSale(uint32 item);
    /// @notice Orders of the item are taken from `opens` on and before `closes`.
    error LuyaRewardsNotOpen(uint32 item, uint64 opens, uint64 closes);
    /// @notice An order is of one unit or more.
    error LuyaRewardsNoQuantity();
    /// @notice The units cost more than the order allows.
    error LuyaRewardsTooDear(uint32 item, uint256 cost, uint64 maxPrice);
    /// @notice Fewer units are left.
    error LuyaRewardsOutOfStock(uint32 item, uint256 left);
    /// @notice The account may have fewer units yet.
    error LuyaRewardsOverPersonLimit(uint32 item, address account, uint256 left);
    /// @notice Fewer units are left for this day.
    error LuyaRewardsOverDayLimit(uint32 item, uint256 left);
    /// @notice The act's deadline has passed.
    error LuyaRewardsPastDeadline(uint64 deadline);
    /// @notice The signature is malformed, or the signer may not act so for this account or organisation.
    error LuyaRewardsNotAllowed(address signer);
    /// @notice These are not the bytes of the order with this id.
    error LuyaRewardsNotTheOrder(uint64 order);
    /// @notice The order's state does not allow this.
    error LuyaRewardsWrongState(uint64 order, OrderState state);
    /// @notice The code is not the order's.
    error LuyaRewardsWrongCode(uint64 order);
    /// @notice This was possible until then.
    error LuyaRewardsTooLate(uint64 order, uint64 until);
    /// @notice This is possible only after then.
    error LuyaRewardsTooEarly(uint64 order, uint64 until);
    /// @notice A refund has a cause: 1 … 3.
    error LuyaRewardsNoCause();
    /// @notice Too little gas was sent along for the rest of the batch.
    error LuyaRewardsOutOfGas(uint256 position);

    // ---------------------------------------------------------------------------------------------------- catalogue

    /// @notice Sets an item's terms; they replace those that were announced but do not hold yet. A higher price,
    /// shorter times or another text hold a day or more later. Role: catalogue manager.
    function setItem(ItemTerms calldata terms) external;

    /// @notice Takes an item off the catalogue at once. Orders that were taken stay. Role: catalogue manager.
    function withdrawItem(uint32 item) external;

    /// @notice The same by anyone, where the item's organisation is no longer active.
    function withdrawAbandoned(uint32 item) external;

    // ------------------------------------------------------------------------------------------------------- orders

    /// @notice Takes an order.
    function order(OrderAct calldata act) external;

    /// @notice Takes orders one after the other; one that is refused is skipped with `ActRefused`.
    function orderMany(OrderAct[] calldata acts) external;

    /// @notice `orderMany` alone calls this: an order of a batch, whose root is kept at the batch's end.
    function orderInBatch(OrderAct calldata act) external;

    /// @notice Fulfilment(uint64 order,bytes32 code), signed by a merchant of the item's organisation: in time, once.
    /// @param id the order's id
    /// @param entry the order's bytes
    /// @param code what the resident showed
    function fulfil(uint64 id, bytes calldata entry, bytes32 code, bytes calldata signature) external;

    /// @notice Refund(uint64 order,uint8 cause): by the resident while the order is open and within its window; by a
    /// merchant of the item's organisation while it is open, or fulfilled and within the window; by anyone while it is
    /// open and its time to be fulfilled has passed.
    /// @param id the order's id
    /// @param entry the order's bytes
    /// @param signature empty for an order that was not fulfilled in time
    function refund(uint64 id, bytes calldata entry, Cause cause, bytes calldata signature) external;

    // -------------------------------------------------------------------------------------------------------- views

    /// @notice The terms in force, and what was ordered. Price 0: there are none.
    /// @param active whether the item is for sale
    /// @param sold units in open and fulfilled orders
    /// @param soldToday of them ordered on this day
    function itemOf(
        uint32 item
    ) external view returns (ItemTerms memory terms, bool active, uint32 sold, uint32 soldToday);

    /// @notice Terms that were announced and do not hold yet. Price 0: there are none.
    function announcedOf(uint32 item) external view returns (ItemTerms memory terms);

    /// @notice Units in the account's open and fulfilled orders that count for a limit a person.
    function boughtBy(uint32 item, address account) external view returns (uint32);

    /// @notice Where an order stands.
    function orderState(uint64 id) external view returns (OrderState);
}
