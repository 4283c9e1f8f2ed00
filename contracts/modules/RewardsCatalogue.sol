// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
import {ILuyaRewards} from "../interfaces/ILuyaRewards.sol";
import {Calendar} from "../libraries/Calendar.sol";
import {EntryLayout} from "../libraries/EntryLayout.sol";
import {EntryReader} from "../libraries/EntryReader.sol";
import {Module} from "./Module.sol";

/// @title The catalogue: items, the terms in force, those announced, and what of each was ordered
/// @notice An item has room for two versions of its terms: the newest, and the one before it, which is in force until
/// the newest takes effect.
abstract contract RewardsCatalogue is ILuyaRewards, Module {
    using EntryReader for bytes;

    /// @dev Two words, all that an order reads of an item's terms.
    struct Terms {
        uint64 price;
        uint64 settlement;
        uint32 stock;
        uint32 perDay;
        uint16 perPerson;
        uint16 organisation;
        uint8 kind;
        uint8 state;
        uint40 opens;
        uint40 closes;
        uint32 fulfilWithin;
        uint32 refundWithin;
    }

    /// @dev The first word is what an order changes. `effective`: when the newest version takes effect; 0: no item.
    struct Item {
        uint32 sold;
        uint32 soldOnDay;
        uint16 day;
        uint8 newest;
        uint40 effective;
        Terms[2] versions;
        bytes32[2] texts;
    }

    uint8 internal constant ACTIVE = 1;
    uint8 private constant _WITHDRAWN = 2;
    uint8 private constant _LAST_KIND = 5;
    uint32 internal constant UNBOUNDED_STOCK = type(uint32).max;
    /// What is worse for residents is announced so long before it holds.
    uint256 private constant _NOTICE = 1 days;

    mapping(uint32 item => Item) internal _items;

    /// @inheritdoc ILuyaRewards
    function setItem(ItemTerms calldata terms) external restricted {
        _checkTerms(terms);
        if (!_isActive(terms.organisation)) revert LuyaRewardsOrganisationNotActive(terms.organisation);
        Item storage item = _items[terms.item];
        if (item.effective != 0) {
            Terms storage newest = item.versions[item.newest];
            if (terms.organisation != newest.organisation || terms.kind != newest.kind) {
                revert LuyaRewardsItemFixed(terms.item, newest.organisation, newest.kind);
            }
        }
        ItemTerms memory set = terms;
        if (set.effective < block.timestamp) set.effective = uint64(block.timestamp);
        uint256 earliest = block.timestamp + _NOTICE;
        if (set.effective < earliest && _isWorse(item, set)) {
            revert LuyaRewardsTooSoon(set.item, set.effective, uint64(earliest));
        }
        _append(_itemEntry(set, ACTIVE));
    }

    /// @inheritdoc ILuyaRewards
    function withdrawItem(uint32 id) external restricted {
        _withdraw(id);
    }

    /// @inheritdoc ILuyaRewards
    function withdrawAbandoned(uint32 id) external {
        Item storage item = _items[id];
        uint16 organisation = item.versions[item.newest].organisation;
        if (_isActive(organisation)) revert LuyaRewardsOrganisationActive(organisation);
        _withdraw(id);
    }

    /// @inheritdoc ILuyaRewards
    function itemOf(
        uint32 id
    ) external view returns (ItemTerms memory terms, bool active, uint32 sold, uint32 soldToday) {
        Item storage item = _items[id];
        uint256 version = _versionAt(item, block.timestamp);
        if (item.versions[version].state == 0) return (terms, false, 0, 0);
        terms = _termsOf(id, version);
        if (version != item.newest) terms.effective = 0;
        active = item.versions[version].state == ACTIVE;
        soldToday = item.day == Calendar.dayOf(block.timestamp) ? item.soldOnDay : 0;
        return (terms, active, item.sold, soldToday);
    }

    /// @inheritdoc ILuyaRewards
    function announcedOf(uint32 id) external view returns (ItemTerms memory terms) {
        Item storage item = _items[id];
        if (item.effective > block.timestamp) return _termsOf(id, item.newest);
    }

    // ----------------------------------------------------------------------------------------------- for the orders

    /// @dev The version in force at a time; of an item that has not begun by then, one whose state is 0.
    function _versionAt(Item storage item, uint256 time) internal view returns (uint256) {
        return item.effective <= time ? item.newest : 1 - item.newest;
    }

    /// @dev An entry of an item: its terms become the newest, in the place of those that are not, or no longer, needed.
    function _applyItem(bytes memory entry) internal {
        if (entry.length != EntryLayout.ITEM_BYTES) revert LuyaModuleBadLength(entry.length);
        uint32 id = entry.u32(EntryLayout.ITEM_ITEM_AT);
        Item storage item = _items[id];
        uint8 place = item.newest;
        if (item.effective <= entry.u64(EntryLayout.TIME_AT)) place = 1 - place;
        uint64 effective = entry.u64(EntryLayout.ITEM_EFFECTIVE_AT);
        item.newest = place;
        item.effective = uint40(effective);
        item.texts[place] = bytes32(entry.word(EntryLayout.ITEM_TEXT_AT));
        Terms memory terms = Terms({
            price: entry.u64(EntryLayout.ITEM_PRICE_AT),
            settlement: entry.u64(EntryLayout.ITEM_SETTLEMENT_AT),
            stock: entry.u32(EntryLayout.ITEM_STOCK_AT),
            perDay: entry.u32(EntryLayout.ITEM_PER_DAY_AT),
            perPerson: entry.u16(EntryLayout.ITEM_PER_PERSON_AT),
            organisation: entry.u16(EntryLayout.ITEM_ORGANISATION_AT),
            kind: entry.u8(EntryLayout.ITEM_KIND_AT),
            state: entry.u8(EntryLayout.ITEM_STATE_AT),
            opens: uint40(entry.u64(EntryLayout.ITEM_OPENS_AT)),
            closes: uint40(entry.u64(EntryLayout.ITEM_CLOSES_AT)),
            fulfilWithin: entry.u32(EntryLayout.ITEM_FULFIL_WITHIN_AT),
            refundWithin: entry.u32(EntryLayout.ITEM_REFUND_WITHIN_AT)
        });
        item.versions[place] = terms;
        if (terms.state == ACTIVE) emit ItemSet(id, terms.organisation, terms.price, effective);
        else emit ItemWithdrawn(id);
    }

    // ------------------------------------------------------------------------------------------------------- private

    function _withdraw(uint32 id) private {
        Item storage item = _items[id];
        uint256 version = _versionAt(item, block.timestamp);
        bool announced = item.effective > block.timestamp;
        // Of an item that has not begun, the announced terms are withdrawn.
        if (announced && item.versions[version].state == 0) version = item.newest;
        if (item.versions[version].state != ACTIVE && !announced) revert LuyaRewardsNotForSale(id);
        ItemTerms memory terms = _termsOf(id, version);
        terms.effective = uint64(block.timestamp);
        _append(_itemEntry(terms, _WITHDRAWN));
    }

    function _isActive(uint16 organisation) private view returns (bool) {
        (, uint8 state) = ILuyaLaw(_ledger.module(EntryLayout.ORGANISATION)).organisation(organisation);
        return state == ACTIVE;
    }

    /// @dev Whether these terms are worse for residents than those in force: dearer, shorter, or for something else.
    function _isWorse(Item storage item, ItemTerms memory terms) private view returns (bool) {
        uint256 version = _versionAt(item, block.timestamp);
        Terms memory old = item.versions[version];
        if (old.state == 0) return false;
        return
            terms.price > old.price ||
            terms.opens > old.opens ||
            terms.closes < old.closes ||
            terms.fulfilWithin < old.fulfilWithin ||
            terms.refundWithin < old.refundWithin ||
            terms.text != item.texts[version];
    }

    function _checkTerms(ItemTerms calldata terms) private pure {
        string memory wrong = "";
        if (terms.item == 0) wrong = "item";
        else if (terms.kind == 0 || terms.kind > _LAST_KIND) wrong = "kind";
        else if (terms.price == 0) wrong = "price";
        else if (terms.opens >= terms.closes) wrong = "opens";
        else if (terms.closes > type(uint40).max) wrong = "closes";
        else if (terms.effective > type(uint40).max) wrong = "effective";
        else if (terms.fulfilWithin == 0) wrong = "fulfilWithin";
        else if (terms.text == 0) wrong = "text";
        if (bytes(wrong).length != 0) revert LuyaRewardsBadTerms(terms.item, wrong);
    }

    function _termsOf(uint32 id, uint256 version) private view returns (ItemTerms memory) {
        Item storage item = _items[id];
        Terms memory terms = item.versions[version];
        return
            ItemTerms({
                item: id,
                organisation: terms.organisation,
                kind: terms.kind,
                price: terms.price,
                settlement: terms.settlement,
                stock: terms.stock,
                perPerson: terms.perPerson,
                perDay: terms.perDay,
                opens: terms.opens,
                closes: terms.closes,
                fulfilWithin: terms.fulfilWithin,
                refundWithin: terms.refundWithin,
                effective: item.effective,
                text: item.texts[version]
            });
    }

    function _itemEntry(ItemTerms memory terms, uint8 state) private view returns (bytes memory) {
        bytes memory front = abi.encodePacked(
            _header(EntryLayout.ITEM),
            terms.item,
            terms.organisation,
            terms.kind,
            terms.price,
            terms.settlement,
            terms.stock,
            terms.perPerson,
            terms.perDay
        );
        return
            abi.encodePacked(
                front,
                terms.opens,
                terms.closes,
                terms.fulfilWithin,
                terms.refundWithin,
                terms.effective,
                terms.text,
                state
            );
    }
}
