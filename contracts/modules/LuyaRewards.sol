// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaAgents} from "../interfaces/ILuyaAgents.sol";
import {ILuyaControllers} from "../interfaces/ILuyaControllers.sol";
import {ILuyaModule} from "../interfaces/ILuyaModule.sol";
import {ILuyaRewards} from "../interfaces/ILuyaRewards.sol";
import {AgentRoles} from "../libraries/AgentRoles.sol";
import {Calendar} from "../libraries/Calendar.sol";
import {EntryLayout} from "../libraries/EntryLayout.sol";
import {EntryReader} from "../libraries/EntryReader.sol";
import {HeldParts} from "../libraries/HeldParts.sol";
import {Moves} from "../libraries/Moves.sol";
import {Scopes} from "../libraries/Scopes.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Module} from "./Module.sol";
import {RewardsCatalogue} from "./RewardsCatalogue.sol";

/// @title Orders: points for items, handed over once or given back once
contract LuyaRewards is RewardsCatalogue {
    using EntryReader for bytes;

    bytes32 private constant _ORDER_TYPE = keccak256(
        "Order(address account,uint32 item,uint16 quantity,uint64 maxPrice,"
        "bytes32 codeHash,uint64 nonce,uint64 deadline)"
    );
    bytes32 private constant _FULFILMENT_TYPE = keccak256("Fulfilment(uint64 order,bytes32 code)");
    bytes32 private constant _REFUND_TYPE = keccak256("Refund(uint64 order,uint8 cause)");

    // An order's word: state (bits 0–6), whether it counts for a limit a person (7), item (8–39), quantity (40–55), day
    // (56–71), and above them the upper 184 bits of the keccak-256 of its entry.
    uint256 private constant _STATE = 0x7f;
    uint256 private constant _COUNTED = 0x80;
    uint256 private constant _ITEM_SHIFT = 8;
    uint256 private constant _QUANTITY_SHIFT = 40;
    uint256 private constant _DAY_SHIFT = 56;
    uint256 private constant _MARK_SHIFT = 72;

    mapping(uint64 index => uint256 word) private _orders;
    mapping(uint32 item => mapping(address account => uint32 units)) private _bought;

    /// @param authority_ the AccessManager
    /// @param ledger_ the ledger whose module this becomes
    constructor(address authority_, address ledger_) Module(authority_, ledger_) {}

    // -------------------------------------------------------------------------------------------------------- orders

    /// @inheritdoc ILuyaRewards
    function order(OrderAct calldata act) external {
        _append(_orderEntry(act));
    }

    /// @inheritdoc ILuyaRewards
    function orderMany(OrderAct[] calldata acts) external {
        for (uint256 i = 0; i < acts.length; ++i) {
            // A call of its own, so that all of a refused order is undone.
            // solhint-disable-next-line no-empty-blocks
            try this.orderInBatch(acts[i]) {} catch (bytes memory reason) {
                // Every refusal has a reason: without one the gas ran out, which is no order's fault.
                if (reason.length == 0) revert LuyaRewardsOutOfGas(i);
                emit ActRefused(i, reason);
            }
        }
        _closeLog();
    }

    /// @inheritdoc ILuyaRewards
    function orderInBatch(OrderAct calldata act) external {
        if (msg.sender != address(this)) revert LuyaRewardsNotAllowed(msg.sender);
        _appendOpen(_orderEntry(act));
    }

    /// @inheritdoc ILuyaRewards
    function fulfil(uint64 id, bytes calldata entry_, bytes32 code, bytes calldata signature) external {
        bytes memory entry = entry_;
        _expect(id, entry, OrderState.OPEN);
        uint64 fulfilBy = entry.u64(EntryLayout.ORDER_FULFIL_BY_AT);
        if (block.timestamp > fulfilBy) revert LuyaRewardsTooLate(id, fulfilBy);
        if (sha256(bytes.concat(code)) != bytes32(entry.word(EntryLayout.ORDER_CODE_HASH_AT))) {
            revert LuyaRewardsWrongCode(id);
        }
        address signer = _signerOf(keccak256(abi.encode(_FULFILMENT_TYPE, id, code)), signature);
        _requireMerchant(signer, id);
        _append(abi.encodePacked(_header(EntryLayout.FULFILMENT), id, code, signer, signature));
    }

    /// @inheritdoc ILuyaRewards
    function refund(uint64 id, bytes calldata entry_, Cause cause, bytes calldata signature) external {
        bytes memory entry = entry_;
        OrderState state = _stateOf(id, entry);
        address account = entry.addr(EntryLayout.ORDER_ACCOUNT_AT);
        address signer = address(0);
        bytes memory signed = new bytes(Signatures.BYTES);
        if (cause == Cause.UNFULFILLED) {
            _require(id, state, OrderState.OPEN);
            uint64 fulfilBy = entry.u64(EntryLayout.ORDER_FULFIL_BY_AT);
            if (block.timestamp <= fulfilBy) revert LuyaRewardsTooEarly(id, fulfilBy);
        } else if (cause == Cause.NONE) {
            revert LuyaRewardsNoCause();
        } else {
            signer = _signerOf(keccak256(abi.encode(_REFUND_TYPE, id, cause)), signature);
            signed = signature;
            bool byMerchant = cause == Cause.MERCHANT;
            if (byMerchant) _requireMerchant(signer, id);
            else _requireResident(signer, account);
            if (!byMerchant || state != OrderState.OPEN) {
                // What was handed over may be brought back: the merchant says so.
                _require(id, state, byMerchant ? OrderState.FULFILLED : OrderState.OPEN);
                uint64 until = entry.u64(EntryLayout.ORDER_REFUND_UNTIL_AT);
                if (block.timestamp >= until) revert LuyaRewardsTooLate(id, until);
            }
        }
        _append(
            bytes.concat(
                abi.encodePacked(_header(EntryLayout.REFUND), id, account, cause),
                entry_[EntryLayout.ORDER_PARTS_COUNT_AT:entry_.length - EntryLayout.ORDER_TAIL_BYTES],
                abi.encodePacked(signer, signed)
            )
        );
    }

    // ------------------------------------------------------------------------------------------------------- entries

    /// @inheritdoc ILuyaModule
    function applyEntry(uint64 index, bytes calldata entry_) external onlyLedger returns (uint256[] memory postings) {
        bytes memory entry = entry_;
        uint8 entryType = entry.u8(EntryLayout.TYPE_AT);
        if (entryType == EntryLayout.ORDER) return _applyOrder(index, entry);
        if (entryType == EntryLayout.FULFILMENT) _applyFulfilment(entry);
        else if (entryType == EntryLayout.REFUND) return _applyRefund(entry);
        else if (entryType == EntryLayout.ITEM) _applyItem(entry);
        else revert LuyaModuleWrongType(entryType);
    }

    function _applyOrder(uint64 index, bytes memory entry) private returns (uint256[] memory) {
        uint256 tail = HeldParts.end(entry, EntryLayout.ORDER_PARTS_COUNT_AT);
        if (entry.length != tail + EntryLayout.ORDER_TAIL_BYTES) revert LuyaModuleBadLength(entry.length);
        address account = entry.addr(EntryLayout.ORDER_ACCOUNT_AT);
        uint32 id = entry.u32(EntryLayout.ORDER_ITEM_AT);
        uint16 quantity = entry.u16(EntryLayout.ORDER_QUANTITY_AT);
        uint64 time = entry.u64(EntryLayout.TIME_AT);
        uint16 day = uint16(Calendar.dayOf(time));

        Item storage item = _items[id];
        item.sold += quantity;
        item.soldOnDay = item.day == day ? item.soldOnDay + quantity : quantity;
        item.day = day;
        uint256 word = uint8(OrderState.OPEN);
        if (item.versions[_versionAt(item, time)].perPerson != 0) {
            _bought[id][account] += quantity;
            word |= _COUNTED;
        }
        word |= (uint256(id) << _ITEM_SHIFT) | (uint256(quantity) << _QUANTITY_SHIFT) | (uint256(day) << _DAY_SHIFT);
        _orders[index] = word | (_mark(entry) << _MARK_SHIFT);

        ILuyaControllers(_ledger.module(EntryLayout.CONTROLLER)).use(
            EntryLayout.ORDER,
            account,
            entry.addr(tail + EntryLayout.ORDER_TAIL_SIGNER_AT),
            entry.u64(tail + EntryLayout.ORDER_TAIL_NONCE_AT),
            Scopes.ORDERS,
            entry.u64(EntryLayout.ORDER_PRICE_AT) * quantity,
            time
        );
        return HeldParts.postings(entry, EntryLayout.ORDER_PARTS_COUNT_AT, Moves.REDEEM, Moves.MILLIPOINTS, account);
    }

    function _applyFulfilment(bytes memory entry) private {
        if (entry.length != EntryLayout.FULFILMENT_BYTES) revert LuyaModuleBadLength(entry.length);
        uint64 id = entry.u64(EntryLayout.FULFILMENT_ORDER_ID_AT);
        _orders[id] = (_orders[id] & ~_STATE) | uint8(OrderState.FULFILLED);
        emit Fulfilled(id);
    }

    /// @dev The order's units are free again, for everybody and for the account.
    function _applyRefund(bytes memory entry) private returns (uint256[] memory) {
        uint256 tail = HeldParts.end(entry, EntryLayout.REFUND_PARTS_COUNT_AT);
        if (entry.length != tail + EntryLayout.REFUND_TAIL_BYTES) revert LuyaModuleBadLength(entry.length);
        uint64 id = entry.u64(EntryLayout.REFUND_ORDER_ID_AT);
        address account = entry.addr(EntryLayout.REFUND_ACCOUNT_AT);
        uint256 word = _orders[id];
        _orders[id] = (word & ~_STATE) | uint8(OrderState.REFUNDED);

        uint16 quantity = uint16(word >> _QUANTITY_SHIFT);
        Item storage item = _items[uint32(word >> _ITEM_SHIFT)];
        item.sold -= quantity;
        if (item.day == uint16(word >> _DAY_SHIFT)) item.soldOnDay -= quantity;
        if (word & _COUNTED != 0) _bought[uint32(word >> _ITEM_SHIFT)][account] -= quantity;
        emit Refunded(id, Cause(entry.u8(EntryLayout.REFUND_CAUSE_AT)));
        return HeldParts.postings(entry, EntryLayout.REFUND_PARTS_COUNT_AT, Moves.REFUND, Moves.MILLIPOINTS, account);
    }

    // --------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ILuyaRewards
    function boughtBy(uint32 item, address account) external view returns (uint32) {
        return _bought[item][account];
    }

    /// @inheritdoc ILuyaRewards
    function orderState(uint64 id) external view returns (OrderState) {
        return OrderState(_orders[id] & _STATE);
    }

    // ------------------------------------------------------------------------------------------------------- private

    function _orderEntry(OrderAct calldata act) private view returns (bytes memory) {
        if (block.timestamp > act.deadline) revert LuyaRewardsPastDeadline(act.deadline);
        Terms memory terms = _termsFor(act);
        return
            bytes.concat(
                _orderFront(act, terms),
                HeldParts.oldestFirst(_ledger, act.account, Moves.MILLIPOINTS, uint256(terms.price) * act.quantity),
                _residentTail(act)
            );
    }

    /// @dev The item's terms, where it may be ordered so now.
    function _termsFor(OrderAct calldata act) private view returns (Terms memory terms) {
        uint32 id = act.item;
        uint256 quantity = act.quantity;
        Item storage item = _items[id];
        terms = item.versions[_versionAt(item, block.timestamp)];
        if (terms.state != ACTIVE) revert LuyaRewardsNotForSale(id);
        if (block.timestamp < terms.opens || block.timestamp >= terms.closes) {
            revert LuyaRewardsNotOpen(id, terms.opens, terms.closes);
        }
        if (quantity == 0) revert LuyaRewardsNoQuantity();
        uint256 cost = terms.price * quantity;
        if (cost > act.maxPrice) revert LuyaRewardsTooDear(id, cost, act.maxPrice);
        if (terms.stock != UNBOUNDED_STOCK) {
            uint256 left = _left(terms.stock, item.sold);
            if (quantity > left) revert LuyaRewardsOutOfStock(id, left);
        }
        if (terms.perDay != 0) {
            bool today = item.day == Calendar.dayOf(block.timestamp);
            uint256 left = _left(terms.perDay, today ? item.soldOnDay : 0);
            if (quantity > left) revert LuyaRewardsOverDayLimit(id, left);
        }
        if (terms.perPerson != 0) {
            uint256 left = _left(terms.perPerson, _bought[id][act.account]);
            if (quantity > left) revert LuyaRewardsOverPersonLimit(id, act.account, left);
        }
    }

    /// @dev What is left of a limit that may have been lowered below what was used.
    function _left(uint256 limit, uint256 used) private pure returns (uint256) {
        return used < limit ? limit - used : 0;
    }

    function _orderFront(OrderAct calldata act, Terms memory terms) private view returns (bytes memory) {
        return
            abi.encodePacked(
                _header(EntryLayout.ORDER),
                act.account,
                act.item,
                act.quantity,
                terms.price,
                terms.settlement,
                act.codeHash,
                uint64(block.timestamp + terms.fulfilWithin),
                // Without a window it was closed from the beginning.
                uint64(block.timestamp + terms.refundWithin),
                act.maxPrice
            );
    }

    function _residentTail(OrderAct calldata act) private view returns (bytes memory) {
        bytes32 structHash = keccak256(
            abi.encode(
                _ORDER_TYPE,
                act.account,
                act.item,
                act.quantity,
                act.maxPrice,
                act.codeHash,
                act.nonce,
                act.deadline
            )
        );
        address signer = _signerOf(structHash, act.signature);
        return abi.encodePacked(signer, act.nonce, act.deadline, act.signature);
    }

    /// @dev Who signed an act. Whether that key may act is asked by the caller: of the agents, or, when an order is
    /// applied, of the controllers, who refuse a key that may not.
    function _signerOf(bytes32 structHash, bytes calldata signature) private view returns (address signer) {
        if (signature.length == Signatures.BYTES) signer = Signatures.recover(_digest(structHash), signature);
        if (signer == address(0)) revert LuyaRewardsNotAllowed(signer);
    }

    function _requireMerchant(address signer, uint64 id) private view {
        Item storage item = _items[uint32(_orders[id] >> _ITEM_SHIFT)];
        uint16 organisation = item.versions[item.newest].organisation;
        (uint16 own, uint8 role, bool active) = ILuyaAgents(_ledger.module(EntryLayout.AGENT)).agentOf(signer);
        if (!active || role != AgentRoles.MERCHANT || own != organisation) revert LuyaRewardsNotAllowed(signer);
    }

    function _requireResident(address signer, address account) private view {
        ILuyaControllers controllers = ILuyaControllers(_ledger.module(EntryLayout.CONTROLLER));
        (address key, , ) = controllers.controllerOf(account);
        if (signer == key) return;
        (, , uint16 scopes, , bool live) = controllers.sessionKey(account, signer);
        if (!live || scopes & Scopes.ORDERS == 0) revert LuyaRewardsNotAllowed(signer);
    }

    /// @dev Checks that the bytes are the order's. Their length is right, as it was when the order was applied.
    function _stateOf(uint64 id, bytes memory entry) private view returns (OrderState) {
        uint256 word = _orders[id];
        if (word == 0 || word >> _MARK_SHIFT != _mark(entry)) revert LuyaRewardsNotTheOrder(id);
        return OrderState(word & _STATE);
    }

    function _expect(uint64 id, bytes memory entry, OrderState wanted) private view {
        _require(id, _stateOf(id, entry), wanted);
    }

    function _require(uint64 id, OrderState state, OrderState wanted) private pure {
        if (state != wanted) revert LuyaRewardsWrongState(id, state);
    }

    function _mark(bytes memory entry) private pure returns (uint256) {
        return uint256(keccak256(entry)) >> _MARK_SHIFT;
    }
}
